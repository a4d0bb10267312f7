//! The writing side of a data directory, one a process.
//!
//! ```text
//! engine ──rows, cuts──► StoreWriter ──parcel──► spool ──┐
//!                             └────────in memory─────────┼──► flusher of a place ──one commit each──► tables ──┐
//!                                                        └──► flusher of another ──────────────────► tables ──┴──► checkpoint
//!                                                             keeper ──compaction, retention──► tables
//! ```
//! A flush writes every table of a place; what all places hold moves the checkpoint on, and then leaves the spool: at
//! any moment the tables of each place and the spool together hold everything up to the checkpoint, and what is handed
//! over twice is left out by the tables.

use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use silverbullet_engine::Checkpoint;
use silverbullet_engine::LiveState;
use silverbullet_engine::durable::rows::Time;
use silverbullet_market::{Clock, SourceDescription, Universe};

use crate::backend::Backend;
use crate::directory::DataDirectory;
use crate::error::{Error, Result};
use crate::files;
use crate::flush;
use crate::inner::Inner;
use crate::lock::Lock;
use crate::options::StoreOptions;
use crate::parcel::application;
use crate::pending::{Pending, lock};
use crate::places::{self, Known, Place, Work};
#[cfg(feature = "delta")]
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
    pub(crate) places: Vec<Place>,
    pub(crate) inner: Mutex<Inner>,
    /// Something to do, or something done.
    pub(crate) changed: Condvar,
    /// Held while what is stored is let go of.
    pub(crate) settling: Mutex<()>,
    #[cfg(feature = "delta")]
    tables: Tables,
}

impl Store {
    /// Opens a data directory, which is made where it is missing, with tables kept by `backend`, and starts the
    /// threads.
    ///
    /// # Errors
    /// Where the directory cannot be made, or the system gives no thread.
    pub fn with_backend(
        options: StoreOptions,
        clock: Arc<dyn Clock>,
        backend: Arc<dyn Backend>,
    ) -> Result<Arc<Self>> {
        let name = options.directory.display().to_string();
        Self::with_places(options, clock, vec![Place { name, backend }])
    }

    /// The same with tables kept in each of `places`.
    ///
    /// # Errors
    /// [`Error::Nowhere`] where there is no place; where the directory cannot be made, or the system gives no thread.
    pub fn with_places(
        options: StoreOptions,
        clock: Arc<dyn Clock>,
        places: Vec<Place>,
    ) -> Result<Arc<Self>> {
        if places.is_empty() {
            return Err(Error::Nowhere);
        }
        let directory = DataDirectory::new(&options.directory);
        files::make_folder(directory.path())?;
        let flushed = clock.monotonic();
        let work = places.iter().map(|_| Work { flushed, ..Work::default() }).collect();
        let shared = Arc::new(Shared {
            #[cfg(feature = "delta")]
            tables: Tables::open(directory.path()),
            options,
            directory,
            clock,
            places,
            inner: Mutex::new(Inner { places: work, ..Inner::default() }),
            changed: Condvar::new(),
            settling: Mutex::default(),
        });
        let store = Self { shared: Arc::clone(&shared), threads: Mutex::default() };
        for place in 0..shared.places.len() {
            store.start("store", move |shared, runtime| flush::run(shared, place, runtime))?;
        }
        store.start("store-cuts", flush::cut)?;
        if shared.options.maintain_every.is_some() {
            store.start("store-keeper", flush::keep)?;
        }
        Ok(Arc::new(store))
    }

    fn start(
        &self,
        name: &str,
        body: impl FnOnce(&Shared, &tokio::runtime::Runtime) + Send + 'static,
    ) -> Result<()> {
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
            pending.reached_bar.max(spooled)
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
        let known = self.known(&name)?;
        // Without replay, events are counted on from those that are there: a wrong count would have the tables
        // leave new ones out as known.
        let counted = if source.replayable { None } else { self.counted(&name)? };
        let mut inner = lock(&self.shared.inner);
        let pending = inner.pending.get_mut(&name).ok_or(Error::Closed)?;
        pending.events = pending.events.max(counted.unwrap_or(0));
        pending.stored = known.by_all;
        pending.reached_bar = known.bar;
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
        for work in &mut inner.places {
            work.runs.retain(|known| (&known.run_id, &known.universe) != (&run.run_id, &run.universe));
            work.runs.push(run.clone());
        }
        inner.ask();
        self.shared.changed.notify_all();
    }

    /// Records the latency of an engine's stages, with the next flush. Lost by a crash.
    ///
    /// # Errors
    /// [`Error::Rows`], which no engine brings about.
    pub fn record_latency(&self, live: &LiveState) -> Result<()> {
        /// Batches kept while the tables of a place cannot be written.
        const MOST: usize = 1_000;
        let batch = runs::latency(live, self.shared.clock.utc())?;
        let mut inner = lock(&self.shared.inner);
        for work in &mut inner.places {
            if batch.num_rows() > 0 && work.latency.len() < MOST {
                work.latency.push(batch.clone());
            }
        }
        Ok(())
    }

    /// The reading side of the Delta tables in the same directory.
    #[cfg(feature = "delta")]
    #[must_use]
    pub fn tables(&self) -> Tables {
        self.shared.tables.clone()
    }

    /// Writes to the tables of all places what is pending, now, and waits until it is there, or each place that
    /// lacks it has failed.
    ///
    /// # Errors
    /// [`Error::Unfinished`] with the reason, where the tables cannot be written; [`Error::Lost`] where rows that
    /// waited on disk cannot be read any more.
    pub fn flush(&self) -> Result<()> {
        let mut inner = lock(&self.shared.inner);
        let retries: Vec<u64> = inner.places.iter().map(|work| work.retries).collect();
        inner.ask();
        self.shared.changed.notify_all();
        let tries = |inner: &Inner| {
            let place = |at: usize| &inner.places[at];
            (0..retries.len())
                .any(|at| inner.works(at) && !place(at).ended && place(at).retries == retries[at])
        };
        while tries(&inner) {
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
        while !inner.ended() {
            let now = shared.clock.monotonic();
            if now - said >= 5 * silverbullet_market::SECOND {
                said = now;
                tracing::info!(rows = inner.rows(), reason = inner.reason(), "still storing what is pending");
            }
            let failing = inner.places.iter().any(|work| work.failing.is_some());
            if failing && now - begun > shared.options.patience {
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
        let (places, variant) = (self.shared.places.len(), &universe.variant);
        let pending = Pending::recover(directory, held, &universe.name, variant, replayable, places)?;
        inner.pending.insert(name.clone(), pending);
        Ok(name)
    }

    /// What the places hold of an application. One that cannot tell keeps nobody from starting.
    fn known(&self, application: &str) -> Result<Known> {
        let runtime = runtime()?;
        let ask = |place: &Place| match runtime.block_on(places::stored(place, application)) {
            Ok(stored) => Some(stored),
            Err(error) => {
                tracing::warn!(place = place.name, %error, "what is stored cannot be told yet");
                None
            }
        };
        Ok(Known::of(&self.shared.places.iter().map(ask).collect::<Vec<_>>()))
    }

    /// The number of the last event that any place would take for known.
    fn counted(&self, application: &str) -> Result<Option<i64>> {
        let runtime = runtime()?;
        let ask = |place: &Place| runtime.block_on(place.backend.counted(Table::Events, application));
        let counted = self.shared.places.iter().map(ask).collect::<Result<Vec<_>>>()?;
        Ok(counted.into_iter().flatten().max())
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

fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::Thread)
}
