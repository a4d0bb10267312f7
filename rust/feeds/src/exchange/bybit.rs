//! Bybit, the fifth version of its interface: trades and the best bid and offer.
//!
//! <https://bybit-exchange.github.io/docs/v5/websocket/public/orderbook>
//!
//! Tickers of spot markets have neither bid nor ask, so the order book of one level is asked for. That comes as
//! snapshots or as changes of one side; tickers of futures, which are read too, come as changes. What is known of each
//! symbol is kept for that.

mod message;

use std::time::Duration;

use serde::de::IgnoredAny;

use self::message::{Change, Data, Frame, Level, Trade};
use super::few::Few;
use super::instruments::{Instrument, lists};
use super::kept::Kept;
use super::text::{self, positive, since_1970};
use super::venue::{Fault, KeepAlive, Number, Print, Said, Venue};
use crate::csv::reason;

/// Topics the venue takes in one frame, for spot markets.
const AT_ONCE: usize = 10;

const BOOK: &str = "orderbook.1.";
const TRADES: &str = "publicTrade.";
const TICKERS: &str = "tickers.";

/// Bybit's spot markets, and the best bid and offer of each topic.
#[derive(Debug, Default)]
pub struct Bybit {
    tops: Kept<Top>,
}

/// Best bid and offer, as far as they are known.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Top {
    bid: Option<f64>,
    ask: Option<f64>,
    /// The venue's number of the newest change.
    update: Option<u64>,
}

impl Venue for Bybit {
    fn name(&self) -> &'static str {
        "bybit"
    }

    fn url(&self) -> &'static str {
        "wss://stream.bybit.com/v5/public/spot"
    }

    fn symbol(&self, asset: &str, quote: &str) -> String {
        format!("{asset}{quote}")
    }

    fn quote(&self) -> &'static str {
        "USDT"
    }

    fn instruments(&self) -> &'static str {
        "https://api.bybit.com/v5/market/instruments-info?category=spot"
    }

    fn read_instruments(&self, list: &str) -> Result<Vec<Instrument>, Fault> {
        lists::bybit(list)
    }

    fn connects(&self) -> (usize, Duration) {
        (500, Duration::from_secs(300))
    }

    fn subscribe(&self, symbols: &[String]) -> Vec<String> {
        let topics: Vec<String> = symbols
            .iter()
            .flat_map(|symbol| [BOOK, TRADES].map(|topic| format!("{topic}{symbol}")))
            .collect();
        let frames = topics.chunks(AT_ONCE).enumerate().map(|(number, topics)| {
            let topics = text::list(topics);
            format!("{{\"op\":\"subscribe\",\"args\":[{topics}],\"req_id\":\"{}\"}}", number + 1)
        });
        frames.collect()
    }

    fn keep_alive(&self) -> Option<KeepAlive> {
        Some(KeepAlive { every: Duration::from_secs(20), text: "{\"op\":\"ping\"}" })
    }

    fn read(&mut self, frame: &str, out: &mut dyn FnMut(Result<Print<'_>, Fault>)) -> Result<Said, Fault> {
        let said = match serde_json::from_str::<Frame<'_, Data<'_>>>(frame) {
            Ok(Frame { topic: Some(topic), kind, ts, cts, data: Some(data), .. }) => match data {
                Data::Trades(trades) => tell(topic, trades, out),
                Data::Change(change) => self.change(topic, kind, cts.or(ts), change, out),
            },
            _ => None,
        };
        if let Some(said) = said {
            return Ok(said);
        }
        text::parse::<Frame<'_, IgnoredAny>>(frame)?.other().ok_or_else(|| text::not_understood(frame))
    }

    fn begin(&mut self) {
        self.tops.clear();
    }
}

/// The symbol of a topic of this kind.
fn symbol_of<'a>(topic: &'a str, kind: &str) -> Option<&'a str> {
    topic.strip_prefix(kind).filter(|symbol| !symbol.is_empty())
}

/// Hands out the trades of a frame. Their names are not numbers everywhere, and nothing tells that they rise.
fn tell(
    topic: &str,
    mut trades: Few<Trade<'_>>,
    out: &mut dyn FnMut(Result<Print<'_>, Fault>),
) -> Option<Said> {
    let symbol = symbol_of(topic, TRADES)?;
    let mut said = Said::Other("no price");
    for trade in trades.values().iter().filter(|trade| !trade.is_block) {
        let time = trade.time.map(since_1970).transpose();
        out(time.and_then(|time| Print::trade(symbol, trade.price, trade.size, time, Number::None)));
        said = Said::Prices;
    }
    Some(said)
}

impl Bybit {
    /// Takes a change of the best bid or offer, and hands out both as they are now.
    fn change(
        &mut self,
        topic: &str,
        kind: Option<&str>,
        time: Option<u64>,
        mut change: Change<'_>,
        out: &mut dyn FnMut(Result<Print<'_>, Fault>),
    ) -> Option<Said> {
        let symbol = match symbol_of(topic, TICKERS) {
            Some(_) if change.bid.is_none() && change.ask.is_none() => {
                return Some(Said::Other("daily statistics"));
            }
            Some(symbol) => symbol,
            None => symbol_of(topic, BOOK).filter(|_| change.bids.is_some() || change.asks.is_some())?,
        };
        let known = self.tops.get(topic).copied().unwrap_or_default();
        let before = match kind? {
            "snapshot" => Top::default(),
            "delta" => known,
            _ => return None,
        };
        let bid = side(change.bids.as_mut(), change.bid, before.bid, f64::max, (reason::INVALID_BID, "bid"));
        let ask = side(change.asks.as_mut(), change.ask, before.ask, f64::min, (reason::INVALID_ASK, "ask"));
        // A side that cannot be read is no longer known.
        let [now_bid, now_ask] = [&bid, &ask].map(|side| side.as_ref().ok().copied().flatten());
        let now = Top { bid: now_bid, ask: now_ask, update: change.update };
        // Where nothing has changed for three seconds, the venue says so.
        if now.update.is_some() && now == known {
            return Some(Said::Other("unchanged"));
        }
        // A snapshot alone would be a quote, but nothing could be made of the changes after it.
        let kept = self.tops.keep(topic, now);
        out(kept.and_then(|()| quote(symbol, bid, ask, time, change.seq)));
        Some(Said::Prices)
    }
}

/// A side as it is after a change: that of the book in `levels`, of a ticker in `text`.
fn side(
    levels: Option<&mut Few<Level<'_>>>,
    text: Option<&str>,
    before: Option<f64>,
    best: fn(f64, f64) -> f64,
    (reason, what): (&'static str, &str),
) -> Result<Option<f64>, Fault> {
    let (mut told, mut left) = (None, before);
    for &mut Level(price, size) in levels.map(Few::values).unwrap_or_default() {
        let price = positive(price, reason, what)?;
        let size = text::size(size)?.ok_or_else(|| Fault::missing(reason::INVALID_SIZE, "size"))?;
        if size > 0.0 {
            told = Some(told.map_or(price, |told| best(told, price)));
        } else {
            // That of another price has been replaced before.
            left = left.filter(|&left| left != price);
        }
    }
    match text {
        None => Ok(told.or(left)),
        Some("") => Ok(None),
        Some(text) => positive(text, reason, what).map(Some),
    }
}

/// A quote of both sides. The number is one that every change of a symbol's book raises.
fn quote(
    symbol: &str,
    bid: Result<Option<f64>, Fault>,
    ask: Result<Option<f64>, Fault>,
    time: Option<u64>,
    number: Option<u64>,
) -> Result<Print<'_>, Fault> {
    let bid = bid?.ok_or_else(|| Fault::missing(reason::INVALID_BID, "bid"))?;
    let ask = ask?.ok_or_else(|| Fault::missing(reason::INVALID_ASK, "ask"))?;
    let time = time.map(since_1970).transpose()?;
    Ok(Print::quoted(symbol, bid, ask, time, number.map_or(Number::None, Number::Rising)))
}

#[cfg(test)]
mod tests;
