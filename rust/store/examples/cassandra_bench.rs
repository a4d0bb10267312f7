//! How fast tables in Cassandra are written and read, beside the bare driver with the same rows: rows a second, the
//! median of turns taken one after the other.
//!
//! `cassandra_bench NODE [ROWS] [ASSETS] [TURNS]`. The bare loop has its rows ready as structs and sends them as unlogged
//! batches of 64 within one partition, 32 at a time, as the writer does; the bare scan fetches the same pages of the
//! same ranges of tokens and looks at no cell. Both run on one thread. It makes the keyspace `silverbullet_bench`.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark looks at the clock and says what it saw"
)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{
    ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimestampMicrosecondType};
use futures::{StreamExt, TryStreamExt, stream};
use scylla::SerializeRow;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::response::{PagingState, PagingStateResponse};
use scylla::statement::batch::{Batch, BatchStatement, BatchType};
use scylla::statement::prepared::PreparedStatement;
use scylla::value::CqlTimestamp;
use silverbullet_store::Table;
use silverbullet_store::cassandra::bucket::bucket;
use silverbullet_store::cassandra::{
    CassandraReader, CassandraSettings, CassandraWriter, Connection, init, splits,
};
use silverbullet_store::schema::WeightsBuilder;

type Any = Box<dyn std::error::Error>;

const KEYSPACE: &str = "silverbullet_bench";
const BATCH: usize = 64;
const CONCURRENCY: usize = 32;
const RANGES: u32 = 16;
const RANGES_AT_A_TIME: usize = 8;

fn main() -> Result<(), Any> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let node = arguments.first().ok_or("usage: cassandra_bench NODE [ROWS] [ASSETS] [TURNS]")?.clone();
    let number = |at: usize, usual: usize| arguments.get(at).map_or(Ok(usual), |text| text.parse());
    let (rows, assets, turns) = (number(1, 100_000)?, number(2, 16)?, number(3, 5)?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(measure(node, rows, assets, turns))
}

async fn measure(node: String, rows: usize, assets: usize, turns: usize) -> Result<(), Any> {
    let settings = CassandraSettings {
        nodes: vec![node.clone()],
        keyspace: KEYSPACE.to_owned(),
        concurrency: CONCURRENCY,
        batch_rows: BATCH,
        batch_bytes: 1 << 20,
        ..Default::default()
    };
    let connection = Connection::open(settings).await?;
    init(&connection).await?;
    let writer = CassandraWriter::open(connection.clone()).await?;
    let reader = CassandraReader::open(connection).await?;
    let bare = SessionBuilder::new().known_node(node).user("silverbullet", "silverbullet").build().await?;
    for table in [Table::Bars, Table::Portfolios] {
        let batch = batch(table, rows, assets)?;
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        // The first turn of each warms everything up and does not count.
        for turn in 0..=turns {
            let begun = Instant::now();
            writer.write(table, &batch).await?;
            let own = begun.elapsed();
            let other = match table {
                Table::Bars => write_bare(&bare, table, bars(&batch)).await?,
                _ => write_bare(&bare, table, portfolios(&batch)).await?,
            };
            if turn > 0 {
                ours.push(rows as f64 / own.as_secs_f64());
                theirs.push(rows as f64 / other.as_secs_f64());
            }
        }
        say("write", table, &mut ours, &mut theirs);
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for turn in 0..=turns {
            let begun = Instant::now();
            let read: usize = reader
                .scan(table, None, splits(RANGES))
                .await?
                .try_fold(0, |sum, batch| std::future::ready(Ok(sum + batch.num_rows())))
                .await?;
            let own = read as f64 / begun.elapsed().as_secs_f64();
            let other = scan_bare(&bare, table).await?;
            if turn > 0 {
                ours.push(own);
                theirs.push(other);
            }
        }
        say("read", table, &mut ours, &mut theirs);
    }
    println!("{:?}", writer.metrics());
    Ok(())
}

fn say(what: &str, table: Table, ours: &mut [f64], theirs: &mut [f64]) {
    let median = |of: &mut [f64]| {
        of.sort_by(f64::total_cmp);
        of[of.len() / 2]
    };
    let (own, other) = (median(ours), median(theirs));
    println!(
        "{what} {}: {own:.0} rows/s, bare driver {other:.0} rows/s, {:.0} %",
        table.name(),
        100.0 * own / other
    );
}

/// `rows` of `table` as an engine makes them: bar by bar, ten portfolios or all assets each.
fn batch(table: Table, rows: usize, assets: usize) -> Result<RecordBatch, Any> {
    let each = if table == Table::Bars { assets } else { 10 };
    let names: Vec<String> = (0..assets).rev().map(|asset| format!("ASSET{asset:03}")).collect();
    let bar = |row: usize| 1_750_000_000 + (row / each) as i64;
    let schema = table.schema();
    let columns = schema.fields().iter().map(|field| -> Result<ArrayRef, Any> {
        let text = |of: &dyn Fn(usize) -> String| -> ArrayRef {
            Arc::new(StringArray::from_iter_values((0..rows).map(of)))
        };
        Ok(match (field.name().as_str(), field.data_type()) {
            ("bar", _) => Arc::new(Int64Array::from_iter_values((0..rows).map(bar))),
            (_, DataType::Int64) => Arc::new(Int64Array::from_iter_values((0..rows).map(|row| row as i64))),
            (_, DataType::Timestamp(..)) => Arc::new(
                TimestampMicrosecondArray::from_iter_values((0..rows).map(|row| bar(row) * 1_000_000))
                    .with_timezone("UTC"),
            ),
            (_, DataType::Float64) => {
                Arc::new(Float64Array::from_iter_values((0..rows).map(|row| (row as f64).sqrt())))
            }
            (_, DataType::Map(..)) => {
                let mut weights = WeightsBuilder::default();
                for row in 0..rows {
                    let weight = |(at, name)| (name, 1.0 / (1 + row + at) as f64);
                    weights.push(names.iter().enumerate().map(weight))?;
                }
                weights.finish()
            }
            ("asset", _) => text(&|row| names[row % each].clone()),
            ("objective", _) => text(&|row| format!("objective-{}", row % each)),
            ("run_id", _) => text(&|_| "20260601T120000Z-1a2b3c".to_owned()),
            (name, _) => text(&|_| name.to_owned()),
        })
    });
    Ok(RecordBatch::try_new(schema.clone(), columns.collect::<Result<_, _>>()?)?)
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
async fn write_bare<R: Bare>(
    session: &Session,
    table: Table,
    rows: Vec<R>,
) -> Result<std::time::Duration, Any> {
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

/// Rows a second of the driver alone: the same pages of the same ranges, and only counted.
async fn scan_bare(session: &Session, table: Table) -> Result<f64, Any> {
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
    Ok(counts.iter().sum::<usize>() as f64 / begun.elapsed().as_secs_f64())
}
