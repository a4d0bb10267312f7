//! Groups by short text: `GROUP BY objective, method`.
//!
//! DataFusion hashes each row's words, finds the hash in a table and compares the words with those of the group. Here words are
//! numbered (a view of a short word is the word itself, so that finding its number is one comparison) and groups are combinations
//! of numbers: [`words`]. What is computed of a group is left to DataFusion's accumulators, which see the same rows in the same
//! order as in its own operator, so that answers have the same bits.

mod words;

use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateInputMode, AggregateOutputMode};
use datafusion::physical_plan::execution_plan::{ChildrenPropertiesMode, ReplaceChildrenOptions};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, InputDistributionRequirements, InputOrderMode,
    PlanProperties,
};
use futures::{StreamExt, TryStreamExt, stream};

use words::Groups;

/// Puts [`ByTextExec`] where rows, not groups of other operators, are grouped by text.
#[derive(Debug)]
pub(crate) struct GroupByText;

impl PhysicalOptimizerRule for GroupByText {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| {
            let node_as: &dyn std::any::Any = node.as_ref();
            let Some(aggregate) = node_as.downcast_ref::<AggregateExec>() else {
                return Ok(Transformed::no(node));
            };
            if !is_for_text(aggregate)? {
                return Ok(Transformed::no(node));
            }
            let by_text =
                ByTextExec { aggregate: aggregate.clone(), metrics: ExecutionPlanMetricsSet::new() };
            Ok(Transformed::yes(Arc::new(by_text) as Arc<dyn ExecutionPlan>))
        })
        .map(|transformed| transformed.data)
    }

    fn name(&self) -> &str {
        "group_by_text"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// Whether all that an aggregate does is done here, too.
fn is_for_text(aggregate: &AggregateExec) -> Result<bool> {
    let groups = aggregate.group_expr();
    let schema = aggregate.input_schema();
    let is_plain = aggregate.mode().input_mode() == AggregateInputMode::Raw
        && *aggregate.input_order_mode() == InputOrderMode::Linear
        && aggregate.limit_options().is_none()
        && aggregate.dynamic_expressions_produced().is_empty()
        && aggregate.filter_expr().iter().all(Option::is_none)
        && groups.is_single()
        && !groups.is_empty();
    if !is_plain {
        // What merges groups of other operators has columns that its rows have not.
        return Ok(false);
    }
    let are_plain = aggregate.aggr_expr().iter().all(|function| {
        function.order_bys().is_empty() && !function.is_distinct() && function.groups_accumulator_supported()
    });
    let mut types = groups.expr().iter().map(|(expression, _)| expression.data_type(&schema));
    let are_text = types.try_fold(true, |all, kind| kind.map(|kind| all && kind == DataType::Utf8View))?;
    Ok(are_plain && are_text)
}

/// Does what an [`AggregateExec`] says.
#[derive(Debug)]
struct ByTextExec {
    aggregate: AggregateExec,
    metrics: ExecutionPlanMetricsSet,
}

/// What is computed of each group.
struct Function {
    arguments: Vec<Arc<dyn PhysicalExpr>>,
    accumulator: Box<dyn GroupsAccumulator>,
}

impl Function {
    fn new(function: &Arc<AggregateFunctionExpr>) -> Result<Self> {
        Ok(Self { arguments: function.expressions(), accumulator: function.create_groups_accumulator()? })
    }
}

/// Rows of one partition on their way into groups.
struct Work {
    by: Vec<Arc<dyn PhysicalExpr>>,
    functions: Vec<Function>,
    groups: Groups,
    output: AggregateOutputMode,
    /// The group of each row of a batch.
    rows: Vec<usize>,
}

impl Work {
    fn new(aggregate: &AggregateExec) -> Result<Self> {
        let by = aggregate.group_expr().input_exprs();
        Ok(Self {
            functions: aggregate.aggr_expr().iter().map(Function::new).collect::<Result<_>>()?,
            groups: Groups::new(by.len()),
            output: aggregate.mode().output_mode(),
            by,
            rows: Vec::new(),
        })
    }

    fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        let evaluate = |expressions: &[Arc<dyn PhysicalExpr>]| -> Result<Vec<ArrayRef>> {
            expressions
                .iter()
                .map(|expression| expression.evaluate(batch)?.into_array(batch.num_rows()))
                .collect()
        };
        self.groups.of(&evaluate(&self.by)?, &mut self.rows)?;
        for Function { arguments, accumulator } in &mut self.functions {
            accumulator.update_batch(&evaluate(arguments)?, &self.rows, None, self.groups.len())?;
        }
        Ok(())
    }

    /// Bytes of memory, about.
    fn size(&self) -> usize {
        let functions: usize = self.functions.iter().map(|function| function.accumulator.size()).sum();
        functions + self.groups.size() + self.rows.capacity() * 2 * size_of::<usize>()
    }

    /// All rows in, all groups out.
    async fn run(
        mut self,
        mut input: SendableRecordBatchStream,
        schema: SchemaRef,
        metrics: BaselineMetrics,
        context: Arc<TaskContext>,
    ) -> Result<RecordBatch> {
        let memory = MemoryConsumer::new("groups by text").register(context.memory_pool());
        while let Some(batch) = input.next().await {
            let timed = metrics.elapsed_compute().timer();
            self.add(&batch?)?;
            memory.try_resize(self.size())?;
            timed.done();
        }
        let batch = RecordBatch::try_new(schema, self.columns()?)?;
        metrics.record_output(batch.num_rows());
        Ok(batch)
    }

    fn columns(mut self) -> Result<Vec<ArrayRef>> {
        let mut columns = self.groups.words();
        for Function { accumulator, .. } in &mut self.functions {
            match self.output {
                AggregateOutputMode::Partial => columns.extend(accumulator.state(EmitTo::All)?),
                AggregateOutputMode::Final => columns.push(accumulator.evaluate(EmitTo::All)?),
            }
        }
        Ok(columns)
    }
}

impl DisplayAs for ByTextExec {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ByText")?;
        self.aggregate.fmt_as(format, f)
    }
}

impl ExecutionPlan for ByTextExec {
    fn name(&self) -> &'static str {
        "ByTextAggregateExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.aggregate.properties()
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        self.aggregate.input_distribution_requirements()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![self.aggregate.input()]
    }

    fn apply_expressions(
        &self,
        apply: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.aggregate.apply_expressions(apply)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let aggregate: Arc<dyn ExecutionPlan> = Arc::new(self.aggregate.clone());
        let replaced = aggregate.replace_children(children, options)?;
        let aggregate: &dyn std::any::Any = replaced.as_ref();
        Ok(match aggregate.downcast_ref::<AggregateExec>() {
            Some(aggregate) => {
                Arc::new(Self { aggregate: aggregate.clone(), metrics: ExecutionPlanMetricsSet::new() })
            }
            None => replaced,
        })
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let input = self.aggregate.input().execute(partition, context.clone())?;
        let work = Work::new(&self.aggregate)?;
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let most = context.session_config().batch_size();
        let answer = work.run(input, self.schema(), metrics, context);
        let parts = stream::once(answer).map_ok(move |batch| {
            let rows = batch.num_rows();
            let starts = (0..rows).step_by(most);
            stream::iter(starts.map(move |start| Ok(batch.slice(start, most.min(rows - start)))))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), parts.try_flatten())))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}
