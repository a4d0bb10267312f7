//! Which market of a venue an asset's prices come from, and the way back.
//!
//! An asset has one name everywhere (BTC), a venue its own for each market (BTCUSDT, BTC-USD, BTC/USD). The name of a market
//! is put together from the asset and the currency its prices are in; where a venue calls it something else, the
//! settings say so.

use std::collections::{BTreeMap, HashMap};

use silverbullet_market::AssetId;

use super::venue::Venue;
use crate::error::{FeedError, Result};

/// No name of an asset or a currency is longer.
const LONGEST: usize = 20;

/// The markets of some assets at one venue.
#[derive(Debug, Clone)]
pub(crate) struct Symbols {
    /// One an asset.
    names: Vec<String>,
    assets: HashMap<Box<str>, AssetId>,
    /// The asset looked for last: in a burst the next one is the same.
    last: AssetId,
}

impl Symbols {
    /// For `assets` against `quote`; `others` gives the names of markets that are not put together as the venue usually does.
    ///
    /// # Errors
    /// No asset, one that has no such market, two with the same, or another name for one that is not there.
    pub(crate) fn new(
        venue: &dyn Venue,
        assets: &[String],
        quote: &str,
        others: &BTreeMap<String, String>,
    ) -> Result<Self> {
        if assets.is_empty() {
            return refuse(
                "exchange.assets",
                "name the assets of the universe, as in assets = [\"BTC\", \"ETH\"]",
            );
        }
        if let Some(stray) = others.keys().find(|asset| !assets.contains(asset)) {
            return refuse("exchange.symbols", format!("{stray:?} is not one of the assets; leave it out"));
        }
        let mut symbols = Self { names: Vec::new(), assets: HashMap::new(), last: AssetId(0) };
        for (asset, id) in assets.iter().zip(0..) {
            let symbol = match others.get(asset) {
                Some(symbol) => own_name(asset, symbol)?,
                None => put_together(venue, asset, quote)?,
            };
            if symbols.assets.insert(symbol.as_str().into(), AssetId(id)).is_some() {
                let problem = format!("{asset:?} is {symbol} at {}, and so is another asset", venue.name());
                return refuse("exchange.assets", problem);
            }
            symbols.names.push(symbol);
        }
        Ok(symbols)
    }

    /// The venue's names, one an asset.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// Whose prices come under this name.
    #[inline]
    pub(crate) fn asset(&mut self, symbol: &str) -> Option<AssetId> {
        if self.names[self.last.index()] != symbol {
            self.last = *self.assets.get(symbol)?;
        }
        Some(self.last)
    }
}

fn put_together(venue: &dyn Venue, asset: &str, quote: &str) -> Result<String> {
    let is_name = |name: &str| {
        (1..=LONGEST).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    if !is_name(quote) {
        return refuse("exchange.quote", format!("{quote:?} is no currency, as {} is", venue.quote()));
    }
    let own = format!("; say what {} calls it: symbols.{asset} = \"…\"", venue.name());
    if !is_name(asset) {
        return refuse(
            "exchange.assets",
            format!("{asset:?} is no name of a market's asset, as BTC is{own}"),
        );
    }
    let (asset, quote) = (asset.to_ascii_uppercase(), quote.to_ascii_uppercase());
    if asset == quote {
        return refuse("exchange.assets", format!("there is no market of {asset} against itself{own}"));
    }
    Ok(venue.symbol(&asset, &quote))
}

fn own_name(asset: &str, symbol: &str) -> Result<String> {
    if symbol.is_empty() || symbol.len() > 4 * LONGEST || symbol.chars().any(char::is_control) {
        return refuse("exchange.symbols", format!("{asset} = {symbol:?} is no name of a market"));
    }
    Ok(symbol.to_owned())
}

fn refuse<T>(name: &'static str, problem: impl Into<String>) -> Result<T> {
    Err(FeedError::Setting { name, problem: problem.into() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::{NAMES, named};

    fn symbols(venue: &str, assets: &[&str], quote: &str, others: &[(&str, &str)]) -> Result<Symbols> {
        let assets: Vec<String> = assets.iter().map(|&asset| asset.to_owned()).collect();
        let others = others.iter().map(|&(asset, symbol)| (asset.to_owned(), symbol.to_owned())).collect();
        Symbols::new(&*named(venue).unwrap(), &assets, quote, &others)
    }

    #[test]
    fn each_venue_has_its_own_names_and_each_finds_its_asset_again() {
        let names = NAMES.map(|venue| {
            let quote = named(venue).unwrap().quote();
            let mut symbols = symbols(venue, &["ETH", "btc"], quote, &[]).unwrap();
            for (name, id) in symbols.names().to_vec().iter().zip(0..) {
                assert_eq!(symbols.asset(name), Some(AssetId(id)));
            }
            assert_eq!(symbols.asset("DOGE"), None);
            symbols.names()[1].clone()
        });
        let expected = ["BTCUSDT", "BTCUSDT", "BTC-USD", "BTC-USD", "BTC/USD", "BTC-USDT", "BTCUSDT"];
        assert_eq!(names, expected.map(str::to_owned));
    }

    #[test]
    fn a_market_may_have_another_name() {
        let mut symbols = symbols("kraken", &["BTC", "USDT"], "EUR", &[("BTC", "XBT/EUR")]).unwrap();
        assert_eq!(symbols.names(), ["XBT/EUR", "USDT/EUR"]);
        assert_eq!(symbols.asset("XBT/EUR"), Some(AssetId(0)));
    }

    /// Assets, quote currency, other names; what is said of them.
    type Case =
        (&'static [&'static str], &'static str, &'static [(&'static str, &'static str)], &'static str);

    #[test]
    fn what_is_no_market_is_refused_in_one_line() {
        let cases: [Case; 9] = [
            (&[], "USDT", &[], "exchange.assets: name the assets"),
            (&["BTC", "USDT"], "USDT", &[], "no market of USDT against itself"),
            (&["BTC-PERP"], "USDT", &[], "symbols.BTC-PERP"),
            (&[""], "USDT", &[], "is no name of a market's asset"),
            (&["ABCDEFGHIJKLMNOPQRSTU"], "USDT", &[], "is no name of a market's asset"),
            (&["BTC", "btc"], "USDT", &[], "and so is another asset"),
            (&["BTC"], "US$", &[], "exchange.quote: \"US$\" is no currency, as USDT is"),
            (&["BTC"], "USDT", &[("ETH", "ETHUSDT")], "exchange.symbols: \"ETH\" is not one of the assets"),
            (&["BTC"], "USDT", &[("BTC", "")], "exchange.symbols: BTC = \"\" is no name"),
        ];
        for (assets, quote, others, expected) in cases {
            let message = symbols("binance", assets, quote, others).unwrap_err().to_string();
            assert!(message.contains(expected) && !message.contains('\n'), "{message}");
        }
    }
}
