//! The optimal portfolio for a given risk aversion, mean or risk, solved cold, never failing: the questions that
//! take a number of their own.

use super::active_set::{ActiveSetSolver, Solution, Start, Status};
use super::rank_one::RankOne;
use super::{counts_as_riskless, inverse_power_of_two, label_of, regular_stand_in, scaled_down, trivial};
use crate::error::{Error, Result, require_finite};
use crate::matrix::SymmetricMatrix;
use crate::portfolio::{Fallback, Label};
use crate::problem::{Evaluation, Problem};

/// Targets missed by less than this share of their size count as reached.
const ROUNDING: f64 = 1e-12;

/// An efficient portfolio and how it was labelled. Mean, risk and Sharpe ratio are per bar and under the problem's
/// own moments, whatever the label.
#[derive(Debug, Clone, PartialEq)]
pub struct Optimum {
    /// One weight an asset, within the bounds, summing to one.
    pub weights: Vec<f64>,
    /// Expected simple return.
    pub mean: f64,
    /// Standard deviation.
    pub risk: f64,
    /// (mean − risk-free) / risk; `None` where the risk is zero.
    pub sharpe: Option<f64>,
    /// Whether this answers the question asked.
    pub label: Label,
}

/// The number that a question comes with.
#[derive(Debug, Clone, Copy)]
enum Question {
    Utility { risk_aversion: f64 },
    Return { target: f64 },
    Risk { target: f64 },
}

/// The largest mean-variance utility `μ·w − λ/2 · wᵀΣw` for the risk aversion λ ≥ 0 (Markowitz 1952); for λ = 0 the
/// least risk of all portfolios with the largest mean.
///
/// Fallbacks as those of [`solve`](super::solve) for the minimum variance: a single asset, no variance at all, a
/// feasible portfolio without risk (then the answer is that of the shrunk covariance).
///
/// # Errors
/// A risk aversion that is negative or not finite.
pub fn utility(problem: &Problem, risk_aversion: f64) -> Result<Optimum> {
    require_not_negative("risk_aversion", risk_aversion)?;
    answer(problem, Question::Utility { risk_aversion })
}

/// The least risk of all portfolios whose mean is at least `mean`: the efficient portfolio of that mean, or the
/// minimum-variance portfolio where that has more. Fallbacks as those of [`utility`]; they reach the mean too.
///
/// # Errors
/// A target that is not finite, or above the largest mean that the bounds allow ([`Error::Unattainable`]).
pub fn target_return(problem: &Problem, mean: f64) -> Result<Optimum> {
    require_finite("target_return", &[mean])?;
    answer(problem, Question::Return { target: mean })
}

/// The largest mean of all portfolios whose standard deviation is at most `risk`: the efficient portfolio of that
/// risk, or that of the largest mean where it has less. Fallbacks as those of [`utility`]; where a feasible
/// portfolio is without risk the target is held under the shrunk covariance, as nearly as that can.
///
/// # Errors
/// A target that is negative or not finite, or below the least risk that the bounds allow
/// ([`Error::Unattainable`]).
pub fn target_risk(problem: &Problem, risk: f64) -> Result<Optimum> {
    require_not_negative("target_risk", risk)?;
    answer(problem, Question::Risk { target: risk })
}

fn require_not_negative(parameter: &'static str, value: f64) -> Result<()> {
    require_finite(parameter, &[value])?;
    if value < 0.0 {
        return Err(Error::OutOfRange { parameter, value, expected: "it must not be negative" });
    }
    Ok(())
}

fn answer(problem: &Problem, question: Question) -> Result<Optimum> {
    if let Some((weights, label)) = trivial(problem) {
        return trivial_answer(problem, question, weights, label);
    }
    let (own, unit) = scaled_down(problem.covariance().clone());
    let mut scaled = Scaled::new(problem, unit);
    let least = scaled.solver.solve_min_variance(&RankOne::plain(&own), Start::Cold);
    if !counts_as_riskless(&least, &own) {
        let least = least.weights.to_vec();
        let (weights, status) = scaled.solve(question, &own);
        if status == Status::Unattainable {
            let most = scaled.solver.solve_max_return(&scaled.mean, &RankOne::plain(&own)).weights.to_vec();
            return refuse(problem, question, &least, &most, (weights, Label::Ok));
        }
        return Ok(optimum(problem, weights, label_of(status)));
    }
    let singular = Label::Fallback(Fallback::Singular);
    let (regular, unit) = regular_stand_in(problem);
    scaled.covariance_unit = unit;
    let (weights, status) = scaled.solve(question, &regular);
    if status == Status::Unattainable && !matches!(question, Question::Risk { .. }) {
        return refuse(problem, question, &weights, &weights, (weights.clone(), singular));
    }
    Ok(optimum(problem, weights, singular))
}

/// A single asset, or assets without variance: as near to equal weights as the bounds and a target mean allow.
fn trivial_answer(problem: &Problem, question: Question, weights: Vec<f64>, label: Label) -> Result<Optimum> {
    let mut scaled = Scaled::new(problem, 1.0);
    let found = problem.evaluate(&weights);
    match question {
        Question::Risk { target } if found.risk > target * (1.0 + ROUNDING) => {
            refuse(problem, question, &weights, &weights, (weights.clone(), label))
        }
        Question::Return { target } if found.mean < target => {
            let identity = super::identity(problem.assets());
            let (nearest, status) = scaled.solve(question, &identity);
            if status == Status::Unattainable {
                return refuse(problem, question, &weights, &nearest, (nearest.clone(), label));
            }
            Ok(optimum(problem, nearest, label))
        }
        _ => Ok(optimum(problem, weights, label)),
    }
}

/// The solver and the problem in numbers near one: powers of two, which change no bits.
struct Scaled {
    solver: ActiveSetSolver,
    mean: Vec<f64>,
    mean_unit: f64,
    covariance_unit: f64,
}

impl Scaled {
    fn new(problem: &Problem, covariance_unit: f64) -> Self {
        let size = problem.mean().iter().fold(0.0_f64, |most, mean| most.max(mean.abs()));
        let mean_unit = inverse_power_of_two(size);
        Self {
            solver: ActiveSetSolver::new(problem.bounds()),
            mean: problem.mean().iter().map(|mean| mean * mean_unit).collect(),
            mean_unit,
            covariance_unit,
        }
    }

    /// Goes on from the last answer of the solver, where there is one.
    fn solve(&mut self, question: Question, covariance: &SymmetricMatrix) -> (Vec<f64>, Status) {
        let (solver, mean, view) = (&mut self.solver, &self.mean, RankOne::plain(covariance));
        let solution: Solution<'_> = match question {
            Question::Utility { risk_aversion } => {
                let tolerance = self.covariance_unit / self.mean_unit / risk_aversion;
                if tolerance.is_finite() {
                    solver.solve_utility(mean, tolerance, &view, Start::Warm)
                } else {
                    solver.solve_max_return(mean, &view)
                }
            }
            Question::Return { target } => {
                solver.solve_target_return(mean, target * self.mean_unit, &view, Start::Warm)
            }
            Question::Risk { target } => {
                solver.solve_target_risk(mean, target * self.covariance_unit.sqrt(), &view, Start::Warm)
            }
        };
        (solution.weights.to_vec(), solution.status)
    }
}

/// The error of a target out of reach; `weights` where the target is missed by rounding only.
fn refuse(
    problem: &Problem,
    question: Question,
    least: &[f64],
    most: &[f64],
    (weights, label): (Vec<f64>, Label),
) -> Result<Optimum> {
    let (least, most) = (problem.evaluate(least), problem.evaluate(most));
    match question {
        Question::Return { target } if target > most.mean + ROUNDING * most.mean.abs() => {
            let (least, most) = (least.mean, most.mean);
            Err(Error::Unattainable { parameter: "target_return", value: target, least, most })
        }
        Question::Risk { target } if target < least.risk * (1.0 - ROUNDING) => {
            let (least, most) = (least.risk, most.risk);
            Err(Error::Unattainable { parameter: "target_risk", value: target, least, most })
        }
        _ => Ok(optimum(problem, weights, label)),
    }
}

fn optimum(problem: &Problem, weights: Vec<f64>, label: Label) -> Optimum {
    let Evaluation { mean, risk, sharpe } = problem.evaluate(&weights);
    Optimum { weights, mean, risk, sharpe: sharpe.filter(|sharpe| sharpe.is_finite()), label }
}
