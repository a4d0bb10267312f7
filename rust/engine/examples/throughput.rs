//! How fast one engine answers ticks that are already in memory: `make bench-live` runs it.
//!
//! Prints one line of JSON for each of a few sizes: ticks a second with every tick answered, and the
//! percentiles of the time from leaving the ring to the answer being readable, in nanoseconds. The ticks come
//! faster than they are answered, so the time in the queue says nothing and is left out.
#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a benchmark prints what it timed")]

use std::sync::Arc;
use std::time::Instant;

use silverbullet_engine::{End, Engine, EngineOptions};
use silverbullet_kernel::Objective;
use silverbullet_market::{
    AssetId, HistoryBar, Input, SECOND, Sink, SourceDescription, StopFlag, SystemClock, Tick, Universe,
    UniverseSettings,
};

const WINDOW: i64 = 600;
const TICKS: u64 = 400_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for (assets, population) in [(16, 1_024), (16, 10_240), (50, 1_024), (50, 10_240)] {
        measure(assets, population)?;
    }
    Ok(())
}

fn measure(assets: u32, population: usize) -> Result<(), Box<dyn std::error::Error>> {
    let description = SourceDescription {
        name: "memory".into(),
        identity: "throughput".into(),
        assets: (0..assets).map(|asset| format!("A{asset}")).collect(),
        grid: None,
        replayable: true,
        seekable: false,
        rows: Some(TICKS),
    };
    let universe = Universe::resolve("bench", &settings(population), &description, 0)?;
    let inputs = inputs(assets);
    let options = EngineOptions::new("bench", Arc::new(SystemClock), StopFlag::default());
    let (engine, mut sink) = Engine::start(universe, &description, options)?;
    let live = engine.live();
    let started = Instant::now();
    for input in inputs {
        sink.push(input);
    }
    sink.end(End::Stopped);
    let summary = engine.finish()?;
    let rate = summary.ticks as f64 / started.elapsed().as_secs_f64();
    let compute = live.latency().into_iter().find(|(stage, _)| *stage == "compute");
    let (p50, p99) = compute.map_or((0, 0), |(_, stage)| (stage.p50, stage.p99));
    println!(
        "{{\"assets\":{assets},\"population\":{population},\"ticks_per_second\":{rate:.0},\
         \"compute_p50_ns\":{p50},\"compute_p99_ns\":{p99}}}"
    );
    Ok(())
}

fn settings(population: usize) -> UniverseSettings {
    UniverseSettings {
        assets: vec![],
        bar: "1s".into(),
        window: WINDOW as usize,
        estimator: "ledoit-wolf".into(),
        half_life: 150.0,
        risk_free: 0.0,
        lower: 0.0,
        upper: 1.0,
        bounds: std::collections::BTreeMap::new(),
        objectives: Objective::LIVE.to_vec(),
        risk_aversion: None,
        target_risk: None,
        target_return: None,
        cvar_level: None,
        population,
        samples: 1,
        lateness: "0s".into(),
        stale_after: "1m".into(),
        max_ahead: "1m".into(),
        max_price_ratio: 10.0,
        frontier_every: "1m".into(),
    }
}

/// A full window of history, then ticks that each move a price: 5,000 a second of event time.
fn inputs(assets: u32) -> Vec<Input> {
    let mut state = 1_u64;
    let mut uniform = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64 - 0.5
    };
    let mut prices: Vec<f64> = (0..assets).map(|asset| 10.0 + f64::from(asset)).collect();
    let mut inputs = Vec::new();
    for number in 1..=WINDOW + 1 {
        let common = uniform();
        for (asset, price) in prices.iter_mut().enumerate() {
            *price *= 1.0 + 2e-4 * (common + uniform() + 1e-4 * asset as f64);
        }
        let closes = prices.iter().map(|&price| Some(price)).collect();
        inputs.push(Input::History(Box::new(HistoryBar { number, closes })));
    }
    let start = (WINDOW + 1) * SECOND + 1;
    for number in 0..TICKS {
        let asset = ((uniform() + 0.5) * f64::from(assets)) as u32;
        let price = &mut prices[asset as usize];
        *price *= 1.0 + 1e-5 * uniform();
        inputs.push(Input::Tick(Tick {
            asset: AssetId(asset),
            price: *price,
            bid: None,
            ask: None,
            size: None,
            event_time: start + number as i64 * SECOND / 5_000,
            receipt_time: 0,
            venue: 0,
            sequence: None,
            partition: 0,
            offset: number,
        }));
    }
    inputs
}
