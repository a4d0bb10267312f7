//! Whole tables, read in parallel: the ring of tokens cut into ranges, each a query of its own in pages.

use super::connection::Connection;
use super::layout::{Form, Layout, quoted};
use super::rows::Projection;
use crate::schema::Table;

/// A part of the ring: tokens above `after`, up to `up_to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the type says it")]
pub struct TokenRange {
    pub after: i64,
    pub up_to: i64,
}

/// The ring in `count` ranges of the same size: together they meet every row once. Partitions fall evenly on the ring.
#[must_use]
pub fn splits(count: u32) -> Vec<TokenRange> {
    let count = i128::from(count.max(1));
    // No partition has the least token.
    let at = |part: i128| (i128::from(i64::MIN) + part * ((1 << 64) - 1) / count) as i64;
    (0..count).map(|part| TokenRange { after: at(part), up_to: at(part + 1) }).collect()
}

/// The query that reads the rows of one range of tokens.
pub(crate) fn range_query(connection: &Connection, table: Table, projection: &Projection) -> String {
    let layout = Layout::of(table, Form::History);
    let key = layout.partition.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ");
    format!(
        "SELECT {} FROM {} WHERE token({key}) > ? AND token({key}) <= ?",
        projection.select(&layout),
        connection.qualified(&layout.name())
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_follow_one_another_around_the_whole_ring() {
        for count in [1, 2, 7, 64] {
            let ranges = splits(count);
            assert_eq!(ranges.len(), count as usize);
            assert_eq!((ranges[0].after, ranges[ranges.len() - 1].up_to), (i64::MIN, i64::MAX));
            assert!(ranges.windows(2).all(|pair| pair[0].up_to == pair[1].after));
            assert!(ranges.iter().all(|range| range.after < range.up_to));
        }
        assert_eq!(splits(0), splits(1));
    }
}
