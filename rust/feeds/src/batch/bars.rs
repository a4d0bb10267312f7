//! A bar a row, as prices: what an engine forms from them is the same bar again.
//!
//! A bar is (open, close]: its open comes a nanosecond after it opens, high and low after that, and the close on the grid, which
//! closes it. Between open and close nobody knows the order, and no bar depends on it. All of the volume is the close's. Universes
//! with longer bars form theirs from these.

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;

use super::{asset, column, each, needed, needed_times, optional, price, time};
use crate::csv::judge::{Fault, Quote, reason};

/// A bar whose prices cannot be those of one.
const INCONSISTENT: &str = "inconsistent bar";

/// Calls `take` with the prices of each row of `batch`.
///
/// # Errors
/// A column that is needed is not there, or cannot be cast.
pub(crate) fn rows(
    batch: &RecordBatch,
    take: impl FnMut(Result<[Quote<'_>; 4], Fault>),
) -> Result<(), ArrowError> {
    let columns = Columns::of(batch)?;
    each(batch.num_rows(), |row| columns.row(row), take);
    Ok(())
}

struct Columns {
    asset: ArrayRef,
    open_time: ArrayRef,
    close_time: ArrayRef,
    open: ArrayRef,
    high: ArrayRef,
    low: ArrayRef,
    close: ArrayRef,
    volume: Option<ArrayRef>,
}

impl Columns {
    fn of(batch: &RecordBatch) -> Result<Self, ArrowError> {
        let number = DataType::Float64;
        Ok(Self {
            open_time: needed_times(batch, "open_time")?,
            close_time: needed_times(batch, "close_time")?,
            open: needed(batch, "open", &number)?,
            high: needed(batch, "high", &number)?,
            low: needed(batch, "low", &number)?,
            close: needed(batch, "close", &number)?,
            asset: needed(batch, "asset", &DataType::Utf8)?,
            volume: column(batch, "volume", &number)?,
        })
    }

    fn row(&self, row: usize) -> Result<[Quote<'_>; 4], Fault> {
        let asset = asset(&self.asset, row)?.as_bytes();
        let opens = time(&self.open_time, "open_time", row)?;
        let closes = time(&self.close_time, "close_time", row)?;
        if closes.saturating_sub(opens) < 4 {
            let detail = "close_time is not after open_time".to_owned();
            return Err(Fault { reason: INCONSISTENT, detail });
        }
        let open = price(&self.open, "open", row)?;
        let high = price(&self.high, "high", row)?;
        let low = price(&self.low, "low", row)?;
        let close = price(&self.close, "close", row)?;
        if high < open.max(close) || low > open.min(close) {
            let detail = format!("open {open}, high {high}, low {low}, close {close}");
            return Err(Fault { reason: INCONSISTENT, detail });
        }
        let volume = optional(self.volume.as_ref(), row, (reason::INVALID_SIZE, "volume", 0.0))?;
        let quote = |event_time, price, size| Quote {
            event_time,
            asset,
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
}
