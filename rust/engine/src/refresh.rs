//! The refresh thread: draws and refines the next population while the hot thread goes on with the last.
//!
//! Both meet at a [`RefreshDesk`]. The hot thread posts the moments of every close, the newest replacing
//! the one before, and takes a population when one is ready; it holds each lock for a move only, and where
//! the other side has it, it comes back with the next tick.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, TryLockError};
use std::time::Duration;

use silverbullet_kernel::{Bounds, Population, PopulationOptions, Problem, SymmetricMatrix};
use silverbullet_market::moments::ClosedMoments;
use silverbullet_market::{Clock, Nanos, Universe};

use crate::population::LivePopulation;
use crate::scene::{Drawn, Scenery};

/// The thread rests this many times as long as it worked, so that it takes a quarter of a core at most.
const REST: Nanos = 3;
/// Times a population is brought up to newer closes before it is handed over as it is.
const CATCH_UPS: usize = 3;

/// The moments of a close, for a population to be drawn under and for a scene.
#[derive(Debug, Clone)]
pub(crate) struct Close {
    pub(crate) generation: u64,
    pub(crate) bar: i64,
    /// Positions of the eligible assets; vectors and matrices are over these.
    pub(crate) eligible: Vec<usize>,
    pub(crate) closes: Vec<f64>,
    pub(crate) closed: ClosedMoments,
    pub(crate) bounds: Bounds,
    /// What stands in for a singular covariance, where it is one.
    pub(crate) stand_in: Option<SymmetricMatrix>,
}

/// A population with the close it is valid for.
#[derive(Debug, Default)]
pub(crate) struct Ready {
    pub(crate) generation: u64,
    pub(crate) bar: i64,
    pub(crate) population: Option<LivePopulation>,
    pub(crate) condition_number: Option<f64>,
}

/// Where hot thread and refresh thread meet.
#[derive(Debug, Default)]
pub(crate) struct RefreshDesk {
    scenery: Arc<Scenery>,
    request: Mutex<Option<Arc<Close>>>,
    posted: Condvar,
    ready: Mutex<Ready>,
    has_ready: AtomicBool,
    ended: AtomicBool,
}

impl RefreshDesk {
    /// A desk whose populations are also drawn by `scenery`.
    pub(crate) fn new(scenery: Arc<Scenery>) -> Self {
        Self { scenery, ..Self::default() }
    }

    /// Posts the moments of a close. False where someone is taking those before at this very moment.
    pub(crate) fn post(&self, close: Close) -> bool {
        let close = Arc::new(close);
        if !self.scenery.try_set_close(&close) {
            return false;
        }
        let fresh = Some(close);
        let replaced = match self.request.try_lock() {
            Ok(mut slot) => std::mem::replace(&mut *slot, fresh),
            Err(_) => return false,
        };
        drop(replaced);
        self.posted.notify_one();
        true
    }

    /// True when a population is ready.
    pub(crate) fn has_ready(&self) -> bool {
        self.has_ready.load(Ordering::Acquire)
    }

    /// Calls `take` with what is ready, unless the other side is at it just now.
    pub(crate) fn take(&self, take: impl FnOnce(&mut Ready)) {
        let mut ready = match self.ready.try_lock() {
            Ok(ready) => ready,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        self.has_ready.store(false, Ordering::Release);
        take(&mut ready);
    }

    /// Asks the refresh thread to end.
    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::Release);
        // Whoever looked before the store is waiting by the time the lock is free.
        drop(self.request.lock());
        self.posted.notify_all();
    }

    fn next(&self) -> Option<Arc<Close>> {
        let mut slot = self.request.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if self.ended.load(Ordering::Acquire) {
                return None;
            }
            if let Some(request) = slot.take() {
                return Some(request);
            }
            slot = self.posted.wait(slot).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn newer(&self, generation: u64) -> Option<Arc<Close>> {
        let mut slot = self.request.lock().unwrap_or_else(PoisonError::into_inner);
        slot.take_if(|request| request.generation == generation)
    }

    /// Lets scenes be drawn from what is handed over next.
    fn show(&self, ready: &Ready) {
        if let Some(population) = ready.population.clone() {
            self.scenery.set_drawn(Drawn { generation: ready.generation, bar: ready.bar, population });
        }
    }

    pub(crate) fn hand_over(&self, ready: Ready) {
        let mut slot = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        let old = std::mem::replace(&mut *slot, ready);
        self.has_ready.store(true, Ordering::Release);
        drop(slot);
        drop(old);
    }

    fn rest(&self, nanos: Nanos) {
        let slot = self.request.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = Duration::from_nanos(nanos.max(0).unsigned_abs());
        let ended = |_: &mut Option<Arc<Close>>| !self.ended.load(Ordering::Acquire);
        let waited = self.posted.wait_timeout_while(slot, wait, ended);
        drop(waited);
    }
}

/// Runs until the desk is told to end.
pub(crate) fn run(universe: &Universe, desk: &Arc<RefreshDesk>, clock: &dyn Clock) {
    while let Some(request) = desk.next() {
        let started = clock.monotonic();
        if let Some(ready) = refresh(universe, desk, request) {
            desk.show(&ready);
            desk.hand_over(ready);
        }
        desk.rest(REST * (clock.monotonic() - started));
    }
}

/// Draws a population; `None` where the moments allow none.
fn refresh(universe: &Universe, desk: &RefreshDesk, mut close: Arc<Close>) -> Option<Ready> {
    let Close { generation, bar, closed, bounds, .. } = &*close;
    let (generation, bar) = (*generation, *bar);
    let problem = Problem::new(closed.mean.clone(), closed.covariance.clone(), closed.observations)
        .and_then(|problem| problem.with_bounds(bounds.clone()))
        .and_then(|problem| problem.with_risk_free(universe.risk_free));
    let options =
        PopulationOptions { size: universe.population, seed: universe.seed, stream: bar.cast_unsigned() };
    let drawn = problem.and_then(|problem| Population::draw(&problem, &options));
    let drawn = drawn.inspect_err(|error| tracing::warn!(%error, bar, "no population was drawn")).ok()?;
    let mut population = LivePopulation::new(drawn, closed, universe.risk_free);
    for _ in 0..CATCH_UPS {
        let Some(newer) = desk.newer(generation) else { break };
        close = newer;
        population.rebase(&close.closed);
    }
    let condition_number = silverbullet_kernel::spectrum::condition_number(&close.closed.covariance);
    Some(Ready { generation, bar: close.bar, population: Some(population), condition_number })
}
