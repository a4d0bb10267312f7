//! Every objective under every constraint: exactly where a method exists, by search always.
//!
//! [`solve`] gives the exact portfolio, or none where there is no exact method; [`search`] gives the best portfolio
//! a Monte Carlo search finds, and never sees an exact answer: [`Goal::gap`] tells afterwards how far it is from
//! one. Means are after fees. An infeasible problem is an [`Error::Conflict`](crate::Error::Conflict) that names
//! the constraints in each other's way; a degenerate one is answered with a [`Label`].
//!
//! ```
//! use silverbullet_kernel::constrained::{SearchOptions, search, solve};
//! use silverbullet_kernel::{Constraints, Goal, Problem, SymmetricMatrix};
//!
//! let covariance = SymmetricMatrix::from_lower(3, |row, column| if row == column { 4e-4 } else { 1e-4 });
//! let problem = Problem::new(vec![2e-3, 1e-3, 1e-3], covariance, 250)?;
//! let constraints = Constraints::none(3).with_group("first two", &[0, 1], 0.0, 0.5)?;
//! let goal = Goal::max_sharpe();
//! let best = solve(&problem, &constraints, &goal)?.expect("max-sharpe has an exact method");
//! assert!((best.weights[2] - 0.5).abs() < 1e-9);
//! let found = search(&problem, &constraints, &goal, &SearchOptions::default())?;
//! assert!(goal.gap(&problem, &constraints, &best.weights, &found.weights).is_some_and(|gap| gap < 1e-6));
//! # Ok::<(), silverbullet_kernel::Error>(())
//! ```

mod branch;
mod case;
mod descent;
mod line;
mod optimum;
mod parity;
mod sampling;
mod score;
mod searching;
mod smooth;
mod support;
mod targets;

pub use searching::SearchOptions;

use crate::constraints::Constraints;
use crate::error::Result;
use crate::exact;
use crate::objective::{Aim, Goal};
use crate::portfolio::{Fallback, Label, Method, Portfolio};
use crate::problem::Problem;
use case::Case;

/// The optimal portfolio, with gap zero where its label is ok; `None` where no exact method exists: risk parity
/// where equal shares of the risk are not feasible, a maximum number of assets or a minimum position that a bounded
/// number of branches does not settle.
///
/// # Errors
/// Constraints, holdings or scenarios for another number of assets; constraints or targets in conflict.
pub fn solve(problem: &Problem, constraints: &Constraints, goal: &Goal) -> Result<Option<Portfolio>> {
    if constraints.is_empty()
        && constraints.assets() == problem.assets()
        && let Some(found) = within_bounds(problem, goal)
    {
        return Ok(Some(found));
    }
    let case = Case::new(problem, constraints, goal)?;
    let found = if constraints.is_combinatorial() { branch::optimum(&case) } else { optimum::optimum(&case) };
    Ok(found.map(|(weights, converged)| {
        let label = match case.label {
            Label::Ok if !converged => Label::Fallback(Fallback::NotConverged),
            label => label,
        };
        portfolio(&case, Method::Exact, weights, label)
    }))
}

/// The answer of the [`exact`] solvers for bounds alone, a thousand times as fast; `None` where they have none or
/// refuse, so that a conflict is named in one way.
fn within_bounds(problem: &Problem, goal: &Goal) -> Option<Portfolio> {
    let optimum = match *goal.aim() {
        Aim::MaxSharpe | Aim::MinVariance => return Some(exact::solve(problem, goal.objective())),
        Aim::Utility { aversion } => exact::utility(problem, aversion),
        Aim::TargetReturn { mean } => exact::target_return(problem, mean),
        Aim::TargetRisk { risk } => exact::target_risk(problem, risk),
        _ => return None,
    };
    let optimum = optimum.ok().filter(|optimum| optimum.label.is_ok())?;
    Some(Portfolio {
        objective: goal.objective(),
        method: Method::Exact,
        mean: optimum.mean,
        risk: optimum.risk,
        sharpe: optimum.sharpe.filter(|sharpe| sharpe.is_finite()),
        gap: Some(0.0),
        label: optimum.label,
        weights: optimum.weights,
    })
}

/// The best portfolio that a search over `options.samples` drawn portfolios and as many moves finds. A function of
/// the problem, the seed and the number of samples. The gap is left open: it takes the exact optimum.
///
/// # Errors
/// As [`solve`]; no samples.
pub fn search(
    problem: &Problem,
    constraints: &Constraints,
    goal: &Goal,
    options: &SearchOptions,
) -> Result<Portfolio> {
    options.check()?;
    let mut case = Case::new(problem, constraints, goal)?;
    let mut weights = searching::search(&case, options)?;
    if case.label.is_ok() && matches!(goal.aim(), Aim::MaxSharpe) && !case.has_gain(&weights) {
        // Only without the choice of assets is there a positive excess mean.
        case.fall_back_to_least_risk();
        weights = searching::search(&case, options)?;
    }
    let label = case.label;
    Ok(portfolio(&case, Method::MonteCarlo, weights, label))
}

fn portfolio(case: &Case<'_>, method: Method, weights: Vec<f64>, label: Label) -> Portfolio {
    let worth = case.problem.evaluate(&weights);
    let mean = worth.mean - case.constraints.fees(&weights);
    let sharpe = (worth.risk > 0.0).then(|| (mean - case.problem.risk_free()) / worth.risk);
    Portfolio {
        objective: case.goal.objective(),
        method,
        mean,
        risk: worth.risk,
        sharpe: sharpe.filter(|sharpe| sharpe.is_finite()),
        gap: (method == Method::Exact && label.is_ok()).then_some(0.0),
        label,
        weights,
    }
}
