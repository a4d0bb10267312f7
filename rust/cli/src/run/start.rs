//! Puts a run together: settings checked, port claimed, source opened, engines started, threads going.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use anyhow::Context;
use silverbullet_engine::live::{LiveState, Summary};
use silverbullet_engine::{Checkpoint, Engine, EngineOptions, Error, FanOut};
use silverbullet_market::{
    Nanos, Source, SourceDescription, SourceError, StopFlag, Universe, UniverseSettings, format_duration,
};

use silverbullet_server::{Grpc, Service, StoreWatch};

use super::decisions::{Decided, to_follow};
use super::ending::{self, Finished};
use super::feeder;
use super::grpc::{self, GrpcServer};
use super::http::{self, Server};
use super::interrupt::Interrupt;
use super::keeper::Keeper;
use super::portfolio_topic::{PortfolioTopic, Report, Sending};
use super::rows::Rows;
use crate::Session;
use crate::args::RunArguments;
use crate::failure::usage;
use crate::output;
use crate::settings::Settings;
use crate::source;

/// A run that is going on.
pub(crate) struct Running {
    pub(crate) live: Vec<Arc<LiveState>>,
    pub(crate) finished: Receiver<Finished>,
    pub(crate) stop: StopFlag,
    /// What was sent to the portfolio topic, once that has ended.
    pub(crate) sent: Option<Report>,
}

/// What listens.
pub(crate) struct Servers {
    pub(crate) http: Option<Server>,
    grpc: Option<GrpcServer>,
}

impl Servers {
    /// Stops all of them; the first failure is the result.
    pub(crate) fn stop(self) -> anyhow::Result<()> {
        let grpc = self.grpc.map_or(Ok(()), GrpcServer::stop);
        self.http.map_or(Ok(()), Server::stop).and(grpc)
    }
}

/// Starts everything; what can be wrong with the request is found before anything runs.
pub(crate) fn start(
    arguments: &RunArguments,
    settings: &Settings,
    session: &Session,
    interrupt: &Interrupt,
) -> anyhow::Result<(Running, Servers)> {
    let listener = http::claim(&settings.server)?;
    let (tls, keep) = (grpc::tls(&settings.server)?, grpc::keep(&settings.server)?);
    let grpc_listener = grpc::claim(&settings.server)?;
    if !settings.store.enabled && !matches!(settings.server.grpc.as_str(), "" | "auto") {
        return Err(usage("--grpc serves tables, and --no-store keeps none: leave one of them out"));
    }
    let topic = PortfolioTopic::open(&settings.kafka, &session.clock)?;
    let chosen = chosen_universes(arguments, settings)?;
    let of_universes: Vec<_> = chosen.iter().map(|(_, universe)| *universe).collect();
    if let (Some(output), Some(input)) = (&arguments.output, source::file(settings)?) {
        output::refuse_input("--output", output, &input)?;
    }
    let stop = interrupt.stop();
    let settings = &source::fixed(settings, session);
    let served = grpc_listener.is_some() && settings.store.enabled;
    let (mut source, inlet) = source::open_to_run(settings, &of_universes, served, session, &stop)?;
    let universes = resolve(&chosen, source.description(), settings.seed)?;
    for universe in &universes {
        output::note(&introduction(universe, source.description()));
    }
    let names: Vec<String> = universes.iter().map(|universe| universe.name.clone()).collect();
    let (rows, mut writers) = match &arguments.output {
        Some(path) => Rows::create(path, &names).map(|(rows, writers)| (Some(rows), writers))?,
        None => (None, Vec::new()),
    };
    writers.reverse();
    let run_id = run_id(session);
    let mut keeper = Keeper::open(settings, session)?;
    let mut engines = Vec::new();
    let mut sinks = Vec::new();
    let mut reached = Vec::new();
    let mut decided = Vec::new();
    for universe in universes {
        let mut options = EngineOptions::new(&run_id, Arc::clone(&session.clock), stop.clone());
        options.workers = workers(settings.run.workers);
        options.pin_core = usize::try_from(settings.run.pin_core).ok().map(|first| first + engines.len());
        options.busy_poll = settings.run.busy_poll;
        if let Some(keeper) = &mut keeper {
            // A file of rows has all of them, so it needs the whole input.
            let fresh = arguments.fresh || arguments.output.is_some();
            options = keeper.attach(options, &universe, source.description(), fresh)?;
        }
        if let Some(writer) = writers.pop() {
            options = options.with_json_lines(writer);
        }
        reached
            .push(options.resume.as_ref().map(|checkpoint| checkpoint.offsets.clone()).unwrap_or_default());
        if let (Some(keeper), true) = (&keeper, source.description().seekable) {
            let taken = options.resume.as_ref().map_or(0, Checkpoint::decisions);
            decided.push(Decided { all: keeper.decisions(&universe)?, taken });
        }
        let (engine, sink) = Engine::start(universe, source.description(), options)?;
        engines.push(engine);
        sinks.push(sink);
    }
    if source.description().seekable {
        source.start_behind(behind_all(&reached));
        let (follow, passed) = to_follow(&decided);
        sinks.iter_mut().zip(passed).for_each(|(sink, count)| sink.pass_decisions(count));
        source.follow(follow, false);
    }
    let live: Vec<_> = engines.iter().map(Engine::live).collect();
    let mut grpc = None;
    let mut service = Service {
        engines: live.clone(),
        sql: None,
        store: None,
        source: source.watch(),
        clock: Arc::clone(&session.clock),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    if let Some(keeper) = &mut keeper {
        keeper.watch(&live)?;
        let sql = keeper.sql(settings, &live)?;
        service.sql = Some(Arc::clone(&sql));
        grpc = grpc_listener.map(|listener| {
            let token = Some(settings.server.token.clone()).filter(|token| !token.is_empty());
            let (clock, version) = (Arc::clone(&session.clock), env!("CARGO_PKG_VERSION").to_owned());
            (listener, Grpc { sql, clock, version, token, tls, keep, inlet })
        });
        let store = keeper.store();
        service.store = Some(StoreWatch::new(move || store.state()));
    }
    let http = listener.map(|listener| Server::start(listener, service)).transpose()?;
    if let Some(server) = &http {
        output::note(&format!("listening on http://{}", server.address()));
    }
    let grpc = grpc.map(|(listener, grpc)| GrpcServer::start(listener, grpc)).transpose()?;
    let sending = topic.map(|topic| topic.start(&live)).transpose()?;
    let sent = sending.as_ref().map(Sending::report);
    let end = End { engines, rows, keeper, sending, output: arguments.output.clone() };
    let finished = spawn(source, FanOut::new(sinks), end, arguments.limit, stop.clone())?;
    Ok((Running { live, finished, stop, sent }, Servers { http, grpc }))
}

/// The offsets that all universes have reached: each leaves out what it has consumed beyond them.
fn behind_all(reached: &[BTreeMap<u32, u64>]) -> BTreeMap<u32, u64> {
    let Some((first, others)) = reached.split_first() else { return BTreeMap::new() };
    let least = |(&partition, &offset): (&u32, &u64)| {
        let mut others = others.iter().map(|offsets| offsets.get(&partition).copied());
        others.try_fold(offset, |least, other| Some(least.min(other?))).map(|offset| (partition, offset))
    };
    first.iter().filter_map(least).collect()
}

/// What is left to do when the source has ended.
struct End {
    engines: Vec<Engine>,
    rows: Option<Rows>,
    keeper: Option<Keeper>,
    sending: Option<Sending>,
    output: Option<PathBuf>,
}

/// The source on one thread; another waits for everything to end and reports.
fn spawn(
    mut source: Box<dyn Source>,
    sinks: FanOut,
    end: End,
    limit: Option<u64>,
    stop: StopFlag,
) -> anyhow::Result<Receiver<Finished>> {
    let (report, finished) = sync_channel(1);
    let feeder = thread::Builder::new()
        .name("source".to_owned())
        .spawn(move || feeder::feed(source.as_mut(), sinks, limit, &stop))
        .context("the source's thread cannot be started")?;
    let wait = move || {
        let fed = feeder.join().unwrap_or_else(|_| {
            let source = "its thread panicked".into();
            Err(SourceError { context: "source".to_owned(), source })
        });
        // Nobody listens any more where the view has failed; its error is the one that counts.
        let _ = report.send(end.finish(fed));
    };
    thread::Builder::new().name("finish".to_owned()).spawn(wait).context("a thread cannot be started")?;
    Ok(finished)
}

impl End {
    /// Ends every engine even where one fails; the first failure is the result.
    fn finish(self, fed: Result<(), SourceError>) -> Finished {
        let live: Vec<_> = self.engines.iter().map(Engine::live).collect();
        let outcomes: Vec<_> = self.engines.into_iter().map(Engine::finish).collect();
        if let Some(sending) = self.sending {
            sending.finish();
        }
        let kept = self.keeper.map_or(Ok(()), |keeper| keeper.finish(&live));
        let summaries = outcomes.into_iter().collect::<Result<Vec<Summary>, _>>();
        let summaries = summaries.map_err(|error| match &self.output {
            Some(path) if matches!(error, Error::Output(_) | Error::Json(_)) => {
                anyhow::Error::new(error).context(path.display().to_string())
            }
            _ => error.into(),
        })?;
        if let Some(rows) = self.rows {
            rows.join()?;
        }
        fed?;
        kept?;
        Ok(ending::sum(summaries))
    }
}

/// The universes asked for, in the order of their names.
fn chosen_universes<'a>(
    arguments: &RunArguments,
    settings: &'a Settings,
) -> anyhow::Result<Vec<(&'a str, &'a UniverseSettings)>> {
    if let Some(unknown) = arguments.universes.iter().find(|name| !settings.universes.contains_key(*name)) {
        let known = settings.universes.keys().cloned().collect::<Vec<_>>().join(", ");
        return Err(usage(format!("unknown universe {unknown:?}; there are {known}")));
    }
    let asked = |name: &String| arguments.universes.is_empty() || arguments.universes.contains(name);
    let chosen = settings.universes.iter().filter(|(name, _)| asked(name));
    Ok(chosen.map(|(name, universe)| (name.as_str(), universe)).collect())
}

/// Each universe checked against the source.
fn resolve(
    chosen: &[(&str, &UniverseSettings)],
    source: &SourceDescription,
    seed: u64,
) -> anyhow::Result<Vec<Universe>> {
    chosen
        .iter()
        .map(|(name, settings)| Universe::resolve(name, settings, source, seed))
        .map(|universe| universe.map_err(|error| usage(error.to_string())))
        .collect()
}

/// What will run, and what `--bar auto` has chosen.
fn introduction(universe: &Universe, source: &SourceDescription) -> String {
    format!(
        "{}: {} assets of {}, {}, window {} bars, {}, seed {}, variant {}",
        universe.name,
        universe.assets.len(),
        source.name,
        bar(universe.interval, source.grid),
        universe.window,
        universe.estimator.name(),
        universe.seed,
        universe.variant,
    )
}

fn bar(interval: Nanos, grid: Option<Nanos>) -> String {
    let bar = format!("bar {}", format_duration(interval));
    match grid {
        Some(grid) if grid == interval => format!("{bar} (the grid of the input)"),
        Some(grid) => format!("{bar} (the input has a price every {})", format_duration(grid)),
        None => bar,
    }
}

/// Zero is one less than there are cores, which leaves one for the hot thread. No result depends on it.
pub(crate) fn workers(asked: usize) -> usize {
    match asked {
        0 => thread::available_parallelism().map_or(1, |cores| usize::from(cores).saturating_sub(1).max(1)),
        more => more,
    }
}

/// Unique enough for one machine: the time of day and the process.
fn run_id(session: &Session) -> String {
    let utc = jiff::Timestamp::from_nanosecond(i128::from(session.clock.utc())).unwrap_or_default();
    format!("{}-{}", utc.strftime("%Y%m%dT%H%M%S%3fZ"), std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_begins_behind_what_every_universe_has() {
        let all = [[(0, 5), (1, 7)].into(), [(0, 3), (1, 9), (2, 1)].into()];
        assert_eq!(behind_all(&all), [(0, 3), (1, 7)].into());
        assert_eq!(behind_all(&[all[0].clone(), BTreeMap::new()]), BTreeMap::new());
        assert_eq!(behind_all(&all[1..]), all[1]);
    }
}
