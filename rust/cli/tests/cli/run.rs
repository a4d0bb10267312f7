//! `run` from its start to its end: files, the simulator, HTTP, Ctrl-C.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use crate::common::{PROGRAM, folder, returns, silverbullet, text, write_prices};
use serde_json::Value;

fn run_file(folder: &Path, arguments: &[&str]) -> Value {
    let output = silverbullet(folder)
        .args(["run", "--source", "csv:prices.csv", "--speed", "max", "--no-http", "--format", "json"])
        .args(["--window", "20", "--samples", "2000"])
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let stdout = text(&output.stdout);
    assert_eq!(stdout.lines().count(), 1, "{stdout}");
    serde_json::from_str(&stdout).unwrap()
}

/// Publications, and ticks without one of their own because a newer one was waiting: together one for each tick and bar.
fn answered(summary: &Value) -> u64 {
    summary["publications"].as_u64().unwrap() + summary["skipped"].as_u64().unwrap()
}

#[test]
fn a_file_is_taken_to_its_end_and_summed_up_in_one_object() {
    let folder = folder();
    write_prices(folder.path(), &returns(40));
    let summary = run_file(folder.path(), &["--output", "rows.jsonl"]);
    let keys: Vec<_> = summary.as_object().unwrap().keys().map(String::as_str).collect();
    let mut expected = ["frames", "ticks", "ignored", "quarantined", "bars", "publications", "skipped"];
    expected.sort_unstable();
    assert_eq!(keys, expected);
    assert_eq!((summary["frames"].as_u64(), summary["ticks"].as_u64()), (Some(82), Some(82)));
    assert_eq!((summary["bars"].as_u64(), summary["quarantined"].as_u64()), (Some(41), Some(0)));
    assert_eq!(answered(&summary), 82 + 41);
    let rows = std::fs::read_to_string(folder.path().join("rows.jsonl")).unwrap();
    let rows: Vec<Value> = rows.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let portfolios: Vec<_> = rows.iter().filter(|row| row["table"] == "portfolios").collect();
    assert!(!portfolios.is_empty());
    for row in portfolios {
        let sum: f64 =
            row["weights"].as_object().unwrap().values().map(|weight| weight.as_f64().unwrap()).sum();
        assert!((sum - 1.0).abs() <= 1e-12, "{row}");
    }
}

#[test]
fn rows_are_the_same_bytes_whatever_the_number_of_workers() {
    let folder = folder();
    write_prices(folder.path(), &returns(40));
    std::fs::write(
        folder.path().join("silverbullet.toml"),
        "[universes.one]\n[universes.two]\nlower = 0.1\n",
    )
    .unwrap();
    let rows = |workers: &str| {
        run_file(folder.path(), &["--output", "rows.jsonl", "--workers", workers]);
        let text = std::fs::read_to_string(folder.path().join("rows.jsonl")).unwrap();
        let rows = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        rows.filter(|row| row["table"] != "runs" && row["table"] != "latency")
            .map(|mut row| {
                row.as_object_mut().unwrap().remove("run_id");
                row.to_string()
            })
            .collect::<Vec<_>>()
    };
    let one = rows("1");
    assert!(one.iter().any(|row| row.contains(r#""universe":"one""#)));
    assert!(one.iter().any(|row| row.contains(r#""universe":"two""#)));
    assert_eq!(one, rows("2"));
    let mut left: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["prices.csv", "rows.jsonl", "silverbullet-data", "silverbullet.toml"]);
}

#[test]
fn bad_rows_are_counted_and_stop_nothing() {
    let folder = folder();
    let path = write_prices(folder.path(), &returns(40));
    let good = std::fs::read_to_string(&path).unwrap();
    let (head, tail) = good.split_at(good.len() / 2);
    let (line, tail) = tail.split_once('\n').unwrap();
    let mut bytes = format!("{head}{line}\n").into_bytes();
    bytes.extend(b"1747009200,A,cheap\n1747009200,A,-1\n1747009200,A,NaN\n1747009200,A,\n1747009200,A\n");
    bytes.extend(b"1747009200,\xff\xfe,5\n1747009200,,5\n");
    bytes.extend(tail.as_bytes());
    std::fs::write(&path, bytes).unwrap();
    let summary = run_file(folder.path(), &[]);
    assert_eq!(summary["frames"].as_u64(), Some(82 + 7), "{summary}");
    assert_eq!(
        (summary["ticks"].as_u64(), summary["quarantined"].as_u64()),
        (Some(82), Some(7)),
        "{summary}"
    );
    assert_eq!(summary["bars"].as_u64(), Some(41));
}

#[test]
fn several_universes_are_summed_up_and_other_formats_say_the_same() {
    let folder = folder();
    write_prices(folder.path(), &returns(40));
    std::fs::write(folder.path().join("silverbullet.toml"), "[universes.one]\n[universes.two]\n").unwrap();
    let both = run_file(folder.path(), &[]);
    assert_eq!((both["frames"].as_u64(), both["ticks"].as_u64()), (Some(82), Some(164)));
    assert_eq!(run_file(folder.path(), &["--universe", "two"])["ticks"].as_u64(), Some(82));
    let csv = silverbullet(folder.path())
        .args(["run", "--source", "csv:prices.csv", "--speed", "max", "--no-http", "--format", "csv"])
        .args(["--universe", "one"])
        .output()
        .unwrap();
    let csv = text(&csv.stdout);
    assert!(
        csv.starts_with("frames,ticks,ignored,quarantined,bars,publications,skipped\n82,82,0,0,41,"),
        "{csv}"
    );
}

/// The program over `prices.csv` at full speed; its exit code and what it wrote on standard error.
fn told(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = silverbullet(folder)
        .args(["run", "--source", "csv:prices.csv", "--speed", "max", "--no-http", "--samples", "2000"])
        .args(["--format", "json"])
        .args(arguments)
        .output()
        .unwrap();
    (output.status.code(), text(&output.stderr))
}

#[test]
fn a_run_without_a_portfolio_says_why() {
    let folder = folder();
    write_prices(folder.path(), &returns(40));
    let (code, warned) = told(folder.path(), &[]);
    assert_eq!(code, Some(0), "{warned}");
    let expected = "warning: default: no portfolio: the window of 600 bars was never full (41 bars); \
                    take --window below 41 or a longer input";
    assert!(warned.contains(expected) && !warned.contains("first live answer"), "{warned}");
    let (_, warned) = told(folder.path(), &["--window", "20", "--bar", "20s"]);
    assert!(
        warned.contains("no portfolio: no asset had a price") && warned.contains("longer --bar"),
        "{warned}"
    );
    let (_, fine) = told(folder.path(), &["--window", "20"]);
    assert!(fine.contains("first live answer") && !fine.contains("warning"), "{fine}");
}

#[test]
fn rows_that_do_not_count_are_summed_up_by_reason() {
    let folder = folder();
    let path = write_prices(folder.path(), &returns(40));
    let good = std::fs::read_to_string(&path).unwrap();
    let early = good.lines().nth(3).unwrap();
    std::fs::write(&path, format!("{good}{early}\n{early}\n1747010400,A,-1\n")).unwrap();
    let (code, said) = told(folder.path(), &["--window", "20"]);
    assert_eq!(code, Some(0), "{said}");
    for part in [
        "default: quarantined: 2 × out of order\n",
        "default: quarantined: 1 × price not positive\n",
        "--output FILE lists each with its line",
        "warning: default: 3.5 % of the rows did not count, mostly because they are out of order; sort the file",
    ] {
        assert!(said.contains(part), "{part:?} is not in {said}");
    }
}

#[test]
fn the_input_is_never_written_over() {
    let folder = folder();
    let path = write_prices(folder.path(), &returns(40));
    let before = std::fs::read(&path).unwrap();
    std::fs::hard_link(&path, folder.path().join("linked.svg")).unwrap();
    for output in ["prices.csv", "./prices.csv", "linked.svg"] {
        let (code, said) = told(folder.path(), &["--output", output]);
        assert!(code == Some(2) && said.contains("is the input itself"), "{said}");
    }
    for picture in ["prices.csv", "linked.svg", "frontier.png", "frontier"] {
        let output =
            silverbullet(folder.path()).args(["optimize", "prices.csv", "--plot", picture]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{picture}: {}", text(&output.stderr));
        assert!(text(&output.stderr).starts_with("error: --plot: "));
    }
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn a_full_disk_is_told_once_with_the_name_of_the_file() {
    if !Path::new("/dev/full").exists() {
        return;
    }
    let folder = folder();
    write_prices(folder.path(), &returns(40));
    let (code, said) = told(folder.path(), &["--window", "20", "--output", "/dev/full"]);
    assert_eq!(code, Some(1), "{said}");
    let error = said.lines().last().unwrap();
    assert!(error.starts_with("error: /dev/full: ") && error.matches("os error 28").count() == 1, "{error}");
}

#[test]
fn the_simulator_stops_at_its_limit() {
    let folder = folder();
    let output = silverbullet(folder.path())
        .args(["run", "--speed", "max", "--limit", "500", "--no-http", "--format", "json"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(summary["ticks"].as_u64(), Some(500));
    assert!(text(&output.stderr).contains("bar 1s"));
}

/// A running program that is killed when the test ends before it does.
struct Running(Child);

impl Running {
    fn start(folder: &Path, arguments: &[&str]) -> Self {
        let child = Command::new(PROGRAM)
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self(child)
    }

    /// Sends it Ctrl-C, twice in a row as supervisors do, and waits for its end.
    fn interrupt(&mut self) -> ExitStatus {
        let process = self.0.id().to_string();
        let both = format!("kill -INT {process}; kill -INT {process} 2> /dev/null || true");
        assert!(Command::new("sh").args(["-c", &both]).status().unwrap().success());
        self.0.wait().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn live_answers_are_served_and_ctrl_c_ends_cleanly() {
    let folder = folder();
    let arguments = ["run", "--http", "127.0.0.1:0", "--output", "rows.jsonl"];
    let mut running = Running::start(folder.path(), &arguments);
    let mut told = BufReader::new(running.0.stderr.take().unwrap()).lines().map(Result::unwrap);
    let address = told.find_map(|line| line.strip_prefix("listening on ").map(str::to_owned)).unwrap();
    let mut lines = BufReader::new(running.0.stdout.take().unwrap());
    let mut first = String::new();
    lines.read_line(&mut first).unwrap();
    assert!(first.contains("first live answer"), "{first}");

    let get = |path: &str| ureq::get(format!("{address}{path}")).call().unwrap().into_body();
    let answer: Value = get("/api/v1/portfolios/latest").read_json().unwrap();
    assert_eq!(answer["universe"], "default");
    let portfolios = answer["portfolios"].as_array().unwrap();
    assert!(portfolios.len() >= 2);
    for portfolio in portfolios {
        let weights = portfolio["weights"].as_object().unwrap();
        let sum: f64 = weights.values().map(|weight| weight.as_f64().unwrap()).sum();
        assert!(weights.len() == 16 && (sum - 1.0).abs() <= 1e-12, "{portfolio}");
    }
    assert!(get("/readyz").read_to_string().unwrap().contains("live"));
    assert!(get("/metrics").read_to_string().unwrap().contains("silverbullet_ticks_total"));

    assert_eq!(running.interrupt().code(), Some(130));
    let mut rest = String::new();
    lines.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("final bars"), "{rest}");
    let rows = std::fs::read_to_string(folder.path().join("rows.jsonl")).unwrap();
    assert!(rows.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()) && rows.ends_with('\n'));
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let folder = folder();
    let mut running = Running::start(folder.path(), &["run", "--no-http"]);
    drop(running.0.stdout.take());
    let status = running.0.wait().unwrap();
    let mut told = String::new();
    running.0.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    assert!(status.success() && !told.contains("panic"), "{told}");
}

/// `script` gives the program a terminal, and takes it away when it is killed.
#[cfg(target_os = "linux")]
#[test]
fn a_terminal_that_goes_away_ends_the_program() {
    let folder = folder();
    let inside = format!("stty rows 40 cols 120; echo $$ > process; exec {PROGRAM} run --no-http");
    let mut terminal = Running(
        Command::new("script")
            .args(["-q", "-f", "-c", &inside, "screen"])
            .current_dir(folder.path())
            .env("TERM", "xterm")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap(),
    );
    let until = |what: &str, done: &dyn Fn() -> bool| {
        for _ in 0..600 {
            if done() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("{what} has not happened within 30 s");
    };
    let screen = || std::fs::read_to_string(folder.path().join("screen")).unwrap_or_default();
    until("the live view", &|| screen().contains("max-sharpe"));
    let process = std::fs::read_to_string(folder.path().join("process")).unwrap();
    let alive = || {
        // A process that has ended but was not waited for is a zombie.
        let status = std::fs::read_to_string(format!("/proc/{}/stat", process.trim())).unwrap_or_default();
        !status.is_empty() && !status.contains(") Z ")
    };
    assert!(alive());
    terminal.0.kill().unwrap();
    until("the end of the program", &|| !alive());
}
