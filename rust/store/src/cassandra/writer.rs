//! Record batches into tables, in batches of rows within one partition.
//!
//! Every statement may be sent twice: a row's key is made of what the row is, so a replay writes the same keys. Cells
//! without a value are not sent, which saves a tombstone each; a row whose value became none would keep the old
//! one, but a key decides its row. Rows of one call that share a key end as either of them.
//!
//! **Which time cells carry.** Rows of the history carry the time at which the coordinator took them. The time
//! of the bar would make a replay write the very same cells, but a row that somebody deleted could not be
//! written again while the tombstone lives, a corrected row would mix cells of both since equal times are settled
//! cell by cell, and an old bar that is written today would keep files from expiring that are long due. The client's clock
//! is not asked, so it cannot be wrong. The newest rows (`latest_…`), to the contrary, carry the time of their bar,
//! and none where they have no value is written as such: an older bar that comes later loses in every cell, so
//! what is newest never goes back, without a read before the write. To start those afresh, TRUNCATE the table.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arrow::array::{ArrayRef, RecordBatch};
use arrow::row::{RowConverter, SortField};
use futures::{StreamExt, TryStreamExt, stream};
use scylla::statement::batch::{Batch, BatchStatement, BatchType};
use scylla::statement::prepared::PreparedStatement;
use tokio::sync::OnceCell;

use super::cells::Bound;
use super::chunks::{Chunk, Partition, Partitions, chunks};
use super::connection::Connection;
use super::fault::Fault;
use super::layout::{Form, LATEST, Layout, quoted};
use super::metrics::DriverMetrics;
use super::{buckets, schema, types};
use crate::schema::Table;

/// Buckets that a writer remembers to have noted; beyond, it notes some again, which does no harm.
const REMEMBERED: usize = 100_000;

/// What noting a bucket is called in errors.
const NOTE: &str = "note a bucket";

/// What a write did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WriteReport {
    /// Rows written to the table.
    pub rows: u64,
    /// Rows written once more as the newest.
    pub newest: u64,
    /// Batches sent.
    pub batches: u64,
    /// How often one was sent again.
    pub retries: u64,
    /// Roughly what the rows took in requests.
    pub bytes: u64,
}

/// Writes tables in Cassandra. Calls may run at the same time.
#[derive(Debug)]
pub struct CassandraWriter {
    connection: Connection,
    history: [OnceCell<Insert>; Table::ALL.len()],
    newest: [OnceCell<Insert>; Table::ALL.len()],
    note: OnceCell<PreparedStatement>,
    noted: Mutex<HashSet<(Table, String, String, i64)>>,
    requests: AtomicU64,
}

/// The statement that inserts a row of one table, ready to be sent so many times at once.
struct Insert {
    layout: Layout,
    action: String,
    statement: PreparedStatement,
    /// Batches of one, two, … statements.
    batches: Vec<OnceLock<Batch>>,
}

impl std::fmt::Debug for Insert {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Insert").field("action", &self.action).finish_non_exhaustive()
    }
}

impl CassandraWriter {
    /// A writer to the tables of this program's version.
    ///
    /// # Errors
    /// Where there are none, or of another version, or Cassandra refuses.
    pub async fn open(connection: Connection) -> crate::Result<Self> {
        schema::check(&connection).await?;
        Ok(Self {
            connection,
            history: Default::default(),
            newest: Default::default(),
            note: OnceCell::new(),
            noted: Mutex::default(),
            requests: AtomicU64::new(0),
        })
    }

    /// Makes sure that the columns of `table` in Cassandra are those that rows are written to, before there are rows.
    ///
    /// # Errors
    /// A column of another type, and where Cassandra refuses.
    pub async fn ready(&self, table: Table) -> crate::Result<()> {
        self.insert(&self.history, table, Form::History).await?;
        if LATEST.contains(&table) {
            self.insert(&self.newest, table, Form::Latest).await?;
        }
        Ok(())
    }

    /// Makes sure that `table` can take all rows of `batch`, without writing any.
    ///
    /// # Errors
    /// Rows that the table cannot take.
    pub fn check(&self, table: Table, batch: &RecordBatch) -> crate::Result<()> {
        Bound::new(&Layout::of(table, Form::History), batch)?;
        Ok(())
    }

    /// Writes `batch`, which has the columns of `table`, and returns when all of it is acknowledged. After an error some
    /// rows may be there: writing the same batch again is how to go on.
    ///
    /// # Errors
    /// Rows that the table cannot take, and where Cassandra refuses or still fails after repetitions.
    pub async fn write(&self, table: Table, batch: &RecordBatch) -> crate::Result<WriteReport> {
        let mut report = WriteReport::default();
        let insert = self.insert(&self.history, table, Form::History).await?;
        let bound = Arc::new(Bound::new(&insert.layout, batch)?);
        let parts = match Partitions::of(&insert.layout, batch, &bound) {
            Some(partitions) => partitions.split(0..batch.num_rows()),
            None => Vec::new(),
        };
        // Readers find partitions by their bucket: it is noted before there are rows.
        self.note(table, parts.iter().map(|(partition, _)| *partition)).await?;
        let rows = parts.into_iter().map(|(_, rows)| rows);
        report.rows = self.send(insert, &bound, rows.collect(), &mut report).await?;
        if LATEST.contains(&table) && batch.num_rows() > 0 {
            // Later than the rows themselves, so that what is newest is also in the table.
            report.newest = self.write_newest(table, batch, &mut report).await?;
        }
        Ok(report)
    }

    /// What the driver has counted.
    #[must_use]
    pub fn metrics(&self) -> DriverMetrics {
        self.connection.metrics()
    }

    async fn write_newest(
        &self,
        table: Table,
        batch: &RecordBatch,
        report: &mut WriteReport,
    ) -> Result<u64, Fault> {
        let insert = self.insert(&self.newest, table, Form::Latest).await?;
        let bound = Arc::new(Bound::new(&insert.layout, batch)?);
        let rows = newest(&insert.layout, batch, &bound)?;
        let parts = match Partitions::of(&insert.layout, batch, &bound) {
            Some(partitions) => partitions.split(rows.into_iter()),
            None => Vec::new(),
        };
        self.send(insert, &bound, parts.into_iter().map(|(_, rows)| rows).collect(), report).await
    }

    /// Sends rows of partitions in batches, some at a time, and returns how many rows there were.
    async fn send(
        &self,
        insert: &Insert,
        bound: &Arc<Bound>,
        parts: Vec<Vec<u32>>,
        report: &mut WriteReport,
    ) -> Result<u64, Fault> {
        let settings = &self.connection.settings;
        let cut: Vec<Chunk> = parts
            .iter()
            .flat_map(|rows| chunks(bound, rows, settings.batch_rows, settings.batch_bytes))
            .collect();
        report.batches += cut.len() as u64;
        report.bytes += cut.iter().map(|chunk| chunk.bytes as u64).sum::<u64>();
        let rows = cut.iter().map(|chunk| chunk.len() as u64).sum();
        let mut sent = stream::iter(cut)
            .map(|chunk| self.send_chunk(insert, chunk))
            .buffer_unordered(settings.concurrency);
        while let Some(retries) = sent.try_next().await? {
            report.retries += u64::from(retries);
        }
        Ok(rows)
    }

    /// Sends a batch until it is acknowledged, and returns how often it was repeated.
    async fn send_chunk(&self, insert: &Insert, chunk: Chunk) -> Result<u32, Fault> {
        let batch = insert.batch(chunk.len());
        let send = || self.connection.session.batch(batch, &chunk);
        let (_, retries) = self.connection.repeated(self.number(), &insert.action, send).await?;
        Ok(retries)
    }

    /// Notes the buckets that are new to this writer.
    async fn note(&self, table: Table, partitions: impl Iterator<Item = Partition<'_>>) -> Result<(), Fault> {
        if table == Table::Runs {
            return Ok(());
        }
        let all = partitions.map(|of| (table, of.scope.to_owned(), of.variant.to_owned(), of.bucket));
        let new: Vec<_> = {
            let noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
            all.filter(|key| !noted.contains(key)).collect()
        };
        if new.is_empty() {
            return Ok(());
        }
        let statement = self.note.get_or_try_init(|| async {
            self.connection.prepare(&buckets::note(&self.connection), NOTE).await
        });
        let statement = statement.await?;
        let concurrency = self.connection.settings.concurrency;
        // Made at once, for a closure over references would keep the call from moving between threads.
        let requests: Vec<_> = new.iter().map(|key| self.note_one(statement, key)).collect();
        let mut sent = stream::iter(requests).buffer_unordered(concurrency);
        while sent.try_next().await?.is_some() {}
        drop(sent);
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.len() + new.len() > REMEMBERED {
            noted.clear();
        }
        noted.extend(new);
        Ok(())
    }

    async fn note_one(
        &self,
        statement: &PreparedStatement,
        (table, scope, variant, bucket): &(Table, String, String, i64),
    ) -> Result<(), Fault> {
        let values = (scope, table.name(), variant, bucket);
        let note = || self.connection.session.execute_unpaged(statement, values);
        self.connection.repeated(self.number(), NOTE, note).await?;
        Ok(())
    }

    /// The number of another request.
    fn number(&self) -> u64 {
        self.requests.fetch_add(1, Ordering::Relaxed)
    }

    /// The statement for `table`, prepared at its first use.
    async fn insert<'a>(
        &self,
        kept: &'a [OnceCell<Insert>; Table::ALL.len()],
        table: Table,
        form: Form,
    ) -> Result<&'a Insert, Fault> {
        kept[table as usize].get_or_try_init(|| self.prepare(Layout::of(table, form))).await
    }

    async fn prepare(&self, layout: Layout) -> Result<Insert, Fault> {
        let name = layout.name();
        let action = format!("write {name}");
        let columns: Vec<_> = layout.columns.iter().map(|column| quoted(&column.name)).collect();
        let cql = format!(
            "INSERT INTO {} ({}) VALUES ({}){}",
            self.connection.qualified(&name),
            columns.join(", "),
            vec!["?"; columns.len()].join(", "),
            if layout.form == Form::Latest { " USING TIMESTAMP ?" } else { "" }
        );
        let statement = self.connection.prepare(&cql, &action).await?;
        let expected = layout.columns.iter().map(|column| (column.name.as_str(), column.cql));
        types::check(&name, &statement.get_variable_col_specs(), expected)?;
        let batches = (0..self.connection.settings.batch_rows).map(|_| OnceLock::new()).collect();
        Ok(Insert { layout, action, statement, batches })
    }
}

impl Insert {
    /// A batch of `count` statements.
    fn batch(&self, count: usize) -> &Batch {
        self.batches[count - 1].get_or_init(|| {
            let statements = vec![BatchStatement::PreparedStatement(self.statement.clone()); count];
            let mut batch = Batch::new_with_statements(BatchType::Unlogged, statements);
            batch.set_is_idempotent(true);
            batch
        })
    }
}

/// Of the rows that share a key of `layout`, the one with the latest time; of equal times the last one.
fn newest(layout: &Layout, batch: &RecordBatch, bound: &Bound) -> Result<Vec<usize>, Fault> {
    let refuse = |error: arrow::error::ArrowError| Fault::Rows {
        table: layout.table.name(),
        reason: error.to_string(),
    };
    let names = layout.partition.iter().chain(layout.clustering);
    let keys: Vec<ArrayRef> = names.filter_map(|name| batch.column_by_name(name).cloned()).collect();
    let fields = keys.iter().map(|key| SortField::new(key.data_type().clone())).collect();
    let converter = RowConverter::new(fields).map_err(refuse)?;
    let keys = converter.convert_columns(&keys).map_err(refuse)?;
    let mut newest: HashMap<_, usize> = HashMap::new();
    for (row, key) in keys.iter().enumerate() {
        let kept = newest.entry(key).or_insert(row);
        if bound.stamps[row] >= bound.stamps[*kept] {
            *kept = row;
        }
    }
    let mut rows: Vec<usize> = newest.into_values().collect();
    rows.sort_unstable();
    Ok(rows)
}
