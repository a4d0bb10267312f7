//! Coinbase Advanced: trades, and the best bid and offer, of the same markets as [`Coinbase`](super::Coinbase).
//!
//! <https://docs.cdp.coinbase.com/coinbase-app/advanced-trade-apis/websocket/websocket-channels>
//!
//! The frames of a connection are numbered over all channels and products. The first events of a channel, marked as a
//! snapshot, are of what was before the subscription; those of the ticker would look new, for they have no time but
//! the frame's.

use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};
use silverbullet_market::Nanos;

use super::continuity::{Break, step};
use super::few::Few;
use super::instruments::{Instrument, lists};
use super::text::{self, NOT_UNDERSTOOD, Text, date_time};
use super::venue::{BEFORE, Fault, Number, Print, Said, Venue};

/// Products asked for in one frame, to keep it small.
const AT_ONCE: usize = 100;

/// Coinbase Advanced, and the number of the newest frame of the connection.
#[derive(Debug, Default)]
pub struct CoinbaseAdvanced {
    newest: Option<u64>,
    found: Option<Break>,
}

/// What all frames are wrapped in.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default)]
    channel: Text<'a>,
    /// Only of an error.
    #[serde(rename = "type", borrow, default)]
    kind: Text<'a>,
    #[serde(borrow, default)]
    timestamp: Text<'a>,
    #[serde(default)]
    sequence_num: Option<u64>,
    #[serde(borrow, default)]
    events: Entries<'a>,
}

/// The entries of all events of a frame.
#[derive(Default)]
struct Entries<'a>(Few<Entry<'a>>);

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(rename = "type", borrow, default)]
    kind: Text<'a>,
    #[serde(borrow, default)]
    tickers: Few<Entry<'a>>,
    #[serde(borrow, default)]
    trades: Few<Entry<'a>>,
}

/// A trade or a ticker.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
struct Entry<'a> {
    #[serde(borrow, default)]
    product_id: Text<'a>,
    #[serde(borrow, default)]
    trade_id: Text<'a>,
    #[serde(borrow, default)]
    price: Text<'a>,
    #[serde(borrow, default)]
    size: Text<'a>,
    #[serde(borrow, default)]
    time: Text<'a>,
    #[serde(borrow, default)]
    best_bid: Text<'a>,
    #[serde(borrow, default)]
    best_ask: Text<'a>,
    #[serde(skip)]
    is_old: bool,
}

impl<'de: 'a, 'a> Deserialize<'de> for Entries<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(EntriesVisitor)
    }
}

struct EntriesVisitor;

impl<'de> Visitor<'de> for EntriesVisitor {
    type Value = Entries<'de>;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a list of events")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut events: A) -> Result<Self::Value, A::Error> {
        let mut all = Entries::default();
        while let Some(mut event) = events.next_element::<Event<'de>>()? {
            let is_old = event.kind.0 == Some("snapshot");
            for &entry in event.tickers.values().iter().chain(event.trades.values().iter()) {
                all.0.push(Entry { is_old, ..entry });
            }
        }
        Ok(all)
    }
}

impl Venue for CoinbaseAdvanced {
    fn name(&self) -> &'static str {
        "coinbase-advanced"
    }

    fn url(&self) -> &'static str {
        "wss://advanced-trade-ws.coinbase.com"
    }

    fn symbol(&self, asset: &str, quote: &str) -> String {
        format!("{asset}-{quote}")
    }

    fn quote(&self) -> &'static str {
        "USD"
    }

    fn instruments(&self) -> &'static str {
        "https://api.coinbase.com/api/v3/brokerage/market/products?product_type=SPOT"
    }

    fn read_instruments(&self, list: &str) -> Result<Vec<Instrument>, Fault> {
        lists::coinbase_advanced(list)
    }

    /// It takes eight requests a second from an address.
    fn connects(&self) -> (usize, Duration) {
        (8, Duration::from_secs(1))
    }

    /// One frame a channel. Heartbeats keep the connection open when there is no trade.
    fn subscribe(&self, symbols: &[String]) -> Vec<String> {
        let mut frames = vec![r#"{"type":"subscribe","channel":"heartbeats"}"#.to_owned()];
        for symbols in symbols.chunks(AT_ONCE) {
            let symbols = text::list(symbols);
            frames.extend(["ticker", "market_trades"].map(|channel| {
                format!("{{\"type\":\"subscribe\",\"channel\":\"{channel}\",\"product_ids\":[{symbols}]}}")
            }));
        }
        frames
    }

    fn read(&mut self, frame: &str, out: &mut dyn FnMut(Result<Print<'_>, Fault>)) -> Result<Said, Fault> {
        let mut envelope: Envelope<'_> = text::parse(frame)?;
        let said = match (envelope.channel.0, envelope.kind.0) {
            (Some("ticker"), _) => envelope.quotes(out),
            (Some("market_trades"), _) => envelope.trades(out),
            (Some("heartbeats"), _) => Said::Other("heartbeat"),
            (Some("subscriptions"), _) => Said::Other("answer to a request"),
            (Some("l2_data"), _) => Said::Other("order book"),
            (Some("candles"), _) => Said::Other("candle"),
            (Some("status"), _) => Said::Other("list of products"),
            (_, Some("error")) => Said::Refused,
            _ => return Err(text::not_understood(frame)),
        };
        self.count(envelope.sequence_num);
        Ok(said)
    }

    fn frame_break(&mut self) -> Option<Break> {
        self.found.take()
    }

    fn begin(&mut self) {
        *self = Self::default();
    }
}

impl CoinbaseAdvanced {
    /// A number less than the one before is the newest all the same: a venue that begins anew is to be told once.
    fn count(&mut self, number: Option<u64>) {
        let Some(number) = number else { return };
        let found = self.newest.and_then(|newest| step(newest, Number::Next(number)));
        self.found = found.or(self.found);
        self.newest = Some(number);
    }
}

impl Envelope<'_> {
    /// A ticker has no time of its own, only the frame has one.
    fn quotes(&mut self, out: &mut dyn FnMut(Result<Print<'_>, Fault>)) -> Said {
        let time = self.timestamp;
        tell(self.events.0.values(), |entry| out(entry.quote(time)))
    }

    /// Tells trades as they were made: in which order a frame has those of its quarter of a second is not documented.
    fn trades(&mut self, out: &mut dyn FnMut(Result<Print<'_>, Fault>)) -> Said {
        let entries = self.events.0.values();
        if entries.len() > 1 {
            entries.sort_unstable_by_key(|entry| (entry.made(), entry.number()));
        }
        tell(entries, |entry| out(entry.trade()))
    }
}

/// Tells what is not of before.
fn tell<'a>(entries: &[Entry<'a>], mut out: impl FnMut(&Entry<'a>)) -> Said {
    let mut said = Said::Other(if entries.is_empty() { "no price" } else { BEFORE });
    for entry in entries.iter().filter(|entry| !entry.is_old) {
        out(entry);
        said = Said::Prices;
    }
    said
}

impl<'a> Entry<'a> {
    fn made(&self) -> Option<Nanos> {
        self.time.0.and_then(|time| date_time(time).ok())
    }

    fn number(&self) -> Option<u64> {
        self.trade_id.0.and_then(|text| text.parse().ok())
    }

    fn symbol(&self) -> Result<&'a str, Fault> {
        self.product_id.0.ok_or_else(|| Fault::missing(NOT_UNDERSTOOD, "product_id"))
    }

    /// That its number is one more than the one before is not documented.
    fn trade(&self) -> Result<Print<'a>, Fault> {
        let time = self.time.0.map(date_time).transpose()?;
        let number = self.number().map_or(Number::None, Number::Rising);
        let [price, size] = [self.price, self.size].map(|text| text.0.unwrap_or_default());
        Print::trade(self.symbol()?, price, size, time, number)
    }

    fn quote(&self, time: Text<'_>) -> Result<Print<'a>, Fault> {
        let time = time.0.map(date_time).transpose()?;
        let [bid, ask] = [self.best_bid, self.best_ask].map(|text| text.0.unwrap_or_default());
        Print::quote(self.symbol()?, bid, ask, time, Number::None)
    }
}

#[cfg(test)]
mod tests;
