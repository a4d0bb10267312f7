//! What is asked: a query, what stands for its parameters, and what it may use.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::{ParamValues, ScalarValue};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::LogicalPlan;

use crate::Limits;
use crate::views::plain;

/// A query with everything it needs.
#[derive(Debug, Clone)]
pub struct Question {
    /// SQL; `?` or `$1`, `$2`, … stand for parameters.
    pub text: String,
    /// One row: a column a parameter, in their order.
    pub parameters: Option<RecordBatch>,
    /// What it may use.
    pub limits: Limits,
}

/// What a query is like before it runs.
#[derive(Debug, Clone)]
pub struct Described {
    /// Columns of the answer.
    pub schema: SchemaRef,
    /// A field a parameter, in their order; of type Null where the query leaves it open.
    pub parameters: SchemaRef,
}

/// The parameters of a plan, in the order of their numbers.
pub(crate) fn parameters_of(plan: &LogicalPlan) -> Result<SchemaRef, DataFusionError> {
    let mut fields = Vec::new();
    for (name, field) in plan.get_parameter_fields()? {
        let number = number_of(&name)?;
        let data_type = field.map_or(DataType::Null, |field| field.data_type().clone());
        fields.push((number, Field::new(name, data_type, true)));
    }
    fields.sort_by_key(|(number, _)| *number);
    if let Some((missing, _)) = fields.iter().enumerate().find(|(place, (number, _))| *number != place + 1) {
        let reason =
            format!("the parameter ${} is nowhere in the query: number them from $1 on", missing + 1);
        return Err(DataFusionError::Plan(reason));
    }
    let fields: Vec<Field> = fields.into_iter().map(|(_, field)| field).collect();
    Ok(plain(&Arc::new(Schema::new(fields))))
}

fn number_of(name: &str) -> Result<usize, DataFusionError> {
    let number = name.strip_prefix('$').and_then(|digits| digits.parse().ok()).filter(|number| *number > 0);
    number.ok_or_else(|| {
        DataFusionError::Plan(format!("the parameter {name} has no number: write ? or $1, $2, …"))
    })
}

/// The plan with values in the place of its parameters.
pub(crate) fn bind(
    plan: LogicalPlan,
    parameters: Option<&RecordBatch>,
) -> Result<LogicalPlan, DataFusionError> {
    let expected = parameters_of(&plan)?.fields().len();
    let given = parameters.map_or(0, RecordBatch::num_columns);
    if expected != given {
        let reason = format!("the query has {expected} parameters, and {given} values were given");
        return Err(DataFusionError::Plan(reason));
    }
    let Some(row) = parameters.filter(|row| row.num_columns() > 0) else { return Ok(plan) };
    if row.num_rows() != 1 {
        let reason = format!("{} rows of parameters were given: give one", row.num_rows());
        return Err(DataFusionError::Plan(reason));
    }
    let values = row.columns().iter().map(|column| ScalarValue::try_from_array(column, 0));
    plan.with_param_values(ParamValues::from(values.collect::<Result<Vec<_>, _>>()?))
}
