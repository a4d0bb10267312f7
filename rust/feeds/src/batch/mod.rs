//! Prices as Arrow batches, many at once: in messages, and put over Flight.
//!
//! Columns go by their names, and what Arrow can cast to their types is taken. Times are timestamps of any unit, or whole numbers
//! that tell it by their size. A row that cannot be used is told by its number; the others count.

pub(crate) mod bars;
pub(crate) mod ticks;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit as Unit, TimestampNanosecondType};
use arrow::error::ArrowError;
use silverbullet_market::Nanos;

use crate::csv::judge::{Fault, reason};
use crate::csv::{TimeUnit, parse_timestamp};

/// The column of this name as `to`, where there is one.
fn column(batch: &RecordBatch, name: &str, to: &DataType) -> Result<Option<ArrayRef>, ArrowError> {
    batch.column_by_name(name).map(|column| cast(column, to)).transpose()
}

/// The column of this name as `to`.
fn needed(batch: &RecordBatch, name: &str, to: &DataType) -> Result<ArrayRef, ArrowError> {
    column(batch, name, to)?.ok_or_else(|| {
        let schema = batch.schema();
        let found: Vec<_> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        ArrowError::SchemaError(format!("no column {name}; there are {}", found.join(", ")))
    })
}

/// The column of this name with times, for [`time`].
fn needed_times(batch: &RecordBatch, name: &str) -> Result<ArrayRef, ArrowError> {
    let whole = batch.column_by_name(name).is_some_and(|column| column.data_type().is_integer());
    needed(batch, name, &if whole { DataType::Int64 } else { DataType::Timestamp(Unit::Nanosecond, None) })
}

/// Calls `take` with what `read` makes of each of `count` rows.
fn each<T>(count: usize, read: impl Fn(usize) -> Result<T, Fault>, mut take: impl FnMut(Result<T, Fault>)) {
    for row in 0..count {
        take(read(row).map_err(|fault| Fault { detail: format!("row {row}: {}", fault.detail), ..fault }));
    }
}

/// A name.
fn asset(names: &ArrayRef, row: usize) -> Result<&str, Fault> {
    let names = names.as_string::<i32>();
    let asset = if names.is_valid(row) { names.value(row).trim() } else { "" };
    if asset.is_empty() { Err(Fault::missing(reason::EMPTY_ASSET, "asset")) } else { Ok(asset) }
}

/// A number, where there is one.
fn number(column: &ArrayRef, row: usize) -> Option<f64> {
    let values = column.as_primitive::<Float64Type>();
    values.is_valid(row).then(|| values.value(row))
}

/// A number that is there and of which something is wrong.
fn wrong(reason: &'static str, name: &str, value: f64) -> Fault {
    Fault::new(reason, name, value.to_string().as_bytes())
}

fn price(column: &ArrayRef, name: &str, row: usize) -> Result<f64, Fault> {
    let price = number(column, row).ok_or_else(|| Fault::missing(reason::EMPTY_PRICE, name))?;
    if !price.is_finite() {
        return Err(wrong(reason::PRICE_NOT_FINITE, name, price));
    }
    if price <= 0.0 {
        return Err(wrong(reason::PRICE_NOT_POSITIVE, name, price));
    }
    Ok(price)
}

/// A number from `least` on, where there is one.
fn optional(
    column: Option<&ArrayRef>,
    row: usize,
    (reason, name, least): (&'static str, &str, f64),
) -> Result<Option<f64>, Fault> {
    match column.and_then(|column| number(column, row)) {
        Some(value) if !(value.is_finite() && value >= least) => Err(wrong(reason, name, value)),
        found => Ok(found),
    }
}

fn time(times: &ArrayRef, name: &str, row: usize) -> Result<Nanos, Fault> {
    if times.is_null(row) {
        return Err(Fault::missing(reason::EMPTY_TIMESTAMP, name));
    }
    match times.data_type() {
        DataType::Int64 => {
            let number = times.as_primitive::<Int64Type>().value(row);
            let unit = TimeUnit::of_magnitude(number.unsigned_abs());
            let text = number.to_string();
            parse_timestamp(text.as_bytes(), unit)
                .ok_or_else(|| Fault::new(reason::UNPARSABLE_TIMESTAMP, name, text.as_bytes()))
        }
        _ => Ok(times.as_primitive::<TimestampNanosecondType>().value(row)),
    }
}
