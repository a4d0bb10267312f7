//! `replay`: a stored run made again from its input, and what is said where that cannot give the same rows.
#![allow(clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::common::{folder, returns, silverbullet, text, write_prices};

const SETTINGS: &str = r#"
[universes.fast]
assets = ["A", "B"]
window = 20
samples = 64
population = 64
[universes.slow]
assets = ["A", "B"]
bar = "5m"
window = 12
samples = 64
population = 64
"#;

fn run(folder: &Path, arguments: &[&str]) {
    silverbullet(folder)
        .args(["run", "--no-http", "--data", "data", "--format", "json", "--speed", "max"])
        .args(arguments)
        .assert()
        .success();
}

/// The exit code of a replay and what it has found, universe by universe.
fn replay(folder: &Path, arguments: &[&str]) -> (i32, Vec<Value>) {
    let output = silverbullet(folder)
        .args(["replay", "--data", "data", "--format", "json"])
        .args(arguments)
        .output()
        .unwrap();
    let found = serde_json::from_slice(&output.stdout);
    (output.status.code().unwrap(), found.unwrap_or_else(|_| panic!("{}", text(&output.stderr))))
}

fn refused(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let output = silverbullet(folder).args(["replay", "--data", "data"]).args(arguments).output().unwrap();
    (output.status.code().unwrap(), text(&output.stderr))
}

/// Rows of a table that were stored, and what became of them: equal, different, missing, extra.
fn counts(report: &Value, table: &str) -> [u64; 5] {
    let tables = report["tables"].as_array().unwrap();
    let of = tables.iter().find(|of| of["table"] == table).unwrap();
    ["stored", "equal", "different", "missing", "extra"].map(|name| of[name].as_u64().unwrap())
}

#[test]
fn a_file_gives_every_row_again_in_all_universes_and_an_interrupted_run_is_no_different() {
    let folder = folder();
    fs::write(folder.path().join("silverbullet.toml"), SETTINGS).unwrap();
    write_prices(folder.path(), &returns(400));
    run(folder.path(), &["--source", "csv:prices.csv", "--limit", "500"]);
    let (code, interrupted) = replay(folder.path(), &[]);
    assert_eq!((code, interrupted.len()), (0, 2), "{interrupted:?}");
    run(folder.path(), &["--source", "csv:prices.csv"]);
    let (code, whole) = replay(folder.path(), &[]);
    assert_eq!(code, 0, "{whole:?}");
    for (report, less) in whole.iter().zip(&interrupted) {
        for table in ["portfolios", "frontiers", "assets", "bars"] {
            let [stored, equal, different, missing, extra] = counts(report, table);
            assert!(
                stored == equal && stored > counts(less, table)[0] && counts(less, table)[0] > 0,
                "{report}"
            );
            assert_eq!([different, missing, extra], [0; 3]);
        }
    }
    let (code, slow) = replay(folder.path(), &["--universe", "slow"]);
    assert_eq!((code, slow.len(), &slow[0]["universe"]), (0, 1, &"slow".into()));
}

#[test]
fn simulated_time_begins_again_where_it_began() {
    let folder = folder();
    run(folder.path(), &["--window", "20", "--samples", "64", "--limit", "4000"]);
    let (code, report) = replay(folder.path(), &[]);
    assert!(code == 0 && counts(&report[0], "portfolios")[0] > 10, "{report:?}");
    let table = silverbullet(folder.path()).args(["replay", "--data", "data"]).output().unwrap();
    assert!(text(&table.stdout).contains("Every row is the same, bit by bit."), "{}", text(&table.stdout));
}

#[test]
fn rows_that_the_input_does_not_give_are_found_and_shown() {
    let folder = folder();
    fs::write(folder.path().join("silverbullet.toml"), SETTINGS).unwrap();
    write_prices(folder.path(), &returns(200));
    run(folder.path(), &["--source", "csv:prices.csv", "--universe", "fast"]);
    // A command that the run did not have: as many rows are stored that do not follow from input and journal.
    let journal = fs::read_dir(folder.path().join("data/state/fast")).unwrap().find_map(|entry| {
        let path = entry.unwrap().path();
        path.is_dir().then(|| path.join("commands"))
    });
    let entry = silverbullet_engine::commands::Entry {
        sequence: 1,
        bar: 1_747_008_000 / 60 + 150,
        taken: 0,
        command: silverbullet_engine::Command::from_json(br#"{"command": "pause"}"#).unwrap(),
    };
    fs::write(journal.unwrap(), entry.to_line()).unwrap();
    let (code, report) = replay(folder.path(), &[]);
    let [stored, equal, different, missing, extra] = counts(&report[0], "portfolios");
    assert_eq!((code, &report[0]["same"]), (1, &false.into()));
    assert!(missing > 0 && equal + missing == stored && different + extra == 0, "{report:?}");
    assert_eq!(counts(&report[0], "bars")[0], counts(&report[0], "bars")[1]);
    let table = silverbullet(folder.path()).args(["replay", "--data", "data"]).output().unwrap();
    assert!(text(&table.stdout).contains("row is there, replayed none"), "{}", text(&table.stdout));
}

#[test]
fn another_input_and_an_unknown_run_are_refused_in_one_line() {
    let folder = folder();
    let prices = write_prices(folder.path(), &returns(100));
    let (code, message) = refused(folder.path(), &[]);
    assert!(code == 1 && message.contains("there are no results in data"), "{message}");
    run(folder.path(), &["--source", "csv:prices.csv", "--window", "20", "--samples", "64"]);
    let (code, message) = refused(folder.path(), &["20200101T000000000Z-1"]);
    assert!(code == 2 && message.contains("no such run is stored in data"), "{message}");
    fs::rename(&prices, folder.path().join("moved.csv")).unwrap();
    let (code, message) = refused(folder.path(), &[]);
    assert!(code == 1 && message.contains("prices.csv"), "{message}");
    assert_eq!(replay(folder.path(), &["--source", "csv:moved.csv"]).0, 0);
    write_prices(folder.path(), &returns(101));
    let (code, message) = refused(folder.path(), &[]);
    assert!(code == 1 && message.contains("it is not the input of that run"), "{message}");
    assert_eq!(message.lines().filter(|line| line.starts_with("error")).count(), 1, "{message}");
}
