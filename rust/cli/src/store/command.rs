//! The command `store`: tables made, and what they hold.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::anyhow;
use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use silverbullet_query::Sql;
use silverbullet_store::cassandra::{
    CassandraSettings, Connection, SCHEMA_VERSION, TableEstimate, estimates, init,
};
use silverbullet_store::{Table, Tables};
use tokio::runtime::Runtime;

use super::arguments::{StoreArguments, StoreCommand};
use crate::args::ResultFormat;
use crate::failure::usage;
use crate::output;
use crate::settings::Settings;
use crate::sql;

/// Runs one of the commands of `store`.
pub(crate) fn run(arguments: &StoreArguments, settings: &Settings) -> anyhow::Result<ExitCode> {
    let cassandra = super::cassandra(&settings.store, settings.seed)?;
    let runtime = sql::runtime()?;
    match arguments.command {
        StoreCommand::Init => {
            let cassandra = cassandra.ok_or_else(|| {
                usage("store init makes the tables in Cassandra: name its nodes by --nodes HOST:PORT or in store.cassandra.nodes")
            })?;
            for line in runtime.block_on(made(cassandra))? {
                output::line(&line)?;
            }
        }
        StoreCommand::Status { count, format } => {
            let rows = status(settings, cassandra, count, &runtime)?;
            output::line(sql::text_of(&[rows], format).map_err(sql::explain)?.trim_end())?;
            if format == ResultFormat::Table && !settings.store.directory.is_dir() {
                output::note(&format!("nothing is kept in {} yet", settings.store.directory.display()));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn made(settings: CassandraSettings) -> anyhow::Result<Vec<String>> {
    let keyspace = settings.keyspace.clone();
    let done = init(&Connection::open(settings).await?).await?;
    if done.is_empty() {
        return Ok(vec![format!(
            "keyspace {keyspace}: nothing to do, the tables have version {SCHEMA_VERSION}"
        )]);
    }
    Ok(done)
}

/// One row a table and place.
#[derive(Default)]
struct Status {
    place: Vec<&'static str>,
    table: Vec<String>,
    rows: Vec<Option<i64>>,
    partitions: Vec<Option<i64>>,
    bytes: Vec<Option<i64>>,
    newest: Vec<Option<i64>>,
}

fn status(
    settings: &Settings,
    cassandra: Option<CassandraSettings>,
    count: bool,
    runtime: &Runtime,
) -> anyhow::Result<RecordBatch> {
    let tables = Tables::open(&settings.store.directory);
    let sql = Arc::new(super::sql(settings, tables.clone(), None, Vec::new())?);
    let mut status = Status::default();
    for table in Table::ALL {
        let snapshot = runtime.block_on(tables.snapshot(table))?;
        let Some(snapshot) = snapshot else { continue };
        let (files, bytes) = snapshot.size();
        let rows = runtime.block_on(counted(&sql, "history", table))?;
        let newest = runtime.block_on(newest(&sql, "history", table))?;
        status.push("delta", table.name(), Some(rows), Some(files), Some(bytes), newest);
    }
    if let Some(cassandra) = cassandra {
        let estimated = runtime.block_on(async { estimates(&Connection::open(cassandra).await?).await })?;
        for TableEstimate { name, table, partitions, bytes } in estimated {
            let rows = match (count, table) {
                (true, Some(table)) => Some(runtime.block_on(counted(&sql, "cassandra", table))?),
                _ => None,
            };
            status.push("cassandra", &name, rows, partitions, bytes, None);
        }
    }
    status.batch()
}

impl Status {
    fn push(
        &mut self,
        place: &'static str,
        table: &str,
        rows: Option<i64>,
        partitions: Option<i64>,
        bytes: Option<i64>,
        newest: Option<i64>,
    ) {
        self.place.push(place);
        self.table.push(table.to_owned());
        self.rows.push(rows);
        self.partitions.push(partitions);
        self.bytes.push(bytes);
        self.newest.push(newest);
    }

    fn batch(self) -> anyhow::Result<RecordBatch> {
        let numbers = |values| Arc::new(Int64Array::from(values)) as ArrayRef;
        let times = TimestampMicrosecondArray::from(self.newest).with_timezone("UTC");
        Ok(RecordBatch::try_from_iter([
            ("place", Arc::new(StringArray::from(self.place)) as ArrayRef),
            ("table", Arc::new(StringArray::from(self.table))),
            ("rows", numbers(self.rows)),
            ("files_or_partitions", numbers(self.partitions)),
            ("bytes", numbers(self.bytes)),
            ("newest", Arc::new(times)),
        ])?)
    }
}

async fn counted(sql: &Sql, schema: &str, table: Table) -> anyhow::Result<i64> {
    let query = format!("select count(*) from {schema}.{}", table.name());
    number(sql, &query).await?.ok_or_else(|| anyhow!("{query}: no answer"))
}

/// The latest time of a table.
async fn newest(sql: &Sql, schema: &str, table: Table) -> anyhow::Result<Option<i64>> {
    let column = match table {
        Table::Bars => "close_time",
        Table::Runs => "started",
        _ => "as_of",
    };
    let query = format!("select cast(max({column}) as bigint) from {schema}.{}", table.name());
    number(sql, &query).await
}

async fn number(sql: &Sql, query: &str) -> anyhow::Result<Option<i64>> {
    use arrow::array::{Array, AsArray};
    let (batches, _) = sql::answer(sql, query).await?;
    let column = batches[0].column(0).as_primitive::<arrow::datatypes::Int64Type>();
    Ok((column.len() == 1 && column.is_valid(0)).then(|| column.value(0)))
}
