//! The store's threads: one for each place writes what is pending to its tables, another asks for cuts, and another
//! looks after the tables.

use std::sync::Arc;
use std::time::Duration;

use silverbullet_engine::durable::rows::Time;
use silverbullet_market::{Nanos, SECOND};
use tokio::runtime::Runtime;

use crate::backend::Numbered;
use crate::error::{Error, Result};
use crate::load::{Load, load};
use crate::parcel::{Parcel, application};
use crate::pending::lock;
use crate::places::Work;
use crate::schema::Table;
use crate::settle::settle;
use crate::store::{NAP, Shared};

/// Longest time between two attempts.
const LONGEST_PAUSE: Nanos = 5 * SECOND;
/// Time before the first repeated attempt.
const FIRST_PAUSE: Nanos = SECOND / 5;
/// Most parts of the rows wanted for a flush that go into one commit.
const MOST_FLUSHES: usize = 4;

/// How long what is under way may still take when nobody waits any more: a commit of Delta is done by then, and a
/// database that does not answer keeps nobody from going home.
const LAST_CALL: Duration = Duration::from_secs(2);

/// Brings one place what waits for it, until the store is closed.
pub(crate) fn run(shared: &Shared, place: usize, runtime: &Runtime) {
    let _ended = Ended(shared, place);
    let mut retry_at = Nanos::MIN;
    loop {
        let mut inner = lock(&shared.inner);
        let now = shared.clock.monotonic();
        if inner.abandoned || (inner.closing && !inner.has_work()) {
            return;
        }
        let waits = inner.waits(place);
        let enough = inner.rows_for(place) >= shared.options.flush_rows || inner.is_full();
        let closing = inner.closing;
        let work = &mut inner.places[place];
        if !waits {
            work.asked = false;
            work.flushed = now;
        }
        let due = closing || work.asked || enough || now - work.flushed >= shared.options.flush_every;
        if !due || !waits || (now < retry_at && now >= retry_at - LONGEST_PAUSE) {
            drop(shared.wait(inner));
            continue;
        }
        work.flushed = now;
        work.storing = true;
        drop(inner);
        let outcome = flush(shared, place, runtime);
        let mut inner = lock(&shared.inner);
        inner.places[place].storing = false;
        retry_at = match outcome {
            Ok(()) => {
                let waits = inner.waits(place);
                inner.places[place].succeeded(shared.clock.utc(), waits);
                Nanos::MIN
            }
            Err(reason) => {
                let work = &mut inner.places[place];
                let pause = pause(work.failures, shared.options.seed ^ work.retries ^ ((place as u64) << 32));
                tracing::warn!(reason, pause_ms = pause / 1_000_000, "rows wait; it is tried again");
                work.failed(reason, shared.now());
                shared.clock.monotonic() + pause
            }
        };
        drop(inner);
        shared.changed.notify_all();
    }
}

impl Work {
    fn succeeded(&mut self, now: Nanos, waits: bool) {
        self.failures = 0;
        self.failing = None;
        self.commits += 1;
        self.last_commit = Some(now);
        self.asked = self.asked && waits;
    }

    fn failed(&mut self, reason: String, now: Time) {
        let since = self.failing.take().map_or(now, |(_, since)| since);
        self.failing = Some((reason, since));
        self.failures += 1;
        self.retries += 1;
    }
}

/// Asks writers for a cut from time to time, so that what is final goes to the spool however long a place takes.
pub(crate) fn cut(shared: &Shared, _: &Runtime) {
    let mut last = shared.clock.monotonic();
    loop {
        let inner = lock(&shared.inner);
        if inner.abandoned || inner.ended() {
            return;
        }
        let now = shared.clock.monotonic();
        if now - last >= shared.options.spool_every {
            last = now;
            inner.pending.values().for_each(|pending| pending.request.raise());
        }
        drop(shared.wait(inner));
    }
}

/// Looks after the tables, until the store is closed.
pub(crate) fn keep(shared: &Shared, runtime: &Runtime) {
    let every = shared.options.maintain_every.unwrap_or(Nanos::MAX);
    let mut last = shared.clock.monotonic();
    loop {
        let inner = lock(&shared.inner);
        if inner.abandoned || inner.closing || inner.ended() {
            return;
        }
        let now = shared.clock.monotonic();
        if now - last < every {
            drop(shared.wait(inner));
            continue;
        }
        drop(inner);
        last = now;
        for place in &shared.places {
            match runtime.block_on(place.backend.maintain(shared.clock.utc())) {
                Ok(done) => tracing::debug!(place = place.name, ?done, "looked after the tables"),
                Err(error) => {
                    tracing::warn!(place = place.name, %error, "the tables cannot be tidied; it is tried again");
                }
            }
        }
    }
}

/// Says that the thread of a place has ended, however it did.
struct Ended<'a>(&'a Shared, usize);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        let mut inner = lock(&self.0.inner);
        let work = &mut inner.places[self.1];
        work.ended = true;
        if std::thread::panicking() {
            let reason = "the thread that stores rows has failed; this is a fault of the program".to_owned();
            work.failing = Some((reason, self.0.now()));
        }
        drop(inner);
        self.0.changed.notify_all();
    }
}

/// How long to wait after `failures` failures: doubled each time, spread by up to a quarter either way.
fn pause(failures: u32, seed: u64) -> Nanos {
    let longest = FIRST_PAUSE.saturating_mul(1 << failures.min(10)).min(LONGEST_PAUSE);
    // SplitMix64's finaliser: consecutive seeds give unrelated numbers.
    let mut mixed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let share = (mixed >> 40) as f64 / (1_u64 << 24) as f64;
    ((longest as f64 * (0.75 + share / 4.0)) as Nanos).min(LONGEST_PAUSE)
}

/// Brings a place what waits for it now: results first, then what may be lost. What cannot be stored keeps nothing
/// else from being stored; the first of the reasons comes back.
fn flush(shared: &Shared, place: usize, runtime: &Runtime) -> std::result::Result<(), String> {
    let folder = shared.directory.path().display();
    let names: Vec<&str> = shared.places.iter().map(|place| place.name.as_str()).collect();
    let mut outcome = Ok(());
    let mut loads = Vec::new();
    let most = MOST_FLUSHES.saturating_mul(shared.options.flush_rows);
    let mut inner = lock(&shared.inner);
    for (name, pending) in inner.pending.iter_mut().filter(|(_, pending)| pending.waits_for(place)) {
        outcome = outcome.and(pending.tell(&names).map_err(|error| cannot(&folder, &error)));
        loads.push(load(name, pending, place, most));
    }
    drop(inner);
    for mut load in loads {
        let name = &shared.places[place].name;
        let stored = load.read(shared).map_err(|error| cannot(&folder, &error)).and_then(|parcels| {
            append(shared, place, runtime, &load, &parcels).map_err(|error| cannot(name, &error))?;
            settle(shared, place, &load, &parcels).map_err(|error| cannot(&folder, &error))
        });
        outcome = outcome.and(stored);
        shared.changed.notify_all();
    }
    let recorded = record(shared, place, runtime);
    outcome.and(recorded.map_err(|error| cannot(&shared.places[place].name, &error)))
}

/// The reason as people are told it.
fn cannot(place: impl std::fmt::Display, error: &Error) -> String {
    format!("results cannot be stored in {place}: {error}")
}

/// The outcome of `work`; nothing where the store is abandoned before it is done.
fn unless_abandoned(
    shared: &Shared,
    runtime: &Runtime,
    work: impl Future<Output = Result<()>>,
) -> Result<()> {
    let abandoned = async {
        while !lock(&shared.inner).abandoned {
            tokio::time::sleep(NAP).await;
        }
        tokio::time::sleep(LAST_CALL).await;
    };
    runtime.block_on(async {
        tokio::select! {
            outcome = work => outcome,
            () = abandoned => Err(Error::Closed),
        }
    })
}

/// Adds one universe's parcels to the tables of a place. A table that fails keeps no other waiting, except that what
/// was decided, which is among the events, is safe before the rows that follow from it.
fn append(
    shared: &Shared,
    place: usize,
    runtime: &Runtime,
    load: &Load,
    parcels: &[Arc<Parcel>],
) -> Result<()> {
    let backend = &shared.places[place].backend;
    // The greatest, not the last: numbers fall where an input is begun anew behind what an earlier run has left.
    let bar = parcels.iter().filter_map(|parcel| parcel.bar).max();
    let events = parcels.iter().map(|parcel| parcel.events_after()).max();
    let name = application(&load.universe, &load.variant);
    let mut outcome = Ok(());
    for table in Table::RESULTS {
        let rows: Vec<Numbered> = parcels.iter().filter_map(|parcel| Numbered::of(parcel, table)).collect();
        let version = if table == Table::Events { events } else { bar };
        let (Some(version), false) = (version, rows.is_empty()) else { continue };
        let stored = unless_abandoned(shared, runtime, backend.append(table, &rows, &name, version));
        if table == Table::Events {
            stored?;
        } else {
            outcome = outcome.and(stored);
        }
    }
    outcome
}

/// Writes runs and latency.
fn record(shared: &Shared, place: usize, runtime: &Runtime) -> Result<()> {
    let backend = &shared.places[place].backend;
    let (runs, latency) = {
        let inner = lock(&shared.inner);
        (inner.places[place].runs.clone(), inner.places[place].latency.clone())
    };
    let mut outcome = Ok(());
    for run in &runs {
        let replaced =
            run.batch().and_then(|row| unless_abandoned(shared, runtime, backend.replace_run(&row)));
        if replaced.is_ok() {
            lock(&shared.inner).places[place].runs.retain(|waiting| waiting != run);
        }
        outcome = outcome.and(replaced);
    }
    if let [first, ..] = latency.as_slice() {
        let batch = arrow::compute::concat_batches(&first.schema(), &latency);
        let batch = batch.map_err(|source| crate::batches::refused(Table::Latency, source))?;
        let recorded = unless_abandoned(shared, runtime, backend.record(Table::Latency, &batch));
        if recorded.is_ok() {
            lock(&shared.inner).places[place].latency.drain(..latency.len());
        }
        outcome = outcome.and(recorded);
    }
    outcome
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::sync::Mutex;

    use arrow::array::RecordBatch;
    use async_trait::async_trait;
    use silverbullet_engine::durable::rows::Time;
    use silverbullet_market::SystemClock;

    use super::*;
    use crate::backend::{Backend, Maintained};
    use crate::{Place, RunRow, Store, StoreOptions};

    /// Takes every other batch of latency, and no run.
    #[derive(Default)]
    struct Unwilling {
        asked: Mutex<Vec<usize>>,
    }

    #[async_trait]
    impl Backend for Unwilling {
        async fn stored(&self, _: Table, _: &str) -> Result<Option<i64>> {
            Ok(None)
        }

        async fn append(&self, _: Table, _: &[Numbered], _: &str, _: i64) -> Result<()> {
            Ok(())
        }

        async fn record(&self, _: Table, batch: &RecordBatch) -> Result<()> {
            let mut asked = lock(&self.asked);
            asked.push(batch.num_rows());
            if asked.len() % 2 == 1 { Err(Error::Closed) } else { Ok(()) }
        }

        async fn replace_run(&self, _: &RecordBatch) -> Result<()> {
            Err(Error::Nowhere)
        }

        async fn maintain(&self, _: Nanos) -> Result<Maintained> {
            Ok(Maintained::default())
        }
    }

    #[test]
    fn a_run_that_cannot_be_stored_does_not_keep_latency_waiting_which_is_stored_once() {
        let folder = tempfile::tempdir().unwrap();
        let backend = Arc::new(Unwilling::default());
        let place = Place { name: "there".to_owned(), backend: Arc::clone(&backend) as Arc<dyn Backend> };
        let options = StoreOptions { flush_every: Nanos::MAX, ..StoreOptions::new(folder.path()) };
        let store = Store::with_places(options, Arc::new(SystemClock), vec![place]).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let run = RunRow {
            run_id: "run".to_owned(),
            kind: "run".to_owned(),
            universe: "u".to_owned(),
            variant: "v".to_owned(),
            configuration: "{}".to_owned(),
            seed: 0,
            version: "1".to_owned(),
            source: "test".to_owned(),
            started: Time(1),
            ended: None,
            rows_in: None,
            rows_out: None,
        };
        let latency = run.batch().unwrap();
        {
            let mut inner = lock(&store.shared.inner);
            inner.places[0].runs.push(run);
            inner.places[0].latency.extend([latency.clone(), latency]);
        }
        let said: Vec<_> = (0..3).map(|_| record(&store.shared, 0, &runtime).unwrap_err()).collect();
        assert!(said.iter().all(|error| matches!(error, Error::Nowhere)), "{said:?}");
        assert_eq!(*lock(&backend.asked), [2, 2]);
        let inner = lock(&store.shared.inner);
        assert_eq!((inner.places[0].runs.len(), inner.places[0].latency.len()), (1, 0));
    }

    #[test]
    fn pauses_grow_to_five_seconds_and_are_spread() {
        assert!((0..100).all(|seed| pause(0, seed) <= FIRST_PAUSE && pause(0, seed) >= FIRST_PAUSE * 3 / 4));
        assert!(
            (0..100).all(|seed| pause(30, seed) <= LONGEST_PAUSE && pause(30, seed) >= LONGEST_PAUSE * 3 / 4)
        );
        assert_ne!(pause(30, 1), pause(30, 2));
    }
}
