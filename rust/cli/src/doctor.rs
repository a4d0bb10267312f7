//! The command `doctor`: what may be wrong with this machine and these settings, and the remedy.

use std::process::ExitCode;
use std::thread::available_parallelism;

use silverbullet_market::{Clock, SECOND, StopFlag, Universe};

use crate::Session;
use crate::failure::message;
use crate::output;
use crate::run::grpc::claim;
use crate::run::http::address_of;
use crate::settings::{Loaded, ServerSettings, Settings};
use crate::source;

/// Recorded prices that the tests and examples use where they are there.
const SHARED_DATA: &str = "../shared/data/prices";
/// A machine whose clock reads earlier than the year 2025 has not been set.
const EARLIEST: i64 = 1_735_689_600 * SECOND;
/// Readings of the clock that its resolution is judged from.
const READINGS: usize = 1_000;
/// A coarser clock than this blurs the latencies.
const COARSE: i64 = 1_000;

/// How long a source may take to answer.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(8);

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Ok,
    Warn,
    Fail,
}

/// One line of the report; what is not fine has its remedy in it.
struct Check {
    what: &'static str,
    verdict: Verdict,
    finding: String,
}

/// Prints every check; exit code 1 where one failed.
pub(crate) fn run(loaded: anyhow::Result<Loaded>, session: &Session) -> anyhow::Result<ExitCode> {
    let mut checks = vec![processor(), cores(), clock(session.clock.as_ref()), terminal()];
    match loaded {
        Ok(loaded) => {
            let places: std::collections::BTreeSet<&str> =
                loaded.origins.iter().map(|origin| origin.source.as_str()).collect();
            let places = places.into_iter().collect::<Vec<_>>().join(", ");
            checks.push(check("settings", Verdict::Ok, format!("{} from {places}", loaded.origins.len())));
            checks.push(port(&loaded.settings.server));
            checks.push(grpc(&loaded.settings.server));
            checks.extend(inputs(&loaded.settings, session));
        }
        Err(error) => checks.push(check("settings", Verdict::Fail, message(&error))),
    }
    checks.push(folder());
    checks.push(shared_data());
    for check in &checks {
        let verdict = match check.verdict {
            Verdict::Ok => "ok  ",
            Verdict::Warn => "warn",
            Verdict::Fail => "FAIL",
        };
        output::line(&format!("{verdict}  {:<12} {}", check.what, check.finding))?;
    }
    let failed = checks.iter().any(|check| check.verdict == Verdict::Fail);
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn check(what: &'static str, verdict: Verdict, finding: impl Into<String>) -> Check {
    Check { what, verdict, finding: finding.into() }
}

fn processor() -> Check {
    let architecture = std::env::consts::ARCH;
    let features = features();
    if features.is_empty() {
        let finding =
            format!("{architecture}; no wide vectors known: sampling is slower, results are the same");
        return check("processor", Verdict::Warn, finding);
    }
    check("processor", Verdict::Ok, format!("{architecture} with {}", features.join(", ")))
}

#[cfg(target_arch = "x86_64")]
fn features() -> Vec<&'static str> {
    let known = [
        ("avx512f", std::arch::is_x86_feature_detected!("avx512f")),
        ("avx2", std::arch::is_x86_feature_detected!("avx2")),
        ("fma", std::arch::is_x86_feature_detected!("fma")),
    ];
    known.into_iter().filter_map(|(name, there)| there.then_some(name)).collect()
}

#[cfg(target_arch = "aarch64")]
fn features() -> Vec<&'static str> {
    // Every 64-bit ARM has it.
    vec!["neon"]
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn features() -> Vec<&'static str> {
    Vec::new()
}

fn cores() -> Check {
    match available_parallelism().map(usize::from) {
        Ok(1) => {
            check("cores", Verdict::Warn, "1; the live thread shares it with all others: ticks wait at times")
        }
        Ok(cores) => check("cores", Verdict::Ok, cores.to_string()),
        Err(error) => check("cores", Verdict::Warn, format!("their number is not known: {error}")),
    }
}

fn clock(clock: &dyn Clock) -> Check {
    if clock.utc() < EARLIEST {
        return check("clock", Verdict::Fail, "the time of day lies in the past; set it, e.g. with NTP");
    }
    let mut last = clock.monotonic();
    let mut finest = i64::MAX;
    for _ in 0..READINGS {
        let now = clock.monotonic();
        if now > last {
            finest = finest.min(now - last);
        }
        last = now;
    }
    match finest {
        i64::MAX => {
            check("clock", Verdict::Warn, "it does not move between readings; latencies will be coarse")
        }
        finest if finest > COARSE => {
            let finding =
                format!("one reading takes {finest} ns; latencies will be coarse (is the clock source tsc?)");
            check("clock", Verdict::Warn, finding)
        }
        finest => check("clock", Verdict::Ok, format!("monotonic, steps of {finest} ns or less")),
    }
}

fn terminal() -> Check {
    if !output::on_terminal() {
        return check("terminal", Verdict::Ok, "none here: run prints plain lines");
    }
    match ratatui::crossterm::terminal::size() {
        Ok((columns, rows)) if columns < 80 || rows < 24 => {
            let finding = format!("{columns}×{rows}; the live view wants 80×24: enlarge the window");
            check("terminal", Verdict::Warn, finding)
        }
        Ok((columns, rows)) => check("terminal", Verdict::Ok, format!("{columns}×{rows}")),
        Err(error) => {
            let finding = format!("its size is not known ({error}); use run --format json");
            check("terminal", Verdict::Warn, finding)
        }
    }
}

/// The source that `run` would open, and each universe against it.
fn inputs(settings: &Settings, session: &Session) -> Vec<Check> {
    let universes: Vec<_> = settings.universes.values().collect();
    let source = match source::open(settings, &universes, session, &deadline()) {
        Ok(source) => source,
        Err(error) => return vec![check("source", Verdict::Fail, message(&error))],
    };
    let description = source.description();
    let finding = format!("{}, {} assets", settings.run.source, description.assets.len());
    let mut checks = vec![check("source", Verdict::Ok, finding)];
    for (name, universe) in &settings.universes {
        checks.push(match Universe::resolve(name, universe, description, settings.seed) {
            Ok(universe) => {
                let finding = format!("{name}: {} assets", universe.assets.len());
                check("universe", Verdict::Ok, finding)
            }
            Err(error) => check("universe", Verdict::Fail, message(&error.into())),
        });
    }
    checks
}

fn port(settings: &ServerSettings) -> Check {
    if !settings.enabled {
        return check("http", Verdict::Ok, "switched off");
    }
    let address = match address_of(settings) {
        Ok(address) => address,
        Err(error) => return check("http", Verdict::Fail, error.to_string()),
    };
    if let Err(error) = silverbullet_server::require_loopback(address) {
        return check("http", Verdict::Fail, error.to_string());
    }
    match silverbullet_server::bind(address) {
        Ok(_) => check("http", Verdict::Ok, format!("{address} is free")),
        Err(error) => check("http", Verdict::Fail, error.to_string()),
    }
}

fn grpc(settings: &ServerSettings) -> Check {
    match claim(settings)
        .and_then(|listener| Ok(listener.map(|listener| listener.local_addr()).transpose()?))
    {
        Ok(None) => check("grpc", Verdict::Ok, "switched off"),
        Ok(Some(address)) => check("grpc", Verdict::Ok, format!("{address} is free")),
        Err(error) => check("grpc", Verdict::Fail, error.to_string()),
    }
}

fn folder() -> Check {
    match std::env::current_dir() {
        Ok(path) => match std::fs::metadata(&path) {
            Ok(meta) if meta.permissions().readonly() => {
                let finding =
                    format!("{} is read-only; give --output and --plot paths elsewhere", path.display());
                check("folder", Verdict::Warn, finding)
            }
            Ok(_) => check("folder", Verdict::Ok, path.display().to_string()),
            Err(error) => {
                check("folder", Verdict::Fail, format!("{}: {error}; change to another", path.display()))
            }
        },
        Err(error) => {
            check("folder", Verdict::Fail, format!("there is no working directory: {error}; change to one"))
        }
    }
}

fn shared_data() -> Check {
    let path = std::path::Path::new(SHARED_DATA);
    if path.is_dir() {
        return check("shared data", Verdict::Ok, format!("recorded prices in {SHARED_DATA}"));
    }
    let finding = format!("no {SHARED_DATA}: tests that need recorded prices are skipped");
    check("shared data", Verdict::Warn, finding)
}
/// Raised after a while: a broker that does not answer is a finding, not something to wait for.
fn deadline() -> StopFlag {
    let (stop, raised) = (StopFlag::default(), StopFlag::default());
    let flag = stop.clone();
    let wait = move || {
        std::thread::sleep(PATIENCE);
        flag.raise();
    };
    // Without a thread nothing is waited for at all.
    match std::thread::Builder::new().name("deadline".to_owned()).spawn(wait) {
        Ok(_) => stop,
        Err(_) => {
            raised.raise();
            raised
        }
    }
}
