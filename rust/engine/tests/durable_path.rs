//! The durable path through the crate's interface: the same rows whatever the threads, and nothing lost.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "each test file uses its own part")]
#[allow(unreachable_pub, reason = "shared with the unit tests")]
mod common;

use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use silverbullet_engine::{End, Engine, EngineOptions, Phase, Summary};
use silverbullet_market::{
    Event, EventKind, HistoryBar, Input, Sink, StopFlag, SystemClock, UniverseSettings,
};

/// Collects what is written.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn run(settings: &UniverseSettings, inputs: Vec<Input>, workers: usize, end: End) -> (Summary, Vec<u8>) {
    let output = Shared::default();
    let mut options = EngineOptions::new("run-1", Arc::new(SystemClock), StopFlag::default())
        .with_json_lines(output.clone());
    options.workers = workers;
    let assets = 5;
    let (engine, mut sink) =
        Engine::start(common::universe(assets, settings), &common::description(assets), options).unwrap();
    let live = engine.live();
    assert_eq!(live.phase(), Phase::Starting);
    for input in inputs {
        sink.frame();
        sink.push(input);
    }
    sink.end(end);
    let summary = engine.finish().unwrap();
    assert_eq!(live.phase(), Phase::Ended);
    assert_eq!(live.summary(), summary);
    let bytes = output.0.lock().unwrap().clone();
    (summary, bytes)
}

fn ticks(seconds: i64) -> Vec<Input> {
    common::ticks(5, seconds).into_iter().map(Input::Tick).collect()
}

fn rows(bytes: &[u8]) -> Vec<Value> {
    bytes
        .split(|&byte| byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

fn of_table<'a>(rows: &'a [Value], table: &'a str) -> impl Iterator<Item = &'a Value> {
    rows.iter().filter(move |row| row["table"] == table)
}

#[test]
fn the_output_is_the_same_bytes_for_any_number_of_workers() {
    let settings = common::settings();
    let (summary, one) = run(&settings, ticks(120), 1, End::Input);
    let (_, two) = run(&settings, ticks(120), 2, End::Input);
    let (_, again) = run(&settings, ticks(120), 3, End::Input);
    assert!(one == two && one == again);
    assert!(summary.bars >= 119 && one.len() > 100_000);
}

#[test]
fn every_input_is_accounted_for_and_every_tick_answered() {
    let mut inputs = ticks(100);
    let event = Event {
        kind: EventKind::Quarantined,
        reason: "unparsable price",
        detail: "line 7: \"x\"".into(),
        partition: 0,
        offset: 7,
    };
    inputs.insert(50, Input::Event(Box::new(event)));
    let last = inputs.last().cloned().unwrap();
    inputs.push(last);
    let frames = inputs.len() as u64;
    let (summary, bytes) = run(&common::settings(), inputs, 2, End::Input);
    assert_eq!(summary.frames, frames);
    assert_eq!(summary.quarantined + summary.ticks + summary.ignored.values().sum::<u64>(), frames);
    assert_eq!(summary.ignored["duplicate"], 1);
    assert_eq!(summary.publications + summary.skipped, summary.ticks + summary.bars);
    let rows = rows(&bytes);
    assert_eq!(of_table(&rows, "events").count() as u64, summary.quarantined + 1);
    let listed = of_table(&rows, "events").find(|row| row["offset"] == 7).unwrap();
    assert!(listed["detail"].as_str().unwrap().contains("unparsable price: line 7"));
}

#[test]
fn rows_carry_what_the_tables_promise() {
    let (summary, bytes) = run(&common::settings(), ticks(120), 1, End::Input);
    let rows = rows(&bytes);
    let portfolios: Vec<_> = of_table(&rows, "portfolios").collect();
    assert!(portfolios.len() > 200);
    let mut turnovers = 0;
    for row in &portfolios {
        let weights = row["weights"].as_object().unwrap();
        let sum: f64 = weights.values().map(|weight| weight.as_f64().unwrap()).sum();
        assert!((sum - 1.0).abs() < 1e-12);
        assert!(row["gap"].as_f64().is_none_or(|gap| gap >= -1e-9), "{row}");
        assert_eq!(row["run_id"], "run-1");
        assert_eq!(row["variant"].as_str().unwrap().len(), 12);
        turnovers += usize::from(row["turnover"].is_f64());
    }
    assert_eq!(turnovers, portfolios.len() - 4, "all but the first of each kind");
    assert_eq!(of_table(&rows, "frontiers").filter(|row| row["point"] == 0).count(), 8);
    let bars: std::collections::BTreeSet<i64> =
        of_table(&rows, "bars").map(|row| row["bar"].as_i64().unwrap()).collect();
    assert_eq!(bars.len() as u64, summary.bars);
    assert_eq!(bars.last().unwrap() - bars.first().unwrap() + 1, bars.len() as i64, "no bar is missing");
    let first = of_table(&rows, "bars").next().unwrap();
    assert_eq!(first["close_time"], format!("1970-01-01T00:16:{:02}Z", first["bar"].as_i64().unwrap() - 960));
}

#[test]
fn an_asset_that_joins_late_takes_part_once_its_window_is_full() {
    let (_, bytes) = run(&common::settings(), ticks(200), 2, End::Input);
    let rows = rows(&bytes);
    let with_last = |row: &&Value| row["weights"].get("A4").is_some();
    let portfolios: Vec<_> = of_table(&rows, "portfolios").collect();
    assert!(portfolios.iter().any(with_last) && !portfolios.iter().all(with_last));
    let joined = of_table(&rows, "bars").find(|row| row["asset"] == "A4").unwrap()["bar"].as_i64().unwrap();
    let eligible = portfolios.iter().find(|row| with_last(row)).unwrap()["bar"].as_i64().unwrap();
    assert_eq!(eligible - joined, 40);
}

#[test]
fn after_a_gap_no_portfolio_is_stored_until_the_window_is_full_again() {
    let mut inputs = ticks(60);
    let after = common::ticks(5, 60).into_iter().map(|mut tick| {
        tick.event_time += 3_600 * common::SECOND;
        Input::Tick(tick)
    });
    inputs.extend(after);
    let (_, bytes) = run(&common::settings(), inputs, 2, End::Input);
    let rows = rows(&bytes);
    let bars: Vec<i64> = of_table(&rows, "portfolios").map(|row| row["bar"].as_i64().unwrap()).collect();
    let first_after = *bars.iter().find(|bar| **bar > 3_600).unwrap();
    // Bar 4,601 is the first after the gap and has no return; the window holds 40.
    assert_eq!(first_after, 4_641);
    let gap = of_table(&rows, "events").find(|row| row["kind"] == "gap").unwrap();
    assert!(gap["detail"].as_str().unwrap().contains("to bar 4601"), "{gap}");
}

#[test]
fn a_stopped_input_leaves_the_last_bar_open() {
    let (ended, _) = run(&common::settings(), ticks(30), 1, End::Input);
    let (stopped, _) = run(&common::settings(), ticks(30), 1, End::Stopped);
    assert!(stopped.bars < ended.bars);
}

#[test]
fn history_makes_the_first_tick_an_answered_one() {
    let bar = |number: i64| {
        let closes = (0..5).map(|asset| Some(10.0 + ((number * (asset + 3)) % 7) as f64 * 0.01)).collect();
        Input::History(Box::new(HistoryBar { number, closes }))
    };
    let mut inputs: Vec<Input> = (960..=1_000).map(bar).collect();
    inputs.push(Input::Tick(common::tick(0, 1_000 * common::SECOND + 1, 10.02, 1)));
    let (summary, bytes) = run(&common::settings(), inputs, 1, End::Stopped);
    assert_eq!((summary.bars, summary.ticks), (41, 1));
    let rows = rows(&bytes);
    assert!(of_table(&rows, "portfolios").any(|row| row["bar"] == 1_000 && row["label"] == "ok"));
}

#[test]
fn output_that_cannot_be_written_ends_the_run_with_its_reason() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("no space left"))
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let stop = StopFlag::default();
    let options = EngineOptions::new("run-1", Arc::new(SystemClock), stop.clone()).with_json_lines(Full);
    let universe = common::universe(5, &common::settings());
    let (engine, mut sink) = Engine::start(universe, &common::description(5), options).unwrap();
    for input in ticks(2_000) {
        sink.push(input);
    }
    sink.end(End::Input);
    let error = engine.finish().unwrap_err();
    assert!(error.to_string().contains("no space left"), "{error}");
    assert!(stop.is_raised());
}
