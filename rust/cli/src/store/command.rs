//! The command `store`: tables made, and what they hold.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::anyhow;
use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use silverbullet_market::{Clock, SystemClock};
use silverbullet_store::cassandra::{
    CassandraSettings, Connection, SCHEMA_VERSION, TableEstimate, estimates, init,
};
use silverbullet_store::{Table, Tables};
use tokio::runtime::Runtime;

use super::arguments::{StoreArguments, StoreCommand};
use super::transfer;
use crate::args::ResultFormat;
use crate::output;
use crate::settings::Settings;
use crate::sql;
use crate::stored::{Stored, time_of};

const MILLISECOND: i64 = 1_000_000;
/// Milliseconds that clocks may differ without a word.
const SKEW: i64 = 10_000;

/// Runs one of the commands of `store`.
pub(crate) fn run(arguments: &StoreArguments, settings: &Settings) -> anyhow::Result<ExitCode> {
    let cassandra = super::cassandra(&settings.store, settings.seed)?;
    let runtime = sql::runtime()?;
    match &arguments.command {
        StoreCommand::Init => {
            let cassandra = super::cassandra_or_usage(settings)?;
            for line in runtime.block_on(made(cassandra))? {
                output::line(&line)?;
            }
        }
        StoreCommand::Status { count, format } => {
            let rows = status(settings, cassandra, *count, &runtime)?;
            output::line(sql::text_of(&[rows], *format).map_err(sql::explain)?.trim_end())?;
            if *format == ResultFormat::Table && !settings.store.directory.is_dir() {
                output::note(&format!("nothing is kept in {} yet", settings.store.directory.display()));
            }
        }
        StoreCommand::Export { folder, from, which } => transfer::export(folder, *from, which, settings)?,
        StoreCommand::Import { folder, to, tables } => {
            transfer::import(folder, *to, &transfer::named(tables)?, settings, &SystemClock)?;
        }
        StoreCommand::Copy { from, to, which } => {
            transfer::copy((*from, *to), which, settings, &SystemClock)?
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn made(settings: CassandraSettings) -> anyhow::Result<Vec<String>> {
    let keyspace = settings.keyspace.clone();
    let connection = Connection::open(settings).await?;
    tell_skew(&connection).await?;
    let done = init(&connection).await?;
    if done.is_empty() {
        return Ok(vec![format!(
            "keyspace {keyspace}: nothing to do, the tables have version {SCHEMA_VERSION}"
        )]);
    }
    Ok(done)
}

/// Tells of clocks that differ: nothing is written wrongly for it, but rows expire by the clocks of the nodes.
async fn tell_skew(connection: &Connection) -> anyhow::Result<()> {
    let ahead = connection.clock_ahead_ms(|| SystemClock.utc() / MILLISECOND).await?;
    if ahead.abs() > SKEW {
        let (seconds, way) = (ahead.abs() / 1_000, if ahead > 0 { "ahead of" } else { "behind" });
        output::note(&format!(
            "the clock of Cassandra's node is {seconds} s {way} this machine's: set both by NTP; rows expire, and of two \
             writers of one row the later is told, by the clocks of the nodes"
        ));
    }
    Ok(())
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
    let stored = Stored::of(settings)?;
    let mut status = Status::default();
    for table in Table::ALL {
        let snapshot = runtime.block_on(tables.snapshot(table))?;
        let Some(snapshot) = snapshot else { continue };
        let (files, bytes) = snapshot.size();
        let rows = counted(&stored, "history", table)?;
        let newest = newest(&stored, table)?;
        status.push("delta", table.name(), Some(rows), Some(files), Some(bytes), newest);
    }
    if let Some(cassandra) = cassandra {
        let estimated = runtime.block_on(async {
            let connection = Connection::open(cassandra).await?;
            tell_skew(&connection).await?;
            anyhow::Ok(estimates(&connection).await?)
        })?;
        for TableEstimate { name, table, partitions, bytes } in estimated {
            let rows = match (count, table) {
                (true, Some(table)) => Some(counted(&stored, "cassandra", table)?),
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

fn counted(stored: &Stored, schema: &str, table: Table) -> anyhow::Result<i64> {
    let query = format!("select count(*) from {schema}.{}", table.name());
    stored.number(&query)?.ok_or_else(|| anyhow!("{query}: no answer"))
}

/// The latest time of a table of the data directory.
fn newest(stored: &Stored, table: Table) -> anyhow::Result<Option<i64>> {
    let column = time_of(table);
    stored.number(&format!("select cast(max({column}) as bigint) from history.{}", table.name()))
}
