//! How long a scene takes to work out: prints the median and the worst of a few hundred, for 16 assets and 10,240
//! portfolios, in microseconds.
#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a benchmark prints what it timed")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use silverbullet_engine::{End, Engine, EngineOptions};
use silverbullet_market::{HistoryBar, Input, SECOND, Sink, StopFlag, SystemClock};

#[allow(dead_code, clippy::unwrap_used, reason = "shared with the tests, which use more of it")]
#[allow(unreachable_pub, reason = "shared with the tests")]
#[path = "../tests/common/mod.rs"]
mod common;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let settings = silverbullet_market::UniverseSettings { population: 10_240, ..common::settings() };
    let universe = common::universe(16, &settings);
    let options = EngineOptions::new("bench", Arc::new(SystemClock), StopFlag::default());
    let (engine, mut sink) = Engine::start(universe, &common::description(16), options)?;
    let mut random = common::Uniform(1);
    for number in 900..=1_000 {
        let closes = (0..16).map(|_| Some(100.0 + random.next())).collect();
        sink.push(Input::History(Box::new(HistoryBar { number, closes })));
    }
    let live = engine.live();
    let mut times = Vec::new();
    for step in 1..=300 {
        let time = 1_000 * SECOND + step * 1_000_000;
        sink.push(Input::Tick(common::tick(step as u32 % 16, time, 100.0 + random.next(), 1)));
        std::thread::sleep(Duration::from_millis(5));
        let started = Instant::now();
        let drawn = live.scene().is_some_and(|scene| !scene.risk.is_empty());
        if drawn {
            times.push(started.elapsed().as_micros());
        }
    }
    sink.end(End::Stopped);
    engine.finish()?;
    times.sort_unstable();
    println!(
        "{} scenes: median {:?} µs, worst {:?} µs",
        times.len(),
        times.get(times.len() / 2),
        times.last()
    );
    Ok(())
}
