//! What the filters of a query say of a table's key.

use std::collections::BTreeSet;

use datafusion::common::ScalarValue;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, TableProviderFilterPushDown};
use silverbullet_store::Table;
use silverbullet_store::cassandra::bucket::{Width, position, width};
use silverbullet_store::cassandra::partition;

use crate::equality::{column_is_text, text};

const VARIANT: &str = "variant";

/// The rows that a query wants, by their key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Universes, or runs where the table's partitions are those of runs; `None` is all.
    pub(crate) scopes: Option<BTreeSet<String>>,
    /// `None` is all.
    pub(crate) variants: Option<BTreeSet<String>>,
    /// The first bar, or time in microseconds.
    pub(crate) from: Option<i64>,
    /// The last.
    pub(crate) to: Option<i64>,
}

/// The column of which a partition holds the rows of one value.
pub(crate) fn scope_column(table: Table) -> &'static str {
    partition(table)[0]
}

/// Whether a partition holds the rows of one variant.
pub(crate) fn has_variants(table: Table) -> bool {
    partition(table).contains(&VARIANT)
}

/// Whether a filter names scopes.
pub(crate) fn is_scope(table: Table, filter: &Expr) -> bool {
    Wanted::of(table, std::slice::from_ref(filter)).scopes.is_some()
}

/// How much of a filter the key answers, where scopes are named too.
pub(crate) fn support(table: Table, filter: &Expr) -> TableProviderFilterPushDown {
    let mut wanted = Wanted::default();
    if !wanted.narrow(table, filter) {
        return TableProviderFilterPushDown::Unsupported;
    }
    // Rows without a time have the least one in their key; filters never keep them.
    let is_exact = (wanted.from, wanted.to) == (None, None) || position(table) == "bar";
    if is_exact { TableProviderFilterPushDown::Exact } else { TableProviderFilterPushDown::Inexact }
}

impl Wanted {
    /// What all of `filters` say together.
    pub(crate) fn of(table: Table, filters: &[Expr]) -> Self {
        let mut wanted = Self::default();
        for filter in filters {
            wanted.narrow(table, filter);
        }
        wanted
    }

    /// Takes `filter` into account; false where it says nothing of the key.
    fn narrow(&mut self, table: Table, filter: &Expr) -> bool {
        if let Some((column, values)) = one_of(filter) {
            let known = match column {
                VARIANT if has_variants(table) => &mut self.variants,
                column if column == scope_column(table) => &mut self.scopes,
                _ => return false,
            };
            *known = Some(match known.take() {
                Some(known) => known.intersection(&values).cloned().collect(),
                None => values,
            });
            return true;
        }
        let Some((column, operator, value)) = compared(filter) else { return false };
        if column != position(table) || width(table) == Width::Whole {
            return false;
        }
        let (from, to) = match operator {
            Operator::Eq => (Some(value), Some(value)),
            Operator::GtEq => (Some(value), None),
            Operator::LtEq => (None, Some(value)),
            // Nothing is above the greatest number; the filter itself is then not taken.
            Operator::Gt => (Some(value.saturating_add(1)).filter(|from| *from > value), None),
            Operator::Lt => (None, Some(value.saturating_sub(1)).filter(|to| *to < value)),
            _ => return false,
        };
        self.from = self.from.max(from);
        self.to = match (self.to, to) {
            (Some(known), Some(to)) => Some(known.min(to)),
            (known, to) => known.or(to),
        };
        from.is_some() || to.is_some()
    }
}

/// A text column that has to be one of some values.
fn one_of(filter: &Expr) -> Option<(&str, BTreeSet<String>)> {
    if let Some((column, value)) = column_is_text(filter) {
        return Some((column, BTreeSet::from([value.to_owned()])));
    }
    match filter {
        // A short IN list comes as alternatives.
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            let ((column, mut values), (other, more)) = (one_of(left)?, one_of(right)?);
            values.extend(more);
            (column == other).then_some((column, values))
        }
        Expr::InList(list) if !list.negated => {
            let Expr::Column(column) = &*list.expr else { return None };
            Some((
                &column.name,
                list.list.iter().map(|value| text(value).map(str::to_owned)).collect::<Option<_>>()?,
            ))
        }
        _ => None,
    }
}

/// A column compared with a number or a time, as if the column stood on the left.
fn compared(filter: &Expr) -> Option<(&str, Operator, i64)> {
    let Expr::BinaryExpr(BinaryExpr { left, op, right }) = filter else { return None };
    match (&**left, &**right) {
        (Expr::Column(column), value) => Some((&column.name, *op, number(value)?)),
        (value, Expr::Column(column)) => Some((&column.name, op.swap()?, number(value)?)),
        _ => None,
    }
}

fn number(value: &Expr) -> Option<i64> {
    match value {
        Expr::Literal(ScalarValue::Int64(value) | ScalarValue::TimestampMicrosecond(value, _), _) => *value,
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use datafusion::prelude::{col, in_list, lit};

    use super::*;

    fn texts(names: &[&str]) -> Option<BTreeSet<String>> {
        Some(names.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn filters_on_the_key_narrow_what_is_wanted() {
        let filters = [
            in_list(col("universe"), vec![lit("a"), lit("b")], false),
            lit("b").eq(col("universe")).or(col("universe").eq(lit("c"))),
            col("variant").eq(lit("v")),
            col("bar").gt(lit(5_i64)),
            lit(9_i64).gt_eq(col("bar")),
            col("bar").lt(lit(20_i64)),
        ];
        let wanted = Wanted::of(Table::Portfolios, &filters);
        assert_eq!((wanted.scopes, wanted.variants), (texts(&["b"]), texts(&["v"])));
        assert_eq!((wanted.from, wanted.to), (Some(6), Some(9)));
        for filter in &filters {
            assert_eq!(support(Table::Portfolios, filter), TableProviderFilterPushDown::Exact, "{filter}");
        }
    }

    #[test]
    fn what_the_key_does_not_answer_is_left_to_others() {
        let unsupported = [
            (Table::Portfolios, col("method").eq(lit("exact"))),
            (Table::Portfolios, col("bar").gt(lit(i64::MAX))),
            (Table::Portfolios, in_list(col("universe"), vec![lit("a")], true)),
            (Table::Portfolios, col("universe").eq(lit("a")).or(col("variant").eq(lit("b")))),
            (Table::Latency, col("variant").eq(lit("v"))),
            (Table::Runs, col("universe").eq(lit("a"))),
        ];
        for (table, filter) in unsupported {
            assert_eq!(support(table, &filter), TableProviderFilterPushDown::Unsupported, "{filter}");
            assert_eq!(Wanted::of(table, &[filter]), Wanted::default());
        }
        let time = ScalarValue::TimestampMicrosecond(Some(5), Some("UTC".into()));
        let filter = col("as_of").gt_eq(lit(time));
        assert_eq!(support(Table::Events, &filter), TableProviderFilterPushDown::Inexact);
        assert_eq!(Wanted::of(Table::Events, &[filter]).from, Some(5));
        assert_eq!(Wanted::of(Table::Runs, &[col("run_id").eq(lit("r"))]).scopes, texts(&["r"]));
    }
}
