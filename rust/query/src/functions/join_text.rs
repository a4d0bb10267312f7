//! The operator `||` as a function.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::{ScalarValue, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::binary::BinaryTypeCoercer;
use datafusion::logical_expr::{
    ColumnarValue, Expr, Operator, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{BinaryExpr, Column};

/// Two texts, one behind the other; null where either is.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct JoinText(Signature);

impl Default for JoinText {
    fn default() -> Self {
        Self(Signature::user_defined(Volatility::Immutable))
    }
}

fn two<T>(arguments: usize) -> Result<T> {
    plan_err!("|| takes two texts, not {arguments}")
}

impl ScalarUDFImpl for JoinText {
    fn name(&self) -> &str {
        "||"
    }

    fn schema_name(&self, arguments: &[Expr]) -> Result<String> {
        let names: Vec<String> = arguments.iter().map(|text| text.schema_name().to_string()).collect();
        Ok(names.join(" || "))
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        let [left, right] = arguments else { return two(arguments.len()) };
        BinaryTypeCoercer::new(left, &Operator::StringConcat, right).get_result_type()
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        let [left, right] = arguments else { return two(arguments.len()) };
        let coercer = BinaryTypeCoercer::new(left, &Operator::StringConcat, right);
        coercer.get_input_types().map(|(left, right)| vec![left, right])
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [left, right] = arguments.args.as_slice() else {
            return two(arguments.args.len());
        };
        let constant = matches!((left, right), (ColumnarValue::Scalar(_), ColumnarValue::Scalar(_)));
        let rows = if constant { 1 } else { arguments.number_rows };
        let (left, right) = (left.to_array(rows)?, right.to_array(rows)?);
        let field = |name: &str, kind: &DataType| Field::new(name, kind.clone(), true);
        let schema = Schema::new(vec![field("left", left.data_type()), field("right", right.data_type())]);
        let batch = RecordBatch::try_new(Arc::new(schema), vec![left, right])?;
        let column = |position: usize, name: &str| Arc::new(Column::new(name, position));
        let join = BinaryExpr::new(column(0, "left"), Operator::StringConcat, column(1, "right"));
        let joined = join.evaluate(&batch)?.into_array(rows)?;
        if constant {
            return ScalarValue::try_from_array(&joined, 0).map(ColumnarValue::Scalar);
        }
        Ok(ColumnarValue::Array(joined))
    }
}
