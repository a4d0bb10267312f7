//! Coinbase Exchange: trades, and the best bid and offer at each of them.
//!
//! <https://docs.cdp.coinbase.com/exchange/websocket-feed/channels>
//!
//! What it sends first of each product, a ticker and a `last_match`, is of the last trade before the subscription. That
//! may be hours old, so neither is a price here.

use std::time::Duration;

use serde::Deserialize;

use super::instruments::{Instrument, lists};
use super::kept::Kept;
use super::text::{self, Text, date_time};
use super::venue::{BEFORE, Fault, Number, Print, Said, Venue};

/// Products asked for in one frame, to keep it small: the venue has no limit of its own.
const AT_ONCE: usize = 100;

/// Coinbase Exchange, and the products of which it has sent a ticker.
#[derive(Debug, Default)]
pub struct Coinbase {
    begun: Kept<()>,
}

/// Any frame: those of all channels share the names of their fields.
#[derive(Deserialize)]
struct Message<'a> {
    #[serde(rename = "type", borrow, default)]
    kind: Text<'a>,
    #[serde(borrow, default)]
    product_id: Text<'a>,
    #[serde(borrow, default)]
    price: Text<'a>,
    #[serde(borrow, default)]
    size: Text<'a>,
    #[serde(borrow, default)]
    best_bid: Text<'a>,
    #[serde(borrow, default)]
    best_ask: Text<'a>,
    #[serde(borrow, default)]
    time: Text<'a>,
    #[serde(default)]
    sequence: Option<u64>,
    #[serde(default)]
    trade_id: Option<u64>,
}

impl Venue for Coinbase {
    fn name(&self) -> &'static str {
        "coinbase"
    }

    fn url(&self) -> &'static str {
        "wss://ws-feed.exchange.coinbase.com"
    }

    fn symbol(&self, asset: &str, quote: &str) -> String {
        format!("{asset}-{quote}")
    }

    fn quote(&self) -> &'static str {
        "USD"
    }

    fn instruments(&self) -> &'static str {
        "https://api.exchange.coinbase.com/products"
    }

    fn read_instruments(&self, list: &str) -> Result<Vec<Instrument>, Fault> {
        lists::coinbase(list)
    }

    /// It takes eight requests a second from an address.
    fn connects(&self) -> (usize, Duration) {
        (8, Duration::from_secs(1))
    }

    fn subscribe(&self, symbols: &[String]) -> Vec<String> {
        let frames = symbols.chunks(AT_ONCE).map(|symbols| {
            format!(
                "{{\"type\":\"subscribe\",\"product_ids\":[{}],\"channels\":[\"ticker\",\"matches\",\"heartbeat\"]}}",
                text::list(symbols)
            )
        });
        frames.collect()
    }

    fn read(&mut self, frame: &str, out: &mut dyn FnMut(Result<Print<'_>, Fault>)) -> Result<Said, Fault> {
        let message: Message<'_> = text::parse(frame)?;
        let said = match (message.kind.0, message.product_id.0) {
            (Some("ticker"), Some(symbol)) => return Ok(self.ticker(symbol, &message, out)),
            (Some("match"), Some(symbol)) => {
                out(message.trade(symbol));
                Said::Prices
            }
            (Some("last_match"), _) => Said::Other(BEFORE),
            (Some("heartbeat"), _) => Said::Other("heartbeat"),
            (Some("subscriptions"), _) => Said::Other("answer to a request"),
            (Some("snapshot" | "l2update"), _) => Said::Other("order book"),
            (Some("error"), _) => Said::Refused,
            _ => return Err(text::not_understood(frame)),
        };
        Ok(said)
    }

    fn begin(&mut self) {
        self.begun.clear();
    }
}

impl Coinbase {
    fn ticker(
        &mut self,
        symbol: &str,
        message: &Message<'_>,
        out: &mut dyn FnMut(Result<Print<'_>, Fault>),
    ) -> Said {
        if self.begun.get(symbol).is_none() {
            match self.begun.keep(symbol, ()) {
                Ok(()) => return Said::Other(BEFORE),
                // Whether this is the first one could not be told the next time.
                Err(fault) => out(Err(fault)),
            }
        } else {
            out(message.quote(symbol));
        }
        Said::Prices
    }
}

impl Message<'_> {
    /// Trades of a product are numbered without a gap, those that `last_match` tells among them.
    fn trade<'b>(&self, symbol: &'b str) -> Result<Print<'b>, Fault> {
        let time = self.time.0.map(date_time).transpose()?;
        let number = self.trade_id.map_or(Number::None, Number::Next);
        let [price, size] = [self.price, self.size].map(|text| text.0.unwrap_or_default());
        Print::trade(symbol, price, size, time, number)
    }

    /// The sequence of a product counts the frames of all channels, so that tickers leave gaps in it.
    fn quote<'b>(&self, symbol: &'b str) -> Result<Print<'b>, Fault> {
        let time = self.time.0.map(date_time).transpose()?;
        let number = self.sequence.map_or(Number::None, Number::Rising);
        let [bid, ask] = [self.best_bid, self.best_ask].map(|text| text.0.unwrap_or_default());
        Print::quote(symbol, bid, ask, time, number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::csv::reason;
    use crate::exchange::text::NOT_UNDERSTOOD;
    use crate::exchange::venue::testing::read;

    /// Of the recording of April 2021, without what is not used.
    const MATCH: &str = r#"{"type":"match","trade_id":82008,"side":"sell","size":"335","price":"0.5762","product_id":"SKL-GBP","sequence":27883501,"time":"2021-04-17T16:43:37.270697Z"}"#;
    const TICKER: &str = r#"{"type":"ticker","sequence":27883501,"product_id":"SKL-GBP","price":"0.5762","open_24h":"0.5102","best_bid":"0.5742","best_ask":"0.5771","side":"buy","time":"2021-04-17T16:43:37.270697Z","trade_id":82008,"last_size":"335"}"#;

    #[test]
    fn a_match_is_a_trade() {
        let trade = "SKL-GBP 0.5762 x Some(335.0) at Some(1618677817270697000) Next(82008)";
        assert_eq!(read(&mut Coinbase::default(), MATCH), (Ok(Said::Prices), vec![trade.to_owned()]));
    }

    #[test]
    fn the_first_ticker_of_a_connection_is_none_and_the_next_a_quote() {
        let quote = "SKL-GBP 0.5742 0.57565 0.5771 at Some(1618677817270697000) Rising(27883501)";
        let mut venue = Coinbase::default();
        for _ in 0..2 {
            assert_eq!(read(&mut venue, TICKER), (Ok(Said::Other(BEFORE)), vec![]));
            assert_eq!(read(&mut venue, TICKER), (Ok(Said::Prices), vec![quote.to_owned()]));
            let other = TICKER.replace("SKL-GBP", "SKL-EUR");
            assert_eq!(read(&mut venue, &other), (Ok(Said::Other(BEFORE)), vec![]));
            venue.begin();
        }
    }

    #[test]
    fn a_price_that_cannot_be_used_is_told_with_its_reason() {
        let mut venue = Coinbase::default();
        read(&mut venue, TICKER).0.unwrap();
        let cases = [
            (MATCH.replace("0.5762", "0"), reason::PRICE_NOT_POSITIVE),
            (MATCH.replace("price", "prize"), reason::EMPTY_PRICE),
            (MATCH.replace("335", "-1"), reason::INVALID_SIZE),
            (MATCH.replace("2021-04", "2021-14"), reason::UNPARSABLE_TIMESTAMP),
            (MATCH.replace("2021-04-17T16:43:37.270697Z", "1618677817"), reason::UNPARSABLE_TIMESTAMP),
            (TICKER.replace("0.5742", ""), reason::INVALID_BID),
            (TICKER.replace("0.5771", "0"), reason::INVALID_ASK),
        ];
        for (frame, reason) in cases {
            assert_eq!(read(&mut venue, &frame), (Ok(Said::Prices), vec![reason.to_owned()]), "{frame}");
        }
    }

    #[test]
    fn everything_else_has_a_name_or_is_not_understood() {
        let last = MATCH.replace("match", "last_match");
        let named = [
            (&*last, Said::Other(BEFORE)),
            (
                r#"{"type":"heartbeat","sequence":90,"last_trade_id":20,"product_id":"BTC-USD","time":"2014-11-07T08:19:28.464459Z"}"#,
                Said::Other("heartbeat"),
            ),
            (
                r#"{"type":"subscriptions","channels":[{"name":"level2","product_ids":["NU-GBP"]}]}"#,
                Said::Other("answer to a request"),
            ),
            (
                r#"{"type":"snapshot","product_id":"NU-GBP","asks":[["0.4394","1044.6"]],"bids":[]}"#,
                Said::Other("order book"),
            ),
            (
                r#"{"type":"l2update","product_id":"NU-GBP","changes":[["sell","0.5767","0.0"]],"time":"2021-04-17T16:44:07.859760Z"}"#,
                Said::Other("order book"),
            ),
            (
                r#"{"type":"error","message":"Failed to subscribe","reason":"\"X\" is not a product"}"#,
                Said::Refused,
            ),
        ];
        for (frame, said) in named {
            assert_eq!(read(&mut Coinbase::default(), frame), (Ok(said), vec![]), "{frame}");
        }
        let broken = &MATCH[..MATCH.len() - 1];
        for frame in [
            "",
            "{",
            "[]",
            "{}",
            r#"{"type":"done"}"#,
            r#"{"type":"match"}"#,
            r#"{"type":["ticker"]}"#,
            broken,
        ] {
            assert_eq!(read(&mut Coinbase::default(), frame), (Err(NOT_UNDERSTOOD), vec![]), "{frame}");
        }
    }

    #[test]
    fn products_are_asked_for_in_frames_of_a_hundred() {
        let symbols: Vec<String> = (0..101).map(|number| format!("A{number}-USD")).collect();
        let frames = Coinbase::default().subscribe(&symbols);
        let last =
            r#"{"type":"subscribe","product_ids":["A100-USD"],"channels":["ticker","matches","heartbeat"]}"#;
        assert_eq!((frames.len(), &*frames[1]), (2, last));
    }
}
