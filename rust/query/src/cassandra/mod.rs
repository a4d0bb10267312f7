//! Tables in Cassandra, in SQL: `cassandra.portfolios` and so on.
//!
//! What a query says of a table's key is asked of Cassandra itself: the partitions of a universe and variant, a stretch of
//! bars within them, so many rows from the newest one on. A query that says nothing of it reads the whole table, many
//! ranges of tokens at a time, and its plan says so. The rows are the ones that were written, with the columns of the
//! other schemas, so tables of all of them can be joined.

mod beyond;
mod exec;
mod table;
mod there;
mod wanted;

use std::sync::Arc;

use datafusion::error::{DataFusionError, Result};
use silverbullet_store::Table;
use silverbullet_store::cassandra::{CassandraReader, CassandraSettings, Connection};
use tokio::sync::OnceCell;

use self::there::There;
use crate::sql::Threads;
use crate::variants::Runs;

pub(crate) use beyond::{Beyond, EVERYTHING, Pair};
pub(crate) use table::CassandraTable;

/// What the names of tables of newest rows begin with.
const LATEST: &str = "latest_";

/// Where the tables in Cassandra are, and what queries may do with them.
#[derive(Debug, Clone)]
pub struct CassandraCatalog {
    /// How they are reached.
    pub settings: CassandraSettings,
    /// Whether a query may read a whole table.
    pub full_scans: bool,
}

/// The tables in Cassandra. Nothing is connected before the first query that needs it.
#[derive(Debug)]
pub(crate) struct Cassandra {
    catalog: CassandraCatalog,
    /// Connections are looked after here, so that a query that keeps its thread busy does not starve them.
    threads: Threads,
    reader: OnceCell<Arc<CassandraReader>>,
    there: There,
}

impl Cassandra {
    pub(crate) fn new(catalog: CassandraCatalog) -> crate::Result<Self> {
        Ok(Self {
            catalog,
            threads: Threads::start("cassandra")?,
            reader: OnceCell::new(),
            there: There::default(),
        })
    }

    async fn reader(&self) -> Result<Arc<CassandraReader>> {
        let connect = async || {
            let settings = self.catalog.settings.clone();
            let open = async move { CassandraReader::open(Connection::open(settings).await?).await };
            let opened = self.threads.run(open).await;
            opened
                .map_err(|error| DataFusionError::External(Box::new(error)))?
                .map(Arc::new)
                .map_err(external)
        };
        self.reader.get_or_try_init(connect).await.cloned()
    }

    /// The runs of which Cassandra knows, as of a few seconds ago.
    pub(crate) async fn runs(&self) -> Result<Arc<Runs>> {
        let reader = self.reader().await.map_err(away)?;
        self.there.runs(&reader).await.map_err(away)
    }

    /// Universes and variants with rows in `table`, as of a few seconds ago.
    pub(crate) async fn pairs(&self, table: Table) -> Result<Arc<Vec<Pair>>> {
        let reader = self.reader().await.map_err(away)?;
        self.there.pairs(&reader, table).await.map_err(away)
    }
}

/// The names of all tables.
pub(crate) fn names() -> impl Iterator<Item = String> {
    let latest = CassandraReader::LATEST.iter().map(|table| format!("{LATEST}{}", table.name()));
    Table::ALL.into_iter().map(|table| table.name().to_owned()).chain(latest)
}

/// The table of this name.
pub(crate) fn named(source: &Arc<Cassandra>, name: &str) -> Option<CassandraTable> {
    let (plain, is_latest) = name.strip_prefix(LATEST).map_or((name, false), |plain| (plain, true));
    let table = Table::ALL.into_iter().find(|table| table.name() == plain)?;
    let is_there = !is_latest || CassandraReader::LATEST.contains(&table);
    is_there.then(|| CassandraTable::new(source.clone(), table, is_latest))
}

/// The name of a table in SQL.
fn name_of(table: Table, is_latest: bool) -> String {
    format!("{}.{}{}", crate::catalog::CASSANDRA, if is_latest { LATEST } else { "" }, table.name())
}

/// Where a plain table cannot be had, what is on this machine still can.
fn away(error: DataFusionError) -> DataFusionError {
    let reason = match error {
        DataFusionError::External(error) => error.to_string(),
        error => error.to_string(),
    };
    DataFusionError::Execution(format!(
        "{reason}; plain tables have what is in Cassandra, too: what is on this machine is in the schema {}",
        crate::catalog::HISTORY
    ))
}

fn external(error: silverbullet_store::Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}
