//! Which universes and variants Cassandra has rows of, and when their runs started: what chooses the variant that plain tables show.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::AsArray;
use arrow::datatypes::TimestampMicrosecondType;
use datafusion::error::{DataFusionError, Result};
use futures::future::try_join_all;
use futures::{StreamExt, pin_mut};
use silverbullet_store::Table;
use silverbullet_store::cassandra::{CassandraReader, splits};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::beyond::Pair;
use super::external;
use crate::moment::RUN;
use crate::variants::Runs;

/// Runs and variants are rare: what was asked is good for so long.
const FRESH: Duration = Duration::from_secs(5);
/// Ranges of tokens that runs, which are few, are read in.
const RANGES: u32 = 16;

/// An answer, and when it was asked for.
type Known<T> = (Instant, Arc<T>);

/// What was asked last.
#[derive(Debug, Default)]
pub(crate) struct There {
    runs: Mutex<Option<Known<Runs>>>,
    pairs: Mutex<BTreeMap<Table, Known<Vec<Pair>>>>,
}

impl There {
    /// The runs of which Cassandra knows.
    pub(crate) async fn runs(&self, reader: &CassandraReader) -> Result<Arc<Runs>> {
        let mut known = self.runs.lock().await;
        if let Some((_, runs)) = known.as_ref().filter(|(asked, _)| asked.elapsed() < FRESH) {
            return Ok(runs.clone());
        }
        let runs = Arc::new(read_runs(reader).await?);
        *known = Some((Instant::now(), runs.clone()));
        Ok(runs)
    }

    /// Universes and variants that have rows in `table`.
    pub(crate) async fn pairs(&self, reader: &CassandraReader, table: Table) -> Result<Arc<Vec<Pair>>> {
        let runs = self.runs(reader).await?;
        let mut known = self.pairs.lock().await;
        if let Some((_, pairs)) = known.get(&table).filter(|(asked, _)| asked.elapsed() < FRESH) {
            return Ok(pairs.clone());
        }
        let each = runs.universes().map(|universe| async move {
            let variants = reader.variants(table, universe).await.map_err(external)?;
            Ok::<Vec<Pair>, DataFusionError>(
                variants.into_iter().map(|variant| (universe.to_owned(), variant)).collect(),
            )
        });
        let pairs = Arc::new(try_join_all(each).await?.concat());
        known.insert(table, (Instant::now(), pairs.clone()));
        Ok(pairs)
    }
}

async fn read_runs(reader: &CassandraReader) -> Result<Runs> {
    let columns = ["kind", "universe", "variant", "started"].map(str::to_owned);
    let batches = reader.scan(Table::Runs, Some(&columns), splits(RANGES)).await.map_err(external)?;
    pin_mut!(batches);
    let mut runs = Runs::default();
    while let Some(batch) = batches.next().await {
        let batch = batch.map_err(external)?;
        let text = |column: usize| batch.column(column).as_string::<i32>();
        let started = batch.column(3).as_primitive::<TimestampMicrosecondType>();
        for row in (0..batch.num_rows()).filter(|row| text(0).value(*row) == RUN) {
            runs.see(text(1).value(row), text(2).value(row), started.value(row));
        }
    }
    Ok(runs)
}
