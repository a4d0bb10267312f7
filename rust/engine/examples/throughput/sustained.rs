//! How many ticks a second are answered, each of them, when they are all in memory: one core's worth.

use std::sync::Arc;

use silverbullet_engine::{Answering, End, Engine, EngineOptions};
use silverbullet_kernel::Objective;
use silverbullet_market::{Clock, Input, Sink, StopFlag, SystemClock, Tick};

use crate::Failure;
use crate::arguments::Arguments;
use crate::market::{Prices, Size};
use crate::report;

/// Ticks of a stretch: well over what the ring holds, so that pushing them takes as long as answering as many.
const STRETCH: usize = 20_000;

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
    let mut stretches = [Vec::new(), Vec::new()];
    for _ in 0..arguments.runs {
        for (row, objectives) in [&Objective::LIVE[..], &[Objective::MaxSharpe]].into_iter().enumerate() {
            rows[row].1.push(run(size, arguments.ticks, objectives, &mut stretches[row])?);
        }
    }
    report::rates("sustained", "ticks/s", &rows);
    for ((label, _), stretches) in rows.iter().zip(&stretches) {
        report::spread("sustained-stretches", label, "ticks/s", stretches);
    }
    Ok(())
}

/// The rate of a whole run; those of its stretches, each a tenth of a second or so, join `stretches`.
fn run(size: Size, ticks: u64, objectives: &[Objective], stretches: &mut Vec<f64>) -> Result<f64, Failure> {
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
    for stretch in inputs.chunks(STRETCH) {
        let began = clock.monotonic();
        for tick in stretch {
            sink.push(Input::Tick(*tick));
        }
        stretches.push(stretch.len() as f64 / (clock.monotonic() - began) as f64 * 1e9);
    }
    sink.end(End::Stopped);
    let summary = engine.finish()?;
    let elapsed = (clock.monotonic() - started) as f64 / 1e9;
    if summary.ticks != ticks + warm {
        return Err(format!("{} of {} ticks counted", summary.ticks, ticks + warm).into());
    }
    Ok(ticks as f64 / elapsed)
}
