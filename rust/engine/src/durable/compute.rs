//! What is stored for a final bar: a pure function of the window's bars, the settings with what was commanded, the
//! seed and the bar number.
//!
//! Moments are summed afresh in bar order, exact problems solved cold, and Monte Carlo runs to its sample
//! budget, so that a replay and a cluster job get the same bits. Nothing live enters here.

use std::sync::Arc;

use silverbullet_kernel::{
    Bounds, Fallback, Label, MonteCarloOptions, Portfolio, Problem, exact, gap, monte_carlo,
};
use silverbullet_market::moments::{Estimator, Moments, ReturnMatrix, estimate};
use silverbullet_market::{EventKind, FinalBar, Universe};

use super::objectives;
use super::rows::{AssetRow, BarRow, FrontierRow, PortfolioRow, Row, StoredEvent, Time, Weights};
use crate::commands::Terms;
use crate::error::Result;

/// Everything the rows of one bar depend on, beside the universe.
#[derive(Debug, Clone)]
pub struct Job {
    /// The bar that became final.
    pub bar: FinalBar,
    /// Positions of the assets with a full window, ascending.
    pub eligible: Vec<usize>,
    /// Which assets were stale at the close.
    pub stale: Vec<bool>,
    /// Their returns in the window that ends with `bar`; no row where nothing is eligible.
    pub returns: ReturnMatrix,
    /// What was commanded; `None` where the settings alone count.
    pub terms: Option<Arc<Terms>>,
    /// The commands that are followed from this bar on.
    pub commands: Vec<StoredEvent>,
}

/// The rows of one bar, in a fixed order. Turnover is left open where no weights held are
/// known: it needs the row stored before.
///
/// # Errors
/// Where the kernel refuses the problem, which valid bars do not bring about.
pub fn rows_of(universe: &Universe, job: &Job) -> Result<Vec<Row>> {
    let mut rows: Vec<Row> = job.commands.iter().cloned().map(Row::Events).collect();
    rows.extend(bar_rows(universe, &job.bar));
    if job.eligible.is_empty() {
        rows.extend(asset_rows(universe, job, None));
        return Ok(rows);
    }
    let moments = estimate(&job.returns, universe.estimator)?;
    rows.extend(asset_rows(universe, job, Some(&moments)));
    let terms = job.terms.as_deref();
    if terms.is_some_and(|terms| terms.paused) {
        return Ok(rows);
    }
    let bounds = match terms {
        Some(terms) => terms.bounds_for(&job.eligible),
        None => universe.bounds_for(&job.eligible),
    };
    let Ok(bounds) = bounds else {
        rows.push(infeasible(universe, job));
        return Ok(rows);
    };
    let problem = problem_of(universe, bounds, &job.returns, &moments)?;
    let time = Time(job.bar.close_time);
    for portfolio in portfolios_of(universe, &problem, job)? {
        rows.push(Row::Portfolios(portfolio_row(universe, job, portfolio, time)));
    }
    if job.bar.number % universe.frontier_bars == 0 {
        rows.extend(frontier_rows(universe, job, &problem, time));
    }
    Ok(rows)
}

/// The portfolios of the objectives that are answered at a close only: the same as those of the rows of `bar`.
pub(crate) fn at_close(
    universe: &Universe,
    bounds: Bounds,
    returns: &ReturnMatrix,
    bar: i64,
) -> Result<Vec<Portfolio>> {
    let moments = estimate(returns, universe.estimator)?;
    let problem = problem_of(universe, bounds, returns, &moments)?;
    objectives::portfolios(universe, &problem, returns, bar)
}

/// The question of one bar.
fn problem_of(
    universe: &Universe,
    bounds: Bounds,
    returns: &ReturnMatrix,
    moments: &Moments,
) -> Result<Problem> {
    let problem = Problem::new(moments.mean.clone(), moments.covariance.clone(), moments.observations)?
        .with_bounds(bounds)?
        .with_risk_free(universe.risk_free)?;
    Ok(match universe.estimator {
        Estimator::LedoitWolf => problem,
        _ => problem.with_shrunk(moments.ledoit_wolf_stand_in(returns)?)?,
    })
}

/// Says that a bar has no portfolio, where the bounds cannot be met by the eligible assets alone.
fn infeasible(universe: &Universe, job: &Job) -> Row {
    let names: Vec<_> = job.eligible.iter().map(|&asset| universe.assets[asset].as_str()).collect();
    let reason = Fallback::InfeasibleBounds.reason();
    fallback_event(job, format!("{reason} {}: no portfolio is stored for this bar", names.join(", ")))
}

fn fallback_event(job: &Job, detail: String) -> Row {
    Row::Events(StoredEvent {
        source: "engine".to_owned(),
        partition: 0,
        offset: job.bar.number.unsigned_abs(),
        kind: EventKind::Fallback.name(),
        as_of: Some(Time(job.bar.close_time)),
        detail,
    })
}

/// Exact and Monte Carlo portfolios for every objective of the universe, Monte Carlo with its gap.
fn portfolios_of(universe: &Universe, problem: &Problem, job: &Job) -> Result<Vec<Portfolio>> {
    let mut portfolios = live_portfolios(universe, problem, job.bar.number)?;
    portfolios.extend(objectives::portfolios(universe, problem, &job.returns, job.bar.number)?);
    portfolios.sort_by_key(|portfolio| (portfolio.objective, portfolio.method));
    Ok(portfolios)
}

/// Those of the objectives that are answered with each tick as well: one search answers both.
fn live_portfolios(universe: &Universe, problem: &Problem, bar: i64) -> Result<Vec<Portfolio>> {
    if universe.live_objectives().next().is_none() {
        return Ok(Vec::new());
    }
    let options = MonteCarloOptions {
        samples: universe.samples,
        seed: universe.seed,
        stream: bar.cast_unsigned(),
        threads: 1,
        ..MonteCarloOptions::default()
    };
    let sampled = monte_carlo(problem, &options)?;
    let mut portfolios = Vec::new();
    for objective in universe.live_objectives() {
        let optimum = exact::solve(problem, objective);
        let found = sampled.portfolio(objective).cloned();
        portfolios.extend(found.map(|found| with_gap(problem, &optimum, found)));
        portfolios.push(optimum);
    }
    Ok(portfolios)
}

/// `found` with its distance from `optimum`, where both answer the question asked.
fn with_gap(problem: &Problem, optimum: &Portfolio, mut found: Portfolio) -> Portfolio {
    found.gap = (optimum.label.is_ok() && found.label.is_ok())
        .then(|| {
            let best = problem.evaluate(&optimum.weights);
            let achieved = problem.evaluate(&found.weights);
            gap(found.objective, &best, &achieved, problem.observations())
        })
        .flatten();
    found
}

fn portfolio_row(universe: &Universe, job: &Job, portfolio: Portfolio, as_of: Time) -> PortfolioRow {
    let weights = named(universe, &job.eligible, &portfolio.weights);
    let held = job.terms.as_ref().and_then(|terms| terms.holdings.as_ref());
    PortfolioRow {
        bar: job.bar.number,
        objective: portfolio.objective.name(),
        method: portfolio.method.name(),
        as_of,
        mean: portfolio.mean,
        risk: portfolio.risk,
        sharpe: portfolio.sharpe,
        gap: portfolio.gap,
        turnover: held.map(|held| turnover(held, &weights)),
        label: portfolio.label.text(),
        weights,
    }
}

/// The corner portfolios; where they are those of the shrunk covariance an event says so.
fn frontier_rows(universe: &Universe, job: &Job, problem: &Problem, as_of: Time) -> Vec<Row> {
    let frontier = exact::frontier(problem);
    let mut rows = Vec::with_capacity(frontier.corners.len() + 1);
    if let Label::Fallback(fallback) = frontier.label {
        rows.push(fallback_event(
            job,
            format!("{}: the stored frontier is that of the shrunk covariance", fallback.reason()),
        ));
    }
    for (point, corner) in (0..).zip(frontier.corners) {
        rows.push(Row::Frontiers(FrontierRow {
            bar: job.bar.number,
            method: "exact",
            point,
            as_of,
            risk: corner.risk,
            mean: corner.mean,
            mean_low: None,
            mean_high: None,
            weights: named(universe, &job.eligible, &corner.weights),
        }));
    }
    rows
}

fn named(universe: &Universe, eligible: &[usize], weights: &[f64]) -> Weights {
    Weights(
        eligible
            .iter()
            .zip(weights)
            .map(|(&asset, &weight)| (universe.assets[asset].clone(), weight))
            .collect(),
    )
}

fn bar_rows(universe: &Universe, bar: &FinalBar) -> Vec<Row> {
    let known = universe.assets.iter().zip(&bar.assets).filter(|(_, asset)| !asset.close.is_nan());
    known
        .map(|(name, asset)| {
            Row::Bars(BarRow {
                bar: bar.number,
                asset: name.clone(),
                open_time: Time(bar.close_time - universe.interval),
                close_time: Time(bar.close_time),
                open: asset.open,
                high: asset.high,
                low: asset.low,
                close: asset.close,
                volume: asset.volume,
                ticks: asset.ticks,
            })
        })
        .collect()
}

fn asset_rows(universe: &Universe, job: &Job, moments: Option<&Moments>) -> Vec<Row> {
    let place = |position: usize| job.eligible.iter().position(|&eligible| eligible == position);
    let mut rows = Vec::with_capacity(universe.assets.len());
    for (position, asset) in job.bar.assets.iter().enumerate().filter(|(_, asset)| !asset.close.is_nan()) {
        let known = moments.and_then(|moments| place(position).map(|index| (moments, index)));
        rows.push(Row::Assets(AssetRow {
            bar: job.bar.number,
            asset: universe.assets[position].clone(),
            as_of: Time(job.bar.close_time),
            price: asset.close,
            mean: known.map(|(moments, index)| moments.mean[index]),
            volatility: known.map(|(moments, index)| moments.covariance.diagonal(index).sqrt()),
            last_tick: Time(asset.last_tick),
            stale: job.stale[position],
        }));
    }
    rows
}

/// Half the sum of the absolute weight changes, over the assets of either.
#[must_use]
pub fn turnover(before: &Weights, after: &Weights) -> f64 {
    let weight_in = |weights: &Weights, asset: &str| {
        weights.0.iter().find(|(name, _)| name == asset).map_or(0.0, |(_, weight)| *weight)
    };
    let changed: f64 = after.0.iter().map(|(asset, weight)| (weight - weight_in(before, asset)).abs()).sum();
    let gone: f64 = before
        .0
        .iter()
        .filter(|(asset, _)| !after.0.iter().any(|(name, _)| name == asset))
        .map(|(_, w)| w.abs())
        .sum();
    0.5 * (changed + gone)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights(pairs: &[(&str, f64)]) -> Weights {
        Weights(pairs.iter().map(|&(asset, weight)| (asset.to_owned(), weight)).collect())
    }

    #[test]
    fn turnover_is_one_way_and_counts_assets_that_come_and_go() {
        let before = weights(&[("A", 0.5), ("B", 0.5)]);
        assert_eq!(turnover(&before, &before), 0.0);
        assert_eq!(turnover(&before, &weights(&[("A", 1.0), ("B", 0.0)])), 0.5);
        assert_eq!(turnover(&before, &weights(&[("C", 1.0)])), 1.0);
    }
}
