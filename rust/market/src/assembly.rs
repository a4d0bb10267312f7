//! From a source's inputs to final bars: admission, bars and merged time in one piece.
//!
//! The engine and the batch functions share it, so that a live run, a replay and `optimize` see the same
//! bars.

use serde::{Deserialize, Serialize};

use crate::admission::{self, Admission, Admitted};
use crate::bar::{BarBuilder, FinalBar, NewestPrice, Placement, Ready};
use crate::clock::Nanos;
use crate::tick::{Event, EventKind, HistoryBar, Tick};
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
    /// Greatest event time of the ticks placed so far. Admission may be ahead of it by what was held.
    placed: Nanos,
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
            admission: Admission::new(assets, universe.max_ahead, universe.max_price_ratio),
            bars: BarBuilder::new(assets, universe.interval, gap_limit(universe)),
            placed: Nanos::MIN,
            pending: room(),
            spare: None,
        }
    }

    /// Takes a bar of history. One that does not follow the bar before it becomes an event.
    pub fn history(&mut self, history: &HistoryBar, out: &mut dyn FnMut(Step)) {
        let members = &self.members;
        match self.bars.add_history(history, |id| members.get(id).copied().flatten()) {
            Some(bar) => {
                self.placed = self.placed.max(bar.close_time);
                self.admission.seed(bar.close_time, bar.assets.iter().map(|asset| asset.close));
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

    /// Takes a tick. A tick of an asset outside the universe is none of its business and leads to nothing.
    pub fn tick(&mut self, tick: Tick, out: &mut dyn FnMut(Step)) {
        let Some(position) = self.members.get(tick.asset.index()).copied().flatten() else {
            return;
        };
        let Self { admission, bars, pending, .. } = self;
        admission
            .offer(position, tick, &mut |time| bars.is_late(time), &mut |admitted| pending.push(admitted));
        self.settle(out);
    }

    /// The input was stopped: what is held is decided, and the last bar stays open.
    pub fn stop(&mut self, out: &mut dyn FnMut(Step)) {
        let Self { admission, bars, pending, .. } = self;
        admission.end(&mut |time| bars.is_late(time), &mut |admitted| pending.push(admitted));
        self.settle(out);
    }

    /// The input has ended: its last bar closes, too.
    pub fn end(&mut self, out: &mut dyn FnMut(Step)) {
        self.stop(out);
        if let Some(close) = self.bars.last_close() {
            self.finish_bars(close, out);
        }
    }

    /// Merged time: the greatest event time admitted so far.
    #[must_use]
    pub fn merged_time(&self) -> Option<Nanos> {
        self.admission.merged_time()
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
            && self.bars.is_for(assets, universe.interval, gap_limit(universe))
    }

    fn settle(&mut self, out: &mut dyn FnMut(Step)) {
        let mut pending = std::mem::take(&mut self.pending);
        for admitted in pending.drain(..) {
            match admitted {
                Admitted::Event(event) => out(Step::Event(event)),
                Admitted::Tick(position, tick) => self.place(position, tick, out),
            }
        }
        self.pending = pending;
    }

    fn place(&mut self, position: usize, tick: Tick, out: &mut dyn FnMut(Step)) {
        if self.bars.add(position, &tick) == Placement::Late {
            return out(Step::Event(admission::out_of_order(&tick)));
        }
        self.placed = self.placed.max(tick.event_time);
        self.finish_bars(self.placed.saturating_sub(self.lateness), out);
        out(Step::Tick(position, tick));
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
