//! The tables as Delta keeps them.

use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use deltalake::datafusion::catalog::TableProvider;
use deltalake::datafusion::prelude::SessionContext;
use deltalake::delta_datafusion::{DeltaScanConfig, DeltaScanNext};
use silverbullet_market::{SystemClock, Universe};
use silverbullet_store::{Snapshot, Store, StoreOptions, Table, Tables};

use super::{line, run, runtime, source};

pub fn open(options: StoreOptions) -> Arc<Store> {
    Store::open(options, Arc::new(SystemClock)).unwrap()
}

/// A whole run of a source that can be had again: go on from where the store is, to `last`, and close.
pub fn run_to(options: StoreOptions, universe: &Universe, last: i64, every: i64, complete: bool) {
    let store = open(options);
    let from = store.resume(universe).unwrap();
    let mut writer = store.writer(universe, &source("a", true), "run").unwrap();
    run(&mut writer, universe, from.as_ref(), last, every, complete).unwrap();
    store.close().unwrap();
}

/// Every row of `table` as text without its run, in the order of the key; floats in digits that keep all bits.
pub fn rows(directory: &Path, table: Table) -> Vec<String> {
    runtime().block_on(rows_from(&Tables::open(directory), table))
}

pub async fn rows_from(tables: &Tables, table: Table) -> Vec<String> {
    let key: Vec<String> = table.key().iter().map(|name| format!("\"{name}\"")).collect();
    let sql = format!("select * from t order by {}", key.join(", "));
    let Some(batches) = query(tables, table, &sql).await else { return Vec::new() };
    let mut rows = Vec::new();
    for batch in &batches {
        rows.extend((0..batch.num_rows()).map(|row| line(batch, row)));
    }
    rows
}

pub async fn query(tables: &Tables, table: Table, sql: &str) -> Option<Vec<RecordBatch>> {
    let snapshot = tables.snapshot(table).await.unwrap()?;
    let context = SessionContext::new();
    context.register_table("t", provider(&snapshot)).unwrap();
    Some(context.sql(sql).await.unwrap().collect().await.unwrap())
}

/// What Delta Lake itself reads a table through.
pub fn provider(snapshot: &Snapshot) -> Arc<dyn TableProvider> {
    let config = DeltaScanConfig {
        schema_force_view_types: false,
        wrap_partition_values: false,
        ..DeltaScanConfig::new()
    };
    Arc::new(DeltaScanNext::new(snapshot.state().clone(), config).unwrap())
}

/// Everything the result tables hold.
pub fn everything(directory: &Path) -> Vec<(Table, Vec<String>)> {
    Table::RESULTS.into_iter().map(|table| (table, rows(directory, table))).collect()
}
