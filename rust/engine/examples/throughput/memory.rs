//! Resident memory as ticks pass: it must not grow.
#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::json;
use silverbullet_engine::{End, Engine, EngineOptions};
use silverbullet_kernel::Objective;
use silverbullet_market::{Input, Sink, StopFlag, SystemClock};

use crate::Failure;
use crate::arguments::Arguments;
use crate::market::{Prices, Size};

pub(crate) fn measure(arguments: &Arguments) -> Result<(), Failure> {
    let (assets, window) = (arguments.assets as usize, arguments.window as usize);
    let size = Size { assets, portfolios: arguments.portfolios as usize, window, rate: 2_000 };
    let universe = size.universe(&Objective::LIVE)?;
    let options = EngineOptions::new("bench", Arc::new(SystemClock), StopFlag::default());
    let (engine, mut sink) = Engine::start(universe, &size.description(), options)?;
    let live = engine.live();
    let mut prices = Prices::new(size);
    for input in prices.history() {
        sink.push(input);
    }
    // All that is kept for good is there with the second population.
    let mut before = 0;
    while live.counters.refreshes.load(Ordering::Acquire) < 2 {
        (0..100).for_each(|_| sink.push(Input::Tick(prices.next(0))));
        before += 100;
        std::thread::sleep(Duration::from_millis(5));
    }
    let mut seen = Vec::new();
    for tick in 1..=arguments.memory_ticks {
        sink.push(Input::Tick(prices.next(0)));
        if tick.is_multiple_of(arguments.memory_every) {
            while live.counters.ticks.load(Ordering::Acquire) < before + tick {
                std::thread::sleep(Duration::from_millis(1));
            }
            let resident = resident()?;
            println!("  after {tick:10} ticks {resident:10} KiB");
            seen.push(resident);
        }
    }
    sink.end(End::Stopped);
    engine.finish()?;
    let (first, most) = (seen.first().copied().unwrap_or(1), seen.iter().max().copied().unwrap_or(1));
    let growth = 100.0 * (most as f64 / first as f64 - 1.0);
    println!("  at most {growth:.1} % above the first");
    println!("{}", json!({"measurement": "memory", "resident_kib": seen, "growth_percent": growth}));
    Ok(())
}

/// What the system says is in memory of this process, in KiB. On Linux only.
fn resident() -> Result<u64, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number =
        line.and_then(|line| line.split_whitespace().next()).ok_or("no VmRSS in /proc/self/status")?;
    Ok(number.parse()?)
}
