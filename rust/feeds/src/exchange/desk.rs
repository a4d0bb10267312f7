//! What the connections to a venue share: reading, the queue to the sink, and the word on how it goes.

use std::sync::Arc;

use silverbullet_market::{Clock, EventKind, Input, Nanos, SECOND};

use super::board::Board;
use super::intake::{Intake, Receipt};
use super::outlet::Outlet;
use crate::clock_step::ClockStep;

/// Hears every frame of text as it comes, e.g. to record it.
pub type Tap = Box<dyn FnMut(Receipt, &str) + Send>;

/// How often it is looked at whether the machine's clock was set, and how many inputs wait.
const LOOK: Nanos = SECOND / 4;

/// Shared by all connections, and used by one at a time.
pub(crate) struct Desk {
    pub(crate) intake: Intake,
    pub(crate) outlet: Outlet,
    pub(crate) board: Board,
    pub(crate) tap: Option<Tap>,
    clock: Arc<dyn Clock>,
    /// UTC less monotonic time, at the start: when somebody sets the machine's clock, prices do not jump.
    base: Nanos,
    step: ClockStep,
    looked: Nanos,
}

impl Desk {
    pub(crate) fn new(
        intake: Intake,
        outlet: Outlet,
        board: Board,
        tap: Option<Tap>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let (step, looked) = (ClockStep::new(&*clock), clock.monotonic());
        let base = clock.utc() - looked;
        Self { intake, outlet, board, tap, clock, base, step, looked }
    }

    pub(crate) fn now(&self) -> Nanos {
        self.clock.monotonic()
    }

    /// What is received now is received at this time.
    pub(crate) fn receipt(&self, now: Nanos) -> Receipt {
        Receipt { monotonic: now, utc: now + self.base }
    }

    /// Has whoever takes the inputs see what was pushed, and tells where that is too slow.
    pub(crate) fn settle(&mut self, now: Nanos) {
        let Self { intake, outlet, board, .. } = self;
        let was_behind = outlet.is_behind();
        outlet.settle(&|kind, reason, detail| intake.note(kind, reason, detail));
        if was_behind && !outlet.is_behind() {
            tracing::warn!("{}: prices are taken in time again", intake.venue());
        }
        board.behind(outlet.is_behind());
        if now - self.looked >= LOOK {
            self.looked = now;
            self.board.waiting(self.outlet.waiting());
            if let Some(event) = self.step.look(&*self.clock) {
                self.outlet.push(Input::Note(Box::new(event)));
            }
        }
    }

    /// Nothing more comes.
    pub(crate) fn end(&mut self) {
        let count = self.intake.unknown();
        if count > 0 {
            let detail = format!("{count} prices came under names nobody asked for");
            self.outlet.push(self.intake.note(EventKind::Ignored, "unknown symbol", &detail));
        }
        self.settle(self.now());
    }

    /// Keeps an event of the connection.
    pub(crate) fn tell(&mut self, kind: EventKind, reason: &'static str, detail: &str) {
        tracing::warn!("{}: {reason}: {detail}", self.intake.venue());
        self.outlet.push(self.intake.note(kind, reason, detail));
    }

    /// Prices are missing between these times of the monotonic clock.
    pub(crate) fn gap(&mut self, from: Nanos, to: Nanos, why: &str) {
        let gap = self.intake.gap(from + self.base, to + self.base, why);
        self.outlet.push(gap);
    }
}
