//! The prices that are played: recorded by somebody, or made up.

use std::io::Read;
use std::path::Path;

use anyhow::Context;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;

/// When prices that are made up begin, nanoseconds UTC.
const START: i64 = 1_723_161_255_000_000_000;

/// One thing that a venue says: a trade, or a change of the best bid or offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Name of the asset, as BTC.
    pub asset: String,
    /// Whether it is a trade.
    pub is_trade: bool,
    /// Price of a trade, or best bid.
    pub first: String,
    /// Amount of a trade, or best offer.
    pub second: String,
    /// When, nanoseconds UTC.
    pub time: i64,
    /// One more than the one before of the same asset and kind, where it is a trade.
    pub number: u64,
}

/// What is said, in order.
#[derive(Debug, Clone)]
pub struct Market(pub Vec<Said>);

impl Market {
    /// A random walk of each asset: `count` trades and quotes in all, a millisecond apart.
    #[must_use]
    pub fn made_up(assets: &[&str], count: usize, seed: u64) -> Self {
        let mut random = SmallRng::seed_from_u64(seed);
        let mut cents: Vec<u64> = (1..=assets.len() as u64).map(|asset| 6_000_000 / asset).collect();
        let mut trades = vec![1_000_u64; assets.len()];
        let said = (0..count).map(|number| {
            let asset = random.random_range(0..assets.len());
            cents[asset] = (cents[asset] + 25 - random.random_range(0..=50)).max(100);
            let price = |cents: u64| format!("{}.{:02}", cents / 100, cents % 100);
            let (is_trade, first) = (random.random_range(0..4) == 0, price(cents[asset]));
            let time = START + number as i64 * 1_000_000;
            let asset_name = assets[asset].to_owned();
            let (second, number) = if is_trade {
                trades[asset] += 1;
                (format!("0.{:04}", random.random_range(1..10_000)), trades[asset])
            } else {
                (price(cents[asset] + 1), 50_000_000_000 + number as u64 * 3)
            };
            Said { asset: asset_name, is_trade, first, second, time, number }
        });
        Self(said.collect())
    }

    /// Each asset at a bid and an ask that never change: `count` quotes in all, a millisecond apart, and a trade at the bid in
    /// place of each fifth.
    #[must_use]
    pub fn flat(assets: &[(&str, u32, u32)], count: usize) -> Self {
        let said = (0..count).map(|number| {
            let (asset, bid, ask) = assets[number % assets.len()];
            // No asset has trades only.
            let is_trade = number / assets.len() % 5 == 4;
            Said {
                asset: asset.to_owned(),
                is_trade,
                first: bid.to_string(),
                second: if is_trade { "0.5".to_owned() } else { ask.to_string() },
                time: START + number as i64 * 1_000_000,
                number: if is_trade { (number / assets.len() / 5) as u64 + 1 } else { number as u64 + 1 },
            }
        });
        Self(said.collect())
    }

    /// Trades and quotes of recordings of Binance's combined stream (`<local ns> <frame>` a line), merged by the time of
    /// receipt, which is that of quotes.
    ///
    /// # Errors
    /// Files that cannot be read.
    pub fn recorded(files: &[&Path]) -> anyhow::Result<Self> {
        let mut all = Vec::new();
        for path in files {
            all.extend(unpacked(path)?.lines().filter_map(said));
        }
        all.sort_by_key(|&(receipt, _)| receipt);
        Ok(Self(all.into_iter().map(|(_, said)| said).collect()))
    }
}

/// A frame that is published at some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The venue's name of the market, and whether it is a trade.
    pub channel: (String, bool),
    /// The frame.
    pub text: String,
    /// When it was received by whoever recorded it, nanoseconds UTC.
    pub time: i64,
}

/// Trades and quotes of a recording of Coinbase Exchange or OKX (`<seconds>: <frame>` a line).
///
/// # Errors
/// A file that cannot be read.
pub fn recorded_frames(path: &Path) -> anyhow::Result<Vec<Published>> {
    Ok(unpacked(path)?.lines().filter_map(published).collect())
}

fn unpacked(path: &Path) -> anyhow::Result<String> {
    let file = std::fs::File::open(path).with_context(|| path.display().to_string())?;
    let mut text = String::new();
    let mut reader = flate2::read::MultiGzDecoder::new(file);
    reader.read_to_string(&mut text).with_context(|| path.display().to_string())?;
    Ok(text)
}

fn published(line: &str) -> Option<Published> {
    let (receipt, text) = line.split_once(": ")?;
    let time = (receipt.parse::<f64>().ok()? * 1e9) as i64;
    let frame: Value = serde_json::from_str(text).ok()?;
    let arg = &frame["arg"];
    let channel = match (frame["type"].as_str(), arg["channel"].as_str()) {
        (Some(kind @ ("match" | "ticker")), _) => (frame["product_id"].as_str()?.to_owned(), kind == "match"),
        (None, Some(kind @ ("trades" | "tickers"))) if frame.get("data").is_some() => {
            (arg["instId"].as_str()?.to_owned(), kind == "trades")
        }
        _ => return None,
    };
    Some(Published { channel, text: text.to_owned(), time })
}

/// What a line of a recording says, and when it was received.
fn said(line: &str) -> Option<(i64, Said)> {
    let (receipt, frame) = line.split_once(' ')?;
    let receipt: i64 = receipt.parse().ok()?;
    let frame: Value = serde_json::from_str(frame).ok()?;
    let data = frame.get("data")?;
    let text = |name: &str| data.get(name)?.as_str().map(str::to_owned);
    let asset = text("s")?.strip_suffix("USDT")?.to_owned();
    let is_trade = data.get("e").is_some_and(|kind| kind == "trade");
    let said = if is_trade {
        let (time, number) = (data.get("T")?.as_i64()? * 1_000_000, data.get("t")?.as_u64()?);
        Said { asset, is_trade, first: text("p")?, second: text("q")?, time, number }
    } else {
        let number = data.get("e").is_none().then(|| data.get("u")?.as_u64())??;
        Said { asset, is_trade, first: text("b")?, second: text("a")?, time: receipt, number }
    };
    Some((receipt, said))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trades_that_are_made_up_are_numbered_without_a_gap() {
        let market = Market::made_up(&["A", "B"], 2_000, 1);
        for asset in ["A", "B"] {
            let trades = market.0.iter().filter(|said| said.is_trade && said.asset == asset);
            let numbers: Vec<u64> = trades.map(|said| said.number).collect();
            assert!(numbers.len() > 100 && numbers.windows(2).all(|pair| pair[1] == pair[0] + 1));
        }
        assert_eq!(market.0, Market::made_up(&["A", "B"], 2_000, 1).0);
    }

    #[test]
    fn lines_of_a_recording_are_trades_and_quotes_or_nothing() {
        let trade = r#"5 {"stream":"btcusdt@trade","data":{"e":"trade","E":8,"s":"BTCUSDT","t":3,"p":"6.5","q":"0.02","T":7,"m":true,"M":true}}"#;
        let quote = r#"6 {"stream":"btcusdt@bookTicker","data":{"u":9,"s":"BTCUSDT","b":"1","B":"2","a":"3","A":"4"}}"#;
        let (receipt, said_trade) = said(trade).unwrap();
        assert_eq!(
            (receipt, said_trade.time, said_trade.number, &*said_trade.second),
            (5, 7_000_000, 3, "0.02")
        );
        let (_, said_quote) = said(quote).unwrap();
        assert_eq!((said_quote.time, said_quote.number, &*said_quote.second), (6, 9, "3"));
        let depth = r#"7 {"stream":"x","data":{"e":"depthUpdate","s":"BTCUSDT","u":9,"b":[],"a":[]}}"#;
        assert_eq!([said(depth), said("8 {\"lastUpdateId\":1}"), said("")], [None, None, None]);
    }
}
