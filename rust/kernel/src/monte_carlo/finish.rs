//! After the merge: refinement of the best portfolios, and the answer to each objective.

use super::{MonteCarlo, MonteCarloOptions};
use crate::batch::{ScaledProblem, normalise};
use crate::error::{Error, Result};
use crate::portfolio::{Fallback, FrontierPoint, Label, Method, Objective, Portfolio};
use crate::problem::{self, Bounds, DEFAULT_SHRINKAGE, Problem};
use crate::refine::{PaddedProblem, State, Target, refine};
use crate::sketch::{Axes, FrontierSketch};

/// Fractions at which neighbours on the frontier are recombined.
const BETWEEN: [f64; 3] = [0.25, 0.5, 0.75];

/// Refines the merged sketch of a run (if asked to) and gives the best portfolio for each objective.
///
/// # Errors
/// A sketch of another problem, or of no portfolio.
pub fn finish(problem: &Problem, sketch: FrontierSketch, options: &MonteCarloOptions) -> Result<MonteCarlo> {
    let scaled = ScaledProblem::new(problem);
    sketch.require_axes(&Axes::new(&scaled))?;
    finish_run(problem, &scaled, sketch, options)
}

/// [`finish`] for a sketch that is known to belong to the problem.
pub(super) fn finish_run(
    problem: &Problem,
    scaled: &ScaledProblem,
    mut sketch: FrontierSketch,
    options: &MonteCarloOptions,
) -> Result<MonteCarlo> {
    if sketch.portfolios() == 0 {
        return Err(Error::Empty { parameter: "sketch" });
    }
    if options.refine {
        refine_sketch(scaled, &mut sketch);
    }
    let answers = Answers { problem, scaled, sketch: &sketch, refine: options.refine };
    let points = sketch.entries().map(|entry| point(problem, entry.weights.clone())).collect();
    Ok(MonteCarlo {
        portfolios: answers.portfolios(),
        frontier: efficient(points),
        samples: sketch.portfolios(),
    })
}

/// Refines the best portfolios for each target, and what lies between neighbours on the frontier.
fn refine_sketch(problem: &ScaledProblem, sketch: &mut FrontierSketch) {
    let mut number = FrontierSketch::REFINED;
    let padded = PaddedProblem::new(problem);
    let states = refine_elites(&padded, sketch);
    for state in &states {
        sketch.offer(number, state.score, state.weights());
        number += 1;
    }
    // From the least risk (second) over falling risk aversion to the least averse.
    let path: Vec<&State> = states[1..2].iter().chain(states[2..].iter().rev()).collect();
    for pair in path.windows(2) {
        for fraction in BETWEEN {
            let weights = pair[0].weights().iter().zip(pair[1].weights());
            let state = State::new(&padded, weights.map(|(a, b)| a + fraction * (b - a)).collect());
            sketch.offer(number, state.score, state.weights());
            number += 1;
        }
    }
}

/// The refined portfolios of a sketch: largest Sharpe ratio, least variance, then by rising risk aversion.
pub(super) fn refine_elites(problem: &PaddedProblem<'_>, sketch: &FrontierSketch) -> Vec<State> {
    let mut pool: Vec<State> =
        sketch.special().map(|entry| State::new(problem, entry.weights.clone())).collect();
    let elites = pool.len();
    let aversions = sketch.axes().aversions().iter().map(|&aversion| Target::Utility { aversion });
    for target in [Target::MaxSharpe, Target::MinVariance].into_iter().chain(aversions) {
        let mut best = best_of(&pool, target)
            .cloned()
            .unwrap_or_else(|| State::new(problem, nearest_to_equal(problem.scaled().bounds())));
        for elite in &pool[..elites] {
            let _ = best.recombine(problem, target, elite);
        }
        pool.push(refine(problem, target, best));
    }
    pool.split_off(elites)
}

/// The first of the portfolios that none is better than.
fn best_of(pool: &[State], target: Target) -> Option<&State> {
    pool.iter().reduce(
        |best, state| {
            if target.value(state.score) > target.value(best.score) { state } else { best }
        },
    )
}

/// What the answers are made from.
struct Answers<'a> {
    problem: &'a Problem,
    scaled: &'a ScaledProblem,
    sketch: &'a FrontierSketch,
    refine: bool,
}

impl Answers<'_> {
    fn portfolios(&self) -> Vec<Portfolio> {
        if let Some(reason) = trivial(self.problem) {
            let weights = nearest_to_equal(self.problem.bounds());
            return Objective::LIVE
                .map(|objective| self.portfolio(objective, weights.clone(), Label::Fallback(reason)))
                .to_vec();
        }
        let riskless = self
            .sketch
            .min_risk()
            .is_some_and(|entry| is_riskless(self.scaled, entry.variance, &entry.weights));
        let shrunk = riskless.then(|| self.regular_stand_in());
        let label = if riskless { Label::Fallback(Fallback::Singular) } else { Label::Ok };
        let best = |target| match &shrunk {
            Some(shrunk) => self.best_under(shrunk, target),
            None => self.best(target),
        };
        let positive = largest_excess(self.scaled) > 0.0;
        let of = |objective| match objective {
            Objective::MaxSharpe if positive => self.portfolio(objective, best(Target::MaxSharpe), label),
            Objective::MaxSharpe => {
                let label = Label::Fallback(Fallback::NoPositiveExcessMean);
                self.portfolio(objective, best(Target::MinVariance), label)
            }
            _ => self.portfolio(objective, best(Target::MinVariance), label),
        };
        Objective::LIVE.map(of).to_vec()
    }

    /// The problem with a covariance that leaves no riskless portfolio: the shrunk one, where that will do.
    fn regular_stand_in(&self) -> ScaledProblem {
        let shrunk = ScaledProblem::with_covariance(self.problem, &self.problem.shrunk_covariance());
        let padded = PaddedProblem::new(&shrunk);
        let start = State::new(&padded, nearest_to_equal(self.problem.bounds()));
        let least = refine(&padded, Target::MinVariance, start);
        if !is_riskless(&shrunk, least.score.variance, least.weights()) {
            return shrunk;
        }
        last_resort(self.problem)
    }

    fn best(&self, target: Target) -> Vec<f64> {
        let best = match target {
            Target::MaxSharpe => self.sketch.max_sharpe(),
            Target::MinVariance | Target::Utility { .. } => self.sketch.min_risk(),
        };
        best.map_or_else(|| nearest_to_equal(self.problem.bounds()), |entry| entry.weights.clone())
    }

    /// The best of the sketch's portfolios under another covariance.
    fn best_under(&self, problem: &ScaledProblem, target: Target) -> Vec<f64> {
        let padded = PaddedProblem::new(problem);
        let pool: Vec<State> =
            self.sketch.entries().map(|entry| State::new(&padded, entry.weights.clone())).collect();
        match best_of(&pool, target) {
            Some(best) if self.refine => refine(&padded, target, best.clone()).weights().to_vec(),
            Some(best) => best.weights().to_vec(),
            None => nearest_to_equal(self.problem.bounds()),
        }
    }

    fn portfolio(&self, objective: Objective, weights: Vec<f64>, label: Label) -> Portfolio {
        portfolio(self.problem, objective, weights, label)
    }
}

/// What is answered with, under the problem's own moments.
pub(super) fn portfolio(
    problem: &Problem,
    objective: Objective,
    weights: Vec<f64>,
    label: Label,
) -> Portfolio {
    let worth = problem.evaluate(&weights);
    Portfolio {
        objective,
        method: Method::MonteCarlo,
        mean: worth.mean,
        risk: worth.risk,
        sharpe: worth.sharpe.filter(|sharpe| sharpe.is_finite()),
        gap: None,
        label,
        weights,
    }
}

/// The problem with a covariance that leaves no riskless portfolio whatever it was: the least variance is a tenth
/// of what the identity would have.
pub(super) fn last_resort(problem: &Problem) -> ScaledProblem {
    let covariance = problem.covariance();
    let typical = covariance.trace() / problem.assets() as f64;
    ScaledProblem::with_covariance(problem, &covariance.shrunk(DEFAULT_SHRINKAGE, typical))
}

/// Why there is nothing to choose, if so.
pub(super) fn trivial(problem: &Problem) -> Option<Fallback> {
    if problem.assets() == 1 {
        return Some(Fallback::SingleAsset);
    }
    (problem.covariance().trace() <= 0.0).then_some(Fallback::ZeroVariance)
}

/// Whether a portfolio of this variance, rescaled, counts as having no risk.
pub(super) fn is_riskless(problem: &ScaledProblem, variance: f64, weights: &[f64]) -> bool {
    problem::is_riskless(variance, problem.covariance().trace() / problem.assets() as f64, weights)
}

/// The largest excess mean of a feasible portfolio, rescaled.
pub(super) fn largest_excess(problem: &ScaledProblem) -> f64 {
    crate::matrix::dot(problem.excess(), &problem.bounds().greedy_fill(problem.excess()))
}

/// The efficient ones of the points, by risk: none has both less risk and a larger mean.
pub(super) fn efficient(mut points: Vec<FrontierPoint>) -> Vec<FrontierPoint> {
    points.sort_by(|a, b| a.risk.total_cmp(&b.risk).then(b.mean.total_cmp(&a.mean)));
    let mut most = f64::NEG_INFINITY;
    points.retain(|point| {
        let efficient = point.mean > most;
        most = most.max(point.mean);
        efficient
    });
    points
}

pub(super) fn point(problem: &Problem, weights: Vec<f64>) -> FrontierPoint {
    let worth = problem.evaluate(&weights);
    FrontierPoint { risk: worth.risk, mean: worth.mean, weights }
}

/// The feasible weights nearest to equal ones: each is the same number, or the bound next to it.
pub(super) fn nearest_to_equal(bounds: &Bounds) -> Vec<f64> {
    const HALVINGS: usize = 128;
    let clamped = |level: f64| {
        let pairs = bounds.lower().iter().zip(bounds.upper());
        pairs.map(|(&low, &high)| level.clamp(low, high)).collect::<Vec<f64>>()
    };
    let mut least = bounds.lower().iter().copied().fold(0.0, f64::min);
    let mut most = bounds.upper().iter().copied().fold(1.0, f64::max);
    for _ in 0..HALVINGS {
        let middle = 0.5 * (least + most);
        if clamped(middle).iter().sum::<f64>() < 1.0 { least = middle } else { most = middle }
    }
    let mut weights = clamped(0.5 * (least + most));
    normalise(bounds, &mut weights);
    weights
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_to_equal_fills_up_what_bounds_cut_off() {
        let bounds = Bounds::new(vec![0.0, 0.5, 0.0], vec![0.1, 1.0, 1.0]).unwrap();
        let weights = nearest_to_equal(&bounds);
        for (weight, expected) in weights.iter().zip([0.1, 0.5, 0.4]) {
            assert!((weight - expected).abs() < 1e-15, "{weights:?}");
        }
        let equal = nearest_to_equal(&Bounds::long_only(7));
        assert!(equal.iter().all(|weight| (weight - 1.0 / 7.0).abs() < 1e-15));
    }
}
