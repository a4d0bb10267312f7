//! The store's threads: one writes what is pending to the tables, the other looks after the tables.

use std::sync::Arc;

use silverbullet_market::{Nanos, SECOND};
use tokio::runtime::Runtime;

use crate::backend::{Numbered, Numbers};
use crate::error::Result;
use crate::failpoints::point;
use crate::files;
use crate::load::{Load, give_back, load};
use crate::parcel::{Parcel, application};
use crate::pending::{Held, lock};
use crate::schema::Table;
use crate::spool::Spooled;
use crate::store::{Inner, Shared};

/// Longest time between two attempts.
const LONGEST_PAUSE: Nanos = 5 * SECOND;
/// Time before the first repeated attempt.
const FIRST_PAUSE: Nanos = SECOND / 5;
/// Most parts of the rows wanted for a flush that go into one commit.
const MOST_FLUSHES: usize = 4;

/// Writes what is pending, until the store is closed.
pub(crate) fn run(shared: &Shared, runtime: &Runtime) {
    let _ended = Ended(shared);
    let mut cut = shared.clock.monotonic();
    let mut retry_at = Nanos::MIN;
    loop {
        let mut inner = lock(&shared.inner);
        let now = shared.clock.monotonic();
        if now - cut >= shared.options.spool_every {
            cut = now;
            inner.pending.values().for_each(|pending| pending.request.raise());
        }
        if inner.abandoned || (inner.closing && !inner.has_work()) {
            return;
        }
        if !inner.has_work() {
            inner.asked = false;
            inner.health.flushed = now;
        }
        let wanted = inner.closing || inner.asked;
        let enough = inner.rows() >= shared.options.flush_rows || inner.is_full();
        let due = wanted || enough || now - inner.health.flushed >= shared.options.flush_every;
        if !due || !inner.has_work() || (now < retry_at && now >= retry_at - LONGEST_PAUSE) {
            drop(shared.wait(inner));
            continue;
        }
        inner.health.flushed = now;
        inner.storing = true;
        drop(inner);
        let outcome = flush(shared, runtime);
        let mut inner = lock(&shared.inner);
        inner.storing = false;
        match outcome {
            Ok(()) => {
                inner.health.failures = 0;
                inner.health.tables = None;
                inner.pending.values_mut().for_each(|pending| pending.full = None);
                inner.health.commits += 1;
                inner.health.last_commit = Some(shared.clock.utc());
                inner.asked = inner.asked && inner.has_work();
                retry_at = Nanos::MIN;
            }
            Err(error) => {
                let pause = pause(inner.health.failures, shared.options.seed ^ inner.health.retries);
                tracing::warn!(%error, pause_ms = pause / 1_000_000, "the tables cannot be written; it is tried again");
                let since = inner.health.tables.take().map_or_else(|| shared.now(), |(_, since)| since);
                let folder = shared.directory.path().display();
                inner.health.tables = Some((format!("results cannot be stored in {folder}: {error}"), since));
                inner.health.failures += 1;
                inner.health.retries += 1;
                retry_at = shared.clock.monotonic() + pause;
            }
        }
        drop(inner);
        shared.changed.notify_all();
    }
}

/// Looks after the tables, until the store is closed.
pub(crate) fn keep(shared: &Shared, runtime: &Runtime) {
    let every = shared.options.maintain_every.unwrap_or(Nanos::MAX);
    let mut last = shared.clock.monotonic();
    loop {
        let inner = lock(&shared.inner);
        if inner.abandoned || inner.closing || inner.ended {
            return;
        }
        let now = shared.clock.monotonic();
        if now - last < every {
            drop(shared.wait(inner));
            continue;
        }
        drop(inner);
        last = now;
        match runtime.block_on(shared.backend.maintain(shared.clock.utc())) {
            Ok(done) => tracing::debug!(?done, "looked after the tables"),
            Err(error) => tracing::warn!(%error, "the tables cannot be tidied; it is tried again"),
        }
    }
}

/// Says that the flusher has ended, however it did.
struct Ended<'a>(&'a Shared);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        let mut inner = lock(&self.0.inner);
        inner.ended = true;
        if std::thread::panicking() {
            let reason = "the thread that stores rows has failed; this is a fault of the program".to_owned();
            inner.health.tables = Some((reason, self.0.now()));
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

/// Writes what is pending now: results first, then what may be lost.
fn flush(shared: &Shared, runtime: &Runtime) -> Result<()> {
    let loads: Vec<Load> = {
        let mut inner = lock(&shared.inner);
        let most = MOST_FLUSHES.saturating_mul(shared.options.flush_rows);
        let waiting = inner
            .pending
            .iter_mut()
            .filter(|(_, pending)| !pending.queue.is_empty() || pending.lost.is_some());
        waiting.map(|(name, pending)| load(name, pending, most)).collect::<Result<_>>()?
    };
    let mut outcome = Ok(());
    for mut load in loads {
        let stored = load.read(shared).and_then(|parcels| store(shared, runtime, &load, &parcels));
        let mut inner = lock(&shared.inner);
        match stored {
            Ok(stored) => settle(&mut inner, &load, stored),
            Err(error) => {
                if let Some(pending) = inner.pending.get_mut(&load.name) {
                    give_back(pending, load.lost);
                }
                outcome = Err(error);
            }
        }
        drop(inner);
        shared.changed.notify_all();
    }
    // One universe that cannot be stored keeps nothing else from being stored.
    let recorded = record(shared, runtime);
    outcome.and(recorded)
}

/// What the tables hold after a flush.
struct Stored {
    bar: Option<i64>,
    events: Option<i64>,
}

/// Writes one universe's parcels: every table, then the checkpoint, then nothing is left in the spool.
fn store(shared: &Shared, runtime: &Runtime, load: &Load, parcels: &[Arc<Parcel>]) -> Result<Stored> {
    // The greatest, not the last: numbers fall where an input is begun anew behind what an earlier run has left.
    let bar = parcels.iter().filter_map(|parcel| parcel.bar).max();
    let gap = load.gap.as_ref().map(|(_, ordinal)| *ordinal);
    let events = gap.max(parcels.iter().map(|parcel| parcel.events_after()).max());
    let name = application(&load.universe, &load.variant);
    for table in Table::RESULTS {
        let mut rows: Vec<Numbered> =
            parcels.iter().filter_map(|parcel| Numbered::of(parcel, table)).collect();
        if let (Table::Events, Some((batch, ordinal))) = (table, &load.gap) {
            rows.push(Numbered { batch: batch.clone(), numbers: Numbers::After(ordinal - 1) });
        }
        let version = if table == Table::Events { events } else { bar };
        if let (Some(version), false) = (version, rows.is_empty()) {
            runtime.block_on(shared.backend.append(table, &rows, &name, version))?;
        }
    }
    if let Some(last) = parcels.last() {
        write_checkpoint(load, &last.checkpoint)?;
    }
    // What was spooled meanwhile of these parcels is known only now.
    let spooled: Vec<Spooled> = {
        let inner = lock(&shared.inner);
        let queue = inner.pending.get(&load.name).map(|pending| &pending.queue);
        let of_load = |held: &&Held| load.held.iter().any(|mine| mine.number == held.number);
        queue.into_iter().flatten().filter(of_load).filter_map(|held| held.spooled.clone()).collect()
    };
    lock(&load.spool).delete(&spooled)?;
    Ok(Stored { bar, events })
}

fn write_checkpoint(load: &Load, checkpoint: &[u8]) -> Result<()> {
    point!("checkpoint-before-write");
    files::write_whole(&load.folder.join("checkpoint"), checkpoint)?;
    point!("checkpoint-after-write");
    Ok(())
}

fn settle(inner: &mut Inner, load: &Load, stored: Stored) {
    let Some(pending) = inner.pending.get_mut(&load.name) else { return };
    pending.queue.retain(|held| !load.held.iter().any(|done| done.number == held.number));
    for table in Table::RESULTS {
        let version = if table == Table::Events { stored.events } else { stored.bar };
        if let Some(version) = version {
            let known = pending.stored.entry(table).or_insert(version);
            *known = version.max(*known);
        }
    }
}

/// Writes runs and latency.
fn record(shared: &Shared, runtime: &Runtime) -> Result<()> {
    let (runs, latency) = {
        let inner = lock(&shared.inner);
        (inner.runs.clone(), inner.latency.clone())
    };
    for run in &runs {
        runtime.block_on(shared.backend.replace_run(&run.batch()?))?;
        lock(&shared.inner).runs.retain(|waiting| waiting != run);
    }
    if let [first, ..] = latency.as_slice() {
        let batch = arrow::compute::concat_batches(&first.schema(), &latency);
        let batch = batch.map_err(|source| crate::batches::refused(Table::Latency, source))?;
        runtime.block_on(shared.backend.record(Table::Latency, &batch))?;
        lock(&shared.inner).latency.drain(..latency.len());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_five_seconds_and_are_spread() {
        assert!((0..100).all(|seed| pause(0, seed) <= FIRST_PAUSE && pause(0, seed) >= FIRST_PAUSE * 3 / 4));
        assert!(
            (0..100).all(|seed| pause(30, seed) <= LONGEST_PAUSE && pause(30, seed) >= LONGEST_PAUSE * 3 / 4)
        );
        assert_ne!(pause(30, 1), pause(30, 2));
    }
}
