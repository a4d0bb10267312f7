//! Which spot markets a venue has, and which of them the assets' prices come from.
//!
//! A venue's public list of instruments says what it calls each market. It is looked at once, when a source starts to
//! run; what it does not say is told in one line an asset, and the others go on.

pub(crate) mod fetch;
pub(crate) mod lists;

use std::collections::BTreeSet;

use strsim::levenshtein;

/// Names up to so many letters away are taken for typing errors.
const NEAR: usize = 1;
/// Names and currencies told in one line.
const MOST_NAMES: usize = 8;

/// A spot market that can be traded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instrument {
    /// What is traded, as BTC.
    pub asset: String,
    /// The currency that prices are in.
    pub quote: String,
    /// The venue's name of the market.
    pub symbol: String,
}

/// What a list says of an asset in a currency.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Market<'a> {
    /// Its name.
    Named(&'a str),
    /// There is none, for this reason and with this remedy.
    Missing(String),
}

/// Looks for the market of `asset` against `quote`, both in capitals.
pub(crate) fn market<'a>(list: &'a [Instrument], asset: &str, quote: &str) -> Market<'a> {
    let mut of_asset = list.iter().filter(|instrument| instrument.asset.eq_ignore_ascii_case(asset));
    let in_quote = of_asset.clone().find(|instrument| instrument.quote.eq_ignore_ascii_case(quote));
    if let Some(found) = in_quote {
        return Market::Named(&found.symbol);
    }
    if of_asset.next().is_some() {
        let quotes: BTreeSet<&str> = list
            .iter()
            .filter(|instrument| instrument.asset.eq_ignore_ascii_case(asset))
            .map(|instrument| instrument.quote.as_str())
            .collect();
        let quotes = shown(quotes.into_iter());
        return Market::Missing(format!(
            "{asset} is not traded in {quote}, but in {quotes}; set exchange.quote, or leave it out"
        ));
    }
    let near: BTreeSet<&str> = list
        .iter()
        .filter(|instrument| instrument.quote.eq_ignore_ascii_case(quote))
        .map(|instrument| instrument.asset.as_str())
        .filter(|name| levenshtein(&name.to_ascii_uppercase(), asset) <= NEAR)
        .collect();
    Market::Missing(if near.is_empty() {
        format!("{asset} is not traded, in no currency; check the name, or leave it out")
    } else {
        format!("{asset} is not traded; near names are {}", shown(near.into_iter()))
    })
}

/// The first of some names; the others are counted.
fn shown<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut names: Vec<&str> = names.collect();
    let more = names.len().saturating_sub(MOST_NAMES);
    names.truncate(MOST_NAMES);
    let names = names.join(", ");
    if more > 0 { format!("{names} and {more} more") } else { names }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instrument(asset: &str, quote: &str) -> Instrument {
        Instrument { asset: asset.into(), quote: quote.into(), symbol: format!("{asset}_{quote}") }
    }

    fn missing(market: Market<'_>) -> String {
        match market {
            Market::Missing(words) => words,
            Market::Named(name) => panic!("{name}"),
        }
    }

    #[test]
    fn a_market_is_found_by_asset_and_currency() {
        let list = [instrument("BTC", "EUR"), instrument("BTC", "USD"), instrument("ETH", "USD")];
        assert_eq!(market(&list, "BTC", "USD"), Market::Named("BTC_USD"));
        assert_eq!(market(&list, "BTC", "EUR"), Market::Named("BTC_EUR"));
    }

    #[test]
    fn what_is_missing_is_told_with_what_there_is() {
        let list = [
            instrument("BTC", "USD"),
            instrument("BTC", "EUR"),
            instrument("BTC", "EUR"),
            instrument("ETH", "USD"),
        ];
        let words = missing(market(&list, "BTC", "USDT"));
        assert!(words.contains("BTC is not traded in USDT, but in EUR, USD;"), "{words}");
        let words = missing(market(&list, "ETG", "USD"));
        assert!(words.contains("near names are ETH"), "{words}");
        let words = missing(market(&list, "DOGE", "USD"));
        assert!(words.contains("check the name"), "{words}");
    }

    #[test]
    fn no_line_grows_without_bound() {
        let list: Vec<Instrument> =
            (0..20).map(|number| instrument("BTC", &format!("Q{number:02}"))).collect();
        let words = missing(market(&list, "BTC", "USD"));
        assert!(words.contains("Q07 and 12 more"), "{words}");
    }
}
