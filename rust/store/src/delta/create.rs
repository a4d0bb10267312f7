//! Making tables: columns with their comments, partitions, properties; how their files are written.

use deltalake::kernel::StructType;
use deltalake::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake::operations::create::CreateBuilder;
use deltalake::protocol::SaveMode;
use deltalake::{DeltaTable, DeltaTableError, TableProperty};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;

use super::{Delta, guarded};
use crate::directory::DataDirectory;
use crate::error::{Error, Result};
use crate::schema::{ENTRY, KEY, Table, VALUE};

/// Rows in a row group. The newest row costs reading one group of all columns: half as many rows halve that, while
/// a quarter would slow aggregates over everything by a fifth.
const ROW_GROUP: usize = 64 * 1024;
/// Rows in a page. The newest rows are looked for by pages, so that one of each column is what they cost.
const PAGE: usize = 4 * 1024;
/// Bytes in a page of weights, which are most of what the newest row costs: half a thousand rows with eight assets.
const WEIGHTS_PAGE: usize = 32 << 10;
/// Commits after which the log is summed up at the latest; maintenance does it sooner.
const CHECKPOINT_INTERVAL: &str = "100";
/// How long commits stay in the log after it was summed up.
const LOG_RETENTION: &str = "interval 1 day";
/// How long a file that the table has no more use for is kept by others who tidy up.
const FILE_RETENTION: &str = "interval 1 day";

/// Makes `table` in the folder of tables, which must be there.
pub(super) async fn create(directory: &DataDirectory, table: Table) -> Delta<DeltaTable> {
    let path = directory.table(table);
    std::fs::create_dir(&path).or_else(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => Ok(()),
        _ => Err(DeltaTableError::Io { source: error }),
    })?;
    let delta = guarded::builder(directory, table)?.build()?;
    let columns: StructType = table.schema().as_ref().try_into_kernel()?;
    CreateBuilder::new()
        .with_log_store(delta.log_store())
        .with_table_name(table.name())
        .with_comment(table.comment())
        .with_columns(columns.fields().cloned())
        .with_partition_columns(table.partitions().iter().copied())
        .with_configuration_property(TableProperty::CheckpointInterval, Some(CHECKPOINT_INTERVAL))
        .with_configuration_property(TableProperty::LogRetentionDuration, Some(LOG_RETENTION))
        .with_configuration_property(TableProperty::DeletedFileRetentionDuration, Some(FILE_RETENTION))
        // Another process may make it at the same moment: then that one it is.
        .with_save_mode(SaveMode::Ignore)
        .await
}

/// Makes sure that the table on disk has the columns of this program.
pub(super) fn check(directory: &DataDirectory, table: Table, delta: &DeltaTable) -> Result<()> {
    let Ok(state) = delta.snapshot() else { return Ok(()) };
    let describe = |fields: &arrow::datatypes::Fields| {
        let describe = |field: &arrow::datatypes::FieldRef| format!("{} {}", field.name(), field.data_type());
        fields.iter().map(describe).collect::<Vec<_>>().join(", ")
    };
    let found = describe(state.snapshot().arrow_schema().fields());
    let expected = describe(table.schema().fields());
    if found == expected {
        return Ok(());
    }
    Err(Error::Schema { table: table.name(), directory: directory.path().to_path_buf(), found, expected })
}

/// Columns of a few short words, repeated: their pages are runs of places in a dictionary already. Packing those
/// once more saves next to nothing, and unpacking costs an aggregate its setting-up for each group of rows.
const FEW_WORDS: [&str; 7] = ["run_id", "method", "objective", "label", "asset", "kind", "stage"];

/// How the files of all tables are written.
#[must_use]
pub fn writer_properties() -> WriterProperties {
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(ROW_GROUP))
        .set_data_page_row_count_limit(PAGE)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_dictionary_enabled(true);
    let plain = |properties: WriterPropertiesBuilder, column: &str| {
        properties.set_column_compression(ColumnPath::from(column), Compression::UNCOMPRESSED)
    };
    let short = |properties: WriterPropertiesBuilder, leaf: &str| {
        let path = ["weights", ENTRY, leaf].map(str::to_owned).to_vec();
        properties.set_column_data_page_size_limit(ColumnPath::new(path), WEIGHTS_PAGE)
    };
    let properties = [KEY, VALUE].into_iter().fold(properties, short);
    FEW_WORDS.into_iter().fold(properties, plain).build()
}
