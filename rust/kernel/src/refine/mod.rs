//! Refinement: portfolios are recombined and pushed along their marginal contributions to the optimum.
//!
//! A move exchanges weight between two assets, w + t·(eᵢ − eⱼ), with the exact line search for t; so the sum of
//! the weights never changes and the bounds are kept. With Σw kept up to date a move costs O(N). The asset to grow
//! has the largest marginal value; the one to shrink is that with which the exchange gains most (working set
//! selection by second-order information: Fan, Chen & Lin, JMLR 6, 2005). The search knows the problem and its
//! own portfolios only, never an exact solution.

mod line;

use line::exact_step;

use crate::batch::{ScaledProblem, Score};
use crate::matrix::dot;

/// Moves per asset after which refinement stops, converged or not.
const MOVES_PER_ASSET: usize = 100;
/// Moves per asset after which Σw, mean and variance are computed afresh, so that rounding cannot drift.
const MOVES_PER_RENEWAL: usize = 4;
/// The first-order bound on what is left to gain, relative to the value, at which refinement is done.
const TOLERANCE: f64 = 1e-9;
/// Variance, in rescaled units, that is zero to rounding.
pub(crate) const NO_VARIANCE: f64 = 1e-15;

/// What a portfolio is refined for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Target {
    /// The least variance.
    MinVariance,
    /// The largest ratio of excess mean to risk; a mean that is not positive is first replaced.
    MaxSharpe,
    /// The largest m − a·v in rescaled units.
    Utility {
        /// a
        aversion: f64,
    },
}

impl Target {
    /// What is maximised.
    pub(crate) fn value(self, score: Score) -> f64 {
        match self {
            Self::MinVariance => -score.variance,
            Self::MaxSharpe => {
                let floor = score.variance.max(f64::MIN_POSITIVE);
                score.mean * score.mean.abs() / floor
            }
            Self::Utility { aversion } => score.mean - aversion * score.variance,
        }
    }

    /// The factors (p, q) with which p·μᵢ − q·(Σw)ᵢ is proportional to the derivative by wᵢ; q·dᵀΣd is then the
    /// curvature along d in the same unit.
    fn marginal(self, score: Score) -> (f64, f64) {
        match self {
            Self::MinVariance => (0.0, 1.0),
            Self::MaxSharpe => (score.variance, score.mean),
            Self::Utility { aversion } => (1.0, 2.0 * aversion),
        }
    }

    /// What the largest difference of two marginal values is compared with.
    fn scale(self, score: Score) -> f64 {
        match self {
            Self::MinVariance => score.variance,
            Self::MaxSharpe => score.mean.abs() * score.variance,
            Self::Utility { aversion } => score.mean.abs().max(aversion * score.variance),
        }
    }
}

/// A portfolio with what refinement keeps up to date.
#[derive(Debug, Clone)]
pub(crate) struct State {
    pub(crate) weights: Vec<f64>,
    /// Σw
    product: Vec<f64>,
    pub(crate) score: Score,
}

impl State {
    pub(crate) fn new(problem: &ScaledProblem, mut weights: Vec<f64>) -> Self {
        problem.normalise(&mut weights);
        let mut product = vec![0.0; weights.len()];
        let score = problem.score(&weights, &mut product);
        Self { weights, product, score }
    }

    fn renew(&mut self, problem: &ScaledProblem) {
        self.score = problem.score(&self.weights, &mut self.product);
    }

    /// The best convex combination of this portfolio and `other`.
    pub(crate) fn recombine(&mut self, problem: &ScaledProblem, target: Target, other: &Self) {
        let direction: Vec<f64> = other.weights.iter().zip(&self.weights).map(|(b, a)| b - a).collect();
        let mut product = vec![0.0; direction.len()];
        problem.multiply_into(&direction, &mut product);
        let slope = (dot(problem.excess(), &direction), dot(&self.product, &direction));
        let step = exact_step(target, self.score, slope, dot(&product, &direction), 1.0);
        if step > 0.0 {
            self.weights.iter_mut().zip(&direction).for_each(|(weight, d)| *weight += step * d);
            problem.normalise(&mut self.weights);
            self.renew(problem);
        }
    }
}

/// Pushes `weights` to the optimum of `target` by pairwise exchanges.
pub(crate) fn refine(problem: &ScaledProblem, target: Target, weights: Vec<f64>) -> State {
    let mut state = State::new(problem, weights);
    if target == Target::MaxSharpe && state.score.mean <= 0.0 {
        let top = State::new(problem, problem.bounds().greedy_fill(problem.excess()));
        if top.score.mean <= 0.0 {
            return state;
        }
        state = top;
    }
    let assets = problem.assets();
    let mut before = state.clone();
    for round in 0..MOVES_PER_ASSET / MOVES_PER_RENEWAL {
        let done = (0..MOVES_PER_RENEWAL * assets).any(|_| !exchange(problem, target, &mut state));
        problem.normalise(&mut state.weights);
        state.renew(problem);
        // Rounding is all that can make a portfolio worse; then the one before stands.
        if target.value(state.score) < target.value(before.score) {
            return before;
        }
        if done && round > 0 {
            break;
        }
        before.clone_from(&state);
    }
    state
}

/// The best single exchange; false when there is none worth making.
fn exchange(problem: &ScaledProblem, target: Target, state: &mut State) -> bool {
    let score = state.score;
    if score.variance <= NO_VARIANCE && !matches!(target, Target::Utility { .. }) {
        return false;
    }
    let Some((grow, most)) = asset_to_grow(problem, target, state) else { return false };
    match asset_to_shrink(problem, target, state, grow, most) {
        Some(shrink) => transfer(problem, target, state, (grow, shrink)),
        None => false,
    }
}

/// The asset with the largest marginal value among those below their upper bound, and that value; `None` when
/// none above its lower bound has less by more than the tolerance.
fn asset_to_grow(problem: &ScaledProblem, target: Target, state: &State) -> Option<(usize, f64)> {
    let (mean_factor, risk_factor) = target.marginal(state.score);
    let limits = problem.bounds().lower().iter().zip(problem.bounds().upper());
    let rates = problem.excess().iter().zip(&state.product);
    let (mut grow, mut most, mut least) = (None, f64::NEG_INFINITY, f64::INFINITY);
    for (asset, ((weight, (lower, upper)), (excess, product))) in
        state.weights.iter().zip(limits).zip(rates).enumerate()
    {
        let value = mean_factor * excess - risk_factor * product;
        if value > most && weight < upper {
            (grow, most) = (Some(asset), value);
        }
        if value < least && weight > lower {
            least = value;
        }
    }
    let worthwhile = most - least > TOLERANCE * target.scale(state.score);
    grow.filter(|_| worthwhile).map(|asset| (asset, most))
}

/// The asset that gains most by giving weight to `grow`, whose marginal value is `most`.
fn asset_to_shrink(
    problem: &ScaledProblem,
    target: Target,
    state: &State,
    grow: usize,
    most: f64,
) -> Option<usize> {
    let (mean_factor, risk_factor) = target.marginal(state.score);
    let (lower, excess) = (problem.bounds().lower(), problem.excess());
    let room = problem.bounds().upper()[grow] - state.weights[grow];
    let (mut shrink, mut gain) = (None, 0.0);
    for (asset, (weight, lower)) in state.weights.iter().zip(lower).enumerate() {
        let difference = most - (mean_factor * excess[asset] - risk_factor * state.product[asset]);
        let limit = room.min(weight - lower);
        if difference > 0.0 && limit > 0.0 {
            let bend = risk_factor.max(0.0) * curvature(problem, grow, asset);
            let step = if difference < bend * limit { difference / bend } else { limit };
            let gained = step * (difference - 0.5 * bend * step);
            if gained > gain {
                (shrink, gain) = (Some(asset), gained);
            }
        }
    }
    shrink
}

/// dᵀΣd along d = eᵢ − eⱼ.
fn curvature(problem: &ScaledProblem, plus: usize, minus: usize) -> f64 {
    let covariance = problem.covariance();
    (covariance.diagonal(plus) + covariance.diagonal(minus) - 2.0 * covariance.get(plus, minus)).max(0.0)
}

/// Moves weight from asset `shrink` to asset `grow`, as much as the exact line search says.
fn transfer(
    problem: &ScaledProblem,
    target: Target,
    state: &mut State,
    (grow, shrink): (usize, usize),
) -> bool {
    let curvature = curvature(problem, grow, shrink);
    let above = state.weights[shrink] - problem.bounds().lower()[shrink];
    let below = problem.bounds().upper()[grow] - state.weights[grow];
    let mean_slope = problem.excess()[grow] - problem.excess()[shrink];
    let risk_slope = state.product[grow] - state.product[shrink];
    let step = exact_step(target, state.score, (mean_slope, risk_slope), curvature, above.min(below));
    if step <= 0.0 {
        return false;
    }
    // A bound that is reached is reached exactly, so that the asset counts as being there.
    state.weights[grow] =
        if step == below { problem.bounds().upper()[grow] } else { state.weights[grow] + step };
    state.weights[shrink] =
        if step == above { problem.bounds().lower()[shrink] } else { state.weights[shrink] - step };
    let (plus, minus) = (problem.covariance().row(grow), problem.covariance().row(shrink));
    for (sum, (a, b)) in state.product.iter_mut().zip(plus.iter().zip(minus)) {
        *sum += step * (a - b);
    }
    state.score.mean += step * mean_slope;
    state.score.variance = (state.score.variance + step * (2.0 * risk_slope + step * curvature)).max(0.0);
    true
}

#[cfg(test)]
mod tests;
