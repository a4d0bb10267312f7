//! Messages that are Arrow IPC streams: many prices at once, in the columns of [`ticks`].

use arrow::ipc::reader::StreamReader;

use crate::batch::ticks;
use crate::csv::judge::{Fault, Quote};

/// A message that begins like an Arrow stream and is none that can be used.
pub(crate) const NOT_ARROW: &str = "unusable Arrow batch";
/// What an Arrow IPC stream begins with.
const MARK: [u8; 4] = [0xff; 4];

/// True for messages that are Arrow streams: no JSON begins like this.
pub(crate) fn is_arrow(payload: &[u8]) -> bool {
    payload.starts_with(&MARK)
}

/// Calls `take` with each row, or with why there are none.
pub(crate) fn read(payload: &[u8], mut take: impl FnMut(Result<Quote<'_>, Fault>)) {
    let outcome = StreamReader::try_new(payload, None)
        .and_then(|reader| reader.into_iter().try_for_each(|batch| ticks::rows(&batch?, &mut take)));
    if let Err(error) = outcome {
        take(Err(Fault { reason: NOT_ARROW, detail: error.to_string() }));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray, UInt64Array,
    };
    use arrow::ipc::writer::StreamWriter;

    use super::*;
    use crate::csv::judge::reason;
    use silverbullet_market::Nanos;

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
