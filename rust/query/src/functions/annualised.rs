//! From per bar to per year.
//!
//! Means grow with time and risks with its square root, as long as the returns of bars are independent and
//! alike: with n bars a year, mean · n, risk · √n, and so Sharpe · √n. A year has 365 days: these markets
//! never close.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, IntervalMonthDayNanoType, IntervalUnit};
use datafusion::common::{exec_err, plan_err};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use silverbullet_market::duration::{YEAR_SECONDS, parse_duration};

/// `annualised` and `annualised_risk`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Annualised {
    name: &'static str,
    root: bool,
    signature: Signature,
}

impl Annualised {
    /// Times the bars of a year.
    pub(crate) fn value() -> Self {
        Self { name: "annualised", root: false, signature: Signature::user_defined(Volatility::Immutable) }
    }

    /// Times the square root of the bars of a year.
    pub(crate) fn risk() -> Self {
        Self {
            name: "annualised_risk",
            root: true,
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for Annualised {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        let [value, interval] = arguments else {
            return plan_err!("{}(value, interval) takes two arguments, not {}", self.name, arguments.len());
        };
        if !value.is_numeric() && !value.is_null() {
            return plan_err!("{}(value, interval): value is a number, not {value}", self.name);
        }
        let interval = match interval {
            DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 => DataType::Utf8,
            DataType::Interval(_) => DataType::Interval(IntervalUnit::MonthDayNano),
            number if number.is_numeric() || number.is_null() => DataType::Float64,
            other => {
                return plan_err!(
                    "{}(value, interval): interval is text such as '1m', an INTERVAL or seconds, not {other}",
                    self.name
                );
            }
        };
        Ok(vec![DataType::Float64, interval])
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = arguments.number_rows;
        let [value, interval] = arguments.args.as_slice() else {
            return exec_err!("{} takes two arguments", self.name);
        };
        let interval = seconds(interval)?;
        let value = value.to_array(rows)?;
        let value = value.as_primitive::<Float64Type>();
        let result: Float64Array = (0..value.len())
            .map(|row| {
                let seconds = interval.at(row)?;
                let periods = YEAR_SECONDS / seconds;
                let factor = if self.root { periods.sqrt() } else { periods };
                value.is_valid(row).then(|| value.value(row) * factor)
            })
            .collect();
        Ok(ColumnarValue::Array(Arc::new(result)))
    }
}

/// Lengths of intervals, one for all rows or one a row; none where null.
enum Seconds {
    One(Option<f64>),
    Each(Vec<Option<f64>>),
}

impl Seconds {
    fn at(&self, row: usize) -> Option<f64> {
        match self {
            Self::One(seconds) => *seconds,
            Self::Each(seconds) => seconds[row],
        }
    }
}

fn seconds(interval: &ColumnarValue) -> Result<Seconds> {
    match interval {
        ColumnarValue::Scalar(scalar) => {
            let array = scalar.to_array()?;
            Ok(Seconds::One(lengths(&array)?[0]))
        }
        ColumnarValue::Array(array) => Ok(Seconds::Each(lengths(array)?)),
    }
}

fn lengths(array: &ArrayRef) -> Result<Vec<Option<f64>>> {
    let lengths: Vec<Option<f64>> = match array.data_type() {
        DataType::Utf8 => array
            .as_string::<i32>()
            .iter()
            .map(|text| text.map(length_of_text).transpose())
            .collect::<Result<_>>()?,
        DataType::Interval(IntervalUnit::MonthDayNano) => array
            .as_primitive::<IntervalMonthDayNanoType>()
            .iter()
            .map(|interval| {
                let Some(interval) = interval else { return Ok(None) };
                if interval.months != 0 {
                    return exec_err!(
                        "months and years have no fixed length: give the interval in days or less"
                    );
                }
                #[expect(clippy::cast_precision_loss, reason = "bars last 292 years at most")]
                let nanoseconds = interval.nanoseconds as f64;
                Ok(Some(f64::from(interval.days) * 86_400.0 + nanoseconds / 1e9))
            })
            .collect::<Result<_>>()?,
        _ => cast(array, &DataType::Float64)?.as_primitive::<Float64Type>().iter().collect(),
    };
    match lengths.iter().flatten().find(|seconds| !(**seconds > 0.0 && seconds.is_finite())) {
        Some(seconds) => exec_err!("a bar interval is longer than nothing, not {seconds} s"),
        None => Ok(lengths),
    }
}

fn length_of_text(text: &str) -> Result<f64> {
    let nanoseconds = parse_duration(text)
        .map_err(|problem| DataFusionError::Execution(format!("interval '{text}': {problem}")))?;
    #[expect(clippy::cast_precision_loss, reason = "bars last 292 years at most")]
    let seconds = nanoseconds as f64 / 1e9;
    Ok(seconds)
}
