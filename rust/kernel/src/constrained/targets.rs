//! Target risk and target return by search: portfolios of the largest utility at one risk aversion after the
//! other, until the target lies between two of them.
//!
//! Both questions have their answer on the efficient frontier, and so does the largest utility at any aversion;
//! mean and risk fall as the aversion grows. The feasible set is convex, so what lies between two neighbours on
//! the frontier is feasible too and all but efficient.

use super::case::Case;
use super::descent::{descend, exchange};
use super::line::advance;
use super::score::{Objectives, Score, State};
use crate::matrix::dot;

/// Halvings of the logarithm of the aversion.
const HALVINGS: usize = 30;
/// Gradient steps at the ends and at each aversion between.
const GRADIENTS: usize = 300;
const BETWEEN: usize = 250;
/// The range of aversions, relative to the size of the means.
const RANGE: (f64, f64) = (1e-5, 1e5);
/// How far a target may be missed: rounding.
const ROUNDING: f64 = 1e-12;

/// Whether the portfolio meets the target, where there is one.
pub(super) fn met(score: &Score, state: &State) -> bool {
    match score.objective {
        Objectives::TargetReturn { mean } => net_mean(score, state) >= mean - ROUNDING,
        Objectives::TargetRisk { risk } => {
            dot(&state.weights, &state.image).max(0.0).sqrt() <= risk * (1.0 + ROUNDING)
        }
        _ => true,
    }
}

fn net_mean(score: &Score, state: &State) -> f64 {
    dot(&score.mean, &state.weights) - score.fees(&state.weights)
}

/// Portfolios that meet the target and are near the best that do.
pub(super) fn improve(case: &Case<'_>, elites: &[State]) -> Vec<State> {
    let (score, region) = (&case.score, &case.region);
    let Some(start) = elites.first() else { return Vec::new() };
    let at = |objective: Objectives, from: &State, iterations: usize| {
        let score = Score { objective, ..score.clone() };
        let mut state = descend(&score, region, score.state(from.weights.clone()), iterations, 0.0);
        exchange(&score, region, &mut state, 2 * score.assets());
        state
    };
    let own = |state: State| score.state(state.weights);
    let safe = at(Objectives::MinVariance, start, GRADIENTS);
    let bold = at(Objectives::Utility { aversion: 0.0 }, start, GRADIENTS);
    // The end of the frontier that meets the target, and the one that would be better but for it.
    let is_return = matches!(score.objective, Objectives::TargetReturn { .. });
    let (good, wanted) = if is_return { (bold, safe) } else { (safe, bold) };
    let (good, wanted) = (own(good), own(wanted));
    if met(score, &wanted) {
        return vec![wanted];
    }
    let size = score.mean.iter().map(|mean| mean.abs()).fold(0.0, f64::max).max(f64::MIN_POSITIVE);
    let (mut low, mut high) = (libm::log(size * RANGE.0), libm::log(size * RANGE.1));
    let Some(mut inside) = [good, start.clone()].into_iter().find(|state| met(score, state)) else {
        return Vec::new();
    };
    let mut outside = wanted;
    let mut found = vec![inside.clone()];
    let mut last = inside.clone();
    for _ in 0..HALVINGS {
        let middle = 0.5 * (low + high);
        let state = own(at(Objectives::Utility { aversion: libm::exp(middle) }, &last, BETWEEN));
        let meets = met(score, &state);
        last.clone_from(&state);
        // More aversion: less mean and less risk.
        if meets == is_return {
            low = middle
        } else {
            high = middle
        }
        if meets {
            inside = state;
            found.push(inside.clone());
        } else {
            outside = state;
        }
    }
    let mut between = inside;
    let direction: Vec<f64> =
        outside.weights.iter().zip(&between.weights).map(|(to, from)| to - from).collect();
    let image = score.image(&direction);
    advance(score, region, &mut between, (&direction, &image), (1.0, 0.0));
    found.push(between);
    found
}
