//! From a price file to moments.

use std::collections::BTreeMap;
use std::path::Path;

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
use crate::output;
use crate::settings::Settings;
use crate::source;

/// The reason of an asset that has no return at all.
const TOO_FEW_BARS: &str = "fewer than two bars";
/// Events kept for their particulars; all are counted.
const EXAMPLES: usize = 1;

/// What a file came to.
pub(crate) struct Loaded {
    /// The assets that take part, in universe order.
    pub(crate) assets: Vec<String>,
    pub(crate) interval: Nanos,
    pub(crate) moments: Moments,
    pub(crate) problem: Problem,
    /// Simple returns of the window, bar by bar, oldest first.
    pub(crate) returns: Vec<f64>,
    /// The file's name, for titles.
    pub(crate) title: String,
}

/// Reads the file into one window: all of it, or the `last` bars. What a person should know of it goes to
/// standard error, before the error where there is no answer.
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
    let (batch, events, backwards) = collect(source.as_mut(), &universe, last)?;
    let title =
        path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into());
    if backwards > 0 {
        let places = format::counted(backwards, "place");
        output::note(&format!("{title}: not in the order of time at {places}; sorted by event time"));
    }
    for remark in remarks(&universe, &description, &batch, &events, last) {
        output::note(&remark);
    }
    let assets: Vec<String> = batch.assets.iter().map(|&asset| universe.assets[asset].clone()).collect();
    if assets.is_empty() {
        let why = batch.excluded.first().map_or("the universe is empty", |(_, reason)| reason);
        let advice = advice(why, universe.interval);
        return Err(anyhow!("{title}: no asset has enough prices in the window ({why}); {advice}"));
    }
    let moments = estimate(&batch.returns, universe.estimator).map_err(|error| {
        let few = batch.returns.rows() < 2;
        let advice =
            if few { format!("; {}", advice(TOO_FEW_BARS, universe.interval)) } else { String::new() };
        anyhow!("{title}: the moments cannot be estimated: {error}{advice}")
    })?;
    let shrunk = moments.ledoit_wolf_stand_in(&batch.returns)?;
    let problem = problem(&universe, &batch, &moments, shrunk)?;
    let returns = batch.returns.iter().flatten().copied().collect();
    Ok(Loaded { assets, interval: universe.interval, moments, problem, returns, title })
}

/// What helps against the reason for which the first asset does not take part.
fn advice(why: &str, interval: Nanos) -> String {
    let bar = format_duration(interval);
    if why.contains(TOO_FEW_BARS) {
        format!("the bar is {bar}: take a shorter --bar or a longer file")
    } else if why.contains("have a tick") {
        format!("the bar is {bar}: take a longer --bar, so that more of them have a tick")
    } else if why.contains("have a return") {
        "take a longer file or fewer --window bars".to_owned()
    } else {
        "take a longer --bar or another part of the file".to_owned()
    }
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

/// Takes the whole file in, puts it in the order of event time where it is not, and forms its bars: a file is
/// one batch, so that nothing in it is late. The number is that of ticks that came after a later one.
fn collect(
    source: &mut dyn Source,
    universe: &Universe,
    last: Option<usize>,
) -> Result<(BatchReturns, Events, u64), SourceError> {
    let mut taken = Taken::default();
    source.run(&mut taken, &StopFlag::default())?;
    let Taken { mut ticks, mut events } = taken;
    let backwards = ticks.windows(2).filter(|pair| pair[1].event_time < pair[0].event_time).count();
    if backwards > 0 {
        // Ticks of the same time keep the order of the file.
        ticks.sort_by_key(|tick| tick.event_time);
    }
    let mut batch = returns_of(universe, ticks.into_iter(), last);
    batch.events.drain(..).for_each(|event| events.add(event));
    Ok((batch, events, backwards as u64))
}

/// All ticks of a file and the count of everything else.
#[derive(Debug, Default)]
struct Taken {
    ticks: Vec<Tick>,
    events: Events,
}

impl Sink for Taken {
    fn push(&mut self, input: Input) {
        match input {
            Input::Tick(tick) => self.ticks.push(tick),
            Input::Event(event) | Input::Note(event) => self.events.add(*event),
            Input::Batch(inputs) => inputs.into_iter().for_each(|input| self.push(input)),
            Input::History(_) | Input::Partition(..) | Input::Close => {}
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_advice_fits_the_reason() {
        let advice = |why| advice(why, 60_000_000_000);
        assert!(advice("2 of 9 bars have a tick").contains("longer --bar"));
        assert!(advice("6 of 9 bars have a return").contains("longer file or fewer --window"));
        let few = advice("fewer than two bars");
        assert!(few.contains("the bar is 1m") && few.contains("shorter --bar"), "{few}");
    }
}
