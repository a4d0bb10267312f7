//! The program killed by SIGKILL at random moments of a flush: the stored rows are those of a run that nothing
//! disturbed.
//!
//! A fail point in the store kills the process at a place and a time that a seed decides. The next run goes on
//! from the checkpoint and is killed in turn, until the input has come to its end. `SILVERBULLET_KILLS` says how
//! many kills (`make soak-kill` asks for many), `SILVERBULLET_SEED_OF_KILLS` which.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test may panic and say where it is")]

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_silverbullet");
/// Places in the order in which a flush comes by them.
const POINTS: [&str; 13] = [
    "spool-before-write",
    "spool-after-write",
    "portfolios-before-commit",
    "portfolios-after-commit",
    "frontiers-after-commit",
    "assets-before-commit",
    "bars-after-commit",
    "events-before-commit",
    "events-after-commit",
    "checkpoint-before-write",
    "checkpoint-after-write",
    "spool-before-delete",
    "spool-after-delete",
];
/// Bars of the input, and the key of each table that is compared.
const BARS: usize = 1_500;
const TABLES: [(&str, &str); 5] = [
    ("portfolios", "bar, objective, method"),
    ("frontiers", "bar, method, point"),
    ("assets", "bar, asset"),
    ("bars", "bar, asset"),
    ("events", "\"partition\", \"offset\", kind, source"),
];

/// SplitMix64: the next number of a seed's stream.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// A minute file of four assets with what a feed brings along: a bad row, a repeated one, one far ahead.
fn prices(folder: &Path) -> PathBuf {
    let mut csv = "timestamp,asset,price\n".to_owned();
    let mut state = 7;
    let mut prices = [100.0, 50.0, 20.0, 5.0];
    for bar in 0..BARS {
        let time = 1_747_008_000 + 60 * bar;
        for (name, price) in ["A", "B", "C", "D"].iter().zip(&mut prices) {
            *price *= 1.0 + ((next(&mut state) % 2_001) as f64 - 999.0) * 1e-6;
            writeln!(csv, "{time},{name},{price}").unwrap();
        }
        match bar % 97 {
            13 => writeln!(csv, "{time},A,cheap").unwrap(),
            31 => writeln!(csv, "{time},D,{}", prices[3]).unwrap(),
            53 => writeln!(csv, "{},B,{}", time + 86_400, prices[1]).unwrap(),
            _ => {}
        }
    }
    let path = folder.join("prices.csv");
    std::fs::write(&path, csv).unwrap();
    path
}

fn program(failpoints: &str) -> Command {
    let mut command = Command::new(PROGRAM);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SILVERBULLET_")) {
        command.env_remove(name);
    }
    command.env("FAILPOINTS", failpoints);
    command
}

/// A run over the whole input; many small flushes, so that there is much to be interrupted.
fn run(prices: &Path, data: &Path, failpoints: &str) -> Output {
    run_with_window(prices, data, failpoints, "40")
}

fn run_with_window(prices: &Path, data: &Path, failpoints: &str, window: &str) -> Output {
    program(failpoints)
        .args(["run", "--speed", "max", "--no-http", "--format", "json", "--samples", "256"])
        .args(["--window", window])
        .arg("--source")
        .arg(format!("csv:{}", prices.display()))
        .arg("--data")
        .arg(data)
        .env("SILVERBULLET_STORE__FLUSH_ROWS", "1500")
        .env("SILVERBULLET_STORE__FLUSH_EVERY", "200ms")
        .current_dir(data.parent().unwrap())
        .output()
        .unwrap()
}

/// Every row of a table but for the run that made it, in the order of its key.
fn rows(data: &Path, table: &str, key: &str) -> Vec<Value> {
    let query = format!("select * from history.{table} order by {key}");
    let output = program("").args(["sql", &query, "--format", "json", "--data"]).arg(data).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut rows: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    for row in &mut rows {
        row.as_object_mut().unwrap().remove("run_id");
    }
    rows
}

fn all_rows(data: &Path) -> Vec<(&'static str, Vec<Value>)> {
    TABLES.map(|(table, key)| (table, rows(data, table, key))).into()
}

fn undisturbed(prices: &Path, folder: &Path) -> Vec<(&'static str, Vec<Value>)> {
    let data = folder.join("undisturbed");
    let output = run(prices, &data, "");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let expected = all_rows(&data);
    for (table, rows) in &expected {
        assert!(rows.len() >= 40, "{table} has only {} rows: nothing is compared", rows.len());
    }
    expected
}

fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap())
}

/// The place of a kill: on which pass of which fail point.
fn kill_at(state: &mut u64, most_passes: u64) -> String {
    let point = POINTS[usize::try_from(next(state) % POINTS.len() as u64).unwrap()];
    match next(state) % most_passes {
        0 => format!("{point}=return(kill)"),
        passes => format!("{point}={passes}*off->return(kill)"),
    }
}

/// True where the process was ended by SIGKILL.
fn was_killed(output: &Output) -> bool {
    use std::os::unix::process::ExitStatusExt;
    output.status.signal() == Some(9)
}

#[test]
fn killed_at_random_moments_the_rows_are_those_of_an_undisturbed_run() {
    let folder = tempfile::tempdir().unwrap();
    let prices = prices(folder.path());
    let expected = undisturbed(&prices, folder.path());
    let wanted = setting("SILVERBULLET_KILLS", 20);
    let mut state = setting("SILVERBULLET_SEED_OF_KILLS", 1);
    let (mut kills, mut attempts, mut completed) = (0, 0, 0);
    while kills < wanted {
        let data = folder.path().join(format!("killed-{completed}"));
        loop {
            attempts += 1;
            assert!(attempts < 20 * wanted, "{attempts} runs and only {kills} kills");
            let place = kill_at(&mut state, 5);
            let output = run(&prices, &data, if kills < wanted { &place } else { "" });
            if was_killed(&output) {
                kills += 1;
                println!("kill {kills} of {wanted} at {place}");
                continue;
            }
            assert!(output.status.success(), "{place}: {}", String::from_utf8_lossy(&output.stderr));
            break;
        }
        for ((table, found), (_, expected)) in all_rows(&data).iter().zip(&expected) {
            assert_eq!(found.len(), expected.len(), "rows of {table} after {kills} kills");
            assert!(found == expected, "{table} has other rows than an undisturbed run");
        }
        completed += 1;
    }
    println!("{kills} kills in {attempts} runs; {completed} inputs taken to their end, all rows equal");
}

/// The check above can fail: without the application transaction a kill between a commit and the checkpoint
/// has rows stored twice.
#[test]
fn without_the_application_transaction_rows_would_be_stored_twice() {
    let folder = tempfile::tempdir().unwrap();
    let prices = prices(folder.path());
    let data = folder.path().join("data");
    let keep = "tables-keep-stored-rows=return";
    let killed = run(&prices, &data, &format!("{keep};portfolios-after-commit=return(kill)"));
    assert!(was_killed(&killed), "{}", String::from_utf8_lossy(&killed.stderr));
    assert!(run(&prices, &data, keep).status.success());
    let stored = rows(&data, "portfolios", "bar, objective, method");
    let mut keys: Vec<String> =
        stored.iter().map(|row| format!("{} {} {}", row["bar"], row["objective"], row["method"])).collect();
    let all = keys.len();
    keys.dedup();
    assert!(keys.len() < all, "{all} rows, none of them twice");
}

#[test]
fn the_same_input_again_adds_no_row_and_another_window_is_a_variant_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let prices = prices(folder.path());
    let data = folder.path().join("data");
    for _ in 0..2 {
        assert!(run(&prices, &data, "").status.success());
    }
    let first = all_rows(&data);
    let count = |rows: &[Value]| rows.len();
    assert_eq!(count(&first[3].1), 4 * BARS, "bars");
    let other = run_with_window(&prices, &data, "", "50");
    assert!(other.status.success(), "{}", String::from_utf8_lossy(&other.stderr));
    let variants = rows(&data, "portfolios", "bar, objective, method");
    let of = |variant: &Value| {
        variants.iter().filter(|row| row["variant"] == *variant).cloned().collect::<Vec<_>>()
    };
    assert_eq!(of(&first[0].1[0]["variant"]), first[0].1, "the first variant's rows are untouched");
    assert_eq!(variants.len() - first[0].1.len(), 4 * (BARS - 50));
}
