//! What keeps tables: Delta Lake in this process, or a database beside it.

use std::collections::BTreeMap;

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::Int64Type;
use async_trait::async_trait;
use silverbullet_market::Nanos;

use crate::batches::refused;
use crate::error::Result;
use crate::parcel::Parcel;
use crate::schema::Table;

/// Rows of one table, with what tells whether a table has them already.
#[derive(Debug, Clone)]
pub struct Numbered {
    /// The rows, with the columns of the table.
    pub batch: RecordBatch,
    /// What each row's number is.
    pub numbers: Numbers,
}

/// The number of a row: those of one application never fall, and a table has all rows up to its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbers {
    /// Its column `bar`.
    Bar,
    /// The rows are counted on from the one after this.
    After(i64),
}

impl Numbered {
    /// The rows of `parcel` for `table`; `None` where it has none.
    pub(crate) fn of(parcel: &Parcel, table: Table) -> Option<Self> {
        let (_, batch) = parcel.batches.iter().find(|(of, _)| *of == table)?;
        let numbers =
            if table == Table::Events { Numbers::After(parcel.events_before) } else { Numbers::Bar };
        Some(Self { batch: batch.clone(), numbers })
    }

    /// The number of the last row; `None` where there is none.
    ///
    /// # Errors
    /// [`Error::Rows`](crate::Error::Rows) where there is no column `bar`.
    pub fn last(&self, table: Table) -> Result<Option<i64>> {
        let rows = self.batch.num_rows();
        match self.numbers {
            _ if rows == 0 => Ok(None),
            Numbers::After(before) => Ok(Some(before.saturating_add_unsigned(rows as u64))),
            Numbers::Bar => {
                let position =
                    self.batch.schema().index_of("bar").map_err(|source| refused(table, source))?;
                Ok(arrow::compute::max(self.batch.column(position).as_primitive::<Int64Type>()))
            }
        }
    }

    /// The rows whose number is above `stored`, with the numbers they have here.
    ///
    /// # Errors
    /// [`Error::Rows`](crate::Error::Rows) where there is no column `bar`.
    pub fn above(&self, table: Table, stored: Option<i64>) -> Result<Self> {
        let Some(stored) = stored else { return Ok(self.clone()) };
        match self.numbers {
            Numbers::After(before) => {
                let rows = self.batch.num_rows();
                let skip = usize::try_from(stored.saturating_sub(before)).unwrap_or(0).min(rows);
                let numbers = Numbers::After(before.saturating_add_unsigned(skip as u64));
                Ok(Self { batch: self.batch.slice(skip, rows - skip), numbers })
            }
            Numbers::Bar => {
                let fail = |source| refused(table, source);
                let position = self.batch.schema().index_of("bar").map_err(fail)?;
                let bars = self.batch.column(position).as_primitive::<Int64Type>();
                let new: BooleanArray = bars.values().iter().map(|bar| Some(*bar > stored)).collect();
                let batch = filter_record_batch(&self.batch, &new).map_err(fail)?;
                Ok(Self { batch, numbers: Numbers::Bar })
            }
        }
    }
}

/// What is left of `rows` for a table that has everything up to `stored`: each row once. Rows may come again
/// in a later batch, where an input was begun anew while those of its first run were still waiting.
///
/// # Errors
/// [`Error::Rows`](crate::Error::Rows) where there is no column `bar`.
pub fn new_rows(table: Table, rows: &[Numbered], stored: Option<i64>) -> Result<Vec<RecordBatch>> {
    let mut known = stored;
    let mut batches = Vec::with_capacity(rows.len());
    for numbered in rows {
        let batch = numbered.above(table, known)?.batch;
        if batch.num_rows() > 0 {
            batches.push(batch);
        }
        known = known.max(numbered.last(table)?);
    }
    Ok(batches)
}

/// What [`Backend::maintain`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Maintained {
    /// Small files that were made into larger ones.
    pub files_compacted: u64,
    /// Files that were left out because all their rows were too old.
    pub files_expired: u64,
    /// Files that nobody needs any more, deleted from the disk.
    pub files_deleted: u64,
}

/// Keeps tables. Calls for different tables may run at the same time.
#[async_trait]
pub trait Backend: Send + Sync {
    /// The number of the last row of `application` that `table` holds. Every row up to it is in the table.
    ///
    /// # Errors
    /// Where the table cannot be read.
    async fn stored(&self, table: Table, application: &str) -> Result<Option<i64>>;

    /// The number that new rows of `application` must lie above, lest they are left out as known. To be asked where
    /// numbers are counted on from earlier runs: what comes of an error is not to be guessed.
    ///
    /// # Errors
    /// Where rows are left out by their number and the table cannot be read.
    async fn counted(&self, table: Table, application: &str) -> Result<Option<i64>> {
        self.stored(table, application).await
    }

    /// Adds the rows numbered above what is stored of `application`, and remembers `version` as stored when all of
    /// them are safe. Where no row is left it may do nothing.
    ///
    /// # Errors
    /// Where they could not be made safe; the same call again leaves the table as if there had been no failure.
    async fn append(&self, table: Table, rows: &[Numbered], application: &str, version: i64) -> Result<()>;

    /// Adds rows that may be lost or doubled by a crash.
    ///
    /// # Errors
    /// Where they could not be made safe.
    async fn record(&self, table: Table, batch: &RecordBatch) -> Result<()>;

    /// Puts a row of `runs` in place of the one with its run and universe.
    ///
    /// # Errors
    /// Where it could not be made safe.
    async fn replace_run(&self, row: &RecordBatch) -> Result<()>;

    /// What is to be done from time to time and not at once. Readers go on meanwhile.
    ///
    /// # Errors
    /// Where something could not be done; the next call tries again.
    async fn maintain(&self, now: Nanos) -> Result<Maintained>;

    /// What it counts of itself, by name; nothing where it counts nothing, or cannot say at once.
    fn counts(&self) -> BTreeMap<&'static str, u64> {
        BTreeMap::new()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array};

    use super::*;

    #[test]
    fn what_is_left_keeps_its_numbers() {
        let bars = Arc::new(Int64Array::from(vec![4, 5, 5, 6])) as ArrayRef;
        let batch = RecordBatch::try_from_iter([("bar", bars)]).unwrap();
        for (numbers, left, after) in
            [(Numbers::Bar, 3, Numbers::Bar), (Numbers::After(3), 3, Numbers::After(4))]
        {
            let rows = Numbered { batch: batch.clone(), numbers };
            let last = rows.last(Table::Events).unwrap();
            let new = rows.above(Table::Events, Some(4)).unwrap();
            assert_eq!((new.batch.num_rows(), new.numbers), (left, after));
            assert_eq!(new.last(Table::Events).unwrap(), last);
            assert_eq!(new.above(Table::Events, Some(4)).unwrap().batch, new.batch);
            assert_eq!(new.above(Table::Events, last).unwrap().batch.num_rows(), 0);
            assert_eq!(rows.above(Table::Events, None).unwrap().batch, batch);
        }
    }
}
