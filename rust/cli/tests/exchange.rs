//! `run` on an exchange: the real program, real TLS WebSockets, and an exchange that plays prices.
#![expect(clippy::unwrap_used, clippy::panic, reason = "in a test a panic is the report")]

#[path = "exchange/recording.rs"]
mod recording;
#[path = "exchange/several.rs"]
mod several;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use silverbullet_exchange_replay::{Exchange, Fault, Market, Options, Venue};
use tempfile::TempDir;
use tokio::runtime::Runtime;

const PROGRAM: &str = env!("CARGO_BIN_EXE_silverbullet");
const VENUES: [&str; 7] =
    ["binance", "binance-us", "coinbase", "coinbase-advanced", "kraken", "okx", "bybit"];

/// An exchange, and a folder whose settings trust it.
struct Place {
    folder: TempDir,
    exchange: Exchange,
    _runtime: Runtime,
}

impl Place {
    fn new(venue: &str, faults: &[Fault]) -> Self {
        let (exchange, runtime) = played(venue, &Market::made_up(&["BTC", "ETH"], 60_000, 7), faults);
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ca.pem"), exchange.certificate()).unwrap();
        fs::write(folder.path().join("silverbullet.toml"), "[exchange]\nca_file = \"ca.pem\"\n").unwrap();
        Self { folder, exchange, _runtime: runtime }
    }

    fn run(&self, venue: &str, more: &[&str]) -> Command {
        let mut command = run_in(self.folder.path());
        command.args(["run", "--source", venue, "--url", self.exchange.url(), "--assets", "BTC,ETH"]);
        command.args(["--bar", "100ms", "--window", "5", "--samples", "500", "--format", "json"]).args(more);
        command
    }
}

/// An exchange that plays a market at its own pace, and what it runs on.
fn played(venue: &str, market: &Market, faults: &[Fault]) -> (Exchange, Runtime) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let venue: Venue = venue.parse().unwrap();
    let options =
        Options::new(venue, market, Duration::ZERO).at_its_pace(1.0).with_faults(faults.iter().copied());
    let exchange = runtime.block_on(Exchange::start(options, "127.0.0.1:0".parse().unwrap())).unwrap();
    (exchange, runtime)
}

/// The program in `folder`, without any setting from outside.
fn run_in(folder: &Path) -> Command {
    let mut command = Command::new(PROGRAM);
    command.current_dir(folder);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SILVERBULLET_")) {
        command.env_remove(name);
    }
    command
}

#[test]
fn every_exchange_is_run_on_and_its_results_are_kept() {
    for venue in VENUES {
        let place = Place::new(venue, &[]);
        let mut run = place.run(venue, &["--limit", "1500", "--no-http"]);
        // On a busy machine prices reach the program later than on the way from any exchange, and each is to count.
        run.env("SILVERBULLET_UNIVERSES__DEFAULT__LATENESS", "750ms");
        let output = run.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{venue}: {said}");
        let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
        let query = "select kind, detail, count(*) n from events group by 1, 2";
        let events = run_in(place.folder.path()).args(["sql", "--format", "json", query]).output().unwrap();
        let events = String::from_utf8_lossy(&events.stdout).into_owned();
        assert_eq!(summary["ticks"], 1_500, "{venue}: {summary} {events}");
        assert!(summary["bars"].as_u64().unwrap() >= 5, "{venue}: {summary}");
        let query = "select count(*) as kept, count(distinct bar) as bars from portfolios";
        let mut sql = run_in(place.folder.path());
        let kept = sql.args(["sql", "--format", "json", query]).output().unwrap();
        let rows: Value = serde_json::from_slice(&kept.stdout).unwrap();
        assert!(rows[0]["kept"].as_u64().unwrap() > 0, "{venue}: {rows}");
    }
}

#[test]
fn a_lost_connection_is_told_in_events_and_the_run_goes_on() {
    let place = Place::new("binance", &[Fault::Reset]);
    let output = place.run("binance", &["--limit", "1000", "--no-http"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut sql = run_in(place.folder.path());
    let query = "select kind, count(*) as n from events where kind in ('gap', 'connection') group by kind order by kind";
    let found = sql.args(["sql", "--format", "json", query]).output().unwrap();
    let rows: Value = serde_json::from_slice(&found.stdout).unwrap();
    let kinds: Vec<&str> = rows.as_array().unwrap().iter().map(|row| row["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["connection", "gap"], "{rows}");
}

/// What the program says until `wanted` is in a line; all of it where that does not come.
fn heard(program: &mut Child, wanted: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for line in BufReader::new(program.stderr.take().unwrap()).lines() {
        lines.push(line.unwrap());
        if lines.last().unwrap().contains(wanted) {
            return lines;
        }
    }
    panic!("{wanted:?} was not said: {lines:#?}");
}

#[cfg(unix)]
#[test]
fn without_a_network_one_line_says_so_and_ctrl_c_ends_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = run_in(folder.path());
    // A port that nobody listens at.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    command.args([
        "run",
        "--source",
        "kraken",
        "--url",
        &format!("wss://{free}/v2"),
        "--no-http",
        "--no-store",
    ]);
    let mut program =
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let lines = heard(&mut program, "refused");
    assert!(lines.last().unwrap().contains("kraken"), "{lines:#?}");
    let id = program.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    assert_eq!(program.wait().unwrap().code(), Some(130));
}

#[test]
fn what_cannot_be_asked_of_an_exchange_is_told_at_once() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, expected) in [
        (["--source", "mtgox"], "simulator, csv:PATH, recording:PATH, kafka, flight, binance"),
        (["--source", "binance"], "wss://"),
    ] {
        let url = if expected == "wss://" { "stream.example" } else { "wss://stream.example" };
        let output = run_in(folder.path()).arg("run").args(arguments).args(["--url", url]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), said.contains(expected)), (Some(2), true), "{said}");
    }
}
