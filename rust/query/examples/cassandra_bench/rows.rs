//! Rows as an engine makes them.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::DataType;
use silverbullet_store::Table;
use silverbullet_store::schema::WeightsBuilder;

use super::Any;

/// Assets of a universe.
const ASSETS: usize = 16;
/// Portfolios of a bar.
const PORTFOLIOS: usize = 10;

/// `rows` of `table` from the row `first` on: bar by bar, ten portfolios or all assets each.
pub(crate) fn batch(table: Table, first: usize, rows: usize) -> Result<RecordBatch, Any> {
    let each = if table == Table::Bars { ASSETS } else { PORTFOLIOS };
    let names: Vec<String> = (0..ASSETS).rev().map(|asset| format!("ASSET{asset:03}")).collect();
    let bar = |row: usize| 1_750_000_000 + (row / each) as i64;
    let numbers = first..first + rows;
    let schema = table.schema();
    let columns = schema.fields().iter().map(|field| -> Result<ArrayRef, Any> {
        let text = |of: &dyn Fn(usize) -> String| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(numbers.clone().map(of)))
        };
        Ok(match (field.name().as_str(), field.data_type()) {
            ("bar", _) => Arc::new(Int64Array::from_iter_values(numbers.clone().map(bar))),
            (_, DataType::Int64) => {
                Arc::new(Int64Array::from_iter_values(numbers.clone().map(|row| row as i64)))
            }
            (_, DataType::Timestamp(..)) => Arc::new(
                TimestampMicrosecondArray::from_iter_values(numbers.clone().map(|row| bar(row) * 1_000_000))
                    .with_timezone("UTC"),
            ),
            (_, DataType::Float64) => {
                Arc::new(Float64Array::from_iter_values(numbers.clone().map(|row| (row as f64).sqrt())))
            }
            (_, DataType::Map(..)) => {
                let mut weights = WeightsBuilder::default();
                for row in numbers.clone() {
                    let weight = |(at, name)| (name, 1.0 / (1 + row + at) as f64);
                    weights.push(names.iter().enumerate().map(weight))?;
                }
                weights.finish()
            }
            ("asset", _) => text(&|row| names[row % each].clone()),
            ("objective", _) => text(&|row| format!("objective-{}", row % each)),
            ("run_id", _) => text(&|_| "20260601T120000Z-1a2b3c".to_owned()),
            (name, _) => text(&|_| name.to_owned()),
        })
    });
    Ok(RecordBatch::try_new(schema.clone(), columns.collect::<Result<_, _>>()?)?)
}
