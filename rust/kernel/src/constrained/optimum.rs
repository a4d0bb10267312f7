//! Exact answers: each convex objective as a conic problem.
//!
//! Ratios by homogenisation (Charnes & Cooper 1962; Schaible 1976): with y = κw the constraints a·w ≤ b become
//! a·y ≤ bκ, the numerator is fixed at one and yᵀΣy is minimised. CVaR by the linear program of Rockafellar &
//! Uryasev (2000), maximum drawdown by that of Chekhlov, Uryasev & Zabarankin (2005). |w| and |w − h| are
//! variables of their own that are at least as large.

use super::case::Case;
use super::line::advance;
use super::score::{Objectives, Score, State};
use super::{descent, parity, targets};
use crate::conic::{Model, Outcome, Row};
use crate::constraints::{Projector, Region, Rows};
use crate::matrix::dot;
use crate::risk::tail;

/// How far equal shares of the risk may miss a constraint.
const FEASIBLE: f64 = 1e-10;
/// Weights this near to a bound may be on it.
const SNAP: f64 = 1e-8;

/// The optimum and whether the solver met its tolerances; `None` where there is no exact method.
pub(super) fn optimum(case: &Case<'_>) -> Option<(Vec<f64>, bool)> {
    if case.score.objective == Objectives::RiskParity {
        let weights = parity::equal_contributions(&case.score.covariance)?;
        return (case.region.violation(&weights) <= FEASIBLE).then_some((weights, true));
    }
    let (weights, converged) = convex(&case.score, &case.region, &case.anchor)?;
    Some((descent::polish(case, weights), converged))
}

/// The optimum at a target risk, sharpened: the cone is solved to half the digits of a quadratic program, so
/// its dual serves as a risk aversion, and the target is met between the optima on either side of it. Within
/// one segment of the frontier what lies between two of its points is efficient.
fn sharpened(score: &Score, region: &Region, anchor: &[f64], weights: Vec<f64>, aversion: f64) -> Vec<f64> {
    const AROUND: [f64; 2] = [1.0 - 1e-4, 1.0 + 1e-4];
    let mut best = score.state(weights);
    let [bold, safe] = AROUND.map(|factor| {
        let objective = Objectives::Utility { aversion: factor * aversion };
        convex(&Score { objective, ..score.clone() }, region, anchor).map(|found| score.state(found.0))
    });
    let (Some(bold), Some(mut state)) = (bold, safe) else { return best.weights };
    let between = |of: fn(&State) -> &[f64], state: &State| -> Vec<f64> {
        of(&bold).iter().zip(of(state)).map(|(to, from)| to - from).collect()
    };
    let direction = between(|state| &state.weights, &state);
    let image = between(|state| &state.image, &state);
    advance(score, region, &mut state, (&direction, &image), (1.0, 0.0));
    if targets::met(score, &state) && (state.value > best.value || !targets::met(score, &best)) {
        best = state;
    }
    best.weights
}

/// The optimum of a convex objective over a region in which `anchor` is feasible.
pub(super) fn convex(score: &Score, region: &Region, anchor: &[f64]) -> Option<(Vec<f64>, bool)> {
    let ratio = matches!(score.objective, Objectives::MaxSharpe | Objectives::MaxDiversification);
    let mut model = Model::default();
    let rows = Rows::new(region, &mut model, score.rates().is_some(), ratio);
    rows.add_all(&mut model);
    add_objective(score, &rows, &mut model);
    let (mut x, dual, converged) = match model.solve() {
        Outcome::Solved(x, dual) => (x, dual, true),
        Outcome::Reached(x, dual) => (x, dual, false),
        Outcome::Infeasible => return None,
    };
    x.truncate(score.assets());
    let sum: f64 = x.iter().sum();
    x.iter_mut().for_each(|weight| *weight /= sum);
    if x.iter().any(|weight| !weight.is_finite()) {
        return None;
    }
    let weights = tidy(score, region, anchor, x);
    match score.objective {
        Objectives::TargetRisk { risk } if dual > 0.0 => {
            let aversion = dual * unit_mean(score) / (risk * risk);
            Some((sharpened(score, region, anchor, weights, aversion), converged))
        }
        _ => Some((weights, converged)),
    }
}

/// What the means are divided by.
fn unit_mean(score: &Score) -> f64 {
    let size = score.mean.iter().map(|mean| mean.abs()).fold(0.0, f64::max);
    if size > 0.0 { size } else { 1.0 }
}

fn add_objective(score: &Score, rows: &Rows<'_>, model: &mut Model) {
    let all = 0..score.assets();
    match score.objective {
        Objectives::MinVariance | Objectives::RiskParity => add_variance(score, model, 1.0),
        Objectives::Utility { aversion } => {
            let size = score.mean.iter().map(|mean| mean.abs()).fold(aversion, f64::max);
            let size = if size > 0.0 { size } else { 1.0 };
            add_variance(score, model, aversion / size);
            for (variable, value) in net_mean(score, rows) {
                model.cost(variable, -value / size);
            }
        }
        Objectives::TargetReturn { mean } => {
            add_variance(score, model, 1.0);
            // Centred, since Σw = 1: the row would be nearly parallel to that of the sum.
            add_mean_at_least(score, rows, model, mean, 1.0);
        }
        Objectives::TargetRisk { risk } => {
            let size = unit_mean(score);
            for (variable, value) in net_mean(score, rows) {
                model.cost(variable, -value / size);
            }
            let mut cone: Vec<(Row, f64)> = vec![(Vec::new(), 1.0)];
            let factor = score.factor();
            cone.extend(
                factor.iter().map(|row| (row.iter().map(|entry| entry / risk).enumerate().collect(), 0.0)),
            );
            model.norm(cone);
        }
        Objectives::MaxSharpe => {
            add_variance(score, model, 1.0);
            let size = score.mean.iter().map(|mean| (mean - score.risk_free).abs()).fold(0.0, f64::max);
            let size = if size > 0.0 { size } else { 1.0 };
            let row = net_mean(score, rows).into_iter().map(|(variable, value)| {
                let free = if variable < score.assets() { score.risk_free } else { 0.0 };
                (variable, (free - value) / size)
            });
            model.at_most(row.collect(), -1.0);
            model.at_most(rows.kappa().map(|kappa| (kappa, -1.0)).into_iter().collect(), 0.0);
        }
        Objectives::MaxDiversification => {
            add_variance(score, model, 1.0);
            model.equal(all.map(|asset| (asset, score.volatility[asset])).collect(), 1.0);
            model.at_most(rows.kappa().map(|kappa| (kappa, -1.0)).into_iter().collect(), 0.0);
        }
        Objectives::MinCvar { level } => add_cvar(score, model, level),
        Objectives::MinDrawdown => add_drawdown(score, model),
    }
}

fn add_variance(score: &Score, model: &mut Model, factor: f64) {
    if factor > 0.0 {
        for column in 0..score.assets() {
            for row in 0..=column {
                model.curve(row, column, factor * score.covariance.get(row, column));
            }
        }
    }
}

/// The mean after fees as a row.
fn net_mean(score: &Score, rows: &Rows<'_>) -> Row {
    let mut row: Row = score.mean.iter().copied().enumerate().collect();
    if let (Some(rates), Some(trades)) = (score.rates(), rows.trades()) {
        row.extend(rates.iter().enumerate().map(|(asset, rate)| (trades + asset, -rate)));
    }
    row
}

fn add_mean_at_least(score: &Score, rows: &Rows<'_>, model: &mut Model, target: f64, sum: f64) {
    let assets = score.assets();
    let centre = score.mean.iter().sum::<f64>() / assets as f64;
    let spread = score.mean.iter().map(|mean| (mean - centre).abs()).fold(0.0, f64::max);
    let spread = if spread > 0.0 { spread } else { 1.0 };
    let row = net_mean(score, rows).into_iter().map(|(variable, value)| {
        let value = if variable < assets { value - centre } else { value };
        (variable, -value / spread)
    });
    model.at_most(row.collect(), (centre * sum - target) / spread);
}

fn add_cvar(score: &Score, model: &mut Model, level: f64) {
    let assets = score.assets();
    let count = score.scenarios.len() / assets;
    let threshold = model.variables(1);
    let beyond = model.variables(count);
    model.cost(threshold, 1.0);
    for (number, returns) in score.scenarios.chunks_exact(assets).enumerate() {
        model.cost(beyond + number, 1.0 / tail(count, level));
        let mut row: Row = returns.iter().map(|value| -value).enumerate().collect();
        row.extend([(threshold, -1.0), (beyond + number, -1.0)]);
        model.at_most(row, 0.0);
        model.at_most(vec![(beyond + number, -1.0)], 0.0);
    }
}

/// The rows hold running sums already; each is a variable, so that the weights enter once a bar.
fn add_drawdown(score: &Score, model: &mut Model) {
    let assets = score.assets();
    let count = score.scenarios.len() / assets;
    let worst = model.variables(1);
    let path = model.variables(count);
    let highest = model.variables(count);
    model.cost(worst, 1.0);
    model.at_most(vec![(highest, -1.0)], 0.0);
    let mut before = vec![0.0; assets];
    for (number, sums) in score.scenarios.chunks_exact(assets).enumerate() {
        let mut row: Row = (0..assets).map(|asset| (asset, before[asset] - sums[asset])).collect();
        before.copy_from_slice(sums);
        row.push((path + number, 1.0));
        if number > 0 {
            row.push((path + number - 1, -1.0));
            model.at_most(vec![(highest + number - 1, 1.0), (highest + number, -1.0)], 0.0);
        }
        model.equal(row, 0.0);
        model.at_most(vec![(path + number, 1.0), (highest + number, -1.0)], 0.0);
        model.at_most(vec![(highest + number, 1.0), (path + number, -1.0), (worst, -1.0)], 0.0);
    }
}

/// Weights that are next to a bound set onto it, where that costs nothing, and all constraints met.
fn tidy(score: &Score, region: &Region, anchor: &[f64], weights: Vec<f64>) -> Vec<f64> {
    let mut projector = Projector::new(region);
    let snapped = weights.iter().enumerate().map(|(asset, &weight)| {
        let bounds = [region.lower[asset], region.upper[asset], 0.0, region.holdings[asset]];
        bounds.into_iter().find(|bound| (weight - bound).abs() <= SNAP).unwrap_or(weight)
    });
    let snapped: Vec<f64> = snapped.collect();
    let mut settled = |point: &[f64]| {
        let nearest = projector.project(point, None).to_vec();
        let direction: Vec<f64> = nearest.iter().zip(anchor).map(|(to, from)| to - from).collect();
        let reach = region.reach(anchor, &direction, 1.0);
        if reach >= 1.0 || region.violation(&nearest) <= 1e-12 {
            return nearest;
        }
        anchor.iter().zip(&direction).map(|(from, d)| from + reach * d).collect()
    };
    let [plain, snapped] = [&weights, &snapped].map(|point| settled(point));
    let value = |weights: &[f64]| score.value(weights, &score.image(weights));
    let meets = |weights: &[f64]| match score.objective {
        Objectives::TargetReturn { mean } => dot(&score.mean, weights) - score.fees(weights) >= mean - 1e-13,
        Objectives::TargetRisk { risk } => score.covariance.quadratic_form(weights).sqrt() <= risk + 1e-13,
        _ => true,
    };
    if meets(&snapped) && value(&snapped) >= value(&plain) - 1e-13 { snapped } else { plain }
}
