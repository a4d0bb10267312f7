//! The run itself, made again into a folder of its own, each universe up to its last bar that is stored.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::anyhow;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use silverbullet_engine::durable::rows::Row;
use silverbullet_engine::{CommandLog, Engine, EngineOptions, EngineSink, FanOut};
use silverbullet_market::{Source, SourceDescription, StopFlag, Universe, UniverseSettings};
use silverbullet_store::Store;

use super::which::{Chosen, Part};
use crate::Session;
use crate::failure::usage;
use crate::output;
use crate::run::decisions::{Decided, to_follow};
use crate::run::feeder;
use crate::run::overheard::Overheard;
use crate::run::start::workers;
use crate::settings::StoreSettings;
use crate::source;
use crate::store;
use crate::stored::Stored;

/// What is needed to make a run again.
pub(super) struct Again<'a> {
    pub(super) chosen: &'a Chosen,
    pub(super) stored: &'a Stored,
    pub(super) data: &'a Path,
    /// Where what is computed goes.
    pub(super) scratch: &'a Path,
    pub(super) session: &'a Session,
    pub(super) stop: StopFlag,
}

/// A universe to be made again, and its bars that are stored.
pub(super) struct Replayed {
    pub(super) universe: String,
    pub(super) variant: String,
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) window: usize,
}

impl Again<'_> {
    /// Runs it until every universe has its last stored bar, or to the end of its input.
    pub(super) fn run(&self) -> anyhow::Result<Vec<Replayed>> {
        let settings = &self.chosen.settings;
        let together: Vec<_> =
            self.chosen.together.iter().map(|name| self.settings_of(name)).collect::<anyhow::Result<_>>()?;
        let mut source = source::open(settings, &together, self.session, &self.stop)?;
        let mut universes = Vec::new();
        for part in &self.chosen.universes {
            let own = self.settings_of(&part.universe)?;
            let universe = Universe::resolve(&part.universe, own, source.description(), settings.seed)
                .map_err(|error| usage(error.to_string()))?;
            self.check(part, &universe, source.description())?;
            universes.push((self.bars(part, universe.window)?, universe));
        }
        self.follow(source.as_mut())?;
        let folder = StoreSettings {
            directory: self.scratch.to_path_buf(),
            retention: "forever".to_owned(),
            // On this machine only, wherever the run has kept its rows.
            delta: true,
            cassandra: BTreeMap::new(),
            ..settings.store.clone()
        };
        let scratch = store::open(&folder, settings.seed, Arc::clone(&self.session.clock))?;
        let replayed = self.compute(source, universes, &scratch)?;
        scratch.close()?;
        Ok(replayed)
    }

    fn compute(
        &self,
        mut source: Box<dyn Source>,
        universes: Vec<(Replayed, Universe)>,
        scratch: &Store,
    ) -> anyhow::Result<Vec<Replayed>> {
        let progress = progress(universes.iter().map(|(bars, _)| bars.last.abs_diff(bars.first) + 1).sum());
        let left = Arc::new(AtomicUsize::new(universes.len()));
        let (mut engines, mut sinks, mut replayed) = (Vec::new(), Vec::new(), Vec::new());
        for (bars, universe) in universes {
            let until = Until {
                last: bars.last,
                left: Some(Arc::clone(&left)),
                stop: self.stop.clone(),
                progress: progress.clone(),
            };
            let (engine, sink) = self.start(universe, source.description(), scratch, until)?;
            engines.push(engine);
            sinks.push(sink);
            replayed.push(bars);
        }
        let fed = feeder::feed(source.as_mut(), FanOut::new(sinks), None, &self.stop);
        let ended: Vec<_> = engines.into_iter().map(Engine::finish).collect();
        progress.finish_and_clear();
        ended.into_iter().collect::<Result<Vec<_>, _>>()?;
        fed?;
        Ok(replayed)
    }

    fn start(
        &self,
        universe: Universe,
        source: &SourceDescription,
        scratch: &Store,
        mut until: Until,
    ) -> anyhow::Result<(Engine, EngineSink)> {
        let mut options =
            EngineOptions::new(&self.chosen.run_id, Arc::clone(&self.session.clock), self.stop.clone());
        options.workers = workers(self.chosen.settings.run.workers);
        let entries = silverbullet_store::commands(self.data, &universe.name, &universe.variant)?;
        options.commands = CommandLog { entries, ..CommandLog::default() };
        scratch.start_over(&universe)?;
        let sink = scratch.writer(&universe, source, &self.chosen.run_id)?;
        let hear = move |rows: &[Row]| until.hear(rows);
        let options = options.with_rows(Box::new(Overheard { sink: Box::new(sink), hear }));
        Ok(Engine::start(universe, source, options)?)
    }

    /// What live timing decided then is decided again, and nothing else.
    fn follow(&self, source: &mut dyn Source) -> anyhow::Result<()> {
        if !source.description().seekable {
            return Ok(());
        }
        let mut decided = Vec::new();
        for part in &self.chosen.universes {
            self.refuse_input_made_anew(part)?;
            let all = self.stored.decisions(&part.universe, &part.variant)?;
            decided.push(Decided { all, taken: 0 });
        }
        source.follow(to_follow(&decided).0, true);
        Ok(())
    }

    fn settings_of(&self, universe: &str) -> anyhow::Result<&UniverseSettings> {
        let known = self.chosen.settings.universes.get(universe);
        known.ok_or_else(|| {
            anyhow!("run {} has stored no settings of universe {universe}", self.chosen.run_id)
        })
    }

    /// Another input, or other settings, cannot give the same rows.
    fn check(&self, part: &Part, universe: &Universe, source: &SourceDescription) -> anyhow::Result<()> {
        if universe.variant == part.variant {
            return Ok(());
        }
        Err(anyhow!(
            "{}: {} gives variant {} and the run has {}: it is not the input of that run, which was {} (version {} of the program; this is {}); --source, --brokers and --topic say where its input is now",
            part.universe,
            source.name,
            universe.variant,
            part.variant,
            self.chosen.source,
            self.chosen.version,
            env!("CARGO_PKG_VERSION"),
        ))
    }

    /// The bars that all tables hold: those of `bars`, which is written last.
    fn bars(&self, part: &Part, window: usize) -> anyhow::Result<Replayed> {
        let Part { universe, variant } = part;
        let of = |what: &str| {
            let query = "from bars where universe";
            self.stored
                .number(&format!("select {what}(bar) {query} = '{universe}' and variant = '{variant}'"))
        };
        match (of("min")?, of("max")?) {
            (Some(first), Some(last)) => {
                Ok(Replayed { universe: universe.clone(), variant: variant.clone(), first, last, window })
            }
            _ => Err(anyhow!(
                "{universe}: no bar of variant {variant} is stored, so there is nothing to compare"
            )),
        }
    }

    /// What a topic had before it was made anew is gone.
    fn refuse_input_made_anew(&self, part: &Part) -> anyhow::Result<()> {
        let Part { universe, variant } = part;
        let anew = self.stored.rows(&format!(
            "select detail from events where universe = '{universe}' and variant = '{variant}' \
             and detail like 'offsets begin anew:%' limit 1"
        ))?;
        if anew.num_rows() == 0 {
            return Ok(());
        }
        Err(anyhow!(
            "{universe}: the topic was made anew while variant {variant} ran ({}); what came before cannot be had again",
            crate::stored::text(&anew, 0, 0)
        ))
    }
}

fn progress(bars: u64) -> ProgressBar {
    if !output::progress_wanted() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(bars), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("replaying {bar:40} {pos} of {len} bars, {eta} left") {
        bar.set_style(style);
    }
    bar
}

/// Ends the input once all universes have had their last bars.
struct Until {
    last: i64,
    /// Universes that have not; `None` once this one has.
    left: Option<Arc<AtomicUsize>>,
    stop: StopFlag,
    progress: ProgressBar,
}

impl Until {
    fn hear(&mut self, rows: &[Row]) {
        let bar = rows.iter().find_map(|row| match row {
            Row::Bars(bar) => Some(bar.bar),
            _ => None,
        });
        let Some(bar) = bar else { return };
        if bar <= self.last {
            return self.progress.inc(1);
        }
        if let Some(left) = self.left.take()
            && left.fetch_sub(1, Ordering::AcqRel) == 1
        {
            self.stop.raise();
        }
    }
}
