//! The files of a table, with what its log says of them.

use arrow::compute::kernels::cast_utils::string_to_timestamp_nanos;
use deltalake::DeltaTable;
use deltalake::kernel::LogicalFileView;
use serde_json::Value;

use super::Delta;

/// A file of a table.
#[derive(Debug, Clone)]
pub(crate) struct DataFile {
    /// Where it lies in the table's folder.
    pub(crate) path: String,
    /// Bytes on disk.
    pub(crate) size: u64,
    /// When it was written, milliseconds UTC.
    pub(crate) written: i64,
    /// Universe and variant, where the table is parted by them.
    pub(crate) partition: Option<(String, String)>,
    /// Least and greatest values and counts of nulls, as the log has them.
    pub(crate) statistics: Value,
    /// True where some of its rows are deleted by a vector beside it.
    pub(crate) has_deleted_rows: bool,
}

impl DataFile {
    pub(super) fn new(view: &LogicalFileView) -> Self {
        let mut values = view.partition_values_map();
        let mut take = |column| values.remove(column).flatten();
        let (universe, variant) = (take("universe"), take("variant"));
        let statistics = view.stats().and_then(|text| serde_json::from_str(&text).ok());
        Self {
            path: view.object_store_path().to_string(),
            size: view.size().cast_unsigned(),
            written: view.modification_time(),
            partition: universe.zip(variant),
            statistics: statistics.unwrap_or_default(),
            has_deleted_rows: view.deletion_vector_descriptor().is_some(),
        }
    }

    /// Least value of an integer column.
    pub(super) fn least(&self, column: &str) -> Option<i64> {
        self.statistics.get("minValues")?.get(column)?.as_i64()
    }

    /// Greatest value of a column of times in nanoseconds; the log keeps milliseconds, so this may be later by
    /// less than one.
    pub(super) fn latest(&self, column: &str) -> Option<i64> {
        let text = self.statistics.get("maxValues")?.get(column)?.as_str()?;
        Some(string_to_timestamp_nanos(text).ok()? + 1_000_000)
    }
}

/// All files of a table, each with what the log needs to let go of it.
pub(super) fn with_views(delta: &DeltaTable) -> Delta<Vec<(DataFile, LogicalFileView)>> {
    let snapshot = delta.snapshot()?.snapshot();
    Ok(snapshot.log_data().iter().map(|view| (DataFile::new(&view), view)).collect())
}
