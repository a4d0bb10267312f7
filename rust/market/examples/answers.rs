//! What the crates answer on a table of prices, for the tests of the Python package, whose answers must have the same
//! bits.
//!
//! `answers < TABLE`: a line of names, then one line of prices a bar, separated by commas. One object of JSON comes out.
//! Its numbers are written with as many digits as it takes to read the same bits again.
#![allow(clippy::print_stdout, reason = "answers go to standard output")]

use std::error::Error;
use std::io::BufRead;

use serde_json::{Value, json};
use silverbullet_kernel::monte_carlo::BLOCK;
use silverbullet_kernel::{
    Bounds, FrontierPoint, MonteCarloOptions, Objective, Portfolio, Problem, SamplerKind, exact, monte_carlo,
};
use silverbullet_market::moments::{Estimator, Moments, ReturnMatrix, estimate};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Not a whole number of blocks.
const SAMPLES: u64 = 3 * BLOCK + 1234;
const SEED: u64 = 20_261_130;
const RISK_FREE: f64 = 1e-5;

fn main() -> Result<()> {
    let mut lines = std::io::stdin().lock().lines();
    let assets = lines.next().ok_or("no line of names")??.split(',').count();
    let mut returns = ReturnMatrix::new(assets);
    let mut before: Option<Vec<f64>> = None;
    for line in lines {
        let prices: Vec<f64> = line?.split(',').map(str::parse).collect::<std::result::Result<_, _>>()?;
        if let Some(before) = &before {
            let row: Vec<f64> =
                prices.iter().zip(before).map(|(price, before)| price / before - 1.0).collect();
            returns.push_row(&row);
        }
        before = Some(prices);
    }
    let estimators = [Estimator::Sample, Estimator::LedoitWolf, Estimator::Exponential { half_life: 60.0 }];
    let answers = estimators.map(|estimator| answers(&returns, estimator));
    let answers: Vec<Value> = answers.into_iter().collect::<Result<_>>()?;
    println!("{}", json!({ "samples": SAMPLES, "seed": SEED, "risk_free": RISK_FREE, "answers": answers }));
    Ok(())
}

fn answers(returns: &ReturnMatrix, estimator: Estimator) -> Result<Value> {
    let moments = estimate(returns, estimator)?;
    let problem = problem(&moments, returns)?;
    let capped = problem
        .clone()
        .with_bounds(Bounds::new(vec![0.02; returns.assets()], vec![0.4; returns.assets()])?)?;
    let mut searches = Vec::new();
    for sampler in [SamplerKind::Auto, SamplerKind::Uniform, SamplerKind::FaceEdgeVertex] {
        for problem in [&problem, &capped] {
            let options = MonteCarloOptions { samples: SAMPLES, seed: SEED, sampler, ..Default::default() };
            let found = monte_carlo(problem, &options)?;
            searches.push(json!({
                "sampler": sampler.name(),
                "capped": *problem.bounds() == *capped.bounds(),
                "portfolios": found.portfolios.iter().map(portfolio).collect::<Vec<_>>(),
                "frontier": points(&found.frontier),
            }));
        }
    }
    Ok(json!({
        "estimator": moments.estimator.to_string(),
        "observations": moments.observations,
        "mean": moments.mean,
        "covariance": moments.covariance.as_slice(),
        "condition_number": moments.condition_number(),
        "exact": Objective::LIVE.map(|objective| portfolio(&exact::solve(&problem, objective))),
        "corners": points(&exact::frontier(&problem).corners),
        "twenty": points(&exact::frontier(&capped).equally_spaced(20)),
        "searches": searches,
    }))
}

fn problem(moments: &Moments, returns: &ReturnMatrix) -> Result<Problem> {
    Ok(Problem::new(moments.mean.clone(), moments.covariance.clone(), moments.observations)?
        .with_shrunk(moments.ledoit_wolf_stand_in(returns)?)?
        .with_risk_free(RISK_FREE)?)
}

fn portfolio(portfolio: &Portfolio) -> Value {
    json!({
        "objective": portfolio.objective,
        "label": portfolio.label,
        "mean": portfolio.mean,
        "risk": portfolio.risk,
        "sharpe": portfolio.sharpe,
        "weights": portfolio.weights,
    })
}

fn points(points: &[FrontierPoint]) -> Vec<Value> {
    points.iter().map(|point| json!([point.risk, point.mean, point.weights])).collect()
}
