//! Help, settings and errors as a person meets them.

use std::fs;
use std::net::TcpListener;

use crate::common::{folder, silverbullet, text};

/// Runs the program to its failure and gives its only line on standard error.
fn fails(folder: &std::path::Path, arguments: &[&str], code: i32) -> String {
    let output = silverbullet(folder).args(arguments).output().unwrap();
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {message}");
    let line = message.lines().last().unwrap_or_default().to_owned();
    assert!(line.starts_with("error: "), "{message}");
    assert_eq!(message.matches("error:").count(), 1, "{message}");
    assert!(output.stdout.is_empty());
    line
}

#[test]
fn help_has_examples_and_fits_a_terminal() {
    let folder = folder();
    for command in [None, Some("run"), Some("record"), Some("produce"), Some("optimize")] {
        let output = silverbullet(folder.path()).args(command).arg("--help").output().unwrap();
        let help = text(&output.stdout);
        assert!(output.status.success() && help.contains("Examples:") && help.contains("silverbullet "));
        assert!(help.lines().all(|line| line.chars().count() <= 110), "{help}");
    }
    let version = silverbullet(folder.path()).arg("--version").output().unwrap();
    assert!(text(&version.stdout).starts_with("silverbullet 0."));
}

#[test]
fn wrong_usage_exits_with_2() {
    let folder = folder();
    for arguments in [&["fly"][..], &["run", "--fast"], &["optimize"], &["run", "--limit", "0"], &[]] {
        let output = silverbullet(folder.path()).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
    let path = folder.path();
    assert!(
        fails(path, &["run", "--source", "mtgox"], 2).contains("simulator, csv:PATH, recording:PATH, kafka")
    );
    assert!(fails(path, &["run", "--no-http", "--bar", "fast"], 2).contains("bar"));
    assert!(fails(path, &["run", "--no-http", "--estimator", "magic"], 2).contains("magic"));
    assert!(fails(path, &["run", "--no-http", "--speed=-3"], 2).contains("speed"));
    assert!(fails(path, &["run", "--universe", "nowhere"], 2).contains("there are default"));
    assert!(fails(path, &["run", "--http", "0.0.0.0:0"], 2).contains("TLS"));
    assert!(fails(path, &["run", "--http", "8080"], 2).contains("127.0.0.1:8080"));
    assert!(fails(path, &["--log", "a=b=c", "config"], 2).contains("log"));
    assert!(fails(path, &["--log", "loud", "config"], 2).contains("error, warn, info, debug, trace"));
    assert!(fails(path, &["optimize", "x.csv", "--bars-per-year", "-3"], 2).contains("-3 is not a positive"));
    let variable = silverbullet(path).env("SILVERBULLET_LOG", "loud").arg("config").output().unwrap();
    assert_eq!(variable.status.code(), Some(2));
}

#[test]
fn an_unknown_setting_is_named_with_its_place() {
    let folder = folder();
    fs::write(folder.path().join("mine.toml"), "[run]\nspede = 1\n").unwrap();
    let line = fails(folder.path(), &["config", "--config", "mine.toml"], 2);
    assert!(
        line.contains("run.spede") && line.contains("mine.toml") && line.contains("did you mean run.speed?")
    );
    let output =
        silverbullet(folder.path()).env("SILVERBULLET_NO__SUCH", "1").arg("config").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("SILVERBULLET_NO__SUCH"));
}

#[test]
fn config_says_where_each_setting_came_from() {
    let folder = folder();
    fs::write(folder.path().join("silverbullet.toml"), "seed = 7\n[universes.default]\nwindow = 100\n")
        .unwrap();
    let run = |format: &str| {
        let output = silverbullet(folder.path())
            .env("SILVERBULLET_RUN__SPEED", "60")
            .args(["config", "--format", format])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    let rows: serde_json::Value = serde_json::from_str(&run("json")).unwrap();
    let row = |setting: &str| {
        let rows = rows.as_array().unwrap();
        rows.iter().find(|row| row["setting"] == setting).unwrap_or_else(|| panic!("{setting}")).clone()
    };
    assert_eq!(
        (row("seed")["value"].as_u64(), row("seed")["source"].as_str()),
        (Some(7), Some("silverbullet.toml"))
    );
    assert_eq!(row("run.speed")["source"], "SILVERBULLET_RUN__SPEED");
    assert_eq!(row("server.http")["source"], "default");
    assert_eq!(row("universes.default.window")["value"], 100);
    assert!(
        run("table")
            .lines()
            .any(|line| line.contains("run.speed") && line.contains("SILVERBULLET_RUN__SPEED"))
    );
    assert!(run("csv").starts_with("setting,value,source\n"));

    let toml = run("toml");
    assert!(toml.contains("seed = 7 # silverbullet.toml"), "{toml}");
    fs::write(folder.path().join("silverbullet.toml"), &toml).unwrap();
    let again: serde_json::Value = serde_json::from_str(&run("json")).unwrap();
    for (before, after) in rows.as_array().unwrap().iter().zip(again.as_array().unwrap()) {
        assert_eq!((&before["setting"], &before["value"]), (&after["setting"], &after["value"]));
    }
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let folder = folder();
    let path = folder.path();
    assert!(fails(path, &["optimize", "missing.csv"], 1).contains("missing.csv: no such file"));
    assert!(fails(path, &["optimize", "."], 1).contains("directory"));
    assert!(fails(path, &["run", "--no-http", "--source", "csv:missing.csv"], 1).contains("missing.csv"));
    assert!(fails(path, &["run", "--no-http", "--source", "csv:."], 1).contains("directory"));
    assert!(fails(path, &["config", "--config", "missing.toml"], 1).contains("missing.toml"));
    let line = fails(path, &["run", "--no-http", "--output", "no/such/rows.jsonl"], 1);
    assert!(line.contains("no/such/rows.jsonl"), "{line}");
    fs::write(path.join("other.csv"), "a,b\n1,2\n").unwrap();
    assert!(fails(path, &["optimize", "other.csv"], 1).contains("timestamp"));
}

#[test]
fn a_taken_port_is_named_with_the_remedy() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let line = fails(folder().path(), &["run", "--http", &address], 1);
    assert!(line.contains(&format!("port {}", taken.local_addr().unwrap().port())), "{line}");
    assert!(line.contains("--http 127.0.0.1:0"), "{line}");
}

#[test]
fn grpc_takes_an_address_that_is_free_and_on_this_machine() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let run = |words: &[&str], code| {
        fails(folder().path(), &[&["run", "--no-http", "--grpc"], words].concat(), code)
    };
    for (words, code, remedy) in [
        (&[address.as_str()][..], 1, "--grpc 127.0.0.1:0"),
        (&["0.0.0.0:0"], 2, "server.token"),
        (&["127.0.0.1:0", "--no-store"], 2, "--no-store"),
        (&["nowhere"], 2, "127.0.0.1:50051"),
    ] {
        let line = run(words, code);
        assert!(line.contains(remedy), "{line}");
    }
}

#[test]
fn the_doctor_reports_and_fails_on_a_taken_port() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let examine = |address: &str| {
        let output = silverbullet(folder().path())
            .env("SILVERBULLET_SERVER__HTTP", address)
            .arg("doctor")
            .output()
            .unwrap();
        (output.status.code(), text(&output.stdout))
    };
    let (code, report) = examine(&address);
    assert_eq!(code, Some(1), "{report}");
    assert!(report.lines().any(|line| line.starts_with("FAIL  http")), "{report}");
    drop(taken);
    let (code, report) = examine("127.0.0.1:0");
    assert_eq!(code, Some(0), "{report}");
    for what in ["processor", "cores", "clock", "terminal", "settings", "http", "shared data"] {
        assert!(report.contains(what), "{report}");
    }
}

#[test]
fn the_doctor_applies_the_checks_of_a_run() {
    let folder = folder();
    let examine = |settings: &str| {
        fs::write(folder.path().join("silverbullet.toml"), format!("[server]\nenabled = false\n{settings}"))
            .unwrap();
        let output = silverbullet(folder.path()).arg("doctor").output().unwrap();
        (output.status.code(), text(&output.stdout))
    };
    let cases = [
        ("[run]\nsource = \"csv:missing.csv\"\n", "FAIL  source", "missing.csv: no such file"),
        ("[run]\nsource = \"mtgox\"\n", "FAIL  source", "simulator, csv:PATH, recording:PATH, kafka"),
        ("[universes.a]\nupper = 0.01\n", "FAIL  universe", "bounds"),
        ("[universes.a]\nassets = [\"NOPE\"]\n", "FAIL  universe", "NOPE"),
    ];
    for (settings, start, part) in cases {
        let (code, report) = examine(settings);
        assert_eq!(code, Some(1), "{report}");
        assert!(report.lines().any(|line| line.starts_with(start) && line.contains(part)), "{report}");
        assert!(!report.contains("bounds: bounds:"), "{report}");
    }
    let (code, report) = examine("");
    assert!(code == Some(0) && report.contains("ok    universe     default: "), "{report}");
}

#[test]
fn every_shell_gets_its_completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = silverbullet(folder().path()).args(["completions", shell]).output().unwrap();
        let script = text(&output.stdout);
        assert!(
            output.status.success() && script.contains("optimize") && script.contains("no-http"),
            "{shell}"
        );
    }
}
