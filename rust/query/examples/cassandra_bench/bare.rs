//! The driver alone, as a good user of it would write and read the same rows: prepared, in batches within one partition, many
//! at a time; ranges of tokens side by side.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, Int64Type, TimestampMicrosecondType};
use futures::{StreamExt, TryStreamExt, stream};
use scylla::SerializeRow;
use scylla::client::session::Session;
use scylla::response::{PagingState, PagingStateResponse};
use scylla::statement::batch::{Batch, BatchStatement, BatchType};
use scylla::statement::prepared::PreparedStatement;
use scylla::value::CqlTimestamp;
use silverbullet_store::Table;
use silverbullet_store::cassandra::bucket::bucket;
use silverbullet_store::cassandra::splits;

use super::{Any, BATCH, CONCURRENCY, KEYSPACE};

/// As many as a query reads, and as many of them at a time.
const RANGES: u32 = 256;
const RANGES_AT_A_TIME: usize = 8;

/// How long the driver takes for a batch of `table`, whose rows are ready before the clock runs.
pub(crate) async fn write(session: &Session, table: Table, batch: &RecordBatch) -> Result<Duration, Any> {
    match table {
        Table::Bars => write_bare(session, table, bars(batch)).await,
        _ => write_bare(session, table, portfolios(batch)).await,
    }
}

/// A row as a user of the driver would have it.
trait Bare: scylla::serialize::row::SerializeRow {
    const COLUMNS: &'static str;
    fn bucket(&self) -> i64;
}

#[derive(SerializeRow)]
struct Bar {
    bucket: i64,
    universe: String,
    variant: String,
    bar: i64,
    asset: String,
    open_time: i64,
    close_time: i64,
    close_time_utc: CqlTimestamp,
    open: f64,
    high: f64,
    low: f64,
    close: f64,
    volume: Option<f64>,
    ticks: i64,
    run_id: String,
}

impl Bare for Bar {
    const COLUMNS: &'static str = "bucket universe variant bar asset open_time close_time close_time_utc open high low \
                                   close volume ticks run_id";
    fn bucket(&self) -> i64 {
        self.bucket
    }
}

#[derive(SerializeRow)]
struct Portfolio {
    bucket: i64,
    universe: String,
    variant: String,
    bar: i64,
    objective: String,
    method: String,
    as_of: i64,
    as_of_utc: CqlTimestamp,
    run_id: String,
    mean: f64,
    risk: f64,
    sharpe: Option<f64>,
    gap: Option<f64>,
    turnover: Option<f64>,
    label: String,
    weights: BTreeMap<String, f64>,
    weights_order: Vec<u8>,
}

impl Bare for Portfolio {
    const COLUMNS: &'static str = "bucket universe variant bar objective method as_of as_of_utc run_id mean risk sharpe \
                                   gap turnover label weights weights_order";
    fn bucket(&self) -> i64 {
        self.bucket
    }
}

/// The cells of a batch by column and row.
struct Cells<'a>(&'a RecordBatch);

impl Cells<'_> {
    fn text(&self, column: usize, row: usize) -> String {
        self.0.column(column).as_string::<i32>().value(row).to_owned()
    }
    fn long(&self, column: usize, row: usize) -> i64 {
        self.0.column(column).as_primitive::<Int64Type>().value(row)
    }
    fn time(&self, column: usize, row: usize) -> i64 {
        self.0.column(column).as_primitive::<TimestampMicrosecondType>().value(row)
    }
    fn double(&self, column: usize, row: usize) -> f64 {
        self.0.column(column).as_primitive::<Float64Type>().value(row)
    }
}

fn bars(batch: &RecordBatch) -> Vec<Bar> {
    let of = Cells(batch);
    let bar = |row| Bar {
        bucket: bucket(Table::Bars, of.long(2, row)),
        universe: of.text(0, row),
        variant: of.text(1, row),
        bar: of.long(2, row),
        asset: of.text(3, row),
        open_time: of.time(4, row),
        close_time: of.time(5, row),
        close_time_utc: CqlTimestamp(of.time(5, row) / 1_000),
        open: of.double(6, row),
        high: of.double(7, row),
        low: of.double(8, row),
        close: of.double(9, row),
        volume: Some(of.double(10, row)),
        ticks: of.long(11, row),
        run_id: of.text(12, row),
    };
    (0..batch.num_rows()).map(bar).collect()
}

fn portfolios(batch: &RecordBatch) -> Vec<Portfolio> {
    let of = Cells(batch);
    let weights = batch.column(13).as_map();
    let portfolio = |row| {
        let entries = weights.value(row);
        let names = entries.column(0).as_string::<i32>().iter().flatten().map(str::to_owned);
        let values = entries.column(1).as_primitive::<Float64Type>().values().iter().copied();
        let weights: BTreeMap<_, _> = names.zip(values).collect();
        let order = (0..weights.len() as u16).rev().flat_map(u16::to_be_bytes).collect();
        Portfolio {
            bucket: bucket(Table::Portfolios, of.long(2, row)),
            universe: of.text(0, row),
            variant: of.text(1, row),
            bar: of.long(2, row),
            objective: of.text(3, row),
            method: of.text(4, row),
            as_of: of.time(5, row),
            as_of_utc: CqlTimestamp(of.time(5, row) / 1_000),
            run_id: of.text(6, row),
            mean: of.double(7, row),
            risk: of.double(8, row),
            sharpe: Some(of.double(9, row)),
            gap: Some(of.double(10, row)),
            turnover: Some(of.double(11, row)),
            label: of.text(12, row),
            weights,
            weights_order: order,
        }
    };
    (0..batch.num_rows()).map(portfolio).collect()
}

/// How long the driver takes for `rows`, which stand by partition.
async fn write_bare<R: Bare>(session: &Session, table: Table, rows: Vec<R>) -> Result<Duration, Any> {
    let columns: Vec<_> = R::COLUMNS.split_whitespace().map(|name| format!("\"{name}\"")).collect();
    let insert = format!(
        "INSERT INTO {KEYSPACE}.{} ({}) VALUES ({})",
        table.name(),
        columns.join(", "),
        vec!["?"; columns.len()].join(", ")
    );
    let mut statement = session.prepare(insert).await?;
    statement.set_is_idempotent(true);
    let full = batch_of(&statement, BATCH);
    let parts: Vec<&[R]> = rows
        .chunk_by(|one, next| one.bucket() == next.bucket())
        .flat_map(|part| part.chunks(BATCH))
        .collect();
    let begun = Instant::now();
    let (full, statement) = (&full, &statement);
    let mut sent = stream::iter(parts)
        .map(|part| async move {
            if part.len() == BATCH {
                session.batch(full, part).await
            } else {
                session.batch(&batch_of(statement, part.len()), part).await
            }
        })
        .buffer_unordered(CONCURRENCY);
    while sent.try_next().await?.is_some() {}
    Ok(begun.elapsed())
}

fn batch_of(statement: &PreparedStatement, count: usize) -> Batch {
    let statements = vec![BatchStatement::PreparedStatement(statement.clone()); count];
    let mut batch = Batch::new_with_statements(BatchType::Unlogged, statements);
    batch.set_is_idempotent(true);
    batch
}

/// Counts the rows of the same pages of the same ranges, and looks at no cell.
pub(crate) async fn scan(session: &Session, table: Table) -> Result<(usize, Duration), Any> {
    let key = "\"universe\", \"variant\", \"bucket\"";
    let query =
        format!("SELECT * FROM {KEYSPACE}.{} WHERE token({key}) > ? AND token({key}) <= ?", table.name());
    let mut statement = session.prepare(query).await?;
    statement.set_page_size(if table == Table::Bars { 5_000 } else { 1_000 });
    let statement = &statement;
    let begun = Instant::now();
    let counted = stream::iter(splits(RANGES)).map(|range| async move {
        let (mut count, mut state) = (0, PagingState::start());
        loop {
            let values = (range.after, range.up_to);
            let (page, next) = session.execute_single_page(statement, values, state).await?;
            count += page.into_rows_result()?.rows_num();
            match next {
                PagingStateResponse::HasMorePages { state: next } => state = next,
                PagingStateResponse::NoMorePages => return Ok::<_, Any>(count),
            }
        }
    });
    let counts: Vec<usize> = counted.buffer_unordered(RANGES_AT_A_TIME).try_collect().await?;
    Ok((counts.iter().sum(), begun.elapsed()))
}
