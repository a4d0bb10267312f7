//! How a store is doing, for people and for `/readyz`.

use serde::Serialize;
use silverbullet_engine::durable::rows::Time;

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
    /// Rows given up for want of room, of sources that cannot wait; a `gap` in `events` tells of each stretch.
    pub dropped_rows: u64,
}
