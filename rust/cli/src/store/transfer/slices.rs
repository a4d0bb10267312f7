//! What is read at a time: of one universe and variant so many bars that their rows fit in memory.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use silverbullet_store::{Scope, Table, numbered_by_bar};

use super::which::Which;
use crate::stored::{Stored, is, quoted, text};

/// Rows of a slice, nearly.
pub(crate) const ROWS: i64 = 20_000;

/// Rows that are read and written together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Slice {
    pub(crate) table: Table,
    pub(crate) universe: String,
    pub(crate) variant: String,
    /// The first bar and the last; `None` is all rows.
    pub(crate) bars: Option<(i64, i64)>,
}

impl Slice {
    pub(crate) fn scope(&self) -> Scope<'_> {
        Scope { table: self.table, universe: &self.universe, variant: &self.variant }
    }

    /// Its rows in order, in SQL.
    pub(crate) fn query(&self, schema: &str, which: &Which) -> String {
        let mut conditions = which.conditions(self.table);
        if !self.table.partitions().is_empty() {
            conditions.push(is("universe", &self.universe));
            conditions.push(is("variant", &self.variant));
        }
        if let Some((first, last)) = self.bars {
            conditions.push(format!("bar between {first} and {last}"));
        }
        let columns = quoted(self.table.schema().fields().iter().map(|field| field.name().as_str()));
        let order = quoted(self.table.key().iter().copied());
        format!("select {columns} from {} order by {order}", from(schema, self.table, &conditions))
    }
}

/// Slices of a table, in the order in which they are to be written, and how many rows they have.
pub(crate) fn of(
    stored: &Stored,
    schema: &str,
    table: Table,
    which: &Which,
) -> anyhow::Result<(Vec<Slice>, i64)> {
    let from = from(schema, table, &which.conditions(table));
    if table.partitions().is_empty() {
        let rows = stored.number(&format!("select count(*) from {from}"))?.unwrap_or_default();
        let all = Slice { table, universe: String::new(), variant: String::new(), bars: None };
        return Ok((if rows > 0 { vec![all] } else { Vec::new() }, rows));
    }
    let bars = if numbered_by_bar(table) {
        "min(bar) as first, max(bar) as last"
    } else {
        "null as first, null as last"
    };
    let found = stored.rows(&format!(
        "select universe, variant, count(*), {bars} from {from} group by universe, variant order by 1, 2"
    ))?;
    let mut slices = Vec::new();
    let mut total = 0;
    for row in 0..found.num_rows() {
        let number = |column: usize| number(&found, column, row);
        let rows = number(2).unwrap_or_default();
        total += rows;
        let ends = number(3).zip(number(4));
        let (universe, variant) = (text(&found, 0, row).to_owned(), text(&found, 1, row).to_owned());
        let slice = |bars| Slice { table, universe: universe.clone(), variant: variant.clone(), bars };
        match ends {
            None => slices.push(slice(None)),
            Some((first, last)) => slices.extend(cut(first, last, rows).map(|bars| slice(Some(bars)))),
        }
    }
    Ok((slices, total))
}

/// The bars from `first` to `last` with so many rows, in stretches of about [`ROWS`].
fn cut(first: i64, last: i64, rows: i64) -> impl Iterator<Item = (i64, i64)> {
    let bars = last - first + 1;
    let stretches = (rows / ROWS).clamp(1, bars);
    let width = (bars + stretches - 1) / stretches;
    (first..=last)
        .step_by(usize::try_from(width).unwrap_or(usize::MAX))
        .map(move |from| (from, (from + width - 1).min(last)))
}

fn from(schema: &str, table: Table, conditions: &[String]) -> String {
    let filter =
        if conditions.is_empty() { String::new() } else { format!(" where {}", conditions.join(" and ")) };
    format!("{schema}.{}{filter}", table.name())
}

fn number(rows: &RecordBatch, column: usize, row: usize) -> Option<i64> {
    let numbers = rows.column(column).as_primitive_opt::<Int64Type>()?;
    numbers.is_valid(row).then(|| numbers.value(row))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_hold_every_bar_once() {
        for (first, last, rows) in
            [(0, 0, 1), (-5, 5, 3 * ROWS), (7, 1_000_000, 10 * ROWS), (7, 9, 100 * ROWS)]
        {
            let stretches: Vec<_> = cut(first, last, rows).collect();
            assert_eq!((stretches[0].0, stretches.last().unwrap().1), (first, last));
            assert!(stretches.windows(2).all(|pair| pair[0].1 + 1 == pair[1].0), "{stretches:?}");
            assert!(stretches.iter().all(|(from, to)| from <= to), "{stretches:?}");
        }
        assert_eq!(cut(0, 99, 5 * ROWS).count(), 5);
    }

    #[test]
    fn a_slice_is_read_by_its_key() {
        let (universe, variant) = ("default".to_owned(), "ab".to_owned());
        let slice = Slice { table: Table::Assets, universe, variant, bars: Some((3, 9)) };
        let query = slice.query("history", &Which::default());
        let end = "from history.assets where universe = 'default' and variant = 'ab' and bar between 3 and 9 \
                   order by \"universe\", \"variant\", \"bar\", \"asset\"";
        assert!(query.starts_with("select \"universe\", ") && query.ends_with(end), "{query}");
    }
}
