//! Pages of rows as record batches: cells go from the frame straight into the builders of Arrow.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Float64Builder, Int64Builder, RecordBatch, StringBuilder,
    TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, SchemaRef};
use scylla::deserialize::row::ColumnIterator;
use scylla::response::query_result::QueryRowsResult;

use super::fault::Fault;
use super::layout::{Layout, Origin, quoted};
use super::order::entries;
use crate::schema::WeightsBuilder;

/// Which columns are read, and what they become.
#[derive(Debug, Clone)]
pub(crate) struct Projection {
    table: &'static str,
    /// Columns of the batches.
    pub(crate) schema: SchemaRef,
    /// Columns of the query, with their types: those of the batches, each of weights followed by its order.
    pub(crate) columns: Vec<(String, &'static str)>,
}

impl Projection {
    /// `columns` of `layout` by name, in that order; all where there are none.
    pub(crate) fn new(layout: &Layout, columns: Option<&[String]>) -> Result<Self, Fault> {
        let table = layout.table.name();
        let whole = layout.table.schema();
        let places = match columns {
            None => (0..whole.fields().len()).collect(),
            Some(names) => {
                let places = names.iter().map(|name| whole.index_of(name));
                places.collect::<Result<Vec<_>, _>>().map_err(|error| rows(table, &error))?
            }
        };
        let schema = whole.project(&places).map_err(|error| rows(table, &error))?;
        let mut columns = Vec::new();
        for place in places {
            let of = |origin| layout.columns.iter().find(|column| column.origin == origin);
            let both = [of(Origin::Column(place)), of(Origin::Order(place))];
            columns.extend(both.into_iter().flatten().map(|column| (column.name.clone(), column.cql)));
        }
        Ok(Self { table, schema: Arc::new(schema), columns })
    }

    /// What stands between SELECT and FROM. A query has to name a column, though nobody may want one.
    pub(crate) fn select(&self, layout: &Layout) -> String {
        if self.columns.is_empty() {
            return layout.partition.first().map(|name| quoted(name)).unwrap_or_default();
        }
        self.columns.iter().map(|(name, _)| quoted(name)).collect::<Vec<_>>().join(", ")
    }

    /// The rows of a page.
    pub(crate) fn decode(&self, page: &QueryRowsResult) -> Result<RecordBatch, Fault> {
        let count = page.rows_num();
        let mut builders: Vec<Builder> =
            self.schema.fields().iter().map(|field| Builder::new(field.data_type(), count)).collect();
        let wrong = |reason: &dyn std::fmt::Display| rows(self.table, reason);
        for row in page.rows::<ColumnIterator<'_, '_>>().map_err(|error| wrong(&error))? {
            let mut cells = row.map_err(|error| wrong(&error))?;
            let mut next = || match cells.next() {
                Some(Ok(column)) => Ok(column.slice.map(|slice| slice.as_slice())),
                Some(Err(error)) => Err(wrong(&error)),
                None => Err(wrong(&"a row has too few columns")),
            };
            for builder in &mut builders {
                let cell = next()?;
                let order = if matches!(builder, Builder::Weights(..)) { next()? } else { None };
                builder.push(cell, order).ok_or_else(|| wrong(&"a cell is not of its column's type"))?;
            }
        }
        let arrays = builders.iter_mut().map(Builder::finish).collect();
        let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(count));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)
            .map_err(|error| wrong(&error))
    }
}

fn rows(table: &'static str, reason: &dyn std::fmt::Display) -> Fault {
    Fault::Rows { table, reason: reason.to_string() }
}

enum Builder {
    Text(StringBuilder),
    Long(Int64Builder),
    Time(TimestampMicrosecondBuilder),
    Double(Float64Builder),
    Bool(BooleanBuilder),
    Weights(Box<WeightsBuilder>, Vec<Entry>),
}

/// Where the name of an asset lies in the cell, and its weight.
type Entry = (std::ops::Range<usize>, f64);

impl Builder {
    fn new(data_type: &DataType, rows: usize) -> Self {
        match data_type {
            DataType::Int64 => Self::Long(Int64Builder::with_capacity(rows)),
            DataType::Timestamp(..) => {
                Self::Time(TimestampMicrosecondBuilder::with_capacity(rows).with_timezone("UTC"))
            }
            DataType::Float64 => Self::Double(Float64Builder::with_capacity(rows)),
            DataType::Boolean => Self::Bool(BooleanBuilder::with_capacity(rows)),
            DataType::Map(..) => Self::Weights(Box::default(), Vec::new()),
            _ => Self::Text(StringBuilder::with_capacity(rows, 16 * rows)),
        }
    }

    /// Takes a cell; `None` where it is not of this type.
    fn push(&mut self, cell: Option<&[u8]>, order: Option<&[u8]>) -> Option<()> {
        match self {
            Self::Text(builder) => builder.append_option(optional(cell, text)?),
            Self::Long(builder) => builder.append_option(optional(cell, long)?),
            Self::Time(builder) => builder.append_option(optional(cell, long)?),
            Self::Double(builder) => builder.append_option(optional(cell, double)?),
            Self::Bool(builder) => builder.append_option(cell.map(|cell| cell.first() == Some(&1))),
            Self::Weights(builder, scratch) => {
                let cell = cell.unwrap_or(&[0; 4]);
                read_map(cell, scratch)?;
                let order = entries(order.unwrap_or_default(), scratch.len())?;
                let mut row = Vec::with_capacity(scratch.len());
                for entry in order {
                    let (name, weight) = scratch.get(entry)?;
                    row.push((text(&cell[name.clone()])?, *weight));
                }
                builder.push(row).ok()?;
            }
        }
        Some(())
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(builder) => Arc::new(builder.finish()),
            Self::Long(builder) => Arc::new(builder.finish()),
            Self::Time(builder) => Arc::new(builder.finish()),
            Self::Double(builder) => Arc::new(builder.finish()),
            Self::Bool(builder) => Arc::new(builder.finish()),
            Self::Weights(builder, _) => builder.finish(),
        }
    }
}

/// An empty cell, or what `read` makes of a full one; `None` where it makes nothing of it.
fn optional<'a, T>(cell: Option<&'a [u8]>, read: fn(&'a [u8]) -> Option<T>) -> Option<Option<T>> {
    match cell {
        None => Some(None),
        Some(cell) => read(cell).map(Some),
    }
}

fn text(cell: &[u8]) -> Option<&str> {
    std::str::from_utf8(cell).ok()
}

fn long(cell: &[u8]) -> Option<i64> {
    Some(i64::from_be_bytes(cell.try_into().ok()?))
}

fn double(cell: &[u8]) -> Option<f64> {
    Some(f64::from_be_bytes(cell.try_into().ok()?))
}

/// The entries of a map of texts to doubles: how many, then each key and value with its length before it.
fn read_map(cell: &[u8], entries: &mut Vec<Entry>) -> Option<()> {
    let length = |at: usize| {
        let bytes = cell.get(at..at + 4)?.try_into().ok()?;
        usize::try_from(i32::from_be_bytes(bytes)).ok()
    };
    entries.clear();
    let mut at = 4;
    for _ in 0..length(0)? {
        let key = at + 4..at + 4 + length(at)?;
        let value = key.end + 4..key.end + 4 + length(key.end)?;
        entries.push((key, double(cell.get(value.clone())?)?));
        at = value.end;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damaged_maps_are_refused_and_not_read_beyond_their_end() {
        let mut cell = 1_i32.to_be_bytes().to_vec();
        cell.extend(3_i32.to_be_bytes());
        cell.extend(b"BTC");
        cell.extend(8_i32.to_be_bytes());
        cell.extend(0.5_f64.to_be_bytes());
        let mut entries = Vec::new();
        assert!(read_map(&cell, &mut entries).is_some());
        assert_eq!((&cell[entries[0].0.clone()], entries[0].1), (&b"BTC"[..], 0.5));
        for end in 0..cell.len() {
            assert!(read_map(&cell[..end], &mut entries).is_none(), "{end}");
        }
    }
}
