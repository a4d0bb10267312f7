//! Tables that rows from elsewhere are put into: from an archive, or from another place that has them.
//!
//! Rows are those of the tables already, with all their columns, so they are neither checked nor counted as those of a run
//! are. Putting them in once more does no harm in Cassandra, where a row's key is what it is. Delta tables know of each universe and
//! variant the last bar they have everything up to: rows up to it are left out, and so rows have to come in the order of bars.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use silverbullet_market::Nanos;

use crate::backend::{Backend, Maintained, Numbered, Numbers};
use crate::directory::DataDirectory;
use crate::error::Result;
use crate::lock::Lock;
use crate::schema::Table;

/// Where rows are put.
pub struct Target {
    backend: Arc<dyn Backend>,
    /// Where one process at a time may write a universe, and what is claimed of it.
    claimed: Option<(DataDirectory, Mutex<BTreeMap<String, Lock>>)>,
}

impl std::fmt::Debug for Target {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Target").field("claimed", &self.claimed).finish_non_exhaustive()
    }
}

/// Rows of one table, and of one universe and variant where its rows are told apart by them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope<'a> {
    /// The table.
    pub table: Table,
    /// Universe; empty in tables that are not parted by it.
    pub universe: &'a str,
    /// Variant; empty in tables that are not parted by it.
    pub variant: &'a str,
}

impl Scope<'_> {
    fn application(&self) -> String {
        format!("{}/{}", self.universe, self.variant)
    }
}

impl Target {
    /// Delta tables in a data directory. A universe is claimed while rows of it are put in: no run may write it meanwhile.
    ///
    /// # Errors
    /// Where the directory cannot be made.
    #[cfg(feature = "delta")]
    pub fn delta(options: &crate::StoreOptions) -> Result<Self> {
        let place = crate::open::delta(options)?;
        let directory = DataDirectory::new(&options.directory);
        Ok(Self { backend: place.backend, claimed: Some((directory, Mutex::default())) })
    }

    /// Tables in Cassandra, which [`init`](crate::cassandra::init) has made. Runs may write there meanwhile.
    ///
    /// # Errors
    /// Settings that cannot work, or where the system gives no thread.
    #[cfg(feature = "cassandra")]
    pub fn cassandra(settings: crate::cassandra::CassandraSettings) -> Result<Self> {
        Ok(Self { backend: crate::open::cassandra(settings)?.backend, claimed: None })
    }

    /// Whether rows that are there already come to be there twice when they are put in again, unless they are [numbered by their
    /// bar](numbered_by_bar) or those of runs: then who puts them in must leave those out.
    #[must_use]
    pub fn doubles(&self) -> bool {
        self.claimed.is_some()
    }

    /// Puts rows in and returns how many were new, as far as the place can tell: Cassandra takes all of them.
    ///
    /// # Errors
    /// A universe that another process writes; rows that the table cannot take; where they could not be made safe.
    pub async fn put(&self, scope: Scope<'_>, batch: &RecordBatch) -> Result<u64> {
        let rows = batch.num_rows() as u64;
        let Scope { table, universe, .. } = scope;
        if rows == 0 {
            return Ok(0);
        }
        if table == Table::Runs {
            for row in 0..batch.num_rows() {
                self.backend.replace_run(&batch.slice(row, 1)).await?;
            }
            return Ok(rows);
        }
        let Some((directory, claimed)) = self.claimed.as_ref().filter(|_| !table.partitions().is_empty())
        else {
            return self.backend.record(table, batch).await.map(|()| rows);
        };
        if !claimed.lock().unwrap_or_else(PoisonError::into_inner).contains_key(universe) {
            let lock = Lock::take(directory, universe)?;
            claimed.lock().unwrap_or_else(PoisonError::into_inner).insert(universe.to_owned(), lock);
        }
        let application = scope.application();
        let stored = self.backend.stored(table, &application).await?;
        let numbers =
            if numbered_by_bar(table) { Numbers::Bar } else { Numbers::After(stored.unwrap_or_default()) };
        let new = Numbered { batch: batch.clone(), numbers }.above(table, stored)?;
        if let Some(last) = new.last(table)? {
            self.backend.append(table, std::slice::from_ref(&new), &application, last).await?;
        }
        Ok(new.batch.num_rows() as u64)
    }

    /// Makes small files into larger ones, where there are files.
    ///
    /// # Errors
    /// Where something could not be done; the rows are safe all the same.
    pub async fn maintain(&self, now: Nanos) -> Result<Maintained> {
        self.backend.maintain(now).await
    }
}

/// Whether Delta tables tell what they have of a table by its bars; of the others of a universe, by counting.
#[must_use]
pub fn numbered_by_bar(table: Table) -> bool {
    matches!(table, Table::Portfolios | Table::Frontiers | Table::Assets | Table::Bars)
}
