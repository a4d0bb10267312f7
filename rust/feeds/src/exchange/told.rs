//! What the intake is told, as values: who hears all of it in order can tell it another intake, which then says the same.

use silverbullet_market::{EventKind, Nanos};

use super::intake::Receipt;

/// A connection of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connection {
    /// Which of the symbols' groups it brings the prices of.
    pub line: u32,
    /// How many connections the group had before it.
    pub number: u64,
}

/// What happens on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<'a> {
    /// It is being opened. Its prices are held back while another one's are taken.
    Begun {
        /// Whether another one's are.
        held: bool,
    },
    /// It is open, and the venue's answer bears this time (nanoseconds UTC).
    Answered(Nanos),
    /// A frame of text. Its prices are taken at once, but for the first ones of a connection, which wait for
    /// [`Taken`](Self::Taken): what they end has to be told before.
    Frame(&'a str),
    /// A frame of so many bytes that are no text.
    Binary(usize),
    /// The prices of the frame before are taken.
    Taken,
    /// It takes the place of the one before: what it has held back is handed on.
    Switched,
    /// Nothing more comes on it.
    Ended,
}

impl Step<'_> {
    /// Whether the exchange has sent a frame.
    pub(crate) fn is_frame(&self) -> bool {
        matches!(self, Self::Frame(_) | Self::Binary(_))
    }
}

/// Something the intake is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told<'a> {
    /// What happens on a connection.
    Of(Connection, Step<'a>),
    /// To be kept in `events`.
    Note {
        /// What kind of thing has happened.
        kind: EventKind,
        /// What it is counted under.
        reason: &'static str,
        /// The particulars.
        detail: &'a str,
    },
    /// Prices are missing.
    Gap {
        /// Since when, nanoseconds UTC.
        from: Nanos,
        /// Until when.
        to: Nanos,
        /// For what reason.
        why: &'a str,
    },
}

/// What is known when a source starts, and what its intake says depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beginning {
    /// The venue's name.
    pub venue: String,
    /// Names of the assets.
    pub assets: Vec<String>,
    /// The currency that prices are in.
    pub quote: String,
    /// What the venue calls the market of each asset.
    pub symbols: Vec<String>,
    /// The time of the start, nanoseconds UTC: offsets go on from it.
    pub start: Nanos,
    /// UTC less the monotonic clock, all along.
    pub base: Nanos,
}

/// Hears what the intake is told, on the thread of the sockets, which must not wait: e.g. to record it.
pub trait Tap: Send {
    /// The source starts.
    fn begins(&mut self, beginning: &Beginning);

    /// The intake is told this now.
    fn told(&mut self, receipt: Receipt, told: &Told<'_>);

    /// Something that people have to know of the hearing itself, once.
    fn trouble(&mut self) -> Option<String> {
        None
    }
}
