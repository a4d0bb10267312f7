//! What everyone but the hot thread sees of an engine: newest publication, counters, latency, events.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicI64, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use silverbullet_market::{Event, EventKind, Nanos, Universe};

use crate::at_close::AtClose;
use crate::commands::CommandDesk;
use crate::hot::closes::CloseDesk;
use crate::latest::Latest;
use crate::publication::Publication;
use crate::scene::{Scene, Scenery};

/// Events kept in memory for the view; all of them go to the durable path.
const RECENT_EVENTS: usize = 100;

/// Counts of one engine's run. Written by one thread each, read by anyone.
#[derive(Debug, Default)]
pub struct Counters {
    /// Raw input records of the source.
    pub frames: Apart,
    /// Ticks accepted.
    pub ticks: AtomicU64,
    /// Inputs quarantined.
    pub quarantined: AtomicU64,
    /// Final bars.
    pub bars: AtomicU64,
    /// Final bars whose rows were handed on.
    pub stored_bars: AtomicU64,
    /// Publications made.
    pub publications: AtomicU64,
    /// Ticks taken in without a publication of their own, because a newer one was waiting.
    pub skipped: AtomicU64,
    /// Live populations swapped in.
    pub refreshes: AtomicU64,
}

/// A counter in cache lines of its own: the one that the source's thread writes, between those of the hot thread.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Apart(AtomicU64);

impl std::ops::Deref for Apart {
    type Target = AtomicU64;

    fn deref(&self) -> &AtomicU64 {
        &self.0
    }
}

/// Percentiles of one stage, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct StageLatency {
    /// Samples recorded.
    pub count: u64,
    /// Median.
    pub p50: u64,
    /// 90th percentile.
    pub p90: u64,
    /// 99th percentile.
    pub p99: u64,
    /// 99.9th percentile.
    #[serde(rename = "p99.9")]
    pub p999: u64,
    /// Largest.
    pub max: u64,
}

/// One stage's name with its percentiles.
pub type NamedLatency = (&'static str, StageLatency);

/// An event as it is shown and stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EventRow {
    /// Universe it concerns.
    pub universe: String,
    /// Source it came from.
    pub source: String,
    /// Partition of the queue, or zero.
    pub partition: u32,
    /// Offset in the partition, or line of the file.
    pub offset: u64,
    /// Name of an [`EventKind`].
    pub kind: &'static str,
    /// Event time of the stream when it happened, nanoseconds UTC.
    pub as_of: Nanos,
    /// Reason and particulars.
    pub detail: String,
}

/// Where an engine stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// No input yet.
    Starting,
    /// Input, but no asset with a full window.
    WarmingUp,
    /// Answering.
    Live,
    /// Taking prices into bars, and answering nothing until it is resumed.
    Paused,
    /// The input has ended and everything is stored.
    Ended,
    /// Ended by an error.
    Failed,
}

impl Phase {
    /// Every phase, in the order they are passed.
    pub const ALL: [Self; 6] =
        [Self::Starting, Self::WarmingUp, Self::Live, Self::Paused, Self::Ended, Self::Failed];

    /// The name used in interfaces, which is also how it is serialised.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::WarmingUp => "warming-up",
            Self::Live => "live",
            Self::Paused => "paused",
            Self::Ended => "ended",
            Self::Failed => "failed",
        }
    }
}

/// The newest answers of a close, and the weights held.
type Carried = (Option<Arc<AtClose>>, Option<Arc<[f64]>>);

/// The shared view of one engine.
#[derive(Debug)]
pub struct LiveState {
    /// The universe it answers for.
    pub universe: Universe,
    /// Name of its source.
    pub source: String,
    /// Names of the venues that its prices come from, by their numbers; empty where they come from none.
    pub venues: Vec<String>,
    /// Id of this run.
    pub run_id: String,
    /// Rows the source will bring, where known.
    pub rows: Option<u64>,
    /// Newest publication.
    pub latest: Latest,
    /// Counts.
    pub counters: Counters,
    pub(crate) scenery: Arc<Scenery>,
    /// Where objectives are answered that are not answered with each tick.
    pub(crate) closes: CloseDesk,
    /// Where commands are handed in.
    pub commands: CommandDesk,
    /// What publications carry along that seldom changes.
    carried: Mutex<Carried>,
    phase: AtomicU8,
    /// [`Nanos::MIN`] before the first.
    last_input: AtomicI64,
    reasons: Mutex<BTreeMap<String, u64>>,
    ignored: Mutex<BTreeMap<String, u64>>,
    events: Mutex<VecDeque<EventRow>>,
    latency: Mutex<Vec<NamedLatency>>,
}

impl LiveState {
    /// The same of a source whose prices come from these venues.
    #[must_use]
    pub fn with_venues(self, venues: &[String]) -> Self {
        Self { venues: venues.to_vec(), ..self }
    }

    /// A view of an engine that has not started; `answers` is the most portfolios a publication holds.
    #[must_use]
    pub fn new(universe: Universe, source: &str, run_id: &str, rows: Option<u64>, answers: usize) -> Self {
        Self {
            latest: Latest::new(universe.assets.len(), answers),
            universe,
            source: source.to_owned(),
            venues: Vec::new(),
            run_id: run_id.to_owned(),
            rows,
            counters: Counters::default(),
            scenery: Arc::default(),
            closes: CloseDesk::default(),
            commands: CommandDesk::default(),
            carried: Mutex::default(),
            phase: AtomicU8::new(Phase::Starting as u8),
            last_input: AtomicI64::new(Nanos::MIN),
            reasons: Mutex::default(),
            ignored: Mutex::default(),
            events: Mutex::default(),
            latency: Mutex::default(),
        }
    }

    /// A copy of the newest publication; `None` before the first.
    #[must_use]
    pub fn publication(&self) -> Option<Publication> {
        let mut publication = self.latest.read()?;
        (publication.at_close, publication.holdings) = lock(&self.carried).clone();
        Some(publication)
    }

    /// Where the engine stands.
    #[must_use]
    pub fn phase(&self) -> Phase {
        let phase = self.phase.load(Ordering::Acquire);
        Phase::ALL.into_iter().find(|known| *known as u8 == phase).unwrap_or(Phase::Starting)
    }

    /// When the engine took its newest input, on the monotonic clock; `None` before the first. What that clock
    /// shows now, less this, is how long the source has been silent.
    #[must_use]
    pub fn last_input(&self) -> Option<Nanos> {
        Some(self.last_input.load(Ordering::Relaxed)).filter(|&at| at != Nanos::MIN)
    }

    /// What there is to draw by now, worked out on the caller's thread; `None` while no two assets have a full
    /// window, or their bounds cannot be met.
    #[must_use]
    pub fn scene(&self) -> Option<Scene> {
        let publication = self.publication()?;
        self.scenery.scene(&publication, &self.universe)
    }

    /// Percentiles by stage since the start.
    #[must_use]
    pub fn latency(&self) -> Vec<NamedLatency> {
        lock(&self.latency).clone()
    }

    /// The newest events, oldest first.
    #[must_use]
    pub fn recent_events(&self) -> Vec<EventRow> {
        lock(&self.events).iter().cloned().collect()
    }

    /// Quarantined inputs by reason.
    #[must_use]
    pub fn quarantine_reasons(&self) -> BTreeMap<String, u64> {
        lock(&self.reasons).clone()
    }

    /// What has been counted so far.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let read = |counter: &AtomicU64| counter.load(Ordering::Acquire);
        Summary {
            frames: read(&self.counters.frames),
            ticks: read(&self.counters.ticks),
            ignored: lock(&self.ignored).clone(),
            quarantined: read(&self.counters.quarantined),
            bars: read(&self.counters.bars),
            publications: read(&self.counters.publications),
            skipped: read(&self.counters.skipped),
        }
    }

    /// Has publications carry what this one does; false while a reader has it just now.
    pub(crate) fn try_carry(&self, publication: &Publication) -> bool {
        let Ok(mut carried) = self.carried.try_lock() else { return false };
        *carried = (publication.at_close.clone(), publication.holdings.clone());
        true
    }

    pub(crate) fn set_phase(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Release);
    }

    pub(crate) fn took_input(&self, at: Nanos) {
        self.last_input.store(at, Ordering::Relaxed);
    }

    pub(crate) fn set_latency(&self, stages: Vec<NamedLatency>) {
        *lock(&self.latency) = stages;
    }

    /// Shows an event, unless a reader has the list just now; the durable path has it all the same.
    pub(crate) fn show_event(&self, event: EventRow) {
        let Ok(mut events) = self.events.try_lock() else { return };
        if events.len() == RECENT_EVENTS {
            events.pop_front();
        }
        events.push_back(event);
    }

    /// Adds what was counted to the reasons shown, and empties it; leaves it as it is while a reader has them.
    pub(crate) fn try_add_reasons(&self, tally: &mut Tally) {
        if let (Ok(mut reasons), Ok(mut ignored)) = (self.reasons.try_lock(), self.ignored.try_lock()) {
            tally.move_into(&mut reasons, &mut ignored);
        }
    }

    /// The same, waiting for readers: for the end.
    pub(crate) fn add_reasons(&self, tally: &mut Tally) {
        tally.move_into(&mut lock(&self.reasons), &mut lock(&self.ignored));
    }
}

/// Inputs that did not count, by reason, which the hot thread has not been able to show yet.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    quarantined: BTreeMap<&'static str, u64>,
    ignored: BTreeMap<&'static str, u64>,
}

impl Tally {
    pub(crate) fn count(&mut self, event: &Event) {
        match event.kind {
            EventKind::Quarantined => *self.quarantined.entry(event.reason).or_default() += 1,
            EventKind::Ignored => *self.ignored.entry(event.reason).or_default() += 1,
            _ => {}
        }
    }

    fn move_into(&mut self, reasons: &mut BTreeMap<String, u64>, ignored: &mut BTreeMap<String, u64>) {
        for (mine, shown) in [(&mut self.quarantined, reasons), (&mut self.ignored, ignored)] {
            for (reason, count) in std::mem::take(mine) {
                *shown.entry(reason.to_owned()).or_default() += count;
            }
        }
    }
}

/// What a run counted, as `run --format json` prints it at its end.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Summary {
    /// Raw input records.
    pub frames: u64,
    /// Ticks accepted.
    pub ticks: u64,
    /// Inputs understood and rightly left out, by name.
    pub ignored: BTreeMap<String, u64>,
    /// Inputs that could not be used.
    pub quarantined: u64,
    /// Final bars.
    pub bars: u64,
    /// Publications made.
    pub publications: u64,
    /// Ticks taken in without a publication of their own, because a newer one was waiting.
    pub skipped: u64,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phase_is_called_what_it_is_serialised_as() {
        for phase in Phase::ALL {
            assert_eq!(serde_json::to_value(phase).unwrap(), phase.name());
        }
    }
}
