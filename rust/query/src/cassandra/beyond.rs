//! What only Cassandra has of a plain table: of each universe and variant the bars that nothing on this machine holds.
//!
//! Where both have a bar, the rows on this machine answer: no row is seen twice. Which bars are here is told by the bounds of each
//! file and of what waits to be stored. Events have no bars: those of a universe and variant are read from one place, this machine
//! where its tables have any. Tables without universe and variant are read here where the data directory has them.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::error::Result;
use datafusion::logical_expr::Expr;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{Column, cast};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::projection::ProjectionExec;
use silverbullet_store::Table;
use silverbullet_store::cassandra::{KeyRead, splits};

use super::exec::{CassandraExec, Read};
use super::wanted::Wanted;
use super::{Cassandra, name_of};
use crate::variants::Chosen;
use crate::views::planned;

/// Ranges of tokens that a table of few rows is read in.
const RANGES: u32 = 16;

/// From the first bar to the last.
pub(crate) const EVERYTHING: (i64, i64) = (i64::MIN, i64::MAX);

/// Bars, the first and the last of each stretch.
type Stretches = Vec<(i64, i64)>;

/// Universe and variant.
pub(crate) type Pair = (String, String);

/// What is read of one table in Cassandra besides what is here.
#[derive(Debug)]
pub(crate) struct Beyond {
    source: Arc<Cassandra>,
    table: Table,
    /// `None` reads all of the table.
    missing: Option<BTreeMap<Pair, Stretches>>,
}

impl Beyond {
    /// All rows: nothing is here.
    pub(crate) fn all(source: Arc<Cassandra>, table: Table) -> Self {
        Self { source, table, missing: None }
    }

    /// Of `pairs`, which have rows in Cassandra, what is not among `held`, the bars that are here. A pair that is not in it has none.
    pub(crate) fn besides(
        source: Arc<Cassandra>,
        table: Table,
        pairs: impl IntoIterator<Item = Pair>,
        held: &BTreeMap<Pair, Stretches>,
    ) -> Self {
        let missing = pairs.into_iter().map(|pair| {
            let stretches = held.get(&pair).map_or_else(|| vec![EVERYTHING], gaps);
            (pair, stretches)
        });
        Self { source, table, missing: Some(missing.filter(|(_, gaps)| !gaps.is_empty()).collect()) }
    }

    /// Whether all rows of a universe and variant are read here.
    pub(crate) fn is_whole(&self, universe: &str, variant: &str) -> bool {
        let pair = (universe.to_owned(), variant.to_owned());
        self.missing
            .as_ref()
            .is_some_and(|missing| missing.get(&pair).is_some_and(|gaps| gaps[..] == [EVERYTHING]))
    }

    /// A plan of the rows that the chosen variants lack here, with more than `filters` keep: they are applied again above it.
    pub(crate) async fn scan(
        &self,
        chosen: &Chosen,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let table = self.table;
        let read = match &self.missing {
            None => Read::Whole { table, ranges: splits(RANGES) },
            Some(missing) => {
                let wanted = Wanted::of(table, filters);
                let chosen =
                    missing.iter().filter(|((universe, variant), _)| chosen.takes(universe, variant));
                let keys: Vec<KeyRead> =
                    chosen.flat_map(|(pair, gaps)| keys(table, pair, gaps, &wanted, limit)).collect();
                if keys.is_empty() {
                    return Ok(None);
                }
                Read::Keys(keys)
            }
        };
        let exec = CassandraExec::new(
            self.source.reader().await?,
            name_of(table, false),
            &table.schema(),
            read,
            projection,
        )?;
        as_planned(Arc::new(exec), table).map(Some)
    }
}

/// What is read of a universe and variant.
fn keys<'a>(
    table: Table,
    (universe, variant): &'a Pair,
    gaps: &'a Stretches,
    wanted: &'a Wanted,
    limit: Option<usize>,
) -> impl Iterator<Item = KeyRead> + 'a {
    let named = |names: &Option<std::collections::BTreeSet<String>>, name: &String| {
        names.as_ref().is_none_or(|names| names.contains(name))
    };
    let is_wanted = named(&wanted.scopes, universe) && named(&wanted.variants, variant);
    // The newest first, as they are within each.
    gaps.iter().rev().filter(move |_| is_wanted).filter_map(move |(first, last)| {
        let from = wanted.from.map_or(*first, |from| from.max(*first));
        let to = wanted.to.map_or(*last, |to| to.min(*last));
        let open = |end: i64, least: i64| (end != least).then_some(end);
        (from <= to).then(|| KeyRead {
            from: open(from, i64::MIN),
            to: open(to, i64::MAX),
            limit,
            ..KeyRead::new(table, universe, variant)
        })
    })
}

/// Text as views, as all plans of plain tables have it.
fn as_planned(plan: Arc<dyn ExecutionPlan>, table: Table) -> Result<Arc<dyn ExecutionPlan>> {
    let (found, wanted): (SchemaRef, SchemaRef) = (plan.schema(), planned(table));
    let columns = found.fields().iter().enumerate().map(|(place, field)| {
        let column: Arc<dyn PhysicalExpr> = Arc::new(Column::new(field.name(), place));
        let data_type = wanted.field_with_name(field.name())?.data_type().clone();
        Ok((cast(column, &found, data_type)?, field.name().clone()))
    });
    Ok(Arc::new(ProjectionExec::try_new(columns.collect::<Result<Vec<_>>>()?, plan)?))
}

/// What lies before, between and behind stretches, which may overlap and come in any order.
fn gaps(stretches: &Stretches) -> Stretches {
    let mut sorted = stretches.clone();
    sorted.sort_unstable();
    let mut gaps = Vec::new();
    let mut next = Some(i64::MIN);
    for (first, last) in sorted {
        let Some(from) = next else { break };
        if first > from {
            gaps.push((from, first - 1));
        }
        next = if last >= from { last.checked_add(1) } else { next };
    }
    gaps.extend(next.map(|from| (from, i64::MAX)));
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_here_lies_before_between_and_behind() {
        let (least, most) = (i64::MIN, i64::MAX);
        assert_eq!(gaps(&vec![]), [(least, most)]);
        assert_eq!(gaps(&vec![(10, 20), (1, 5), (4, 8), (21, 30)]), [(least, 0), (9, 9), (31, most)]);
        assert_eq!(gaps(&vec![(1, 30), (4, 8)]), [(least, 0), (31, most)]);
        assert_eq!(gaps(&vec![(least, 3), (7, most)]), [(4, 6)]);
        assert_eq!(gaps(&vec![(least, most)]), []);
    }

    #[test]
    fn what_is_read_is_what_is_wanted_of_the_gaps_the_newest_first() {
        let pair = ("u".to_owned(), "v".to_owned());
        let gaps = vec![(i64::MIN, 9), (20, 29), (40, i64::MAX)];
        let read = |wanted: Wanted| -> Vec<(Option<i64>, Option<i64>)> {
            keys(Table::Bars, &pair, &gaps, &wanted, None).map(|key| (key.from, key.to)).collect()
        };
        assert_eq!(read(Wanted::default()), [(Some(40), None), (Some(20), Some(29)), (None, Some(9))]);
        assert_eq!(
            read(Wanted { from: Some(25), to: Some(35), ..Wanted::default() }),
            [(Some(25), Some(29))]
        );
        assert_eq!(read(Wanted { from: Some(10), to: Some(19), ..Wanted::default() }), []);
        assert_eq!(read(Wanted { scopes: Some(["w".to_owned()].into()), ..Wanted::default() }), []);
    }
}
