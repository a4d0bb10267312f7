//! From a source's inputs to final bars: admission, bars and merged time in one piece.
//!
//! The engine and the batch functions share it, so that a live run, a replay and `optimize` see the same
//! bars.

use serde::{Deserialize, Serialize};

use crate::admission::{self, Admission, Admitted, FOREIGN};
use crate::bar::{BarBuilder, FinalBar, NewestPrice, Placement, Ready, bar_number};
use crate::clock::Nanos;
use crate::decision::{Decision, DecisionKind};
use crate::streams::{State, Streams};
use crate::tick::{Event, EventKind, HistoryBar, PartitionState, Tick};
use crate::universe::Universe;

/// What an input led to, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// A bar became final. It comes before the tick that made it so.
    Bar(Box<FinalBar>),
    /// More bars than the window holds passed without a tick; what is known of returns must be forgotten.
    Gap(Event),
    /// A tick counts, for the asset at this position of the universe.
    Tick(usize, Tick),
    /// An input does not count.
    Event(Event),
}

/// Turns ticks into [`Step`]s for one universe.
///
/// What it is made of can be written down and read again: it then goes on as if nothing had happened, to the
/// same bits.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Assembly {
    members: Vec<Option<usize>>,
    lateness: Nanos,
    admission: Admission,
    bars: BarBuilder,
    streams: Streams,
    interval: Nanos,
    /// Number of the last decision.
    decisions: u64,
    /// Empty between two inputs; kept for its room.
    #[serde(skip, default = "room")]
    pending: Vec<Admitted>,
    /// A box of a final bar, to be used again.
    #[serde(skip)]
    spare: Option<Box<FinalBar>>,
}

/// Ticks that one input can release at most, with room to spare.
const CAPACITY: usize = 128;

impl Assembly {
    /// For the assets and the rules of `universe`.
    #[must_use]
    pub fn new(universe: &Universe) -> Self {
        let assets = universe.assets.len();
        Self {
            members: universe.members.clone(),
            lateness: lateness(universe),
            admission: Admission::new(assets, universe.max_price_ratio),
            bars: BarBuilder::new(assets, universe.interval, gap_limit(universe)),
            streams: Streams::new(assets, universe.max_ahead),
            interval: universe.interval,
            decisions: 0,
            pending: room(),
            spare: None,
        }
    }

    /// Takes a bar of history. One that does not follow the bar before it becomes an event.
    pub fn history(&mut self, history: &HistoryBar, out: &mut dyn FnMut(Step)) {
        let members = &self.members;
        match self.bars.add_history(history, |id| members.get(id).copied().flatten()) {
            Some(bar) => {
                self.streams.seed(bar.close_time);
                self.admission.seed(bar.assets.iter().map(|asset| asset.close));
                out(Step::Bar(Box::new(bar)));
            }
            None => out(Step::Event(Event {
                kind: EventKind::Quarantined,
                reason: "history out of order",
                detail: format!("bar {} does not follow the bar before it", history.number),
                partition: 0,
                offset: history.number.unsigned_abs(),
            })),
        }
    }

    /// Takes a tick. A tick of an asset outside the universe tells how far its partition is, where there are several,
    /// and leads to nothing else.
    pub fn tick(&mut self, tick: Tick, out: &mut dyn FnMut(Step)) {
        let position = self.members.get(tick.asset.index()).copied().flatten();
        if position.is_none() && !self.streams.are_several() {
            return;
        }
        self.wake(tick.partition, tick.offset, out);
        let Self { admission, bars, streams, lateness, interval, pending, .. } = self;
        let stream = streams.of(tick.partition);
        let (placed, clock) = (stream.placed, &mut stream.clock);
        let mut is_late = |time| bars.is_late(time) || has_passed(time, placed, *lateness, *interval);
        admission.offer(clock, position.unwrap_or(FOREIGN), tick, &mut is_late, &mut |admitted| {
            pending.push(admitted);
        });
        self.settle(tick.partition, out);
    }

    /// Takes how a partition stands. That there is a new one, that bars do not wait for it any more, or wait again, becomes
    /// an event: it was decided by time, and a replay decides alike.
    pub fn partition(
        &mut self,
        partition: u32,
        state: PartitionState,
        offset: u64,
        out: &mut dyn FnMut(Step),
    ) {
        if !self.streams.knows(partition) {
            let detail = format!("there is partition {partition}, and bars wait for it");
            self.streams.set(partition, PartitionState::Active);
            self.decide(DecisionKind::Added, partition, offset, &detail, out);
        }
        match state {
            PartitionState::Found => return,
            PartitionState::Active => return self.wake(partition, offset, out),
            PartitionState::Idle | PartitionState::Ended | PartitionState::Restarted => {}
        }
        if self.streams.set(partition, state) {
            let (kind, what) = match state {
                PartitionState::Idle => (DecisionKind::Idle, "is silent after"),
                PartitionState::Ended => (DecisionKind::Ended, "is read to its end, after"),
                _ => return self.finish_merged(out),
            };
            let detail = format!("bars do not wait for partition {partition}, which {what} offset {offset}");
            self.decide(kind, partition, offset, &detail, out);
        }
        self.finish_merged(out);
    }

    fn decide(
        &mut self,
        kind: DecisionKind,
        partition: u32,
        offset: u64,
        detail: &str,
        out: &mut dyn FnMut(Step),
    ) {
        self.decisions += 1;
        out(Step::Event(Decision::event(self.decisions, kind, partition, offset, detail)));
    }

    /// How many decisions about partitions were taken.
    #[must_use]
    pub fn decisions(&self) -> u64 {
        self.decisions
    }

    /// A partition that was not waited for is waited for again.
    #[inline]
    fn wake(&mut self, partition: u32, offset: u64, out: &mut dyn FnMut(Step)) {
        if self.streams.of(partition).state != State::Active {
            self.wake_up(partition, offset, out);
        }
    }

    #[cold]
    fn wake_up(&mut self, partition: u32, offset: u64, out: &mut dyn FnMut(Step)) {
        self.streams.set(partition, PartitionState::Active);
        let next = self.bars.next().map_or_else(String::new, |next| format!(" from bar {next} on"));
        let detail = format!("bars{next} wait for partition {partition} again, at offset {offset}");
        self.decide(DecisionKind::Active, partition, offset, &detail, out);
    }

    /// The input was stopped: what is held is decided, and the last bar stays open.
    pub fn stop(&mut self, out: &mut dyn FnMut(Step)) {
        let Self { admission, bars, streams, lateness, interval, pending, .. } = self;
        let mut ends = Vec::new();
        for stream in streams.iter_mut() {
            let placed = stream.placed;
            let mut is_late = |time| bars.is_late(time) || has_passed(time, placed, *lateness, *interval);
            admission.end(&mut stream.clock, &mut is_late, &mut |admitted| pending.push(admitted));
            ends.push((stream.partition, pending.len()));
        }
        let mut held = std::mem::take(&mut self.pending).into_iter();
        let mut from = 0;
        for (partition, to) in ends {
            self.pending.extend(held.by_ref().take(to - from));
            from = to;
            self.settle(partition, out);
        }
    }

    /// The end asked for is reached, of an input that may go on another time: as [`end`](Self::end), and a decision.
    pub fn close(&mut self, out: &mut dyn FnMut(Step)) {
        self.end(out);
        let detail = "the input came to the end asked for, and its last bar closed";
        self.decide(DecisionKind::Closed, 0, 0, detail, out);
    }

    /// The input has ended: its last bar closes, too.
    pub fn end(&mut self, out: &mut dyn FnMut(Step)) {
        self.stop(out);
        if let Some(close) = self.bars.last_close() {
            self.finish_bars(close, out);
        }
    }

    /// The greatest event time admitted so far, in any partition.
    #[must_use]
    pub fn newest_time(&self) -> Option<Nanos> {
        self.streams.newest()
    }

    /// The newest price of the asset at this position of the universe, open bars included.
    #[must_use]
    pub fn newest_price(&self, position: usize) -> NewestPrice {
        self.bars.newest_price(position)
    }

    /// True when this was made for `universe`, so that it may go on with its ticks.
    #[must_use]
    pub fn is_for(&self, universe: &Universe) -> bool {
        let assets = universe.assets.len();
        self.members == universe.members
            && self.lateness == lateness(universe)
            && self.admission.is_for(assets)
            && self.streams.is_for(assets)
            && self.bars.is_for(assets, universe.interval, gap_limit(universe))
    }

    fn settle(&mut self, partition: u32, out: &mut dyn FnMut(Step)) {
        let mut pending = std::mem::take(&mut self.pending);
        for admitted in pending.drain(..) {
            match admitted {
                Admitted::Event(event) => out(Step::Event(event)),
                Admitted::Tick(position, tick) => self.place(partition, position, tick, out),
            }
        }
        self.pending = pending;
    }

    fn place(&mut self, partition: u32, position: usize, tick: Tick, out: &mut dyn FnMut(Step)) {
        let stream = self.streams.of(partition);
        if position != FOREIGN {
            let passed = has_passed(tick.event_time, stream.placed, self.lateness, self.interval);
            if passed || self.bars.add(position, &tick) == Placement::Late {
                return out(Step::Event(admission::out_of_order(&tick)));
            }
        }
        if tick.event_time > stream.placed {
            stream.placed = tick.event_time;
            self.finish_merged(out);
        }
        if position != FOREIGN {
            out(Step::Tick(position, tick));
        }
    }

    /// Makes final what all partitions have passed by the lateness.
    fn finish_merged(&mut self, out: &mut dyn FnMut(Step)) {
        let until = self.streams.merge().saturating_sub(self.lateness);
        self.finish_bars(until, out);
    }

    /// Takes back a bar that nobody needs any more: with one at hand the next final bar allocates nothing.
    pub fn recycle(&mut self, mut bar: Box<FinalBar>) {
        self.bars.recycle(std::mem::take(&mut bar.assets));
        self.spare = Some(bar);
    }

    fn boxed(&mut self, bar: FinalBar) -> Box<FinalBar> {
        match self.spare.take() {
            Some(mut spare) => {
                *spare = bar;
                spare
            }
            None => Box::new(bar),
        }
    }

    fn finish_bars(&mut self, until: Nanos, out: &mut dyn FnMut(Step)) {
        while let Some(ready) = self.bars.next_final(until) {
            out(match ready {
                Ready::Bar(bar) => Step::Bar(self.boxed(bar)),
                Ready::Gap { from, to } => Step::Gap(Event {
                    kind: EventKind::Gap,
                    reason: "gap",
                    detail: format!("no tick from bar {from} to bar {to}: the window starts anew"),
                    partition: 0,
                    offset: to.unsigned_abs(),
                }),
            });
        }
    }
}

/// Whether the bar of `time` is over for a partition that has come to `placed`.
#[inline]
fn has_passed(time: Nanos, placed: Nanos, lateness: Nanos, interval: Nanos) -> bool {
    time < placed && bar_number(time, interval).saturating_mul(interval) <= placed.saturating_sub(lateness)
}

fn room() -> Vec<Admitted> {
    Vec::with_capacity(CAPACITY)
}

/// A tick on the grid must not close its own bar: others may carry the same time.
fn lateness(universe: &Universe) -> Nanos {
    universe.lateness.max(1)
}

fn gap_limit(universe: &Universe) -> i64 {
    i64::try_from(universe.window).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
