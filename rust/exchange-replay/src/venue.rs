//! The venues that can be played, and how each says a price.

use std::str::FromStr;

use anyhow::bail;
use jiff::Timestamp;

use crate::market::Said;

/// Whose protocol is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Venue {
    /// Binance, and Binance for the United States.
    Binance,
    /// Coinbase Exchange.
    Coinbase,
    /// Coinbase Advanced.
    CoinbaseAdvanced,
    /// Kraken v2.
    Kraken,
    /// OKX v5.
    Okx,
    /// Bybit v5.
    Bybit,
}

impl FromStr for Venue {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> anyhow::Result<Self> {
        Ok(match name {
            "binance" | "binance-us" => Self::Binance,
            "coinbase" => Self::Coinbase,
            "coinbase-advanced" => Self::CoinbaseAdvanced,
            "kraken" => Self::Kraken,
            "okx" => Self::Okx,
            "bybit" => Self::Bybit,
            _ => bail!(
                "{name:?} is none of binance, binance-us, coinbase, coinbase-advanced, kraken, okx, bybit"
            ),
        })
    }
}

impl Venue {
    /// Its name of the market of an asset.
    #[must_use]
    pub fn symbol(self, asset: &str) -> String {
        let quote = self.quote();
        match self {
            Self::Binance | Self::Bybit => format!("{asset}{quote}"),
            Self::Coinbase | Self::CoinbaseAdvanced | Self::Okx => format!("{asset}-{quote}"),
            Self::Kraken => format!("{asset}/{quote}"),
        }
    }

    /// The currency that its prices are in.
    #[must_use]
    pub fn quote(self) -> &'static str {
        match self {
            Self::Binance | Self::Bybit | Self::Okx => "USDT",
            Self::Coinbase | Self::CoinbaseAdvanced | Self::Kraken => "USD",
        }
    }

    /// SYNTHETIC, but for Binance: a frame that says this in the form of a recording or of the documentation.
    #[must_use]
    pub fn frame(self, said: &Said) -> String {
        let symbol = self.symbol(&said.asset);
        match self {
            Self::Binance => binance(&symbol, said),
            Self::Coinbase => coinbase(&symbol, said),
            Self::CoinbaseAdvanced => coinbase_advanced(&symbol, said),
            Self::Kraken => kraken(&symbol, said),
            Self::Okx => okx(&symbol, said),
            Self::Bybit => bybit(&symbol, said),
        }
    }
}

fn milliseconds(said: &Said) -> i64 {
    said.time / 1_000_000
}

fn date_time(said: &Said) -> String {
    Timestamp::from_nanosecond(i128::from(said.time / 1_000 * 1_000)).unwrap_or_default().to_string()
}

fn binance(symbol: &str, said: &Said) -> String {
    let (lower, number, first, second) = (symbol.to_lowercase(), said.number, &said.first, &said.second);
    if said.is_trade {
        let time = milliseconds(said);
        format!(
            r#"{{"stream":"{lower}@trade","data":{{"e":"trade","E":{time},"s":"{symbol}","t":{number},"p":"{first}","q":"{second}","T":{time},"m":true,"M":true}}}}"#
        )
    } else {
        format!(
            r#"{{"stream":"{lower}@bookTicker","data":{{"u":{number},"s":"{symbol}","b":"{first}","B":"3.78826000","a":"{second}","A":"1.54698000"}}}}"#
        )
    }
}

fn coinbase(symbol: &str, said: &Said) -> String {
    let (time, number, first, second) = (date_time(said), said.number, &said.first, &said.second);
    if said.is_trade {
        format!(
            r#"{{"type":"match","trade_id":{number},"maker_order_id":"0c1d","taker_order_id":"a2f7","side":"sell","size":"{second}","price":"{first}","product_id":"{symbol}","sequence":{number},"time":"{time}"}}"#
        )
    } else {
        format!(
            r#"{{"type":"ticker","sequence":{number},"product_id":"{symbol}","price":"{first}","open_24h":"1","volume_24h":"2","low_24h":"1","high_24h":"2","volume_30d":"3","best_bid":"{first}","best_ask":"{second}","side":"buy","time":"{time}","trade_id":{number},"last_size":"0.04"}}"#
        )
    }
}

fn coinbase_advanced(symbol: &str, said: &Said) -> String {
    let (time, number, first, second) = (date_time(said), said.number, &said.first, &said.second);
    let (channel, list, item) = if said.is_trade {
        let item = format!(
            r#""trade_id":"{number}","price":"{first}","size":"{second}","side":"BUY","time":"{time}""#
        );
        ("market_trades", "trades", item)
    } else {
        let item = format!(
            r#""type":"ticker","price":"{first}","best_bid":"{first}","best_bid_quantity":"8","best_ask":"{second}""#
        );
        ("ticker", "tickers", item)
    };
    format!(
        r#"{{"channel":"{channel}","client_id":"","timestamp":"{time}","sequence_num":0,"events":[{{"type":"update","{list}":[{{"product_id":"{symbol}",{item}}}]}}]}}"#
    )
}

fn kraken(symbol: &str, said: &Said) -> String {
    let (time, number, first, second) = (date_time(said), said.number, &said.first, &said.second);
    let (channel, item) = if said.is_trade {
        let item = format!(
            r#""side":"sell","price":{first},"qty":{second},"ord_type":"market","trade_id":{number}"#
        );
        ("trade", item)
    } else {
        ("ticker", format!(r#""bid":{first},"bid_qty":2.5,"ask":{second},"ask_qty":3.2,"last":{first}"#))
    };
    format!(
        r#"{{"channel":"{channel}","type":"update","data":[{{"symbol":"{symbol}",{item},"timestamp":"{time}"}}]}}"#
    )
}

fn okx(symbol: &str, said: &Said) -> String {
    let (time, number, first, second) = (milliseconds(said), said.number, &said.first, &said.second);
    let (channel, item) = if said.is_trade {
        ("trades", format!(r#""tradeId":"{number}","px":"{first}","sz":"{second}","side":"buy""#))
    } else {
        let item = format!(
            r#""instType":"SPOT","last":"{first}","lastSz":"1","askPx":"{second}","askSz":"3","bidPx":"{first}","bidSz":"5""#
        );
        ("tickers", item)
    };
    format!(
        r#"{{"arg":{{"channel":"{channel}","instId":"{symbol}"}},"data":[{{"instId":"{symbol}",{item},"ts":"{time}"}}]}}"#
    )
}

fn bybit(symbol: &str, said: &Said) -> String {
    let (time, number, first, second) = (milliseconds(said), said.number, &said.first, &said.second);
    if said.is_trade {
        format!(
            r#"{{"topic":"publicTrade.{symbol}","type":"snapshot","ts":{time},"data":[{{"T":{time},"s":"{symbol}","S":"Buy","v":"{second}","p":"{first}","BT":false,"i":"2290-{number}"}}]}}"#
        )
    } else {
        format!(
            r#"{{"topic":"orderbook.1.{symbol}","ts":{time},"type":"snapshot","data":{{"s":"{symbol}","b":[["{first}","0.006"]],"a":[["{second}","0.029"]],"u":{number},"seq":{number}}},"cts":{time}}}"#
        )
    }
}
