//! A run of the real program: started, asked over HTTP, measured, and ended by its id.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use silverbullet_market::{Clock, SECOND, SystemClock};

const PROGRAM: &str = env!("CARGO_BIN_EXE_silverbullet");
/// Ticks a second.
pub(crate) const RATE: f64 = 20_000.0;
/// Bars of the window.
pub(crate) const WINDOW: u64 = 20;
/// Assets of the simulator.
const ASSETS: u64 = 16;
const KIB: u64 = 1 << 10;

/// One run at a time: two of them would be measured against each other.
static ALONE: Mutex<()> = Mutex::new(());

/// Seconds of a clock that never goes back.
pub(crate) fn seconds() -> f64 {
    SystemClock.monotonic() as f64 / SECOND as f64
}

/// Looks until `found` gives something, for at most `most` seconds.
pub(crate) fn poll<T>(what: &str, most: f64, mut found: impl FnMut() -> Option<T>) -> T {
    let begun = seconds();
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(seconds() - begun < most, "{what}: not within {most} s");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// What the server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) text: String,
    /// How long it took.
    pub(crate) seconds: f64,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }
}

/// Who asks. It can be handed to another thread.
#[derive(Clone)]
pub(crate) struct Web {
    agent: ureq::Agent,
    pub(crate) address: SocketAddr,
}

impl Web {
    fn new(address: SocketAddr) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(30)))
            .build();
        Self { agent: config.into(), address }
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        let begun = seconds();
        answer(begun, self.agent.get(format!("http://{}{path}", self.address)).call())
    }

    pub(crate) fn sql(&self, query: &[u8]) -> Answer {
        let begun = seconds();
        let request = self.agent.post(format!("http://{}/api/v1/sql", self.address));
        answer(begun, request.content_type("text/plain").send(query))
    }

    /// A count of the only universe.
    pub(crate) fn count(&self, name: &str) -> u64 {
        let universes = self.get("/api/v1/universes").json();
        universes["universes"][0][name].as_u64().unwrap_or_else(|| panic!("no {name} in {universes}"))
    }

    /// The sample of `/metrics` whose line begins with `name` and a space.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let text = self.get("/metrics").text;
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("no {name} in {text}")).parse().unwrap()
    }
}

fn answer(begun: f64, response: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Answer {
    let mut response = response.unwrap_or_else(|error| panic!("the server does not answer: {error}"));
    let header = response.headers().get("content-type").and_then(|value| value.to_str().ok());
    let content_type = header.unwrap_or_default().to_owned();
    let text = response.body_mut().read_to_string().unwrap();
    Answer { status: response.status().as_u16(), content_type, text, seconds: seconds() - begun }
}

/// Publications between two moments.
pub(crate) struct Pace {
    web: Web,
    begun: f64,
    publications: u64,
}

impl Pace {
    pub(crate) fn begin(web: &Web) -> Self {
        Self { web: web.clone(), begun: seconds(), publications: web.count("publications") }
    }

    /// Publications a second since the beginning.
    pub(crate) fn end(&self) -> f64 {
        let publications = self.web.count("publications") - self.publications;
        publications as f64 / (seconds() - self.begun)
    }
}

/// A run, ended at the latest when this is dropped.
pub(crate) struct Run {
    child: Child,
    pub(crate) web: Web,
    /// Lines on standard error.
    said: Arc<Mutex<Vec<String>>>,
    _alone: MutexGuard<'static, ()>,
}

impl Run {
    /// Starts a run that keeps its results in `data`, and waits until it is live and everything works.
    pub(crate) fn start(data: &Path, settings: &[(&str, &str)]) -> Self {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let mut child = command()
            .args(["run", "--source", "simulator", "--format", "json", "--http", "127.0.0.1:0"])
            .args(["--bar", "100ms", "--window", &WINDOW.to_string(), "--samples", "256", "--data"])
            .arg(data)
            .env("SILVERBULLET_SIMULATOR__RATE", RATE.to_string())
            .env("SILVERBULLET_SIMULATOR__START", "2025-05-12T00:00:00Z")
            .env("SILVERBULLET_STORE__FLUSH_EVERY", "500ms")
            .env("SILVERBULLET_UNIVERSES__DEFAULT__FRONTIER_EVERY", "1s")
            .envs(settings.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = Arc::new(Mutex::new(Vec::new()));
        let (lines, kept) = (BufReader::new(child.stderr.take().unwrap()).lines(), Arc::clone(&said));
        // Ends with the child.
        std::thread::spawn(move || {
            lines.map_while(Result::ok).for_each(|line| kept.lock().unwrap().push(line))
        });
        let address = poll("the line with the address", 30.0, || {
            let said = said.lock().unwrap();
            said.iter().find_map(|line| line.strip_prefix("listening on http://")?.parse().ok())
        });
        let run = Self { child, web: Web::new(address), said, _alone: alone };
        poll("the run is live and stores", 30.0, || {
            let stored = run.web.get("/api/v1/status").json()["store"]["commits"].as_u64() >= Some(2);
            (stored && run.web.get("/readyz").status == 200).then_some(())
        });
        run
    }

    /// Memory in use, in KiB.
    pub(crate) fn resident(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().strip_suffix(" kB").unwrap().parse().unwrap()
    }

    /// Asserts that no more than `mib` were added to `before` KiB, and gives how many KiB were.
    pub(crate) fn assert_memory(&self, before: u64, mib: u64) -> u64 {
        let more = self.resident().saturating_sub(before);
        assert!(more < mib * KIB, "{more} KiB more than the {before} KiB before");
        more
    }

    /// Waits for `/readyz` to turn 503 and gives the reasons.
    pub(crate) fn trouble(&self) -> String {
        let answer =
            poll("not ready", 30.0, || Some(self.web.get("/readyz")).filter(|ready| ready.status == 503));
        answer.json()["reasons"].to_string()
    }

    /// Waits for `/readyz` to be 200 again, and gives how long that took.
    pub(crate) fn recovered(&self) -> f64 {
        let begun = seconds();
        poll("ready again", 30.0, || (self.web.get("/readyz").status == 200).then_some(()));
        seconds() - begun
    }

    /// Asks the run to end by SIGTERM, waits until it has, and gives what it counted.
    pub(crate) fn end(mut self) -> Value {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        let status = poll("the end after SIGTERM", 60.0, || self.child.try_wait().unwrap());
        let mut summary = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut summary).unwrap();
        assert_eq!(status.code(), Some(130), "{status}: {}", self.said());
        serde_json::from_str(&summary).unwrap_or_else(|error| panic!("{error}: {summary}"))
    }

    fn said(&self) -> String {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).join("\n")
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // It has ended already where the test went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            println!("the run said:\n{}", self.said());
        }
    }
}

/// The program without any setting of the environment it is tested in.
fn command() -> Command {
    let mut command = Command::new(PROGRAM);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SILVERBULLET_")) {
        command.env_remove(name);
    }
    command.env_remove("FAILPOINTS");
    command
}

/// The rows that the tables in `data` give for `query`.
pub(crate) fn sql(data: &Path, query: &str) -> Vec<Value> {
    let output = command().args(["sql", query, "--format", "json", "--data"]).arg(data).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Asserts that `data` has every bar of a run that counted `summary` once: of every asset in `bars` and `assets`,
/// and after the window of every objective and method in `portfolios`. Gives the number of bars.
pub(crate) fn assert_complete(data: &Path, summary: &Value) -> u64 {
    let bars = summary["bars"].as_u64().unwrap();
    assert!(bars > 2 * WINDOW, "only {bars} bars: nothing was tested");
    let last = assert_whole(data, "bars", "asset", ASSETS, bars);
    assert_eq!(assert_whole(data, "assets", "asset", ASSETS, bars), last);
    assert_eq!(assert_whole(data, "portfolios", "objective, method", 4, bars - WINDOW), last);
    bars
}

/// Asserts that `table` has `groups` groups by `key`, each with the same `bars` bars, none missing and none twice.
fn assert_whole(data: &Path, table: &str, key: &str, groups: u64, bars: u64) -> i64 {
    let found = sql(
        data,
        &format!(
            "select {key}, count(*) as n, count(distinct bar) as bars, min(bar) as first, max(bar) as last \
             from history.{table} group by {key}"
        ),
    );
    assert_eq!(found.len() as u64, groups, "groups of {table}: {found:?}");
    let last = found[0]["last"].as_i64().unwrap();
    for group in &found {
        let first = last + 1 - bars.cast_signed();
        let counts = (&group["n"], &group["bars"], group["first"].as_i64(), group["last"].as_i64());
        assert_eq!(counts, (&bars.into(), &bars.into(), Some(first), Some(last)), "bars of {table}: {group}");
    }
    last
}

/// Asserts that no file is left in `folder` that was begun and not ended.
pub(crate) fn assert_tidy(folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy();
        assert!(!name.contains('#') && !name.ends_with(".tmp"), "{} is left", path.display());
        if path.is_dir() {
            assert_tidy(&path);
        }
    }
}
