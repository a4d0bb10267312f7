//! Stored rows beside those made again: every column but the id of the run, bit by bit.

use std::cmp::Ordering;

use anyhow::anyhow;
use arrow::array::RecordBatch;
use arrow::row::{RowConverter, Rows, SortField};
use arrow::util::display::array_value_to_string;
use serde::Serialize;
use silverbullet_store::Table;

use super::again::Replayed;
use crate::stored::{Stored, quoted};

/// What follows from the input alone. What happened to the connection is in `events` too, which is no part of it.
const TABLES: [Table; 4] = [Table::Portfolios, Table::Frontiers, Table::Assets, Table::Bars];
/// Rows compared at a time, about.
const CHUNK: i64 = 200_000;
/// Differences that are shown of a table.
const SHOWN: usize = 5;
/// What made a row is no part of what it says.
const MAKER: &str = "run_id";

/// How a table compares.
#[derive(Debug, Default, Serialize)]
pub(super) struct TableReport {
    pub(super) table: &'static str,
    pub(super) stored: u64,
    pub(super) equal: u64,
    pub(super) different: u64,
    /// Stored, and not made again.
    pub(super) missing: u64,
    /// Made again, and not stored.
    pub(super) extra: u64,
    pub(super) differences: Vec<Difference>,
}

/// A row that is not the same.
#[derive(Debug, Serialize)]
pub(super) struct Difference {
    /// Its key.
    pub(super) row: String,
    /// The first column that differs; `None` where one of the two is not there.
    pub(super) column: Option<String>,
    pub(super) stored: Option<String>,
    pub(super) replayed: Option<String>,
}

/// What was compared of a universe.
pub(super) struct Compared {
    /// The first bar; behind the first stored one where the input does not reach back any more.
    pub(super) first: i64,
    pub(super) tables: Vec<TableReport>,
}

/// Compares all tables of a universe from the first bar that both can have to the last one stored.
pub(super) fn compare(stored: &Stored, scratch: &Stored, universe: &Replayed) -> anyhow::Result<Compared> {
    let condition = format!("universe = '{}' and variant = '{}'", universe.universe, universe.variant);
    let made = scratch.number(&format!("select min(bar) from bars where {condition}"))?;
    let made = made.filter(|&made| made <= universe.last).ok_or_else(|| {
        anyhow!("{}: the input has no price any more for the bars that are stored", universe.universe)
    })?;
    let mut first = universe.first;
    if made > first {
        // Rows depend on the window before them, and their turnover on the row before.
        first = made.saturating_add(i64::try_from(universe.window).unwrap_or(i64::MAX)).saturating_add(2);
    }
    if first > universe.last {
        return Err(anyhow!(
            "{}: the input reaches back to bar {made} only, and rows follow from {} bars before them: none of those stored up to bar {} can be made again",
            universe.universe,
            universe.window,
            universe.last
        ));
    }
    let both = Both { stored, scratch, condition: &condition };
    let tables = TABLES.into_iter().map(|table| both.table(table, first, universe.last));
    Ok(Compared { first, tables: tables.collect::<anyhow::Result<_>>()? })
}

struct Both<'a> {
    stored: &'a Stored,
    scratch: &'a Stored,
    condition: &'a str,
}

impl Both<'_> {
    fn table(&self, table: Table, first: i64, last: i64) -> anyhow::Result<TableReport> {
        let mut report = TableReport { table: table.name(), ..TableReport::default() };
        let rows = self.stored.number(&format!(
            "select count(*) from {} where {} and bar between {first} and {last}",
            table.name(),
            self.condition
        ))?;
        let bars = last - first + 1;
        let step = (CHUNK.saturating_mul(bars) / rows.unwrap_or(0).max(1)).clamp(1, bars);
        let mut from = first;
        while from <= last {
            let to = from.saturating_add(step - 1).min(last);
            let query = query(table, self.condition, from, to);
            let (stored, made) = (self.stored.rows(&query)?, self.scratch.rows(&query)?);
            report.add(&keys(table), &stored, &made)?;
            from = to + 1;
        }
        Ok(report)
    }
}

fn query(table: Table, condition: &str, from: i64, to: i64) -> String {
    let schema = table.schema();
    let columns = schema.fields().iter().map(|field| field.name().as_str()).filter(|name| *name != MAKER);
    format!(
        "select {} from {} where {condition} and bar between {from} and {to} order by {}",
        quoted(columns),
        table.name(),
        keys(table).join(", ")
    )
}

/// The columns that tell the rows of a universe and variant apart.
fn keys(table: Table) -> Vec<&'static str> {
    let others = |name: &&&str| !["universe", "variant", MAKER].contains(*name);
    table.key().iter().filter(others).copied().collect()
}

impl TableReport {
    pub(super) fn is_same(&self) -> bool {
        self.equal == self.stored && self.extra == 0
    }

    fn add(&mut self, keys: &[&str], stored: &RecordBatch, made: &RecordBatch) -> anyhow::Result<()> {
        self.stored += stored.num_rows() as u64;
        if stored == made {
            self.equal += stored.num_rows() as u64;
            return Ok(());
        }
        let converter = RowConverter::new(
            keys.iter()
                .filter_map(|key| stored.column_by_name(key))
                .map(|column| SortField::new(column.data_type().clone()))
                .collect(),
        )?;
        let (of_stored, of_made) = (sortable(&converter, keys, stored)?, sortable(&converter, keys, made)?);
        let (mut left, mut right) = (0, 0);
        while left < stored.num_rows() || right < made.num_rows() {
            let order = order(&of_stored, left, &of_made, right);
            match order {
                Ordering::Equal if stored.slice(left, 1) == made.slice(right, 1) => self.equal += 1,
                Ordering::Equal => {
                    self.different += 1;
                    self.show(|| differing(keys, stored, left, made, right))?;
                }
                Ordering::Less => {
                    self.missing += 1;
                    self.show(|| Ok(Difference::alone(name(keys, stored, left)?, "there", "")))?;
                }
                Ordering::Greater => {
                    self.extra += 1;
                    self.show(|| Ok(Difference::alone(name(keys, made, right)?, "", "there")))?;
                }
            }
            left += usize::from(order != Ordering::Greater);
            right += usize::from(order != Ordering::Less);
        }
        Ok(())
    }

    fn show(&mut self, difference: impl FnOnce() -> anyhow::Result<Difference>) -> anyhow::Result<()> {
        if self.differences.len() < SHOWN {
            self.differences.push(difference()?);
        }
        Ok(())
    }
}

impl Difference {
    fn alone(row: String, stored: &str, replayed: &str) -> Self {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Self { row, column: None, stored: text(stored), replayed: text(replayed) }
    }
}

fn sortable(converter: &RowConverter, keys: &[&str], rows: &RecordBatch) -> anyhow::Result<Rows> {
    let columns: Vec<_> = keys.iter().filter_map(|key| rows.column_by_name(key).cloned()).collect();
    Ok(converter.convert_columns(&columns)?)
}

/// What is over comes last.
fn order(stored: &Rows, left: usize, made: &Rows, right: usize) -> Ordering {
    match (left < stored.num_rows(), right < made.num_rows()) {
        (true, true) => stored.row(left).cmp(&made.row(right)),
        (true, false) => Ordering::Less,
        _ => Ordering::Greater,
    }
}

/// The key of a row as a person reads it.
fn name(keys: &[&str], rows: &RecordBatch, row: usize) -> anyhow::Result<String> {
    let mut parts = Vec::new();
    for key in keys {
        if let Some(column) = rows.column_by_name(key) {
            parts.push(format!("{key} {}", array_value_to_string(column, row)?));
        }
    }
    Ok(parts.join(", "))
}

/// The first column in which two rows of the same key differ.
fn differing(
    keys: &[&str],
    stored: &RecordBatch,
    left: usize,
    made: &RecordBatch,
    right: usize,
) -> anyhow::Result<Difference> {
    let row = name(keys, stored, left)?;
    let columns = stored.schema_ref().fields().iter().zip(stored.columns().iter().zip(made.columns()));
    for (field, (of_stored, of_made)) in columns {
        if of_stored.slice(left, 1) != of_made.slice(right, 1) {
            return Ok(Difference {
                row,
                column: Some(field.name().clone()),
                stored: Some(array_value_to_string(of_stored, left)?),
                replayed: Some(array_value_to_string(of_made, right)?),
            });
        }
    }
    Ok(Difference { row, column: None, stored: None, replayed: None })
}

#[cfg(test)]
mod tests;
