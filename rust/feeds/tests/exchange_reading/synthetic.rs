//! SYNTHETIC frames: nothing here was recorded. They are made up after the documentation of venues of which there is no
//! recording, around prices of others.

use jiff::Timestamp;
use silverbullet_feeds::exchange::{Number, Stream};

use super::Told;

/// How a venue says something, and what of it can be read again.
pub(crate) struct Synthetic {
    /// A frame with this number that says this.
    pub(crate) frame: fn(usize, &Told) -> String,
    /// What is left of it: a venue may number otherwise, and may have a coarser time.
    pub(crate) kept: fn(usize, &mut Told),
}

pub(crate) const KRAKEN: Synthetic = Synthetic { frame: kraken, kept: |_, told| number_trades(told) };

pub(crate) const COINBASE_ADVANCED: Synthetic =
    Synthetic { frame: coinbase_advanced, kept: |_, told| number_trades(told) };

pub(crate) const BYBIT: Synthetic = Synthetic {
    frame: bybit,
    kept: |number, told| {
        told.time = told.time.map(|time| time / 1_000_000 * 1_000_000);
        told.number = match told.stream {
            Stream::Trade => Number::None,
            Stream::Quote => Number::Rising(number as u64),
        };
    },
};

fn number_trades(told: &mut Told) {
    told.number = match (told.stream, told.number.value()) {
        (Stream::Trade, Some(number)) => Number::Rising(number),
        _ => Number::None,
    };
}

/// Bid and ask, or price and amount: as numbers are written in texts.
fn pair(told: &Told) -> [String; 2] {
    match told.stream {
        Stream::Trade => [told.price, told.size.unwrap()],
        Stream::Quote => [told.bid.unwrap(), told.ask.unwrap()],
    }
    .map(|value| value.to_string())
}

fn time(told: &Told) -> String {
    Timestamp::from_nanosecond(told.time.unwrap().into()).unwrap().to_string()
}

fn kraken(_: usize, told: &Told) -> String {
    let (symbol, time, [first, second]) = (&told.symbol, time(told), pair(told));
    match told.stream {
        Stream::Trade => {
            let number = told.number.value().unwrap();
            let item = format!(
                r#""side":"sell","price":{first},"qty":{second},"ord_type":"market","trade_id":{number}"#
            );
            format!(
                r#"{{"channel":"trade","type":"update","data":[{{"symbol":"{symbol}",{item},"timestamp":"{time}"}}]}}"#
            )
        }
        Stream::Quote => {
            let item = format!(r#""bid":{first},"bid_qty":2.5,"ask":{second},"ask_qty":3.2,"last":{first}"#);
            format!(
                r#"{{"channel":"ticker","type":"update","data":[{{"symbol":"{symbol}",{item},"timestamp":"{time}"}}]}}"#
            )
        }
    }
}

fn bybit(number: usize, told: &Told) -> String {
    let (symbol, [first, second]) = (&told.symbol, pair(told));
    let time = told.time.unwrap() / 1_000_000;
    match told.stream {
        Stream::Trade => {
            let item =
                format!(r#""T":{time},"s":"{symbol}","S":"Buy","v":"{second}","p":"{first}","BT":false"#);
            format!(
                r#"{{"topic":"publicTrade.{symbol}","type":"snapshot","ts":{},"data":[{{{item},"i":"2290-{number}"}}]}}"#,
                time + 3
            )
        }
        Stream::Quote => {
            let item = format!(r#""b":[["{first}","0.006"]],"a":[["{second}","0.029"]]"#);
            format!(
                r#"{{"topic":"orderbook.1.{symbol}","ts":{},"type":"snapshot","data":{{"s":"{symbol}",{item},"u":{number},"seq":{number}}},"cts":{time}}}"#,
                time + 2
            )
        }
    }
}

fn coinbase_advanced(number: usize, told: &Told) -> String {
    let (symbol, time, [first, second]) = (&told.symbol, time(told), pair(told));
    let envelope = |channel: &str, list: &str, item: &str| {
        format!(
            r#"{{"channel":"{channel}","client_id":"","timestamp":"{time}","sequence_num":{number},"events":[{{"type":"update","{list}":[{{"product_id":"{symbol}",{item}}}]}}]}}"#
        )
    };
    match told.stream {
        Stream::Trade => {
            let id = told.number.value().unwrap();
            let item = format!(
                r#""trade_id":"{id}","price":"{first}","size":"{second}","side":"BUY","time":"{time}""#
            );
            envelope("market_trades", "trades", &item)
        }
        Stream::Quote => {
            let item = format!(
                r#""type":"ticker","price":"{first}","best_bid":"{first}","best_bid_quantity":"8","best_ask":"{second}""#
            );
            envelope("ticker", "tickers", &item)
        }
    }
}
