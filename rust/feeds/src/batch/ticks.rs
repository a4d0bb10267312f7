//! A price a row: `timestamp`, `asset` and `price`, and optionally `bid`, `ask`, `size` and `sequence`, as in the JSON value of a
//! message.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, UInt64Type};
use arrow::error::ArrowError;

use super::{asset, column, each, needed, needed_times, optional, price, time};
use crate::csv::judge::{Fault, Quote, reason};

/// Calls `take` with each row of `batch`.
///
/// # Errors
/// A column that is needed is not there, or cannot be cast.
pub(crate) fn rows(
    batch: &RecordBatch,
    take: impl FnMut(Result<Quote<'_>, Fault>),
) -> Result<(), ArrowError> {
    let columns = Columns::of(batch)?;
    each(batch.num_rows(), |row| columns.row(row), take);
    Ok(())
}

struct Columns {
    timestamp: ArrayRef,
    asset: ArrayRef,
    price: ArrayRef,
    bid: Option<ArrayRef>,
    ask: Option<ArrayRef>,
    size: Option<ArrayRef>,
    sequence: Option<ArrayRef>,
}

impl Columns {
    fn of(batch: &RecordBatch) -> Result<Self, ArrowError> {
        let number = DataType::Float64;
        Ok(Self {
            timestamp: needed_times(batch, "timestamp")?,
            asset: needed(batch, "asset", &DataType::Utf8)?,
            price: needed(batch, "price", &number)?,
            bid: column(batch, "bid", &number)?,
            ask: column(batch, "ask", &number)?,
            size: column(batch, "size", &number)?,
            sequence: column(batch, "sequence", &DataType::UInt64)?,
        })
    }

    fn row(&self, row: usize) -> Result<Quote<'_>, Fault> {
        let asset = asset(&self.asset, row)?.as_bytes();
        let event_time = time(&self.timestamp, "timestamp", row)?;
        let price = price(&self.price, "price", row)?;
        let bid = optional(self.bid.as_ref(), row, (reason::INVALID_BID, "bid", f64::MIN_POSITIVE))?;
        let ask = optional(self.ask.as_ref(), row, (reason::INVALID_ASK, "ask", f64::MIN_POSITIVE))?;
        let size = optional(self.size.as_ref(), row, (reason::INVALID_SIZE, "size", 0.0))?;
        let sequence = self.sequence.as_ref().map(|column| column.as_primitive::<UInt64Type>());
        let sequence = sequence.filter(|values| values.is_valid(row)).map(|values| values.value(row));
        Ok(Quote { event_time, asset, price, bid, ask, size, sequence })
    }
}
