//! What is said beside prices: answers to requests, heartbeats, pongs, notices.

use serde_json::Value;

use crate::venue::Venue;

/// A market and whether its trades are meant, or its best bid and offer.
pub(crate) type Channel = (String, bool);

/// What a text of the other side is.
pub(crate) enum Request {
    /// It asks for these.
    Subscribe(Vec<Channel>),
    /// It keeps the connection alive; the answer to that.
    Ping(&'static str),
    /// Something a venue would not understand.
    Nonsense,
}

/// Reads what the other side has sent.
pub(crate) fn request(venue: Venue, text: &str) -> Request {
    if venue == Venue::Okx && text == "ping" {
        return Request::Ping("pong");
    }
    let Ok(frame) = serde_json::from_str::<Value>(text) else { return Request::Nonsense };
    if venue == Venue::Bybit && frame["op"] == "ping" {
        return Request::Ping(
            r#"{"success":true,"ret_msg":"pong","conn_id":"0970e817","req_id":"","op":"ping"}"#,
        );
    }
    let channels = match venue {
        Venue::Binance if frame["method"] == "SUBSCRIBE" => streams(&frame["params"], |stream| {
            let (symbol, stream) = stream.split_once('@')?;
            Some((symbol.to_uppercase(), kind(stream, "trade", "bookTicker")?))
        }),
        Venue::Bybit if frame["op"] == "subscribe" => streams(&frame["args"], |topic| {
            let (kind, symbol) = topic.rsplit_once('.')?;
            Some((symbol.to_owned(), self::kind(kind, "publicTrade", "orderbook.1")?))
        }),
        Venue::Okx if frame["op"] == "subscribe" => array(&frame["args"])
            .map(|channel| {
                let is_trade = kind(channel["channel"].as_str()?, "trades", "tickers")?;
                Some((channel["instId"].as_str()?.to_owned(), is_trade))
            })
            .collect(),
        Venue::Kraken if frame["method"] == "subscribe" => {
            let channel = &frame["params"];
            let is_trade = channel["channel"].as_str().and_then(|name| kind(name, "trade", "ticker"));
            streams(&channel["symbol"], |symbol| Some((symbol.to_owned(), is_trade?)))
        }
        Venue::Coinbase if frame["type"] == "subscribe" => {
            let has = |name: &str| array(&frame["channels"]).any(|channel| channel == name);
            let both = [("matches", true), ("ticker", false)].into_iter().filter(|(name, _)| has(name));
            let all: Option<Vec<Vec<Channel>>> = both
                .map(|(_, is_trade)| {
                    streams(&frame["product_ids"], |symbol| Some((symbol.to_owned(), is_trade)))
                })
                .collect();
            all.map(|all| all.concat())
        }
        Venue::CoinbaseAdvanced if frame["type"] == "subscribe" => match frame["channel"].as_str() {
            Some("heartbeats") => Some(Vec::new()),
            channel => {
                let is_trade = channel.and_then(|name| kind(name, "market_trades", "ticker"));
                streams(&frame["product_ids"], |symbol| Some((symbol.to_owned(), is_trade?)))
            }
        },
        _ => None,
    };
    channels.map_or(Request::Nonsense, Request::Subscribe)
}

fn array(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn streams(value: &Value, channel: impl Fn(&str) -> Option<Channel>) -> Option<Vec<Channel>> {
    array(value).map(|stream| channel(stream.as_str()?)).collect()
}

fn kind(name: &str, trades: &str, quotes: &str) -> Option<bool> {
    (name == trades || name == quotes).then_some(name == trades)
}

/// The answers to a request that is granted.
pub(crate) fn granted(venue: Venue, text: &str, channels: &[Channel]) -> Vec<String> {
    let frame: Value = serde_json::from_str(text).unwrap_or_default();
    let id = |name: &str| frame[name].to_string();
    match venue {
        Venue::Binance => vec![format!(r#"{{"result":null,"id":{}}}"#, id("id"))],
        Venue::Coinbase => vec![format!(
            r#"{{"type":"subscriptions","channels":[{{"name":"ticker","product_ids":{}}}]}}"#,
            frame["product_ids"]
        )],
        Venue::CoinbaseAdvanced => vec![format!(
            r#"{{"channel":"subscriptions","client_id":"","timestamp":"2023-02-09T20:33:57.609931463Z","sequence_num":0,"events":[{{"subscriptions":{{{}:{}}}}}]}}"#,
            frame["channel"], frame["product_ids"]
        )],
        Venue::Kraken => vec![format!(
            r#"{{"method":"subscribe","result":{},"success":true,"time_in":"2023-09-25T09:04:31.742599Z","time_out":"2023-09-25T09:04:31.742648Z","req_id":{}}}"#,
            frame["params"], id("req_id")
        )],
        Venue::Okx => channels
            .iter()
            .map(|(symbol, is_trade)| {
                let channel = if *is_trade { "trades" } else { "tickers" };
                format!(
                    r#"{{"event":"subscribe","arg":{{"channel":"{channel}","instId":"{symbol}"}},"connId":"a4d3ae55"}}"#
                )
            })
            .collect(),
        Venue::Bybit => vec![format!(
            r#"{{"success":true,"ret_msg":"subscribe","conn_id":"2324d924","req_id":{},"op":"subscribe"}}"#,
            id("req_id")
        )],
    }
}

/// The answer to a request that is refused.
pub(crate) fn refused(venue: Venue) -> &'static str {
    match venue {
        Venue::Binance => r#"{"error":{"code":2,"msg":"Invalid request: unknown stream"},"id":1}"#,
        Venue::Coinbase => {
            r#"{"type":"error","message":"Failed to subscribe","reason":"BTC-XXX is not a valid product"}"#
        }
        Venue::CoinbaseAdvanced => r#"{"type":"error","message":"product not found"}"#,
        Venue::Kraken => {
            r#"{"method":"subscribe","error":"Currency pair not supported BTC/XXX","success":false,"req_id":1}"#
        }
        Venue::Okx => {
            r#"{"event":"error","code":"60018","msg":"Wrong URL or channel doesn't exist","connId":"a4d3ae55"}"#
        }
        Venue::Bybit => {
            r#"{"success":false,"ret_msg":"error:handler not found","conn_id":"x","req_id":"1","op":"subscribe"}"#
        }
    }
}

/// What is said every second when nothing else is; `None` where that is a ping of the WebSocket, or nothing.
pub(crate) fn heartbeat(venue: Venue, symbol: &str) -> Option<String> {
    match venue {
        Venue::Binance | Venue::Okx | Venue::Bybit => None,
        Venue::Coinbase => Some(format!(
            r#"{{"type":"heartbeat","sequence":90,"last_trade_id":20,"product_id":"{symbol}","time":"2014-11-07T08:19:28.464459Z"}}"#
        )),
        Venue::CoinbaseAdvanced => Some(
            r#"{"channel":"heartbeats","client_id":"","timestamp":"2023-06-23T20:31:26.122969572Z","sequence_num":0,"events":[{"current_time":"2023-06-23 20:31:56.121961769 +0000 UTC m=+91717.525857105","heartbeat_counter":"3049"}]}"#.to_owned(),
        ),
        Venue::Kraken => Some(r#"{"channel":"heartbeat"}"#.to_owned()),
    }
}

/// What is said before it shuts down, where anything is.
pub(crate) fn notice(venue: Venue) -> Option<&'static str> {
    match venue {
        Venue::Binance => Some(r#"{"stream":"","data":{"e":"serverShutdown","E":1770123456789}}"#),
        Venue::Okx => Some(
            r#"{"event":"notice","code":"64008","msg":"The connection will soon be closed for a service upgrade. Please reconnect.","connId":"a4d3ae55"}"#,
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use silverbullet_feeds::exchange::{NAMES, Said, named};

    use super::*;

    #[test]
    fn what_the_adapters_ask_for_is_understood_and_what_is_answered_they_understand() {
        for name in NAMES {
            let (mut adapter, venue): (_, Venue) = (named(name).unwrap(), name.parse().unwrap());
            let symbols = ["BTC", "ETH"].map(|asset| venue.symbol(asset));
            let mut channels = Vec::new();
            for frame in adapter.subscribe(&symbols) {
                let Request::Subscribe(asked) = request(venue, &frame) else { panic!("{name}: {frame}") };
                for answer in granted(venue, &frame, &asked) {
                    let said = adapter.read(&answer, &mut |_| panic!("{answer}"));
                    assert_eq!(said.unwrap(), Said::Other("answer to a request"), "{answer}");
                }
                channels.extend(asked);
            }
            channels.sort_unstable();
            let expected: Vec<Channel> = symbols
                .iter()
                .flat_map(|symbol| [false, true].map(|is_trade| (symbol.clone(), is_trade)))
                .collect();
            assert_eq!(channels, expected, "{name}");
            assert_eq!(adapter.read(refused(venue), &mut |_| {}).unwrap(), Said::Refused, "{name}");
            if let Some(beat) = heartbeat(venue, &symbols[0]) {
                assert_eq!(adapter.read(&beat, &mut |_| {}).unwrap(), Said::Other("heartbeat"));
            }
            if let Some(notice) = notice(venue) {
                assert_eq!(adapter.read(notice, &mut |_| {}).unwrap(), Said::Closing);
            }
            if let Some(keep_alive) = adapter.keep_alive() {
                let Request::Ping(pong) = request(venue, keep_alive.text) else { panic!("{name}") };
                assert_eq!(adapter.read(pong, &mut |_| {}).unwrap(), Said::Other("pong"));
            }
            assert!(matches!(request(venue, "{}"), Request::Nonsense));
        }
    }
}
