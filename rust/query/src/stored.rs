//! Tables on disk, planned from what their log says of each file.
//!
//! Files are left out by partition and by statistics when a query is planned; the rest are read newest first
//! where the newest are asked for, and a filter that comes to be while the query runs (the least bar that
//! still makes it into a `LIMIT`, the largest bar of a subquery) leaves out files, row groups and pages again.

use std::collections::BTreeMap;
use std::sync::{Arc, MutexGuard};

use arrow::array::{ArrayRef, BooleanArray};
use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use datafusion::catalog::Session;
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::stats::Precision;
use datafusion::common::{Column, ScalarValue, Statistics, ToDFSchema};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::utils::conjunction;
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use silverbullet_store::{Snapshot, Table};

use crate::newest_rows::{self, Ends};
use crate::state::{DataFile, files_of};
use crate::variants::{Chosen, Newest, Runs, time_column};
use crate::views::planned;

/// The newest rows are looked for in so many files: those of the last flushes, and one that was made of many.
const MOST_FILES: usize = 16;

/// A table on disk at one version.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) snapshot: Snapshot,
    /// The newest time of each universe's variants.
    pub(crate) newest: Newest,
    files: Vec<DataFile>,
    schemas: Schemas,
    ends: Ends,
}

/// A table's columns as plans see them, in the order of the contract, and in that of a Parquet scan: partition columns last.
#[derive(Debug)]
struct Schemas {
    contract: SchemaRef,
    scan: TableSchema,
    /// Where each column of the contract stands in the scan.
    positions: Vec<usize>,
}

impl Schemas {
    fn of(table: Table) -> Result<Self> {
        let contract = planned(table);
        let is_partition = |field: &FieldRef| table.partitions().contains(&field.name().as_str());
        let (parts, columns): (Vec<FieldRef>, Vec<FieldRef>) =
            contract.fields().iter().cloned().partition(is_partition);
        let scan =
            TableSchema::builder(Arc::new(Schema::new(columns))).with_table_partition_cols(parts).build();
        let position = |field: &FieldRef| scan.table_schema().index_of(field.name());
        let positions = contract.fields().iter().map(position).collect::<std::result::Result<_, _>>()?;
        Ok(Self { contract, scan, positions })
    }

    /// Statistics of a scan's columns, without those of the partitions.
    fn file_statistics(&self, statistics: &Statistics) -> Statistics {
        let width = self.scan.file_schema().fields().len();
        let mut columns = vec![None; self.positions.len()];
        for (column, position) in statistics.column_statistics.iter().zip(&self.positions) {
            columns[*position] = Some(column.clone());
        }
        Statistics {
            num_rows: statistics.num_rows,
            total_byte_size: statistics.total_byte_size,
            column_statistics: columns.into_iter().take(width).flatten().collect(),
        }
    }
}

impl Stored {
    pub(crate) fn new(table: Table, snapshot: Snapshot) -> Result<Self> {
        let mut files = files_of(&snapshot, table)?;
        files.sort_by(|left, right| left.path.cmp(&right.path));
        let schemas = Schemas::of(table)?;
        let newest = newest_of(table, &schemas.contract, &files);
        Ok(Self { snapshot, newest, files, schemas, ends: Ends::default() })
    }

    /// Files of the chosen variants that may hold rows `filters` keep.
    fn select(&self, session: &dyn Session, chosen: &Chosen, filters: &[Expr]) -> Result<Vec<&DataFile>> {
        let files: Vec<&DataFile> = self
            .files
            .iter()
            .filter(|file| match file.partitions.as_slice() {
                [universe, variant] => chosen.takes(universe, variant),
                _ => true,
            })
            .collect();
        let Some(filter) = conjunction(filters.iter().cloned()) else { return Ok(files) };
        let columns = self.schemas.contract.clone().to_dfschema()?;
        let filter = session.create_physical_expr(filter, &columns)?;
        // A filter that statistics say nothing of leaves all files.
        let builder = PruningPredicateBuilder::new().with_file_schema(self.schemas.contract.clone());
        let Ok(predicate) = builder.try_build(filter) else { return Ok(files) };
        let kept = predicate.prune(&FileStatistics { schema: &self.schemas.contract, files: &files })?;
        Ok(files.into_iter().zip(kept).filter_map(|(file, kept)| kept.then_some(file)).collect())
    }

    /// A plan that reads what `filters` keep of the chosen variants, and more: they are applied again above it.
    pub(crate) fn scan(
        &self,
        session: &dyn Session,
        chosen: &Chosen,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let files = self.select(session, chosen, filters)?;
        if files.is_empty() {
            return Ok(None);
        }
        let group: FileGroup = files.into_iter().map(|file| self.partitioned(file)).collect();
        let total = Statistics::try_merge_iter(
            group.iter().filter_map(|file| file.statistics.as_deref()),
            self.schemas.scan.table_schema(),
        )?;
        let group = group.with_statistics(Arc::new(total.clone()));
        let location = ObjectStoreUrl::local_filesystem();
        let store = session.runtime_env().object_store(&location)?;
        let footers = session.runtime_env().cache_manager.get_file_metadata_cache();
        let source = ParquetSource::new(self.schemas.scan.clone())
            .with_table_parquet_options(session.default_table_options().parquet)
            .with_pushdown_filters(true)
            .with_parquet_file_reader_factory(Arc::new(CachedParquetFileReaderFactory::new(store, footers)));
        let columns: Vec<usize> = match projection {
            Some(projection) => projection.iter().map(|column| self.schemas.positions[*column]).collect(),
            None => self.schemas.positions.clone(),
        };
        let config = FileScanConfigBuilder::new(location, Arc::new(source))
            .with_file_group(group)
            .with_statistics(total)
            .with_projection_indices(Some(columns))?
            .with_limit(limit)
            .build();
        Ok(Some(DataSourceExec::from_data_source(config)))
    }

    /// A value of `column` that `wanted` rows at least have or exceed, of the chosen variants, or of those of one universe.
    pub(crate) fn least(
        &self,
        chosen: &Chosen,
        column: &'static str,
        universe: Option<&str>,
        wanted: usize,
    ) -> Option<ScalarValue> {
        let (position, field) = self.schemas.contract.column_with_name(column)?;
        let mut variants: BTreeMap<(&str, &str), Vec<&DataFile>> = BTreeMap::new();
        for file in &self.files {
            let [of, variant] = file.partitions.as_slice() else { return None };
            if chosen.takes(of, variant) && universe.is_none_or(|universe| universe == of) {
                variants.entry((of, variant)).or_default().push(file);
            }
        }
        let bounds = variants.into_values().filter_map(|mut files| {
            files.sort_by_key(|file| std::cmp::Reverse(last(file, position).unwrap_or(i64::MIN)));
            let newest = files.into_iter().take(MOST_FILES);
            let stretches = newest.flat_map(|file| self.ends.of(&file.path, column).to_vec());
            newest_rows::least(stretches, wanted)
        });
        let bound = bounds.max()?;
        ScalarValue::Int64(Some(bound)).cast_to(field.data_type()).ok()
    }

    /// The bars of each file, with its universe and variant; nothing of a file that does not tell them.
    pub(crate) fn bars(&self) -> impl Iterator<Item = ((&str, &str), (i64, i64))> {
        let position = self.schemas.contract.index_of("bar").ok();
        self.files.iter().filter_map(move |file| {
            let [universe, variant] = file.partitions.as_slice() else { return None };
            let bounds = &file.statistics.column_statistics[position?];
            let bar = |bound: &Precision<ScalarValue>| match bound.get_value()? {
                ScalarValue::Int64(bar) => *bar,
                _ => None,
            };
            Some(((universe.as_str(), variant.as_str()), (bar(&bounds.min_value)?, bar(&bounds.max_value)?)))
        })
    }

    fn partitioned(&self, file: &DataFile) -> PartitionedFile {
        let values = file.partitions.iter().map(|value| ScalarValue::Utf8(Some(value.clone()))).collect();
        PartitionedFile::new(file.path.clone(), file.size)
            .with_partition_values(values)
            .with_statistics(Arc::new(self.schemas.file_statistics(&file.statistics)))
    }
}

/// The greatest bar, or time in microseconds, that a file has in the column at `position`.
fn last(file: &DataFile, position: usize) -> Option<i64> {
    match file.statistics.column_statistics[position].max_value.get_value()? {
        ScalarValue::Int64(value) | ScalarValue::TimestampMicrosecond(value, _) => *value,
        _ => None,
    }
}

fn newest_of(table: Table, contract: &Schema, files: &[DataFile]) -> Newest {
    let mut newest = Newest::default();
    let column = time_column(table).and_then(|name| contract.index_of(name).ok());
    for file in files {
        let [universe, variant] = file.partitions.as_slice() else { continue };
        let time = column.and_then(|column| last(file, column));
        newest.see(universe, variant, time.unwrap_or(i64::MIN));
    }
    newest
}

/// What pruning asks of files.
struct FileStatistics<'a> {
    schema: &'a Schema,
    files: &'a [&'a DataFile],
}

impl FileStatistics<'_> {
    fn each(
        &self,
        column: &Column,
        value: impl Fn(&Statistics, usize) -> Option<ScalarValue>,
    ) -> Option<ArrayRef> {
        let (position, field) = self.schema.column_with_name(&column.name)?;
        let null = ScalarValue::try_new_null(field.data_type()).ok()?;
        let values =
            self.files.iter().map(|file| value(&file.statistics, position).unwrap_or_else(|| null.clone()));
        ScalarValue::iter_to_array(values).ok()
    }
}

fn count(value: Precision<usize>) -> ScalarValue {
    ScalarValue::UInt64(value.get_value().and_then(|count| u64::try_from(*count).ok()))
}

impl PruningStatistics for FileStatistics<'_> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.each(column, |file, position| file.column_statistics[position].min_value.get_value().cloned())
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.each(column, |file, position| file.column_statistics[position].max_value.get_value().cloned())
    }

    fn num_containers(&self) -> usize {
        self.files.len()
    }

    fn null_counts(&self, column: &Column) -> Option<ArrayRef> {
        let (position, _) = self.schema.column_with_name(&column.name)?;
        let counts =
            self.files.iter().map(|file| count(file.statistics.column_statistics[position].null_count));
        ScalarValue::iter_to_array(counts).ok()
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        ScalarValue::iter_to_array(self.files.iter().map(|file| count(file.statistics.num_rows))).ok()
    }

    fn contained(
        &self,
        _column: &Column,
        _values: &std::collections::HashSet<ScalarValue>,
    ) -> Option<BooleanArray> {
        None
    }
}

/// A plan without rows.
pub(crate) fn nothing(schema: &SchemaRef, projection: Option<&Vec<usize>>) -> Result<Arc<dyn ExecutionPlan>> {
    let schema = match projection {
        Some(projection) => Arc::new(schema.project(projection)?),
        None => schema.clone(),
    };
    Ok(Arc::new(EmptyExec::new(schema)))
}

/// What was taken apart or read of tables, by their version, so that it is done once.
#[derive(Debug, Default)]
pub(crate) struct Cache(std::sync::Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    tables: BTreeMap<&'static str, Arc<Stored>>,
    /// The version of `runs`, and what stands in it.
    runs: Option<(Option<u64>, Arc<Runs>)>,
}

impl Cache {
    pub(crate) fn stored(&self, table: Table, snapshot: Snapshot) -> Result<Arc<Stored>> {
        let mut kept = self.kept()?;
        if let Some(stored) = kept.tables.get(table.name())
            && stored.snapshot.version() == snapshot.version()
        {
            return Ok(stored.clone());
        }
        let stored = Arc::new(Stored::new(table, snapshot)?);
        kept.tables.insert(table.name(), stored.clone());
        Ok(stored)
    }

    /// What was read of `runs` at this version; `None` is the version of a table that is not there.
    pub(crate) fn runs(&self, version: Option<u64>) -> Result<Option<Arc<Runs>>> {
        Ok(self.kept()?.runs.as_ref().filter(|(of, _)| *of == version).map(|(_, runs)| runs.clone()))
    }

    pub(crate) fn keep_runs(&self, version: Option<u64>, runs: &Arc<Runs>) -> Result<()> {
        self.kept()?.runs = Some((version, runs.clone()));
        Ok(())
    }

    fn kept(&self) -> Result<MutexGuard<'_, Kept>> {
        self.0.lock().map_err(|_| DataFusionError::Internal("a thread failed".to_owned()))
    }
}
