//! What a connection makes of a frame, as the source of live prices will ask for it.

use silverbullet_feeds::exchange::{
    Break, Continuity, Fault, Jump, Number, Print, Said, Skew, Stream, Venue,
};
use silverbullet_market::Nanos;

/// A price that outlives its frame.
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
    /// What was wrong with its number.
    pub(crate) found: Option<Break>,
    /// Whether a clock had jumped.
    pub(crate) jump: Option<Jump>,
}

/// All that comes of a frame.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) said: Result<Said, Fault>,
    pub(crate) prices: Vec<Result<Told, Fault>>,
    pub(crate) found: Option<Break>,
}

/// What is kept of a connection, but for what the venue keeps itself.
#[derive(Default)]
pub(crate) struct Connection {
    continuity: Continuity,
    skew: Skew,
}

impl Connection {
    pub(crate) fn take(&mut self, venue: &mut dyn Venue, receipt: Nanos, frame: &str) -> Answer {
        let mut prices = Vec::new();
        let said = venue.read(frame, &mut |print| prices.push(print.map(|print| self.tell(receipt, &print))));
        Answer { said, prices, found: venue.frame_break() }
    }

    fn tell(&mut self, receipt: Nanos, print: &Print<'_>) -> Told {
        let &Print { symbol, stream, price, bid, ask, size, time, number } = print;
        let found = self.continuity.look(print);
        let jump = time.and_then(|time| self.skew.look(receipt, time));
        Told { symbol: symbol.to_owned(), stream, price, bid, ask, size, time, number, found, jump }
    }
}
