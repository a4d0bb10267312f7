//! Commands from outside: told over HTTP, kept through a kill at once, repeated by every later run.
#![allow(clippy::panic, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::common::{PROGRAM, folder, returns, silverbullet, write_prices};

const BARS: usize = 600;

/// A run that is going on, with its server's address.
struct Served {
    child: Child,
    address: String,
}

fn serve(folder: &Path) -> Served {
    let mut command = Command::new(PROGRAM);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SILVERBULLET_")) {
        command.env_remove(name);
    }
    let mut child = command
        .current_dir(folder)
        .args(["run", "--source", "csv:prices.csv", "--speed", "1200", "--window", "20", "--samples", "64"])
        .args(["--http", "127.0.0.1:0", "--data", "data", "--format", "json"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let address = lines.find_map(|line| Some(line.unwrap().split_once("listening on http://")?.1.to_owned()));
    // Whoever does not read holds the program up.
    std::thread::spawn(move || lines.for_each(drop));
    Served { child, address: address.unwrap() }
}

impl Served {
    fn ask(&self, method: &str, body: &str) -> (u16, Value) {
        self.ask_of("universes/default/commands", method, body)
    }

    fn ask_of(&self, resource: &str, method: &str, body: &str) -> (u16, Value) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let length = body.len();
        let head = format!("{method} /api/v1/{resource} HTTP/1.1\r\nHost: {}\r\n", self.address);
        write!(stream, "{head}Connection: close\r\nContent-Length: {length}\r\n\r\n{body}").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head[9..12].parse().unwrap(), serde_json::from_str(body).unwrap())
    }

    /// Sends a command until there is a bar to count from; gives the bar it takes effect at.
    fn command(&self, body: &str) -> i64 {
        for _ in 0..600 {
            match self.ask("POST", body) {
                (200, taken) => return taken["bar"].as_i64().unwrap(),
                (503, _) => std::thread::sleep(std::time::Duration::from_millis(50)),
                (status, problem) => panic!("{status}: {problem}"),
            }
        }
        panic!("no bar became final");
    }
}

/// Runs the input to its end into `data`, and gives its portfolios.
fn to_the_end(folder: &Path, data: &str) -> Vec<Value> {
    silverbullet(folder)
        .args(["run", "--source", "csv:prices.csv", "--speed", "max", "--window", "20", "--samples", "64"])
        .args(["--no-http", "--data", data, "--format", "json"])
        .assert()
        .success();
    let query = "select bar, objective, method, turnover, weights from history.portfolios order by 1, 2, 3";
    rows(folder, data, query)
}

fn rows(folder: &Path, data: &str, query: &str) -> Vec<Value> {
    let output =
        silverbullet(folder).args(["sql", query, "--format", "json", "--data", data]).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

fn journal(data: &Path) -> PathBuf {
    let folders = std::fs::read_dir(data.join("state/default")).unwrap().map(|entry| entry.unwrap().path());
    folders.map(|variant| variant.join("commands")).find(|path| path.is_file()).unwrap()
}

#[test]
fn what_was_answered_outlives_a_kill_and_another_run_with_the_journal_stores_the_same_rows() {
    let folder = folder();
    write_prices(folder.path(), &returns(BARS));
    let mut first = serve(folder.path());
    let bounded = first.command(r#"{"command":"bounds","bounds":{"A":[0.4,0.6]}}"#);
    let paused = first.command(r#"{"command":"pause"}"#);
    first.child.kill().unwrap();
    first.child.wait().unwrap();
    let mut second = serve(folder.path());
    let (status, listed) = second.ask("GET", "");
    assert_eq!(
        (status, &listed["kept"], listed["commands"].as_array().unwrap().len()),
        (200, &true.into(), 2)
    );
    assert_eq!(listed["sequence"], 2);
    while second.ask_of("status", "GET", "").1["universes"]["default"] != "paused" {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let resumed = second.command(r#"{"command":"resume"}"#);
    second.child.kill().unwrap();
    second.child.wait().unwrap();
    let stored = to_the_end(folder.path(), "data");
    let bar = |row: &Value| row["bar"].as_i64().unwrap();
    assert!(stored.iter().all(|row| !(paused..resumed).contains(&bar(row))), "none during the pause");
    assert!(stored.iter().any(|row| bar(row) >= resumed), "some after it");
    for row in stored.iter().filter(|row| bar(row) >= bounded) {
        assert!((0.4 - 1e-9..0.6 + 1e-9).contains(&row["weights"]["A"].as_f64().unwrap()), "{row}");
    }
    let events =
        rows(folder.path(), "data", "select \"offset\", detail from history.events where kind = 'command'");
    assert_eq!(events.len(), 3, "each once: {events:?}");
    // Commands are repeated by a replay.
    let replay =
        silverbullet(folder.path()).args(["replay", "--data", "data", "--format", "json"]).output().unwrap();
    let [report] = &serde_json::from_slice::<Vec<Value>>(&replay.stdout).unwrap()[..] else {
        panic!("one universe")
    };
    assert_eq!((replay.status.code(), &report["same"]), (Some(0), &true.into()), "{report}");
    // Settings, input and journal are all that the rows come from.
    let kept = journal(&folder.path().join("data"));
    let variant = kept.parent().unwrap().file_name().unwrap();
    let again = folder.path().join("again/state/default").join(variant);
    std::fs::create_dir_all(&again).unwrap();
    std::fs::copy(&kept, again.join("commands")).unwrap();
    assert!(to_the_end(folder.path(), "again") == stored, "other rows than from the journal");
}
