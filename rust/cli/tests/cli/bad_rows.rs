//! Each kind of bad row in one file: it is taken to its end, and each is counted and listed with its reason.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::common::{folder, returns, silverbullet, write_prices};

/// A bad row, put after the good ones of minute 20, with the kind and the reason it must be listed under.
const BAD: [(&[u8], &str, &str); 15] = [
    (b"2025-05-12T00:20:00Z,A,cheap", "quarantined", "price"),
    (b"2025-05-12T00:20:00Z,A,-1", "quarantined", "price not positive"),
    (b"2025-05-12T00:20:00Z,A,0", "quarantined", "price not positive"),
    (b"2025-05-12T00:20:00Z,A,NaN", "quarantined", "price not finite"),
    (b"2025-05-12T00:20:00Z,A,inf", "quarantined", "price not finite"),
    (b"2025-05-12T00:20:00Z,A,1e300", "quarantined", "price absurdly far"),
    (b"2025-05-12T00:20:00Z,A,", "quarantined", "price"),
    (b"2025-05-12T00:20:00Z,A", "quarantined", "column"),
    (b"2025-05-12T00:20:00Z,A,1,2,3", "quarantined", "column"),
    (b"yesterday,A,100", "quarantined", "timestamp"),
    (b"2025-05-12T00:20:00Z,NOPE,100", "quarantined", "unknown asset"),
    (b"2025-05-12T00:20:00Z,\xff\xfe,100", "quarantined", "UTF-8"),
    (b"2025-05-12T00:05:00Z,A,100.5", "quarantined", "out of order"),
    (b"2025-05-13T00:20:00Z,A,100", "quarantined", "too far ahead"),
    (b"", "ignored", "duplicate"),
];

/// The file with the bad rows in it. Returns the line number of each.
fn spoil(path: &Path) -> Vec<u64> {
    let good = std::fs::read_to_string(path).unwrap();
    let mut bytes = Vec::new();
    let mut lines = Vec::new();
    for (index, line) in good.lines().enumerate() {
        bytes.extend(line.as_bytes());
        bytes.push(b'\n');
        // A header, then two rows a minute from minute 0 on.
        if index == 42 {
            for (row, _, _) in BAD {
                lines.push(index as u64 + 2 + lines.len() as u64);
                bytes.extend(if row.is_empty() { line.as_bytes() } else { row });
                bytes.push(b'\n');
            }
        }
    }
    std::fs::write(path, bytes).unwrap();
    lines
}

#[test]
fn each_kind_of_bad_row_is_listed_with_its_line_and_reason() {
    let folder = folder();
    let path = write_prices(folder.path(), &returns(60));
    let lines = spoil(&path);
    let output = silverbullet(folder.path())
        .args(["run", "--source", "csv:prices.csv", "--speed", "max", "--window", "30", "--no-http"])
        .args(["--output", "rows.jsonl", "--format", "json"])
        .output()
        .unwrap();
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(summary["frames"], 122 + BAD.len(), "{summary}");
    assert_eq!(summary["ticks"], 122, "{summary}");
    assert_eq!(summary["quarantined"], BAD.len() - 1, "{summary}");
    assert_eq!(summary["ignored"]["duplicate"], 1, "{summary}");
    assert_eq!(summary["bars"], 61, "{summary}");

    let text = std::fs::read_to_string(folder.path().join("rows.jsonl")).unwrap();
    let rows = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let events: BTreeMap<u64, Value> = rows
        .filter(|row| row["table"] == "events")
        .map(|row| (row["offset"].as_u64().unwrap(), row))
        .collect();
    for (line, (row, kind, reason)) in lines.iter().zip(BAD) {
        let row = String::from_utf8_lossy(row);
        let event = events.get(line).unwrap_or_else(|| panic!("line {line} ({row}) is not listed"));
        assert_eq!(event["kind"], kind, "{row}: {event}");
        let detail = event["detail"].as_str().unwrap();
        assert!(detail.contains(reason), "{row}: {detail:?} does not say {reason:?}");
    }
    assert_eq!(events.len(), BAD.len());
}

#[test]
fn the_rows_are_those_of_the_file_without_them() {
    let folder = folder();
    let path = write_prices(folder.path(), &returns(60));
    let portfolios = |name: &str| {
        let run = silverbullet(folder.path())
            .args(["run", "--source", "csv:prices.csv", "--speed", "max", "--window", "30", "--no-http"])
            .args(["--output", name, "--format", "json"])
            .output()
            .unwrap();
        assert!(run.status.success());
        let text = std::fs::read_to_string(folder.path().join(name)).unwrap();
        let rows = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        rows.filter(|row| row["table"] == "portfolios")
            .map(|row| row["weights"].to_string())
            .collect::<Vec<_>>()
    };
    let clean = portfolios("clean.jsonl");
    spoil(&path);
    assert_eq!(clean.len(), 4 * 31);
    assert_eq!(portfolios("spoilt.jsonl"), clean);
}
