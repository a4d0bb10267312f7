//! Portfolios of the prices that a query gives: `max_sharpe((select bar, asset, close from bars))` and its siblings.
//!
//! A table function takes expressions, not tables. What stands as its first argument is therefore handed on as text
//! ([`crate::guard`] sees to that), and planned and run when the function is scanned: in the same session, so at the same moment and
//! within the same limits as the query around it.

mod answers;
mod prices;

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::{ScalarValue, plan_err};
use datafusion::datasource::TableType;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::ExecutionPlan;
use silverbullet_kernel::Objective;
use silverbullet_market::moments::Estimator;

use crate::catalog::FunctionInfo;
use answers::{FRONTIER, MOMENTS, PORTFOLIOS};
use prices::Prices;

/// Portfolios of a frontier where nothing else is said.
const POINTS: i64 = 20;
/// Most of them.
const MOST_POINTS: i64 = 10_000;
/// Portfolios drawn at most: some seconds of one core.
const MOST_SAMPLES: i64 = 10_000_000;

/// What is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Moments,
    MaxSharpe,
    MinVariance,
    Frontier,
    MonteCarlo,
}

impl Kind {
    pub(crate) const ALL: [Self; 5] =
        [Self::Moments, Self::MaxSharpe, Self::MinVariance, Self::Frontier, Self::MonteCarlo];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Moments => "moments",
            Self::MaxSharpe => "max_sharpe",
            Self::MinVariance => "min_variance",
            Self::Frontier => "efficient_frontier",
            Self::MonteCarlo => "monte_carlo",
        }
    }

    const fn usage(self) -> &'static str {
        match self {
            Self::Moments => "moments((prices) [, estimator])",
            Self::MaxSharpe => "max_sharpe((prices) [, risk_free [, estimator]])",
            Self::MinVariance => "min_variance((prices) [, estimator])",
            Self::Frontier => "efficient_frontier((prices) [, points [, estimator]])",
            Self::MonteCarlo => "monte_carlo((prices), samples [, seed [, estimator]])",
        }
    }

    const fn comment(self) -> &'static str {
        match self {
            Self::Moments => {
                "mean, volatility and covariances of each asset's simple returns, per bar. (prices) is a query for three \
                 columns: a bar or a time, an asset, a price; bars in which an asset has no price are left out. estimator is \
                 'sample' (where nothing is said), 'ledoit-wolf' or 'exponential:HALF-LIFE'"
            }
            Self::MaxSharpe => {
                "the exact long-only portfolio of the largest Sharpe ratio for the same prices"
            }
            Self::MinVariance => "the exact long-only portfolio of the least variance for the same prices",
            Self::Frontier => {
                "the exact efficient frontier for the same prices, 20 portfolios equally spaced in mean where nothing is said"
            }
            Self::MonteCarlo => {
                "the best of so many drawn portfolios for both objectives, with their distance from the exact ones (gap); the \
                 same seed gives the same bits"
            }
        }
    }

    fn schema(self) -> SchemaRef {
        match self {
            Self::Moments => MOMENTS.clone(),
            Self::MaxSharpe | Self::MinVariance | Self::MonteCarlo => PORTFOLIOS.clone(),
            Self::Frontier => FRONTIER.clone(),
        }
    }
}

/// Whether a function of that name takes a query.
pub(crate) fn takes_query(name: &str) -> bool {
    Kind::ALL.iter().any(|kind| kind.name() == name)
}

/// What the functions do.
pub(crate) fn documentation() -> impl Iterator<Item = FunctionInfo> {
    Kind::ALL.into_iter().map(|kind| FunctionInfo {
        name: kind.name().to_owned(),
        signature: kind.usage().to_owned(),
        comment: kind.comment().to_owned(),
    })
}

/// What one call asks for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    kind: Kind,
    /// The query for prices.
    query: String,
    estimator: Estimator,
    risk_free: f64,
    points: usize,
    samples: u64,
    seed: u64,
}

/// A table function of a kind.
#[derive(Debug)]
pub(crate) struct Function(pub(crate) Kind);

impl TableFunctionImpl for Function {
    fn call_with_args(&self, arguments: TableFunctionArgs<'_, '_>) -> Result<Arc<dyn TableProvider>> {
        Ok(Arc::new(Answer(Call::read(self.0, arguments.exprs())?)))
    }
}

impl Call {
    fn read(kind: Kind, arguments: &[Expr]) -> Result<Self> {
        let mut values = arguments.iter();
        let Some(Value::Text(query)) = values.next().and_then(value) else {
            return plan_err!("{}: the first argument is a query in brackets", kind.usage());
        };
        let mut call = Self {
            kind,
            query,
            estimator: Estimator::Sample,
            risk_free: 0.0,
            points: POINTS as usize,
            samples: 0,
            seed: 0,
        };
        let mut numbers = 0;
        for argument in values {
            match (kind, value(argument), numbers) {
                (_, Some(Value::Text(name)), _) => {
                    call.estimator = name.parse().map_err(|error| wrong(kind, &format!("{error}")))?;
                    numbers = usize::MAX;
                }
                (Kind::MaxSharpe, Some(value), 0) => call.risk_free = value.number(),
                (Kind::Frontier, Some(Value::Whole(points)), 0) if (2..=MOST_POINTS).contains(&points) => {
                    call.points = usize::try_from(points).unwrap_or_default();
                }
                (Kind::MonteCarlo, Some(Value::Whole(samples)), 0)
                    if (1..=MOST_SAMPLES).contains(&samples) =>
                {
                    call.samples = samples.unsigned_abs();
                }
                (Kind::MonteCarlo, Some(Value::Whole(seed)), 1) => call.seed = seed.cast_unsigned(),
                _ => return Err(wrong(kind, &format!("what is {argument}?"))),
            }
            numbers = numbers.saturating_add(1);
        }
        if kind == Kind::MonteCarlo && call.samples == 0 {
            return Err(wrong(
                kind,
                &format!("say how many portfolios are to be drawn, {MOST_SAMPLES} at most"),
            ));
        }
        Ok(call)
    }
}

fn wrong(kind: Kind, what: &str) -> DataFusionError {
    DataFusionError::Plan(format!("{}: {what}", kind.usage()))
}

/// What an argument may be.
enum Value {
    Text(String),
    Whole(i64),
    Number(f64),
}

impl Value {
    fn number(&self) -> f64 {
        match self {
            Self::Text(_) => f64::NAN,
            Self::Whole(number) => *number as f64,
            Self::Number(number) => *number,
        }
    }
}

fn value(argument: &Expr) -> Option<Value> {
    let Expr::Literal(literal, _) = argument else { return None };
    match literal {
        ScalarValue::Utf8(Some(text))
        | ScalarValue::Utf8View(Some(text))
        | ScalarValue::LargeUtf8(Some(text)) => Some(Value::Text(text.clone())),
        ScalarValue::Int64(Some(number)) => Some(Value::Whole(*number)),
        ScalarValue::UInt64(Some(number)) => i64::try_from(*number).ok().map(Value::Whole),
        ScalarValue::Float64(Some(number)) if number.is_finite() => Some(Value::Number(*number)),
        _ => None,
    }
}

/// The rows of a call, computed when they are scanned.
#[derive(Debug)]
struct Answer(Call);

#[async_trait]
impl TableProvider for Answer {
    fn schema(&self) -> SchemaRef {
        self.0.kind.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Temporary
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Some(state) = session.as_any().downcast_ref::<SessionState>() else {
            return plan_err!("{} cannot be used here", self.0.kind.name());
        };
        let prices = Prices::read(state, &self.0).await?;
        let call = self.0.clone();
        // On a thread that may be busy for long: the query's own thread goes on answering others.
        let computed = tokio::task::spawn_blocking(move || answers::compute(&prices, &call)).await;
        let batch = computed.map_err(|error| DataFusionError::Execution(error.to_string()))??;
        let plan = MemorySourceConfig::try_new_exec(&[vec![batch]], self.schema(), projection.cloned())?;
        Ok(plan)
    }
}

/// The objectives of a kind that gives portfolios.
pub(crate) const fn objectives(kind: Kind) -> &'static [Objective] {
    match kind {
        Kind::MaxSharpe => &[Objective::MaxSharpe],
        Kind::MinVariance => &[Objective::MinVariance],
        Kind::MonteCarlo => &Objective::LIVE,
        Kind::Moments | Kind::Frontier => &[],
    }
}
