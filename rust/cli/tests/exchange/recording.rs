//! What an exchange says is recorded, beside a run or alone, and played to the same rows.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use serde_json::Value;
use silverbullet_exchange_replay::Fault;

use super::{Place, heard, run_in};

const COLUMNS: [(&str, &str); 4] = [
    ("portfolios", "bar, objective, method, as_of, mean, risk, sharpe, gap, turnover, label, weights"),
    ("bars", "bar, asset, open_time, close_time, open, high, low, close, volume, ticks"),
    ("assets", "bar, asset, as_of, price, mean, volatility, last_tick, stale"),
    ("events", "kind, \"offset\", as_of, detail"),
];

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Rows of a table in a folder of results, without the run that wrote them.
fn rows(folder: &Path, data: &str, table: &str) -> Vec<String> {
    let (_, columns) = COLUMNS.iter().find(|(name, _)| *name == table).unwrap();
    let query = format!("select {columns} from {table} order by 1, 2, 3, 4");
    let output = run_in(folder).args(["sql", &query, "--data", data, "--format", "csv"]).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

fn play(folder: &Path, source: &str, data: &str, more: &[&str]) -> Output {
    let mut command = run_in(folder);
    command.args(["run", "--source", source, "--data", data, "--bar", "100ms", "--window", "5"]);
    command.args(["--samples", "500", "--no-http", "--format", "json"]).args(more).output().unwrap()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn a_recording_of_a_run_is_played_to_the_rows_that_the_run_stored() {
    // Quotes without a time, which are stamped by the receipt; and a connection that is lost.
    for (venue, fault) in [("binance", Fault::Reset), ("okx", Fault::None)] {
        let place = Place::new(venue, &[fault]);
        let folder = place.folder.path();
        let live = place
            .run(venue, &["--limit", "1500", "--no-http", "--record", "recorded", "--data", "live"])
            .output()
            .unwrap();
        assert!(live.status.success(), "{venue}: {}", said(&live));
        for (data, speed) in [("fast", "max"), ("slow", "20")] {
            let played = play(folder, "recording:recorded", data, &["--speed", speed]);
            assert!(played.status.success(), "{venue}: {}", said(&played));
        }
        for table in ["portfolios", "bars", "assets"] {
            let live = rows(folder, "live", table);
            let played = rows(folder, "fast", table);
            assert!(live.len() > 10, "{venue}, {table}: only {live:#?}");
            // The recording goes on for a moment: the run has stopped at its limit, and what came to its end closes the last bar.
            assert_eq!(live, played[..live.len()], "{venue}, {table}: what is played differs");
            assert_eq!(played, rows(folder, "slow", table), "{venue}, {table}: the speed makes a difference");
        }
        let events = rows(folder, "fast", "events");
        assert_eq!(events, rows(folder, "slow", "events"));
        assert!(rows(folder, "live", "events").iter().all(|event| events.contains(event)), "{events:#?}");
    }
}

#[test]
fn a_played_run_that_was_stopped_goes_on_where_it_was() {
    let place = Place::new("binance", &[Fault::Reset]);
    let folder = place.folder.path();
    let live = place.run("binance", &["--limit", "1200", "--no-http", "--no-store", "--record", "recorded"]);
    assert!({ live }.output().unwrap().status.success());
    let whole = play(folder, "recording:recorded", "whole", &["--speed", "max"]);
    assert!(whole.status.success(), "{}", said(&whole));
    for limit in ["150", "400"] {
        let part = play(folder, "recording:recorded", "parts", &["--speed", "max", "--limit", limit]);
        assert!(part.status.success(), "{}", said(&part));
    }
    let last = play(folder, "recording:recorded", "parts", &["--speed", "max"]);
    assert!(last.status.success(), "{}", said(&last));
    for (table, _) in COLUMNS {
        assert_eq!(rows(folder, "whole", table), rows(folder, "parts", table), "{table}");
    }
    // And `replay` makes it again from the files.
    let mut replay = run_in(folder);
    let replayed = replay.args(["replay", "--data", "whole", "--format", "json"]).output().unwrap();
    assert!(replayed.status.success(), "{}", said(&replayed));
}

#[test]
fn what_is_recorded_alone_is_summed_up_and_played() {
    let place = Place::new("kraken", &[]);
    let folder = place.folder.path();
    let mut record = run_in(folder);
    record.args(["record", "--source", "kraken", "--url", place.exchange.url(), "--assets", "BTC,ETH"]);
    record.args(["--out", "recorded", "--for", "2500ms", "--format", "json"]);
    let output = record.env("SILVERBULLET_RECORDING__FILE_TIME", "1s").output().unwrap();
    let told = said(&output);
    assert!(output.status.success(), "{told}");
    assert!(told.starts_with("recording BTC, ETH at kraken in recorded\n"), "{told}");
    assert!(told.contains("MiB in 1 file, ") && told.contains("/s\n"), "one line a second: {told}");
    let counts: Value = serde_json::from_slice(&output.stdout).unwrap();
    let files = files(&folder.join("recorded"));
    let bytes: u64 = files.iter().map(|file| fs::metadata(file).unwrap().len()).sum();
    assert_eq!((counts["files"].as_u64(), counts["bytes"].as_u64()), (Some(files.len() as u64), Some(bytes)));
    assert!(
        files.len() >= 2 && counts["left_out"] == 0 && counts["frames"].as_u64().unwrap() > 20,
        "{counts}"
    );
    let played = play(folder, "recording:recorded", "played", &["--speed", "max"]);
    assert!(played.status.success(), "{}", said(&played));
    let summary: Value = serde_json::from_slice(&played.stdout).unwrap();
    assert_eq!(summary["frames"], counts["frames"]);
    assert!(summary["ticks"].as_u64().unwrap() > 20, "{summary}");
}

#[cfg(unix)]
#[test]
fn a_recording_outlives_a_program_that_is_killed_and_goes_on_with_another() {
    let place = Place::new("okx", &[]);
    let folder = place.folder.path();
    let record = |more: &[&str]| {
        let mut record = run_in(folder);
        record.args(["record", "--source", "okx", "--url", place.exchange.url(), "--assets", "BTC,ETH"]);
        record.args(["--out", "recorded"]).args(more).stdin(Stdio::null()).stdout(Stdio::null());
        record.stderr(Stdio::piped()).spawn().unwrap()
    };
    let mut killed = record(&[]);
    // What is counted in a file is written.
    heard(&mut killed, "in 1 file");
    killed.kill().unwrap();
    killed.wait().unwrap();
    let first = play(folder, "recording:recorded", "first", &["--speed", "max"]);
    assert!(first.status.success(), "{}", said(&first));
    let ticks: Value = serde_json::from_slice(&first.stdout).unwrap();
    assert!(ticks["ticks"].as_u64().unwrap() > 10, "{ticks}");
    let mut second = record(&[]);
    heard(&mut second, "in 1 file");
    let id = second.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    assert_eq!(second.wait().unwrap().code(), Some(130));
    // As a disk leaves it that was taken away.
    let newest = files(&folder.join("recorded")).pop().unwrap();
    let bytes = fs::read(&newest).unwrap();
    fs::write(&newest, &bytes[..bytes.len() - 3]).unwrap();
    let both = play(folder, "recording:recorded", "both", &["--speed", "max"]);
    assert!(both.status.success() && said(&both).contains("cut short"), "{}", said(&both));
    let events = rows(folder, "both", "events").join("\n");
    assert!(events.contains("nothing was recorded") && events.contains("recording cut short"), "{events}");
}

#[test]
fn what_cannot_be_recorded_or_played_is_told_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::create_dir(path.join("empty")).unwrap();
    fs::write(path.join("file"), "timestamp,asset,price\n").unwrap();
    let newer = "{\"format\":\"silverbullet recording\",\"version\":9}\n";
    fs::write(path.join("newer.rec.zst"), newer).unwrap();
    let cases: [(&[&str], i32, &[&str]); 10] = [
        (
            &["record", "--out", "x"],
            2,
            &["only an exchange is recorded, not simulator", "--source", "binance"],
        ),
        (&["record", "--source", "csv:file", "--out", "x"], 2, &["only an exchange is recorded"]),
        (
            &["record", "--source", "binance,okx", "--out", "x"],
            2,
            &["several exchanges", "record each by itself"],
        ),
        (&["record", "--source", "okx"], 2, &["--out recorded"]),
        (&["record", "--source", "okx", "--out", "file"], 2, &["file", "name another folder"]),
        (&["run", "--source", "okx", "--record", "file", "--no-http"], 2, &["file", "name another folder"]),
        (&["run", "--no-http", "--source", "recording:"], 2, &["--source recording:recorded"]),
        (&["run", "--no-http", "--source", "recording:empty"], 1, &["empty", "silverbullet record --out"]),
        (&["run", "--no-http", "--source", "recording:file"], 1, &["file", "is no recording", "csv:PATH"]),
        (&["run", "--no-http", "--source", "recording:newer.rec.zst"], 1, &["version 9", "reads version 1"]),
    ];
    for (arguments, code, expected) in cases {
        let output = run_in(path).args(arguments).output().unwrap();
        let told = said(&output);
        assert_eq!((output.status.code(), told.lines().count()), (Some(code), 1), "{arguments:?}: {told}");
        assert!(expected.iter().all(|part| told.contains(part)), "{arguments:?}: {told}");
    }
    let output =
        run_in(path).args(["record", "--source", "okx", "--out", "x", "--for", "0s"]).output().unwrap();
    assert!(output.status.code() == Some(2) && said(&output).contains("such as 90s"), "{}", said(&output));
}
