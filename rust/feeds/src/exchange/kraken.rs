//! Kraken, the second version of its interface: trades and the best bid and offer.
//!
//! <https://docs.kraken.com/exchange/api-reference/spot-websocket-v2/ticker>
//!
//! Prices are JSON numbers. An empty side of the book is told as 0, at a time of 1970.

use std::time::Duration;

use serde::Deserialize;
use serde::de::IgnoredAny;
use silverbullet_market::Nanos;

use super::few::Few;
use super::instruments::{Instrument, lists};
use super::text::{self, First, above_zero, date_time};
use super::venue::{Fault, Number, Print, Said, Venue};
use crate::csv::reason;

/// Symbols asked for in one frame, to keep it small: the venue tells no limit.
const AT_ONCE: usize = 100;

/// Frames of the first version, whose address is another one.
const OLD: Said = Said::Other("kraken-v1");

/// Kraken's spot markets.
#[derive(Debug, Clone, Copy, Default)]
pub struct Kraken;

/// A frame: what a channel tells, or an answer to what was asked. The first version's have an event.
#[derive(Deserialize)]
struct Frame<'a, D> {
    channel: Option<&'a str>,
    #[serde(rename = "type")]
    kind: Option<&'a str>,
    method: Option<&'a str>,
    success: Option<bool>,
    error: Option<IgnoredAny>,
    event: Option<IgnoredAny>,
    data: Option<D>,
}

/// A trade or a ticker.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
struct Item<'a> {
    symbol: &'a str,
    bid: Option<f64>,
    ask: Option<f64>,
    price: Option<f64>,
    qty: Option<f64>,
    trade_id: Option<u64>,
    timestamp: Option<&'a str>,
}

impl Venue for Kraken {
    fn name(&self) -> &'static str {
        "kraken"
    }

    fn url(&self) -> &'static str {
        "wss://ws.kraken.com/v2"
    }

    fn symbol(&self, asset: &str, quote: &str) -> String {
        format!("{asset}/{quote}")
    }

    fn quote(&self) -> &'static str {
        "USD"
    }

    fn instruments(&self) -> &'static str {
        "https://api.kraken.com/0/public/AssetPairs"
    }

    fn read_instruments(&self, list: &str) -> Result<Vec<Instrument>, Fault> {
        lists::kraken(list)
    }

    fn subscribe(&self, symbols: &[String]) -> Vec<String> {
        let mut frames = Vec::new();
        for symbols in symbols.chunks(AT_ONCE) {
            let symbols = text::list(symbols);
            for (channel, how) in
                [("ticker", "\"event_trigger\":\"bbo\",\"snapshot\":true"), ("trade", "\"snapshot\":false")]
            {
                let parameters = format!("{{\"channel\":\"{channel}\",\"symbol\":[{symbols}],{how}}}");
                let number = frames.len() + 1;
                frames.push(format!(
                    "{{\"method\":\"subscribe\",\"params\":{parameters},\"req_id\":{number}}}"
                ));
            }
        }
        frames
    }

    /// When there is nothing else to tell, it sends a heartbeat every second.
    fn silence(&self) -> Duration {
        Duration::from_secs(5)
    }

    fn read(&mut self, frame: &str, out: &mut dyn FnMut(Result<Print<'_>, Fault>)) -> Result<Said, Fault> {
        if let Ok(Frame { channel: Some(channel), kind: Some(kind), data: Some(items), .. }) =
            serde_json::from_str(frame)
            && let Some(said) = tell(channel, kind, items, out)
        {
            return Ok(said);
        }
        if let Ok(First(Some(_))) = serde_json::from_str::<First<u64>>(frame) {
            return Ok(OLD);
        }
        text::parse::<Frame<'_, IgnoredAny>>(frame)?.other().ok_or_else(|| text::not_understood(frame))
    }
}

/// Hands out the prices, where `channel` is one of prices.
fn tell(
    channel: &str,
    kind: &str,
    mut items: Few<Item<'_>>,
    out: &mut dyn FnMut(Result<Print<'_>, Fault>),
) -> Option<Said> {
    let print = match (channel, kind) {
        // Those were before the subscription.
        ("trade", "snapshot") => return Some(Said::Other("snapshot")),
        ("trade", "update") => Item::trade,
        ("ticker", "snapshot" | "update") => Item::quote,
        _ => return None,
    };
    let items = items.values();
    for item in items.iter() {
        out(print(item));
    }
    Some(if items.is_empty() { Said::Other("no price") } else { Said::Prices })
}

impl<D> Frame<'_, D> {
    /// What a frame without prices is.
    fn other(&self) -> Option<Said> {
        let said = match (self.method, self.channel) {
            _ if self.event.is_some() => OLD,
            _ if self.success == Some(false) || self.error.is_some() => Said::Refused,
            (Some("pong"), _) => Said::Other("pong"),
            (Some(_), _) => Said::Other("answer to a request"),
            (None, Some("heartbeat")) => Said::Other("heartbeat"),
            (None, Some("status")) => Said::Other("status"),
            (None, Some("book" | "level3")) => Said::Other("order book"),
            (None, Some("ohlc")) => Said::Other("candle"),
            // Those of prices are read elsewhere, if they are as they should be.
            (None, Some("trade" | "ticker") | None) => return None,
            (None, Some(_)) => Said::Other("another channel"),
        };
        Some(said)
    }
}

impl<'a> Item<'a> {
    fn time(&self) -> Result<Option<Nanos>, Fault> {
        self.timestamp.map(date_time).transpose()
    }

    /// Its number is one of a sequence of the symbol; that none is left out is nowhere promised.
    fn trade(&self) -> Result<Print<'a>, Fault> {
        let price = self.price.ok_or_else(|| Fault::missing(reason::EMPTY_PRICE, "price"))?;
        let price = above_zero(price, reason::PRICE_NOT_POSITIVE, "price")?;
        let size = self.qty.map(|size| above_zero(size, reason::INVALID_SIZE, "size")).transpose()?;
        let number = self.trade_id.map_or(Number::None, Number::Rising);
        Ok(Print::traded(self.symbol, price, size, self.time()?, number))
    }

    fn quote(&self) -> Result<Print<'a>, Fault> {
        let side = |side: Option<f64>, reason, what| {
            side.ok_or_else(|| Fault::missing(reason, what)).and_then(|side| above_zero(side, reason, what))
        };
        let bid = side(self.bid, reason::INVALID_BID, "bid")?;
        let ask = side(self.ask, reason::INVALID_ASK, "ask")?;
        Ok(Print::quoted(self.symbol, bid, ask, self.time()?, Number::None))
    }
}

#[cfg(test)]
mod tests;
