//! SQL over HTTP, by the real query engine over a folder of tables.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "in a test a panic is the report"
)]

mod common;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use arrow::ipc::reader::StreamReader;
use common::{Server, state, wait_for};
use silverbullet_query::Limits;

/// Counts to a billion, which takes longer than any limit here.
const ENDLESS: &str =
    "SELECT sum(a.value * b.value) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b";

fn server(time: Duration) -> (Server, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits { time, ..Limits::default() };
    (Server::with_tables(vec![state("default")], folder.path(), limits), folder)
}

#[test]
fn rows_come_as_json_csv_or_arrow() {
    let (server, _folder) = server(Duration::from_secs(30));
    let query = "SELECT value AS n FROM generate_series(1, 3) ORDER BY n";
    let json = format!(r#"{{"query": "{query}", "limit": 2}}"#);
    let answer = server.ask("POST", "/api/v1/sql", &[("Content-Type", "application/json")], &json).json();
    assert_eq!(answer["rows"], serde_json::json!([{"n": 1}, {"n": 2}]));
    assert_eq!((answer["row_count"].as_u64(), answer["truncated"].as_bool()), (Some(2), Some(true)));
    assert_eq!(
        (answer["columns"][0]["name"].as_str(), answer["columns"][0]["type"].as_str()),
        (Some("n"), Some("Int64"))
    );
    assert!(answer["elapsed_ms"].as_f64().unwrap() > 0.0);
    let whole = server.ask("POST", "/api/v1/sql", &[("Content-Type", "text/plain")], query).json();
    assert_eq!((whole["row_count"].as_u64(), whole["truncated"].as_bool()), (Some(3), Some(false)));
    let csv = server.ask("POST", "/api/v1/sql", &[("Accept", "text/csv")], query);
    assert_eq!(
        (csv.headers["content-type"].as_str(), csv.text().replace('\r', "").as_str()),
        ("text/csv", "n\n1\n2\n3\n")
    );
    let arrow =
        server.ask("POST", "/api/v1/sql", &[("Accept", "application/vnd.apache.arrow.stream")], query);
    let rows: usize =
        StreamReader::try_new(&arrow.body[..], None).unwrap().map(|batch| batch.unwrap().num_rows()).sum();
    assert_eq!(rows, 3);
    let none = server.ask("POST", "/api/v1/sql", &[("Accept", "text/csv")], "SELECT 1 AS n WHERE 1 = 2");
    assert_eq!(none.text().trim(), "n");
    server.stop();
}

#[test]
fn what_is_wrong_with_a_query_is_told_as_problem_details() {
    let (server, _folder) = server(Duration::from_millis(500));
    let post = |headers: &[(&str, &str)], body: &str| server.ask("POST", "/api/v1/sql", headers, body);
    post(&[], "SELEC 1").problem(400);
    assert!(post(&[], "SELECT * FROM portfolio").problem(400).contains("portfolios"));
    post(&[], "CREATE TABLE t AS SELECT 1").problem(403);
    post(&[], ENDLESS).problem(422);
    for accept in ["text/csv", "application/vnd.apache.arrow.stream"] {
        post(&[("Accept", accept)], "SELEC 1").problem(400);
    }
    post(&[("Content-Type", "application/json")], "{\"q\": 1}").problem(400);
    post(&[("Content-Type", "image/png")], "x").problem(415);
    post(&[("Accept", "image/png")], "SELECT 1").problem(406);
    post(&[], &"x".repeat((64 << 10) + 1)).problem(413);
    post(&[("Origin", "http://evil.example")], "SELECT 1").problem(403);
    server.get("/api/v1/bars?limit=0").problem(400);
    server.get("/api/v1/bars?asset=NONE").problem(404);
    server.get("/api/v1/bars?from=yesterday").problem(400);
    let metrics = server.get("/metrics");
    assert!(
        metrics.text().contains("silverbullet_sql_failures_total{reason=\"time\"} 1"),
        "{}",
        metrics.text()
    );
    server.stop();
}

#[test]
fn bars_runs_and_the_catalog_are_there_before_anything_is_stored() {
    let (server, _folder) = server(Duration::from_secs(30));
    assert_eq!(
        server.get("/api/v1/bars?asset=BTC&from=2025-05-12T00:00:00Z").text(),
        r#"{"universe":"default","bars":[]}"#
    );
    assert_eq!(server.get("/api/v1/runs").text(), r#"{"runs":[]}"#);
    let catalog = server.get("/api/v1/catalog").json();
    let tables = catalog["tables"].as_array().unwrap();
    assert!(
        tables
            .iter()
            .any(|table| table["name"] == "portfolios" && table["columns"].as_array().unwrap().len() > 5)
    );
    server.stop();
}

#[test]
fn the_query_of_the_readme_is_answered_as_curl_sends_it() {
    let readme = include_str!("../../../README.md");
    let command = readme.lines().find(|line| line.starts_with("curl") && line.contains("/api/v1/sql"));
    let command = command.expect("README asks in SQL over HTTP");
    let query = command.split_once(" -d \"").and_then(|(_, rest)| rest.strip_suffix('"')).unwrap();
    assert!(!command.contains(" -H "), "the header is part of the command: send it here, too");
    let (server, _folder) = server(Duration::from_secs(30));
    // What curl sends with -d where it is told nothing else.
    let kind = [("Content-Type", "application/x-www-form-urlencoded"), ("Accept", "*/*")];
    let answer = server.ask("POST", "/api/v1/sql", &kind, query);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["columns"][1]["name"], "close");
    let evil = [kind[0], ("Origin", "http://evil.example")];
    server.ask("POST", "/api/v1/sql", &evil, query).problem(403);
    server.stop();
}

/// Begins a query and leaves the connection open.
fn begin(server: &Server) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).unwrap();
    let head =
        format!("POST /api/v1/sql HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n", ENDLESS.len());
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(ENDLESS.as_bytes()).unwrap();
    stream
}

#[test]
fn four_queries_run_at_a_time_and_one_whose_client_leaves_is_ended() {
    let (server, _folder) = server(Duration::from_secs(60));
    let running = |count: usize| server.get("/metrics").text().contains(&format!("sql_running {count}\n"));
    let mut clients: Vec<TcpStream> = (0..4).map(|_| begin(&server)).collect();
    wait_for("four queries run", || running(4));
    let refused = server.ask("POST", "/api/v1/sql", &[], "SELECT 1");
    assert!(refused.problem(429).contains('4') && refused.headers.contains_key("retry-after"));
    drop(clients.pop());
    wait_for("the query has ended", || running(3));
    // The others go on.
    clients[0].set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    assert!(clients[0].read(&mut [0; 1]).is_err());
    drop(clients);
    wait_for("all have ended", || running(0));
    assert_eq!(server.ask("POST", "/api/v1/sql", &[], "SELECT 1").status, 200);
    server.stop();
}
