//! Tables in memory, which can be away or fail: they tell the store's part from that of a real keeper.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::array::RecordBatch;
use arrow::compute::cast;
use arrow::datatypes::DataType;
use async_trait::async_trait;
use silverbullet_market::{Nanos, SystemClock};
use silverbullet_store::backend::{Backend, Maintained, Numbered, new_rows};
use silverbullet_store::{Error, Result, Store, Table};

use super::{line, options, run, source, universe};

#[derive(Debug, Default)]
pub struct Memory(Mutex<Kept>);

#[derive(Debug, Default)]
pub struct Kept {
    tables: BTreeMap<Table, Vec<RecordBatch>>,
    versions: BTreeMap<(Table, String), i64>,
    /// Tables that cannot be read or written.
    pub failing: BTreeSet<Table>,
    /// Rows are taken and nothing is ever answered.
    pub silent: bool,
    /// Calls that failed.
    pub failures: u64,
}

impl Memory {
    pub fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has all tables fail, or none.
    pub fn set_away(&self, away: bool) {
        self.kept().failing = if away { Table::ALL.into() } else { BTreeSet::new() };
    }

    /// The rows of a table as text, sorted.
    pub fn rows(&self, table: Table) -> Vec<String> {
        lines(self.kept().tables.get(&table).into_iter().flatten())
    }

    /// Everything the result tables hold.
    pub fn everything(&self) -> Vec<(Table, Vec<String>)> {
        Table::RESULTS.into_iter().map(|table| (table, self.rows(table))).collect()
    }

    fn reach(&self, table: Table) -> Result<MutexGuard<'_, Kept>> {
        let mut kept = self.kept();
        if kept.failing.contains(&table) {
            kept.failures += 1;
            return Err(Error::Vanished { path: table.name().into() });
        }
        Ok(kept)
    }
}

/// Rows as text, sorted.
pub fn lines<'a>(batches: impl IntoIterator<Item = &'a RecordBatch>) -> Vec<String> {
    let batches = batches.into_iter().map(without_zones);
    let mut lines: Vec<String> =
        batches.flat_map(|batch| (0..batch.num_rows()).map(move |row| line(&batch, row))).collect();
    lines.sort();
    lines
}

/// `batch` with times as numbers: only some builds know the names of time zones.
fn without_zones(batch: &RecordBatch) -> RecordBatch {
    let schema = batch.schema();
    let columns = schema.fields().iter().zip(batch.columns()).map(|(field, column)| {
        let time = matches!(column.data_type(), DataType::Timestamp(..));
        let column = if time { cast(column, &DataType::Int64).unwrap() } else { Arc::clone(column) };
        (field.name().clone(), column)
    });
    RecordBatch::try_from_iter(columns.collect::<Vec<_>>()).unwrap()
}

#[async_trait]
impl Backend for Memory {
    async fn stored(&self, table: Table, application: &str) -> Result<Option<i64>> {
        Ok(self.reach(table)?.versions.get(&(table, application.to_owned())).copied())
    }

    async fn append(&self, table: Table, rows: &[Numbered], application: &str, version: i64) -> Result<()> {
        let silent = self.kept().silent;
        if silent {
            std::future::pending::<()>().await;
        }
        let mut kept = self.reach(table)?;
        let key = (table, application.to_owned());
        let stored = kept.versions.get(&key).copied();
        let batches = new_rows(table, rows, stored)?;
        kept.tables.entry(table).or_default().extend(batches);
        kept.versions.insert(key, stored.map_or(version, |stored| stored.max(version)));
        Ok(())
    }

    async fn record(&self, table: Table, batch: &RecordBatch) -> Result<()> {
        self.reach(table)?.tables.entry(table).or_default().push(batch.clone());
        Ok(())
    }

    async fn replace_run(&self, row: &RecordBatch) -> Result<()> {
        self.reach(Table::Runs)?.tables.insert(Table::Runs, vec![row.clone()]);
        Ok(())
    }

    async fn maintain(&self, _now: Nanos) -> Result<Maintained> {
        Ok(Maintained::default())
    }
}

/// What a run that nothing happened to leaves, of `last` bars.
pub fn undisturbed(last: i64) -> Vec<(Table, Vec<String>)> {
    let folder = tempfile::tempdir().unwrap();
    let memory = Arc::new(Memory::default());
    let backend = Arc::clone(&memory);
    let store = Store::with_backend(options(folder.path()), Arc::new(SystemClock), backend).unwrap();
    let universe = universe("a");
    store.resume(&universe).unwrap();
    let mut writer = store.writer(&universe, &source("a", true), "run").unwrap();
    run(&mut writer, &universe, None, last, 4, true).unwrap();
    store.close().unwrap();
    let counts: Vec<_> = memory.everything().iter().map(|(_, rows)| rows.len() as i64).collect();
    assert_eq!(counts, [last / 3, 2 * last, 2 * (last / 5), 3 * last, 3 * last]);
    memory.everything()
}
