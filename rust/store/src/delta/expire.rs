//! Retention: files all of whose rows are too old leave the table.
//!
//! Whole files only, by the statistics in the log: nothing is read and nothing rewritten. A row therefore stays
//! until the youngest one of its file is too old.

use deltalake::DeltaTable;
use deltalake::kernel::Action;
use deltalake::kernel::transaction::CommitProperties;
use deltalake::protocol::DeltaOperation;
use silverbullet_market::{Nanos, format_time};

use super::{commit, failed, files};
use crate::error::Result;
use crate::failpoints::point;
use crate::schema::Table;

/// The column that a row's age is told by; `None` where rows are kept for good.
fn age_of(table: Table) -> Option<&'static str> {
    match table {
        Table::Portfolios | Table::Frontiers | Table::Assets | Table::Events | Table::Latency => {
            Some("as_of")
        }
        Table::Bars => Some("close_time"),
        Table::Runs | Table::Backtests => None,
    }
}

/// Lets go of the files whose rows are all older than `cutoff`; gives their number.
pub(super) async fn expire(table: Table, delta: &mut DeltaTable, cutoff: Nanos) -> Result<u64> {
    let fail = |source| failed("tidy", table, source);
    let Some(column) = age_of(table) else { return Ok(0) };
    let mut gone = Vec::new();
    for (file, view) in files::with_views(delta).map_err(fail)? {
        if file.latest(column).is_some_and(|latest| latest < cutoff) {
            gone.push(Action::Remove(view.remove_action(true)));
        }
    }
    let count = gone.len() as u64;
    if count > 0 {
        point!("retention-before-commit");
        let predicate = Some(format!("{column} < '{}'", format_time(cutoff)));
        let operation = DeltaOperation::Delete { predicate };
        commit(delta, CommitProperties::default(), gone, operation).await.map_err(fail)?;
        point!("retention-after-commit");
    }
    Ok(count)
}
