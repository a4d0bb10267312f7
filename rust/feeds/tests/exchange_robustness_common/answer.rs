//! What a connection makes of a frame, as the source of live prices will ask for it.

use silverbullet_feeds::exchange::{Break, Continuity, Fault, Jump, Print, Said, Skew, Venue};
use silverbullet_market::Nanos;

use super::told::Told;

/// A price, and how it was judged.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Judged {
    pub(crate) told: Told,
    /// What was wrong with its number.
    pub(crate) found: Option<Break>,
    /// Whether a clock had jumped.
    pub(crate) jump: Option<Jump>,
}

/// All that comes of a frame.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) said: Result<Said, Fault>,
    pub(crate) prices: Vec<Result<Judged, Fault>>,
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
        let said =
            venue.read(frame, &mut |print| prices.push(print.map(|print| self.judge(receipt, &print))));
        Answer { said, prices, found: venue.frame_break() }
    }

    fn judge(&mut self, receipt: Nanos, print: &Print<'_>) -> Judged {
        let found = self.continuity.look(print);
        let jump = print.time.and_then(|time| self.skew.look(receipt, time));
        Judged { told: Told::of(print), found, jump }
    }
}
