//! Rows of Arrow as cells of CQL, written straight into the request.
//!
//! A batch is bound once: each column of the statement gets its array. A cell is then a match and a copy, with no
//! value in between.

use arrow::array::{
    Array, AsArray, BooleanArray, Float64Array, Int64Array, MapArray, RecordBatch, StringArray,
};
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimestampMicrosecondType};
use scylla::serialize::SerializationError;
use scylla::serialize::writers::{CellOverflowError, CellWriter, RowWriter};

use super::bucket::{bucket, position};
use super::fault::Fault;
use super::layout::{Form, Layout, Origin};
use super::order::{MAX_ASSETS, Order, Unordered};
use crate::schema::Table;

/// Bytes that a cell takes in a request beside its value, and a statement beside its cells.
const CELL: usize = 12;

/// A batch, bound to the columns of a layout in their order.
#[derive(Debug)]
pub(crate) struct Bound {
    cells: Vec<Cell>,
    /// Of each row, its bucket; empty where the table has none.
    pub(crate) buckets: Vec<i64>,
    /// Of each row, the time in microseconds that its cells carry; empty for those that carry the coordinator's.
    pub(crate) stamps: Vec<i64>,
    /// Whether an empty cell is written as such, or not at all.
    nulls: bool,
    orders: Orders,
}

#[derive(Debug)]
enum Cell {
    Text(StringArray),
    Long(Int64Array),
    Double(Float64Array),
    Bool(BooleanArray),
    Weights(MapArray),
    /// Microseconds, to be written as milliseconds.
    Readable(Int64Array),
    Order,
    Bucket,
    At(Int64Array),
    Resample {
        method: StringArray,
        run_id: StringArray,
    },
}

/// The orders of the rows' weights: consecutive rows mostly share one.
#[derive(Debug, Default)]
struct Orders {
    distinct: Vec<Order>,
    of_row: Vec<u32>,
}

impl Bound {
    /// `batch`, which must have the columns of the table, bound to `layout`.
    pub(crate) fn new(layout: &Layout, batch: &RecordBatch) -> Result<Self, Fault> {
        let table = layout.table;
        check(table, batch)?;
        let cells = layout.columns.iter().map(|column| cell(column.origin, table, batch)).collect();
        let position = batch.schema().index_of(position(table)).ok().map(|at| longs(batch, at));
        let bucketed = layout.columns.iter().any(|column| column.origin == Origin::Bucket);
        let positions = |array: &Int64Array| (0..array.len()).map(|row| at(array, row)).collect::<Vec<_>>();
        let buckets = match position.as_ref().filter(|_| bucketed) {
            Some(array) => positions(array).into_iter().map(|at| bucket(table, at)).collect(),
            None => Vec::new(),
        };
        let stamps = match batch.schema().index_of("as_of") {
            Ok(place) if layout.form == Form::Latest => positions(&longs(batch, place)),
            _ => Vec::new(),
        };
        let weights = batch.column_by_name("weights").map(|column| column.as_map());
        let orders = weights.map_or_else(|| Ok(Orders::default()), |weights| orders(table, weights))?;
        let nulls = layout.form == Form::Latest;
        Ok(Self { cells, buckets, stamps, nulls, orders })
    }

    /// Writes all cells of `row`.
    pub(crate) fn write(&self, row: usize, writer: &mut RowWriter<'_>) -> Result<(), SerializationError> {
        for cell in &self.cells {
            self.write_cell(cell, row, writer.make_cell_writer()).map_err(SerializationError::new)?;
        }
        if let Some(stamp) = self.stamps.get(row) {
            long(*stamp, writer.make_cell_writer()).map_err(SerializationError::new)?;
        }
        Ok(())
    }

    /// Roughly what `row` takes in a request, in bytes.
    pub(crate) fn bytes(&self, row: usize) -> usize {
        let cells = self.cells.iter().map(|cell| match cell {
            Cell::Text(array) => array.value_length(row) as usize,
            Cell::Weights(array) => {
                let entries = span(array, row);
                let names = array.keys().as_string::<i32>().value_offsets();
                18 * entries.len() + (names[entries.end] - names[entries.start]) as usize
            }
            _ => 8,
        });
        cells.sum::<usize>() + CELL * (self.cells.len() + 1)
    }

    fn write_cell(&self, cell: &Cell, row: usize, writer: CellWriter<'_>) -> Result<(), CellOverflowError> {
        match cell {
            Cell::Text(array) if array.is_valid(row) => {
                writer.set_value(array.value(row).as_bytes())?;
            }
            Cell::Long(array) if array.is_valid(row) => return long(array.value(row), writer),
            Cell::Double(array) if array.is_valid(row) => {
                writer.set_value(&array.value(row).to_be_bytes())?;
            }
            Cell::Bool(array) if array.is_valid(row) => {
                writer.set_value(&[u8::from(array.value(row))])?;
            }
            Cell::Readable(array) if array.is_valid(row) => {
                return long(array.value(row).div_euclid(1_000), writer);
            }
            Cell::Weights(array) if array.is_valid(row) => return self.write_weights(array, row, writer),
            Cell::Order if !self.order(row).blob.is_empty() => {
                writer.set_value(&self.order(row).blob)?;
            }
            Cell::Bucket => return long(self.buckets[row], writer),
            Cell::At(array) => return long(at(array, row), writer),
            Cell::Resample { method, run_id } => {
                let resampled = method.value(row) == "resampled";
                writer.set_value(if resampled { run_id.value(row).as_bytes() } else { b"" })?;
            }
            _ if self.nulls => {
                writer.set_null();
            }
            _ => {
                writer.set_unset();
            }
        }
        Ok(())
    }

    fn write_weights(
        &self,
        array: &MapArray,
        row: usize,
        writer: CellWriter<'_>,
    ) -> Result<(), CellOverflowError> {
        let entries = span(array, row);
        let (keys, values) = (array.keys().as_string::<i32>(), array.values().as_primitive::<Float64Type>());
        let mut map = writer.into_value_builder();
        let count = i32::try_from(entries.len()).map_err(|_| CellOverflowError)?;
        map.append_bytes(&count.to_be_bytes());
        for place in &self.order(row).sorted {
            let entry = entries.start + *place as usize;
            map.make_sub_writer().set_value(keys.value(entry).as_bytes())?;
            map.make_sub_writer().set_value(&values.value(entry).to_be_bytes())?;
        }
        map.finish()?;
        Ok(())
    }

    fn order(&self, row: usize) -> &Order {
        &self.orders.distinct[self.orders.of_row[row] as usize]
    }
}

fn long(value: i64, writer: CellWriter<'_>) -> Result<(), CellOverflowError> {
    writer.set_value(&value.to_be_bytes()).map(|_| ())
}

/// The number of `row`, or the least one where it has none.
fn at(array: &Int64Array, row: usize) -> i64 {
    if array.is_valid(row) { array.value(row) } else { i64::MIN }
}

fn cell(origin: Origin, table: Table, batch: &RecordBatch) -> Cell {
    let text = |name: &str| batch.column_by_name(name).map(|column| column.as_string::<i32>().clone());
    match origin {
        Origin::Column(place) => match table.schema().field(place).data_type() {
            DataType::Utf8 => Cell::Text(batch.column(place).as_string::<i32>().clone()),
            DataType::Float64 => Cell::Double(batch.column(place).as_primitive::<Float64Type>().clone()),
            DataType::Boolean => Cell::Bool(batch.column(place).as_boolean().clone()),
            DataType::Map(..) => Cell::Weights(batch.column(place).as_map().clone()),
            _ => Cell::Long(longs(batch, place)),
        },
        Origin::Readable(place) => Cell::Readable(longs(batch, place)),
        Origin::Order(_) => Cell::Order,
        Origin::Bucket => Cell::Bucket,
        Origin::At(place) => Cell::At(longs(batch, place)),
        Origin::Resample => Cell::Resample {
            method: text("method").unwrap_or_else(|| StringArray::new_null(0)),
            run_id: text("run_id").unwrap_or_else(|| StringArray::new_null(0)),
        },
    }
}

/// A column of integers or times, as integers. Its type has been checked.
fn longs(batch: &RecordBatch, place: usize) -> Int64Array {
    let column = batch.column(place);
    match column.data_type() {
        DataType::Timestamp(..) => {
            column.as_primitive::<TimestampMicrosecondType>().reinterpret_cast::<Int64Type>()
        }
        _ => column.as_primitive::<Int64Type>().clone(),
    }
}

/// Refuses a batch that has not the columns of `table`, or no value where there must be one.
fn check(table: Table, batch: &RecordBatch) -> Result<(), Fault> {
    let refuse = |reason| Err(Fault::Rows { table: table.name(), reason });
    let (expected, found) = (table.schema(), batch.schema());
    if expected.fields().len() != found.fields().len() {
        return refuse(format!("{} columns instead of {}", found.fields().len(), expected.fields().len()));
    }
    for ((expected, found), column) in expected.fields().iter().zip(found.fields()).zip(batch.columns()) {
        if expected.name() != found.name() || !same_type(expected.data_type(), found.data_type()) {
            return refuse(format!(
                "column {} {} instead of {} {}",
                found.name(),
                found.data_type(),
                expected.name(),
                expected.data_type()
            ));
        }
        if !expected.is_nullable() && column.null_count() > 0 {
            return refuse(format!("column {} has rows without a value", expected.name()));
        }
    }
    Ok(())
}

/// True for equal types; the names of a map's parts do not matter, other writers have other ones.
fn same_type(expected: &DataType, found: &DataType) -> bool {
    match (expected, found) {
        (DataType::Map(..), DataType::Map(entry, _)) => match entry.data_type() {
            DataType::Struct(parts) => {
                let types: Vec<_> = parts.iter().map(|part| part.data_type()).collect();
                types == [&DataType::Utf8, &DataType::Float64]
            }
            _ => false,
        },
        _ => expected == found,
    }
}

/// The entries of `row`.
fn span(array: &MapArray, row: usize) -> std::ops::Range<usize> {
    let offsets = array.value_offsets();
    offsets[row] as usize..offsets[row + 1] as usize
}

fn orders(table: Table, weights: &MapArray) -> Result<Orders, Fault> {
    let refuse = |reason: &str| Fault::Rows { table: table.name(), reason: reason.to_owned() };
    if weights.values().null_count() > 0 {
        return Err(refuse("an asset has no weight"));
    }
    let keys = weights.keys().as_string::<i32>();
    let names = |row| span(weights, row).map(|entry| keys.value(entry).as_bytes());
    let mut orders = Orders::default();
    for row in 0..weights.len() {
        if row > 0 && names(row).eq(names(row - 1)) {
            orders.of_row.push(orders.of_row[row - 1]);
            continue;
        }
        let order = Order::of(&names(row).collect::<Vec<_>>()).map_err(|why| match why {
            Unordered::Twice => refuse("an asset has two weights in one row"),
            Unordered::TooMany => refuse(&format!("a row has weights of more than {MAX_ASSETS} assets")),
        })?;
        orders.of_row.push(orders.distinct.len() as u32);
        orders.distinct.push(order);
    }
    Ok(orders)
}
