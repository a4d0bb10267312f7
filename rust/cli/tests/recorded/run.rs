//! `run` on recorded prices: to the end by itself, the same bytes again, and an asset that joins late.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::path::Path;

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use serde_json::Value;

use super::{MONTH, WEEK, json, recorded, silverbullet};

fn run(csv: &Path, output: &Path, workers: &str) -> Value {
    let source = format!("csv:{}", csv.display());
    json(&silverbullet(&[
        "run",
        "--source",
        &source,
        "--speed",
        "max",
        "--output",
        output.to_str().unwrap(),
        "--workers",
        workers,
        "--no-http",
        "--no-store",
        "--format",
        "json",
    ]))
}

/// The rows without the column that names the run.
fn lines(output: &Path) -> impl Iterator<Item = String> {
    let file = BufReader::new(std::fs::File::open(output).unwrap());
    file.lines().map(|line| {
        let line = line.unwrap();
        let mut row: serde_json::Map<String, Value> = serde_json::from_str(&line).unwrap();
        row.remove("run_id").expect("each row names its run");
        serde_json::to_string(&row).unwrap()
    })
}

#[test]
fn a_week_is_taken_whole_and_is_the_same_bytes_with_one_worker_and_two() {
    let Some(path) = recorded(WEEK) else { return };
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("1.jsonl"), folder.path().join("2.jsonl"));
    let summary = run(&path, &first, "1");
    assert_eq!(summary["frames"], 161_280);
    assert_eq!(summary["ticks"], 161_280);
    assert_eq!(summary["quarantined"], 0);
    assert_eq!(summary["bars"], 10_080);
    let again = run(&path, &second, "2");
    for name in ["frames", "ticks", "ignored", "quarantined", "bars"] {
        assert_eq!(again[name], summary[name], "{name}");
    }
    // How many ticks were answered together depends on the machine; that none is lost does not.
    for summary in [&summary, &again] {
        let answered = summary["publications"].as_u64().unwrap() + summary["skipped"].as_u64().unwrap();
        assert_eq!(answered, 161_280 + 10_080);
    }
    let mut rows = 0;
    for (one, two) in lines(&first).zip(lines(&second)) {
        assert_eq!(one, two);
        rows += 1;
    }
    assert_eq!(rows, lines(&second).count());
    // 9,480 bars have a full window of 600 returns before them; four portfolios each.
    assert_eq!(lines(&first).filter(|line| line.contains("\"table\":\"portfolios\"")).count(), 4 * 9_480);
}

#[test]
fn a_week_is_stored_and_asked_for_in_sql() {
    let Some(path) = recorded(WEEK) else { return };
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (source, data) = (format!("csv:{}", path.display()), data.to_str().unwrap());
    let run = ["run", "--source", &source, "--speed", "max", "--no-http", "--format", "json", "--data", data];
    json(&silverbullet(&[&run[..], &["--samples", "1024"]].concat()));
    let query = "select objective, method, count(*) as n, avg(gap) as gap from portfolios group by 1, 2";
    let answer = json(&silverbullet(&["sql", query, "--data", data, "--format", "json"]));
    let rows = answer.as_array().unwrap();
    assert_eq!(rows.len(), 4);
    for row in rows {
        assert_eq!(row["n"], 9_480, "{row}");
        assert!(row["gap"].as_f64().unwrap().abs() < 1e-2, "{row}");
    }
}

/// The first `rows` prices of the month as CSV.
fn write_csv(parquet: &Path, csv: &Path, rows: usize) {
    let reader = SerializedFileReader::new(std::fs::File::open(parquet).unwrap()).unwrap();
    let mut text = "timestamp,asset,price\n".to_owned();
    for row in reader.get_row_iter(None).unwrap().take(rows) {
        let row = row.unwrap();
        let fields: Vec<&Field> = row.get_column_iter().map(|(_, field)| field).collect();
        let [Field::TimestampMicros(time), Field::Str(asset), Field::Double(price)] = fields[..] else {
            panic!("unexpected columns: {fields:?}");
        };
        writeln!(text, "{time},{asset},{price}").unwrap();
    }
    std::fs::write(csv, text).unwrap();
}

#[test]
fn ada_joins_five_days_late_and_takes_part_once_its_window_is_full() {
    let Some(path) = recorded(MONTH) else { return };
    let folder = tempfile::tempdir().unwrap();
    let (csv, output) = (folder.path().join("prices.csv"), folder.path().join("rows.jsonl"));
    // Six days: fifteen assets from the start, ADA from the sixth.
    write_csv(&path, &csv, 15 * 1_440 * 6);
    run(&csv, &output, "2");
    let (mut joined, mut eligible, mut before) = (None, None, 0);
    for line in lines(&output) {
        let bar = || serde_json::from_str::<Value>(&line).unwrap()["bar"].as_i64().unwrap();
        if line.contains("\"table\":\"bars\"") && line.contains("\"asset\":\"ADA\"") && joined.is_none() {
            joined = Some(bar());
        }
        if line.contains("\"table\":\"portfolios\"") && line.contains("\"objective\":\"max-sharpe\"") {
            match line.contains("\"ADA\":") {
                true if eligible.is_none() => eligible = Some(bar()),
                false if eligible.is_none() => before += 1,
                false => panic!("ADA left again: {line}"),
                true => {}
            }
        }
    }
    let (joined, eligible) = (joined.unwrap(), eligible.unwrap());
    // 2025-05-09 18:19 UTC, in minutes since 1970; its first return is a minute later.
    assert_eq!(joined, 1_746_814_740 / 60);
    assert_eq!(eligible - joined, 600);
    assert!(before > 10_000, "{before} portfolios without ADA");
}
