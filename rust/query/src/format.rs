//! Record batches as text: JSON, CSV, and a table for people.
//!
//! Numbers are written in the shortest form that reads back as the same double; integers are exact.

mod records;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Float64Type, Int64Type, Schema, TimeUnit, TimestampMicrosecondType, UInt64Type,
};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use comfy_table::{Cell, CellAlignment, Table, presets};

pub use self::records::{Records, Terminator};
use crate::{Error, ErrorKind, Result};

/// The names of an answer's columns, each one once: of several `bar` the second is `bar_1`, the third `bar_2`,
/// skipping names that other columns have.
#[must_use]
pub fn names(schema: &Schema) -> Vec<String> {
    let taken: BTreeSet<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let mut seen = BTreeMap::new();
    let mut made = BTreeSet::new();
    let mut names = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        let number = seen.entry(field.name().as_str()).or_insert(0_usize);
        let mut name = field.name().clone();
        while *number > 0 && (taken.contains(name.as_str()) || made.contains(&name)) {
            name = format!("{}_{number}", field.name());
            *number += 1;
        }
        *number = (*number).max(1);
        made.insert(name.clone());
        names.push(name);
    }
    names
}

/// An array of row objects, one a line, with the [`names`] of the columns. Maps become objects in their order, times ISO 8601 in UTC, NaN and
/// infinities null; Int64 is exact.
///
/// # Errors
/// `Failed` where a column's type has no JSON form.
pub fn json(batches: &[RecordBatch]) -> Result<String> {
    let mut text = String::from("[");
    let mut first = true;
    for batch in batches {
        let names: Vec<String> = names(&batch.schema()).iter().map(|name| quoted(name)).collect();
        let columns = columns(batch)?;
        for row in 0..batch.num_rows() {
            text.push_str(if first { "\n{" } else { ",\n{" });
            first = false;
            for (position, (name, column)) in names.iter().zip(&columns).enumerate() {
                if position > 0 {
                    text.push(',');
                }
                text.push_str(name);
                text.push(':');
                column.json(row, &mut text)?;
            }
            text.push('}');
        }
    }
    text.push_str(if first { "]" } else { "\n]" });
    Ok(text)
}

/// Comma-separated values after RFC 4180 with a header; maps, lists and structs stand as JSON text, nulls as
/// nothing.
///
/// # Errors
/// As [`json`].
pub fn csv(batches: &[RecordBatch]) -> Result<String> {
    let mut records = Records::new(Terminator::CRLF);
    if let Some(batch) = batches.first() {
        records.push(names(&batch.schema()))?;
    }
    for batch in batches {
        let columns = columns(batch)?;
        for row in 0..batch.num_rows() {
            let fields = columns.iter().map(|column| column.plain(row));
            records.push(fields.collect::<Result<Vec<_>>>()?)?;
        }
    }
    records.finish()
}

/// An aligned table, numbers to the right.
///
/// # Errors
/// As [`json`].
pub fn table(batches: &[RecordBatch]) -> Result<String> {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    let Some(first) = batches.first() else { return Ok(String::new()) };
    table.set_header(first.schema().fields().iter().map(|field| field.name().clone()));
    for batch in batches {
        let columns = columns(batch)?;
        for row in 0..batch.num_rows() {
            let cell = |column: &Column| {
                let alignment = if column.array.data_type().is_numeric() {
                    CellAlignment::Right
                } else {
                    CellAlignment::Left
                };
                column.plain(row).map(|text| Cell::new(text).set_alignment(alignment))
            };
            table.add_row(columns.iter().map(cell).collect::<Result<Vec<_>>>()?);
        }
    }
    Ok(table.to_string())
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn columns(batch: &RecordBatch) -> Result<Vec<Column>> {
    batch.columns().iter().map(Column::of).collect()
}

/// A column in a form whose values can be written.
struct Column {
    array: ArrayRef,
    form: Form,
}

enum Form {
    Text,
    Integer,
    Unsigned,
    Number,
    Time,
    Boolean,
    Map(Box<Column>, Box<Column>),
    List(Box<Column>),
    Struct(Vec<(String, Column)>),
    /// As Arrow shows it: dates, intervals, decimals.
    Other,
}

fn failed(error: &arrow::error::ArrowError) -> Error {
    Error::new(ErrorKind::Failed, format!("a value cannot be written as text: {error}"))
}

impl Column {
    fn of(array: &ArrayRef) -> Result<Self> {
        let converted = |to: &DataType| cast(array, to).map_err(|error| failed(&error));
        let (array, form) = match array.data_type() {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
                (converted(&DataType::Utf8)?, Form::Text)
            }
            DataType::Dictionary(_, value) => return Self::of(&converted(value)?),
            DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => {
                (converted(&DataType::Int64)?, Form::Integer)
            }
            DataType::UInt8 | DataType::UInt16 | DataType::UInt32 | DataType::UInt64 => {
                (converted(&DataType::UInt64)?, Form::Unsigned)
            }
            DataType::Float16 | DataType::Float32 | DataType::Float64 => {
                (converted(&DataType::Float64)?, Form::Number)
            }
            DataType::Timestamp(..) => {
                (converted(&DataType::Timestamp(TimeUnit::Microsecond, None))?, Form::Time)
            }
            DataType::Boolean => (array.clone(), Form::Boolean),
            DataType::Map(..) => {
                let map = array.as_map();
                let form = Form::Map(Box::new(Self::of(map.keys())?), Box::new(Self::of(map.values())?));
                (array.clone(), form)
            }
            DataType::List(_) => {
                let form = Form::List(Box::new(Self::of(array.as_list::<i32>().values())?));
                (array.clone(), form)
            }
            DataType::Struct(fields) => {
                let parts = fields.iter().zip(array.as_struct().columns());
                let parts = parts.map(|(field, part)| Ok((field.name().clone(), Self::of(part)?)));
                (array.clone(), Form::Struct(parts.collect::<Result<_>>()?))
            }
            _ => (array.clone(), Form::Other),
        };
        Ok(Self { array, form })
    }

    /// A value by itself, as CSV and tables have it: text without quotes, null as nothing.
    fn plain(&self, row: usize) -> Result<String> {
        if self.array.is_null(row) {
            return Ok(String::new());
        }
        match &self.form {
            Form::Text => Ok(self.array.as_string::<i32>().value(row).to_owned()),
            Form::Time => Ok(time(self.array.as_primitive::<TimestampMicrosecondType>().value(row))),
            Form::Number => {
                Ok(number(self.array.as_primitive::<Float64Type>().value(row)).unwrap_or_default())
            }
            Form::Other => self.shown(row),
            _ => {
                let mut text = String::new();
                self.json(row, &mut text)?;
                Ok(text)
            }
        }
    }

    fn shown(&self, row: usize) -> Result<String> {
        let formatter = ArrayFormatter::try_new(&self.array, &FormatOptions::default())
            .map_err(|error| failed(&error))?;
        formatter.value(row).try_to_string().map_err(|error| failed(&error))
    }

    fn json(&self, row: usize, text: &mut String) -> Result<()> {
        if self.array.is_null(row) {
            text.push_str("null");
            return Ok(());
        }
        match &self.form {
            Form::Text => text.push_str(&quoted(self.array.as_string::<i32>().value(row))),
            Form::Integer => drop(write!(text, "{}", self.array.as_primitive::<Int64Type>().value(row))),
            Form::Unsigned => drop(write!(text, "{}", self.array.as_primitive::<UInt64Type>().value(row))),
            Form::Number => {
                let value = number(self.array.as_primitive::<Float64Type>().value(row));
                text.push_str(value.as_deref().unwrap_or("null"));
            }
            Form::Time => {
                text.push_str(&quoted(&time(
                    self.array.as_primitive::<TimestampMicrosecondType>().value(row),
                )));
            }
            Form::Boolean => text.push_str(if self.array.as_boolean().value(row) { "true" } else { "false" }),
            Form::Map(keys, values) => {
                let entries = entries(self.array.as_map().value_offsets(), row);
                let write = |entry, text: &mut String| {
                    text.push_str(&quoted(&keys.plain(entry)?));
                    text.push(':');
                    values.json(entry, text)
                };
                enclosed(['{', '}'], entries, text, write)?;
            }
            Form::List(values) => {
                let entries = entries(self.array.as_list::<i32>().value_offsets(), row);
                enclosed(['[', ']'], entries, text, |entry, text: &mut String| values.json(entry, text))?;
            }
            Form::Struct(parts) => {
                let write = |part: usize, text: &mut String| {
                    let (name, column) = &parts[part];
                    text.push_str(&quoted(name));
                    text.push(':');
                    column.json(row, text)
                };
                enclosed(['{', '}'], 0..parts.len(), text, write)?;
            }
            Form::Other => text.push_str(&quoted(&self.shown(row)?)),
        }
        Ok(())
    }
}

fn entries(offsets: &[i32], row: usize) -> std::ops::Range<usize> {
    let at = |row: usize| usize::try_from(offsets[row]).unwrap_or_default();
    at(row)..at(row + 1)
}

fn enclosed(
    brackets: [char; 2],
    entries: std::ops::Range<usize>,
    text: &mut String,
    write: impl Fn(usize, &mut String) -> Result<()>,
) -> Result<()> {
    text.push(brackets[0]);
    let start = entries.start;
    for entry in entries {
        if entry > start {
            text.push(',');
        }
        write(entry, text)?;
    }
    text.push(brackets[1]);
    Ok(())
}

/// The shortest text that reads back as the same double; none where JSON has no number for it.
fn number(value: f64) -> Option<String> {
    serde_json::Number::from_f64(value).map(|number| number.to_string())
}

/// ISO 8601 in UTC, with as many digits of the second as there are.
fn time(microseconds: i64) -> String {
    jiff::Timestamp::from_microsecond(microseconds)
        .map_or_else(|_| microseconds.to_string(), |time| time.to_string())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Float64Array, Int64Array, StringArray, TimestampMicrosecondArray};
    use silverbullet_store::schema::WeightsBuilder;

    use super::*;

    fn batch() -> RecordBatch {
        let mut weights = WeightsBuilder::default();
        weights.push([("ETH", 0.25), ("BTC", 0.75)]).unwrap();
        weights.push::<&str>([]).unwrap();
        let times = TimestampMicrosecondArray::from(vec![1_700_000_000_000_000, 1_700_000_000_250_001]);
        RecordBatch::try_from_iter([
            ("text", Arc::new(StringArray::from(vec![Some("a,\"b\"\nc"), None])) as ArrayRef),
            ("integer", Arc::new(Int64Array::from(vec![i64::MAX, -1]))),
            ("number", Arc::new(Float64Array::from(vec![0.1, f64::NAN]))),
            ("time", Arc::new(times.with_timezone("UTC"))),
            ("weights", weights.finish()),
        ])
        .unwrap()
    }

    #[test]
    fn json_keeps_integers_the_order_of_maps_and_what_has_no_number() {
        let expected = concat!(
            "[\n{\"text\":\"a,\\\"b\\\"\\nc\",\"integer\":9223372036854775807,\"number\":0.1,",
            "\"time\":\"2023-11-14T22:13:20Z\",\"weights\":{\"ETH\":0.25,\"BTC\":0.75}},\n",
            "{\"text\":null,\"integer\":-1,\"number\":null,\"time\":\"2023-11-14T22:13:20.250001Z\",",
            "\"weights\":{}}\n]",
        );
        assert_eq!(json(&[batch()]).unwrap(), expected);
        assert_eq!(json(&[]).unwrap(), "[]");
        assert_eq!(json(&[batch().slice(0, 0)]).unwrap(), "[]");
    }

    #[test]
    fn no_two_columns_have_one_name() {
        let named = |columns: &[&str]| {
            let field = |name: &&str| arrow::datatypes::Field::new(*name, DataType::Int64, false);
            names(&Schema::new(columns.iter().map(field).collect::<Vec<_>>()))
        };
        assert_eq!(named(&["bar", "mean", "bar", "bar"]), ["bar", "mean", "bar_1", "bar_2"]);
        assert_eq!(named(&["bar", "bar", "bar_1"]), ["bar", "bar_2", "bar_1"]);
        assert_eq!(named(&["a_1", "a", "a_1", "a"]), ["a_1", "a", "a_1_1", "a_2"]);
        let one = |number| Arc::new(Int64Array::from(vec![number])) as ArrayRef;
        let fields = ["bar", "bar"].map(|name| arrow::datatypes::Field::new(name, DataType::Int64, false));
        let batch =
            RecordBatch::try_new(Arc::new(Schema::new(fields.to_vec())), vec![one(1), one(2)]).unwrap();
        assert_eq!(json(std::slice::from_ref(&batch)).unwrap(), "[\n{\"bar\":1,\"bar_1\":2}\n]");
        assert_eq!(csv(&[batch]).unwrap(), "bar,bar_1\r\n1,2\r\n");
    }

    #[test]
    fn a_slice_of_a_batch_has_its_own_maps() {
        let text = json(&[batch().slice(1, 1)]).unwrap();
        assert!(text.contains("\"weights\":{}"), "{text}");
    }

    #[test]
    fn csv_quotes_what_would_break_a_record() {
        let expected = concat!(
            "text,integer,number,time,weights\r\n",
            "\"a,\"\"b\"\"\nc\",9223372036854775807,0.1,2023-11-14T22:13:20Z,",
            "\"{\"\"ETH\"\":0.25,\"\"BTC\"\":0.75}\"\r\n",
            ",-1,,2023-11-14T22:13:20.250001Z,{}\r\n",
        );
        assert_eq!(csv(&[batch()]).unwrap(), expected);
    }

    #[test]
    fn a_table_has_numbers_to_the_right() {
        let text = table(&[batch().project(&[1]).unwrap()]).unwrap();
        assert!(text.contains("│                  -1 │"), "{text}");
    }
}
