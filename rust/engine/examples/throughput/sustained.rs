//! How many ticks a second are answered, each of them, when they are all in memory: one core's worth.

use std::sync::Arc;

use silverbullet_engine::{Answering, End, Engine, EngineOptions};
use silverbullet_kernel::Objective;
use silverbullet_market::{Clock, Input, Sink, StopFlag, SystemClock, Tick};

use crate::Failure;
use crate::arguments::Arguments;
use crate::market::{Prices, Size};
use crate::report;

pub(crate) fn measure(arguments: &Arguments) -> Result<(), Failure> {
    let size = Size {
        assets: arguments.assets as usize,
        portfolios: arguments.sustained_portfolios as usize,
        window: arguments.window as usize,
        rate: 100_000,
    };
    let both = format!("{} assets, {} portfolios, both objectives", size.assets, size.portfolios);
    let one = format!("{} assets, {} portfolios, max-sharpe", size.assets, size.portfolios);
    let mut rows = vec![(both, Vec::new()), (one, Vec::new())];
    for _ in 0..arguments.runs {
        rows[0].1.push(run(size, arguments.ticks, &Objective::LIVE)?);
        rows[1].1.push(run(size, arguments.ticks, &[Objective::MaxSharpe])?);
    }
    report::rates("sustained", "ticks/s", &rows);
    Ok(())
}

fn run(size: Size, ticks: u64, objectives: &[Objective]) -> Result<f64, Failure> {
    let clock = SystemClock;
    let universe = size.universe(objectives)?;
    let mut options = EngineOptions::new("bench", Arc::new(SystemClock), StopFlag::default());
    options.answer = Answering::Every;
    let (engine, mut sink) = Engine::start(universe, &size.description(), options)?;
    let live = engine.live();
    let mut prices = Prices::new(size);
    for input in prices.history() {
        sink.push(input);
    }
    let mut warm = 0;
    while live.counters.refreshes.load(std::sync::atomic::Ordering::Acquire) == 0 {
        std::thread::sleep(std::time::Duration::from_millis(1));
        sink.push(Input::Tick(prices.next(clock.monotonic())));
        warm += 1;
    }
    let inputs: Vec<Tick> = (0..ticks).map(|_| prices.next(0)).collect();
    let started = clock.monotonic();
    for tick in inputs {
        sink.push(Input::Tick(tick));
    }
    sink.end(End::Stopped);
    let summary = engine.finish()?;
    let elapsed = (clock.monotonic() - started) as f64 / 1e9;
    if summary.ticks != ticks + warm {
        return Err(format!("{} of {} ticks counted", summary.ticks, ticks + warm).into());
    }
    Ok(ticks as f64 / elapsed)
}
