//! Rows cut into batches of statements, each within one partition: the node that has the partition takes such a batch
//! as one change, while one across partitions costs a round to other nodes for each.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch, StringArray};
use scylla::serialize::SerializationError;
use scylla::serialize::batch::{BatchValues, BatchValuesIterator};
use scylla::serialize::row::RowSerializationContext;
use scylla::serialize::writers::RowWriter;

use super::cells::Bound;
use super::layout::Layout;

/// Rows of one partition.
#[derive(Debug, Clone)]
pub(crate) struct Chunk {
    bound: Arc<Bound>,
    rows: Vec<u32>,
    pub(crate) bytes: usize,
}

impl Chunk {
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }
}

/// A partition that rows belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Partition<'a> {
    /// Universe, or the run of a back-test.
    pub(crate) scope: &'a str,
    /// Variant; empty where the table has none in its key.
    pub(crate) variant: &'a str,
    /// Bucket; 0 where the table has none.
    pub(crate) bucket: i64,
}

/// The columns that name the partitions of a batch.
#[derive(Debug)]
pub(crate) struct Partitions<'a> {
    scope: &'a StringArray,
    variant: Option<&'a StringArray>,
    buckets: &'a [i64],
}

impl<'a> Partitions<'a> {
    /// Those of `batch`; `None` where it has not the columns, which binding it refuses.
    pub(crate) fn of(layout: &Layout, batch: &'a RecordBatch, bound: &'a Bound) -> Option<Self> {
        let text = |name: &str| batch.column_by_name(name).and_then(|column| column.as_string_opt::<i32>());
        let scope = text(layout.partition.first()?)?;
        let variant = if layout.partition.contains(&"variant") { Some(text("variant")?) } else { None };
        Some(Self { scope, variant, buckets: &bound.buckets })
    }

    fn at(&self, row: usize) -> Partition<'a> {
        Partition {
            scope: self.scope.value(row),
            variant: self.variant.map_or("", |variant| variant.value(row)),
            bucket: self.buckets.get(row).copied().unwrap_or(0),
        }
    }

    /// `rows` by partition, each in the order in which they came.
    pub(crate) fn split(&self, rows: impl Iterator<Item = usize>) -> Vec<(Partition<'a>, Vec<u32>)> {
        let mut places: HashMap<Partition<'a>, usize> = HashMap::new();
        let mut parts: Vec<(Partition<'a>, Vec<u32>)> = Vec::new();
        let mut last = 0;
        for row in rows {
            let partition = self.at(row);
            // Rows come by bar: the next one mostly belongs to the partition of the one before.
            if parts.get(last).is_none_or(|(of, _)| *of != partition) {
                last = *places.entry(partition).or_insert(parts.len());
                if last == parts.len() {
                    parts.push((partition, Vec::new()));
                }
            }
            parts[last].1.push(row as u32);
        }
        parts
    }
}

/// `rows` of one partition in chunks of at most so many rows and about so many bytes.
pub(crate) fn chunks(bound: &Arc<Bound>, rows: &[u32], most_rows: usize, most_bytes: usize) -> Vec<Chunk> {
    let mut all = Vec::with_capacity(rows.len() / most_rows + 1);
    let (mut first, mut bytes) = (0, 0);
    let chunk = |range: std::ops::Range<usize>, bytes| Chunk {
        bound: Arc::clone(bound),
        rows: rows[range].to_vec(),
        bytes,
    };
    for (place, row) in rows.iter().enumerate() {
        let next = bound.bytes(*row as usize);
        if place > first && (place - first == most_rows || bytes + next > most_bytes) {
            all.push(chunk(first..place, bytes));
            (first, bytes) = (place, 0);
        }
        bytes += next;
    }
    if first < rows.len() {
        all.push(chunk(first..rows.len(), bytes));
    }
    all
}

impl BatchValues for Chunk {
    type BatchValuesIter<'r> = ChunkRows<'r>;

    fn batch_values_iter(&self) -> Self::BatchValuesIter<'_> {
        ChunkRows { bound: &self.bound, rows: self.rows.iter() }
    }
}

/// The rows of a chunk, one after another.
#[derive(Debug)]
pub(crate) struct ChunkRows<'r> {
    bound: &'r Bound,
    rows: std::slice::Iter<'r, u32>,
}

impl<'r> BatchValuesIterator<'r> for ChunkRows<'r> {
    fn serialize_next(
        &mut self,
        _context: &RowSerializationContext<'_>,
        writer: &mut RowWriter<'_>,
    ) -> Option<Result<(), SerializationError>> {
        self.rows.next().map(|row| self.bound.write(*row as usize, writer))
    }

    fn is_empty_next(&mut self) -> Option<bool> {
        self.rows.next().map(|_| false)
    }

    fn skip_next(&mut self) -> Option<()> {
        self.rows.next().map(|_| ())
    }
}
