//! From a tick's due time to its publication being read by another thread, at a steady rate.
//!
//! One thread pushes each tick when it is due and reads publications in between. A tick is timed from when it was due, not
//! from when the thread got round to it, and where publications follow each other faster than they are read, each
//! tick counts as answered by the first one read that answers it or a later one.

use std::sync::Arc;

use silverbullet_engine::{End, Engine, EngineOptions, EngineSink, LiveState, Publication};
use silverbullet_kernel::Objective;
use silverbullet_market::{Clock, Input, SECOND, Sink, StopFlag, SystemClock};

use crate::Failure;
use crate::arguments::Arguments;
use crate::core;
use crate::empty::EmptyLoop;
use crate::market::{Prices, Size};
use crate::report::{self, Latencies, Turn};

/// What ticks are pushed into and publications read from.
pub(crate) trait Target: Sized {
    fn push(&mut self, input: Input);
    fn published(&self) -> u64;
    fn read(&self, into: &mut Publication);
    /// True once everything is in place that answers are made of.
    fn is_ready(&self) -> bool;
    fn finish(self);
}

/// Ten thousand portfolios, or as many as are asked for.
pub(crate) fn measure(arguments: &Arguments, assets: usize) -> Result<(), Failure> {
    let portfolios = arguments.portfolios as usize;
    let window = arguments.window as usize;
    compare(arguments, Size { assets, portfolios, window, rate: arguments.rate }, false)
}

/// Ten times the portfolios, at a tenth of the rate. An answer takes long enough to be interrupted by the machine's other
/// work, so that a loop of the same length stands beside it.
pub(crate) fn measure_large(arguments: &Arguments) -> Result<(), Failure> {
    let (assets, window) = (arguments.assets as usize, arguments.window as usize);
    let portfolios = 10 * arguments.portfolios as usize;
    compare(arguments, Size { assets, portfolios, window, rate: arguments.rate / 10 }, true)
}

fn compare(arguments: &Arguments, size: Size, beside_busy: bool) -> Result<(), Failure> {
    let pause = Pause { every: arguments.pause_every, millis: arguments.pause };
    let loop_of = |steps| {
        drive(EmptyLoop::start(size, 2 * Objective::LIVE.len(), steps), size, arguments.seconds, pause)
    };
    let mut runs = Vec::new();
    for _ in 0..arguments.runs {
        let engine = drive(RunningEngine::start(size, arguments)?, size, arguments.seconds, pause)?;
        let empty = loop_of(0)?;
        let answer = engine.median().saturating_sub(empty.median());
        let busy = beside_busy.then(|| loop_of(core::steps_of(answer as i64))).transpose()?;
        runs.push(Turn { engine, empty, busy });
    }
    let Size { assets, portfolios, rate, .. } = size;
    let ticks: u64 = runs.iter().map(|turn| turn.engine.count()).sum();
    let particulars =
        format!("{assets} assets, {portfolios} portfolios, {rate} ticks/s, {ticks} ticks in all");
    report::latencies(&format!("answer-{assets}-{portfolios}"), &particulars, &runs);
    Ok(())
}

/// One run of `seconds` once the target is ready.
fn drive<T: Target>(mut target: T, size: Size, seconds: u64, pause: Pause) -> Result<Latencies, Failure> {
    let clock = SystemClock;
    let mut prices = Prices::new(size);
    for input in prices.history() {
        target.push(input);
    }
    // The history is answered, and the first population drawn, in the meantime.
    let mut warm = 0;
    while warm < size.rate / 20 || !target.is_ready() {
        std::thread::sleep(std::time::Duration::from_nanos(1_000_000_000 / size.rate));
        target.push(Input::Tick(prices.next(clock.monotonic())));
        warm += 1;
    }
    std::thread::sleep(std::time::Duration::from_millis(20));

    let period = SECOND / size.rate as i64;
    let start = clock.monotonic() + period;
    let mut reader = Reader {
        start,
        period,
        skipped: warm,
        answered: 0,
        seen: target.published(),
        latencies: Latencies::new()?,
    };
    let mut publication = Publication::with_capacity(size.assets, 2 * Objective::LIVE.len());
    let ticks = seconds * size.rate;
    for number in 0..ticks {
        if pause.is_due(number, size.rate) {
            reader.catch_up(&target, &prices, &mut publication, number);
            std::thread::sleep(std::time::Duration::from_millis(pause.millis));
            // As if the tick after the pause had always been due a period from now.
            reader.start = clock.monotonic() + period - number as i64 * period;
        }
        let due = reader.start + number as i64 * period;
        while clock.monotonic() < due {
            reader.look(&target, &prices, &mut publication, number);
        }
        target.push(Input::Tick(prices.next(due)));
    }
    reader.catch_up(&target, &prices, &mut publication, ticks);
    target.finish();
    Ok(reader.latencies)
}

/// A rest now and then, in which nothing is timed: where these threads run at real-time priority, the system takes the
/// cores away for a twentieth of each second unless they leave it that much.
#[derive(Debug, Clone, Copy)]
struct Pause {
    /// Milliseconds between two.
    every: u64,
    /// Milliseconds each takes; none where it is zero.
    millis: u64,
}

impl Pause {
    fn is_due(self, number: u64, rate: u64) -> bool {
        let ticks = (rate * self.every / 1_000).max(1);
        self.millis > 0 && number > 0 && number.is_multiple_of(ticks)
    }
}

/// The reading half.
struct Reader {
    start: i64,
    period: i64,
    /// Ticks before the first one that is timed.
    skipped: u64,
    answered: u64,
    seen: u64,
    latencies: Latencies,
}

impl Reader {
    /// Waits until all that was pushed is answered, a second at most.
    fn catch_up<T: Target>(
        &mut self,
        target: &T,
        prices: &Prices,
        publication: &mut Publication,
        pushed: u64,
    ) {
        let end = SystemClock.monotonic() + SECOND;
        while self.answered < pushed && SystemClock.monotonic() < end {
            self.look(target, prices, publication, pushed);
        }
    }

    fn look<T: Target>(&mut self, target: &T, prices: &Prices, publication: &mut Publication, pushed: u64) {
        let published = target.published();
        if self.answered == pushed || published == self.seen {
            std::hint::spin_loop();
            return;
        }
        self.seen = published;
        target.read(publication);
        let now = SystemClock.monotonic();
        let Some(answered) = prices.number_of(publication).and_then(|n| n.checked_sub(self.skipped)) else {
            return;
        };
        while self.answered < answered {
            self.latencies.record(now - (self.start + self.answered as i64 * self.period));
            self.answered += 1;
        }
    }
}

struct RunningEngine {
    engine: Engine,
    sink: EngineSink,
    live: Arc<LiveState>,
}

impl RunningEngine {
    fn start(size: Size, arguments: &Arguments) -> Result<Self, Failure> {
        let universe = size.universe(&Objective::LIVE)?;
        let mut options = EngineOptions::new("bench", Arc::new(SystemClock), StopFlag::default());
        options.busy_poll = arguments.busy_poll > 0;
        let (engine, sink) = Engine::start(universe, &size.description(), options)?;
        let live = engine.live();
        Ok(Self { engine, sink, live })
    }
}

impl Target for RunningEngine {
    fn push(&mut self, input: Input) {
        self.sink.push(input);
    }

    fn published(&self) -> u64 {
        self.live.latest.published()
    }

    fn read(&self, into: &mut Publication) {
        self.live.latest.read_into(into);
    }

    fn is_ready(&self) -> bool {
        self.live.counters.refreshes.load(std::sync::atomic::Ordering::Acquire) > 0
    }

    fn finish(self) {
        self.sink.end(End::Stopped);
        let _ = self.engine.finish();
    }
}
