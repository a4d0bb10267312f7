//! Local improvement: projected gradients with spectral steps, and pairwise exchanges.
//!
//! A projected gradient moves from w towards the nearest feasible point of w + η·gradient (with fees: towards its
//! proximal point), with η from the last two gradients and the exact line search (Birgin, Martínez & Raydan 2000;
//! Beck & Teboulle 2009 for the proximal step). It changes all weights at once and knows every constraint. A
//! pairwise exchange eᵢ − eⱼ costs O(N) and takes weights exactly to their bounds.

use super::case::Case;
use super::line::advance;
use super::score::{Objectives, Score, State};
use crate::constraints::{Projector, Region};

/// A gain of less than this part of the value is none.
const NO_GAIN: f64 = 1e-15;
/// A step this short is the end of a smoothed descent.
const SHORT: f64 = 1e-6;
/// Steps without gain before the descent ends.
const PATIENCE: usize = 6;
/// How far from the feasible set a gradient may lead before it is projected.
const FAR: f64 = 1e4;
/// How far beyond the projected point a step may go.
const BEYOND: f64 = 32.0;
/// Widths of the smoothing, relative to the size of the value: from the first, by the factor, this often.
const WIDTH: (f64, f64, usize) = (0.3, 0.4, 14);

/// Spectral projected gradients from a feasible portfolio; never worse than it.
pub(super) fn descend(
    score: &Score,
    region: &Region,
    start: State,
    iterations: usize,
    smoothing: f64,
) -> State {
    let assets = score.assets();
    let mut projector = Projector::new(region);
    let mut state = start;
    let mut best = state.clone();
    let mut gradient = vec![0.0; assets];
    let mut fee = centred_gradient(score, &state, smoothing, &mut gradient);
    let mut step = 1.0 / largest(&gradient).max(f64::MIN_POSITIVE);
    let mut idle = 0;
    for _ in 0..iterations {
        let point: Vec<f64> = state.weights.iter().zip(&gradient).map(|(w, g)| w + step * g).collect();
        let nearest = projector.project(&point, score.rates().map(|rates| (rates, step * fee)));
        let direction = feasible_direction(&state.weights, nearest);
        let image = score.image(&direction);
        let before = state.clone();
        let moved = largest(&direction) > 1e-14
            && advance(score, region, &mut state, (&direction, &image), (BEYOND, smoothing));
        if !moved {
            idle += 2;
            step *= 0.1;
            if idle > PATIENCE {
                break;
            }
            continue;
        }
        if state.value > best.value {
            let gain = state.value - best.value;
            idle = if gain > NO_GAIN * best.value.abs() { 0 } else { idle + 1 };
            best.clone_from(&state);
        } else {
            idle += usize::from(smoothing <= 0.0 || largest(&direction) < SHORT);
        }
        if idle > PATIENCE {
            break;
        }
        let old = gradient.clone();
        fee = centred_gradient(score, &state, smoothing, &mut gradient);
        let moves = state.weights.iter().zip(&before.weights).map(|(new, old)| new - old);
        let (mut length, mut bend) = (0.0, 0.0);
        for (moved, (old, new)) in moves.zip(old.iter().zip(&gradient)) {
            length += moved * moved;
            bend += moved * (old - new);
        }
        let scale = 1.0 / largest(&gradient).max(f64::MIN_POSITIVE);
        step = if bend > 0.0 {
            (length / bend).clamp(1e-9 * scale, FAR * scale)
        } else {
            (10.0 * step).min(FAR * scale)
        };
    }
    best
}

/// The gradient less its mean, which no feasible move can follow.
fn centred_gradient(score: &Score, state: &State, smoothing: f64, gradient: &mut [f64]) -> f64 {
    let fee = score.gradient(state, smoothing, gradient);
    let mean = gradient.iter().sum::<f64>() / gradient.len() as f64;
    gradient.iter_mut().for_each(|value| *value -= mean);
    fee
}

/// Descents from one portfolio with ever less smoothing, for measures over scenarios.
pub(super) fn descend_smoothed(score: &Score, region: &Region, start: State, iterations: usize) -> State {
    let (first, factor, stages) = WIDTH;
    let mut width = first * start.value.abs();
    let mut state = start;
    for _ in 0..stages {
        width = width.max(f64::MIN_POSITIVE);
        let rounded = descend(score, region, state.clone(), iterations, width);
        if rounded.value > state.value {
            state = rounded;
        }
        width *= factor;
    }
    state
}

/// The direction to the projected point. What is left of its sum by rounding is taken from its longest part, and
/// moves that are rounding only are none: either would stop a move along a bound.
pub(super) fn feasible_direction(from: &[f64], to: &[f64]) -> Vec<f64> {
    const NO_MOVE: f64 = 1e-15;
    let mut direction: Vec<f64> = to
        .iter()
        .zip(from)
        .map(|(to, from)| if (to - from).abs() > NO_MOVE { to - from } else { 0.0 })
        .collect();
    let excess: f64 = direction.iter().sum();
    if let Some(longest) = direction.iter_mut().max_by(|a, b| a.abs().total_cmp(&b.abs())) {
        *longest -= excess;
    }
    direction
}

/// Pairwise exchanges, the best of a few candidate pairs each time, until none gains; at most `moves`.
pub(super) fn exchange(score: &Score, region: &Region, state: &mut State, moves: usize) {
    let candidates = if score.is_scenario() { 2 } else { 4 };
    let mut gradient = vec![0.0; score.assets()];
    for _ in 0..moves {
        let width = 1e-3 * state.value.abs().max(f64::MIN_POSITIVE);
        let fee = score.gradient(state, width, &mut gradient);
        let pairs = pairs(score, region, state, (&gradient, fee), candidates);
        let mut best: Option<State> = None;
        for (grow, shrink) in pairs {
            let mut moved = state.clone();
            if transfer(score, region, &mut moved, grow, shrink)
                && moved.value > best.as_ref().map_or(state.value, |best| best.value)
            {
                best = Some(moved);
            }
        }
        let Some(best) = best else { return };
        let gain = best.value - state.value;
        *state = best;
        if gain <= NO_GAIN * state.value.abs() {
            return;
        }
    }
}

/// Moves weight from one asset to another, as far as it helps.
pub(super) fn transfer(
    score: &Score,
    region: &Region,
    state: &mut State,
    grow: usize,
    shrink: usize,
) -> bool {
    let mut direction = vec![0.0; score.assets()];
    (direction[grow], direction[shrink]) = (1.0, -1.0);
    let image: Vec<f64> = if score.is_scenario() {
        score.scenarios.chunks_exact(score.assets()).map(|row| row[grow] - row[shrink]).collect()
    } else {
        let rows = score.covariance.row(grow).iter().zip(score.covariance.row(shrink));
        rows.map(|(plus, minus)| plus - minus).collect()
    };
    if !advance(score, region, state, (&direction, &image), (f64::MAX, 0.0)) {
        return false;
    }
    // A bound that is reached is reached exactly, so that the asset counts as being there.
    for asset in [grow, shrink] {
        for bound in [region.lower[asset], region.upper[asset]] {
            if (state.weights[asset] - bound).abs() < 1e-15 {
                state.weights[asset] = bound;
            }
        }
    }
    true
}

/// The assets most worth growing, each with those least worth holding.
fn pairs(
    score: &Score,
    region: &Region,
    state: &State,
    (gradient, fee): (&[f64], f64),
    candidates: usize,
) -> Vec<(usize, usize)> {
    let rate = |asset: usize| fee * score.rates().map_or(0.0, |rates| rates[asset]);
    let mut up: Vec<(f64, usize)> = Vec::new();
    let mut down: Vec<(f64, usize)> = Vec::new();
    for asset in 0..score.assets() {
        let (weight, held) = (state.weights[asset], score.holdings[asset]);
        if weight < region.upper[asset] {
            let charge = if weight >= held { rate(asset) } else { -rate(asset) };
            up.push((gradient[asset] - charge, asset));
        }
        if weight > region.lower[asset] {
            let charge = if weight > held { -rate(asset) } else { rate(asset) };
            down.push((gradient[asset] + charge, asset));
        }
    }
    up.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    down.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    up.truncate(candidates);
    down.truncate(candidates);
    up.iter()
        .flat_map(|grow| down.iter().map(move |shrink| (grow, shrink)))
        .filter(|(grow, shrink)| grow.0 > shrink.0 && grow.1 != shrink.1)
        .map(|(grow, shrink)| (grow.1, shrink.1))
        .collect()
}

/// The last digits of an answer: exchanges and gradients from an interior-point solution.
pub(super) fn polish(case: &Case<'_>, weights: Vec<f64>) -> Vec<f64> {
    const EXCHANGES: usize = 40;
    const GRADIENTS: usize = 40;
    let score = &case.score;
    if matches!(score.objective, Objectives::TargetReturn { .. } | Objectives::TargetRisk { .. }) {
        return weights;
    }
    let mut state = score.state(weights);
    exchange(score, &case.region, &mut state, EXCHANGES);
    if !score.is_scenario() {
        state = descend(score, &case.region, state, GRADIENTS, 0.0);
    }
    state.weights
}

fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |most, value| most.max(value.abs()))
}
