//! The thread that answers what is answered at a bar's close only, for what is shown live.
//!
//! It is handed the returns of the window and solves them as the durable path does, to the same bits. The hot
//! thread asks when the thread has nothing to do and takes what is ready; it waits for neither. Where bars close
//! faster than they are solved, the newest close is solved next.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use silverbullet_kernel::Bounds;
use silverbullet_market::moments::ReturnMatrix;
use silverbullet_market::{Clock, Nanos, Universe};

use crate::at_close::AtClose;
use crate::durable::compute;
use crate::error::Result;

/// The thread rests this many times as long as it worked, so that it takes a quarter of a core at most.
const REST: Nanos = 3;

/// One close to be answered.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) bar: i64,
    /// Positions of the eligible assets; the others are over these.
    pub(crate) eligible: Vec<usize>,
    pub(crate) returns: ReturnMatrix,
    pub(crate) bounds: Bounds,
}

/// Where the hot thread and the one that answers meet.
#[derive(Debug, Default)]
pub(crate) struct CloseDesk {
    question: Mutex<Option<Question>>,
    posted: Condvar,
    /// True while the thread waits for a question, and no other time.
    idle: AtomicBool,
    ready: Mutex<Option<Arc<AtClose>>>,
    has_ready: AtomicBool,
    ended: AtomicBool,
}

impl CloseDesk {
    /// Asks what `question` forms, where the thread has nothing to do; false where it has.
    pub(crate) fn ask(&self, question: impl FnOnce() -> Question) -> bool {
        if !self.idle.load(Ordering::Acquire) {
            return false;
        }
        let Ok(mut slot) = self.question.try_lock() else { return false };
        *slot = Some(question());
        self.idle.store(false, Ordering::Release);
        drop(slot);
        self.posted.notify_one();
        true
    }

    /// What is ready, unless the other side is at it just now.
    #[inline]
    pub(crate) fn take(&self) -> Option<Arc<AtClose>> {
        if !self.has_ready.load(Ordering::Acquire) {
            return None;
        }
        let mut ready = self.ready.try_lock().ok()?;
        self.has_ready.store(false, Ordering::Release);
        ready.take()
    }

    /// Asks the thread to end.
    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::Release);
        // Whoever looked before the store is waiting by the time the lock is free.
        drop(self.question.lock());
        self.posted.notify_all();
    }

    fn next(&self) -> Option<Question> {
        let mut slot = self.question.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if self.ended.load(Ordering::Acquire) {
                return None;
            }
            if let Some(question) = slot.take() {
                return Some(question);
            }
            self.idle.store(true, Ordering::Release);
            slot = self.posted.wait(slot).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn hand_over(&self, answers: Arc<AtClose>) {
        let mut slot = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        *slot = Some(answers);
        self.has_ready.store(true, Ordering::Release);
    }

    fn rest(&self, nanos: Nanos) {
        let slot = self.question.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = Duration::from_nanos(nanos.max(0).unsigned_abs());
        let going_on = |_: &mut Option<Question>| !self.ended.load(Ordering::Acquire);
        drop(self.posted.wait_timeout_while(slot, wait, going_on));
    }
}

/// Runs until the desk is told to end.
pub(crate) fn run(universe: &Universe, desk: &CloseDesk, clock: &dyn Clock) {
    // Kept until nobody else has them: the hot thread never frees one.
    let mut shown: Vec<Arc<AtClose>> = Vec::new();
    while let Some(question) = desk.next() {
        let (started, bar) = (clock.monotonic(), question.bar);
        match answer(universe, question) {
            Ok(answers) => {
                let answers = Arc::new(answers);
                shown.retain(|old| Arc::strong_count(old) > 1);
                shown.push(Arc::clone(&answers));
                desk.hand_over(answers);
            }
            Err(error) => tracing::warn!(%error, bar, "no answer at the close"),
        }
        desk.rest(REST * (clock.monotonic() - started));
    }
}

fn answer(universe: &Universe, question: Question) -> Result<AtClose> {
    let Question { bar, eligible, returns, bounds } = question;
    let portfolios = compute::at_close(universe, bounds, &returns, bar)?;
    let close = bar.saturating_mul(universe.interval);
    Ok(AtClose::new((bar, close), &portfolios, &eligible, universe.assets.len()))
}
