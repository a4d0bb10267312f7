//! What is done from time to time: retention, compaction, summing up the log, deleting files nobody needs.
//!
//! Works on handles of its own, so that appends and readers go on meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::Duration;
use deltalake::operations::vacuum::{Clock, VacuumMode};
use deltalake::{DeltaTable, checkpoints};
use silverbullet_market::Nanos;

use super::{Care, compact, expire, failed, open};
use crate::backend::Maintained;
use crate::directory::DataDirectory;
use crate::error::Result;
use crate::schema::Table;

/// Commits after which the log is summed up.
const COMMITS: u64 = 10;

/// Looks after all tables. `vacuumed` is when files nobody needs were last looked for.
pub(super) async fn maintain(
    directory: &DataDirectory,
    care: Care,
    now: Nanos,
    vacuumed: &AtomicI64,
) -> Result<Maintained> {
    let mut done = Maintained::default();
    // Looking through all folders more often finds little.
    let vacuum = now.saturating_sub(vacuumed.load(Ordering::Acquire)) >= care.grace / 2;
    for table in Table::ALL {
        if !directory.table(table).join("_delta_log").is_dir() {
            continue;
        }
        let fail = |source| failed("tidy", table, source);
        let Some(mut delta) = open(directory, table).await.map_err(fail)? else { continue };
        if let Some(retention) = care.retention {
            done.files_expired += expire::expire(table, &mut delta, now.saturating_sub(retention)).await?;
        }
        done.files_compacted += compact::compact(directory, table, &mut delta).await?;
        sum_up(directory, table, &delta).await?;
        if vacuum {
            done.files_deleted += delete_unused(table, delta, care.grace, now).await?;
        }
    }
    if vacuum {
        vacuumed.store(now, Ordering::Release);
    }
    Ok(done)
}

/// Sums the log up in one file where many commits have been added since the last time.
async fn sum_up(directory: &DataDirectory, table: Table, delta: &DeltaTable) -> Result<()> {
    let fail = |source| failed("tidy", table, source);
    let Some(version) = delta.version() else { return Ok(()) };
    let last = directory.table(table).join("_delta_log").join("_last_checkpoint");
    let last =
        std::fs::read(last).ok().and_then(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).ok());
    let last = last.and_then(|last| last.get("version")?.as_u64());
    if version < last.map_or(0, |last| last + 1) + COMMITS {
        return Ok(());
    }
    checkpoints::create_checkpoint(delta, None).await.map_err(fail)?;
    checkpoints::cleanup_metadata(delta, None).await.map_err(fail)?;
    Ok(())
}

async fn delete_unused(table: Table, delta: DeltaTable, grace: Nanos, now: Nanos) -> Result<u64> {
    let vacuum = delta
        .vacuum()
        .with_mode(VacuumMode::Full)
        .with_retention_period(Duration::nanoseconds(grace))
        .with_enforce_retention_duration(false)
        .with_clock(Arc::new(Fixed(now)));
    let (_, metrics) = vacuum.await.map_err(|source| failed("tidy", table, source))?;
    Ok(metrics.files_deleted.len() as u64)
}

/// A clock that shows when maintenance began.
#[derive(Debug)]
struct Fixed(Nanos);

impl Clock for Fixed {
    fn current_timestamp_millis(&self) -> i64 {
        self.0.div_euclid(1_000_000)
    }
}
