//! What a stored table consists of: its files with what the table's log says of them.
//!
//! Delta's own scan plans without the statistics of single files. Here they are taken out once a version of
//! the table, so that a query skips files by them, reads the newest first and knows row counts without
//! reading any.

use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, ScalarValue, Statistics};
use datafusion::error::DataFusionError;
use deltalake::kernel::LogicalFileView;
use silverbullet_store::{Snapshot, Table};

/// One Parquet file of a table.
#[derive(Debug, Clone)]
pub(crate) struct DataFile {
    /// Path from the root of the file system, without a leading slash.
    pub(crate) path: String,
    /// Bytes.
    pub(crate) size: u64,
    /// Values of the table's partition columns, in their order.
    pub(crate) partitions: Vec<String>,
    /// One entry a column of [`Table::schema`], partition columns too. Bounds are exact for integers only:
    /// the log cuts text short, rounds times and leaves NaN out.
    pub(crate) statistics: Statistics,
}

/// The files of a table at one version.
pub(crate) fn files_of(snapshot: &Snapshot, table: Table) -> Result<Vec<DataFile>, DataFusionError> {
    let root = snapshot.folder().canonicalize()?;
    let root = root.to_string_lossy().replace('\\', "/");
    let root = root.trim_matches('/');
    snapshot.state().log_data().iter().map(|file| data_file(root, table, &file)).collect()
}

fn data_file(root: &str, table: Table, file: &LogicalFileView) -> Result<DataFile, DataFusionError> {
    if file.deletion_vector_descriptor().is_some() {
        let reason = format!("table {} has deletion vectors, which are not read here", table.name());
        return Err(DataFusionError::NotImplemented(reason));
    }
    let mut values = file.partition_values_map();
    let partitions: Vec<String> =
        table.partitions().iter().map(|name| values.remove(*name).flatten().unwrap_or_default()).collect();
    let size = u64::try_from(file.size()).unwrap_or_default();
    let path = format!("{root}/{}", file.object_store_path());
    let statistics = statistics_of(table, file, &partitions)?;
    Ok(DataFile { path, size, partitions, statistics })
}

fn statistics_of(
    table: Table,
    file: &LogicalFileView,
    partitions: &[String],
) -> Result<Statistics, DataFusionError> {
    let recorded: serde_json::Value =
        file.stats().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    let rows = recorded["numRecords"].as_u64().and_then(|rows| usize::try_from(rows).ok());
    let mut columns = Vec::new();
    for field in table.schema().fields() {
        let name = field.name();
        if let Some(position) = table.partitions().iter().position(|column| column == name) {
            columns.push(constant(&partitions[position]));
            continue;
        }
        let bound =
            |which: &str| bound(&recorded[which][name.as_str()], field.data_type(), which == "maxValues");
        let nulls =
            recorded["nullCount"][name.as_str()].as_u64().and_then(|nulls| usize::try_from(nulls).ok());
        columns.push(ColumnStatistics {
            null_count: nulls.map_or(Precision::Absent, Precision::Exact),
            min_value: bound("minValues"),
            max_value: bound("maxValues"),
            ..ColumnStatistics::new_unknown()
        });
    }
    Ok(Statistics {
        num_rows: rows.map_or(Precision::Absent, Precision::Exact),
        total_byte_size: Precision::Absent,
        column_statistics: columns,
    })
}

/// A column that has one value in all of a file.
pub(crate) fn constant(value: &str) -> ColumnStatistics {
    let value = Precision::Exact(ScalarValue::Utf8(Some(value.to_owned())));
    ColumnStatistics {
        null_count: Precision::Exact(0),
        min_value: value.clone(),
        max_value: value,
        distinct_count: Precision::Exact(1),
        ..ColumnStatistics::new_unknown()
    }
}

/// A bound as the log has it. Text may be cut short, which keeps a lower bound one but not an upper one.
fn bound(
    value: &serde_json::Value,
    data_type: &arrow::datatypes::DataType,
    upper: bool,
) -> Precision<ScalarValue> {
    use arrow::datatypes::{DataType, TimeUnit};
    match data_type {
        DataType::Int64 => value.as_i64().map_or(Precision::Absent, |value| Precision::Exact(value.into())),
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            // Milliseconds in the log: an upper bound is rounded up.
            let time = value.as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok());
            let microseconds = |time: jiff::Timestamp| {
                let micros = time.as_microsecond();
                if upper { micros.saturating_add(999) } else { micros }
            };
            time.map_or(Precision::Absent, |time| {
                Precision::Inexact(ScalarValue::TimestampMicrosecond(Some(microseconds(time)), zone.clone()))
            })
        }
        _ => Precision::Absent,
    }
}
