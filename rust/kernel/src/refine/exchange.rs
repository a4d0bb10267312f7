//! Pairwise exchanges: w + t·(eᵢ − eⱼ), each the best of its kind, each in O(N).
//!
//! The asset i to grow has the largest marginal value; the asset j to shrink is that with which the exchange gains
//! most, judged by slope and curvature (working set selection by second-order information: Fan, Chen & Lin,
//! JMLR 6, 2005). A move is three passes over the assets: the gain with each j, the place of the largest, and
//! Σw brought up to date together with the marginal values that the next move chooses from. Bounds enter as
//! numbers that are added, not as branches.

use super::line::exact_step;
use super::padded::{Octet, PaddedProblem, WIDTH, ZEROS, fold};
use super::{NO_VARIANCE, State, Target};

/// The first-order bound on what is left to gain, relative to the value, at which there is no move worth making.
const TOLERANCE: f64 = 1e-9;

/// Room to work in, kept from one batch of moves to the next.
#[derive(Debug, Clone)]
pub(crate) struct Workspace {
    /// −∞ where a weight is at its upper bound, else 0.
    grow: Vec<Octet>,
    /// +∞ where a weight is at its lower bound, else 0.
    shrink: Vec<Octet>,
    /// Marginal value of each asset.
    pub(super) value: Vec<Octet>,
    gain: Vec<Octet>,
    /// Assets by marginal value, for bounds above.
    pub(super) order: Vec<usize>,
}

/// The largest marginal value among assets that may grow, the smallest among those that may shrink.
#[derive(Debug, Clone, Copy)]
struct Extremes {
    most: f64,
    least: f64,
}

/// A move: assets, step, and the line it goes along.
#[derive(Debug, Clone, Copy)]
struct Exchange {
    grow: usize,
    shrink: usize,
    step: f64,
    mean_slope: f64,
    risk_slope: f64,
    curvature: f64,
}

impl Workspace {
    pub(crate) fn new(problem: &PaddedProblem<'_>) -> Self {
        let zeros = vec![ZEROS; problem.octets()];
        Self {
            grow: zeros.clone(),
            shrink: zeros.clone(),
            value: zeros.clone(),
            gain: zeros,
            order: (0..problem.assets()).collect(),
        }
    }

    /// At most `limit` exchanges; returns how many were made. Fewer means that none is worth making.
    pub(super) fn exchanges(
        &mut self,
        problem: &PaddedProblem<'_>,
        target: Target,
        state: &mut State,
        limit: usize,
    ) -> usize {
        self.mark(problem, state);
        let mut extremes = self.values(problem, target, state);
        for made in 0..limit {
            if state.score.variance <= NO_VARIANCE && !matches!(target, Target::Utility { .. }) {
                return made;
            }
            let Some(exchange) = self.best(problem, target, state, extremes) else { return made };
            extremes = self.make(problem, target, state, exchange);
        }
        limit
    }

    /// Notes which weights are at their bounds.
    fn mark(&mut self, problem: &PaddedProblem<'_>, state: &State) {
        for octet in 0..problem.octets() {
            let (weights, lower, upper) =
                (&state.weights[octet], &problem.lower[octet], &problem.upper[octet]);
            for lane in 0..WIDTH {
                self.grow[octet][lane] = if weights[lane] < upper[lane] { 0.0 } else { f64::NEG_INFINITY };
                self.shrink[octet][lane] = if weights[lane] > lower[lane] { 0.0 } else { f64::INFINITY };
            }
        }
    }

    /// The marginal values of the state as it stands.
    fn values(&mut self, problem: &PaddedProblem<'_>, target: Target, state: &mut State) -> Extremes {
        self.advance(problem, target.marginal(state.score), state, None)
    }

    /// Σw moved along `exchange`, if there is one, and the marginal values after it.
    #[inline(always)]
    fn advance(
        &mut self,
        problem: &PaddedProblem<'_>,
        (mean_factor, risk_factor): (f64, f64),
        state: &mut State,
        exchange: Option<Exchange>,
    ) -> Extremes {
        let (mut most, mut least) = ([f64::NEG_INFINITY; WIDTH], [f64::INFINITY; WIDTH]);
        let octets = problem.octets();
        let (step, plus, minus) = match exchange {
            Some(Exchange { grow, shrink, step, .. }) => (step, problem.row(grow), problem.row(shrink)),
            None => (0.0, problem.row(0), problem.row(0)),
        };
        let (plus, minus) = (&plus[..octets], &minus[..octets]);
        let (product, excess) = (&mut state.product[..octets], &problem.excess[..octets]);
        let (value, grow, shrink) = (&mut self.value[..octets], &self.grow[..octets], &self.shrink[..octets]);
        for octet in 0..octets {
            // Copies, so that the compiler sees eight independent lanes and no memory that might overlap.
            let (plus, minus, excess) = (plus[octet], minus[octet], excess[octet]);
            let (grow, shrink) = (grow[octet], shrink[octet]);
            let (mut sums, mut here) = (product[octet], ZEROS);
            for lane in 0..WIDTH {
                sums[lane] += step * (plus[lane] - minus[lane]);
                here[lane] = mean_factor * excess[lane] - risk_factor * sums[lane];
            }
            for lane in 0..WIDTH {
                most[lane] = larger(most[lane], here[lane] + grow[lane]);
                least[lane] = smaller(least[lane], here[lane] + shrink[lane]);
            }
            product[octet] = sums;
            value[octet] = here;
        }
        Extremes { most: fold(most, larger), least: fold(least, smaller) }
    }

    /// The best exchange; `None` when there is none worth making.
    fn best(
        &mut self,
        problem: &PaddedProblem<'_>,
        target: Target,
        state: &State,
        Extremes { most, least }: Extremes,
    ) -> Option<Exchange> {
        // Not a number, or infinite where nothing may grow or shrink: no move either.
        if !(most.is_finite() && least.is_finite() && most - least > TOLERANCE * target.scale(state.score)) {
            return None;
        }
        let values = self.value.as_flattened().iter().zip(self.grow.as_flattened());
        let grow = values.map(|(value, mark)| value + mark).position(|value| value == most)?;
        let (_, risk_factor) = target.marginal(state.score);
        let gain = self.gains(problem, state, grow, most, risk_factor.max(0.0));
        if gain.is_nan() || gain <= 0.0 {
            return None;
        }
        let shrink = self.gain.as_flattened().iter().position(|&value| value == gain)?;
        let curvature = curvature(problem, grow, shrink);
        let (excess, product) = (problem.excess.as_flattened(), state.product.as_flattened());
        let mean_slope = excess[grow] - excess[shrink];
        let risk_slope = product[grow] - product[shrink];
        let room = room_above(problem, state, grow).min(room_below(problem, state, shrink));
        let step = exact_step(target, state.score, (mean_slope, risk_slope), curvature, room);
        (step > 0.0).then_some(Exchange { grow, shrink, step, mean_slope, risk_slope, curvature })
    }

    /// What an exchange of each asset for `grow`, whose marginal value is `most`, gains; returns the largest gain.
    #[inline(always)]
    fn gains(
        &mut self,
        problem: &PaddedProblem<'_>,
        state: &State,
        grow: usize,
        most: f64,
        risk_factor: f64,
    ) -> f64 {
        let octets = problem.octets();
        let room = room_above(problem, state, grow);
        let own = problem.diagonal.as_flattened()[grow];
        let (row, diagonal) = (&problem.row(grow)[..octets], &problem.diagonal[..octets]);
        let (weights, lower) = (&state.weights[..octets], &problem.lower[..octets]);
        let (value, gain) = (&self.value[..octets], &mut self.gain[..octets]);
        let mut best = ZEROS;
        for octet in 0..octets {
            let (value, row, diagonal) = (value[octet], row[octet], diagonal[octet]);
            let (weights, lower) = (weights[octet], lower[octet]);
            let (mut difference, mut limit, mut bend) = (ZEROS, ZEROS, ZEROS);
            for lane in 0..WIDTH {
                difference[lane] = larger(most - value[lane], 0.0);
                limit[lane] = smaller(room, weights[lane] - lower[lane]);
                bend[lane] = risk_factor * larger(own + diagonal[lane] - 2.0 * row[lane], 0.0);
            }
            let mut gained = ZEROS;
            for lane in 0..WIDTH {
                // Without curvature the quotient is infinite, or not a number, and the limit stands.
                let step = smaller(limit[lane], difference[lane] / bend[lane]);
                gained[lane] = step * (difference[lane] - 0.5 * bend[lane] * step);
            }
            for lane in 0..WIDTH {
                best[lane] = larger(best[lane], gained[lane]);
            }
            gain[octet] = gained;
        }
        fold(best, larger)
    }

    /// Makes an exchange and gives the extremes after it.
    fn make(
        &mut self,
        problem: &PaddedProblem<'_>,
        target: Target,
        state: &mut State,
        exchange: Exchange,
    ) -> Extremes {
        let Exchange { grow, shrink, step, mean_slope, risk_slope, curvature } = exchange;
        let (above, below) = (room_below(problem, state, shrink), room_above(problem, state, grow));
        let (lower, upper) = (problem.lower.as_flattened(), problem.upper.as_flattened());
        let weights = state.weights.as_flattened_mut();
        // A bound that is reached is reached exactly, so that the asset counts as being there.
        weights[grow] = if step == below { upper[grow] } else { weights[grow] + step };
        weights[shrink] = if step == above { lower[shrink] } else { weights[shrink] - step };
        let (grow_marks, shrink_marks) = (self.grow.as_flattened_mut(), self.shrink.as_flattened_mut());
        for asset in [grow, shrink] {
            grow_marks[asset] = if weights[asset] < upper[asset] { 0.0 } else { f64::NEG_INFINITY };
            shrink_marks[asset] = if weights[asset] > lower[asset] { 0.0 } else { f64::INFINITY };
        }
        state.score.mean += step * mean_slope;
        state.score.variance = (state.score.variance + step * (2.0 * risk_slope + step * curvature)).max(0.0);
        self.advance(problem, target.marginal(state.score), state, Some(exchange))
    }
}

/// How far the weight of `asset` may rise.
fn room_above(problem: &PaddedProblem<'_>, state: &State, asset: usize) -> f64 {
    problem.upper.as_flattened()[asset] - state.weights.as_flattened()[asset]
}

/// How far the weight of `asset` may fall.
fn room_below(problem: &PaddedProblem<'_>, state: &State, asset: usize) -> f64 {
    state.weights.as_flattened()[asset] - problem.lower.as_flattened()[asset]
}

/// dᵀΣd along d = eᵢ − eⱼ.
fn curvature(problem: &PaddedProblem<'_>, plus: usize, minus: usize) -> f64 {
    let covariance = problem.scaled().covariance();
    (covariance.diagonal(plus) + covariance.diagonal(minus) - 2.0 * covariance.get(plus, minus)).max(0.0)
}

/// The larger of two; the first where they cannot be compared. One instruction, unlike `f64::max`.
#[inline(always)]
fn larger(a: f64, b: f64) -> f64 {
    if b > a { b } else { a }
}

#[inline(always)]
fn smaller(a: f64, b: f64) -> f64 {
    if b < a { b } else { a }
}
