//! The problem in units of its own: excess means and variances near one, in double precision.
//!
//! The scales are powers of two, so that scaling changes no digit and results in another unit that differs by a
//! power of two have the same bits.

use crate::matrix::{SymmetricMatrix, dot};
use crate::problem::{Bounds, Problem};

/// Excess mean and covariance of one problem, rescaled, with its bounds.
#[derive(Debug, Clone)]
pub(crate) struct ScaledProblem {
    excess: Vec<f64>,
    covariance: SymmetricMatrix,
    bounds: Bounds,
    mean_scale: f64,
    variance_scale: f64,
}

/// Mean above the risk-free rate and variance of one portfolio, in the scaled problem's units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Score {
    pub(crate) mean: f64,
    pub(crate) variance: f64,
}

impl Score {
    /// m·|m|/v, which ranks as the Sharpe ratio does; `None` where there is no risk.
    pub(crate) fn signed_square_sharpe(self) -> Option<f64> {
        (self.variance > 0.0).then(|| self.mean * self.mean.abs() / self.variance)
    }
}

impl ScaledProblem {
    pub(crate) fn new(problem: &Problem) -> Self {
        Self::with_covariance(problem, problem.covariance())
    }

    /// The same problem with another covariance, for example the shrunk one.
    pub(crate) fn with_covariance(problem: &Problem, covariance: &SymmetricMatrix) -> Self {
        let excess: Vec<f64> = problem.mean().iter().map(|mean| mean - problem.risk_free()).collect();
        let mean_scale = power_of_two(excess.iter().fold(0.0, |most, mean| mean.abs().max(most)));
        let variance_scale = power_of_two(covariance.trace() / problem.assets() as f64);
        Self {
            excess: excess.iter().map(|mean| mean / mean_scale).collect(),
            covariance: SymmetricMatrix::from_lower(problem.assets(), |row, column| {
                covariance.get(row, column) / variance_scale
            }),
            bounds: problem.bounds().clone(),
            mean_scale,
            variance_scale,
        }
    }

    pub(crate) fn assets(&self) -> usize {
        self.excess.len()
    }

    pub(crate) fn excess(&self) -> &[f64] {
        &self.excess
    }

    pub(crate) fn covariance(&self) -> &SymmetricMatrix {
        &self.covariance
    }

    pub(crate) fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    pub(crate) fn mean_scale(&self) -> f64 {
        self.mean_scale
    }

    pub(crate) fn variance_scale(&self) -> f64 {
        self.variance_scale
    }

    /// `out = Σ w`, summed column by column in the order of the assets.
    pub(crate) fn multiply_into(&self, weights: &[f64], out: &mut [f64]) {
        out.fill(0.0);
        for (asset, &weight) in weights.iter().enumerate() {
            if weight != 0.0 {
                out.iter_mut()
                    .zip(self.covariance.row(asset))
                    .for_each(|(sum, entry)| *sum += weight * entry);
            }
        }
    }

    /// Mean and variance of `weights`; `product` is left holding Σw.
    pub(crate) fn score(&self, weights: &[f64], product: &mut [f64]) -> Score {
        self.multiply_into(weights, product);
        Score { mean: dot(&self.excess, weights), variance: dot(weights, product).max(0.0) }
    }

    /// Makes `weights`, which meet the constraints to the rounding of single precision, meet them to that of
    /// double precision: the part above the lower bounds is scaled to the budget, so that an asset at its lower
    /// bound stays there, and what an upper bound cuts off goes to the others in proportion to their room.
    pub(crate) fn normalise(&self, weights: &mut [f64]) {
        normalise(&self.bounds, weights);
    }
}

/// See [`ScaledProblem::normalise`].
pub(crate) fn normalise(bounds: &Bounds, weights: &mut [f64]) {
    let (lower, upper) = (bounds.lower(), bounds.upper());
    let mut above = 0.0;
    let mut budget = 1.0;
    for (weight, (&low, &high)) in weights.iter_mut().zip(lower.iter().zip(upper)) {
        *weight = weight.clamp(low, high);
        above += *weight - low;
        budget -= low;
    }
    if above > 0.0 {
        let factor = budget.max(0.0) / above;
        for (weight, (&low, &high)) in weights.iter_mut().zip(lower.iter().zip(upper)) {
            *weight = (low + (*weight - low) * factor).clamp(low, high);
        }
    }
    let left = 1.0 - weights.iter().sum::<f64>();
    let room: f64 = weights.iter().zip(upper).map(|(weight, high)| high - weight).sum();
    if left > 1e-15 && room > 0.0 {
        let share = (left / room).min(1.0);
        for (weight, (&low, &high)) in weights.iter_mut().zip(lower.iter().zip(upper)) {
            *weight = (*weight + (high - *weight) * share).clamp(low, high);
        }
    }
}

/// The largest power of two that is not above `value`; one for zero.
fn power_of_two(value: f64) -> f64 {
    const EXPONENT: u64 = 0x7ff0_0000_0000_0000;
    if value > 0.0 { f64::from_bits(value.to_bits() & EXPONENT).max(f64::MIN_POSITIVE) } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_are_powers_of_two_next_to_the_value() {
        assert_eq!(power_of_two(0.0), 1.0);
        assert_eq!(power_of_two(5.0), 4.0);
        assert_eq!(power_of_two(0.3), 0.25);
        assert_eq!(power_of_two(1e-310), f64::MIN_POSITIVE);
    }

    #[test]
    fn normalising_keeps_zeros_and_respects_upper_bounds() {
        let bounds = Bounds::new(vec![0.0, 0.1, 0.0], vec![0.4, 0.5, 1.0]).unwrap();
        let mut weights = [0.4, 0.600_001, 0.0];
        normalise(&bounds, &mut weights);
        assert!(bounds.violation(&weights) < 1e-15, "{weights:?}");
        let mut weights = [0.399_999_9, 0.3, 0.3];
        normalise(&bounds, &mut weights);
        assert!(bounds.violation(&weights) < 1e-15, "{weights:?}");
        let mut weights = [0.0, 0.4, 0.600_000_1];
        normalise(&bounds, &mut weights);
        assert_eq!(weights[0], 0.0);
        assert!(bounds.violation(&weights) < 1e-15, "{weights:?}");
    }
}
