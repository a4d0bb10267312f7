//! Everything a query may read, as it is when it is first asked for, and then the same for all of the query.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use arrow::array::AsArray;
use arrow::datatypes::TimestampMicrosecondType;
use datafusion::error::{DataFusionError, Result};
use datafusion::physical_plan::collect;
use datafusion::prelude::SessionContext;
use silverbullet_engine::{LiveState, NamedLatency, Publication};
use silverbullet_store::{Table, Tables, TailBatch};
use tokio::sync::OnceCell;

use crate::stored::{Cache, Stored};
use crate::tail::Tail;
use crate::united::{United, not_stored, see_tail};
use crate::variants::Chosen;

/// What tables are made of, for as long as the program runs.
pub(crate) struct Sources {
    pub(crate) tables: Tables,
    pub(crate) tail: Arc<dyn Tail>,
    pub(crate) live: Vec<Arc<LiveState>>,
    pub(crate) cache: Cache,
}

/// One table at one moment.
#[derive(Debug, Clone)]
pub(crate) struct Frozen {
    pub(crate) stored: Option<Arc<Stored>>,
    pub(crate) tail: Arc<Vec<TailBatch>>,
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
}

impl std::fmt::Debug for Moment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Moment")
    }
}

impl Moment {
    pub(crate) fn new(sources: Arc<Sources>) -> Self {
        Self { sources, frozen: Default::default(), live: OnceLock::new() }
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
        Ok(Frozen { stored, tail })
    }

    /// A plain table.
    pub(crate) async fn united(&self, table: Table) -> Result<United> {
        let Frozen { stored, tail } = self.table(table).await?;
        let chosen = if table.partitions().is_empty() {
            Chosen::All
        } else {
            let mut newest = stored.as_ref().map(|stored| stored.newest.clone()).unwrap_or_default();
            see_tail(table, &tail, &mut newest);
            let started = if newest.tied() { self.started().await? } else { BTreeMap::new() };
            newest.choose(&started)
        };
        Ok(United::new(table, stored, tail, chosen))
    }

    /// When the last run of each universe and variant started, in microseconds.
    async fn started(&self) -> Result<BTreeMap<(String, String), i64>> {
        let Frozen { stored, tail } = self.table(Table::Runs).await?;
        let runs = United::new(Table::Runs, stored, tail, Chosen::All);
        let context = SessionContext::new();
        let plan = context.read_table(Arc::new(runs))?.select_columns(&["universe", "variant", "started"])?;
        let plan = plan.create_physical_plan().await?;
        let mut started = BTreeMap::new();
        for batch in collect(plan, context.task_ctx()).await? {
            let (universes, variants) =
                (batch.column(0).as_string::<i32>(), batch.column(1).as_string::<i32>());
            let starts = batch.column(2).as_primitive::<TimestampMicrosecondType>();
            for row in 0..batch.num_rows() {
                let key = (universes.value(row).to_owned(), variants.value(row).to_owned());
                let last = started.entry(key).or_insert(i64::MIN);
                *last = starts.value(row).max(*last);
            }
        }
        Ok(started)
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
