//! Prices as Arrow batches, many at once: messages that are Arrow IPC streams, and what is put over Flight.
//!
//! Columns by the names of the JSON value: `timestamp` (a timestamp of any unit, or a whole number that tells its unit
//! by its size), `asset` (text), `price`, and optionally `bid`, `ask`, `size`, `sequence`. What Arrow can cast to these is
//! taken. A row that cannot be used is told by its number; the others count.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Float64Type, Int64Type, TimeUnit as Unit, TimestampNanosecondType, UInt64Type,
};
use arrow::error::ArrowError;
#[cfg(feature = "kafka")]
use arrow::ipc::reader::StreamReader;
use silverbullet_market::Nanos;

use crate::csv::judge::{Fault, Quote, reason};
use crate::csv::{TimeUnit, parse_timestamp};

/// A message that begins like an Arrow stream and is none that can be used.
#[cfg(feature = "kafka")]
pub(crate) const NOT_ARROW: &str = "unusable Arrow batch";
/// What an Arrow IPC stream begins with.
#[cfg(feature = "kafka")]
const MARK: [u8; 4] = [0xff; 4];

/// True for messages that are Arrow streams: no JSON begins like this.
#[cfg(feature = "kafka")]
pub(crate) fn is_arrow(payload: &[u8]) -> bool {
    payload.starts_with(&MARK)
}

/// Calls `take` with each row, or with why there are none.
#[cfg(feature = "kafka")]
pub(crate) fn read(payload: &[u8], mut take: impl FnMut(Result<Quote<'_>, Fault>)) {
    let outcome = StreamReader::try_new(payload, None)
        .and_then(|reader| reader.into_iter().try_for_each(|batch| Columns::of(&batch?)?.rows(&mut take)));
    if let Err(error) = outcome {
        take(Err(Fault { reason: NOT_ARROW, detail: error.to_string() }));
    }
}

/// Calls `take` with each row of `batch`.
///
/// # Errors
/// A column that is needed is not there, or cannot be cast.
pub(crate) fn rows(
    batch: &RecordBatch,
    mut take: impl FnMut(Result<Quote<'_>, Fault>),
) -> Result<(), ArrowError> {
    Columns::of(batch)?.rows(&mut take)
}

struct Columns {
    timestamp: ArrayRef,
    asset: ArrayRef,
    price: ArrayRef,
    options: [Option<ArrayRef>; 3],
    sequence: Option<ArrayRef>,
}

impl Columns {
    fn of(batch: &RecordBatch) -> Result<Self, ArrowError> {
        let column =
            |name: &str, to: &DataType| batch.column_by_name(name).map(|column| cast(column, to)).transpose();
        let needed = |name: &str, to: &DataType| {
            column(name, to)?.ok_or_else(|| {
                let found: Vec<_> =
                    batch.schema().fields().iter().map(|field| field.name().clone()).collect();
                ArrowError::SchemaError(format!("no column {name}; there are {}", found.join(", ")))
            })
        };
        let whole = batch.column_by_name("timestamp").is_some_and(|column| column.data_type().is_integer());
        let time = if whole { DataType::Int64 } else { DataType::Timestamp(Unit::Nanosecond, None) };
        let number = DataType::Float64;
        Ok(Self {
            timestamp: needed("timestamp", &time)?,
            asset: needed("asset", &DataType::Utf8)?,
            price: needed("price", &number)?,
            options: [column("bid", &number)?, column("ask", &number)?, column("size", &number)?],
            sequence: column("sequence", &DataType::UInt64)?,
        })
    }

    fn rows(&self, take: &mut impl FnMut(Result<Quote<'_>, Fault>)) -> Result<(), ArrowError> {
        for row in 0..self.price.len() {
            take(
                self.row(row)
                    .map_err(|fault| Fault { detail: format!("row {row}: {}", fault.detail), ..fault }),
            );
        }
        Ok(())
    }

    fn row(&self, row: usize) -> Result<Quote<'_>, Fault> {
        let number = |column: &ArrayRef| {
            let values = column.as_primitive::<Float64Type>();
            values.is_valid(row).then(|| values.value(row))
        };
        let names = self.asset.as_string::<i32>();
        let asset = if names.is_valid(row) { names.value(row).trim() } else { "" };
        if asset.is_empty() {
            return Err(Fault::missing(reason::EMPTY_ASSET, "asset"));
        }
        let event_time = self.time(row)?;
        let price = number(&self.price).ok_or_else(|| Fault::missing(reason::EMPTY_PRICE, "price"))?;
        let wrong = |reason, what, value: f64| Fault::new(reason, what, value.to_string().as_bytes());
        if !price.is_finite() {
            return Err(wrong(reason::PRICE_NOT_FINITE, "price", price));
        }
        if price <= 0.0 {
            return Err(wrong(reason::PRICE_NOT_POSITIVE, "price", price));
        }
        let rules = [
            (reason::INVALID_BID, "bid", f64::MIN_POSITIVE),
            (reason::INVALID_ASK, "ask", f64::MIN_POSITIVE),
            (reason::INVALID_SIZE, "size", 0.0),
        ];
        let mut found = [None; 3];
        for ((found, column), (reason, what, least)) in found.iter_mut().zip(&self.options).zip(rules) {
            *found = column.as_ref().and_then(number);
            if let Some(value) = found.filter(|value| !(value.is_finite() && *value >= least)) {
                return Err(wrong(reason, what, value));
            }
        }
        let sequence = self.sequence.as_ref().map(|column| column.as_primitive::<UInt64Type>());
        let sequence = sequence.filter(|values| values.is_valid(row)).map(|values| values.value(row));
        let [bid, ask, size] = found;
        Ok(Quote { event_time, asset: asset.as_bytes(), price, bid, ask, size, sequence })
    }

    fn time(&self, row: usize) -> Result<Nanos, Fault> {
        if self.timestamp.is_null(row) {
            return Err(Fault::missing(reason::EMPTY_TIMESTAMP, "timestamp"));
        }
        match self.timestamp.data_type() {
            DataType::Int64 => {
                let number = self.timestamp.as_primitive::<Int64Type>().value(row);
                let unit = TimeUnit::of_magnitude(number.unsigned_abs());
                let text = number.to_string();
                parse_timestamp(text.as_bytes(), unit)
                    .ok_or_else(|| Fault::new(reason::UNPARSABLE_TIMESTAMP, "timestamp", text.as_bytes()))
            }
            _ => Ok(self.timestamp.as_primitive::<TimestampNanosecondType>().value(row)),
        }
    }
}

#[cfg(test)]
#[cfg(feature = "kafka")]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Float64Array, Int64Array, StringArray, TimestampMicrosecondArray, UInt64Array};
    use arrow::ipc::writer::StreamWriter;

    use super::*;

    fn written(columns: Vec<(&str, ArrayRef)>) -> Vec<u8> {
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let mut bytes = vec![];
        let mut writer = StreamWriter::try_new(&mut bytes, &batch.schema()).unwrap();
        writer.write(&batch).unwrap();
        writer.finish().unwrap();
        drop(writer);
        bytes
    }

    type Told = Result<(Nanos, String, f64, Option<f64>, Option<u64>), (&'static str, String)>;

    fn told(payload: &[u8]) -> Vec<Told> {
        let mut rows = vec![];
        read(payload, |quote| {
            rows.push(quote.map_err(|fault| (fault.reason, fault.detail)).map(|quote| {
                let asset = String::from_utf8_lossy(quote.asset).into_owned();
                (quote.event_time, asset, quote.price, quote.bid, quote.sequence)
            }));
        });
        rows
    }

    #[test]
    fn good_rows_count_and_bad_ones_are_told_by_number() {
        let payload = written(vec![
            (
                "asset",
                Arc::new(StringArray::from(vec![Some("BTC"), Some("ETH"), None, Some("ETH")])) as ArrayRef,
            ),
            ("timestamp", Arc::new(TimestampMicrosecondArray::from(vec![1_000_000, 2, 3, 4])) as ArrayRef),
            ("price", Arc::new(Float64Array::from(vec![1.5, -2.0, 3.0, 4.0])) as ArrayRef),
            ("bid", Arc::new(Float64Array::from(vec![Some(1.25), None, None, Some(f64::NAN)])) as ArrayRef),
            ("sequence", Arc::new(UInt64Array::from(vec![Some(9), None, None, None])) as ArrayRef),
        ]);
        assert!(is_arrow(&payload));
        let rows = told(&payload);
        assert_eq!(rows[0], Ok((1_000_000_000, "BTC".to_owned(), 1.5, Some(1.25), Some(9))));
        let reasons: Vec<_> = rows[1..].iter().map(|row| row.as_ref().unwrap_err().0).collect();
        assert_eq!(reasons, [reason::PRICE_NOT_POSITIVE, reason::EMPTY_ASSET, reason::INVALID_BID]);
        assert!(rows[1].as_ref().unwrap_err().1.starts_with("row 1: "));
    }

    #[test]
    fn whole_numbers_are_times_by_their_size() {
        let payload = written(vec![
            ("timestamp", Arc::new(Int64Array::from(vec![1_747_008_000, 1_747_008_000_000])) as ArrayRef),
            ("asset", Arc::new(StringArray::from(vec!["A", "B"])) as ArrayRef),
            ("price", Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef),
        ]);
        let times: Vec<_> = told(&payload).into_iter().map(|row| row.unwrap().0).collect();
        assert_eq!(times, [1_747_008_000_000_000_000; 2]);
    }

    #[test]
    fn what_is_no_batch_is_one_fault() {
        let whole = written(vec![("price", Arc::new(Float64Array::from(vec![1.0])) as ArrayRef)]);
        let missing = told(&whole);
        assert!(missing[0].as_ref().unwrap_err().1.contains("no column timestamp"));
        for cut in [4, 9, whole.len() / 2] {
            let rows = told(&whole[..cut]);
            assert_eq!(rows.len(), 1);
            assert_eq!(rows[0].as_ref().unwrap_err().0, NOT_ARROW);
        }
    }
}
