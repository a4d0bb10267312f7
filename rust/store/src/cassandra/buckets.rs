//! Which buckets have rows: a list that the writer keeps, so that a reader needs to know neither the first bar nor the
//! last.

use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt, stream};
use scylla::response::PagingState;
use scylla::value::CqlValue;

use super::bucket::{Width, bucket, width};
use super::connection::Connection;
use super::ddl::BUCKETS_TABLE;
use super::fault::Fault;
use super::layout::partition;
use super::paged::Query;
use super::reader::KeyRead;

/// Buckets of a range that are worth asking for one by one; beyond, the list says which have rows.
const ENUMERATED: i64 = 16;
/// Buckets of a page of the list.
const PAGE: i32 = 1_000;

/// The statement that notes a bucket.
pub(crate) fn note(connection: &Connection) -> String {
    let table = connection.qualified(BUCKETS_TABLE);
    format!("INSERT INTO {table} (\"scope\", \"table\", \"variant\", \"bucket\") VALUES (?, ?, ?, ?)")
}

/// The query of the buckets of a scope, table and variant between two, the greatest first.
pub(crate) fn query(connection: &Connection) -> String {
    format!(
        "SELECT \"bucket\" FROM {} WHERE \"scope\" = ? AND \"table\" = ? AND \"variant\" = ? \
         AND \"bucket\" >= ? AND \"bucket\" <= ?",
        connection.qualified(BUCKETS_TABLE)
    )
}

/// The query of the first variant behind one. No variant's name is empty.
pub(crate) fn next_variant(connection: &Connection) -> String {
    format!(
        "SELECT \"variant\" FROM {} WHERE \"scope\" = ? AND \"table\" = ? AND \"variant\" > ? LIMIT 1",
        connection.qualified(BUCKETS_TABLE)
    )
}

/// The first and the last bucket of `read`, as far as it says them.
fn range(read: &KeyRead) -> (Option<i64>, Option<i64>) {
    match width(read.table) {
        Width::Whole => (Some(0), Some(0)),
        // Any shard may have rows of any time.
        Width::Shards { .. } => (None, None),
        Width::Bars(_) | Width::Time(_) => {
            let of = |position: Option<i64>| position.map(|at| bucket(read.table, at));
            (of(read.from), of(read.to))
        }
    }
}

/// The buckets of `read`, the newest first, where they can be told without asking.
pub(crate) fn told(read: &KeyRead) -> Option<Vec<i64>> {
    let (Some(first), Some(last)) = range(read) else { return None };
    (last.saturating_sub(first) < ENUMERATED).then(|| (first..=last).rev().collect())
}

/// What the query of the buckets of `read` asks for.
pub(crate) fn values(read: &KeyRead) -> Vec<CqlValue> {
    let (first, last) = range(read);
    let has_variant = partition(read.table).contains(&"variant");
    let variant = if has_variant { read.variant.clone() } else { String::new() };
    vec![
        CqlValue::Text(read.scope.clone()),
        CqlValue::Text(read.table.name().to_owned()),
        CqlValue::Text(variant),
        CqlValue::BigInt(first.unwrap_or(i64::MIN)),
        CqlValue::BigInt(last.unwrap_or(i64::MAX)),
    ]
}

/// The buckets that `query` finds, page by page as they are wanted.
pub(crate) fn listed(mut query: Query) -> BoxStream<'static, Result<i64, Fault>> {
    query.statement.set_page_size(PAGE);
    let state = (query, Some(PagingState::start()));
    let pages = stream::try_unfold(state, |(query, state)| async move {
        let Some(state) = state else { return Ok(None) };
        let (rows, next) = query.page(state).await?;
        let fail = |error| Fault::other(error, query.action);
        let rows = rows.rows::<(i64,)>().map_err(|error| Fault::other(error, query.action))?;
        let buckets = rows.map(|row| row.map(|(bucket,)| bucket)).collect::<Result<Vec<_>, _>>();
        let buckets = buckets.map_err(fail)?;
        Ok(Some((stream::iter(buckets.into_iter().map(Ok)), (query, next))))
    });
    pages.try_flatten().boxed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Table;

    #[test]
    fn short_ranges_are_told_and_long_or_open_ones_are_asked_for() {
        let of = |table, from, to| told(&KeyRead { from, to, ..KeyRead::new(table, "u", "v") });
        assert_eq!(of(Table::Portfolios, Some(1_023), Some(2_048)), Some(vec![2, 1, 0]));
        assert_eq!(of(Table::Portfolios, Some(2), Some(1)), Some(vec![0]));
        assert_eq!(of(Table::Portfolios, Some(9_000), Some(1)), Some(Vec::new()));
        assert_eq!(of(Table::Portfolios, Some(0), Some(1_024 * 16)), None);
        assert_eq!(of(Table::Portfolios, None, Some(5)), None);
        assert_eq!(of(Table::Backtests, Some(0), Some(1)), None);
        assert_eq!(of(Table::Runs, None, None), Some(vec![0]));
    }
}
