//! What the hot thread asks the system's allocator for, once everything is in place: nothing, for ticks and for closes.
//!
//! In a program of its own, because the allocator is one for all threads: it counts for the thread that is told to.
#![expect(unsafe_code, reason = "an allocator cannot be written without")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use silverbullet_engine::{Answering, End, Engine, EngineOptions};
use silverbullet_market::{Clock, HistoryBar, Input, Nanos, Sink, StopFlag, SystemClock};

#[allow(dead_code, unreachable_pub, reason = "shared with the other tests, which use more of it")]
mod common;

thread_local! {
    static IS_HOT: Cell<bool> = const { Cell::new(false) };
}

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);
static RELEASES: AtomicU64 = AtomicU64::new(0);

/// The system's allocator, with a count of what the hot thread does.
struct Counting;

fn count(counter: &AtomicU64) {
    if IS_HOT.try_with(Cell::get).unwrap_or(false) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

// SAFETY: everything is passed on to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(&ALLOCATIONS);
        // SAFETY: the caller keeps to what the trait asks of it.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(&RELEASES);
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Marks the thread that reads it as hot when its name says so: the engine reads its clock for each input.
struct MarkingClock;

impl Clock for MarkingClock {
    fn monotonic(&self) -> Nanos {
        if std::thread::current().name() == Some("hot") {
            IS_HOT.set(true);
        }
        SystemClock.monotonic()
    }

    fn utc(&self) -> Nanos {
        SystemClock.utc()
    }
}

const ASSETS: u32 = 6;

/// Ticks one after the other, ten a second and asset.
struct Feed {
    random: common::Uniform,
    step: i64,
    sink: silverbullet_engine::EngineSink,
}

impl Feed {
    fn ticks(&mut self, count: i64) {
        for _ in 0..count {
            self.step += 1;
            let time = 1_000 * common::SECOND + self.step * common::SECOND / 60;
            let price = 100.0 + self.random.next();
            let asset = (self.step % i64::from(ASSETS)) as u32;
            self.sink.push(Input::Tick(common::tick(asset, time, price, self.step as u64)));
        }
    }
}

fn counts() -> (u64, u64) {
    (ALLOCATIONS.load(Ordering::Relaxed), RELEASES.load(Ordering::Relaxed))
}

/// Allocations and releases of the hot thread for these ticks and the bars that they close.
fn count_of(answer: Answering, ticks: i64) -> (u64, u64, u64) {
    IS_HOT.set(false);
    let settings = silverbullet_market::UniverseSettings { population: 256, ..common::settings() };
    let universe = common::universe(ASSETS as usize, &settings);
    let mut options = EngineOptions::new("run", Arc::new(MarkingClock), StopFlag::default());
    options.answer = answer;
    let (engine, sink) = Engine::start(universe, &common::description(ASSETS as usize), options).unwrap();
    let live = engine.live();
    let mut feed = Feed { random: common::Uniform(3), step: 0, sink };
    for number in 900..=1_000 {
        let closes = (0..ASSETS).map(|_| Some(100.0 + feed.random.next())).collect();
        feed.sink.push(Input::History(Box::new(HistoryBar { number, closes })));
    }
    let wait_for = |what: &dyn Fn() -> bool| {
        while !what() {
            std::thread::sleep(Duration::from_millis(1));
        }
    };
    // All that is kept for good is there after the first population and a window of bars.
    while live.counters.refreshes.load(Ordering::Acquire) < 2 {
        feed.ticks(20);
        std::thread::sleep(Duration::from_millis(2));
    }
    feed.ticks(60 * 45);
    wait_for(&|| live.counters.ticks.load(Ordering::Acquire) + 16 >= feed.step as u64);
    std::thread::sleep(Duration::from_millis(50));
    let (bars, before) = (live.counters.bars.load(Ordering::Acquire), counts());
    for _ in 0..ticks / 50 {
        feed.ticks(50);
        std::thread::sleep(Duration::from_micros(200));
    }
    wait_for(&|| live.counters.ticks.load(Ordering::Acquire) >= feed.step as u64);
    std::thread::sleep(Duration::from_millis(50));
    let (after, closed) = (counts(), live.counters.bars.load(Ordering::Acquire) - bars);
    feed.sink.end(End::Stopped);
    engine.finish().unwrap();
    (after.0 - before.0, after.1 - before.1, closed)
}

#[test]
fn neither_a_tick_nor_a_close_allocates() {
    for answer in [Answering::Every, Answering::Newest] {
        let (allocations, releases, closed) = count_of(answer, 20_000);
        assert!(closed > 300, "{closed} bars");
        assert_eq!((allocations, releases), (0, 0), "with {answer:?}, over {closed} bars");
    }
    assert!(counts().0 > 100, "what comes before is counted: {:?}", counts());
}
