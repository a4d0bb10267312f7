//! The places that keep a store's tables, and how it goes with each.
//!
//! Each place has all tables and a thread of its own that brings it what waits, parcel by parcel, in order. So one
//! that cannot be reached keeps no other waiting, and gets everything once it is there again: a parcel leaves the
//! spool when all places hold it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use silverbullet_engine::durable::rows::Time;
use silverbullet_market::Nanos;

use crate::backend::Backend;
use crate::error::Result;
use crate::runs::RunRow;
use crate::schema::Table;

/// A place that keeps the tables.
#[derive(Clone)]
pub struct Place {
    /// What people are told: "results cannot be stored in …".
    pub name: String,
    /// What keeps the tables there.
    pub backend: Arc<dyn Backend>,
}

impl fmt::Debug for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Place").field("name", &self.name).finish_non_exhaustive()
    }
}

/// How it goes with one place.
#[derive(Debug, Default)]
pub(crate) struct Work {
    /// Rows of `runs` to be replaced.
    pub(crate) runs: Vec<RunRow>,
    /// Batches of `latency` to be added.
    pub(crate) latency: Vec<RecordBatch>,
    /// Why the last attempt failed, and since when they do.
    pub(crate) failing: Option<(String, Time)>,
    /// How many failed one after another.
    pub(crate) failures: u32,
    pub(crate) retries: u64,
    pub(crate) commits: u64,
    pub(crate) last_commit: Option<Nanos>,
    /// When a flush was last begun, on the monotonic clock.
    pub(crate) flushed: Nanos,
    /// A flush is wanted now.
    pub(crate) asked: bool,
    /// What was taken out of the queues is being stored.
    pub(crate) storing: bool,
    /// Its thread has ended.
    pub(crate) ended: bool,
}

/// What the places hold of one application.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Known {
    /// Of each table, the number up to which all places hold it; nothing where one of them cannot tell.
    pub(crate) by_all: BTreeMap<Table, i64>,
    /// The last bar that any place holds in any table.
    pub(crate) bar: Option<i64>,
}

impl Known {
    /// What follows from what each place holds; `None` for one that cannot tell.
    pub(crate) fn of(places: &[Option<BTreeMap<Table, i64>>]) -> Self {
        let told = || places.iter().flatten();
        let with_bars = |table: &Table| *table != Table::Events;
        let bars = told().flatten().filter(|(table, _)| with_bars(table)).map(|(_, bar)| *bar);
        let by_all = Table::RESULTS.into_iter().filter_map(|table| {
            let least: Option<Vec<i64>> =
                places.iter().map(|place| place.as_ref()?.get(&table).copied()).collect();
            Some((table, least?.into_iter().min()?))
        });
        Self { by_all: by_all.collect(), bar: bars.max() }
    }
}

/// What `place` holds of `application`.
pub(crate) async fn stored(place: &Place, application: &str) -> Result<BTreeMap<Table, i64>> {
    let mut stored = BTreeMap::new();
    for table in Table::RESULTS {
        let version = place.backend.stored(table, application).await?;
        stored.extend(version.map(|version| (table, version)));
    }
    Ok(stored)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_hold_what_the_one_behind_holds_and_nothing_is_known_of_one_that_is_away() {
        let ahead = BTreeMap::from([(Table::Bars, 9), (Table::Portfolios, 10), (Table::Events, 70)]);
        let behind = BTreeMap::from([(Table::Bars, 4), (Table::Events, 80)]);
        let known = Known::of(&[Some(ahead.clone()), Some(behind)]);
        assert_eq!(known.by_all, [(Table::Bars, 4), (Table::Events, 70)].into());
        assert_eq!(known.bar, Some(10), "events have no bars");
        let known = Known::of(&[Some(ahead.clone()), None]);
        assert_eq!(known, Known { by_all: BTreeMap::new(), bar: Some(10) });
        assert_eq!(Known::of(&[Some(ahead.clone())]).by_all, ahead);
        assert_eq!(Known::of(&[Some(BTreeMap::new())]), Known::default());
    }
}
