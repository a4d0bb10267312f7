use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};

use super::*;

fn rows(rows: &[(i64, &str, f64)]) -> RecordBatch {
    let bars = Int64Array::from_iter_values(rows.iter().map(|row| row.0));
    let assets = StringArray::from_iter_values(rows.iter().map(|row| row.1));
    let closes = Float64Array::from_iter_values(rows.iter().map(|row| row.2));
    let columns: [(&str, ArrayRef); 3] =
        [("bar", Arc::new(bars)), ("asset", Arc::new(assets)), ("close", Arc::new(closes))];
    RecordBatch::try_from_iter(columns).unwrap()
}

fn compared(stored: &[(i64, &str, f64)], made: &[(i64, &str, f64)]) -> TableReport {
    let mut report = TableReport { table: "bars", ..TableReport::default() };
    report.add(&["bar", "asset"], &rows(stored), &rows(made)).unwrap();
    report
}

#[test]
fn rows_are_matched_by_their_keys_and_compared_bit_by_bit() {
    let stored = [(1, "A", 1.0), (1, "B", 2.0), (2, "A", 0.0), (3, "A", 4.0), (3, "C", f64::NAN)];
    assert!(compared(&stored, &stored).is_same());
    let made =
        [(1, "B", 2.0), (2, "A", -0.0), (2, "B", 9.0), (3, "A", 4.0), (3, "C", f64::NAN), (4, "A", 1.0)];
    let report = compared(&stored, &made);
    assert_eq!((report.stored, report.equal, report.different), (5, 3, 1));
    assert_eq!((report.missing, report.extra), (1, 2));
    assert!(!report.is_same());
    let shown: Vec<_> =
        report.differences.iter().map(|shown| (shown.row.as_str(), shown.column.as_deref())).collect();
    let expected = [
        ("bar 1, asset A", None),
        ("bar 2, asset A", Some("close")),
        ("bar 2, asset B", None),
        ("bar 4, asset A", None),
    ];
    assert_eq!(shown, expected);
    assert_eq!(report.differences[1].replayed.as_deref(), Some("-0.0"));
    assert_eq!(
        (report.differences[0].stored.as_deref(), report.differences[0].replayed.as_deref()),
        (Some("there"), None)
    );
}

#[test]
fn no_row_on_one_side_is_a_difference_each() {
    let one = [(1, "A", 1.0)];
    assert_eq!((compared(&one, &[]).missing, compared(&[], &one).extra), (1, 1));
}

#[test]
fn what_made_a_row_is_left_out_and_all_else_is_asked_for() {
    for table in TABLES {
        let query = query(table, "true", 1, 9);
        assert!(!query.contains(MAKER), "{query}");
        let columns = table.schema().fields().len() - 1;
        assert_eq!(query.split(" from ").next().unwrap().matches('"').count(), 2 * columns, "{query}");
    }
}
