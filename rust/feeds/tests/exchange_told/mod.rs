//! A price that outlives its frame.

use silverbullet_feeds::exchange::{Number, Print, Stream};
use silverbullet_market::Nanos;

/// A price, as a venue has told it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Told {
    pub(crate) symbol: String,
    pub(crate) stream: Stream,
    pub(crate) price: f64,
    pub(crate) bid: Option<f64>,
    pub(crate) ask: Option<f64>,
    pub(crate) size: Option<f64>,
    pub(crate) time: Option<Nanos>,
    pub(crate) number: Number,
}

impl Told {
    pub(crate) fn of(print: &Print<'_>) -> Self {
        let &Print { symbol, stream, price, bid, ask, size, time, number } = print;
        Self { symbol: symbol.to_owned(), stream, price, bid, ask, size, time, number }
    }
}
