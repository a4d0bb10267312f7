//! Rows of others as rows of a table: columns by name, in any order, of any type that loses nothing.
//!
//! Whether rows can be taken is known from their columns, before any of them is written.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Field, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType, TimestampNanosecondType,
};
use arrow::error::ArrowError;
use pyo3::PyResult;
use silverbullet_store::Table;

use crate::error::InputError;

/// How the columns of some rows become those of a table.
#[derive(Debug)]
pub(crate) struct Conform {
    /// Columns as the store takes them.
    schema: SchemaRef,
    /// Of each, where it comes from; `None` where it is left out and may be.
    places: Vec<Option<usize>>,
}

impl Conform {
    /// From rows that have the columns `given`.
    pub(crate) fn new(table: Table, given: &Schema) -> PyResult<Self> {
        let refuse = |reason: String| Err(InputError::new_err(format!("rows of {}: {reason}", table.name())));
        let wanted = table.schema();
        let unknown = |field: &&Arc<Field>| wanted.field_with_name(field.name()).is_err();
        if let Some(unknown) = given.fields().iter().find(unknown) {
            let names: Vec<_> = wanted.fields().iter().map(|field| field.name().as_str()).collect();
            let (name, names) = (unknown.name(), names.join(", "));
            return refuse(format!("the table has no column {name}; it has {names}: select or rename them"));
        }
        let mut fields = Vec::with_capacity(wanted.fields().len());
        let mut places = Vec::with_capacity(wanted.fields().len());
        for field in wanted.fields() {
            let name = field.name();
            let found: Vec<usize> =
                (0..given.fields().len()).filter(|at| given.field(*at).name() == name).collect();
            let kind = match found.as_slice() {
                [] if field.is_nullable() => field.data_type().clone(),
                [] => return refuse(format!("column {name} is missing ({})", told(field.data_type()))),
                [at] => match target(given.field(*at).data_type(), field.data_type()) {
                    Some(kind) => kind,
                    None => {
                        let found = given.field(*at).data_type();
                        let needed = told(field.data_type());
                        return refuse(format!("column {name} is {found}, it must be {needed}: cast it"));
                    }
                },
                _ => return refuse(format!("column {name} is there {} times", found.len())),
            };
            // Whether a value is missing is told by the store, with the name of the column.
            fields.push(Field::new(name, kind, true));
            places.push(found.first().copied());
        }
        Ok(Self { schema: Arc::new(Schema::new(fields)), places })
    }

    /// The rows of `batch`; columns that are right already are not copied.
    pub(crate) fn batch(&self, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let rows = batch.num_rows();
        let columns = self.schema.fields().iter().zip(&self.places).map(|(field, place)| match place {
            Some(place) => converted(batch.column(*place), field),
            None => Ok(new_null_array(field.data_type(), rows)),
        });
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
    }
}

/// What a column of type `given` becomes to be one of type `wanted`; `None` where that could lose something.
fn target(given: &DataType, wanted: &DataType) -> Option<DataType> {
    let lossless = match (given, wanted) {
        (DataType::Map(entry, _), DataType::Map(..)) => {
            let DataType::Struct(parts) = entry.data_type() else { return None };
            let types: Vec<_> = parts.iter().map(|part| part.data_type()).collect();
            match types.as_slice() {
                // The names of a map's parts do not matter to the store, other writers have other ones.
                [DataType::Utf8, DataType::Float64] => return Some(given.clone()),
                [names, DataType::Float64 | DataType::Float32] => is_text(names),
                _ => false,
            }
        }
        (DataType::Timestamp(_, Some(_)), DataType::Timestamp(..)) => true,
        (DataType::Int8 | DataType::Int16 | DataType::Int32, DataType::Int64)
        | (DataType::Float16 | DataType::Float32, DataType::Float64)
        | (DataType::Null, _) => true,
        (given, DataType::Utf8) => is_text(given),
        (given, wanted) => given == wanted,
    };
    lossless.then(|| wanted.clone())
}

fn is_text(kind: &DataType) -> bool {
    match kind {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, values) => is_text(values),
        _ => false,
    }
}

fn converted(column: &ArrayRef, field: &Field) -> Result<ArrayRef, ArrowError> {
    let wanted = field.data_type();
    if column.data_type() == wanted {
        return Ok(Arc::clone(column));
    }
    let (unit, zone) = match column.data_type() {
        DataType::Timestamp(unit, zone) => (unit, zone),
        DataType::Null => return Ok(new_null_array(wanted, column.len())),
        _ => return cast(column, wanted),
    };
    if *unit == TimeUnit::Nanosecond {
        exact(column, field.name())?;
    }
    // A moment is the same in every zone: only the label changes.
    let column = cast(column, &DataType::Timestamp(TimeUnit::Microsecond, zone.clone()))?;
    Ok(Arc::new(column.as_primitive::<TimestampMicrosecondType>().clone().with_timezone("UTC")))
}

/// Refuses times that microseconds cannot tell.
fn exact(column: &ArrayRef, name: &str) -> Result<(), ArrowError> {
    let nanos = column.as_primitive::<TimestampNanosecondType>();
    match nanos.iter().flatten().find(|at| at % 1_000 != 0) {
        Some(at) => Err(ArrowError::CastError(format!(
            "column {name} has the time {at} ns, tables have microseconds: round it"
        ))),
        None => Ok(()),
    }
}

/// A type in words of pyarrow.
fn told(kind: &DataType) -> &'static str {
    match kind {
        DataType::Int64 => "int64",
        DataType::Float64 => "double",
        DataType::Boolean => "bool",
        DataType::Timestamp(..) => "timestamp[us, tz=UTC]",
        DataType::Map(..) => "map<string, double>",
        _ => "string",
    }
}
