//! All nine objectives through the crate's interface: stored at each close, and shown live as they are stored.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "each test file uses its own part")]
#[allow(unreachable_pub, reason = "shared with the unit tests")]
mod common;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use silverbullet_engine::{End, Engine, EngineOptions, Publication};
use silverbullet_kernel::Objective;
use silverbullet_market::{Input, Sink, StopFlag, SystemClock, UniverseSettings};

const ASSETS: usize = 4;

fn settings() -> UniverseSettings {
    UniverseSettings {
        window: 12,
        population: 64,
        samples: 64,
        objectives: Objective::ALL.into_iter().rev().collect(),
        risk_aversion: Some(5.0),
        target_risk: Some(1e-4),
        target_return: Some(1e-6),
        cvar_level: Some(0.75),
        ..common::settings()
    }
}

/// Runs `seconds` of ticks and then more of them until `seen` says that it has seen enough.
fn run(
    settings: &UniverseSettings,
    workers: usize,
    mut seen: impl FnMut(Option<Publication>) -> bool,
) -> Vec<u8> {
    let lines = tempfile::NamedTempFile::new().unwrap();
    let mut options = EngineOptions::new("run", Arc::new(SystemClock), StopFlag::default())
        .with_json_lines(lines.reopen().unwrap());
    options.workers = workers;
    let universe = common::universe(ASSETS, settings);
    let (engine, mut sink) = Engine::start(universe, &common::description(ASSETS), options).unwrap();
    let live = engine.live();
    for (number, tick) in common::ticks(ASSETS as u32, 4_000).into_iter().enumerate() {
        if number > 320 {
            if seen(live.publication()) {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        sink.push(Input::Tick(tick));
    }
    sink.end(End::Stopped);
    engine.finish().unwrap();
    std::fs::read(lines.path()).unwrap()
}

fn portfolios(lines: &[u8]) -> Vec<Value> {
    let rows = lines.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    let rows = rows.map(|line| serde_json::from_slice::<Value>(line).unwrap());
    rows.filter(|row| row["table"] == "portfolios").collect()
}

#[test]
fn every_objective_is_stored_at_each_close_whatever_the_number_of_workers() {
    let lines = run(&settings(), 1, |_| true);
    assert!(lines == run(&settings(), 3, |_| true), "the same bytes");
    let rows = portfolios(&lines);
    let mut kinds: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for row in &rows {
        *kinds.entry((row["objective"].as_str().unwrap(), row["method"].as_str().unwrap())).or_default() += 1;
        let sum: f64 = row["weights"].as_object().unwrap().values().map(|w| w.as_f64().unwrap()).sum();
        assert!((sum - 1.0).abs() < 1e-9, "{row}");
        assert!(row["gap"].as_f64().is_none_or(|gap| gap >= -1e-7), "{row}");
    }
    let bars = kinds[&("max-sharpe", "exact")];
    assert!(bars > 5);
    for objective in Objective::ALL {
        for method in ["exact", "monte-carlo"] {
            assert_eq!(kinds.get(&(objective.name(), method)), Some(&bars), "{objective} {method}");
        }
    }
    let order = |row: &Value| {
        let objective: Objective = row["objective"].as_str().unwrap().parse().unwrap();
        (row["bar"].as_i64(), objective, row["method"].as_str().map(str::to_owned))
    };
    assert!(rows.is_sorted_by_key(order), "in the order of bars, objectives and methods");
    assert!(rows.iter().filter(|row| row["objective"] == "target-risk").any(|row| row["label"] == "ok"));
}

#[test]
fn a_universe_may_have_objectives_of_the_close_alone() {
    let only = UniverseSettings { objectives: vec![Objective::RiskParity], ..settings() };
    let rows = portfolios(&run(&only, 1, |_| true));
    assert!(rows.iter().all(|row| row["objective"] == "risk-parity"), "nothing else is stored");
    assert!(rows.iter().any(|row| row["gap"].as_f64().is_some_and(|gap| gap < 1e-3)));
}

#[test]
fn what_is_shown_live_of_a_close_is_what_is_stored_of_it() {
    let mut shown = Vec::new();
    let lines = run(&settings(), 1, |publication| {
        let Some(close) = publication.and_then(|publication| publication.at_close.clone()) else {
            return false;
        };
        shown.push(close);
        shown.len() > 20
    });
    shown.dedup_by_key(|close| close.bar);
    let rows = portfolios(&lines);
    assert!(!shown.is_empty());
    for close in shown {
        assert_eq!(close.answers.len(), 14, "seven objectives, two methods each");
        assert_eq!(close.as_of, close.bar * common::SECOND);
        for answer in &close.answers {
            let same = |row: &&Value| {
                row["bar"] == close.bar
                    && row["objective"] == answer.objective.name()
                    && row["method"] == answer.method.name()
            };
            let row = rows.iter().find(same).unwrap();
            assert_eq!(row["mean"].as_f64(), Some(answer.mean));
            assert_eq!(row["risk"].as_f64(), Some(answer.risk));
            assert_eq!(row["gap"].as_f64(), answer.gap);
            for (asset, weight) in row["weights"].as_object().unwrap() {
                let position: usize = asset[1..].parse().unwrap();
                assert_eq!(weight.as_f64(), Some(answer.weights[position]));
            }
        }
    }
}
