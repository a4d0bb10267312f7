//! First-order bounds: how far a portfolio can be from an optimum that nobody has seen.
//!
//! For any portfolio w of variance v and any t ≥ 0 let F(t) = max over feasible x of (μ − tΣw)·x, which greedy
//! filling computes. By Cauchy and Schwarz (Σw)·x ≤ √v·σₓ, so that each feasible x of mean m and risk σ lies on or
//! above a line in their plane:
//!
//! σ ≥ (m − F(t)) / (t√v).
//!
//! It touches the frontier where w is on it and t is its slope. The same with −Σw alone gives the least risk, σ ≥
//! min (Σw)·x / √v, and a line through the origin (F(t) ≤ 0) the largest Sharpe ratio, t√v. These are the
//! duality gaps of Frank & Wolfe (1956), taken of the risk instead of the variance, which makes them tighter. All
//! bounds allow for the rounding of Σw. Means are excess means, in rescaled units.

use super::padded::{PaddedProblem, WIDTH, dot};
use super::{State, Workspace};

/// Newton steps towards the smallest t with F(t) ≤ 0; it is piecewise linear, so that few are needed.
const NEWTON_STEPS: usize = 12;
/// By how much a Newton step is lengthened, so that it ends where F is not positive despite rounding.
const OVERSTEP: f64 = 1.0 + 1e-6;

/// A line in the plane of mean and risk that no feasible portfolio lies below.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct RiskLine {
    /// F(t): the mean at which the line crosses zero risk.
    intercept: f64,
    /// Risk for each unit of mean, 1/(t√v).
    slope: f64,
}

impl RiskLine {
    /// The least risk that a portfolio of this mean can have.
    pub(crate) fn at(self, mean: f64) -> f64 {
        (self.slope * (mean - self.intercept)).max(0.0)
    }
}

/// The largest value of a linear function over the feasible set.
#[derive(Debug, Clone, Copy)]
struct Support {
    value: f64,
    /// (Σw)·x of the x that attains it.
    product: f64,
}

impl Workspace {
    /// The line for `state` at t.
    pub(crate) fn risk_line(&mut self, problem: &PaddedProblem<'_>, state: &State, t: f64) -> RiskLine {
        let support = self.support(problem, state, 1.0, t);
        let slope = 1.0 / (t * state.score.variance.sqrt());
        let intercept = support.value + problem.rounding(1.0, t);
        if slope.is_finite() && intercept.is_finite() {
            RiskLine { intercept, slope }
        } else {
            RiskLine { intercept: 0.0, slope: 0.0 }
        }
    }

    /// A lower bound on the least risk there is.
    pub(crate) fn least_risk(&mut self, problem: &PaddedProblem<'_>, state: &State) -> f64 {
        let support = self.support(problem, state, 0.0, 1.0);
        let least = -support.value - problem.rounding(0.0, 1.0);
        let bound = least / state.score.variance.sqrt();
        if bound.is_finite() { bound.max(0.0) } else { 0.0 }
    }

    /// An upper bound on the largest ratio of excess mean to risk, if `state` gives one; `least_risk` is a lower
    /// bound on the least risk there is, or zero.
    pub(crate) fn largest_sharpe(
        &mut self,
        problem: &PaddedProblem<'_>,
        state: &State,
        least_risk: f64,
    ) -> Option<f64> {
        let risk = state.score.variance.sqrt();
        let mut t = (state.score.mean / state.score.variance).max(0.0);
        let mut best = f64::INFINITY;
        for _ in 0..NEWTON_STEPS {
            let support = self.support(problem, state, 1.0, t);
            let excess = support.value + problem.rounding(1.0, t);
            if excess <= 0.0 {
                best = best.min(t * risk);
                break;
            }
            // μ·x ≤ t(Σw)·x + F(t) ≤ t√v·σₓ + F(t), divided by σₓ.
            best = best.min(t * risk + excess / least_risk);
            if !(support.product > 0.0 && t.is_finite()) {
                break;
            }
            t += OVERSTEP * excess / support.product;
        }
        best.is_finite().then_some(best)
    }

    /// max over feasible x of (p·μ − q·Σw)·x
    fn support(
        &mut self,
        problem: &PaddedProblem<'_>,
        state: &State,
        mean_factor: f64,
        risk_factor: f64,
    ) -> Support {
        for (octet, values) in self.value.iter_mut().enumerate() {
            for lane in 0..WIDTH {
                values[lane] =
                    mean_factor * problem.excess[octet][lane] - risk_factor * state.product[octet][lane];
            }
        }
        let assets = problem.assets();
        let (values, product) =
            (&self.value.as_flattened()[..assets], &state.product.as_flattened()[..assets]);
        let mut support =
            Support { value: dot(&self.value, &problem.lower), product: dot(&state.product, &problem.lower) };
        let budget = problem.budget();
        if !problem.capped() {
            let best =
                (0..assets).reduce(|best, asset| if values[asset] > values[best] { asset } else { best });
            if let Some(best) = best {
                support.value += budget * values[best];
                support.product += budget * product[best];
            }
            return support;
        }
        self.order.sort_unstable_by(|&a, &b| values[b].total_cmp(&values[a]).then(a.cmp(&b)));
        let (lower, upper) = (problem.lower.as_flattened(), problem.upper.as_flattened());
        let mut left = budget;
        for &asset in &self.order {
            let step = (upper[asset] - lower[asset]).min(left);
            support.value += step * values[asset];
            support.product += step * product[asset];
            left -= step;
            if left <= 0.0 {
                break;
            }
        }
        support
    }
}
