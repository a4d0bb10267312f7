//! From a price file to moments.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use anyhow::anyhow;
use silverbullet_kernel::{Problem, SymmetricMatrix};
use silverbullet_market::batch::{BatchReturns, returns_of};
use silverbullet_market::moments::{Moments, estimate};
use silverbullet_market::{
    Event, EventKind, Input, Nanos, Sink, Source, SourceDescription, SourceError, StopFlag, Tick, Universe,
    UniverseSettings, format_duration,
};

use crate::Session;
use crate::failure::usage;
use crate::format;
use crate::settings::Settings;
use crate::source;

/// Ticks handed over at a time, and how many such batches may wait.
const BATCH: usize = 4_096;
const WAITING: usize = 16;
/// Events kept for their particulars; all are counted.
const EXAMPLES: usize = 1;

/// What a file came to.
pub(crate) struct Loaded {
    /// The assets that take part, in universe order.
    pub(crate) assets: Vec<String>,
    pub(crate) interval: Nanos,
    pub(crate) moments: Moments,
    pub(crate) problem: Problem,
    /// What a person should know about the input: one line each.
    pub(crate) remarks: Vec<String>,
    /// The file's name, for titles.
    pub(crate) title: String,
}

/// Reads the file into one window: all of it, or the `last` bars.
pub(crate) fn read(
    path: &Path,
    name: &str,
    chosen: &UniverseSettings,
    settings: &Settings,
    last: Option<usize>,
    session: &Session,
) -> anyhow::Result<Loaded> {
    let mut source = source::open_file(path, settings, session)?;
    let description = source.description().clone();
    let universe = Universe::resolve(name, chosen, &description, settings.seed)
        .map_err(|error| usage(error.to_string()))?;
    let (batch, events) = collect(source.as_mut(), &universe, last)?;
    let title =
        path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into());
    let remarks = remarks(&universe, &description, &batch, &events, last);
    let assets: Vec<String> = batch.assets.iter().map(|&asset| universe.assets[asset].clone()).collect();
    if assets.is_empty() {
        let why = batch.excluded.first().map(|(_, reason)| format!(" ({reason})")).unwrap_or_default();
        return Err(anyhow!(
            "{title}: no asset has enough prices in the window{why}; take a longer file, a shorter --bar or fewer --window bars"
        ));
    }
    let moments = estimate(&batch.returns, universe.estimator)
        .map_err(|error| anyhow!("{title}: the moments cannot be estimated: {error}"))?;
    let shrunk = moments.ledoit_wolf_stand_in(&batch.returns)?;
    let problem = problem(&universe, &batch, &moments, shrunk)?;
    Ok(Loaded { assets, interval: universe.interval, moments, problem, remarks, title })
}

fn problem(
    universe: &Universe,
    batch: &BatchReturns,
    moments: &Moments,
    shrunk: SymmetricMatrix,
) -> anyhow::Result<Problem> {
    let bounds = universe.bounds_for(&batch.assets).map_err(|error| {
        usage(format!(
            "the bounds cannot be met by the {} assets that take part: {error}",
            batch.assets.len()
        ))
    })?;
    Ok(Problem::new(moments.mean.clone(), moments.covariance.clone(), moments.observations)?
        .with_bounds(bounds)?
        .with_risk_free(universe.risk_free)?
        .with_shrunk(shrunk)?)
}

/// The source runs on a thread of its own, a bounded number of batches ahead of the bars.
fn collect(
    source: &mut dyn Source,
    universe: &Universe,
    last: Option<usize>,
) -> Result<(BatchReturns, Events), SourceError> {
    let (sender, receiver) = sync_channel(WAITING);
    thread::scope(|scope| {
        let reader = scope.spawn(move || {
            let mut sink = Batches { sender, batch: Vec::with_capacity(BATCH), events: Events::default() };
            let result = source.run(&mut sink, &StopFlag::default());
            sink.flush();
            result.map(|()| sink.events)
        });
        let mut batch = returns_of(universe, ticks(&receiver), last);
        let mut events = reader.join().unwrap_or_else(|_| {
            let source = "its thread panicked".into();
            Err(SourceError { context: "source".to_owned(), source })
        })?;
        batch.events.drain(..).for_each(|event| events.add(event));
        Ok((batch, events))
    })
}

fn ticks(receiver: &Receiver<Vec<Tick>>) -> impl Iterator<Item = Tick> {
    receiver.iter().flatten()
}

/// Hands ticks over in batches and keeps count of the events.
struct Batches {
    sender: SyncSender<Vec<Tick>>,
    batch: Vec<Tick>,
    events: Events,
}

impl Batches {
    fn flush(&mut self) {
        let batch = std::mem::replace(&mut self.batch, Vec::with_capacity(BATCH));
        // The receiver reads to the end; it can only be gone where its thread panicked.
        let _ = self.sender.send(batch);
    }
}

impl Sink for Batches {
    fn push(&mut self, input: Input) {
        match input {
            Input::Tick(tick) => {
                self.batch.push(tick);
                if self.batch.len() == BATCH {
                    self.flush();
                }
            }
            Input::Event(event) => self.events.add(*event),
            Input::History(_) => {}
        }
    }

    fn frame(&mut self) {}
}

/// Counts by kind and reason, with an example of each.
#[derive(Debug, Default)]
struct Events(BTreeMap<(EventKind, &'static str), (u64, Vec<Event>)>);

impl Events {
    fn add(&mut self, event: Event) {
        let (count, examples) = self.0.entry((event.kind, event.reason)).or_default();
        *count += 1;
        if examples.len() < EXAMPLES {
            examples.push(event);
        }
    }
}

/// What was chosen and what was left out.
fn remarks(
    universe: &Universe,
    description: &SourceDescription,
    batch: &BatchReturns,
    events: &Events,
    last: Option<usize>,
) -> Vec<String> {
    let grid = match description.grid {
        Some(grid) if grid == universe.interval => " (the grid of the file)".to_owned(),
        Some(grid) => format!(" (the file has a price every {})", format_duration(grid)),
        None => String::new(),
    };
    let window = if last.is_some() { "the last" } else { "all" };
    let mut remarks = vec![format!(
        "bar {}{grid}; {} assets; {window} {} of {} bars",
        format_duration(universe.interval),
        batch.assets.len(),
        format::thousands(batch.returns.rows() as u64),
        format::thousands((batch.bars as u64).saturating_sub(1)),
    )];
    if let Some(last) = last.filter(|&last| last > batch.returns.rows()) {
        remarks
            .push(format!("the file has fewer than the {} bars asked for", format::thousands(last as u64)));
    }
    for (asset, reason) in &batch.excluded {
        remarks.push(format!("left out: {}: {reason}", universe.assets[*asset]));
    }
    for ((kind, reason), (count, examples)) in &events.0 {
        let example = examples.first().map(|event| format!(", e.g. {}", place(event))).unwrap_or_default();
        remarks.push(format!("{}: {} × {reason}{example}", kind.name(), format::thousands(*count)));
    }
    remarks
}

fn place(event: &Event) -> String {
    if event.detail.contains("line") {
        event.detail.clone()
    } else {
        format!("line {}: {}", event.offset, event.detail)
    }
}
