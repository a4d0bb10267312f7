//! Everything a query may read, as it is when it is first asked for, and then the same for all of the query.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use arrow::array::AsArray;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, TimestampMicrosecondType};
use datafusion::error::{DataFusionError, Result};
use datafusion::physical_plan::collect;
use datafusion::prelude::{SessionContext, col, lit};
use futures::FutureExt;
use silverbullet_engine::{LiveState, NamedLatency, Publication};
use silverbullet_store::{Table, Tables, TailBatch, numbered_by_bar};
use tokio::sync::OnceCell;

use crate::cassandra::{Beyond, Cassandra, EVERYTHING, Pair};
use crate::stored::{Cache, Stored};
use crate::tail::Tail;
use crate::united::{United, not_stored, see_tail};
use crate::variants::{Chosen, Newest, Runs};

/// The kind of those rows of `runs` that have results.
pub(crate) const RUN: &str = "run";

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
    /// The variants that have rows here, stored or not, with the latest time of each.
    newest: Arc<Newest>,
}

impl Frozen {
    /// The bars that are here, stored or not, of each universe and variant; of events, which have none, all where there are any.
    fn held(&self, table: Table) -> Result<BTreeMap<Pair, Vec<(i64, i64)>>> {
        let mut held: BTreeMap<Pair, Vec<(i64, i64)>> = BTreeMap::new();
        let mut hold = |(universe, variant): (&str, &str), bars| {
            held.entry((universe.to_owned(), variant.to_owned())).or_default().push(bars);
        };
        if !numbered_by_bar(table) {
            let stored = self.stored.iter().flat_map(|stored| stored.newest.pairs());
            stored.for_each(|pair| hold(pair, EVERYTHING));
            return Ok(held);
        }
        self.stored.iter().flat_map(|stored| stored.bars()).for_each(|(pair, bars)| hold(pair, bars));
        for pending in self.tail.iter() {
            let Some(pair) = pending.application.split_once('/') else { continue };
            let bars = pending.rows.batch.column_by_name("bar").map(|bars| bars.as_primitive::<Int64Type>());
            let ends = bars.and_then(|bars| Some((arrow::compute::min(bars)?, arrow::compute::max(bars)?)));
            ends.into_iter().for_each(|ends| hold(pair, ends));
        }
        Ok(held)
    }
}

/// What tells one state of a table from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) table: Table,
    version: Option<u64>,
    /// Universe and variant, number of the last row and number of rows, of each batch that is not stored. The rows of a
    /// variant with the same numbers are the same.
    tail: Vec<(String, Option<i64>, usize)>,
}

impl Seen {
    fn of(table: Table, frozen: &Frozen) -> Result<Self> {
        let batch = |pending: &TailBatch| {
            let last = pending.rows.last(table).map_err(external)?;
            Ok((pending.application.clone(), last, pending.rows.batch.num_rows()))
        };
        let version = frozen.stored.as_ref().map(|stored| stored.snapshot.version());
        Ok(Self { table, version, tail: frozen.tail.iter().map(batch).collect::<Result<_>>()? })
    }
}

fn external(error: silverbullet_store::Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// One table with what Cassandra has of it.
#[derive(Debug, Clone)]
struct Wide {
    beyond: Option<Arc<Beyond>>,
    /// The variants that have rows here or there.
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
    wide: [OnceCell<Wide>; Table::ALL.len()],
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
        Self {
            sources,
            frozen: Default::default(),
            wide: Default::default(),
            live: OnceLock::new(),
            runs: OnceCell::new(),
        }
    }

    pub(crate) async fn table(&self, table: Table) -> Result<Frozen> {
        self.frozen[table as usize].get_or_try_init(|| self.freeze(table)).await.cloned()
    }

    async fn freeze(&self, table: Table) -> Result<Frozen> {
        let tail = self.sources.tail.pending(table).map_err(external)?;
        let snapshot = self.sources.tables.snapshot(table).await.map_err(external)?;
        let stored = snapshot.map(|snapshot| self.sources.cache.stored(table, snapshot)).transpose()?;
        let tail = Arc::new(not_stored(table, tail, stored.as_deref()).await.map_err(external)?);
        let mut newest = stored.as_ref().map(|stored| stored.newest.clone()).unwrap_or_default();
        see_tail(table, &tail, &mut newest);
        Ok(Frozen { stored, tail, newest: Arc::new(newest) })
    }

    /// What Cassandra adds to a table.
    async fn wide(&self, table: Table) -> Result<Wide> {
        // Boxed: what the driver of Cassandra waits for is nested deeper than types may be.
        self.wide[table as usize].get_or_try_init(|| self.widen(table).boxed()).await.cloned()
    }

    async fn widen(&self, table: Table) -> Result<Wide> {
        let here = self.table(table).await?;
        let Some(cassandra) = &self.sources.cassandra else {
            return Ok(Wide { beyond: None, newest: here.newest });
        };
        if table.partitions().is_empty() {
            let nothing = here.stored.is_none() && here.tail.is_empty();
            let beyond = nothing.then(|| Arc::new(Beyond::all(cassandra.clone(), table)));
            return Ok(Wide { beyond, newest: here.newest });
        }
        let pairs = cassandra.pairs(table).await?;
        let mut newest = Newest::clone(&here.newest);
        for (universe, variant) in pairs.iter() {
            newest.see(universe, variant, i64::MIN);
        }
        let beyond = Beyond::besides(cassandra.clone(), table, pairs.iter().cloned(), &here.held(table)?);
        Ok(Wide { beyond: Some(Arc::new(beyond)), newest: Arc::new(newest) })
    }

    /// The tables that were asked for so far, as they are.
    pub(crate) fn seen(&self) -> Result<Vec<Seen>> {
        let asked =
            Table::ALL.into_iter().filter_map(|table| Some((table, self.frozen[table as usize].get()?)));
        asked.map(|(table, frozen)| Seen::of(table, frozen)).collect()
    }

    /// Whether these tables are now as they were seen.
    pub(crate) async fn is_still(&self, seen: &[Seen]) -> Result<bool> {
        for then in seen {
            if Seen::of(then.table, &self.table(then.table).await?)? != *then {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// A plain table.
    pub(crate) async fn united(&self, table: Table) -> Result<United> {
        let Frozen { stored, tail, .. } = self.table(table).await?;
        let Wide { beyond, newest } = self.wide(table).await?;
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
        let tail = match &beyond {
            Some(beyond) if !numbered_by_bar(table) => Arc::new(not_read_twice(&tail, beyond)),
            _ => tail,
        };
        Ok(United::new(table, stored, tail, chosen).with_beyond(beyond))
    }

    /// The newest variant of a universe, the same for all tables. `first` is looked at before the others: as
    /// long as the newest run has rows in it, they are not needed.
    async fn variant(&self, first: Table, universe: &str) -> Result<Option<String>> {
        if let Some(live) = self.sources.live.iter().find(|live| live.universe.name == universe) {
            return Ok(Some(live.universe.variant.clone()));
        }
        let others = Table::RESULTS.into_iter().filter(|table| *table != first);
        let tables: Vec<Table> = std::iter::once(first).chain(others).collect();
        let runs = self.runs.get_or_try_init(|| self.all_runs().boxed()).await?;
        for variant in runs.newest_first(universe) {
            for table in &tables {
                if self.wide(*table).await?.newest.has(universe, variant) {
                    return Ok(Some(variant.to_owned()));
                }
            }
        }
        let mut newest = Newest::default();
        for table in tables {
            newest.join(&self.wide(table).await?.newest);
        }
        Ok(newest.latest(universe).map(str::to_owned))
    }

    /// The runs that are known here or in Cassandra.
    async fn all_runs(&self) -> Result<Arc<Runs>> {
        let here = self.known_runs().await?;
        let Some(cassandra) = &self.sources.cassandra else { return Ok(here) };
        let mut runs = Runs::clone(&here);
        let there = cassandra.runs().await?;
        runs.join(&there);
        Ok(Arc::new(runs))
    }

    /// The runs that are known here, read once a version of their table.
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

/// What waits to be stored of events that Cassandra is asked for: some may be there, and nothing tells which.
fn not_read_twice(tail: &[TailBatch], beyond: &Beyond) -> Vec<TailBatch> {
    let is_whole = |pending: &&TailBatch| {
        pending
            .application
            .split_once('/')
            .is_some_and(|(universe, variant)| beyond.is_whole(universe, variant))
    };
    tail.iter().filter(|pending| !is_whole(pending)).cloned().collect()
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
