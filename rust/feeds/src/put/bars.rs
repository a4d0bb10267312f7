//! Bars as prices: what an engine forms from them is the same bar again.
//!
//! A bar is (open, close]: its open comes a nanosecond after it opens, high and low after that, and the close on the grid, which
//! closes it. Between open and close nobody knows the order, and no bar depends on it. All of the volume is the close's. Universes
//! with longer bars form theirs from these.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, TimeUnit as Unit, TimestampNanosecondType};
use arrow::error::ArrowError;
use silverbullet_market::Nanos;

use crate::csv::judge::{Fault, Quote, reason};

/// A bar whose prices cannot be those of one.
const INCONSISTENT: &str = "inconsistent bar";
const PRICES: [&str; 4] = ["open", "high", "low", "close"];

/// Calls `take` with the prices of each row.
///
/// # Errors
/// A column that is needed is not there, or cannot be cast.
pub(super) fn rows(
    batch: &RecordBatch,
    mut take: impl FnMut(Result<[Quote<'_>; 4], Fault>),
) -> Result<(), ArrowError> {
    let columns = Columns::of(batch)?;
    for row in 0..batch.num_rows() {
        take(
            columns
                .row(row)
                .map_err(|fault| Fault { detail: format!("row {row}: {}", fault.detail), ..fault }),
        );
    }
    Ok(())
}

struct Columns {
    asset: ArrayRef,
    times: [ArrayRef; 2],
    prices: [ArrayRef; 4],
    volume: Option<ArrayRef>,
}

impl Columns {
    fn of(batch: &RecordBatch) -> Result<Self, ArrowError> {
        let column =
            |name: &str, to: &DataType| batch.column_by_name(name).map(|column| cast(column, to)).transpose();
        let needed = |name: &str, to: &DataType| {
            column(name, to)?.ok_or_else(|| {
                let schema = batch.schema();
                let found: Vec<_> = schema.fields().iter().map(|field| field.name().as_str()).collect();
                ArrowError::SchemaError(format!("no column {name}; there are {}", found.join(", ")))
            })
        };
        let time = DataType::Timestamp(Unit::Nanosecond, None);
        let number = DataType::Float64;
        let [open, high, low, close] = PRICES.map(|name| needed(name, &number));
        Ok(Self {
            asset: needed("asset", &DataType::Utf8)?,
            times: [needed("open_time", &time)?, needed("close_time", &time)?],
            prices: [open?, high?, low?, close?],
            volume: column("volume", &number)?,
        })
    }

    fn row(&self, row: usize) -> Result<[Quote<'_>; 4], Fault> {
        let names = self.asset.as_string::<i32>();
        let asset = if names.is_valid(row) { names.value(row).trim() } else { "" };
        if asset.is_empty() {
            return Err(Fault::missing(reason::EMPTY_ASSET, "asset"));
        }
        let [opens, closes] = [self.time(0, row)?, self.time(1, row)?];
        if closes.saturating_sub(opens) < 4 {
            let detail = "close_time is not after open_time".to_owned();
            return Err(Fault { reason: INCONSISTENT, detail });
        }
        let mut prices = [0.0; 4];
        for ((price, column), name) in prices.iter_mut().zip(&self.prices).zip(PRICES) {
            *price = price_of(column, name, row)?;
        }
        let [open, high, low, close] = prices;
        if high < open.max(close) || low > open.min(close) {
            let detail = format!("open {open}, high {high}, low {low}, close {close}");
            return Err(Fault { reason: INCONSISTENT, detail });
        }
        let volume = self.volume.as_ref().and_then(|column| value(column, row));
        if let Some(volume) = volume.filter(|volume| !(volume.is_finite() && *volume >= 0.0)) {
            return Err(Fault::new(reason::INVALID_SIZE, "volume", volume.to_string().as_bytes()));
        }
        let quote = |event_time, price, size| Quote {
            event_time,
            asset: asset.as_bytes(),
            price,
            bid: None,
            ask: None,
            size,
            sequence: None,
        };
        Ok([
            quote(opens + 1, open, None),
            quote(opens + 2, high, None),
            quote(opens + 3, low, None),
            quote(closes, close, volume),
        ])
    }

    fn time(&self, which: usize, row: usize) -> Result<Nanos, Fault> {
        let times = self.times[which].as_primitive::<TimestampNanosecondType>();
        if times.is_null(row) {
            let name = ["open_time", "close_time"][which];
            return Err(Fault::missing(reason::EMPTY_TIMESTAMP, name));
        }
        Ok(times.value(row))
    }
}

fn value(column: &ArrayRef, row: usize) -> Option<f64> {
    let values = column.as_primitive::<Float64Type>();
    values.is_valid(row).then(|| values.value(row))
}

fn price_of(column: &ArrayRef, name: &str, row: usize) -> Result<f64, Fault> {
    let price = value(column, row).ok_or_else(|| Fault::missing(reason::EMPTY_PRICE, name))?;
    let wrong = |reason| Err(Fault::new(reason, name, price.to_string().as_bytes()));
    if !price.is_finite() {
        return wrong(reason::PRICE_NOT_FINITE);
    }
    if price <= 0.0 {
        return wrong(reason::PRICE_NOT_POSITIVE);
    }
    Ok(price)
}
