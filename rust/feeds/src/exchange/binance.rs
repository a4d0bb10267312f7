//! Binance spot, its copies for the United States and Turkey among them: trades and the best bid and offer.
//!
//! <https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams>

mod quick;

use std::time::Duration;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::instruments::{Instrument, lists};
use super::text::{self, Text, since_1970};
use super::venue::{Fault, Number, Print, Said, Venue};

/// Streams asked for in one frame: the venue takes 1,024 a connection.
const AT_ONCE: usize = 200;

/// Binance, or a venue that speaks as it does.
#[derive(Debug, Clone, Copy)]
pub struct Binance {
    name: &'static str,
    url: &'static str,
    instruments: &'static str,
}

impl Binance {
    /// Binance's servers for market data only.
    #[must_use]
    pub const fn international() -> Self {
        Self {
            name: "binance",
            url: "wss://data-stream.binance.vision/stream",
            // Permissions are most of the list, and of no use here.
            instruments: "https://data-api.binance.vision/api/v3/exchangeInfo?permissions=SPOT&showPermissionSets=false",
        }
    }

    /// Those for the United States.
    #[must_use]
    pub const fn united_states() -> Self {
        Self {
            name: "binance-us",
            url: "wss://stream.binance.us:9443/stream",
            instruments: "https://api.binance.us/api/v3/exchangeInfo",
        }
    }
}

/// A frame of the combined stream, or an answer to what was asked.
#[derive(Deserialize)]
struct Combined<'a> {
    #[serde(borrow, default)]
    data: Option<Event<'a>>,
    #[serde(default)]
    id: Option<IgnoredAny>,
    #[serde(default)]
    error: Option<IgnoredAny>,
}

/// An event; one of the best bid and offer has no kind.
#[derive(Debug, Default, PartialEq, Deserialize)]
struct Event<'a> {
    #[serde(rename = "e", borrow, default)]
    kind: Option<&'a str>,
    #[serde(rename = "s", borrow, default)]
    symbol: Option<&'a str>,
    #[serde(rename = "E", default)]
    event_time: Option<u64>,
    #[serde(rename = "T", default)]
    trade_time: Option<u64>,
    #[serde(rename = "t", default)]
    trade: Option<u64>,
    #[serde(rename = "p", borrow, default)]
    price: Text<'a>,
    #[serde(rename = "q", borrow, default)]
    quantity: Text<'a>,
    #[serde(rename = "u", default)]
    update: Option<u64>,
    #[serde(rename = "b", borrow, default)]
    bid: Text<'a>,
    #[serde(rename = "a", borrow, default)]
    ask: Text<'a>,
}

impl Venue for Binance {
    fn name(&self) -> &'static str {
        self.name
    }

    fn url(&self) -> &'static str {
        self.url
    }

    fn symbol(&self, asset: &str, quote: &str) -> String {
        format!("{asset}{quote}")
    }

    fn quote(&self) -> &'static str {
        "USDT"
    }

    fn instruments(&self) -> &'static str {
        self.instruments
    }

    fn read_instruments(&self, list: &str) -> Result<Vec<Instrument>, Fault> {
        lists::binance(list)
    }

    /// It takes 1,024 streams, and each symbol has two.
    fn most_symbols(&self) -> usize {
        512
    }

    /// It takes five messages a second, pongs among them.
    fn pace(&self) -> Duration {
        Duration::from_millis(250)
    }

    fn connects(&self) -> (usize, Duration) {
        (300, Duration::from_secs(300))
    }

    fn subscribe(&self, symbols: &[String]) -> Vec<String> {
        let streams: Vec<String> = symbols
            .iter()
            .map(|symbol| symbol.to_lowercase())
            .flat_map(|symbol| ["bookTicker", "trade"].map(|stream| format!("{symbol}@{stream}")))
            .collect();
        let frames = streams.chunks(AT_ONCE).enumerate().map(|(number, streams)| {
            let streams = text::list(streams);
            format!("{{\"method\":\"SUBSCRIBE\",\"params\":[{streams}],\"id\":{}}}", number + 1)
        });
        frames.collect()
    }

    /// A day less ten minutes: the venue ends a connection after a day.
    fn lifetime(&self) -> Option<Duration> {
        Some(Duration::from_secs(23 * 3_600 + 50 * 60))
    }

    fn read(&mut self, frame: &str, out: &mut dyn FnMut(Result<Print<'_>, Fault>)) -> Result<Said, Fault> {
        if let Some(event) = quick::event(frame) {
            return event.tell(frame, out);
        }
        // A combined stream wraps its events; a single one does not.
        if let Ok(Combined { data: Some(event), .. }) = serde_json::from_str(frame) {
            return event.tell(frame, out);
        }
        let event: Event<'_> = text::parse(frame)?;
        if event.kind.is_some() || event.update.is_some() {
            return event.tell(frame, out);
        }
        match text::parse(frame)? {
            Combined { error: Some(_), .. } => Ok(Said::Refused),
            Combined { id: Some(_), .. } => Ok(Said::Other("answer to a request")),
            Combined { .. } => Err(text::not_understood(frame)),
        }
    }
}

impl Event<'_> {
    fn tell(&self, frame: &str, out: &mut dyn FnMut(Result<Print<'_>, Fault>)) -> Result<Said, Fault> {
        let said = match (self.kind, self.symbol) {
            (Some("trade"), Some(symbol)) => {
                out(self.trade(symbol));
                Said::Prices
            }
            (None, Some(symbol)) if self.update.is_some() => {
                out(self.quote(symbol));
                Said::Prices
            }
            (Some("depthUpdate"), _) => Said::Other("order book"),
            (Some("aggTrade"), _) => Said::Other("aggregated trade"),
            (Some("kline"), _) => Said::Other("candle"),
            (Some("24hrMiniTicker" | "24hrTicker"), _) => Said::Other("daily statistics"),
            (Some("serverShutdown"), _) => Said::Closing,
            // Of futures, where the best bid and offer has a kind: there is no adapter for those.
            (Some("bookTicker" | "markPriceUpdate" | "forceOrder"), _) => Said::Other("binance-futures"),
            _ => return Err(text::not_understood(frame)),
        };
        Ok(said)
    }

    fn trade<'b>(&self, symbol: &'b str) -> Result<Print<'b>, Fault> {
        let time = self.trade_time.or(self.event_time).map(since_1970).transpose()?;
        let number = self.trade.map_or(Number::None, Number::Next);
        let [price, quantity] = [self.price, self.quantity].map(|text| text.0.unwrap_or_default());
        Print::trade(symbol, price, quantity, time, number)
    }

    fn quote<'b>(&self, symbol: &'b str) -> Result<Print<'b>, Fault> {
        let time = self.event_time.map(since_1970).transpose()?;
        let number = self.update.map_or(Number::None, Number::Rising);
        let [bid, ask] = [self.bid, self.ask].map(|text| text.0.unwrap_or_default());
        Print::quote(symbol, bid, ask, time, number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_asked_for_in_frames_of_two_hundred() {
        let symbols: Vec<String> = (0..101).map(|number| format!("A{number}USDT")).collect();
        let frames = Binance::international().subscribe(&symbols);
        let last = r#"{"method":"SUBSCRIBE","params":["a100usdt@bookTicker","a100usdt@trade"],"id":2}"#;
        assert_eq!((frames.len(), &*frames[1]), (2, last));
    }
}
