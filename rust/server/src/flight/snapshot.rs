//! An answer as it goes over the wire: encoded once, cut into shares, sent to whoever has a ticket.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow_flight::FlightData;
use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::error::FlightError;
use bytes::{BufMut, Bytes, BytesMut};
use futures::{StreamExt, TryStreamExt, stream};
use prost::Message;
use tonic::Status;

use super::budget::Room;

/// Most shares of one answer.
pub(crate) const MOST_SHARES: usize = 64;
/// Bytes of a batch on the wire, about; clients take no message above 4 MiB unless told to.
const BATCH: usize = 1 << 20;
/// Before the bytes of each gRPC message: whether it is compressed, and its length.
const PREFIX: usize = 5;

/// Batches as gRPC messages.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) schema: SchemaRef,
    pub(crate) rows: usize,
    /// Of all messages.
    pub(crate) bytes: usize,
    head: Bytes,
    /// The messages of each share.
    shares: Vec<Vec<Bytes>>,
    /// A bit a share that was read to its end.
    read: AtomicU64,
    _room: Room,
}

impl Snapshot {
    /// Encodes batches for so many readers beside one another. `room` holds what the batches take, and as much again
    /// for their messages.
    pub(crate) async fn encode(
        schema: SchemaRef,
        batches: Vec<RecordBatch>,
        shares: usize,
        mut room: Room,
    ) -> Result<Self, Status> {
        let rows = batches.iter().map(RecordBatch::num_rows).sum();
        let mut head = Bytes::new();
        let mut encoded = Vec::with_capacity(shares);
        for pieces in cut(batches, rows, shares) {
            let mut messages = messages(&schema, pieces).await?;
            if messages.is_empty() {
                return Err(Status::internal("an answer without its columns"));
            }
            head = messages.remove(0);
            encoded.push(messages);
        }
        let bytes = head.len() + encoded.iter().flatten().map(Bytes::len).sum::<usize>();
        room.shrink_to(bytes);
        Ok(Self { schema, rows, bytes, head, shares: encoded, read: AtomicU64::new(0), _room: room })
    }

    /// How many shares there are.
    pub(crate) fn shares(&self) -> usize {
        self.shares.len()
    }

    /// The messages of a share: the columns, then its batches.
    pub(crate) fn share(&self, share: usize) -> impl Iterator<Item = Bytes> + '_ {
        std::iter::once(&self.head).chain(&self.shares[share]).cloned()
    }

    /// A share was taken to its end.
    pub(crate) fn was_read(&self, share: usize) {
        self.read.fetch_or(1 << share, Ordering::AcqRel);
    }

    /// Whether every share was.
    pub(crate) fn is_read(&self) -> bool {
        self.read.load(Ordering::Acquire).count_ones() as usize == self.shares.len()
    }
}

/// The batches of each share, which have as many rows as the others, or one more. Nobody else holds them afterwards: the memory
/// of a batch is free for messages as soon as it is encoded, and fresh memory costs more than encoding.
fn cut(batches: Vec<RecordBatch>, rows: usize, shares: usize) -> Vec<Vec<RecordBatch>> {
    let mut batches = batches.into_iter();
    let mut rest: Option<RecordBatch> = None;
    let mut cut = Vec::with_capacity(shares);
    for share in 0..shares {
        let mut wanted = rows * (share + 1) / shares - rows * share / shares;
        let mut pieces = Vec::new();
        while wanted > 0 {
            let Some(batch) = rest.take().or_else(|| batches.next()) else { break };
            let taken = wanted.min(batch.num_rows());
            if taken < batch.num_rows() {
                rest = Some(batch.slice(taken, batch.num_rows() - taken));
            }
            wanted -= taken;
            pieces.push(batch.slice(0, taken));
        }
        cut.push(pieces);
    }
    cut
}

/// Bytes of a batch's rows: of a slice its own, whatever it was cut from.
pub(crate) fn size_of(batch: &RecordBatch) -> usize {
    let sizes = batch.columns().iter().map(|column| column.to_data().get_slice_memory_size());
    sizes.map(|size| size.unwrap_or_default()).sum()
}

/// The columns and then the rows as gRPC messages.
pub(crate) async fn messages(schema: &SchemaRef, batches: Vec<RecordBatch>) -> Result<Vec<Bytes>, Status> {
    let encoder = FlightDataEncoderBuilder::new()
        .with_schema(Arc::clone(schema))
        .with_max_flight_data_size(BATCH)
        .build(stream::iter(batches.into_iter().map(Ok::<_, FlightError>)));
    encoder.map(|data| message(&data?)).try_collect().await.map_err(Status::from)
}

fn message(data: &FlightData) -> Result<Bytes, FlightError> {
    let length = data.encoded_len();
    let mut bytes = BytesMut::with_capacity(PREFIX + length);
    bytes.put_u8(0);
    bytes.put_u32(u32::try_from(length).map_err(|error| FlightError::from_external_error(Box::new(error)))?);
    data.encode(&mut bytes).map_err(|error| FlightError::from_external_error(Box::new(error)))?;
    Ok(bytes.freeze())
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, Int64Array, StringArray};

    use super::*;

    #[test]
    fn a_slice_counts_as_much_as_its_own_rows() {
        let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..1_000_000));
        let words: ArrayRef = Arc::new(StringArray::from(vec!["four"; 1_000_000]));
        let batch = RecordBatch::try_from_iter([("number", numbers), ("word", words)]).unwrap();
        // Eight bytes a number; four a word, and where it begins.
        assert_eq!(size_of(&batch.slice(500_000, 10)), 10 * 8 + 10 * 4 + 11 * 4);
        assert!(size_of(&batch) >= 16_000_000);
    }

    #[test]
    fn shares_have_the_same_number_of_rows_or_one_more_in_their_order() {
        let column = |from: i64, to: i64| -> ArrayRef { Arc::new(Int64Array::from_iter_values(from..to)) };
        let batches = [(0, 7), (7, 7), (7, 8), (8, 31)]
            .map(|(from, to)| RecordBatch::try_from_iter([("n", column(from, to))]).unwrap());
        for shares in [1, 2, 5, 31, 40] {
            let cut = cut(batches.to_vec(), 31, shares);
            let counts: Vec<usize> =
                cut.iter().map(|share| share.iter().map(RecordBatch::num_rows).sum()).collect();
            assert_eq!((counts.len(), counts.iter().sum::<usize>()), (shares, 31));
            assert!(counts.iter().all(|count| count.abs_diff(31 / shares) <= 1), "{counts:?}");
            let rows: Vec<RecordBatch> = cut.into_iter().flatten().collect();
            let all = arrow::compute::concat_batches(&batches[0].schema(), &rows).unwrap();
            assert_eq!(all.column(0), &column(0, 31));
        }
    }
}
