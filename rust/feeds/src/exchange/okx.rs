//! OKX: trades and the best bid and offer.
//!
//! <https://www.okx.com/docs-v5/en/#public-data-websocket>
//!
//! It answers a subscription to trades with the newest one there was. That is 26 seconds old in a recording and may be
//! hours old; nothing marks it, so the first frame of trades of each symbol is no price here.

use std::time::Duration;

use serde::Deserialize;
use serde::de::IgnoredAny;
use silverbullet_market::Nanos;

use super::few::Few;
use super::instruments::{Instrument, lists};
use super::kept::Kept;
use super::text::{self, First, since_1970_text};
use super::venue::{BEFORE, Fault, KeepAlive, Number, Print, Said, Venue};

/// Symbols asked for in one frame: the venue takes 64 KiB.
const AT_ONCE: usize = 100;

/// The code of a notice that the connection is about to be closed.
const TO_BE_CLOSED: &str = "64008";

/// OKX, its public channels, and the symbols of which it has sent trades.
#[derive(Debug, Default)]
pub struct Okx {
    begun: Kept<()>,
}

/// A frame: what a channel tells, or an event of the connection.
#[derive(Deserialize)]
struct Frame<'a, D> {
    event: Option<&'a str>,
    code: Option<&'a str>,
    #[serde(borrow)]
    arg: Option<Channel<'a>>,
    data: Option<D>,
}

#[derive(Deserialize)]
struct Channel<'a> {
    #[serde(rename = "channel")]
    name: &'a str,
    #[serde(rename = "instId")]
    symbol: Option<&'a str>,
}

/// A trade, a ticker, or the top of the book.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item<'a> {
    ts: Option<&'a str>,
    px: Option<&'a str>,
    sz: Option<&'a str>,
    trade_id: Option<&'a str>,
    bid_px: Option<&'a str>,
    ask_px: Option<&'a str>,
    #[serde(borrow, default)]
    bids: First<First<&'a str>>,
    #[serde(borrow, default)]
    asks: First<First<&'a str>>,
}

impl Venue for Okx {
    fn name(&self) -> &'static str {
        "okx"
    }

    fn url(&self) -> &'static str {
        "wss://ws.okx.com:8443/ws/v5/public"
    }

    fn symbol(&self, asset: &str, quote: &str) -> String {
        format!("{asset}-{quote}")
    }

    fn quote(&self) -> &'static str {
        "USDT"
    }

    fn instruments(&self) -> &'static str {
        "https://www.okx.com/api/v5/public/instruments?instType=SPOT"
    }

    fn read_instruments(&self, list: &str) -> Result<Vec<Instrument>, Fault> {
        lists::okx(list)
    }

    fn connects(&self) -> (usize, Duration) {
        (3, Duration::from_secs(1))
    }

    fn subscribe(&self, symbols: &[String]) -> Vec<String> {
        let channel = |name: &str, symbol: &str| format!("{{\"channel\":\"{name}\",\"instId\":{symbol}}}");
        let frames = symbols.chunks(AT_ONCE).map(|symbols| {
            let symbols = symbols.iter().map(|symbol| text::quoted(symbol));
            let channels: Vec<String> =
                symbols.flat_map(|symbol| ["tickers", "trades"].map(|name| channel(name, &symbol))).collect();
            format!("{{\"op\":\"subscribe\",\"args\":[{}]}}", channels.join(","))
        });
        frames.collect()
    }

    /// The venue closes a connection on which nothing was said for 30 seconds.
    fn keep_alive(&self) -> Option<KeepAlive> {
        Some(KeepAlive { every: Duration::from_secs(20), text: "ping" })
    }

    fn silence(&self) -> Duration {
        Duration::from_secs(25)
    }

    fn read(&mut self, frame: &str, out: &mut dyn FnMut(Result<Print<'_>, Fault>)) -> Result<Said, Fault> {
        // The one frame that is not JSON.
        if frame == "pong" {
            return Ok(Said::Other("pong"));
        }
        if let Ok(Frame { event: None, arg: Some(channel), data: Some(items), .. }) =
            serde_json::from_str(frame)
            && let Some(said) = self.tell(&channel, items, out)
        {
            return Ok(said);
        }
        text::parse::<Frame<'_, IgnoredAny>>(frame)?.other().ok_or_else(|| text::not_understood(frame))
    }

    fn begin(&mut self) {
        self.begun.clear();
    }
}

impl Okx {
    /// Hands out the prices, where the channel is one of prices.
    fn tell(
        &mut self,
        channel: &Channel<'_>,
        mut items: Few<Item<'_>>,
        out: &mut dyn FnMut(Result<Print<'_>, Fault>),
    ) -> Option<Said> {
        let print = match channel.name {
            "trades" => Item::trade,
            "tickers" => Item::ticker,
            "bbo-tbt" => Item::top,
            _ => return None,
        };
        let symbol = channel.symbol?;
        let items = items.values();
        if items.is_empty() {
            return Some(Said::Other("no price"));
        }
        if channel.name == "trades" && self.begun.get(symbol).is_none() {
            let Err(fault) = self.begun.keep(symbol, ()) else { return Some(Said::Other(BEFORE)) };
            // Whether this is the first frame could not be told the next time.
            out(Err(fault));
            return Some(Said::Prices);
        }
        for item in items.iter() {
            out(print(item, symbol));
        }
        Some(Said::Prices)
    }
}

impl<D> Frame<'_, D> {
    /// What a frame without prices is.
    fn other(&self) -> Option<Said> {
        let said = match (self.event, &self.arg, &self.data) {
            (Some("subscribe" | "unsubscribe"), ..) => Said::Other("answer to a request"),
            (Some("error"), ..) => Said::Refused,
            (Some("notice"), ..) if self.code == Some(TO_BE_CLOSED) => Said::Closing,
            (Some("notice" | "channel-conn-count"), ..) => Said::Other("notice"),
            (None, Some(channel), Some(_)) => match channel.name {
                // Those are read above, if they are as they should be.
                "trades" | "tickers" | "bbo-tbt" => return None,
                name if name.starts_with("books") => Said::Other("order book"),
                name if name.contains("candle") => Said::Other("candle"),
                "funding-rate" => Said::Other("funding rate"),
                _ => Said::Other("another channel"),
            },
            _ => return None,
        };
        Some(said)
    }
}

impl Item<'_> {
    fn time(&self) -> Result<Option<Nanos>, Fault> {
        self.ts.map(since_1970_text).transpose()
    }

    /// Numbers rise. They were without a gap in 2022, but the venue has since put trades at one price together under
    /// the number of the last.
    fn trade<'b>(&self, symbol: &'b str) -> Result<Print<'b>, Fault> {
        let number = self.trade_id.and_then(|id| id.parse().ok()).map_or(Number::None, Number::Rising);
        let [price, size] = [self.px, self.sz].map(Option::unwrap_or_default);
        Print::trade(symbol, price, size, self.time()?, number)
    }

    fn ticker<'b>(&self, symbol: &'b str) -> Result<Print<'b>, Fault> {
        let [bid, ask] = [self.bid_px, self.ask_px].map(Option::unwrap_or_default);
        Print::quote(symbol, bid, ask, self.time()?, Number::None)
    }

    /// Its numbers are left alone: they may begin anew when the venue is maintained.
    fn top<'b>(&self, symbol: &'b str) -> Result<Print<'b>, Fault> {
        let [bid, ask] =
            [self.bids, self.asks].map(|side| side.0.and_then(|level| level.0).unwrap_or_default());
        Print::quote(symbol, bid, ask, self.time()?, Number::None)
    }
}

#[cfg(test)]
mod tests;
