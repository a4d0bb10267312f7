//! How a store runs; nothing here changes what the tables hold in the end.

use std::path::PathBuf;

use silverbullet_market::{Nanos, SECOND};

/// Settings of a [`Store`](crate::Store). Times are in nanoseconds, sizes in bytes.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// The data directory.
    pub directory: PathBuf,
    /// How often a cut is asked for, so that what was final goes to the spool.
    pub spool_every: Nanos,
    /// How often rows go to the tables: one commit each.
    pub flush_every: Nanos,
    /// So many rows go to the tables at once, however early it is.
    pub flush_rows: usize,
    /// Most that the spool of one universe takes on disk.
    pub spool_bytes: u64,
    /// Most that rows of one universe waiting for the tables take in memory; beyond, a source that can wait is held
    /// back.
    pub memory_bytes: usize,
    /// Rows older than this leave the tables, by the time they are valid for; `None` keeps everything.
    pub retention: Option<Nanos>,
    /// How often tables are compacted, their logs summed up, and old files deleted; `None` is never.
    pub maintain_every: Option<Nanos>,
    /// How long a file stays on disk after the tables have no more use for it.
    pub grace: Nanos,
    /// How long closing waits for tables that cannot be written before it leaves the rest in the spool.
    pub patience: Nanos,
    /// Decides by how much repeated attempts are spread.
    pub seed: u64,
}

impl StoreOptions {
    /// The usual settings for `directory`.
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            spool_every: SECOND,
            flush_every: 10 * SECOND,
            flush_rows: 50_000,
            spool_bytes: 1 << 30,
            memory_bytes: 256 << 20,
            retention: None,
            maintain_every: Some(60 * SECOND),
            grace: 3_600 * SECOND,
            patience: 60 * SECOND,
            seed: 0,
        }
    }
}
