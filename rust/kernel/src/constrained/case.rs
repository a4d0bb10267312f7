//! One question made ready: feasible, rescaled, and labelled where it is degenerate.

use super::optimum;
use super::score::{Objectives, Score};
use crate::constraints::{Constraints, Limits, Projector, Region, require_feasible};
use crate::error::{Result, require_length};
use crate::exact::RISKLESS;
use crate::matrix::{SymmetricMatrix, dot};
use crate::objective::{Aim, Goal};
use crate::portfolio::{Fallback, Label};
use crate::problem::{self, DEFAULT_SHRINKAGE, Problem};
use crate::spectrum::extreme_eigenvalues;

/// An excess mean of this little, relative to the largest, is none.
const NO_MEAN: f64 = 1e-12;

/// A question with what its answers need.
pub(super) struct Case<'a> {
    pub(super) problem: &'a Problem,
    pub(super) constraints: &'a Constraints,
    pub(super) goal: &'a Goal,
    /// The convex part of the constraints.
    pub(super) region: Region,
    /// A feasible portfolio (of the convex part, and within the targets), in the middle where there is one.
    pub(super) anchor: Vec<f64>,
    /// What is maximised, rescaled; for a degenerate question, what is maximised in its place.
    pub(super) score: Score,
    pub(super) label: Label,
}

impl<'a> Case<'a> {
    pub(super) fn new(problem: &'a Problem, constraints: &'a Constraints, goal: &'a Goal) -> Result<Self> {
        let assets = problem.assets();
        require_length("constraints", assets, constraints.assets())?;
        if let Some(scenarios) = goal.scenarios() {
            require_length("scenarios", assets, scenarios.assets())?;
        }
        let score = Score::new(problem, constraints, goal, problem.covariance());
        let mut limits = score.limits();
        let anchor = require_feasible(problem.bounds(), constraints, &limits)?;
        let region = Region::new(problem.bounds(), constraints);
        let anchor = settled(&region, anchor);
        let mut case = Self { problem, constraints, goal, region, anchor, score, label: Label::Ok };
        if let Some(fallback) = case.fallback() {
            case.label = Label::Fallback(fallback);
            case.replace(fallback);
            limits = case.score.limits();
            // A stand-in of more risk may not reach the target: then the least risk is as near as it gets.
            match require_feasible(problem.bounds(), constraints, &limits) {
                Ok(anchor) => case.anchor = settled(&case.region, anchor),
                Err(_) => case.score.objective = Objectives::MinVariance,
            }
        }
        Ok(case)
    }

    /// The same question within a smaller box; the anchor must lie within it.
    pub(super) fn within(&self, lower: Vec<f64>, upper: Vec<f64>, anchor: Vec<f64>) -> Self {
        Self {
            problem: self.problem,
            constraints: self.constraints,
            goal: self.goal,
            region: self.region.within(lower, upper),
            anchor,
            score: self.score.clone(),
            label: self.label,
        }
    }

    fn fallback(&self) -> Option<Fallback> {
        let covariance = self.problem.covariance();
        if self.problem.assets() == 1 {
            return Some(Fallback::SingleAsset);
        }
        if self.goal.scenarios().is_some() {
            return None;
        }
        if covariance.trace() <= 0.0 {
            return Some(Fallback::ZeroVariance);
        }
        if matches!(self.goal.aim(), Aim::MaxSharpe) && !self.has_positive_excess() {
            return Some(Fallback::NoPositiveExcessMean);
        }
        self.is_riskless(&self.score).then_some(Fallback::Singular)
    }

    /// Whether the portfolio has a positive excess mean.
    pub(super) fn has_gain(&self, weights: &[f64]) -> bool {
        dot(&self.score.mean, weights) - self.score.risk_free - self.score.fees(weights) > 0.0
    }

    /// For the largest Sharpe ratio where nothing has a positive one.
    pub(super) fn fall_back_to_least_risk(&mut self) {
        self.label = Label::Fallback(Fallback::NoPositiveExcessMean);
        self.replace(Fallback::NoPositiveExcessMean);
    }

    fn has_positive_excess(&self) -> bool {
        let excess = |weights: &[f64]| {
            dot(&self.score.mean, weights) - self.score.risk_free - self.score.fees(weights)
        };
        if excess(&self.anchor) > 0.0 {
            return true;
        }
        let size = self.score.mean.iter().map(|mean| (mean - self.score.risk_free).abs()).fold(0.0, f64::max);
        let highest = Score { objective: Objectives::Utility { aversion: 0.0 }, ..self.score.clone() };
        optimum::convex(&highest, &self.region, &self.anchor)
            .is_some_and(|(weights, _)| excess(&weights) > NO_MEAN * size)
    }

    /// Whether some feasible portfolio has no risk: at once no where the covariance is regular.
    fn is_riskless(&self, score: &Score) -> bool {
        let assets = score.covariance.order() as f64;
        let (smallest, _) = extreme_eigenvalues(&score.covariance);
        if smallest > RISKLESS * score.covariance.trace() {
            return false;
        }
        let least = Score { objective: Objectives::MinVariance, ..score.clone() };
        optimum::convex(&least, &self.region, &self.anchor).is_some_and(|(weights, _)| {
            let variance = score.covariance.quadratic_form(&weights);
            problem::is_riskless(variance, score.covariance.trace() / assets, &weights)
        })
    }

    /// Puts another question in the place of one that has no answer.
    fn replace(&mut self, fallback: Fallback) {
        match fallback {
            Fallback::Singular => {
                self.score = Score::new(self.problem, self.constraints, self.goal, &self.stand_in());
            }
            Fallback::ZeroVariance => {
                // The least sum of squares is the least distance from equal weights.
                let assets = self.problem.assets();
                self.score.covariance =
                    SymmetricMatrix::from_lower(assets, |row, column| f64::from(u8::from(row == column)));
                self.score.objective = Objectives::MinVariance;
            }
            Fallback::NoPositiveExcessMean => {
                self.score.objective = Objectives::MinVariance;
                if self.is_riskless(&self.score) {
                    self.score = Score::new(self.problem, self.constraints, self.goal, &self.stand_in());
                    self.score.objective = Objectives::MinVariance;
                }
            }
            _ => self.score.objective = Objectives::MinVariance,
        }
    }

    /// A covariance without riskless portfolios: the shrunk one, where that will do.
    fn stand_in(&self) -> SymmetricMatrix {
        let shrunk = self.problem.shrunk_covariance();
        if shrunk.trace() > 0.0 {
            let score = Score::new(self.problem, self.constraints, self.goal, &shrunk);
            if !self.is_riskless(&score) {
                return shrunk;
            }
        }
        let covariance = self.problem.covariance();
        let typical = covariance.trace() / covariance.order() as f64;
        covariance.shrunk(DEFAULT_SHRINKAGE, typical)
    }
}

/// The point to the last digit: a solver meets the constraints to its tolerance only.
fn settled(region: &Region, point: Vec<f64>) -> Vec<f64> {
    let nearest = Projector::new(region).project(&point, None).to_vec();
    if region.violation(&nearest) < region.violation(&point) { nearest } else { point }
}

impl Score {
    /// The targets, as far as there are any.
    fn limits(&self) -> Limits {
        let mut limits = Limits { unit: 1.0 / self.unit, ..Limits::default() };
        match self.objective {
            Objectives::TargetReturn { mean } => {
                limits.mean = Some((self.mean.clone(), self.rates.clone(), mean));
            }
            Objectives::TargetRisk { risk } => limits.risk = Some((self.factor(), risk)),
            _ => {}
        }
        limits
    }
}
