//! Filters that set a column equal to a text.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};

/// The column and the text that it has to be equal to, whichever stands on the left.
pub(crate) fn column_is_text(filter: &Expr) -> Option<(&str, &str)> {
    let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) = filter else { return None };
    match (&**left, &**right) {
        (Expr::Column(column), value) | (value, Expr::Column(column)) => Some((&column.name, text(value)?)),
        _ => None,
    }
}

/// The text that an expression is.
pub(crate) fn text(value: &Expr) -> Option<&str> {
    match value {
        Expr::Literal(
            ScalarValue::Utf8(text) | ScalarValue::Utf8View(text) | ScalarValue::LargeUtf8(text),
            _,
        ) => text.as_deref(),
        _ => None,
    }
}
