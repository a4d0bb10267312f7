//! Everything a query may read, as it is when it is first asked for, and then the same for all of the query.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use arrow::array::AsArray;
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimestampMicrosecondType};
use datafusion::error::{DataFusionError, Result};
use datafusion::physical_plan::collect;
use datafusion::prelude::{SessionContext, col, lit};
use silverbullet_engine::{LiveState, NamedLatency, Publication};
use silverbullet_store::{Table, Tables, TailBatch};
use tokio::sync::OnceCell;

use crate::cassandra::Cassandra;
use crate::stored::{Cache, Stored};
use crate::tail::Tail;
use crate::united::{United, not_stored, see_tail};
use crate::variants::{Chosen, Newest, Runs};

/// The kind of those rows of `runs` that have results.
const RUN: &str = "run";

/// What tables are made of, for as long as the program runs.
pub(crate) struct Sources {
    pub(crate) tables: Tables,
    pub(crate) tail: Arc<dyn Tail>,
    pub(crate) live: Vec<Arc<LiveState>>,
    pub(crate) cassandra: Option<Arc<Cassandra>>,
    pub(crate) cache: Cache,
}

/// One table at one moment.
#[derive(Debug, Clone)]
pub(crate) struct Frozen {
    pub(crate) stored: Option<Arc<Stored>>,
    pub(crate) tail: Arc<Vec<TailBatch>>,
    /// The variants that have rows, stored or not, with the latest time of each.
    newest: Arc<Newest>,
}

/// One engine at one moment.
#[derive(Debug)]
pub(crate) struct LiveView {
    pub(crate) state: Arc<LiveState>,
    pub(crate) publication: Option<Publication>,
    pub(crate) latency: Vec<NamedLatency>,
}

/// What one query sees.
pub(crate) struct Moment {
    sources: Arc<Sources>,
    frozen: [OnceCell<Frozen>; Table::ALL.len()],
    live: OnceLock<Vec<LiveView>>,
    runs: OnceCell<Arc<Runs>>,
}

impl std::fmt::Debug for Moment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Moment")
    }
}

impl Moment {
    pub(crate) fn new(sources: Arc<Sources>) -> Self {
        Self { sources, frozen: Default::default(), live: OnceLock::new(), runs: OnceCell::new() }
    }

    pub(crate) async fn table(&self, table: Table) -> Result<Frozen> {
        self.frozen[table as usize].get_or_try_init(|| self.freeze(table)).await.cloned()
    }

    async fn freeze(&self, table: Table) -> Result<Frozen> {
        let external = |error: silverbullet_store::Error| DataFusionError::External(Box::new(error));
        let tail = self.sources.tail.pending(table).map_err(external)?;
        let snapshot = self.sources.tables.snapshot(table).await.map_err(external)?;
        let stored = snapshot.map(|snapshot| self.sources.cache.stored(table, snapshot)).transpose()?;
        let tail = Arc::new(not_stored(table, tail, stored.as_deref()).await.map_err(external)?);
        let mut newest = stored.as_ref().map(|stored| stored.newest.clone()).unwrap_or_default();
        see_tail(table, &tail, &mut newest);
        Ok(Frozen { stored, tail, newest: Arc::new(newest) })
    }

    /// A plain table.
    pub(crate) async fn united(&self, table: Table) -> Result<United> {
        let Frozen { stored, tail, newest } = self.table(table).await?;
        let chosen = if table.partitions().is_empty() {
            Chosen::All
        } else {
            let mut chosen = BTreeSet::new();
            for universe in newest.universes() {
                if let Some(variant) = self.variant(table, universe).await? {
                    chosen.insert((universe.to_owned(), variant));
                }
            }
            Chosen::These(chosen)
        };
        Ok(United::new(table, stored, tail, chosen))
    }

    /// The newest variant of a universe, the same for all tables. `first` is looked at before the others: as
    /// long as the newest run has rows in it, they are not needed.
    async fn variant(&self, first: Table, universe: &str) -> Result<Option<String>> {
        if let Some(live) = self.sources.live.iter().find(|live| live.universe.name == universe) {
            return Ok(Some(live.universe.variant.clone()));
        }
        let others = Table::RESULTS.into_iter().filter(|table| *table != first);
        let tables: Vec<Table> = std::iter::once(first).chain(others).collect();
        let runs = self.runs.get_or_try_init(|| self.known_runs()).await?;
        for variant in runs.newest_first(universe) {
            for table in &tables {
                if self.table(*table).await?.newest.has(universe, variant) {
                    return Ok(Some(variant.to_owned()));
                }
            }
        }
        let mut newest = Newest::default();
        for table in tables {
            newest.join(&self.table(table).await?.newest);
        }
        Ok(newest.latest(universe).map(str::to_owned))
    }

    /// The runs, read once a version of their table.
    async fn known_runs(&self) -> Result<Arc<Runs>> {
        let Frozen { stored, tail, .. } = self.table(Table::Runs).await?;
        let version = stored.as_ref().map(|stored| stored.snapshot.version());
        let may_be_kept = tail.is_empty();
        if let (true, Some(known)) = (may_be_kept, self.sources.cache.runs(version)?) {
            return Ok(known);
        }
        let runs = Arc::new(read_runs(United::new(Table::Runs, stored, tail, Chosen::All)).await?);
        if may_be_kept {
            self.sources.cache.keep_runs(version, &runs)?;
        }
        Ok(runs)
    }

    /// Cassandra, where it is switched on.
    pub(crate) fn cassandra(&self) -> Option<&Arc<Cassandra>> {
        self.sources.cassandra.as_ref()
    }

    /// The engines: their newest publications and latencies, all taken at one time.
    pub(crate) fn live(&self) -> &[LiveView] {
        self.live.get_or_init(|| {
            let view = |state: &Arc<LiveState>| LiveView {
                state: state.clone(),
                publication: state.publication(),
                latency: state.latency(),
            };
            self.sources.live.iter().map(view).collect()
        })
    }
}

async fn read_runs(table: United) -> Result<Runs> {
    let context = SessionContext::new();
    let plan = context.read_table(Arc::new(table))?;
    let plan = plan.filter(col("kind").eq(lit(RUN)))?;
    let plan = plan.select_columns(&["universe", "variant", "started"])?;
    let plan = plan.create_physical_plan().await?;
    let mut runs = Runs::default();
    for batch in collect(plan, context.task_ctx()).await? {
        // A session of its own may read text as views.
        let texts = [cast(batch.column(0), &DataType::Utf8)?, cast(batch.column(1), &DataType::Utf8)?];
        let [universes, variants] = [texts[0].as_string::<i32>(), texts[1].as_string::<i32>()];
        let starts = batch.column(2).as_primitive::<TimestampMicrosecondType>();
        for row in 0..batch.num_rows() {
            runs.see(universes.value(row), variants.value(row), starts.value(row));
        }
    }
    Ok(runs)
}
