//! The newest rows without their row group: `ORDER BY bar DESC LIMIT n` reads pages, not groups.
//!
//! The pages of a file say the least `bar` and time in each. Counted from the end of the newest file, the first pages that have n
//! rows together give a bound: n rows are at least that new, so no older one is among the newest n. The bound becomes a filter
//! above the table, which the scan leaves out everything else by, before it decodes a row. Nothing is taken for granted about the
//! order of rows: where they are not in that of time, the bound is lower and less is left out.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, Result};
use datafusion::config::ConfigOptions;
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Expr, FetchType, Filter, LogicalPlan, SkipType, Sort, lit};
use datafusion::optimizer::AnalyzerRule;
use datafusion::parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};
use datafusion::parquet::file::page_index::column_index::ColumnIndexMetaData;

use crate::equality::column_is_text;
use crate::united::United;

/// Columns that grow from row to row, or nearly.
const GROWING: [&str; 3] = ["bar", "as_of", "close_time"];
/// Most rows a bound is looked for: for more, the rest of a row group is not worth a look.
const MOST_ROWS: usize = 4_096;

/// Some rows that follow each other, and the least value of a column in them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stretch {
    pub(crate) rows: usize,
    pub(crate) least: i64,
}

/// A file by its path, and a column of it.
type FileColumn = (String, &'static str);

/// The pages at the end of files; each file is looked at once.
#[derive(Debug, Default)]
pub(crate) struct Ends(Mutex<BTreeMap<FileColumn, Arc<Vec<Stretch>>>>);

impl Ends {
    /// The last pages of a file, the last first, with [`MOST_ROWS`] rows where it has as many; none where it does not say.
    pub(crate) fn of(&self, path: &str, column: &'static str) -> Arc<Vec<Stretch>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = known.entry((path.to_owned(), column));
        Arc::clone(entry.or_insert_with(|| Arc::new(last_pages(path, column).unwrap_or_default())))
    }
}

/// `None` where the file cannot be read or says nothing of its pages: whoever reads its rows will say so.
fn last_pages(path: &str, column: &str) -> Option<Vec<Stretch>> {
    let file = File::open(Path::new("/").join(path)).ok()?;
    let reader = ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Optional);
    let metadata: ParquetMetaData = reader.parse_and_finish(&file).ok()?;
    let leaves = metadata.file_metadata().schema_descr();
    let leaf = (0..leaves.num_columns()).find(|&leaf| leaves.column(leaf).path().string() == column)?;
    let (values, places) = (metadata.column_index()?, metadata.offset_index()?);
    let mut stretches = Vec::new();
    let mut rows = 0;
    for group in (0..metadata.num_row_groups()).rev() {
        let ColumnIndexMetaData::INT64(values) = values.get(group)?.get(leaf)? else { return None };
        let pages = places.get(group)?.get(leaf)?.page_locations();
        let mut end = metadata.row_group(group).num_rows();
        for (number, page) in pages.iter().enumerate().rev() {
            let here = usize::try_from(end - page.first_row_index).ok()?;
            stretches.push(Stretch { rows: here, least: *values.min_value(number)? });
            end = page.first_row_index;
            rows += here;
            if rows >= MOST_ROWS {
                return Some(stretches);
            }
        }
    }
    Some(stretches)
}

/// The least value in the first stretches that have `wanted` rows together.
pub(crate) fn least(stretches: impl IntoIterator<Item = Stretch>, wanted: usize) -> Option<i64> {
    let (mut rows, mut least) = (0, i64::MAX);
    for stretch in stretches {
        rows += stretch.rows;
        least = least.min(stretch.least);
        if rows >= wanted {
            return Some(least);
        }
    }
    None
}

/// Puts the bound above the table where the newest rows of it are asked for.
#[derive(Debug)]
pub(crate) struct NewestRows;

impl AnalyzerRule for NewestRows {
    fn name(&self) -> &str {
        "newest_rows"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_down_with_subqueries(|node| {
            let LogicalPlan::Limit(limit) = &node else { return Ok(Transformed::no(node)) };
            let (SkipType::Literal(skip), FetchType::Literal(Some(fetch))) =
                (limit.get_skip_type()?, limit.get_fetch_type()?)
            else {
                return Ok(Transformed::no(node));
            };
            let wanted = skip.saturating_add(fetch);
            if !(1..=MOST_ROWS).contains(&wanted) {
                return Ok(Transformed::no(node));
            }
            match below_limit(&limit.input, wanted)? {
                Some(input) => Ok(Transformed::yes(node.with_new_exprs(node.expressions(), vec![input])?)),
                None => Ok(Transformed::no(node)),
            }
        })
        .map(|transformed| transformed.data)
    }
}

/// Finds the sort, below columns that are only left out or named.
fn below_limit(plan: &LogicalPlan, wanted: usize) -> Result<Option<LogicalPlan>> {
    match plan {
        LogicalPlan::Projection(projection) => {
            let input = below_limit(&projection.input, wanted)?;
            input.map(|input| plan.with_new_exprs(plan.expressions(), vec![input])).transpose()
        }
        LogicalPlan::Sort(Sort { expr, input, .. }) => {
            let Some(first) = expr.first().filter(|first| !first.asc) else { return Ok(None) };
            let Expr::Column(column) = &first.expr else { return Ok(None) };
            let input = bounded(input, column.clone(), wanted, None)?;
            input.map(|input| plan.with_new_exprs(plan.expressions(), vec![input])).transpose()
        }
        _ => Ok(None),
    }
}

/// Follows a column down to its table; `None` where it is no column of one, or where rows may be left out in between.
fn bounded(
    plan: &LogicalPlan,
    column: Column,
    wanted: usize,
    universe: Option<String>,
) -> Result<Option<LogicalPlan>> {
    let input = match plan {
        LogicalPlan::Projection(projection) => {
            let Some(place) = projection.schema.maybe_index_of_column(&column) else { return Ok(None) };
            let expression = match &projection.expr[place] {
                Expr::Alias(alias) => alias.expr.as_ref(),
                other => other,
            };
            let Expr::Column(below) = expression else { return Ok(None) };
            bounded(&projection.input, below.clone(), wanted, universe)?
        }
        LogicalPlan::SubqueryAlias(alias) => {
            let Some(place) = alias.schema.maybe_index_of_column(&column) else { return Ok(None) };
            let below = Column::from(alias.input.schema().qualified_field(place));
            bounded(&alias.input, below, wanted, universe)?
        }
        LogicalPlan::Filter(filter) => {
            let Some(named) = universe_of(&filter.predicate) else { return Ok(None) };
            if universe.as_ref().is_some_and(|other| *other != named) {
                return Ok(None);
            }
            bounded(&filter.input, column, wanted, Some(named))?
        }
        LogicalPlan::TableScan(scan) if scan.filters.is_empty() && scan.fetch.is_none() => {
            let Ok(provider) = source_as_provider(&scan.source) else { return Ok(None) };
            let provider: &dyn std::any::Any = provider.as_ref();
            let Some(united) = provider.downcast_ref::<United>() else { return Ok(None) };
            let Some(name) = GROWING.into_iter().find(|name| *name == column.name) else { return Ok(None) };
            let Some(least) = united.least(name, universe.as_deref(), wanted) else { return Ok(None) };
            let predicate = Expr::Column(column).gt_eq(lit(least));
            let filter = Filter::try_new(predicate, Arc::new(plan.clone()))?;
            return Ok(Some(LogicalPlan::Filter(filter)));
        }
        _ => None,
    };
    input.map(|input| plan.with_new_exprs(plan.expressions(), vec![input])).transpose()
}

/// The universe that a predicate keeps, where that is all it does.
fn universe_of(predicate: &Expr) -> Option<String> {
    let [part] = split_conjunction(predicate)[..] else { return None };
    let (column, value) = column_is_text(part)?;
    (column == "universe").then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_is_the_least_of_as_many_rows_as_are_wanted() {
        let stretches = [(2, 90), (3, 95), (4, 70)].map(|(rows, least)| Stretch { rows, least });
        assert_eq!(
            [1, 2, 3, 5, 6, 9, 10].map(|wanted| least(stretches, wanted)),
            [Some(90), Some(90), Some(90), Some(90), Some(70), Some(70), None]
        );
    }
}
