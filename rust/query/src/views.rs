//! Text as plans see it, and as answers have it.
//!
//! Within a plan the text columns of a table are views: grouping and comparing short text is then work on
//! sixteen bytes instead of on buffers, which makes an aggregate by objective and method twice as fast. The
//! contract knows plain text only, so answers are turned back.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use arrow::error::ArrowError;
use silverbullet_store::Table;

/// The columns of `table` within a plan. What a table is parted by stays plain: it is one value a file.
pub(crate) fn planned(table: Table) -> SchemaRef {
    let schema = table.schema();
    let parted = |field: &Field| table.partitions().contains(&field.name().as_str());
    let fields: Vec<FieldRef> = schema
        .fields()
        .iter()
        .map(|field| match field.data_type() {
            DataType::Utf8 if !parted(field) => {
                Arc::new(field.as_ref().clone().with_data_type(DataType::Utf8View))
            }
            _ => field.clone(),
        })
        .collect();
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

/// The columns of an answer: text without views, at any depth.
pub(crate) fn plain(schema: &SchemaRef) -> SchemaRef {
    let fields: Vec<FieldRef> = schema.fields().iter().map(plain_field).collect();
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

fn plain_field(field: &FieldRef) -> FieldRef {
    let data_type = plain_type(field.data_type());
    if data_type == *field.data_type() {
        return field.clone();
    }
    Arc::new(field.as_ref().clone().with_data_type(data_type))
}

fn plain_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Utf8View => DataType::Utf8,
        DataType::BinaryView => DataType::Binary,
        DataType::List(field) => DataType::List(plain_field(field)),
        DataType::LargeList(field) => DataType::LargeList(plain_field(field)),
        DataType::FixedSizeList(field, length) => DataType::FixedSizeList(plain_field(field), *length),
        DataType::Map(field, sorted) => DataType::Map(plain_field(field), *sorted),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(plain_field).collect()),
        other => other.clone(),
    }
}

/// The same rows with the columns of `schema`, which differ in their form only.
///
/// # Errors
/// Where a column cannot be turned into the one of the same place.
pub(crate) fn with_schema(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    if batch.schema_ref() == schema {
        return Ok(batch.clone());
    }
    let columns = batch.columns().iter().zip(schema.fields()).map(|(column, field)| {
        if column.data_type() == field.data_type() {
            Ok(column.clone())
        } else {
            cast(column, field.data_type())
        }
    });
    let columns = columns.collect::<Result<Vec<ArrayRef>, _>>()?;
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(schema.clone(), columns, &options)
}

#[cfg(test)]
mod tests {
    use arrow::array::{AsArray, StringViewArray};

    use super::*;

    #[test]
    fn what_is_turned_into_views_and_back_is_the_contract() {
        for table in Table::ALL {
            assert_eq!(plain(&planned(table)), table.schema(), "{}", table.name());
            let views = |name: &&str| {
                planned(table).field_with_name(name).unwrap().data_type() == &DataType::Utf8View
            };
            assert!(!table.partitions().iter().any(views));
        }
        assert!(planned(Table::Portfolios).fields().iter().any(|f| f.data_type() == &DataType::Utf8View));
    }

    #[test]
    fn text_in_lists_becomes_plain_too() {
        let list = DataType::new_list(DataType::Utf8View, true);
        assert_eq!(plain_type(&list), DataType::new_list(DataType::Utf8, true));
    }

    #[test]
    fn rows_keep_their_text() {
        let schema = Arc::new(Schema::new(vec![Field::new("method", DataType::Utf8View, true)]));
        let column =
            StringViewArray::from(vec![Some("exact"), None, Some("longer than what is kept inline")]);
        let batch = RecordBatch::try_new(schema.clone(), vec![Arc::new(column)]).unwrap();
        let rows = with_schema(&batch, &plain(&schema)).unwrap();
        let text: Vec<_> = rows.column(0).as_string::<i32>().iter().collect();
        assert_eq!(text, [Some("exact"), None, Some("longer than what is kept inline")]);
    }
}
