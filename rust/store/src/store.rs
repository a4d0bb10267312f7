//! The writing side of a data directory, one a process.
//!
//! ```text
//! engine ──rows, cuts──► StoreWriter ──parcel──► spool ──┐
//!                             └────────in memory─────────┴──► flusher ──one commit each──► tables ──► checkpoint
//!                                                             keeper ──compaction, retention──► tables
//! ```
//! A flush writes every table, then the checkpoint, then deletes the spool: at any moment tables and spool
//! together hold everything up to the checkpoint, and what is handed over twice is left out by the tables.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use arrow::array::RecordBatch;
use silverbullet_engine::Checkpoint;
use silverbullet_engine::LiveState;
use silverbullet_engine::durable::rows::Time;
use silverbullet_market::{Clock, Nanos, SourceDescription, Universe};

use crate::backend::Backend;
use crate::delta::{Care, DeltaBackend};
use crate::directory::DataDirectory;
use crate::error::{Error, Result};
use crate::files;
use crate::flush;
use crate::lock::Lock;
use crate::options::StoreOptions;
use crate::parcel::application;
use crate::pending::{Pending, lock};
use crate::reader::Tables;
use crate::runs::{self, RunRow};
use crate::schema::Table;
use crate::writer::StoreWriter;

/// Longest sleep of a thread that waits: a wake-up that is missed costs no more than this.
pub(crate) const NAP: Duration = Duration::from_millis(50);

/// The writing side of a data directory.
pub struct Store {
    pub(crate) shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// What writers, readers and threads share.
pub(crate) struct Shared {
    pub(crate) options: StoreOptions,
    pub(crate) directory: DataDirectory,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) inner: Mutex<Inner>,
    /// Something to do, or something done.
    pub(crate) changed: Condvar,
    tables: Tables,
}

/// What changes.
#[derive(Default)]
pub(crate) struct Inner {
    pub(crate) pending: BTreeMap<String, Pending>,
    /// Rows of `runs` to be replaced.
    pub(crate) runs: Vec<RunRow>,
    /// Batches of `latency` to be added.
    pub(crate) latency: Vec<RecordBatch>,
    pub(crate) health: Health,
    /// A flush is wanted now.
    pub(crate) asked: bool,
    /// What was taken out of the queues is being stored.
    pub(crate) storing: bool,
    pub(crate) closing: bool,
    /// What is pending is left where it is.
    pub(crate) abandoned: bool,
    /// The flusher has ended.
    pub(crate) ended: bool,
}

/// What [`StoreState`] is made from, beside what is pending.
#[derive(Default)]
pub(crate) struct Health {
    /// Why the last attempt to write tables failed.
    pub(crate) tables: Option<(String, Time)>,
    /// Why the last attempt to write the spool failed.
    pub(crate) spool: Option<(String, Time)>,
    pub(crate) last_commit: Option<Nanos>,
    pub(crate) commits: u64,
    pub(crate) retries: u64,
    pub(crate) failures: u32,
    pub(crate) dropped_rows: u64,
    /// When a flush was last begun, on the monotonic clock.
    pub(crate) flushed: Nanos,
}

impl Store {
    /// Opens a data directory, which is made where it is missing, and starts the threads.
    ///
    /// # Errors
    /// Where the directory cannot be made, or the system gives no thread.
    pub fn open(options: StoreOptions, clock: Arc<dyn Clock>) -> Result<Arc<Self>> {
        let directory = DataDirectory::new(&options.directory);
        files::make_folder(&directory.tables())?;
        let care = Care { retention: options.retention, grace: options.grace };
        let backend = Arc::new(DeltaBackend::new(directory.clone(), care));
        Self::with_backend(options, clock, backend)
    }

    /// The same with tables kept by `backend`.
    ///
    /// # Errors
    /// Where the directory cannot be made, or the system gives no thread.
    pub fn with_backend(
        options: StoreOptions,
        clock: Arc<dyn Clock>,
        backend: Arc<dyn Backend>,
    ) -> Result<Arc<Self>> {
        let directory = DataDirectory::new(&options.directory);
        files::make_folder(directory.path())?;
        let health = Health { flushed: clock.monotonic(), ..Health::default() };
        let shared = Arc::new(Shared {
            tables: Tables::open(directory.path()),
            options,
            directory,
            clock,
            backend,
            inner: Mutex::new(Inner { health, ..Inner::default() }),
            changed: Condvar::new(),
        });
        let store = Self { shared: Arc::clone(&shared), threads: Mutex::default() };
        store.start("store", flush::run)?;
        if shared.options.maintain_every.is_some() {
            store.start("store-keeper", flush::keep)?;
        }
        Ok(Arc::new(store))
    }

    fn start(&self, name: &str, body: fn(&Shared, &tokio::runtime::Runtime)) -> Result<()> {
        let shared = Arc::clone(&self.shared);
        let runtime = runtime()?;
        let run = move || body(&shared, &runtime);
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(run).map_err(Error::Thread)?;
        lock(&self.threads).push(thread);
        Ok(())
    }

    /// Claims `universe` and gives the point that tables and spool hold everything up to; `None` to start from
    /// the beginning of the input: nothing is stored, the input came to its end before, or the checkpoint cannot
    /// be used. For sources that can be had again only.
    ///
    /// # Errors
    /// [`Error::Locked`] where another process writes the universe, or what its files cannot be read for.
    pub fn resume(&self, universe: &Universe) -> Result<Option<Checkpoint>> {
        let name = self.claim(universe, true)?;
        let mut inner = lock(&self.shared.inner);
        let Some(pending) = inner.pending.get_mut(&name) else { return Ok(None) };
        let checkpoint = pending.checkpoint();
        pending.events = checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.events.cast_signed());
        Ok(checkpoint)
    }

    /// Claims `universe` for a run that begins with the first input whatever an earlier one has reached. What the
    /// tables have already they leave out.
    ///
    /// # Errors
    /// As [`resume`](Self::resume).
    pub fn start_over(&self, universe: &Universe) -> Result<()> {
        let name = self.claim(universe, true)?;
        if let Some(pending) = lock(&self.shared.inner).pending.get_mut(&name) {
            pending.events = 0;
        }
        Ok(())
    }

    /// The commands of earlier runs of `universe`, and where those of this one are kept. Its [`writer`](Self::writer)
    /// comes first: it claims the universe.
    ///
    /// # Errors
    /// What the journal cannot be read or made for.
    pub fn commands(&self, universe: &Universe) -> Result<silverbullet_engine::CommandLog> {
        let folder = self.shared.directory.application(&universe.name, &universe.variant)?;
        let log = crate::journal::open(&folder.join("commands"))?;
        let inner = lock(&self.shared.inner);
        let name = application(&universe.name, &universe.variant);
        let stored = inner.pending.get(&name).and_then(|pending| {
            let spooled = pending.queue.iter().filter_map(|held| held.bar).max();
            pending.stored.get(&Table::Bars).copied().max(spooled)
        });
        Ok(silverbullet_engine::CommandLog { stored, ..log })
    }

    /// Claims `universe` and takes its rows. A run of a source that can be had again must have asked
    /// [`resume`](Self::resume) before, and go on from what that gave; or [`start_over`](Self::start_over).
    ///
    /// # Errors
    /// [`Error::Locked`] where another process writes the universe, or what its files cannot be read for; of a
    /// source that cannot be had again also what its tables cannot be read for.
    pub fn writer(
        &self,
        universe: &Universe,
        source: &SourceDescription,
        run_id: &str,
    ) -> Result<StoreWriter> {
        let name = self.claim(universe, source.replayable)?;
        // Without replay, events are counted on from those that are there: a wrong count would have the tables
        // leave new ones out as known.
        let stored = match self.stored(&name) {
            Err(error) if source.replayable => {
                tracing::warn!(%error, "what is stored cannot be told yet");
                BTreeMap::new()
            }
            stored => stored?,
        };
        let mut inner = lock(&self.shared.inner);
        let pending = inner.pending.get_mut(&name).ok_or(Error::Closed)?;
        if !source.replayable {
            pending.events = pending.events.max(stored.get(&Table::Events).copied().unwrap_or(0));
        }
        pending.stored = stored;
        pending.replayable = source.replayable;
        pending.source.clone_from(&source.name);
        run_id.clone_into(&mut pending.run_id);
        let request = pending.request.clone();
        Ok(StoreWriter::new(Arc::clone(&self.shared), name, universe, run_id, request))
    }

    /// Records that a run starts, at once.
    pub fn start_run(&self, run: RunRow) {
        self.record_run(run);
    }

    /// Records that a run has ended: its row takes the place of the one from its start.
    pub fn end_run(&self, run: RunRow) {
        self.record_run(run);
    }

    fn record_run(&self, run: RunRow) {
        let mut inner = lock(&self.shared.inner);
        inner.runs.retain(|known| (&known.run_id, &known.universe) != (&run.run_id, &run.universe));
        inner.runs.push(run);
        inner.asked = true;
        self.shared.changed.notify_all();
    }

    /// Records the latency of an engine's stages, with the next flush. Lost by a crash.
    ///
    /// # Errors
    /// [`Error::Rows`], which no engine brings about.
    pub fn record_latency(&self, live: &LiveState) -> Result<()> {
        /// Batches kept while the tables cannot be written.
        const MOST: usize = 1_000;
        let batch = runs::latency(live, self.shared.clock.utc())?;
        let mut inner = lock(&self.shared.inner);
        if batch.num_rows() > 0 && inner.latency.len() < MOST {
            inner.latency.push(batch);
        }
        Ok(())
    }

    /// The reading side of the same directory.
    #[must_use]
    pub fn tables(&self) -> Tables {
        self.shared.tables.clone()
    }

    /// Writes to the tables what is pending, now, and waits until it is there.
    ///
    /// # Errors
    /// [`Error::Unfinished`] with the reason, where the tables cannot be written; [`Error::Lost`] where rows that
    /// waited on disk cannot be read any more.
    pub fn flush(&self) -> Result<()> {
        let mut inner = lock(&self.shared.inner);
        let retries = inner.health.retries;
        inner.asked = true;
        self.shared.changed.notify_all();
        while inner.has_work() && !inner.ended && inner.health.retries == retries {
            inner = self.shared.wait(inner);
        }
        inner.unfinished()
    }

    /// Writes everything that is pending and ends the threads. Waits for tables that cannot be written as long
    /// as the options say, or until [`abandon`](Self::abandon); what is left is in the spool, and the next start
    /// stores it.
    ///
    /// # Errors
    /// [`Error::Unfinished`] where something is left, [`Error::Lost`] where the next start must compute something
    /// again.
    pub fn close(&self) -> Result<()> {
        let shared = &self.shared;
        let begun = shared.clock.monotonic();
        let mut said = begun;
        let mut inner = lock(&shared.inner);
        inner.closing = true;
        shared.changed.notify_all();
        while !inner.ended {
            let now = shared.clock.monotonic();
            if now - said >= 5 * silverbullet_market::SECOND {
                said = now;
                tracing::info!(rows = inner.rows(), reason = inner.reason(), "still storing what is pending");
            }
            if now - begun > shared.options.patience && inner.health.tables.is_some() {
                inner.abandoned = true;
            }
            inner = shared.wait(inner);
        }
        let outcome = inner.unfinished();
        drop(inner);
        for thread in std::mem::take(&mut *lock(&self.threads)) {
            // A thread that panicked has left what it could not do, which the outcome tells.
            let _ = thread.join();
        }
        lock(&shared.inner).pending.clear();
        outcome
    }

    /// Gives up waiting: [`close`](Self::close) returns, and what is pending stays in the spool.
    pub fn abandon(&self) {
        lock(&self.shared.inner).abandoned = true;
        self.shared.changed.notify_all();
    }

    /// Takes the lock of a universe and what an earlier run has left.
    fn claim(&self, universe: &Universe, replayable: bool) -> Result<String> {
        let name = application(&universe.name, &universe.variant);
        let mut inner = lock(&self.shared.inner);
        if inner.closing {
            return Err(Error::Closed);
        }
        if inner.pending.contains_key(&name) {
            return Ok(name);
        }
        let shared = inner.pending.values().find(|pending| pending.universe == universe.name);
        let held = match shared {
            Some(pending) => Arc::clone(&pending._lock),
            None => Arc::new(Lock::take(&self.shared.directory, &universe.name)?),
        };
        let directory = &self.shared.directory;
        let pending = Pending::recover(directory, held, &universe.name, &universe.variant, replayable)?;
        inner.pending.insert(name.clone(), pending);
        Ok(name)
    }

    /// What the tables hold of an application.
    fn stored(&self, application: &str) -> Result<BTreeMap<Table, i64>> {
        let runtime = runtime()?;
        let mut stored = BTreeMap::new();
        for table in Table::RESULTS {
            let version = runtime.block_on(self.shared.backend.stored(table, application))?;
            stored.extend(version.map(|version| (table, version)));
        }
        Ok(stored)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // Without close: what is pending stays in the spool.
        self.abandon();
    }
}

impl Shared {
    /// Waits for a change, not for long.
    pub(crate) fn wait<'a>(&self, inner: MutexGuard<'a, Inner>) -> MutexGuard<'a, Inner> {
        match self.changed.wait_timeout(inner, NAP) {
            Ok((inner, _)) => inner,
            Err(poisoned) => poisoned.into_inner().0,
        }
    }

    pub(crate) fn now(&self) -> Time {
        Time(self.clock.utc())
    }
}

impl Inner {
    pub(crate) fn rows(&self) -> usize {
        self.pending.values().map(Pending::rows).sum()
    }

    /// Whether a writer has no room.
    pub(crate) fn is_full(&self) -> bool {
        self.pending.values().any(|pending| pending.full.is_some())
    }

    /// Whether anything waits to be stored, or is being stored.
    pub(crate) fn has_work(&self) -> bool {
        let waits = |pending: &Pending| !pending.queue.is_empty() || pending.lost.is_some();
        self.storing || self.pending.values().any(waits) || !self.runs.is_empty() || !self.latency.is_empty()
    }

    fn reason(&self) -> &str {
        self.health.tables.as_ref().map_or("", |(reason, _)| reason.as_str())
    }

    fn unfinished(&self) -> Result<()> {
        if !self.has_work() {
            return self.pending.values().try_for_each(Pending::check);
        }
        let reason = match self.reason() {
            "" => "the store was stopped".to_owned(),
            reason => reason.to_owned(),
        };
        Err(Error::Unfinished { rows: self.rows() as u64, reason })
    }
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::Thread)
}
