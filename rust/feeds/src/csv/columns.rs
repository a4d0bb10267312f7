//! Which column of a file is what, from its header.

use std::path::Path;

use super::rows::Row;
use crate::error::{FeedError, Result};

const TIMESTAMP: &[&str] = &["timestamp", "ts", "time", "datetime", "date", "event_time"];
const ASSET: &[&str] = &["asset", "symbol", "ticker", "instrument"];
const PRICE: &[&str] = &["price", "px", "last", "close"];
const BID: &[&str] = &["bid", "best_bid", "bid_price"];
const ASK: &[&str] = &["ask", "best_ask", "ask_price"];
const SIZE: &[&str] = &["size", "volume", "quantity", "qty", "amount"];
const SEQUENCE: &[&str] = &["sequence", "seq"];

/// Positions of the columns that are used; the others may hold anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Columns {
    /// Number of columns: every row has as many.
    pub(crate) width: usize,
    pub(crate) timestamp: usize,
    pub(crate) asset: usize,
    pub(crate) price: usize,
    pub(crate) bid: Option<usize>,
    pub(crate) ask: Option<usize>,
    pub(crate) size: Option<usize>,
    pub(crate) sequence: Option<usize>,
}

impl Columns {
    /// Reads the header, in any order and case. Where several names of a column are there, e.g. `price` and
    /// `close`, the one named first here is taken.
    pub(crate) fn from_header(header: &Row<'_>, path: &Path) -> Result<Self> {
        let names: Vec<String> =
            (0..header.len()).map(|i| String::from_utf8_lossy(header.field(i)).to_lowercase()).collect();
        let found = || names.join(", ").chars().filter(|c| !c.is_control()).take(200).collect::<String>();
        let find = |aliases: &[&'static str]| {
            let positions = |alias: &str| names.iter().position(|name| name == alias);
            let Some((alias, at)) = aliases.iter().find_map(|alias| Some((*alias, positions(alias)?))) else {
                return Ok(None);
            };
            if names[at + 1..].iter().any(|name| name == alias) {
                return Err(FeedError::DuplicateColumn {
                    path: path.to_owned(),
                    column: alias,
                    found: found(),
                });
            }
            Ok(Some(at))
        };
        let need = |aliases: &[&'static str]| {
            find(aliases)?.ok_or_else(|| FeedError::MissingColumn {
                path: path.to_owned(),
                column: aliases[0],
                found: found(),
            })
        };
        Ok(Self {
            width: names.len(),
            timestamp: need(TIMESTAMP)?,
            asset: need(ASSET)?,
            price: need(PRICE)?,
            bid: find(BID)?,
            ask: find(ASK)?,
            size: find(SIZE)?,
            sequence: find(SEQUENCE)?,
        })
    }

    /// The positions of all columns that are used.
    pub(crate) fn used(&self) -> impl Iterator<Item = usize> {
        [
            Some(self.timestamp),
            Some(self.asset),
            Some(self.price),
            self.bid,
            self.ask,
            self.size,
            self.sequence,
        ]
        .into_iter()
        .flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::super::rows::Rows;
    use super::*;

    fn columns(header: &str) -> Result<Columns> {
        Columns::from_header(&Rows::new(header.as_bytes()).next().unwrap().unwrap(), Path::new("x.csv"))
    }

    #[test]
    fn any_order_case_and_the_usual_names() {
        let found = columns("Volume, PRICE ,note,\"Symbol\",ts,Bid,ask,seq").unwrap();
        assert_eq!((found.timestamp, found.asset, found.price, found.width), (4, 3, 1, 8));
        assert_eq!((found.bid, found.ask, found.size, found.sequence), (Some(5), Some(6), Some(0), Some(7)));
        assert_eq!(columns("time,close,asset,price,timestamp").unwrap().price, 3);
        assert_eq!(columns("time,close,asset,price,timestamp").unwrap().timestamp, 4);
    }

    #[test]
    fn a_missing_or_double_column_is_named_with_what_was_found() {
        let message = columns("timestamp;asset;price").unwrap_err().to_string();
        assert!(
            message.contains("no `timestamp` column") && message.contains("timestamp;asset;price"),
            "{message}"
        );
        let message = columns("timestamp,asset,open").unwrap_err().to_string();
        assert!(
            message.contains("no `price` column") && message.contains("timestamp, asset, open"),
            "{message}"
        );
        let message = columns("timestamp,asset,price,Price").unwrap_err().to_string();
        assert!(message.contains("two `price` columns"), "{message}");
    }
}
