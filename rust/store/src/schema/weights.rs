//! Columns of weights: their type and their builder.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Builder, MapBuilder, MapFieldNames, StringBuilder};
use arrow::datatypes::{DataType, Field};
use arrow::error::ArrowError;

pub(crate) const ENTRY: &str = "key_value";
pub(crate) const KEY: &str = "key";
pub(crate) const VALUE: &str = "value";

/// Type of a column of weights: a map from asset to weight in universe order.
#[must_use]
pub fn weights_type() -> DataType {
    let entry = DataType::Struct(vec![Field::new(KEY, DataType::Utf8, false), value()].into());
    DataType::Map(Arc::new(Field::new(ENTRY, entry, false)), false)
}

fn value() -> Field {
    Field::new(VALUE, DataType::Float64, false)
}

/// Builds a column of [`weights_type`].
#[derive(Debug)]
pub struct WeightsBuilder(MapBuilder<StringBuilder, Float64Builder>);

impl Default for WeightsBuilder {
    fn default() -> Self {
        let names = MapFieldNames { entry: ENTRY.into(), key: KEY.into(), value: VALUE.into() };
        let maps = MapBuilder::new(Some(names), StringBuilder::new(), Float64Builder::new());
        Self(maps.with_values_field(value()))
    }
}

impl WeightsBuilder {
    /// Appends one row: assets with their shares of the capital, in universe order.
    ///
    /// # Errors
    /// None that entries in pairs could bring about; Arrow checks that there are as many assets as shares.
    pub fn push<A: AsRef<str>>(
        &mut self,
        weights: impl IntoIterator<Item = (A, f64)>,
    ) -> Result<(), ArrowError> {
        for (asset, weight) in weights {
            self.0.keys().append_value(asset);
            self.0.values().append_value(weight);
        }
        self.0.append(true)
    }

    /// The rows as a column; the builder starts anew.
    pub fn finish(&mut self) -> ArrayRef {
        Arc::new(self.0.finish())
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, AsArray};
    use arrow::datatypes::Float64Type;

    use super::*;

    #[test]
    fn a_built_column_has_the_type_of_the_tables_and_keeps_the_order_of_the_assets() {
        let mut builder = WeightsBuilder::default();
        builder.push([("XRP", 0.25), ("ADA", 0.75)]).unwrap();
        builder.push::<&str>([]).unwrap();
        let column = builder.finish();
        assert_eq!(*column.data_type(), weights_type());
        let maps = column.as_map();
        assert_eq!((maps.value_length(0), maps.value_length(1)), (2, 0));
        let names: Vec<_> = maps.keys().as_string::<i32>().iter().flatten().collect();
        assert_eq!(names, ["XRP", "ADA"]);
        assert_eq!(maps.values().as_primitive::<Float64Type>().values(), &[0.25, 0.75]);
        assert_eq!(builder.finish().len(), 0);
    }
}
