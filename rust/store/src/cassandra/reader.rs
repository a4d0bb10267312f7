//! Rows by their key, everything, or the newest: always as record batches with columns of the one schema.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::{concat_batches, filter_record_batch};
use arrow::datatypes::Int64Type;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use scylla::response::PagingState;
use scylla::statement::prepared::PreparedStatement;
use scylla::value::CqlValue;

use super::bucket::{Width, width};
use super::connection::Connection;
use super::fault::Fault;
use super::layout::{Form, Layout, quoted};
use super::paged::{Pages, Query};
use super::rows::Projection;
use super::scan::{TokenRange, range_query};
use super::{buckets, schema, types};
use crate::batches::refused;
use crate::schema::Table;

/// Statements that a reader keeps prepared.
const PREPARED: usize = 256;
/// Ranges of tokens that are read at a time: each holds a page.
const RANGES: usize = 8;
/// Buckets whose first page is fetched at a time, where all rows are wanted.
const AHEAD: usize = 8;
/// Rows of a page, of tables with and without weights: a few megabytes.
const PAGE: i32 = 5_000;
const PAGE_WITH_WEIGHTS: i32 = 1_000;

/// Rows of one universe and variant, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRead {
    /// The table.
    pub table: Table,
    /// Universe; of `runs` and `backtests` the run.
    pub scope: String,
    /// Variant; ignored where the table's partitions have none (`latency`, `runs`, `backtests`).
    pub variant: String,
    /// The first bar, or the earliest time in microseconds; `None` begins with the oldest.
    pub from: Option<i64>,
    /// The last bar, or the latest time in microseconds; `None` ends with the newest.
    pub to: Option<i64>,
    /// So many rows at most.
    pub limit: Option<usize>,
    /// Columns by name, in this order; `None` is all.
    pub columns: Option<Vec<String>>,
}

impl KeyRead {
    /// All rows of `scope` and `variant`.
    #[must_use]
    pub fn new(table: Table, scope: impl Into<String>, variant: impl Into<String>) -> Self {
        let (scope, variant) = (scope.into(), variant.into());
        Self { table, scope, variant, from: None, to: None, limit: None, columns: None }
    }
}

/// Reads tables in Cassandra. Calls may run at the same time.
#[derive(Debug)]
pub struct CassandraReader {
    connection: Connection,
    prepared: Mutex<HashMap<String, PreparedStatement>>,
}

impl CassandraReader {
    /// Tables of which the newest rows are kept once more.
    pub const LATEST: [Table; 3] = super::layout::LATEST;

    /// A reader of tables of this program's version.
    ///
    /// # Errors
    /// Where there are none, or of another version, or Cassandra refuses.
    pub async fn open(connection: Connection) -> crate::Result<Self> {
        schema::check(&connection).await?;
        Ok(Self { connection, prepared: Mutex::default() })
    }

    /// The buckets, each a partition, that `read` looks into, the newest first.
    ///
    /// # Errors
    /// Where Cassandra refuses or still fails after repetitions.
    pub async fn buckets(&self, read: &KeyRead) -> crate::Result<Vec<i64>> {
        Ok(self.bucket_stream(read).await?.try_collect().await?)
    }

    /// The variants that have rows in `table` of a universe.
    ///
    /// # Errors
    /// Where Cassandra refuses or still fails after repetitions.
    pub async fn variants(&self, table: Table, universe: &str) -> crate::Result<Vec<String>> {
        let action = "look for variants";
        let query = buckets::next_variant(&self.connection);
        let statement =
            self.known_or(query.clone(), async || self.connection.prepare(&query, action).await).await?;
        let mut variants: Vec<String> = Vec::new();
        loop {
            let after = variants.last().map_or("", String::as_str);
            let ask = || self.connection.session.execute_unpaged(&statement, (universe, table.name(), after));
            let (answer, _) = self.connection.repeated(variants.len() as u64, action, ask).await?;
            let rows = answer.into_rows_result().map_err(|error| Fault::other(error, action))?;
            let next = rows.maybe_first_row::<(String,)>().map_err(|error| Fault::other(error, action))?;
            let Some((next,)) = next else { return Ok(variants) };
            variants.push(next);
        }
    }

    async fn bucket_stream(&self, read: &KeyRead) -> Result<BoxStream<'static, Result<i64, Fault>>, Fault> {
        if let Some(told) = buckets::told(read) {
            return Ok(stream::iter(told).map(Ok).boxed());
        }
        let action = "look for buckets";
        let query = buckets::query(&self.connection);
        let statement =
            self.known_or(query.clone(), async || self.connection.prepare(&query, action).await).await?;
        let connection = self.connection.clone();
        Ok(buckets::listed(Query { connection, statement, values: buckets::values(read), action }))
    }

    /// Rows by key, newest first; those of a back-test by day and time within shards.
    ///
    /// # Errors
    /// Here and in the stream: a column that is not there, and where Cassandra refuses or still fails after repetitions.
    pub async fn read(
        &self,
        read: &KeyRead,
    ) -> crate::Result<impl Stream<Item = crate::Result<RecordBatch>> + Send + use<>> {
        let layout = Layout::of(read.table, Form::History);
        let projection = Projection::new(&layout, read.columns.as_deref())?;
        let mut query = self.select(&layout, &projection);
        let ranged = width(read.table) != Width::Whole;
        let clauses = layout.partition.iter().map(|name| format!("{} = ?", quoted(name)));
        let mut clauses: Vec<_> = clauses.collect();
        if let Some(first) = layout.clustering.first().filter(|_| ranged) {
            clauses.push(format!("{0} >= ? AND {0} <= ?", quoted(first)));
        }
        query += &format!(" WHERE {}", clauses.join(" AND "));
        let mut statement = self.statement(query, &layout, &projection).await?;
        let (limit, buckets) = (read.limit, self.bucket_stream(read).await?);
        let ahead = if limit.is_some() { 1 } else { AHEAD };
        if let Some(limit) = limit {
            let rows = i32::try_from(limit.max(1)).unwrap_or(i32::MAX);
            statement.set_page_size(rows.min(statement.get_page_size()));
        }
        let (connection, read) = (self.connection.clone(), read.clone());
        let pages = move |bucket| {
            let values = values(&layout, &read, bucket, ranged);
            let (connection, statement) = (connection.clone(), statement.clone());
            let query = Query { connection, statement, values, action: "read rows by key" };
            Pages { query, projection: projection.clone() }
        };
        // Of a few buckets the first pages are fetched ahead: there may be many buckets with few rows each.
        let first = buckets.map_ok(pages).map_ok(|pages| async move {
            let (batch, next) = pages.page(PagingState::start()).await?;
            let first = stream::iter((batch.num_rows() > 0).then_some(Ok(batch)));
            Ok(first.chain(pages.from(next)).boxed())
        });
        Ok(limited(first.try_buffered(ahead).try_flatten(), limit).map_err(crate::Error::from))
    }

    /// All rows of `table` in `ranges` of the ring, from [`splits`](super::splits), as they come; `columns` by name,
    /// or all.
    ///
    /// # Errors
    /// Here and in the stream: a column that is not there, and where Cassandra refuses or still fails after repetitions.
    pub async fn scan(
        &self,
        table: Table,
        columns: Option<&[String]>,
        ranges: Vec<TokenRange>,
    ) -> crate::Result<impl Stream<Item = crate::Result<RecordBatch>> + Send + use<>> {
        let layout = Layout::of(table, Form::History);
        let projection = Projection::new(&layout, columns)?;
        let query = range_query(&self.connection, table, &projection);
        let statement = self.statement(query, &layout, &projection).await?;
        let connection = self.connection.clone();
        let pages = ranges.into_iter().map(move |range| {
            let values = vec![CqlValue::BigInt(range.after), CqlValue::BigInt(range.up_to)];
            let (connection, statement) = (connection.clone(), statement.clone());
            let query = Query { connection, statement, values, action: "read a table" };
            Pages { query, projection: projection.clone() }.stream().boxed()
        });
        Ok(stream::iter(pages).flatten_unordered(RANGES).map_err(crate::Error::from))
    }

    /// The newest rows of `universe`, of one variant or of all: a read of one partition, however long ago they were
    /// written. Of `portfolios`, `frontiers` and `assets` only.
    ///
    /// # Errors
    /// A table of which the newest rows are not kept; where Cassandra refuses or still fails after repetitions.
    pub async fn newest(
        &self,
        table: Table,
        universe: &str,
        variant: Option<&str>,
    ) -> crate::Result<RecordBatch> {
        if !super::layout::LATEST.contains(&table) {
            let reason = "the newest ones are not kept apart; read them by key".to_owned();
            return Err(Fault::Rows { table: table.name(), reason }.into());
        }
        let layout = Layout::of(table, Form::Latest);
        let projection = Projection::new(&layout, None)?;
        let mut query = self.select(&layout, &projection) + " WHERE \"universe\" = ?";
        let mut values = vec![CqlValue::Text(universe.to_owned())];
        if let Some(variant) = variant {
            query += " AND \"variant\" = ?";
            values.push(CqlValue::Text(variant.to_owned()));
        }
        let statement = self.statement(query, &layout, &projection).await?;
        let connection = self.connection.clone();
        let schema = projection.schema.clone();
        let query = Query { connection, statement, values, action: "read the newest rows" };
        let batches: Vec<RecordBatch> = Pages { query, projection }.stream().try_collect().await?;
        let rows = concat_batches(&schema, &batches).map_err(|error| refused(table, error))?;
        if table == Table::Frontiers { whole_frontiers(&rows) } else { Ok(rows) }
    }

    fn select(&self, layout: &Layout, projection: &Projection) -> String {
        format!("SELECT {} FROM {}", projection.select(layout), self.connection.qualified(&layout.name()))
    }

    /// `query`, prepared at its first use.
    async fn statement(
        &self,
        query: String,
        layout: &Layout,
        projection: &Projection,
    ) -> Result<PreparedStatement, Fault> {
        let prepare = async || {
            let name = layout.name();
            let mut statement = self.connection.prepare(&query, &format!("read {name}")).await?;
            let expected = projection.columns.iter().map(|(name, cql)| (name.as_str(), *cql));
            types::check(&name, &statement.get_current_result_set_col_specs().get(), expected)?;
            let weights = projection.columns.iter().any(|(name, _)| name == "weights");
            statement.set_page_size(if weights { PAGE_WITH_WEIGHTS } else { PAGE });
            Ok(statement)
        };
        self.known_or(query.clone(), prepare).await
    }

    async fn known_or(
        &self,
        query: String,
        prepare: impl AsyncFnOnce() -> Result<PreparedStatement, Fault>,
    ) -> Result<PreparedStatement, Fault> {
        let known = || self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known().get(&query).cloned();
        if let Some(found) = found {
            return Ok(found);
        }
        let statement = prepare().await?;
        let mut known = known();
        if known.len() >= PREPARED {
            known.clear();
        }
        known.insert(query, statement.clone());
        Ok(statement)
    }
}

/// What the query of one bucket asks for.
fn values(layout: &Layout, read: &KeyRead, bucket: i64, ranged: bool) -> Vec<CqlValue> {
    let partition = layout.partition.iter().map(|name| match *name {
        "bucket" => CqlValue::BigInt(bucket),
        "variant" => CqlValue::Text(read.variant.clone()),
        _ => CqlValue::Text(read.scope.clone()),
    });
    let mut values: Vec<_> = partition.collect();
    if ranged {
        values.push(CqlValue::BigInt(read.from.unwrap_or(i64::MIN)));
        values.push(CqlValue::BigInt(read.to.unwrap_or(i64::MAX)));
    }
    values
}

/// `pages` up to the first `limit` rows; nothing is asked for beyond.
fn limited<S>(pages: S, limit: Option<usize>) -> impl Stream<Item = Result<RecordBatch, Fault>> + Send
where
    S: Stream<Item = Result<RecordBatch, Fault>> + Send + 'static,
{
    let state = (pages.boxed(), limit.unwrap_or(usize::MAX));
    stream::try_unfold(state, |(mut pages, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let Some(batch) = pages.try_next().await? else { return Ok(None) };
        let batch = batch.slice(0, batch.num_rows().min(left));
        let left = left - batch.num_rows();
        Ok(Some((batch, (pages, left))))
    })
}

/// Of each variant and method the points of its last bar: an older frontier may have had more of them.
fn whole_frontiers(rows: &RecordBatch) -> crate::Result<RecordBatch> {
    let refuse = |error| refused(Table::Frontiers, error);
    let place = |name| rows.schema().index_of(name).map_err(refuse);
    let bars = rows.column(place("bar")?).as_primitive::<Int64Type>();
    let variants = rows.column(place("variant")?).as_string::<i32>();
    let methods = rows.column(place("method")?).as_string::<i32>();
    let mut last = BTreeMap::new();
    for row in 0..rows.num_rows() {
        let bar = last.entry((variants.value(row), methods.value(row))).or_insert(i64::MIN);
        *bar = bars.value(row).max(*bar);
    }
    let newest = (0..rows.num_rows())
        .map(|row| last.get(&(variants.value(row), methods.value(row))) == Some(&bars.value(row)));
    let newest: BooleanArray = newest.map(Some).collect();
    filter_record_batch(rows, &newest).map_err(refuse)
}
