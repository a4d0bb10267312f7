//! From what is known after a tick or a close to the publication, and which ticks get one.

use std::sync::atomic::Ordering;

use silverbullet_market::Nanos;

use super::answer::Moment;
use super::{HotLoop, count};
use crate::live::Phase;
use crate::publication::{Stamps, Trigger};

/// Which ticks are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Answering {
    /// Each.
    Every,
    /// Of the ticks that wait together the newest. A source that is not faster than the engine gets each of its ticks
    /// answered all the same.
    #[default]
    Newest,
}

/// A tick that is in the book and not answered yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waiting {
    pub(super) position: usize,
    pub(super) event_time: Nanos,
    pub(super) stamps: Stamps,
}

impl HotLoop {
    /// Says that nothing more waits for now: the newest tick is answered, where it is not.
    pub(crate) fn answer_newest(&mut self) {
        let Some(Waiting { position, event_time, stamps }) = self.waiting.take() else { return };
        self.stamps = stamps;
        self.answer_tick(position, event_time);
    }

    /// A tick gets no answer of its own.
    pub(super) fn skip(&mut self) {
        self.skipped += 1;
        count(&self.live.counters.skipped);
    }

    pub(super) fn answer_tick(&mut self, position: usize, event_time: Nanos) {
        self.take_refresh();
        if self.unposted {
            self.request_refresh();
        }
        if let Some(population) = self.population.as_mut().filter(|_| !self.book.moved.is_empty()) {
            population.tick(&self.book.moved, &self.book.open_returns, &self.book.oldest);
        }
        self.book.settle();
        self.follow_closes();
        if self.commanded.paused {
            return self.skip();
        }
        self.answerer.answer(&self.book, Moment::Open, self.population.as_ref(), &mut self.draft);
        self.publish(Trigger::Tick(position), event_time);
    }

    pub(super) fn publish(&mut self, trigger: Trigger, event_time: Nanos) {
        if !self.book.eligible.is_empty() {
            self.enter(Phase::Live);
        }
        let sequence = self.live.counters.publications.load(Ordering::Relaxed) + 1;
        self.stamps.computed = self.clock.monotonic();
        self.uncarried = self.uncarried && !self.live.try_carry(&self.draft);
        let Self { draft, book, bar, condition_number, stamps, clock, skipped, .. } = self;
        draft.sequence = sequence;
        draft.event_time = event_time;
        draft.trigger = trigger;
        draft.bar = *bar;
        draft.condition_number = *condition_number;
        draft.skipped = std::mem::take(skipped);
        draft.prices.copy_from_slice(&book.prices);
        draft.venues.copy_from_slice(&book.venues);
        draft.tick_times.copy_from_slice(&book.tick_times);
        draft.closes.copy_from_slice(&book.closes);
        draft.eligible.fill(false);
        for &position in &book.eligible {
            draft.eligible[position] = true;
        }
        stamps.published = clock.monotonic();
        draft.stamps = *stamps;
        self.live.latest.publish(draft);
        self.live.counters.publications.store(sequence, Ordering::Release);
        if matches!(trigger, Trigger::Tick(_)) {
            self.recorder.record(self.stamps);
        }
    }
}
