//! From the name of a source to the source, with a progress bar while a file is scanned.

mod name;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use silverbullet_feeds::csv::Phase;
use silverbullet_feeds::exchange;
use silverbullet_feeds::recording::RecordingState;
use silverbullet_feeds::{
    CsvOptions, CsvSource, ExchangeSettings, ExchangeSource, Inlet, KafkaSource, Progress, PutSource,
    Recorder, RecordingOptions, RecordingSource, Simulator, SimulatorStart, Speed, TimeUnit, TopicFacts,
};
use silverbullet_market::{Nanos, SECOND, Source, StopFlag, UniverseSettings, parse_duration};

use self::name::SourceName;
use crate::Session;
use crate::failure::usage;
use crate::output;
use crate::settings::Settings;

/// What is asked of an exchange where no universe names its assets: traded against dollars at all of them.
const MARKET: [&str; 10] = ["BTC", "ETH", "SOL", "XRP", "ADA", "DOGE", "AVAX", "LINK", "LTC", "DOT"];

/// The file that `run` is to read, where its source is one.
pub(crate) fn file(settings: &Settings) -> anyhow::Result<Option<PathBuf>> {
    Ok(match SourceName::parse(&settings.run.source)? {
        SourceName::Simulator | SourceName::Kafka | SourceName::Flight | SourceName::Exchange(_) => None,
        SourceName::Csv(path) | SourceName::Recording(path) => Some(path),
    })
}

/// The settings with what is known only now, such as when simulated time begins: stored with the run, they give the same
/// input again.
pub(crate) fn fixed(settings: &Settings, session: &Session) -> Settings {
    let mut settings = settings.clone();
    if settings.simulator.start == SimulatorStart::Now {
        settings.simulator.start = SimulatorStart::At(session.clock.utc());
    }
    settings
}

/// As [`open`], with where prices are put where clients of the program bring them; `served` says whether they can.
pub(crate) fn open_to_run(
    settings: &Settings,
    universes: &[&UniverseSettings],
    served: bool,
    session: &Session,
    stop: &StopFlag,
) -> anyhow::Result<(Box<dyn Source>, Option<Inlet>)> {
    if SourceName::parse(&settings.run.source)? != SourceName::Flight {
        return Ok((open(settings, universes, session, stop)?, None));
    }
    let assets = named_assets(universes);
    if assets.is_empty() {
        let remedy = r#"name them in the settings, as in [universes.main] assets = ["BTC", "ETH"]"#;
        return Err(usage(format!("source flight: nothing tells the assets before prices come: {remedy}")));
    }
    if !served {
        return Err(usage(
            "source flight: prices come over gRPC, which is off: use --grpc, and no --no-store",
        ));
    }
    let (source, inlet) = PutSource::new(assets, Arc::clone(&session.clock));
    Ok((Box::new(source), Some(inlet)))
}

/// Opens the source that `run` is to take, for the universes of these settings; `stop` ends waiting for one that cannot
/// be reached.
pub(crate) fn open(
    settings: &Settings,
    universes: &[&UniverseSettings],
    session: &Session,
    stop: &StopFlag,
) -> anyhow::Result<Box<dyn Source>> {
    let name = SourceName::parse(&settings.run.source)?;
    if settings.recording.is_wanted() && !matches!(name, SourceName::Exchange(_)) {
        let source = &settings.run.source;
        output::note(&format!("only an exchange is recorded; {source} is not, and needs no --record"));
    }
    match name {
        SourceName::Simulator => {
            let (interval, bars) = history(universes)?;
            let clock = Arc::clone(&session.clock);
            let simulator = Simulator::new(settings.simulator.clone(), settings.seed, interval, bars, clock)
                .map_err(|error| usage(format!("simulator: {error}")))?;
            Ok(Box::new(simulator.with_speed(settings.run.speed)))
        }
        SourceName::Csv(path) => {
            // The run itself has a view of its own.
            let shown = &[Phase::Scan];
            Ok(Box::new(open_csv(&path, settings, settings.run.speed, shown, session)?))
        }
        SourceName::Recording(path) => {
            let shown = &[Phase::Scan];
            let progress = output::progress_wanted().then(|| progress(shown));
            let options = RecordingOptions { speed: settings.run.speed, progress };
            Ok(Box::new(RecordingSource::open(path, options, Arc::clone(&session.clock))?))
        }
        SourceName::Kafka => Ok(Box::new(open_kafka(settings, universes, session, stop)?)),
        SourceName::Flight => Err(usage(
            "source flight: prices are put into a program that runs; take them from another source",
        )),
        SourceName::Exchange(venue) => {
            let source = open_exchange(&venue, market_assets(universes), settings, session)?;
            if settings.recording.is_wanted() {
                return Ok(Box::new(recorded(source, settings, session)?.0));
            }
            Ok(Box::new(source))
        }
    }
}

/// Opens what is to be sent to a topic, as it is.
pub(crate) fn open_to_send(
    settings: &Settings,
    session: &Session,
    stop: &StopFlag,
) -> anyhow::Result<Box<dyn Source>> {
    let universes: Vec<_> = settings.universes.values().collect();
    match SourceName::parse(&settings.run.source)? {
        SourceName::Csv(path) => open_whole(&path, settings, settings.run.speed, session),
        SourceName::Kafka => Err(usage("source kafka: prices are sent there; take them from another source")),
        _ => open(settings, &universes, session, stop),
    }
}

/// Opens an exchange to be recorded, and what tells how that goes.
pub(crate) fn open_recorded(
    settings: &Settings,
    session: &Session,
) -> anyhow::Result<(ExchangeSource, RecordingState)> {
    let universes: Vec<_> = settings.universes.values().collect();
    match SourceName::parse(&settings.run.source)? {
        SourceName::Exchange(venue) => {
            let source = open_exchange(&venue, market_assets(&universes), settings, session)?;
            recorded(source, settings, session)
        }
        _ => {
            let (source, exchanges) = (&settings.run.source, exchange::NAMES.join(", "));
            Err(usage(format!(
                "only an exchange is recorded, not {source}; name one with --source: {exchanges}"
            )))
        }
    }
}

fn recorded(
    source: ExchangeSource,
    settings: &Settings,
    session: &Session,
) -> anyhow::Result<(ExchangeSource, RecordingState)> {
    let recorder = Recorder::new(&settings.recording, Arc::clone(&session.clock))
        .map_err(|error| usage(error.to_string()))?;
    let state = recorder.state();
    let source = source.with_tap(Box::new(recorder)).map_err(|error| usage(error.to_string()))?;
    Ok((source, state))
}

/// What is asked of an exchange.
fn market_assets(universes: &[&UniverseSettings]) -> Vec<String> {
    let named = named_assets(universes);
    if named.is_empty() { MARKET.map(str::to_owned).to_vec() } else { named }
}

/// Whether a source has an end, so that it may come as fast as it goes.
pub(crate) fn is_file(name: &str) -> bool {
    matches!(SourceName::parse(name), Ok(SourceName::Csv(_) | SourceName::Recording(_)))
}

/// An exchange by its name, or several separated by commas; nothing is connected to before it runs.
fn open_exchange(
    venue: &str,
    assets: Vec<String>,
    settings: &Settings,
    session: &Session,
) -> anyhow::Result<ExchangeSource> {
    let mut exchange = ExchangeSettings { venue: venue.to_owned(), assets, ..settings.exchange.clone() };
    // In a file of settings "" stands for none.
    exchange.ca_file = exchange.ca_file.filter(|file| !file.as_os_str().is_empty());
    let clock = Arc::clone(&session.clock);
    // Pauses between attempts must not be the same in all processes that have lost an exchange together.
    let seed = session.clock.utc().cast_unsigned() ^ u64::from(std::process::id());
    ExchangeSource::open(exchange, clock, seed).map_err(|error| usage(error.to_string()))
}

/// The assets that the universes name, sorted; none where one of them takes whatever there is.
fn named_assets(universes: &[&UniverseSettings]) -> Vec<String> {
    let mut assets: Vec<String> = universes.iter().flat_map(|universe| universe.assets.clone()).collect();
    if universes.iter().any(|universe| universe.assets.is_empty()) {
        assets.clear();
    }
    assets.sort_unstable();
    assets.dedup();
    assets
}

/// Opens the topic of the settings. What was found out about it is kept beside the results, so that another start is the
/// same variant, and need not wait for a broker.
fn open_kafka(
    settings: &Settings,
    universes: &[&UniverseSettings],
    session: &Session,
    stop: &StopFlag,
) -> anyhow::Result<KafkaSource> {
    let assets = named_assets(universes);
    let folder = settings.store.directory.join("sources");
    let file = settings.store.enabled.then(|| folder.join(format!("kafka-{}.json", settings.kafka.topic)));
    let known = file.as_deref().and_then(|file| kept_facts(file, !assets.is_empty()));
    let fresh = known.is_none();
    let clock = Arc::clone(&session.clock);
    let source = KafkaSource::open(settings.kafka.clone(), &assets, known, clock, stop, &mut output::note)?;
    if let (Some(file), true) = (file, fresh) {
        let kept = serde_json::to_string_pretty(source.facts())?;
        std::fs::create_dir_all(&folder)
            .and_then(|()| std::fs::write(&file, kept))
            .with_context(|| format!("{} cannot be written", file.display()))?;
    }
    Ok(source)
}

/// What an earlier run found out about a topic; `None` where it is not there, or does not say enough.
fn kept_facts(file: &Path, named: bool) -> Option<TopicFacts> {
    let text = std::fs::read_to_string(file).ok()?;
    let facts: TopicFacts = serde_json::from_str(&text)
        .inspect_err(|error| tracing::warn!(file = %file.display(), %error, "not readable; the topic is looked at anew"))
        .ok()?;
    (named || !facts.assets.is_empty()).then_some(facts)
}

/// Opens a file to be read as fast as it goes.
pub(crate) fn open_file(
    path: &Path,
    settings: &Settings,
    session: &Session,
) -> anyhow::Result<Box<dyn Source>> {
    Ok(Box::new(open_csv(path, settings, Speed::Max, &[Phase::Scan, Phase::Run], session)?))
}

/// Opens a file whose prices are passed on as they are: names that a run would leave out as typing errors too.
pub(crate) fn open_whole(
    path: &Path,
    settings: &Settings,
    speed: Speed,
    session: &Session,
) -> anyhow::Result<Box<dyn Source>> {
    let options = CsvOptions { rare_assets: true, ..csv_options(settings, speed, &[Phase::Scan])? };
    Ok(Box::new(CsvSource::open(path, options, Arc::clone(&session.clock))?))
}

fn open_csv(
    path: &Path,
    settings: &Settings,
    speed: Speed,
    shown: &'static [Phase],
    session: &Session,
) -> anyhow::Result<CsvSource> {
    Ok(CsvSource::open(path, csv_options(settings, speed, shown)?, Arc::clone(&session.clock))?)
}

fn csv_options(settings: &Settings, speed: Speed, shown: &'static [Phase]) -> anyhow::Result<CsvOptions> {
    Ok(CsvOptions {
        unit: timestamp_unit(&settings.csv.timestamp_unit)?,
        speed,
        progress: output::progress_wanted().then(|| progress(shown)),
        ..CsvOptions::default()
    })
}

/// The history that fills the longest window before the first tick. It has one bar interval; universes with
/// different ones start empty.
fn history(universes: &[&UniverseSettings]) -> anyhow::Result<(Nanos, usize)> {
    let intervals = universes
        .iter()
        .map(|universe| match universe.bar.as_str() {
            "auto" => Ok(SECOND),
            text => parse_duration(text).map_err(|problem| usage(format!("bar: {problem}"))),
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    let interval = intervals.first().copied().unwrap_or(SECOND);
    if intervals.iter().any(|&other| other != interval) {
        output::note("the universes have different bars: their windows fill as time passes");
        return Ok((interval, 0));
    }
    // A window of W returns takes W + 1 closes.
    let window = universes.iter().map(|universe| universe.window).max().unwrap_or_default();
    Ok((interval, window.saturating_add(1)))
}

fn timestamp_unit(text: &str) -> anyhow::Result<Option<TimeUnit>> {
    match text {
        "auto" => Ok(None),
        "s" => Ok(Some(TimeUnit::Seconds)),
        "ms" => Ok(Some(TimeUnit::Milliseconds)),
        "us" => Ok(Some(TimeUnit::Microseconds)),
        "ns" => Ok(Some(TimeUnit::Nanoseconds)),
        other => Err(usage(format!("csv.timestamp_unit: {other:?} is not known; use auto, s, ms, us or ns"))),
    }
}

/// A bar on standard error for each of these passes over a file; it goes away at the end of the pass.
fn progress(shown: &'static [Phase]) -> Progress {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    let template = "reading {bar:40} {bytes} of {total_bytes}, {eta} left";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    Progress::new(move |update| {
        if !shown.contains(&update.phase) {
            return;
        }
        bar.set_length(update.total_bytes);
        bar.set_position(update.bytes);
        if update.bytes >= update.total_bytes {
            bar.finish_and_clear();
        } else if bar.is_finished() {
            bar.reset();
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_named_and_others_told_what_there_is() {
        assert_eq!(SourceName::parse("kafka").unwrap(), SourceName::Kafka);
        assert_eq!(SourceName::parse("simulator").unwrap(), SourceName::Simulator);
        assert_eq!(SourceName::parse("csv:a:b.csv").unwrap(), SourceName::Csv(PathBuf::from("a:b.csv")));
        assert!(SourceName::parse("csv:").unwrap_err().to_string().contains("prices.csv"));
        assert_eq!(
            SourceName::parse("coinbase-advanced").unwrap(),
            SourceName::Exchange("coinbase-advanced".into())
        );
        assert_eq!(SourceName::parse("recording:a/b").unwrap(), SourceName::Recording(PathBuf::from("a/b")));
        assert!(SourceName::parse("recording").unwrap_err().to_string().contains("name the folder"));
        assert!(is_file("csv:a") && is_file("recording:a") && !is_file("simulator") && !is_file("okx"));
        assert_eq!(
            SourceName::parse("binance, kraken").unwrap(),
            SourceName::Exchange("binance,kraken".into())
        );
        for text in ["kafka:price", "Binance", "csvfile", "simulator:", "", "binance,", "okx,kafka"] {
            let message = SourceName::parse(text).unwrap_err().to_string();
            assert!(
                message.contains("simulator, csv:PATH, recording:PATH, kafka, flight, binance"),
                "{message}"
            );
        }
    }

    #[test]
    fn units_of_time_are_told_or_found() {
        assert_eq!(timestamp_unit("auto").unwrap(), None);
        assert_eq!(timestamp_unit("us").unwrap(), Some(TimeUnit::Microseconds));
        assert!(timestamp_unit("minutes").is_err());
    }
}
