//! The frames of Bybit.

use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};

use super::BOOK;
use crate::exchange::few::Few;
use crate::exchange::venue::Said;

/// A frame: what a topic tells, or an answer to what was asked.
#[derive(Deserialize)]
pub(super) struct Frame<'a, D> {
    pub(super) topic: Option<&'a str>,
    #[serde(rename = "type")]
    pub(super) kind: Option<&'a str>,
    pub(super) ts: Option<u64>,
    /// When the matching engine made it, as that of a trade is told.
    pub(super) cts: Option<u64>,
    pub(super) op: Option<&'a str>,
    pub(super) success: Option<bool>,
    pub(super) data: Option<D>,
}

/// The data of a topic of prices. Both are of a few hundred bytes and are not kept.
pub(super) enum Data<'a> {
    Change(Change<'a>),
    Trades(Few<Trade<'a>>),
}

/// What has changed: in the book, or of a ticker.
#[derive(Deserialize)]
pub(super) struct Change<'a> {
    #[serde(rename = "b", borrow)]
    pub(super) bids: Option<Few<Level<'a>>>,
    #[serde(rename = "a", borrow)]
    pub(super) asks: Option<Few<Level<'a>>>,
    #[serde(rename = "u")]
    pub(super) update: Option<u64>,
    pub(super) seq: Option<u64>,
    #[serde(rename = "bid1Price")]
    pub(super) bid: Option<&'a str>,
    #[serde(rename = "ask1Price")]
    pub(super) ask: Option<&'a str>,
}

/// Price and amount.
#[derive(Clone, Copy, Default, Deserialize)]
pub(super) struct Level<'a>(pub(super) &'a str, pub(super) &'a str);

#[derive(Clone, Copy, Default, Deserialize)]
pub(super) struct Trade<'a> {
    #[serde(rename = "T")]
    pub(super) time: Option<u64>,
    #[serde(rename = "p")]
    pub(super) price: &'a str,
    #[serde(rename = "v")]
    pub(super) size: &'a str,
    /// Whether it was agreed on outside the book, where the price is not the market's.
    #[serde(rename = "BT", default)]
    pub(super) is_block: bool,
}

impl<'de: 'a, 'a> Deserialize<'de> for Data<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DataVisitor)
    }
}

struct DataVisitor;

impl<'de> Visitor<'de> for DataVisitor {
    type Value = Data<'de>;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a change or a list of trades")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        Change::deserialize(MapAccessDeserializer::new(map)).map(Data::Change)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Self::Value, A::Error> {
        Few::deserialize(SeqAccessDeserializer::new(items)).map(Data::Trades)
    }
}

impl<D> Frame<'_, D> {
    /// What a frame without prices is.
    pub(super) fn other(&self) -> Option<Said> {
        let said = match (self.topic, self.success, self.op) {
            (None, Some(false), _) => Said::Refused,
            (None, _, Some("ping" | "pong")) => Said::Other("pong"),
            (None, Some(true), _) => Said::Other("answer to a request"),
            (Some(topic), ..) if self.data.is_some() => match topic.split('.').next()? {
                "orderbook" if !topic.starts_with(BOOK) => Said::Other("order book"),
                // Those of prices are read elsewhere, if they are as they should be.
                "orderbook" | "publicTrade" | "tickers" => return None,
                "kline" => Said::Other("candle"),
                _ => Said::Other("another channel"),
            },
            _ => return None,
        };
        Some(said)
    }
}
