//! What is maximised, in units in which all numbers are near one, and how it grows.

use crate::constraints::Constraints;
use crate::exact::inverse_power_of_two;
use crate::matrix::{SymmetricMatrix, dot};
use crate::objective::{Aim, Goal, parity_deviation};
use crate::problem::Problem;
use crate::risk;
use nalgebra::DMatrix;

use super::smooth;

/// Variance, in rescaled units, below which a ratio to the risk has no meaning.
const NO_VARIANCE: f64 = 1e-30;
/// Eigenvalues below this part of the largest are rounding.
const RANK: f64 = 1e-14;

/// The objectives with their parameters rescaled.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Objectives {
    MaxSharpe,
    MinVariance,
    Utility { aversion: f64 },
    TargetRisk { risk: f64 },
    TargetReturn { mean: f64 },
    MinCvar { level: f64 },
    MinDrawdown,
    MaxDiversification,
    RiskParity,
}

/// Moments, fees and scenarios, rescaled, and the objective.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Score {
    pub(super) objective: Objectives,
    pub(super) mean: Vec<f64>,
    pub(super) covariance: SymmetricMatrix,
    pub(super) rates: Option<Vec<f64>>,
    pub(super) holdings: Vec<f64>,
    pub(super) risk_free: f64,
    /// Standard deviations.
    pub(super) volatility: Vec<f64>,
    /// Scenario returns row by row, in a unit of their own; for the drawdown their running sums.
    pub(super) scenarios: Vec<f64>,
    /// What returns were multiplied with: a power of two.
    pub(super) unit: f64,
}

/// A portfolio with what is linear in its weights: Σw, the scenario returns or the path.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct State {
    pub(super) weights: Vec<f64>,
    pub(super) image: Vec<f64>,
    pub(super) value: f64,
}

impl Score {
    pub(super) fn new(
        problem: &Problem,
        constraints: &Constraints,
        goal: &Goal,
        covariance: &SymmetricMatrix,
    ) -> Self {
        let assets = problem.assets();
        let largest = (0..assets).map(|asset| covariance.diagonal(asset)).fold(0.0, f64::max);
        let unit = inverse_power_of_two(largest.max(0.0).sqrt());
        let mut scaled = covariance.clone();
        scaled.as_mut_slice().iter_mut().for_each(|entry| *entry *= unit * unit);
        let volatility = (0..assets).map(|asset| scaled.diagonal(asset).max(0.0).sqrt()).collect();
        let objective = match goal.aim() {
            Aim::MaxSharpe => Objectives::MaxSharpe,
            Aim::MinVariance => Objectives::MinVariance,
            Aim::Utility { aversion } => Objectives::Utility { aversion: aversion / unit },
            Aim::TargetRisk { risk } => Objectives::TargetRisk { risk: risk * unit },
            Aim::TargetReturn { mean } => Objectives::TargetReturn { mean: mean * unit },
            Aim::MinCvar { level, .. } => Objectives::MinCvar { level: *level },
            Aim::MinDrawdown { .. } => Objectives::MinDrawdown,
            Aim::MaxDiversification => Objectives::MaxDiversification,
            Aim::RiskParity => Objectives::RiskParity,
        };
        let path = objective == Objectives::MinDrawdown;
        Self {
            objective,
            mean: problem.mean().iter().map(|mean| mean * unit).collect(),
            covariance: scaled,
            rates: constraints.fee_rates().map(|rates| rates.iter().map(|rate| rate * unit).collect()),
            holdings: constraints.holdings().map_or_else(|| vec![0.0; assets], <[f64]>::to_vec),
            risk_free: problem.risk_free() * unit,
            volatility,
            scenarios: goal.scenarios().map_or_else(Vec::new, |of| rescaled(of.as_slice(), assets, path)),
            unit,
        }
    }

    pub(super) fn assets(&self) -> usize {
        self.mean.len()
    }

    /// Whether scenarios are measured, not moments.
    pub(super) fn is_scenario(&self) -> bool {
        matches!(self.objective, Objectives::MinCvar { .. } | Objectives::MinDrawdown)
    }

    /// The fee rates, where the objective has a mean in it.
    pub(super) fn rates(&self) -> Option<&[f64]> {
        let has_mean = matches!(
            self.objective,
            Objectives::MaxSharpe
                | Objectives::Utility { .. }
                | Objectives::TargetReturn { .. }
                | Objectives::TargetRisk { .. }
        );
        self.rates.as_deref().filter(|_| has_mean)
    }

    pub(super) fn fees(&self, weights: &[f64]) -> f64 {
        let Some(rates) = &self.rates else { return 0.0 };
        weights.iter().zip(&self.holdings).zip(rates).map(|((w, h), rate)| rate * (w - h).abs()).sum()
    }

    /// Rows of a matrix L with LᵀL = Σ, from its eigenvectors; as many as it has rank.
    pub(super) fn factor(&self) -> Vec<Vec<f64>> {
        let assets = self.assets();
        let matrix = DMatrix::from_row_slice(assets, assets, self.covariance.as_slice());
        let eigen = matrix.symmetric_eigen();
        let largest = eigen.eigenvalues.iter().copied().fold(0.0, f64::max);
        (0..assets)
            .filter(|&row| eigen.eigenvalues[row] > RANK * largest)
            .map(|row| {
                let root = eigen.eigenvalues[row].sqrt();
                eigen.eigenvectors.column(row).iter().map(|entry| root * entry).collect()
            })
            .collect()
    }

    /// What is linear in the weights and what the value is computed from.
    pub(super) fn image(&self, weights: &[f64]) -> Vec<f64> {
        if self.is_scenario() {
            return self.scenarios.chunks_exact(self.assets()).map(|row| dot(row, weights)).collect();
        }
        let mut image = vec![0.0; weights.len()];
        self.covariance.multiply_into(weights, &mut image);
        image
    }

    pub(super) fn state(&self, weights: Vec<f64>) -> State {
        let image = self.image(&weights);
        let value = self.value(&weights, &image);
        State { weights, image, value }
    }

    /// f in rescaled units; that of a target objective leaves its target out.
    pub(super) fn value(&self, weights: &[f64], image: &[f64]) -> f64 {
        match self.objective {
            Objectives::MinCvar { level } => -risk::worst_mean(&mut image.to_vec(), level),
            Objectives::MinDrawdown => -risk::drawdown_of_path(image.iter().copied()),
            Objectives::RiskParity => -parity_deviation(weights, image),
            _ => {
                let mean = dot(&self.mean, weights) - self.fees(weights);
                self.value_of(mean, dot(weights, image), dot(&self.volatility, weights))
            }
        }
    }

    /// f from mean after fees, variance and weighted volatility, where it depends on nothing else.
    pub(super) fn value_of(&self, mean: f64, variance: f64, volatility: f64) -> f64 {
        let risk = variance.max(NO_VARIANCE).sqrt();
        match self.objective {
            Objectives::MaxSharpe => (mean - self.risk_free) / risk,
            Objectives::Utility { aversion } => mean - 0.5 * aversion * variance,
            Objectives::TargetRisk { .. } => mean,
            Objectives::MaxDiversification => volatility / risk,
            _ => -risk,
        }
    }

    /// A direction of ascent for f without its fees (scaled by any positive number), and the factor with which
    /// fees enter at that scale. `smoothing` is the width over which kinks of scenario measures are rounded.
    pub(super) fn gradient(&self, state: &State, smoothing: f64, out: &mut [f64]) -> f64 {
        let State { weights, image, .. } = state;
        let combine = |out: &mut [f64], with: &[f64], factor: f64| {
            for ((out, with), product) in out.iter_mut().zip(with).zip(image) {
                *out = with - factor * product;
            }
        };
        let variance = dot(weights, image).max(NO_VARIANCE);
        match self.objective {
            Objectives::MinVariance | Objectives::TargetReturn { .. } => {
                out.iter_mut().zip(image).for_each(|(out, product)| *out = -product);
                return 0.0;
            }
            Objectives::Utility { aversion } => combine(out, &self.mean, aversion),
            Objectives::TargetRisk { .. } => out.copy_from_slice(&self.mean),
            Objectives::MaxSharpe => {
                let excess = dot(&self.mean, weights) - self.fees(weights) - self.risk_free;
                combine(out, &self.mean, excess / variance);
            }
            Objectives::MaxDiversification => {
                combine(out, &self.volatility, dot(&self.volatility, weights) / variance);
                return 0.0;
            }
            Objectives::RiskParity => {
                self.parity_gradient(weights, image, variance, out);
                return 0.0;
            }
            Objectives::MinCvar { level } => {
                let factors = smooth::tail_shares(image, level, smoothing);
                self.combine_scenarios(&factors, out);
                return 0.0;
            }
            Objectives::MinDrawdown => {
                let factors = smooth::drawdown_shares(image, smoothing);
                self.combine_scenarios(&factors, out);
                return 0.0;
            }
        }
        1.0
    }

    /// −∇½Σ(sᵢ − 1/N)²
    fn parity_gradient(&self, weights: &[f64], image: &[f64], variance: f64, out: &mut [f64]) {
        let equal = 1.0 / weights.len() as f64;
        let shares = weights.iter().zip(image).map(|(w, q)| w * q / variance);
        let off: Vec<f64> = shares.map(|share| share - equal).collect();
        let weighted: Vec<f64> = off.iter().zip(weights).map(|(off, weight)| off * weight).collect();
        let common: f64 =
            off.iter().zip(weights.iter().zip(image)).map(|(off, (w, q))| off * w * q / variance).sum();
        self.covariance.multiply_into(&weighted, out);
        for ((out, off), q) in out.iter_mut().zip(&off).zip(image) {
            *out = (2.0 * q * common - *out - off * q) / variance;
        }
    }

    fn combine_scenarios(&self, factors: &[f64], out: &mut [f64]) {
        out.fill(0.0);
        for (row, &factor) in self.scenarios.chunks_exact(self.assets()).zip(factors) {
            if factor != 0.0 {
                out.iter_mut().zip(row).for_each(|(out, value)| *out += factor * value);
            }
        }
    }
}

/// The returns times a power of two that brings the largest near one; as running sums where a path is asked for.
fn rescaled(returns: &[f64], assets: usize, path: bool) -> Vec<f64> {
    let largest = returns.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
    let unit = inverse_power_of_two(largest);
    let mut rows: Vec<f64> = returns.iter().map(|value| value * unit).collect();
    if path {
        for position in assets..rows.len() {
            rows[position] += rows[position - assets];
        }
    }
    rows
}
