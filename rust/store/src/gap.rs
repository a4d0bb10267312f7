//! Rows that had to be given up, and the event that tells of them.

use std::collections::BTreeSet;

use arrow::array::RecordBatch;
use silverbullet_engine::durable::rows::{Row, StoredEvent};
use silverbullet_market::EventKind;

use crate::batches::{Attribution, Batches};
use crate::error::Result;
use crate::schema::Table;

/// Bars given up for want of room, or because they could not be read again.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Stretch {
    pub(crate) first: Option<i64>,
    pub(crate) last: Option<i64>,
    pub(crate) rows: u64,
    /// The places that did not hold them.
    pub(crate) places: BTreeSet<usize>,
    /// It is over when no parcel before this number waits any more: until then more of them may have to go.
    pub(crate) until: u64,
}

impl Stretch {
    /// Joins `earlier`, of which nobody was told.
    pub(crate) fn join(&mut self, earlier: Self) {
        self.first = earlier.first;
        self.last = self.last.or(earlier.last);
        self.rows += earlier.rows;
        self.places.extend(earlier.places);
    }

    /// What tells of it, as rows of `events`; `places` are the names of all places.
    ///
    /// # Errors
    /// [`Error::Rows`](crate::Error::Rows), which no such event brings about.
    pub(crate) fn event(
        &self,
        attribution: Attribution,
        source: &str,
        places: &[&str],
    ) -> Result<Vec<(Table, RecordBatch)>> {
        let mut batches = Batches::new(attribution);
        batches.push(&Row::Events(StoredEvent {
            source: source.to_owned(),
            partition: 0,
            offset: self.first.unwrap_or_default().unsigned_abs(),
            kind: EventKind::Gap.name(),
            as_of: None,
            detail: self.detail(places),
        }))?;
        batches.take()
    }

    fn detail(&self, places: &[&str]) -> String {
        let bar = |bar: Option<i64>| bar.map_or_else(|| "an unknown one".to_owned(), |bar| bar.to_string());
        let mut detail = format!(
            "{} rows were given up for want of room or were damaged, of parcels that end with bar {} to bar {}",
            self.rows,
            bar(self.first),
            bar(self.last)
        );
        // The other places have them.
        if (1..places.len()).contains(&self.places.len()) {
            let lacking = self.places.iter().filter_map(|place| places.get(*place).copied());
            detail.push_str("; they are missing only in ");
            detail.push_str(&lacking.collect::<Vec<_>>().join(", "));
        }
        detail
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_given_up_is_told_with_the_place_that_lacks_it() {
        let mut lost = Stretch { first: Some(7), last: Some(9), rows: 30, places: [1].into(), until: 4 };
        let places = ["data", "Cassandra"];
        let only =
            "30 rows were given up for want of room or were damaged, of parcels that end with bar 7 to bar 9";
        assert_eq!(lost.detail(&places), format!("{only}; they are missing only in Cassandra"));
        lost.join(Stretch { rows: 12, places: [0].into(), ..Stretch::default() });
        assert_eq!(
            lost.detail(&places),
            "42 rows were given up for want of room or were damaged, of parcels that end with bar an unknown one \
             to bar 9"
        );
    }
}
