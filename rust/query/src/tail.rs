//! Final rows that are not on disk yet.

use silverbullet_store::{Result, Store, Table, TailBatch};

/// Where rows that wait to be stored come from.
pub(crate) trait Tail: Send + Sync {
    /// The final rows of `table` that are not on disk yet; some may be by the time they are looked at.
    fn pending(&self, table: Table) -> Result<Vec<TailBatch>>;
}

/// A process that stores nothing has none.
#[derive(Debug)]
pub(crate) struct NoTail;

impl Tail for NoTail {
    fn pending(&self, _table: Table) -> Result<Vec<TailBatch>> {
        Ok(Vec::new())
    }
}

impl Tail for Store {
    fn pending(&self, table: Table) -> Result<Vec<TailBatch>> {
        self.tail(table)
    }
}
