//! Queries in, answers out.
//!
//! All queries together run on one thread of their own, below the priority of others: however heavy they are,
//! they leave the other cores to the live loop. A second thread watches the clock, so that a query that keeps the first one busy is ended
//! all the same.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use datafusion::catalog::{CatalogProviderList, MemoryCatalogProviderList};
use datafusion::error::DataFusionError;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::GreedyMemoryPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::execution::{FunctionRegistry, SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder, ScalarUDF};
use datafusion::physical_plan::execute_stream;
use datafusion::prelude::{SQLOptions, SessionConfig};
use datafusion::sql::parser::Statement;
use silverbullet_engine::LiveState;
use silverbullet_store::{Store, Tables};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, oneshot};

use crate::answer::{Abort, Delivery, Progress, stopped};
use crate::by_text::GroupByText;
use crate::cassandra::{Cassandra, CassandraCatalog};
use crate::catalog::provider::Catalog;
use crate::catalog::{self, CATALOG, PUBLIC};
use crate::functions;
use crate::functions::bounded::{BoundGrowth, Bounded};
use crate::guard::read_only;
use crate::moment::{Moment, Sources};
use crate::newest_rows::NewestRows;
use crate::plans::{Plans, depends_on_tables_only};
use crate::question::{Described, Question, bind, parameters_of};
use crate::stored::Cache;
use crate::tail::{NoTail, Tail};
use crate::translate::{Names, translate};
use crate::variants::ReachVariants;
use crate::views::plain;
use crate::yielding::GiveWay;
use crate::{Answer, Error, ErrorKind, Limits, Result};

/// Deep plans recurse: stacks of this size hold what the longest query can nest.
const STACK: usize = 64 << 20;
/// Files are read on threads that wait for the disk.
const READERS: usize = 4;
/// Batches that wait for a slow reader of the answer.
const AHEAD: usize = 2;
/// Bytes of Parquet footers and page indices that are kept.
const FOOTERS: usize = 64 << 20;
/// Answers cut to so few rows are planned with a `LIMIT`, which makes a sort one of that many rows.
const FEW_ROWS: usize = 10_000;

/// Answers SQL over the live and the stored tables. Cheap to share behind an [`Arc`].
pub struct Sql {
    engine: Arc<Engine>,
    limits: Limits,
    work: Threads,
    clock: Threads,
}

struct Engine {
    sources: Arc<Sources>,
    state: SessionState,
    names: Names,
    plans: Plans,
}

/// A runtime that may be dropped anywhere.
#[derive(Debug)]
pub(crate) struct Threads(Option<Runtime>);

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Threads {
    pub(crate) fn start(name: &'static str) -> Result<Self> {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(1).max_blocking_threads(READERS).thread_name(name).thread_stack_size(STACK);
        builder.enable_all().on_thread_start(step_back);
        let failed =
            |error| Error::new(ErrorKind::Failed, format!("cannot start threads for queries: {error}"));
        builder.build().map(|runtime| Self(Some(runtime))).map_err(failed)
    }

    /// Does `task` here, whoever waits for it.
    pub(crate) async fn run<F>(&self, task: F) -> Result<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let runtime = self.0.as_ref().ok_or_else(stopped)?;
        runtime.spawn(task).await.map_err(|_| stopped())
    }

    fn spawn<F>(&self, task: F) -> Result<Abort>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let runtime = self.0.as_ref().ok_or_else(stopped)?;
        Ok(Abort(runtime.spawn(task).abort_handle()))
    }
}

/// Lets other threads go before the calling one, where the system knows priorities of threads. For threads that answer queries.
pub fn step_back() {
    // A thread that may not lower its priority works at the usual one.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::nice(10);
}

impl std::fmt::Debug for Sql {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sql").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Sql {
    /// A catalog over `tables`, what `store` has not committed yet, and the engines of `live`.
    ///
    /// # Errors
    /// `Failed` where the threads that queries run on cannot be started.
    pub fn new(
        tables: Tables,
        store: Option<Arc<Store>>,
        live: Vec<Arc<LiveState>>,
        limits: Limits,
    ) -> Result<Self> {
        Self::over(tables, tail_of(store), live, None, limits)
    }

    /// The same with the tables in Cassandra as another schema. Nothing is connected before a query asks for one.
    ///
    /// # Errors
    /// As [`Sql::new`].
    pub fn with_cassandra(
        tables: Tables,
        store: Option<Arc<Store>>,
        live: Vec<Arc<LiveState>>,
        cassandra: CassandraCatalog,
        limits: Limits,
    ) -> Result<Self> {
        Self::over(tables, tail_of(store), live, Some(Arc::new(Cassandra::new(cassandra)?)), limits)
    }

    pub(crate) fn over(
        tables: Tables,
        tail: Arc<dyn Tail>,
        live: Vec<Arc<LiveState>>,
        cassandra: Option<Arc<Cassandra>>,
        limits: Limits,
    ) -> Result<Self> {
        let failed = |error: DataFusionError| Error::new(ErrorKind::Failed, error.to_string());
        let state = base_state().map_err(failed)?;
        let names = Names {
            tables: catalog::tables().into_iter().map(|table| table.name).collect(),
            functions: {
                let mut names: Vec<String> = state.scalar_functions().keys().cloned().collect();
                names.extend(state.aggregate_functions().keys().cloned());
                names.extend(state.window_functions().keys().cloned());
                names.sort_unstable();
                names
            },
            memory: limits.memory,
        };
        let sources = Arc::new(Sources { tables, tail, live, cassandra, cache: Cache::default() });
        Ok(Self {
            engine: Arc::new(Engine { sources, state, names, plans: Plans::default() }),
            limits,
            work: Threads::start("sql")?,
            clock: Threads::start("sql-clock")?,
        })
    }

    #[cfg(test)]
    pub(crate) fn plans_kept(&self) -> usize {
        self.engine.plans.len()
    }

    /// Limits that a query has unless it asks for smaller ones.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Plans a query and starts it. May be awaited on any executor: the work is done on threads of its own.
    ///
    /// # Errors
    /// Whatever is wrong with the query; errors while it runs come in the stream.
    pub async fn query(&self, query: &str) -> Result<Answer> {
        self.query_within(query, self.limits).await
    }

    /// The same within smaller limits; larger ones than [`Sql::limits`] are cut to them.
    ///
    /// # Errors
    /// As [`Sql::query`].
    pub async fn query_within(&self, query: &str, limits: Limits) -> Result<Answer> {
        let limits = limits.within(self.limits);
        self.ask(Question { text: query.to_owned(), parameters: None, limits }).await
    }

    /// Answers a question within the limits it brings, which may be larger than [`Sql::limits`]: who lets others ask chooses them.
    ///
    /// # Errors
    /// As [`Sql::query`], and `Syntax` where parameters are missing or too many.
    pub async fn ask(&self, question: Question) -> Result<Answer> {
        let limits = question.limits;
        let (ready, planned) = oneshot::channel();
        let (rows, batches) = mpsc::channel(AHEAD);
        let progress = Arc::new(Progress::default());
        let delivery = Delivery { rows, progress: progress.clone(), left: limits.rows };
        let engine = self.engine.clone();
        let work = self.work.spawn(async move {
            let (schema, stream) = match engine.start(&question).await {
                Ok(stream) => (Ok(plain(&stream.schema())), Some(stream)),
                Err(error) => (Err(error), None),
            };
            // Nobody waits for a query that was given up.
            if let (Ok(()), Some(stream)) = (ready.send(schema), stream) {
                delivery.run(stream, &engine.names_within(limits)).await;
            }
        })?;
        let (late, mut lateness) = oneshot::channel();
        let task = work.0.clone();
        let watch = self.clock.spawn(async move {
            tokio::time::sleep(limits.time).await;
            if !task.is_finished() {
                // First the reason, then the end: a reader that sees the end finds the reason.
                drop(late.send(too_long(limits.time)));
                task.abort();
            }
        })?;
        let schema = tokio::select! {
            biased;
            Ok(error) = &mut lateness => return Err(error),
            planned = planned => planned.map_err(|_| stopped())??,
        };
        Ok(Answer { schema, progress, batches, lateness: Some(lateness), _tasks: [work, watch] })
    }

    /// What a query would answer with and what it must be given, without running it.
    ///
    /// # Errors
    /// Whatever is wrong with the query.
    pub async fn describe(&self, query: &str) -> Result<Described> {
        let (ready, described) = oneshot::channel();
        let (engine, text, limits) = (self.engine.clone(), query.to_owned(), self.limits);
        let _work = self.work.spawn(async move {
            // Nobody waits for a description that was given up.
            let _ = ready.send(engine.describe(&text, limits).await);
        })?;
        tokio::time::timeout(limits.time, described)
            .await
            .map_err(|_| too_long(limits.time))?
            .map_err(|_| stopped())?
    }

    /// All rows of a query.
    ///
    /// # Errors
    /// As [`Sql::query`], and `Rows` where there are more rows than the limit.
    pub async fn collect(&self, query: &str) -> Result<Vec<RecordBatch>> {
        let mut answer = self.query(query).await?;
        let mut batches = Vec::new();
        while let Some(batch) = answer.next().await {
            batches.push(batch?);
        }
        if answer.truncated() {
            let message = format!(
                "the answer has more than {} rows: add a LIMIT, narrow it or aggregate",
                self.limits.rows
            );
            return Err(Error::new(ErrorKind::Rows, message));
        }
        if batches.is_empty() {
            batches.push(RecordBatch::new_empty(answer.schema()));
        }
        Ok(batches)
    }
}

fn tail_of(store: Option<Arc<Store>>) -> Arc<dyn Tail> {
    match store {
        Some(store) => store,
        None => Arc::new(NoTail),
    }
}

fn too_long(limit: Duration) -> Error {
    let message = format!(
        "the query took longer than {} s, which is the most: narrow it by a time range or aggregate less",
        limit.as_secs_f64()
    );
    Error::new(ErrorKind::Time, message)
}

impl Engine {
    /// Plans a query at one moment.
    async fn start(&self, question: &Question) -> Result<SendableRecordBatchStream> {
        let limits = question.limits;
        let fail = |error: DataFusionError| translate(&error, &self.names_within(limits));
        let moment = Arc::new(Moment::new(self.sources.clone()));
        let state = self.state_within(limits, moment.clone()).map_err(fail)?;
        let plan = match self.plans.find(question, &moment).await.map_err(fail)? {
            Some(plan) => plan,
            None => {
                let statement = read_only(&question.text)?;
                self.optimised(&state, statement, question, &moment).await.map_err(fail)?
            }
        };
        let plan = state.query_planner().create_physical_plan(&plan, &state).await.map_err(fail)?;
        execute_stream(plan, Arc::new(TaskContext::from(&state))).map_err(fail)
    }

    /// The plan of a question, which is kept where it may be.
    async fn optimised(
        &self,
        state: &SessionState,
        statement: Statement,
        question: &Question,
        moment: &Moment,
    ) -> std::result::Result<LogicalPlan, DataFusionError> {
        let plan = planned(state, statement).await?;
        let plan = bind(plan, question.parameters.as_ref())?;
        let lasting = depends_on_tables_only(&plan)?;
        let plan = state.optimize(&limited(plan, question.limits.rows)?)?;
        if lasting {
            self.plans.keep(question, moment, &plan)?;
        }
        Ok(plan)
    }

    async fn describe(&self, text: &str, limits: Limits) -> Result<Described> {
        let statement = read_only(text)?;
        let state = self.state_within(limits, Arc::new(Moment::new(self.sources.clone())));
        let run = async {
            let plan = planned(&state?, statement).await?;
            let parameters = parameters_of(&plan)?;
            Ok(Described { schema: plain(plan.schema().inner()), parameters })
        };
        run.await.map_err(|error| translate(&error, &self.names_within(limits)))
    }

    fn names_within(&self, limits: Limits) -> Names {
        Names { memory: limits.memory, ..self.names.clone() }
    }

    /// A session of one query: its own catalog and its own memory.
    fn state_within(
        &self,
        limits: Limits,
        moment: Arc<Moment>,
    ) -> std::result::Result<SessionState, DataFusionError> {
        let runtime = RuntimeEnvBuilder::from_runtime_env(self.state.runtime_env())
            .with_memory_pool(Arc::new(GreedyMemoryPool::new(limits.memory)))
            .with_disk_manager_builder(DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled))
            .build_arc()?;
        let catalogs = MemoryCatalogProviderList::new();
        catalogs.register_catalog(CATALOG.to_owned(), Arc::new(Catalog(moment)));
        let builder = SessionStateBuilder::new_from_existing(self.state.clone());
        let mut state = builder.with_runtime_env(runtime).with_catalog_list(Arc::new(catalogs)).build();
        // now() is the same for all of a query.
        state.mark_start_execution();
        Ok(state)
    }
}

/// The plan of a statement that only reads.
pub(crate) async fn planned(
    state: &SessionState,
    statement: Statement,
) -> std::result::Result<LogicalPlan, DataFusionError> {
    let plan = state.statement_to_plan(statement).await?;
    let options = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    options.verify_plan(&plan)?;
    Ok(plan)
}

/// A query for few rows never sorts more than it has to.
fn limited(plan: LogicalPlan, rows: usize) -> std::result::Result<LogicalPlan, DataFusionError> {
    let explains =
        matches!(plan, LogicalPlan::Explain(_) | LogicalPlan::Analyze(_) | LogicalPlan::DescribeTable(_));
    if rows > FEW_ROWS || explains {
        return Ok(plan);
    }
    LogicalPlanBuilder::from(plan).limit(0, Some(rows + 1))?.build()
}

/// What all queries have in common.
fn base_state() -> std::result::Result<SessionState, DataFusionError> {
    let mut config = SessionConfig::new()
        .with_target_partitions(1)
        .with_default_catalog_and_schema(CATALOG, PUBLIC)
        .with_create_default_catalog_and_schema(false)
        .with_information_schema(true);
    let options = config.options_mut();
    options.execution.parquet.pushdown_filters = true;
    options.execution.parquet.reorder_filters = true;
    options.execution.parquet.schema_force_view_types = false;
    options.sql_parser.map_string_types_to_utf8view = false;
    let runtime = RuntimeEnvBuilder::new().with_metadata_cache_limit(FOOTERS).build_arc()?;
    let mut state = SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(runtime)
        .with_default_features()
        .with_analyzer_rule(Arc::new(ReachVariants))
        .with_analyzer_rule(Arc::new(BoundGrowth))
        .with_analyzer_rule(Arc::new(NewestRows))
        .with_physical_optimizer_rule(Arc::new(GroupByText))
        .with_physical_optimizer_rule(Arc::new(GiveWay))
        .build();
    for name in functions::LEFT_OUT {
        state.deregister_udf(name)?;
    }
    for name in functions::LEFT_OUT_OF_HIGHER_ORDER {
        state.deregister_higher_order_function(name)?;
    }
    let bounded: Vec<ScalarUDF> = state.scalar_functions().values().filter_map(Bounded::of).collect();
    for kind in functions::optimise::Kind::ALL {
        state.register_udtf(kind.name(), Arc::new(functions::optimise::Function(kind)));
    }
    for function in functions::all().into_iter().chain(bounded) {
        state.register_udf(Arc::new(function))?;
    }
    Ok(state)
}
