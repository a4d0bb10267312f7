//! What the connections to a venue share: reading, the queue to the sink, and the word on how it goes.

use std::sync::Arc;

use silverbullet_market::{Clock, EventKind, Nanos, SECOND};

use super::board::Board;
use super::intake::{Intake, Receipt};
use super::outlet::Outlet;
use super::reader::{Outcome, Reader};
use super::told::{Step, Tap, Told};
use super::waited::Waited;
use crate::clock_step::ClockStep;

/// How often it is looked at whether the machine's clock was set, and how many inputs wait.
const LOOK: Nanos = SECOND / 4;

/// Shared by all connections, and used by one at a time.
pub(crate) struct Desk {
    intake: Intake,
    outlet: Outlet,
    pub(crate) board: Board,
    /// Whether bars wait for it, where there are other venues.
    waited: Option<Waited>,
    tap: Option<Box<dyn Tap>>,
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
        waited: Option<Waited>,
        tap: Option<Box<dyn Tap>>,
        clock: Arc<dyn Clock>,
        base: Nanos,
    ) -> Self {
        let (step, looked) = (ClockStep::new(&*clock), clock.monotonic());
        Self { intake, outlet, board, waited, tap, clock, base, step, looked }
    }

    pub(crate) fn now(&self) -> Nanos {
        self.clock.monotonic()
    }

    /// What is received now is received at this time.
    fn receipt(&self, now: Nanos) -> Receipt {
        Receipt { monotonic: now, utc: now + self.base }
    }

    /// Takes the next step of a connection.
    pub(crate) fn step(&mut self, reader: &mut Reader, now: Nanos, step: Step<'_>) -> Outcome {
        let receipt = self.receipt(now);
        let Self { intake, outlet, tap, .. } = self;
        if let Some(tap) = tap {
            tap.told(receipt, &Told::Of(reader.connection(), step));
        }
        if step.is_frame() {
            outlet.frame();
        }
        reader.take(intake, receipt, step, &mut |input| outlet.push(input))
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
            let (heard, is_lost) = (self.intake.heard(), self.board.is_lost());
            if let Some(told) = self.waited.as_mut().and_then(|waited| waited.look(now, heard, is_lost)) {
                self.outlet.push(told);
            }
            if let Some(event) = self.step.look(&*self.clock) {
                self.note(event.kind, event.reason, &event.detail);
            }
            if let Some(detail) = self.tap.as_mut().and_then(|tap| tap.trouble()) {
                self.tell(EventKind::Connection, "recording incomplete", &detail);
            }
        }
    }

    /// Nothing more comes.
    pub(crate) fn end(&mut self) {
        let count = self.intake.unknown();
        if count > 0 {
            let detail = format!("{count} prices came under names nobody asked for");
            self.note(EventKind::Ignored, "unknown symbol", &detail);
        }
        self.settle(self.now());
    }

    /// Keeps an event of the connection.
    pub(crate) fn tell(&mut self, kind: EventKind, reason: &'static str, detail: &str) {
        tracing::warn!("{}: {reason}: {detail}", self.intake.venue());
        self.note(kind, reason, detail);
    }

    fn note(&mut self, kind: EventKind, reason: &'static str, detail: &str) {
        self.hear(&Told::Note { kind, reason, detail });
        self.outlet.push(self.intake.note(kind, reason, detail));
    }

    /// Prices are missing between these times of the monotonic clock.
    pub(crate) fn gap(&mut self, from: Nanos, to: Nanos, why: &str) {
        let (from, to) = (from + self.base, to + self.base);
        self.hear(&Told::Gap { from, to, why });
        self.outlet.push(self.intake.gap(from, to, why));
    }

    fn hear(&mut self, told: &Told<'_>) {
        let receipt = self.receipt(self.now());
        if let Some(tap) = &mut self.tap {
            tap.told(receipt, told);
        }
    }
}
