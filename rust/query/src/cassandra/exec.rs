//! Reading a table in Cassandra, as a leaf of a plan.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::compute::SortOptions;
use arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::col;
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr, PhysicalSortExpr};
use datafusion::physical_plan::execution_plan::{
    Boundedness, ChildrenPropertiesMode, EmissionType, ReplaceChildrenOptions, SchedulingType,
};
use datafusion::physical_plan::limit::LimitStream;
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties};
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use silverbullet_store::Table;
use silverbullet_store::cassandra::bucket::position;
use silverbullet_store::cassandra::{CassandraReader, KeyRead, TokenRange};

use super::external;

type Rows = BoxStream<'static, Result<RecordBatch>>;

/// What is asked of Cassandra.
#[derive(Debug, Clone)]
pub(crate) enum Read {
    /// Rows by key, newest first within each.
    Keys(Vec<KeyRead>),
    /// The newest rows of universes; of these variants, or of all.
    Newest { table: Table, universes: Vec<String>, variants: Option<BTreeSet<String>> },
    /// Everything, as it comes.
    Whole { table: Table, ranges: Vec<TokenRange> },
}

impl fmt::Display for Read {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keys(keys) => {
                let mut keys = keys.iter();
                write!(f, "keys=[")?;
                if let Some(first) = keys.next() {
                    write!(f, "{}", shown(first))?;
                }
                keys.try_for_each(|key| write!(f, ", {}", shown(key)))?;
                write!(f, "]")
            }
            Self::Newest { universes, .. } => write!(f, "newest of [{}]", universes.join(", ")),
            Self::Whole { ranges, .. } => write!(f, "FULL SCAN in {} ranges of tokens", ranges.len()),
        }
    }
}

/// A key as a plan shows it: `default/v1 bar 5..9`.
fn shown(key: &KeyRead) -> String {
    let end = |end: Option<i64>| end.map_or_else(String::new, |end| end.to_string());
    let scope = [key.scope.as_str(), key.variant.as_str()];
    let name = scope.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/");
    match (key.from, key.to) {
        (None, None) => name,
        (from, to) => format!("{name} {} {}..{}", position(key.table), end(from), end(to)),
    }
}

/// Reads a table in Cassandra.
#[derive(Debug, Clone)]
pub(crate) struct CassandraExec {
    reader: Arc<CassandraReader>,
    name: String,
    read: Read,
    /// Columns that are read, one at least.
    columns: Vec<String>,
    schema: SchemaRef,
    fetch: Option<usize>,
    metrics: ExecutionPlanMetricsSet,
    properties: Arc<PlanProperties>,
}

impl CassandraExec {
    pub(crate) fn new(
        reader: Arc<CassandraReader>,
        name: String,
        table: &SchemaRef,
        read: Read,
        projection: Option<&Vec<usize>>,
    ) -> Result<Self> {
        let schema = match projection {
            Some(projection) => Arc::new(table.project(projection)?),
            None => table.clone(),
        };
        let mut columns: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
        if columns.is_empty() {
            // Rows that are only counted have to have something.
            columns.push(table.field(0).name().clone());
        }
        let properties = PlanProperties::new(
            sorted(&schema, &read)?,
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        let properties = Arc::new(properties.with_scheduling_type(SchedulingType::Cooperative));
        let metrics = ExecutionPlanMetricsSet::new();
        Ok(Self { reader, name, read, columns, schema, fetch: None, metrics, properties })
    }

    /// The rows, with all columns that are read.
    async fn rows(self) -> Result<Rows> {
        let Self { reader, read, columns, fetch, .. } = self;
        Ok(match read {
            Read::Keys(keys) => {
                let one = move |key: KeyRead| {
                    let limit = key.limit.into_iter().chain(fetch).min();
                    let key = KeyRead { columns: Some(columns.clone()), limit, ..key };
                    let reader = reader.clone();
                    async move { reader.read(&key).await.map(|rows| rows.map_err(external)).map_err(external) }
                };
                stream::iter(keys).then(one).try_flatten().boxed()
            }
            Read::Newest { table, universes, variants } => {
                let one = move |universe: String| {
                    // One variant is asked for; of several all are, and filters are applied again above.
                    let only = variants.as_ref().filter(|variants| variants.len() == 1);
                    let variant = only.and_then(|variants| variants.first().cloned());
                    let (reader, columns) = (reader.clone(), columns.clone());
                    async move {
                        let rows =
                            reader.newest(table, &universe, variant.as_deref()).await.map_err(external)?;
                        let places: Vec<usize> = columns
                            .iter()
                            .map(|name| rows.schema().index_of(name))
                            .collect::<std::result::Result<_, _>>()?;
                        Ok(rows.project(&places)?)
                    }
                };
                stream::iter(universes).then(one).boxed()
            }
            Read::Whole { table, ranges } => {
                let rows = reader.scan(table, Some(&columns), ranges).await.map_err(external)?;
                rows.map_err(external).boxed()
            }
        })
    }
}

/// Rows of one key come newest first.
fn sorted(schema: &SchemaRef, read: &Read) -> Result<EquivalenceProperties> {
    let mut properties = EquivalenceProperties::new(schema.clone());
    let Read::Keys(keys) = read else { return Ok(properties) };
    let [key] = keys.as_slice() else { return Ok(properties) };
    // Times of events may be missing, and back-tests lie in shards; bars do neither.
    if position(key.table) == "bar" && schema.index_of("bar").is_ok() {
        let options = SortOptions { descending: true, nulls_first: true };
        properties.add_ordering([PhysicalSortExpr::new(col("bar", schema)?, options)]);
    }
    Ok(properties)
}

impl DisplayAs for CassandraExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CassandraExec: {}, {}, columns=[{}]", self.name, self.read, self.columns.join(", "))?;
        match &self.read {
            Read::Keys(keys) => {
                let limit = keys.iter().filter_map(|key| key.limit).max().into_iter().chain(self.fetch).min();
                limit.map_or(Ok(()), |limit| write!(f, ", limit={limit}"))
            }
            _ => Ok(()),
        }
    }
}

impl ExecutionPlan for CassandraExec {
    fn name(&self) -> &'static str {
        "CassandraExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _apply: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        _children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn execute(&self, partition: usize, _context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let schema = self.schema.clone();
        let shaped = schema.clone();
        let rows = stream::once(self.clone().rows()).try_flatten();
        let rows = rows.map(move |batch| shape(&batch?, &shaped));
        let rows = Box::pin(RecordBatchStreamAdapter::new(schema, rows));
        // Each key is cut to so many rows, and all of them together here.
        Ok(Box::pin(LimitStream::new(rows, 0, self.fetch, BaselineMetrics::new(&self.metrics, partition))))
    }

    fn with_fetch(&self, limit: Option<usize>) -> Option<Arc<dyn ExecutionPlan>> {
        Some(Arc::new(Self { fetch: limit, ..self.clone() }))
    }

    fn fetch(&self) -> Option<usize> {
        self.fetch
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}

/// A batch with the columns that the plan above expects: without any, where rows are only counted.
fn shape(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    let columns = batch.columns()[..schema.fields().len()].to_vec();
    RecordBatch::try_new_with_options(schema.clone(), columns, &options).map_err(DataFusionError::from)
}
