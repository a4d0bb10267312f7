//! The contract between a source of ticks and who takes them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::clock::Nanos;
use crate::decision::Decision;
use crate::health::SourceWatch;
use crate::tick::Input;

/// What a source says of itself before it starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceDescription {
    /// Short name that stands in `events` and on the page, e.g. `csv` or `simulator`.
    pub name: String,
    /// What makes this input this input (content digest, simulator settings): part of the variant.
    pub identity: String,
    /// Names of the venues that prices come from, by the number that a [`Tick`](crate::Tick) bears; empty where they come
    /// from none.
    pub venues: Vec<String>,
    /// Asset names; an [`AssetId`](crate::AssetId) is a position in this list.
    pub assets: Vec<String>,
    /// The regular spacing of event times, where the source has one.
    pub grid: Option<Nanos>,
    /// True when the same input can be had again, so that a full queue may make the source wait.
    pub replayable: bool,
    /// True when it can begin behind given offsets: what was consumed need not be brought again.
    pub seekable: bool,
    /// Number of rows to come, where it is known: for progress.
    pub rows: Option<u64>,
}

/// Takes what a source produces.
pub trait Sink {
    /// Hands over one input. Blocks while the receiver is behind and the source can wait.
    fn push(&mut self, input: Input);

    /// Counts one raw input record, whatever becomes of it.
    fn frame(&mut self);

    /// True while what is pushed was taken by an earlier run and is only passed over: no pace is kept then.
    fn hurries(&self) -> bool {
        false
    }
}

/// Where ticks come from. Runs on its own thread.
pub trait Source: Send {
    /// What the source says of itself.
    fn description(&self) -> &SourceDescription;

    /// Has it begin behind these offsets of its partitions; those not named begin with what they have first. Only
    /// [`seekable`](SourceDescription::seekable) sources are asked.
    fn start_behind(&mut self, _offsets: BTreeMap<u32, u64>) {}

    /// Has it take these decisions again, each at its place, before it takes any of its own; where `only` is true it takes
    /// none of its own at all. Only [`seekable`](SourceDescription::seekable) sources are asked.
    fn follow(&mut self, _decisions: Vec<Decision>, _only: bool) {}

    /// Where it tells how it fares; `None` of one that cannot fail for a while.
    fn watch(&self) -> Option<SourceWatch> {
        None
    }

    /// Pushes everything into `sink` until the input ends or `stop` is raised.
    ///
    /// # Errors
    /// Only what ends the stream: an unreadable file, never a bad row.
    fn run(&mut self, sink: &mut dyn Sink, stop: &StopFlag) -> Result<(), SourceError>;
}

/// Why a source ended before its input did.
#[derive(Debug, thiserror::Error)]
#[error("{context}: {source}")]
pub struct SourceError {
    /// What was being done, with the name of the thing.
    pub context: String,
    /// What went wrong.
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// Raised once to ask every thread to end.
#[derive(Debug, Clone, Default)]
pub struct StopFlag(Arc<AtomicBool>);

impl StopFlag {
    /// Asks everyone who holds a clone to end.
    pub fn raise(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// True once raised.
    #[must_use]
    #[inline]
    pub fn is_raised(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
