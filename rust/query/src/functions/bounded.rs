//! Functions whose result can be much larger than what they are given, within bounds.
//!
//! Memory that expressions use is not counted: a dozen nested `replace` make gigabytes of ten letters, and
//! so does a text that is put behind itself thirty times over, even while a query is planned. Here each of
//! these functions says first how much it could make, is given as few rows at a time as keep that small, and
//! is refused once it has made too much.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::concat;
use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::config::ConfigOptions;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, LogicalPlan, Operator, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature,
};
use datafusion::optimizer::AnalyzerRule;

use super::join_text::JoinText;
use crate::{Error, ErrorKind};

/// Bytes of one value. A constant may stand in each row of a batch, and these have 8 192.
const MOST_OF_A_VALUE: usize = 64 << 10;
/// Bytes of all values of a batch.
const MOST_OF_A_BATCH: usize = 64 << 20;

/// Types a type is made of: records of records grow even where there are no rows.
const MOST_PARTS: usize = 1_000;

/// How large a result can be, by the sizes of the arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Growth {
    /// As large as all of them together.
    Sum,
    /// The first with every second replaced by the third.
    Replace,
    /// The first with a match at every place replaced by the third, which may name parts of the match.
    Pattern,
    /// The elements of the first as text with the second between and the third for nulls.
    Elements,
}

/// Longest text of a number, a time or the like.
const LONGEST_ELEMENT: usize = 64;

impl Growth {
    /// What is bounded, by name.
    fn of(name: &str) -> Option<Self> {
        match name {
            "concat" | "concat_ws" | "||" | "array_concat" | "array_append" | "array_prepend"
            | "array_union" | "arrays_zip" | "make_array" | "struct" | "named_struct" | "map" => {
                Some(Self::Sum)
            }
            "replace" => Some(Self::Replace),
            "regexp_replace" => Some(Self::Pattern),
            "array_to_string" => Some(Self::Elements),
            _ => None,
        }
    }

    fn bound(self, sizes: &[usize]) -> usize {
        let size = |argument: usize| sizes.get(argument).copied().unwrap_or_default();
        let (first, second, third) = (size(0), size(1), size(2));
        match self {
            Self::Sum => sizes.iter().fold(0, |sum: usize, size| sum.saturating_add(*size)),
            Self::Replace if second == 0 => first.saturating_add((first + 1).saturating_mul(third)),
            Self::Replace => first.saturating_add((first / second).saturating_mul(third)),
            Self::Pattern => {
                // A reference has two letters at least, and the matches are no longer than the text.
                first.saturating_add((first + 1).saturating_mul(third + third / 2))
            }
            Self::Elements => first.saturating_mul(LONGEST_ELEMENT + second + third),
        }
    }
}

/// Bytes of the values from `row` on, `rows` of them. Lists count four bytes an element more.
fn size(array: &dyn Array, row: usize, rows: usize) -> usize {
    let nested = |values: ArrayRef| size(values.as_ref(), 0, values.len()) + 4 * values.len();
    let array = array.slice(row, rows);
    match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().iter().flatten().map(str::len).sum(),
        DataType::LargeUtf8 => array.as_string::<i64>().iter().flatten().map(str::len).sum(),
        DataType::Utf8View => array.as_string_view().iter().flatten().map(str::len).sum(),
        DataType::Binary => array.as_binary::<i32>().iter().flatten().map(<[u8]>::len).sum(),
        DataType::LargeBinary => array.as_binary::<i64>().iter().flatten().map(<[u8]>::len).sum(),
        DataType::BinaryView => array.as_binary_view().iter().flatten().map(<[u8]>::len).sum(),
        DataType::List(_) => array.as_list::<i32>().iter().flatten().map(nested).sum(),
        DataType::LargeList(_) => array.as_list::<i64>().iter().flatten().map(nested).sum(),
        DataType::FixedSizeList(..) => array.as_fixed_size_list().iter().flatten().map(nested).sum(),
        DataType::Map(..) => {
            let entries = array.as_map().iter().flatten();
            entries.map(|entries| nested(Arc::new(entries) as ArrayRef)).sum()
        }
        DataType::Struct(_) => {
            array.as_struct().columns().iter().map(|column| size(column.as_ref(), 0, rows)).sum()
        }
        other => rows * other.primitive_width().unwrap_or(16),
    }
}

/// Types a type is made of.
fn parts(whole: &DataType) -> usize {
    let nested: usize = match whole {
        DataType::List(field) | DataType::LargeList(field) | DataType::FixedSizeList(field, _) => {
            parts(field.data_type())
        }
        DataType::Map(field, _) => parts(field.data_type()),
        DataType::Struct(fields) => fields.iter().map(|field| parts(field.data_type())).sum(),
        _ => 0,
    };
    nested + 1
}

/// A function and what bounds it.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Bounded {
    inner: Arc<ScalarUDF>,
    growth: Growth,
}

impl Bounded {
    /// The function within bounds, where it needs them.
    pub(crate) fn of(inner: &Arc<ScalarUDF>) -> Option<ScalarUDF> {
        let known: &dyn std::any::Any = inner.inner().as_ref();
        if known.is::<Self>() {
            return None;
        }
        Growth::of(inner.name()).map(|growth| ScalarUDF::from(Self { inner: inner.clone(), growth }))
    }

    fn too_large<T>(&self, what: &str, most: usize, unit: &str) -> Result<T> {
        let name = self.inner.name();
        let message =
            format!("{name} would make {what} of more than {most} {unit}, which is the most: give it less");
        Err(DataFusionError::External(Box::new(Error::new(ErrorKind::Memory, message))))
    }

    /// How many rows from `row` on can be made at once.
    fn rows_at_once(&self, arguments: &[ColumnarValue], sizes: &[usize], row: usize, rows: usize) -> usize {
        let mut sum = 0_usize;
        let mut sizes = sizes.to_vec();
        (row..rows)
            .take_while(|row| {
                for (size_of, argument) in sizes.iter_mut().zip(arguments) {
                    if let ColumnarValue::Array(array) = argument {
                        *size_of = size(array.as_ref(), *row, 1);
                    }
                }
                sum = sum.saturating_add(self.growth.bound(&sizes));
                sum <= MOST_OF_A_BATCH
            })
            .count()
    }

    /// The same with all of what is made in sight.
    fn invoke(&self, arguments: &ScalarFunctionArgs, row: usize, rows: usize) -> Result<ColumnarValue> {
        let part = |argument: &ColumnarValue| match argument {
            ColumnarValue::Array(array) => ColumnarValue::Array(array.slice(row, rows)),
            ColumnarValue::Scalar(_) => argument.clone(),
        };
        let result = self.inner.invoke_with_args(ScalarFunctionArgs {
            args: arguments.args.iter().map(part).collect(),
            arg_fields: arguments.arg_fields.clone(),
            number_rows: rows,
            return_field: arguments.return_field.clone(),
            config_options: arguments.config_options.clone(),
        })?;
        let made = match &result {
            ColumnarValue::Array(array) => array.clone(),
            ColumnarValue::Scalar(scalar) => scalar.to_array()?,
        };
        if (0..made.len()).any(|row| size(made.as_ref(), row, 1) > MOST_OF_A_VALUE) {
            return self.too_large("a value", MOST_OF_A_VALUE >> 10, "KiB");
        }
        Ok(result)
    }
}

impl ScalarUDFImpl for Bounded {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn schema_name(&self, arguments: &[Expr]) -> Result<String> {
        self.inner.schema_name(arguments)
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        self.inner.return_type(arguments)
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs) -> Result<FieldRef> {
        let field = self.inner.return_field_from_args(arguments)?;
        if parts(field.data_type()) > MOST_PARTS {
            return self.too_large("a type", MOST_PARTS, "parts");
        }
        Ok(field)
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(arguments)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let constant = arguments.args.iter().all(|value| matches!(value, ColumnarValue::Scalar(_)));
        let rows = if constant { 1 } else { arguments.number_rows };
        let scalar = |argument: &ColumnarValue| match argument {
            ColumnarValue::Array(_) => Ok(0),
            ColumnarValue::Scalar(scalar) => scalar.to_array().map(|array| size(array.as_ref(), 0, 1)),
        };
        let sizes = arguments.args.iter().map(scalar).collect::<Result<Vec<usize>>>()?;
        let mut parts: Vec<ArrayRef> = Vec::new();
        let (mut row, mut bytes) = (0, 0);
        loop {
            let some = self.rows_at_once(&arguments.args, &sizes, row, rows);
            if some == rows {
                // Most of the time, or no rows at all.
                return self.invoke(&arguments, 0, if constant { arguments.number_rows } else { rows });
            }
            if some == 0 {
                return self.too_large("a value", MOST_OF_A_VALUE >> 10, "KiB");
            }
            let part = self.invoke(&arguments, row, some)?.into_array(some)?;
            bytes += size(part.as_ref(), 0, some);
            if bytes > MOST_OF_A_BATCH {
                return self.too_large("a batch of values", MOST_OF_A_BATCH >> 20, "MiB");
            }
            parts.push(part);
            row += some;
            if row == rows {
                let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
                return Ok(ColumnarValue::Array(concat(&parts)?));
            }
        }
    }
}

/// Bounds what the planner has made of operators and literals, too: `||`, `[a, b]`, `{a: b}`.
#[derive(Debug)]
pub(crate) struct BoundGrowth;

impl AnalyzerRule for BoundGrowth {
    fn name(&self) -> &str {
        "bound_growth"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(|node| {
            let names = NamePreserver::new(&node);
            node.map_expressions(|expression| {
                let name = names.save(&expression);
                let bounded = expression.transform_up(bound)?;
                Ok(bounded.update_data(|expression| name.restore(expression)))
            })
        })
        .map(|transformed| transformed.data)
    }
}

fn bound(expression: Expr) -> Result<Transformed<Expr>> {
    match expression {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::StringConcat, right }) => {
            let function = ScalarUDF::from(Bounded {
                inner: Arc::new(ScalarUDF::from(JoinText::default())),
                growth: Growth::Sum,
            });
            let call = ScalarFunction::new_udf(Arc::new(function), vec![*left, *right]);
            Ok(Transformed::yes(Expr::ScalarFunction(call)))
        }
        Expr::ScalarFunction(call) => match Bounded::of(&call.func) {
            Some(function) => {
                let call = ScalarFunction::new_udf(Arc::new(function), call.args);
                Ok(Transformed::yes(Expr::ScalarFunction(call)))
            }
            None => Ok(Transformed::no(Expr::ScalarFunction(call))),
        },
        other => Ok(Transformed::no(other)),
    }
}
