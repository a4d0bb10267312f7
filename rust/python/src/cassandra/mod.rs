//! Tables in Cassandra for Python: `silverbullet_store::cassandra`, with record batches by the Arrow PyCapsule interface.
//!
//! Names, defaults and documentation for people are those of `python/silverbullet/cassandra.py`.

mod capsule;
mod conform;
mod error;
mod read;
mod session;
mod write;

use pyo3::prelude::*;
use silverbullet_store::Table;
use silverbullet_store::cassandra::splits;

pub(crate) use self::capsule::NativeBatch;
use self::error::unknown_table;
pub(crate) use self::read::NativeRead;
pub(crate) use self::session::NativeCassandra;
pub(crate) use self::write::NativeWrite;

/// Names of all tables.
#[pyfunction]
pub(crate) fn cassandra_tables() -> Vec<&'static str> {
    Table::ALL.map(Table::name).to_vec()
}

/// No rows of a table: its columns, with their meaning.
#[pyfunction]
pub(crate) fn cassandra_columns(table: &str) -> PyResult<NativeBatch> {
    Ok(NativeBatch::empty(&named(table)?.schema()))
}

/// Columns that tell the partitions of a table apart and those that are part of the rows' key, as far as they are columns
/// of the table.
#[pyfunction]
pub(crate) fn cassandra_keys(table: &str) -> PyResult<(Vec<&'static str>, Vec<&'static str>)> {
    let table = named(table)?;
    let partition = silverbullet_store::cassandra::partition(table).iter().copied();
    Ok((partition.filter(|name| *name != "bucket").collect(), table.key().to_vec()))
}

/// The ring of tokens in so many ranges of the same size: tokens above the first number, up to the second.
#[pyfunction]
pub(crate) fn cassandra_ranges(count: u32) -> Vec<(i64, i64)> {
    splits(count).into_iter().map(|range| (range.after, range.up_to)).collect()
}

fn named(name: &str) -> PyResult<Table> {
    Table::ALL.into_iter().find(|table| table.name() == name).ok_or_else(|| unknown_table(name))
}
