//! Which market of a venue an asset's prices come from, and the way back.
//!
//! An asset has one name everywhere (BTC), a venue its own for each market (BTCUSDT, BTC-USD, BTC/USD). The settings may say
//! it; otherwise the venue's list of instruments does, and where there is none the name is put together from the asset
//! and the currency its prices are in.

use std::collections::{BTreeMap, HashMap};

use silverbullet_market::AssetId;

use super::instruments::{Instrument, Market, market};
use super::settings::refuse;
use super::venue::Venue;
use crate::error::Result;

/// No name of an asset or a currency is longer.
const LONGEST: usize = 20;

/// The markets of some assets at one venue.
#[derive(Debug, Clone)]
pub(crate) struct Symbols {
    /// One an asset.
    names: Vec<String>,
    /// Names of the assets, and whether the list is not needed: the settings say what their markets are called, or that
    /// they have none here.
    wanted: Vec<(String, bool)>,
    /// Whether an asset has no market here.
    missing: Vec<bool>,
    /// The currency that prices are in.
    quote: String,
    assets: HashMap<Box<str>, AssetId>,
    /// The asset looked for last: in a burst the next one is the same.
    last: AssetId,
}

impl Symbols {
    /// For `assets` against `quote`; `others` gives the names of markets that are not put together as the venue usually does.
    /// Only the assets that are `here` have a market at this venue.
    ///
    /// # Errors
    /// No asset, one that has no such market, two with the same, or another name for one that is not there.
    pub(crate) fn new(
        venue: &dyn Venue,
        assets: &[String],
        here: &[bool],
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
        let first = here.iter().position(|&here| here).unwrap_or_default();
        let mut symbols = Self {
            names: Vec::new(),
            wanted: Vec::new(),
            missing: here.iter().map(|here| !here).collect(),
            quote: quote.to_ascii_uppercase(),
            assets: HashMap::new(),
            last: AssetId(u32::try_from(first).unwrap_or_default()),
        };
        for ((asset, &here), id) in assets.iter().zip(here).zip(0..) {
            let symbol = match others.get(asset) {
                _ if !here => String::new(),
                Some(symbol) => own_name(asset, symbol)?,
                None => put_together(venue, asset, quote)?,
            };
            if here && symbols.assets.insert(symbol.as_str().into(), AssetId(id)).is_some() {
                let problem = format!("{asset:?} is {symbol} at {}, and so is another asset", venue.name());
                return refuse("exchange.assets", problem);
            }
            symbols.names.push(symbol);
            // What is not here is not looked for.
            symbols.wanted.push((asset.clone(), !here || others.contains_key(asset)));
        }
        Ok(symbols)
    }

    /// The same with the names that the venue's list has, where the settings name none; and a line for each asset without
    /// a market.
    pub(crate) fn listed(mut self, list: &[Instrument]) -> (Self, Vec<String>) {
        let mut lines = Vec::new();
        self.assets.retain(|_, asset| self.wanted[asset.index()].1);
        for (place, (asset, _)) in self.wanted.iter().enumerate().filter(|(_, (_, is_said))| !is_said) {
            let id = AssetId(u32::try_from(place).unwrap_or(u32::MAX));
            let found = match market(list, &asset.to_ascii_uppercase(), &self.quote) {
                Market::Named(name) if self.assets.contains_key(name) => {
                    Err(format!("{asset} is {name}, and so is another asset; leave one of them out"))
                }
                Market::Named(name) => Ok(name),
                Market::Missing(line) => Err(line),
            };
            self.missing[place] = found.is_err();
            match found {
                Ok(name) => {
                    self.assets.insert(name.into(), id);
                    name.clone_into(&mut self.names[place]);
                }
                Err(line) => lines.push(line),
            }
        }
        (self, lines)
    }

    /// Whether no list is needed.
    pub(crate) fn are_said(&self) -> bool {
        self.wanted.iter().all(|&(_, is_said)| is_said)
    }

    /// The names to ask for: those of the assets that have a market.
    pub(crate) fn asked_for(&self) -> Vec<String> {
        let known = self.names.iter().zip(&self.missing).filter(|&(_, &missing)| !missing);
        known.map(|(name, _)| name.clone()).collect()
    }

    /// Names of the assets.
    pub(crate) fn wanted(&self) -> impl Iterator<Item = &str> {
        self.wanted.iter().map(|(asset, _)| asset.as_str())
    }

    /// The currency that prices are in.
    pub(crate) fn quote(&self) -> &str {
        &self.quote
    }

    /// What the venue calls the market of each asset; empty of one that has none here.
    pub(crate) fn markets(&self) -> impl Iterator<Item = &str> {
        self.names.iter().zip(&self.missing).map(|(name, &missing)| if missing { "" } else { name })
    }

    /// The venue's names, one an asset; empty of one that is of another venue.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::{NAMES, named};

    fn symbols(venue: &str, assets: &[&str], quote: &str, others: &[(&str, &str)]) -> Result<Symbols> {
        let assets: Vec<String> = assets.iter().map(|&asset| asset.to_owned()).collect();
        let others = others.iter().map(|&(asset, symbol)| (asset.to_owned(), symbol.to_owned())).collect();
        Symbols::new(&*named(venue).unwrap(), &assets, &vec![true; assets.len()], quote, &others)
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

    #[test]
    fn a_list_names_markets_and_the_settings_come_first() {
        let list: Vec<Instrument> =
            [("BTC", "USDT", "BTC_X"), ("ETH", "USDT", "ETH_X"), ("SOL", "EUR", "SOL_E")]
                .map(|(asset, quote, symbol)| Instrument {
                    asset: asset.into(),
                    quote: quote.into(),
                    symbol: symbol.into(),
                })
                .into();
        let before = symbols("binance", &["btc", "ETH", "SOL", "FOO"], "usdt", &[("ETH", "OTHER")]).unwrap();
        let (mut symbols, lines) = before.listed(&list);
        assert_eq!(symbols.asked_for(), ["BTC_X", "OTHER"]);
        assert_eq!([symbols.asset("OTHER"), symbols.asset("BTC_X")], [Some(AssetId(1)), Some(AssetId(0))]);
        assert_eq!([symbols.asset("BTCUSDT"), symbols.asset("SOLUSDT")], [None; 2]);
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[0].contains("SOL is not traded in USDT, but in EUR"), "{lines:?}");
        assert!(lines[1].contains("FOO is not traded"), "{lines:?}");
    }

    #[test]
    fn assets_of_another_venue_keep_their_places_and_are_not_asked_for() {
        let assets = ["BTC", "ETH", "USDT"].map(str::to_owned);
        let here = [false, true, false];
        let venue = named("okx").unwrap();
        let mut symbols = Symbols::new(&*venue, &assets, &here, "USDT", &BTreeMap::new()).unwrap();
        assert_eq!(symbols.asked_for(), ["ETH-USDT"]);
        assert_eq!([symbols.asset("ETH-USDT"), symbols.asset("BTC-USDT")], [Some(AssetId(1)), None]);
        assert_eq!(symbols.asset(""), None);
        // What is not here is not missed.
        let (symbols, lines) = symbols.listed(&[]);
        assert_eq!((symbols.asked_for().len(), lines.len()), (0, 1));
    }

    #[test]
    fn a_market_that_the_settings_have_given_to_another_asset_is_not_given_twice() {
        let list = [Instrument { asset: "BTC".into(), quote: "USDT".into(), symbol: "OTHER".into() }];
        let (symbols, lines) =
            symbols("binance", &["BTC", "ETH"], "USDT", &[("ETH", "OTHER")]).unwrap().listed(&list);
        assert_eq!(symbols.asked_for(), ["OTHER"]);
        assert!(lines[0].contains("BTC is OTHER, and so is another asset"), "{lines:?}");
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
