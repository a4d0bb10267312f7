//! What is computed of returns, as rows.

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::error::{DataFusionError, Result};
use silverbullet_kernel::{FrontierPoint, MonteCarloOptions, Portfolio, Problem, exact, gap, monte_carlo};
use silverbullet_market::moments::{Moments, estimate};
use silverbullet_store::schema::{COMMENT, UNIT, WeightsBuilder, weights_type};

use super::prices::Prices;
use super::{Call, Kind, objectives};

/// Most multiplications of one drawing: some seconds of a core, during which it cannot be stopped.
const MOST_WORK: u128 = 200_000_000_000;

/// Columns of `moments`.
pub(crate) static MOMENTS: LazyLock<SchemaRef> = LazyLock::new(|| {
    schema(vec![
        field("asset", DataType::Utf8, "name of the asset", ""),
        field("mean", DataType::Float64, "mean simple return", "per bar"),
        field("volatility", DataType::Float64, "standard deviation of the simple return", "per bar"),
        field("observations", DataType::Int64, "returns they were estimated from", "bars"),
        field("covariances", weights_type(), "covariance with each asset", "per bar"),
    ])
});

/// Columns of `max_sharpe`, `min_variance` and `monte_carlo`.
pub(crate) static PORTFOLIOS: LazyLock<SchemaRef> = LazyLock::new(|| {
    schema(vec![
        field("objective", DataType::Utf8, "what the portfolio was chosen for", ""),
        field("method", DataType::Utf8, "how it was found", ""),
        field("mean", DataType::Float64, "expected simple return", "per bar"),
        field("risk", DataType::Float64, "standard deviation of the return", "per bar"),
        field("sharpe", DataType::Float64, "(mean − risk-free) / risk", "per bar"),
        field("gap", DataType::Float64, "stated distance from the exact optimum", ""),
        field("label", DataType::Utf8, "ok, or why it is a fallback", ""),
        field("weights", weights_type(), "share of the capital in each asset", "share of capital"),
    ])
});

/// Columns of `efficient_frontier`.
pub(crate) static FRONTIER: LazyLock<SchemaRef> = LazyLock::new(|| {
    schema(vec![
        field("point", DataType::Int64, "number of the portfolio, from the least risk on", ""),
        field("risk", DataType::Float64, "standard deviation of the return", "per bar"),
        field("mean", DataType::Float64, "expected simple return", "per bar"),
        field("weights", weights_type(), "share of the capital in each asset", "share of capital"),
    ])
});

fn schema(fields: Vec<Field>) -> SchemaRef {
    Arc::new(Schema::new(fields))
}

fn field(name: &str, data_type: DataType, comment: &str, unit: &str) -> Field {
    let mut metadata = std::collections::HashMap::from([(COMMENT.to_owned(), comment.to_owned())]);
    if !unit.is_empty() {
        metadata.insert(UNIT.to_owned(), unit.to_owned());
    }
    Field::new(name, data_type, true).with_metadata(metadata)
}

/// The rows of a call.
pub(crate) fn compute(prices: &Prices, call: &Call) -> Result<RecordBatch> {
    let failed =
        |error: &dyn std::fmt::Display| DataFusionError::Execution(format!("{}: {error}", call.kind.name()));
    let moments = estimate(&prices.returns, call.estimator).map_err(|error| failed(&error))?;
    if call.kind == Kind::Moments {
        return of_moments(&prices.assets, &moments);
    }
    let shrunk = moments.ledoit_wolf_stand_in(&prices.returns).map_err(|error| failed(&error))?;
    let problem = Problem::new(moments.mean, moments.covariance, moments.observations)
        .and_then(|problem| problem.with_risk_free(call.risk_free))
        .and_then(|problem| problem.with_shrunk(shrunk))
        .map_err(|error| failed(&error))?;
    match call.kind {
        Kind::Frontier => of_frontier(&prices.assets, &exact::frontier(&problem).equally_spaced(call.points)),
        Kind::MonteCarlo => {
            let of_one = (prices.assets.len() * prices.assets.len()).max(1) as u128;
            if u128::from(call.samples) * of_one > MOST_WORK {
                let most = MOST_WORK / of_one;
                return Err(failed(&format!(
                    "of {} assets {most} portfolios at most are drawn",
                    prices.assets.len()
                )));
            }
            let options =
                MonteCarloOptions { samples: call.samples, seed: call.seed, ..MonteCarloOptions::default() };
            let drawn = monte_carlo(&problem, &options).map_err(|error| failed(&error))?;
            let portfolios = objectives(call.kind).iter().filter_map(|&objective| {
                let best = exact::solve(&problem, objective);
                let mut found = drawn.portfolio(objective)?.clone();
                if best.label.is_ok() && found.label.is_ok() {
                    let [best, achieved] = [&best, &found].map(|of| problem.evaluate(&of.weights));
                    found.gap = gap(objective, &best, &achieved, problem.observations());
                }
                Some(found)
            });
            of_portfolios(&prices.assets, &portfolios.collect::<Vec<_>>())
        }
        _ => {
            let solve = |&objective| exact::solve(&problem, objective);
            of_portfolios(&prices.assets, &objectives(call.kind).iter().map(solve).collect::<Vec<_>>())
        }
    }
}

fn of_moments(assets: &[String], moments: &Moments) -> Result<RecordBatch> {
    let order = assets.len();
    let observations = i64::try_from(moments.observations).unwrap_or(i64::MAX);
    let mut covariances = WeightsBuilder::default();
    for row in 0..order {
        covariances.push(
            assets.iter().enumerate().map(|(column, asset)| (asset, moments.covariance.get(row, column))),
        )?;
    }
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(assets)),
        Arc::new(Float64Array::from(moments.mean.clone())),
        Arc::new(Float64Array::from_iter_values(
            (0..order).map(|asset| moments.covariance.get(asset, asset).sqrt()),
        )),
        Arc::new(Int64Array::from(vec![observations; order])),
        covariances.finish(),
    ];
    Ok(RecordBatch::try_new(MOMENTS.clone(), columns)?)
}

fn of_portfolios(assets: &[String], portfolios: &[Portfolio]) -> Result<RecordBatch> {
    let text = |of: fn(&Portfolio) -> &'static str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(portfolios.iter().map(of)))
    };
    let number = |of: fn(&Portfolio) -> Option<f64>| -> ArrayRef {
        Arc::new(Float64Array::from_iter(portfolios.iter().map(of)))
    };
    let mut weights = WeightsBuilder::default();
    for portfolio in portfolios {
        weights.push(assets.iter().zip(portfolio.weights.iter().copied()))?;
    }
    let columns: Vec<ArrayRef> = vec![
        text(|portfolio| portfolio.objective.name()),
        text(|portfolio| portfolio.method.name()),
        number(|portfolio| Some(portfolio.mean)),
        number(|portfolio| Some(portfolio.risk)),
        number(|portfolio| portfolio.sharpe),
        number(|portfolio| portfolio.gap),
        text(|portfolio| portfolio.label.text()),
        weights.finish(),
    ];
    Ok(RecordBatch::try_new(PORTFOLIOS.clone(), columns)?)
}

fn of_frontier(assets: &[String], points: &[FrontierPoint]) -> Result<RecordBatch> {
    let count = i64::try_from(points.len()).unwrap_or(i64::MAX);
    let mut weights = WeightsBuilder::default();
    for point in points {
        weights.push(assets.iter().zip(point.weights.iter().copied()))?;
    }
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(0..count)),
        Arc::new(Float64Array::from_iter_values(points.iter().map(|point| point.risk))),
        Arc::new(Float64Array::from_iter_values(points.iter().map(|point| point.mean))),
        weights.finish(),
    ];
    Ok(RecordBatch::try_new(FRONTIER.clone(), columns)?)
}
