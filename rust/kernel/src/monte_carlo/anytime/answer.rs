//! What a search answers with, and how far that can be from the optimum.

use super::meter::Meter;
use super::path::Path;
use super::run::Run;
use super::{Search, Stop};
use crate::matrix::dot;
use crate::monte_carlo::finish::{efficient, nearest_to_equal, point, portfolio, trivial};
use crate::portfolio::{Fallback, FrontierPoint, Label, Objective, Portfolio};
use crate::problem::Problem;
use crate::refine::{PaddedProblem, State, Workspace};

/// What two ways to evaluate a portfolio can make a gap differ by.
const ROUNDING: f64 = 1e-12;

impl Run<'_> {
    /// The answer. `stands_in` says that the covariance is another one than the problem's, which had a riskless
    /// portfolio.
    pub(super) fn answer(mut self, stop: Stop, stands_in: bool, meter: &Meter<'_>) -> Search {
        let portfolios: Vec<Portfolio> =
            Objective::LIVE.iter().map(|&objective| self.portfolio(objective, stands_in)).collect();
        let bounds = portfolios.iter().map(|portfolio| self.final_bound(portfolio)).collect();
        let frontier = self.frontier(&portfolios, stands_in);
        Search {
            bounds,
            portfolios,
            frontier,
            frontier_bound: self.path.as_ref().filter(|_| !stands_in).and_then(Path::bound),
            samples: meter.samples,
            evaluations: meter.evaluations,
            stop,
        }
    }

    /// The frontier that was asked for, as far as it has come, or else the efficient ones of what was found.
    fn frontier(&self, portfolios: &[Portfolio], stands_in: bool) -> Vec<FrontierPoint> {
        let Some(path) = &self.path else {
            let samples = self.draws.elites.iter().filter_map(|elite| elite.sample.as_ref());
            let samples = samples.map(|weights| point(self.problem, weights.clone()));
            let best = portfolios.iter().map(|portfolio| FrontierPoint {
                risk: portfolio.risk,
                mean: portfolio.mean,
                weights: portfolio.weights.clone(),
            });
            return efficient(best.chain(samples).collect());
        };
        if stands_in {
            return path.weights().map(|weights| point(self.problem, weights)).collect();
        }
        // Every point is a mixture of two portfolios, so that its risk is known without another product.
        let unit = self.padded.scaled().variance_scale().sqrt();
        let points = path.weights().zip(path.risks());
        points
            .map(|(weights, risk)| FrontierPoint {
                risk: risk * unit,
                mean: dot(self.problem.mean(), &weights),
                weights,
            })
            .collect()
    }

    fn portfolio(&self, objective: Objective, stands_in: bool) -> Portfolio {
        let label = if stands_in { Label::Fallback(Fallback::Singular) } else { Label::Ok };
        let label = trivial(self.problem).map_or(label, Label::Fallback);
        let leg = self.legs.iter().find(|leg| leg.objective == objective);
        // Without a leg of its own, the Sharpe ratio has no positive excess mean to be had.
        let (leg, label) = match (leg, self.legs.first()) {
            (None, Some(least)) => (Some(least), Label::Fallback(Fallback::NoPositiveExcessMean)),
            (leg, _) => (leg, label),
        };
        let weights = leg.and_then(|leg| leg.refiner.as_ref()).map_or_else(
            || nearest_to_equal(self.problem.bounds()),
            |refiner| refiner.state().weights().to_vec(),
        );
        portfolio(self.problem, objective, weights, label)
    }

    /// The bound on the gap of an answer, from sums computed afresh.
    fn final_bound(&mut self, portfolio: &Portfolio) -> Option<f64> {
        if !portfolio.label.is_ok() {
            return None;
        }
        let least_risk = self.least_risk();
        let state = State::new(self.padded, portfolio.weights.clone());
        bound(self.problem, self.padded, &mut self.workspace, (portfolio.objective, &state), least_risk)
    }
}

/// An upper bound on the gap of a portfolio.
pub(super) fn bound(
    problem: &Problem,
    padded: &PaddedProblem<'_>,
    workspace: &mut Workspace,
    (objective, state): (Objective, &State),
    least_risk: f64,
) -> Option<f64> {
    let risk = state.score.variance.sqrt();
    let gap = match objective {
        Objective::MinVariance => risk / workspace.least_risk(padded, state) - 1.0,
        Objective::MaxSharpe => {
            let scaled = padded.scaled();
            let unit = scaled.mean_scale() / scaled.variance_scale().sqrt();
            let most = unit * workspace.largest_sharpe(padded, state, least_risk)?;
            let uncertainty = 1.0 / (problem.observations() as f64).sqrt();
            (most - unit * state.score.mean / risk) / most.max(uncertainty)
        }
        // The search answers the objectives of each tick; there is no cheap bound on others.
        _ => return None,
    };
    gap.is_finite().then_some(gap.max(0.0) + ROUNDING)
}
