//! What a portfolio earned: Σ wᵢ rᵢ over its assets (simple returns, weights at the begin of the period).

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Float64Builder, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use datafusion::common::{exec_err, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};

const NAME: &str = "portfolio_return";

/// `portfolio_return(weights, returns)`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct PortfolioReturn {
    signature: Signature,
}

impl PortfolioReturn {
    pub(crate) fn new() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for PortfolioReturn {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        if arguments.len() == 2 && arguments.iter().all(is_map_of_numbers) {
            return Ok(arguments.to_vec());
        }
        plan_err!("{NAME}(weights, returns) takes two maps from asset to number, such as MAP {{'BTC': 0.01}}")
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = arguments.number_rows;
        let [weights, returns] = arguments.args.as_slice() else {
            return exec_err!("{NAME} takes two arguments");
        };
        let (weights, returns) = (Entries::of(weights, rows)?, Entries::of(returns, rows)?);
        let mut result = Float64Builder::with_capacity(rows);
        for row in 0..rows {
            result.append_option(earned(&weights, &returns, row));
        }
        Ok(ColumnarValue::Array(Arc::new(result.finish())))
    }
}

fn is_map_of_numbers(data_type: &DataType) -> bool {
    let DataType::Map(entries, _) = data_type else { return false };
    let DataType::Struct(fields) = entries.data_type() else { return false };
    let text = |t: &DataType| matches!(t, DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8);
    fields.len() == 2 && text(fields[0].data_type()) && fields[1].data_type().is_numeric()
}

/// A column of maps, with keys as text and values as doubles.
struct Entries {
    maps: ArrayRef,
    keys: StringArray,
    values: Float64Array,
}

impl Entries {
    fn of(value: &ColumnarValue, rows: usize) -> Result<Self> {
        let maps = value.to_array(rows)?;
        let map = maps.as_map();
        let keys = cast(map.keys(), &DataType::Utf8)?.as_string::<i32>().clone();
        let values = cast(map.values(), &DataType::Float64)?.as_primitive::<Float64Type>().clone();
        Ok(Self { maps, keys, values })
    }

    /// The entries of a row; `None` where the map is null.
    fn row(&self, row: usize) -> Option<impl Iterator<Item = (&str, Option<f64>)>> {
        let map = self.maps.as_map();
        if map.is_null(row) {
            return None;
        }
        let offsets = map.value_offsets();
        let (from, to) = (usize::try_from(offsets[row]).ok()?, usize::try_from(offsets[row + 1]).ok()?);
        let value = |entry| self.values.is_valid(entry).then(|| self.values.value(entry));
        Some((from..to).map(move |entry| (self.keys.value(entry), value(entry))))
    }
}

/// In the order of the weights, so that the same maps give the same bits.
fn earned(weights: &Entries, returns: &Entries, row: usize) -> Option<f64> {
    let returns: Vec<(&str, Option<f64>)> = returns.row(row)?.collect();
    let mut sum = 0.0;
    for (position, (asset, weight)) in weights.row(row)?.enumerate() {
        let weight = weight?;
        if weight == 0.0 {
            continue;
        }
        // Both maps mostly have the same order.
        let found = match returns.get(position) {
            Some((name, value)) if *name == asset => *value,
            _ => returns.iter().find(|(name, _)| *name == asset).and_then(|(_, value)| *value),
        };
        sum += weight * found?;
    }
    Some(sum)
}
