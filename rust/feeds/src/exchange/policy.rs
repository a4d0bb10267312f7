//! How long is waited for what: a venue's own rules, and those that hold for all.

use std::time::Duration;

use silverbullet_market::{Nanos, SECOND};

use super::venue::Venue;

/// Every time that supervision goes by, in nanoseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Policy {
    /// A connection that is not open after this long is given up.
    pub(crate) open_within: Nanos,
    /// One on which nothing comes for this long is given up.
    pub(crate) silence: Nanos,
    /// The longest that the first pause before another attempt may be; it doubles with each that fails.
    pub(crate) first_pause: Nanos,
    /// The longest that any pause may be.
    pub(crate) longest_pause: Nanos,
    /// Prices have to come for this long before pauses are short again.
    pub(crate) healthy_after: Nanos,
    /// A connection is replaced after this long.
    pub(crate) lifetime: Option<Nanos>,
    /// The old and the new connection are both read for this long.
    pub(crate) overlap: Nanos,
    /// How often something is sent to keep a connection alive.
    pub(crate) keep_alive: Option<Nanos>,
    /// Between two frames that are sent.
    pub(crate) pace: Nanos,
    /// So many connections may be opened in such a time.
    pub(crate) connects: (usize, Nanos),
    /// No venue is obeyed that wants to be left alone for longer.
    pub(crate) longest_wish: Nanos,
}

impl Policy {
    /// What `venue` asks for, and what holds for all.
    pub(crate) fn of(venue: &dyn Venue) -> Self {
        let (count, window) = venue.connects();
        Self {
            open_within: 10 * SECOND,
            silence: nanos(venue.silence()),
            first_pause: SECOND / 4,
            longest_pause: 60 * SECOND,
            healthy_after: 30 * SECOND,
            lifetime: venue.lifetime().map(nanos),
            overlap: 5 * SECOND,
            keep_alive: venue.keep_alive().map(|keep_alive| nanos(keep_alive.every)),
            pace: nanos(venue.pace()),
            connects: (count, nanos(window)),
            longest_wish: 3_600 * SECOND,
        }
    }
}

pub(crate) fn nanos(duration: Duration) -> Nanos {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}
