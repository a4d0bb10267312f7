//! How a store is doing, for people and for `/readyz`.

use serde::Serialize;
use silverbullet_engine::durable::rows::Time;

use crate::pending::{Pending, lock};
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

/// How a store is doing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct StoreState {
    /// In one word.
    pub status: Status,
    /// What went wrong last and what to do about it, while it goes wrong.
    pub reason: Option<String>,
    /// Since when it has been going wrong.
    pub since: Option<Time>,
    /// Rows that the tables do not hold yet.
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
}

impl Store {
    /// How it is doing.
    #[must_use]
    pub fn state(&self) -> StoreState {
        let now = self.shared.clock.monotonic();
        let inner = lock(&self.shared.inner);
        let pending = || inner.pending.values();
        let rows: usize = pending().map(Pending::rows).sum();
        let health = &inner.health;
        let failed = pending().find_map(|pending| pending.failed.as_ref());
        let wrong = failed.or(health.tables.as_ref()).or(health.spool.as_ref());
        let full = pending().filter_map(|pending| pending.full).min();
        let late = 3 * self.shared.options.flush_every;
        let status = match (full, wrong) {
            (Some(_), _) => Status::Full,
            (None, Some(_)) => Status::Failing,
            (None, None) if rows > 0 && now - health.flushed > late => Status::Behind,
            (None, None) => Status::Ok,
        };
        StoreState {
            status,
            reason: wrong.map(|(reason, _)| reason.clone()),
            since: wrong.map(|(_, since)| *since).or(full),
            pending_rows: rows as u64,
            pending_bytes: pending().map(Pending::memory).sum::<usize>() as u64,
            spool_bytes: pending()
                .flat_map(|pending| pending.queue.iter().filter_map(|held| held.spooled.as_ref()))
                .map(|spooled| spooled.bytes)
                .sum(),
            last_commit: health.last_commit.map(Time),
            commits: health.commits,
            retries: health.retries,
            dropped_rows: health.dropped_rows,
        }
    }
}
