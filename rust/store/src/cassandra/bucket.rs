//! How wide a partition is: rows of one universe and variant are cut into buckets, each a partition.
//!
//! A partition is to stay below 100 MB with 100 assets, before compression. A row of weights takes about
//! 3.3 KB: 100 entries of 28 bytes (two lengths, a name of up to 12 bytes, a double), 200 bytes of order, and 300 of
//! keys and numbers; a row without them about 200 bytes. Buckets count bars and not time, so the bar
//! interval does not matter:
//!
//! | table | rows a bar | bytes a bar | bars | bytes a partition |
//! |---|---|---|---|---|
//! | `portfolios` | 23: nine objectives by two methods, five baselines | 76 KB | 1,024 | 78 MB |
//! | `frontiers` | 900: exact, sampled and resampled, 300 points each | 2.97 MB | 32 | 95 MB |
//! | `assets` | 100 | 20 KB | 4,096 | 82 MB |
//! | `bars` | 100 | 22 KB | 4,096 | 90 MB |
//!
//! `events` have times, five minutes a bucket: 90 MB at 1,000 events a second of 300 bytes. `latency` has a day a
//! bucket: 13 MB at ten stages every ten seconds. Back-tests have steps of any length, and are read as a whole: the
//! hours of a run are dealt to 127 shards, a prime, so that daily steps meet all of them; 127 shards of 100 MB hold
//! 3.8 million rows. A table of buckets lists those that have rows.
//!
//! The widths are part of the keys: a change is a migration of the rows.

use crate::schema::Table;

/// Microseconds of a second.
const SECOND: i64 = 1_000_000;

/// What a bucket of a table holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    /// The table has no buckets.
    Whole,
    /// So many bars.
    Bars(i64),
    /// So many microseconds.
    Time(i64),
    /// Spans of so many microseconds, dealt to so many shards.
    Shards {
        /// Microseconds of a span.
        span: i64,
        /// Number of shards.
        shards: i64,
    },
}

/// The width of `table`'s buckets.
#[must_use]
pub const fn width(table: Table) -> Width {
    match table {
        Table::Portfolios => Width::Bars(1_024),
        Table::Frontiers => Width::Bars(32),
        Table::Assets | Table::Bars => Width::Bars(4_096),
        Table::Events => Width::Time(300 * SECOND),
        Table::Latency => Width::Time(86_400 * SECOND),
        Table::Backtests => Width::Shards { span: 3_600 * SECOND, shards: 127 },
        Table::Runs => Width::Whole,
    }
}

/// The bucket of a row of `table` whose bar, or time in microseconds, is `position`.
#[must_use]
pub const fn bucket(table: Table, position: i64) -> i64 {
    match width(table) {
        Width::Whole => 0,
        Width::Bars(width) | Width::Time(width) => position.div_euclid(width),
        Width::Shards { span, shards } => position.div_euclid(span).rem_euclid(shards),
    }
}

/// The column that tells the bucket.
#[must_use]
pub const fn position(table: Table) -> &'static str {
    match width(table) {
        Width::Bars(_) => "bar",
        Width::Time(_) | Width::Shards { .. } | Width::Whole => "as_of",
    }
}

/// How a reader of any kind finds the bucket, for the table's comment.
#[must_use]
pub fn formula(table: Table) -> String {
    match width(table) {
        Width::Whole => "no buckets".to_owned(),
        Width::Bars(width) => format!("bucket = floor(bar / {width})"),
        Width::Time(width) => format!("bucket = floor(as_of / {width})"),
        Width::Shards { span, shards } => format!("bucket = floor(as_of / {span}) mod {shards}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_as_their_formula_says_also_below_zero() {
        assert_eq!(bucket(Table::Portfolios, 1_023), 0);
        assert_eq!(bucket(Table::Portfolios, 1_024), 1);
        assert_eq!(bucket(Table::Bars, -1), -1);
        assert_eq!(bucket(Table::Events, 600 * SECOND), 2);
        assert_eq!(bucket(Table::Runs, 99), 0);
        assert_eq!(formula(Table::Bars), "bucket = floor(bar / 4096)");
        let days = (0..1_000).map(|day| bucket(Table::Backtests, day * 86_400 * SECOND));
        assert_eq!(days.collect::<std::collections::HashSet<_>>().len(), 127);
    }
}
