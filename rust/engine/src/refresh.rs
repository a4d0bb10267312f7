//! The refresh thread: draws and refines the next population while the hot thread goes on with the last.
//!
//! Both meet over rings that neither waits at. The hot thread posts the moments of every close ([`Desk`]), and takes a
//! population when one is ready; what it no longer needs goes back, to be dropped over here. The refresh thread
//! looks for something to do every now and then: waking it would cost the hot thread a system call.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use silverbullet_kernel::{Bounds, Population, PopulationOptions, Problem, SymmetricMatrix};
use silverbullet_market::moments::{ClosedMoments, Estimator};
use silverbullet_market::{Clock, Nanos, Universe};

use crate::population::LivePopulation;
use crate::scene::{Drawn, Scenery};

/// The thread rests this many times as long as it worked, so that it takes a quarter of a core at most.
const REST: Nanos = 3;
/// Times a population is brought up to newer closes before it is handed over as it is.
const CATCH_UPS: usize = 3;
/// How often the thread looks for a close.
const LOOK: Duration = Duration::from_millis(2);
/// Closes that may be in use at once: on their way, newest, being drawn under, in scenes.
const CLOSES: usize = 8;
/// Populations on their way, in either direction.
const POPULATIONS: usize = 4;

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

impl Close {
    fn empty() -> Self {
        Self {
            generation: 0,
            bar: 0,
            eligible: Vec::new(),
            closes: Vec::new(),
            closed: ClosedMoments::new(0, Estimator::Sample),
            bounds: Bounds::long_only(0),
            stand_in: None,
        }
    }
}

/// A population with the close it is valid for.
#[derive(Debug, Default)]
pub(crate) struct Ready {
    pub(crate) generation: u64,
    pub(crate) bar: i64,
    pub(crate) population: Option<LivePopulation>,
    pub(crate) condition_number: Option<f64>,
}

/// The hot thread's end.
#[derive(Debug)]
pub(crate) struct Desk {
    closes: rtrb::Producer<Arc<Close>>,
    /// All closes there are; one that nobody else holds is written anew.
    pool: Vec<Arc<Close>>,
    ready: rtrb::Consumer<Ready>,
    spent: rtrb::Producer<Ready>,
}

/// The refresh thread's end.
#[derive(Debug)]
pub(crate) struct Refresher {
    scenery: Arc<Scenery>,
    ready: rtrb::Producer<Ready>,
    spent: rtrb::Consumer<Ready>,
    ended: Arc<AtomicBool>,
}

/// Both ends. Closes lie in `scenery` for whoever comes first, the refresh thread or one that draws a scene.
pub(crate) fn desk(scenery: &Arc<Scenery>, ended: &Arc<AtomicBool>) -> (Desk, Refresher) {
    let (closes, posted) = rtrb::RingBuffer::new(CLOSES);
    let (ready, taken) = rtrb::RingBuffer::new(POPULATIONS);
    let (spent, dropped) = rtrb::RingBuffer::new(POPULATIONS);
    scenery.take_closes_from(posted);
    let pool = (0..CLOSES).map(|_| Arc::new(Close::empty())).collect();
    let refresher =
        Refresher { scenery: Arc::clone(scenery), ready, spent: dropped, ended: Arc::clone(ended) };
    (Desk { closes, pool, ready: taken, spent }, refresher)
}

impl Desk {
    /// Posts the moments of a close, which `fill` writes over those of an earlier one. False where all are in use.
    pub(crate) fn post(&mut self, fill: impl FnOnce(&mut Close)) -> bool {
        if self.closes.is_full() {
            return false;
        }
        for close in &mut self.pool {
            if let Some(unused) = Arc::get_mut(close) {
                fill(unused);
                return self.closes.push(Arc::clone(close)).is_ok();
            }
        }
        false
    }

    /// True when a population is ready.
    pub(crate) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Calls `take` with the newest of what is ready. What `take` leaves in there goes back.
    pub(crate) fn take(&mut self, take: impl FnOnce(&mut Ready)) {
        let mut newest = None;
        while let Ok(ready) = self.ready.pop() {
            if let Some(older) = newest.replace(ready) {
                self.give_back(older);
            }
        }
        if let Some(mut ready) = newest {
            take(&mut ready);
            self.give_back(ready);
        }
    }

    /// There is room for as many as can be under way, so that none is dropped here.
    fn give_back(&mut self, ready: Ready) {
        let _ = self.spent.push(ready);
    }
}

impl Refresher {
    /// Runs until the flag it was made with is raised.
    pub(crate) fn run(mut self, universe: &Universe, clock: &dyn Clock) {
        while let Some(request) = self.next() {
            let started = clock.monotonic();
            if let Some(ready) = self.refresh(universe, request) {
                self.hand_over(ready);
            }
            self.rest(REST * (clock.monotonic() - started));
        }
    }

    fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    fn next(&mut self) -> Option<Arc<Close>> {
        loop {
            while self.spent.pop().is_ok() {}
            if self.has_ended() {
                return None;
            }
            if let Some(request) = self.scenery.take_request() {
                return Some(request);
            }
            std::thread::park_timeout(LOOK);
        }
    }

    /// Lets scenes be drawn from a population, and hands it over.
    pub(crate) fn hand_over(&mut self, ready: Ready) {
        while self.spent.pop().is_ok() {}
        if let Some(population) = ready.population.clone() {
            self.scenery.set_drawn(Drawn { generation: ready.generation, bar: ready.bar, population });
        }
        // Where the hot thread has taken none of the last ones it has no ticks, and those will do.
        let _ = self.ready.push(ready);
    }

    fn rest(&self, nanos: Nanos) {
        let mut left = Duration::from_nanos(nanos.max(0).unsigned_abs());
        while !left.is_zero() && !self.has_ended() {
            let nap = left.min(10 * LOOK);
            std::thread::park_timeout(nap);
            left -= nap;
        }
    }

    /// Draws a population; `None` where the moments allow none.
    fn refresh(&self, universe: &Universe, mut close: Arc<Close>) -> Option<Ready> {
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
            let Some(newer) = self.scenery.take_request_of(generation) else { break };
            close = newer;
            population.rebase(&close.closed);
        }
        let condition_number = silverbullet_kernel::spectrum::condition_number(&close.closed.covariance);
        Some(Ready { generation, bar: close.bar, population: Some(population), condition_number })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn posted(desk: &mut Desk, bar: i64) -> bool {
        desk.post(|close| close.bar = bar)
    }

    #[test]
    fn the_newest_close_counts_and_closes_are_used_again() {
        let scenery = Arc::default();
        let (mut desk, _refresher) = super::desk(&scenery, &Arc::default());
        for bar in 0..100 {
            assert!(posted(&mut desk, bar), "bar {bar} finds a place");
            if bar % 3 == 2 {
                assert_eq!(scenery.take_request().unwrap().bar, bar);
                assert!(scenery.take_request().is_none());
            }
        }
    }

    #[test]
    fn a_close_that_finds_no_place_is_refused_not_waited_for() {
        let scenery: Arc<Scenery> = Arc::default();
        let (mut desk, _refresher) = super::desk(&scenery, &Arc::default());
        let posted_in_vain = (0..100).filter(|&bar| !posted(&mut desk, bar)).count();
        assert_eq!(posted_in_vain, 100 - CLOSES);
        assert_eq!(scenery.take_request().unwrap().bar, CLOSES as i64 - 1);
        assert!(posted(&mut desk, 500));
    }

    #[test]
    fn only_the_newest_population_is_taken() {
        let (mut desk, mut refresher) = super::desk(&Arc::default(), &Arc::default());
        assert!(!desk.has_ready());
        for bar in 1..=3 {
            refresher.hand_over(Ready { bar, ..Ready::default() });
        }
        let mut taken = 0;
        desk.take(|ready| taken = ready.bar);
        assert_eq!((taken, desk.has_ready()), (3, false));
        assert_eq!(refresher.spent.slots(), 3);
    }
}
