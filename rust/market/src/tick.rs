//! Ticks, and what else a source hands to the engine.

use serde::{Deserialize, Serialize};

use crate::clock::Nanos;

/// Position of an asset in its source's directory of names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AssetId(pub u32);

impl AssetId {
    /// The position as an index.
    #[must_use]
    #[inline]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// One price of one asset.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Tick {
    /// Whose price it is.
    pub asset: AssetId,
    /// The price, in the quote currency.
    pub price: f64,
    /// Best bid, where the source has one.
    pub bid: Option<f64>,
    /// Best ask, where the source has one.
    pub ask: Option<f64>,
    /// Traded quantity, where the source has one.
    pub size: Option<f64>,
    /// When it happened, as the venue says: nanoseconds UTC.
    pub event_time: Nanos,
    /// When it arrived here, on the monotonic clock: ages and latencies come from this. It means nothing to
    /// another process, so it is not kept.
    #[serde(skip)]
    pub receipt_time: Nanos,
    /// Which venue said so; breaks ties in event time between venues.
    pub venue: u16,
    /// The venue's own number for it, where it has one.
    pub sequence: Option<u64>,
    /// Partition of the queue, or zero.
    pub partition: u32,
    /// Offset in the partition, or line of the file.
    pub offset: u64,
}

/// What decides which of two ticks is the later one, whatever order they arrived in.
pub type OrderKey = (Nanos, u16, u64, u32, u64);

impl Tick {
    /// Event time, venue, sequence, partition, offset: the greatest of a bar's ticks is its close.
    #[must_use]
    #[inline]
    pub fn order_key(&self) -> OrderKey {
        (self.event_time, self.venue, self.sequence.unwrap_or(0), self.partition, self.offset)
    }
}

/// What happened to the stream besides ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EventKind {
    /// An input that could not be used, with the reason.
    Quarantined,
    /// An input that was understood and rightly left out, e.g. a duplicate.
    Ignored,
    /// Ticks are missing from a stretch of time. Where it is longer than the window no return is formed across it; where it is
    /// shorter this is the mark of the return that spans it, and the bars in between are those without a tick.
    Gap,
    /// An answer that is not the one asked for.
    Fallback,
    /// The source was lost, or is back.
    Connection,
    /// Something that live timing decided and a replay must decide alike.
    Decision,
    /// A change that a person asked for while it ran.
    Command,
    /// The machine's clock was set.
    Clock,
}

impl EventKind {
    /// The name used in tables and interfaces.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Quarantined => "quarantined",
            Self::Ignored => "ignored",
            Self::Gap => "gap",
            Self::Fallback => "fallback",
            Self::Connection => "connection",
            Self::Decision => "decision",
            Self::Command => "command",
            Self::Clock => "clock",
        }
    }
}

/// One row of the `events` table, before the engine adds universe and time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What kind of thing happened.
    pub kind: EventKind,
    /// A short constant reason that counts are kept under, e.g. `price not positive`.
    pub reason: &'static str,
    /// The particulars, with what was found and where.
    pub detail: String,
    /// Partition of the queue, or zero.
    pub partition: u32,
    /// Offset in the partition, or line of the file.
    pub offset: u64,
}

/// A bar known beforehand: history that fills the window before the first tick.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryBar {
    /// The bar's number: its close time divided by the interval.
    pub number: i64,
    /// One close an asset of the source's directory; `None` where the asset had none.
    pub closes: Vec<Option<f64>>,
}

/// How a partition of the source stands, as far as bars have to wait for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartitionState {
    /// It is there: where it is news, bars wait for it from now on.
    Found,
    /// Prices come from it: no bar is final before its time has passed the bar.
    Active,
    /// It has been silent for long although everything is read: bars do not wait for it until its next price.
    Idle,
    /// Nothing more will come.
    Ended,
    /// Its offsets begin anew, as those of a topic that was deleted and made again.
    Restarted,
}

/// What flows from a source to an engine. Boxed where it is rare, so that a slot stays one tick wide.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// A price.
    Tick(Tick),
    /// A bar of history; only before the first tick.
    History(Box<HistoryBar>),
    /// An input that could not be used, to be kept in `events`; its offset counts as consumed.
    Event(Box<Event>),
    /// What came in one message: taken as a whole or not at all.
    Batch(Vec<Input>),
    /// Something about the source itself, to be kept in `events`; it has no place among the inputs.
    Note(Box<Event>),
    /// How a partition stands. A source with a single one need not say.
    Partition(u32, PartitionState),
    /// The end asked for is reached, of an input that may go on another time: what is held is decided, and the last bar
    /// closes.
    Close,
}

#[cfg(test)]
mod tests {
    #[test]
    fn later_in_the_file_is_later_at_the_same_time() {
        let tick = |line| crate::fixtures::tick(0, 5, 1.0, line);
        assert!(tick(2).order_key() > tick(1).order_key());
    }
}
