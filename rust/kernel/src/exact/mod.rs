//! Exact answers: the minimum-variance and the tangency portfolio, those of a given risk aversion, mean or risk,
//! and the whole efficient frontier, under box bounds.
//!
//! [`solve`], [`utility`], [`target_return`], [`target_risk`] and [`frontier`] start cold and never fail: a
//! degenerate problem gets a labelled answer; a target that no portfolio reaches is an error. Live,
//! an [`ActiveSetSolver`] answers each tick from its last active set. Everything is per bar; no result
//! depends on the unit of the returns.
//!
//! ```
//! use silverbullet_kernel::{Objective, Problem, SymmetricMatrix, exact};
//!
//! let covariance = SymmetricMatrix::from_row_major(2, vec![0.04, 0.0, 0.0, 0.01])?;
//! let problem = Problem::new(vec![0.02, 0.01], covariance, 250)?;
//! let best = exact::solve(&problem, Objective::MinVariance);
//! assert!((best.weights[0] - 0.2).abs() < 1e-12 && best.label.is_ok());
//! assert!(exact::frontier(&problem).corners.len() >= 2);
//! # Ok::<(), silverbullet_kernel::Error>(())
//! ```
mod active_set;
mod cholesky;
mod critical_line;
mod descent;
mod face;
mod frontier;
mod inverse;
mod optimum;
mod rank_one;
mod settle;
mod targets;
mod vector;

pub use active_set::{ActiveSetSolver, Solution, Start, Status};
pub use frontier::Frontier;
pub use optimum::{Optimum, target_return, target_risk, utility};
pub use rank_one::RankOne;
pub use vector::dot;

use critical_line::Corner;

use crate::matrix::SymmetricMatrix;
use crate::portfolio::{Fallback, Label, Method, Objective, Portfolio};
pub use crate::problem::RISKLESS;
use crate::problem::{self, Bounds, DEFAULT_SHRINKAGE, Problem};

/// The optimal portfolio, solved cold. Mean, risk and Sharpe ratio are those under the problem's own moments,
/// whatever the label; the gap is zero for an answer that is labelled ok and undefined for a fallback.
///
/// Fallbacks, the first that applies: one asset ([`Fallback::SingleAsset`]); no variance at all
/// ([`Fallback::ZeroVariance`]: as near to equal weights as the bounds allow); for the Sharpe ratio, no
/// feasible portfolio with a positive excess mean ([`Fallback::NoPositiveExcessMean`]: the weights of the
/// minimum-variance answer); a feasible portfolio whose variance is at most [`RISKLESS`] times the mean
/// variance ([`Fallback::Singular`]: the optimum under the shrunk covariance). An objective that is not of
/// [`Objective::LIVE`] needs more than the problem says; it gets the minimum-variance portfolio and
/// [`Fallback::ObjectiveNotLive`].
#[must_use]
pub fn solve(problem: &Problem, objective: Objective) -> Portfolio {
    let (weights, label) = match objective {
        Objective::MaxSharpe | Objective::MinVariance => optimal_weights(problem, objective),
        _ => {
            let (weights, _) = optimal_weights(problem, Objective::MinVariance);
            (weights, Label::Fallback(Fallback::ObjectiveNotLive))
        }
    };
    let evaluation = problem.evaluate(&weights);
    Portfolio {
        objective,
        method: Method::Exact,
        weights,
        mean: evaluation.mean,
        risk: evaluation.risk,
        sharpe: evaluation.sharpe.filter(|sharpe| sharpe.is_finite()),
        gap: label.is_ok().then_some(0.0),
        label,
    }
}

/// The efficient frontier from the minimum-variance portfolio to the largest attainable mean, by the critical
/// line method. Where a feasible portfolio is riskless it is that of the shrunk covariance, and labelled so.
#[must_use]
pub fn frontier(problem: &Problem) -> Frontier {
    let (mean, bounds) = (problem.mean(), problem.bounds());
    if let Some((weights, label)) = trivial(problem) {
        let only = Corner { weights, variance: 0.0 };
        return Frontier::new(mean, problem.covariance().clone(), vec![only], None, label);
    }
    let (scaled, unit) = scaled_down(problem.covariance().clone());
    let mut solver = ActiveSetSolver::new(bounds);
    let least = solver.solve_min_variance(&RankOne::plain(&scaled), Start::Cold);
    if !counts_as_riskless(&least, &scaled) {
        let corners = critical_line::corners(mean, &scaled, bounds, solver);
        return Frontier::new(mean, problem.covariance().clone(), corners, Some(unit), Label::Ok);
    }
    let (regular, _) = regular_stand_in(problem);
    solver.solve_min_variance(&RankOne::plain(&regular), Start::Cold);
    let corners = critical_line::corners(mean, &regular, bounds, solver);
    let label = Label::Fallback(Fallback::Singular);
    Frontier::new(mean, problem.covariance().clone(), corners, None, label)
}

fn optimal_weights(problem: &Problem, objective: Objective) -> (Vec<f64>, Label) {
    if let Some(answer) = trivial(problem) {
        return answer;
    }
    let (covariance, _) = scaled_down(problem.covariance().clone());
    if objective == Objective::MinVariance {
        return min_variance(problem, &covariance);
    }
    let size = problem.mean().iter().fold(problem.risk_free().abs(), |most, mean| most.max(mean.abs()));
    let unit = inverse_power_of_two(size);
    let mean: Vec<f64> = problem.mean().iter().map(|mean| mean * unit).collect();
    let risk_free = problem.risk_free() * unit;
    let mut solver = ActiveSetSolver::new(problem.bounds());
    let sharpest = |solver: &mut ActiveSetSolver, covariance: &SymmetricMatrix| {
        let solution = solver.solve_max_sharpe(&mean, risk_free, &RankOne::plain(covariance), Start::Cold);
        (solution.weights.to_vec(), solution.status)
    };
    let (weights, status) = sharpest(&mut solver, &covariance);
    if status == Status::NoPositiveExcessMean {
        let (weights, _) = min_variance(problem, &covariance);
        return (weights, Label::Fallback(Fallback::NoPositiveExcessMean));
    }
    if status == Status::Riskless || is_riskless(&covariance, problem.bounds()) {
        let (weights, _) = sharpest(&mut solver, &regular_stand_in(problem).0);
        return (weights, Label::Fallback(Fallback::Singular));
    }
    (weights, label_of(status))
}

fn min_variance(problem: &Problem, covariance: &SymmetricMatrix) -> (Vec<f64>, Label) {
    let mut solver = ActiveSetSolver::new(problem.bounds());
    let solution = solver.solve_min_variance(&RankOne::plain(covariance), Start::Cold);
    if !counts_as_riskless(&solution, covariance) {
        return (solution.weights.to_vec(), label_of(solution.status));
    }
    let (regular, _) = regular_stand_in(problem);
    let solution = solver.solve_min_variance(&RankOne::plain(&regular), Start::Cold);
    (solution.weights.to_vec(), Label::Fallback(Fallback::Singular))
}

fn label_of(status: Status) -> Label {
    match status {
        Status::Optimal => Label::Ok,
        Status::NoPositiveExcessMean => Label::Fallback(Fallback::NoPositiveExcessMean),
        Status::Riskless => Label::Fallback(Fallback::Singular),
        // A target out of reach is an error before it comes to a label.
        Status::NotConverged | Status::Unattainable => Label::Fallback(Fallback::NotConverged),
    }
}

/// The answer to a problem in which there is nothing to optimise.
fn trivial(problem: &Problem) -> Option<(Vec<f64>, Label)> {
    let bounds = problem.bounds();
    if problem.assets() == 1 {
        let weight = 1.0_f64.clamp(bounds.lower()[0], bounds.upper()[0]);
        return Some((vec![weight], Label::Fallback(Fallback::SingleAsset)));
    }
    let covariance = problem.covariance();
    if (0..covariance.order()).any(|asset| covariance.diagonal(asset) > 0.0) {
        return None;
    }
    // The least sum of squares is the least distance from equal weights.
    let identity = identity(problem.assets());
    let mut solver = ActiveSetSolver::new(bounds);
    let solution = solver.solve_min_variance(&RankOne::plain(&identity), Start::Cold);
    Some((solution.weights.to_vec(), Label::Fallback(Fallback::ZeroVariance)))
}

/// A covariance without riskless portfolios to stand in for the problem's, scaled down by the power of two beside
/// it: its shrunk one, where that will do.
fn regular_stand_in(problem: &Problem) -> (SymmetricMatrix, f64) {
    let (shrunk, unit) = scaled_down(problem.shrunk_covariance());
    if !is_riskless(&shrunk, problem.bounds()) {
        return (shrunk, unit);
    }
    let covariance = problem.covariance();
    let typical =
        (0..covariance.order()).map(|asset| covariance.diagonal(asset) / covariance.order() as f64).sum();
    // Its least variance is a tenth of what the identity would have: never riskless.
    scaled_down(covariance.shrunk(DEFAULT_SHRINKAGE, typical))
}

fn is_riskless(covariance: &SymmetricMatrix, bounds: &Bounds) -> bool {
    let mut solver = ActiveSetSolver::new(bounds);
    let solution = solver.solve_min_variance(&RankOne::plain(covariance), Start::Cold);
    counts_as_riskless(&solution, covariance)
}

fn counts_as_riskless(solution: &Solution<'_>, covariance: &SymmetricMatrix) -> bool {
    let typical = covariance.trace() / covariance.order() as f64;
    solution.status == Status::Riskless || problem::is_riskless(solution.variance, typical, solution.weights)
}

fn identity(order: usize) -> SymmetricMatrix {
    SymmetricMatrix::from_lower(order, |row, column| f64::from(u8::from(row == column)))
}

/// The matrix times a power of two that brings its largest variance near one, and that power: exact, and safe
/// from overflow and underflow.
fn scaled_down(mut covariance: SymmetricMatrix) -> (SymmetricMatrix, f64) {
    let largest = (0..covariance.order()).map(|asset| covariance.diagonal(asset)).fold(0.0, f64::max);
    let unit = inverse_power_of_two(largest);
    covariance.as_mut_slice().iter_mut().for_each(|entry| *entry *= unit);
    (covariance, unit)
}

/// A power of two near the reciprocal of `size`; one for zero.
pub(crate) fn inverse_power_of_two(size: f64) -> f64 {
    const BIAS: i64 = 1023;
    let exponent = (size.to_bits() >> 52 & 0x7ff) as i64 - BIAS;
    if size > 0.0 && size.is_finite() {
        f64::from_bits(((BIAS - exponent).clamp(1, 2 * BIAS) as u64) << 52)
    } else {
        1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_is_a_power_of_two_near_the_reciprocal() {
        assert_eq!(inverse_power_of_two(1.0), 1.0);
        assert_eq!(inverse_power_of_two(9.0), 0.125);
        assert_eq!(inverse_power_of_two(0.3), 4.0);
        for size in [0.0, f64::MIN_POSITIVE / 8.0, f64::MIN_POSITIVE, f64::MAX] {
            assert!(inverse_power_of_two(size).is_normal());
        }
    }
}
