//! What a run keeps: its results in the store, the run itself, and now and then its latency.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;
use silverbullet_engine::EngineOptions;
use silverbullet_engine::durable::rows::{Row, Time};
use silverbullet_engine::live::LiveState;
use silverbullet_market::{Clock, Decision, SourceDescription, Universe};
use silverbullet_query::Sql;
use silverbullet_store::{RunRow, Store};

use super::overheard::Overheard;
use crate::Session;
use crate::output;
use crate::settings::Settings;
use crate::store;
use crate::stored::Stored;

/// How often percentiles of the latency are kept.
const LATENCY_EVERY: Duration = Duration::from_secs(60);

/// The store of a run, with what is told of the run itself.
pub(crate) struct Keeper {
    store: Arc<Store>,
    settings: Settings,
    clock: Arc<dyn Clock>,
    configuration: String,
    runs: Vec<(RunRow, Arc<AtomicU64>)>,
    recorder: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Keeper {
    /// Opens the store where the settings have one.
    pub(crate) fn open(settings: &Settings, session: &Session) -> anyhow::Result<Option<Self>> {
        if !settings.store.enabled {
            return Ok(None);
        }
        let clock = Arc::clone(&session.clock);
        let store = store::open(&settings.store, settings.seed, Arc::clone(&clock))?;
        let places: Vec<String> = store.state().places.into_iter().map(|place| place.name).collect();
        output::note(&format!("results are kept in {}", places.join(" and ")));
        let configuration = serde_json::to_string(&settings.redacted())?;
        Ok(Some(Self {
            store,
            settings: settings.clone(),
            clock,
            configuration,
            runs: Vec::new(),
            recorder: None,
        }))
    }

    /// Has the results of `universe` stored. An interrupted run of the same variant is gone on with, unless
    /// `fresh` says otherwise or the source cannot be had again.
    pub(crate) fn attach(
        &mut self,
        mut options: EngineOptions,
        universe: &Universe,
        source: &SourceDescription,
        fresh: bool,
    ) -> anyhow::Result<EngineOptions> {
        if fresh {
            self.store.start_over(universe)?;
        } else if source.replayable {
            options.resume = self.store.resume(universe)?;
        }
        if let Some(bar) = options.resume.as_ref().and_then(|checkpoint| checkpoint.bar) {
            output::note(&format!(
                "{}: going on after bar {bar}, where the last run was stopped; --fresh begins anew",
                universe.name
            ));
        }
        let run_id = options.run_id.clone();
        let written = Arc::new(AtomicU64::new(0));
        let writer = self.store.writer(universe, source, &run_id)?;
        options.commands = self.store.commands(universe)?;
        if let Some(newest) = options.commands.entries.last() {
            let (name, count) = (&universe.name, options.commands.entries.len());
            output::note(&format!(
                "{name}: {count} commands of earlier runs are repeated, the last one (bar {}) among them",
                newest.bar
            ));
        }
        let counted = Arc::clone(&written);
        let hear = move |rows: &[Row]| {
            counted.fetch_add(rows.len() as u64, Ordering::AcqRel);
        };
        let sink = Overheard { sink: Box::new(writer), hear };
        let run = RunRow {
            run_id,
            kind: "run".to_owned(),
            universe: universe.name.clone(),
            variant: universe.variant.clone(),
            configuration: self.configuration.clone(),
            seed: universe.seed,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            source: source.name.clone(),
            started: Time(self.clock.utc()),
            ended: None,
            rows_in: None,
            rows_out: None,
        };
        self.store.start_run(run.clone());
        self.runs.push((run, written));
        Ok(options.with_rows(Box::new(sink)))
    }

    /// What live timing has decided for `universe` in earlier runs.
    pub(crate) fn decisions(&self, universe: &Universe) -> anyhow::Result<Vec<Decision>> {
        Stored::of(&self.settings)?.decisions(&universe.name, &universe.variant)
    }

    /// Keeps the latency of `live` from now on.
    pub(crate) fn watch(&mut self, live: &[Arc<LiveState>]) -> anyhow::Result<()> {
        let (stop, stopped) = channel::<()>();
        let (store, live) = (Arc::clone(&self.store), live.to_vec());
        let record = move || loop {
            let ended = stopped.recv_timeout(LATENCY_EVERY) != Err(RecvTimeoutError::Timeout);
            for engine in &live {
                if let Err(error) = store.record_latency(engine) {
                    tracing::warn!(%error, "latency is not kept");
                }
            }
            if ended {
                break;
            }
        };
        let thread = std::thread::Builder::new()
            .name("latency".to_owned())
            .spawn(record)
            .context("a thread cannot be started")?;
        self.recorder = Some((stop, thread));
        Ok(())
    }

    /// What answers SQL over the stored results and those on their way.
    pub(crate) fn sql(&self, settings: &Settings, live: &[Arc<LiveState>]) -> anyhow::Result<Arc<Sql>> {
        let store = Some(Arc::clone(&self.store));
        Ok(Arc::new(store::sql(settings, self.store.tables(), store, live.to_vec())?))
    }

    /// The store.
    pub(crate) fn store(&self) -> Arc<Store> {
        Arc::clone(&self.store)
    }

    /// Records the end of the run and waits until everything is stored.
    pub(crate) fn finish(mut self, live: &[Arc<LiveState>]) -> anyhow::Result<()> {
        if let Some((stop, thread)) = self.recorder.take() {
            drop(stop);
            // It has nothing to say but what it has recorded.
            let _ = thread.join();
        }
        for (run, written) in self.runs {
            let engine = live.iter().find(|engine| engine.universe.name == run.universe);
            let rows_in = engine.map(|engine| engine.counters.ticks.load(Ordering::Acquire));
            let rows_out = Some(written.load(Ordering::Acquire));
            self.store.end_run(RunRow { ended: Some(Time(self.clock.utc())), rows_in, rows_out, ..run });
        }
        Ok(self.store.close()?)
    }
}
