//! How a store is doing, for people and for `/readyz`.

use std::collections::BTreeMap;

use serde::Serialize;
use silverbullet_engine::durable::rows::Time;

use crate::inner::Inner;
use crate::pending::{Pending, lock};
use crate::places::{Place, Work};
use crate::store::Store;

/// Whether rows reach the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// They do, in time.
    #[default]
    Ok,
    /// They do, later than they should.
    Behind,
    /// They do not; it is tried again.
    Failing,
    /// They do not, and there is no more room for those that wait.
    Full,
}

/// How it goes with one place that keeps the tables.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct PlaceState {
    /// Its name: `Cassandra`, or the data directory.
    pub name: String,
    /// What went wrong there last and what to do about it, while it goes wrong.
    pub reason: Option<String>,
    /// Since when it has been going wrong.
    pub since: Option<Time>,
    /// Rows that its tables do not hold yet.
    pub pending_rows: u64,
    /// When rows last reached its tables.
    pub last_commit: Option<Time>,
    /// How many times they did.
    pub commits: u64,
    /// How many attempts failed.
    pub retries: u64,
    /// What is counted of its requests since it was connected to, by name; nothing where there are none.
    pub driver: BTreeMap<&'static str, u64>,
}

/// How a store is doing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct StoreState {
    /// In one word.
    pub status: Status,
    /// What went wrong last and what to do about it, while it goes wrong.
    pub reason: Option<String>,
    /// Since when it has been going wrong.
    pub since: Option<Time>,
    /// Rows that the tables of some place do not hold yet.
    pub pending_rows: u64,
    /// What they take in memory, in bytes.
    pub pending_bytes: u64,
    /// What they take on disk, in bytes.
    pub spool_bytes: u64,
    /// When rows last reached the tables.
    pub last_commit: Option<Time>,
    /// How many times they did.
    pub commits: u64,
    /// How many attempts failed.
    pub retries: u64,
    /// Rows given up for want of room or because they could not be read again, of sources that cannot wait; a `gap` in `events` tells of each stretch.
    pub dropped_rows: u64,
    /// The places one by one.
    pub places: Vec<PlaceState>,
}

impl Store {
    /// How it is doing.
    #[must_use]
    pub fn state(&self) -> StoreState {
        let now = self.shared.clock.monotonic();
        // Before the lock, which those who hand rows over wait for: percentiles take a while.
        let drivers = self.shared.places.iter().map(|place| place.backend.counts()).collect();
        let inner = lock(&self.shared.inner);
        let pending = || inner.pending.values();
        let rows: usize = pending().map(Pending::rows).sum();
        let places = self.places(&inner, drivers);
        let failed = pending().find_map(|pending| pending.failed.as_ref());
        let spool = || inner.spool.clone();
        let wrong = failed.cloned().or_else(|| away(&inner)).or_else(spool);
        let full = pending().filter_map(|pending| pending.full).min();
        let late = 3 * self.shared.options.flush_every;
        let behind =
            |(place, work): (&PlaceState, &Work)| place.pending_rows > 0 && now - work.flushed > late;
        let status = match (full, &wrong) {
            (Some(_), _) => Status::Full,
            (None, Some(_)) => Status::Failing,
            (None, None) if places.iter().zip(&inner.places).any(behind) => Status::Behind,
            (None, None) => Status::Ok,
        };
        StoreState {
            status,
            since: wrong.as_ref().map(|(_, since)| *since).or(full),
            reason: wrong.map(|(reason, _)| reason),
            pending_rows: rows as u64,
            pending_bytes: pending().map(Pending::memory).sum::<usize>() as u64,
            spool_bytes: pending()
                .flat_map(|pending| pending.queue.iter().filter_map(|held| held.spooled.as_ref()))
                .map(|spooled| spooled.bytes)
                .sum(),
            last_commit: places.iter().filter_map(|place| place.last_commit).max(),
            commits: places.iter().map(|place| place.commits).sum(),
            retries: places.iter().map(|place| place.retries).sum(),
            dropped_rows: inner.dropped_rows,
            places,
        }
    }

    fn places(&self, inner: &Inner, drivers: Vec<BTreeMap<&'static str, u64>>) -> Vec<PlaceState> {
        let state = |(at, ((place, work), driver)): (usize, ((&Place, &Work), _))| PlaceState {
            name: place.name.clone(),
            reason: work.failing.as_ref().map(|(reason, _)| reason.clone()),
            since: work.failing.as_ref().map(|(_, since)| *since),
            pending_rows: inner.rows_for(at) as u64,
            last_commit: work.last_commit.map(Time),
            commits: work.commits,
            retries: work.retries,
            driver,
        };
        self.shared.places.iter().zip(&inner.places).zip(drivers).enumerate().map(state).collect()
    }
}

/// Why rows do not reach the tables of some places, and since when.
fn away(inner: &Inner) -> Option<(String, Time)> {
    let since = inner.places.iter().filter_map(|work| Some(work.failing.as_ref()?.1)).min()?;
    Some((inner.reason()?, since))
}
