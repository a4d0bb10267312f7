//! Sixteen portfolios at a time: the layout of their weights and the evaluation of mean and variance.
//!
//! A [`Batch`] holds `weights[asset][lane]` in single precision. Lanes never meet: each does the same operations in
//! the same order, so the bits do not depend on how wide the machine's vectors are. Moments are rescaled first (mean variance and largest excess mean near one), so that
//! covariances of tick returns do not underflow.

mod scaled;

pub(crate) use scaled::{ScaledProblem, Score, normalise};

use crate::error::Result;
use crate::matrix::{SymmetricMatrix, dot};
use crate::problem::Problem;
use crate::simd::{Draw, InstructionSet, Machine, Spacings, Triangle};

/// Portfolios in a batch.
pub const LANES: usize = 16;

/// One number of each of sixteen portfolios.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C, align(64))]
pub struct Lanes(pub [f32; LANES]);

impl Lanes {
    /// Zero in each lane.
    pub const ZERO: Self = Self([0.0; LANES]);

    /// The same number in each lane.
    #[must_use]
    #[inline(always)]
    pub const fn splat(value: f32) -> Self {
        Self([value; LANES])
    }

    /// `self += factor · other`, as a multiplication and then an addition.
    #[inline(always)]
    pub(crate) fn add_scaled(&mut self, factor: f32, other: &Self) {
        for lane in 0..LANES {
            self.0[lane] += factor * other.0[lane];
        }
    }

    /// Each lane through `operation`.
    #[inline(always)]
    pub(crate) fn map(self, operation: impl Fn(f32) -> f32) -> Self {
        let mut result = Self::ZERO;
        for lane in 0..LANES {
            result.0[lane] = operation(self.0[lane]);
        }
        result
    }

    /// The lanes of two through `operation`.
    #[inline(always)]
    pub(crate) fn zip(self, other: Self, operation: impl Fn(f32, f32) -> f32) -> Self {
        let mut result = Self::ZERO;
        for lane in 0..LANES {
            result.0[lane] = operation(self.0[lane], other.0[lane]);
        }
        result
    }
}

/// The weights of sixteen portfolios, asset by asset.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    weights: Vec<Lanes>,
}

impl Batch {
    /// Room for sixteen portfolios of `assets` assets, all weights zero.
    #[must_use]
    pub fn new(assets: usize) -> Self {
        Self { weights: vec![Lanes::ZERO; assets] }
    }

    /// `weights[asset][lane]`.
    #[must_use]
    pub fn weights(&self) -> &[Lanes] {
        &self.weights
    }

    /// `weights[asset][lane]`, to be written.
    pub fn weights_mut(&mut self) -> &mut [Lanes] {
        &mut self.weights
    }

    /// The weights of the portfolio in `lane`.
    pub fn lane(&self, lane: usize) -> impl ExactSizeIterator<Item = f32> + '_ {
        self.weights.iter().map(move |weights| weights.0[lane])
    }
}

/// What sixteen portfolios are worth, in the units of the [`Evaluator`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scores {
    /// Mean return above the risk-free rate, divided by [`Evaluator::mean_scale`].
    pub mean: Lanes,
    /// Variance, divided by [`Evaluator::variance_scale`].
    pub variance: Lanes,
}

impl Scores {
    pub(crate) const ZERO: Self = Self { mean: Lanes::ZERO, variance: Lanes::ZERO };

    /// The squared Sharpe ratio with the sign of the mean, in the evaluator's units: m·|m|/v. It ranks as the
    /// Sharpe ratio does and needs no root. Infinite or NaN where the variance is zero.
    #[must_use]
    #[inline(always)]
    pub fn signed_square_sharpe(&self) -> Lanes {
        self.mean.zip(self.variance, |mean, variance| mean * mean.abs() / variance)
    }
}

/// Mean and variance of portfolios in single precision, for one problem.
///
/// The variance is ‖Lᵀw‖² with Σ = L Lᵀ: half the work of the full product, and never negative.
#[derive(Debug, Clone)]
pub struct Evaluator {
    mean: Vec<f32>,
    triangle: Triangle,
    mean_scale: f64,
    variance_scale: f64,
}

impl Evaluator {
    /// The evaluator of `problem`, for the fastest instruction set of this processor.
    #[must_use]
    pub fn new(problem: &Problem) -> Self {
        Self::of(&ScaledProblem::new(problem), Machine::detect())
    }

    /// The evaluator of `problem` for a given instruction set; the scores have the same bits under each.
    ///
    /// # Errors
    /// An instruction set that this processor does not have.
    pub fn with_instructions(problem: &Problem, set: InstructionSet) -> Result<Self> {
        Ok(Self::of(&ScaledProblem::new(problem), set.machine()?))
    }

    pub(crate) fn of(problem: &ScaledProblem, machine: Machine) -> Self {
        Self::in_coordinates(problem, machine, problem.excess().to_vec(), problem.covariance())
    }

    /// The evaluator of points s of the simplex that stand for the weights w = l + B·s. Because Σs = 1 that is
    /// w = (l·1ᵀ + B·I)·s, so mean and covariance of s are exact transforms of those of w.
    pub(crate) fn of_simplex(problem: &ScaledProblem, machine: Machine, lower: &[f64], budget: f64) -> Self {
        let mut product = vec![0.0; lower.len()];
        problem.multiply_into(lower, &mut product);
        let (base, variance) = (dot(problem.excess(), lower), dot(lower, &product));
        let mean = problem.excess().iter().map(|mean| base + budget * mean).collect();
        let covariance = SymmetricMatrix::from_lower(lower.len(), |row, column| {
            let mixed = product[row] + product[column];
            budget * budget * problem.covariance().get(row, column) + budget * mixed + variance
        });
        Self::in_coordinates(problem, machine, mean, &covariance)
    }

    fn in_coordinates(
        problem: &ScaledProblem,
        machine: Machine,
        mean: Vec<f64>,
        covariance: &SymmetricMatrix,
    ) -> Self {
        Self {
            mean: mean.into_iter().map(|mean| mean as f32).collect(),
            triangle: Triangle::new(machine, covariance.order(), &cholesky(covariance)),
            mean_scale: problem.mean_scale(),
            variance_scale: problem.variance_scale(),
        }
    }

    /// What one unit of [`Scores::mean`] is, in returns per bar.
    #[must_use]
    pub fn mean_scale(&self) -> f64 {
        self.mean_scale
    }

    /// What one unit of [`Scores::variance`] is, in squared returns per bar.
    #[must_use]
    pub fn variance_scale(&self) -> f64 {
        self.variance_scale
    }

    /// The mean of each asset, in the unit of the scores.
    pub(crate) fn mean(&self) -> &[f32] {
        &self.mean
    }

    /// Mean and variance of each portfolio of `batch`, which has this problem's number of assets.
    #[must_use]
    pub fn evaluate(&self, batch: &Batch) -> Scores {
        let mean = self.triangle.weighted(&self.mean, batch.weights());
        let mut scores = [Scores::ZERO];
        let (weights, _) = batch.weights().as_chunks::<1>();
        self.triangle.scores(weights, &[Spacings::weights(mean)], 1, &mut scores);
        let [scores] = scores;
        scores
    }

    /// Mean and variance of the first `groups` groups of sixteen, from their spacings `weights[asset][group]`.
    #[inline]
    pub(crate) fn evaluate_spacings<const STRIDE: usize>(
        &self,
        weights: &[[Lanes; STRIDE]],
        spacings: &[Spacings; STRIDE],
        groups: usize,
        scores: &mut [Scores; STRIDE],
    ) {
        self.triangle.scores(weights, spacings, groups, scores);
    }

    /// The same for a whole tile, while the next one is drawn.
    #[inline]
    pub(crate) fn evaluate_drawing<const STRIDE: usize>(
        &self,
        weights: &[[Lanes; STRIDE]],
        spacings: &[Spacings; STRIDE],
        scores: &mut [Scores; STRIDE],
        next: Draw<'_, STRIDE>,
    ) {
        self.triangle.scores_drawing(weights, spacings, scores, next);
    }
}

/// The lower triangular L with Σ = L Lᵀ, row-major. A pivot that is zero to rounding gives a zero column, which
/// is right for a positive semi-definite Σ: what stands below such a pivot is zero as well.
fn cholesky(covariance: &SymmetricMatrix) -> Vec<f64> {
    const SMALLEST_PIVOT: f64 = 1e-14;
    let order = covariance.order();
    let mut lower = vec![0.0; order * order];
    for column in 0..order {
        let (above, below) = lower.split_at_mut((column + 1) * order);
        let head = &mut above[column * order..];
        let pivot = covariance.diagonal(column) - head[..column].iter().map(|x| x * x).sum::<f64>();
        if pivot <= SMALLEST_PIVOT * covariance.diagonal(column) {
            continue;
        }
        let root = pivot.sqrt();
        head[column] = root;
        for (row, entries) in below.chunks_exact_mut(order).enumerate() {
            let product: f64 = entries[..column].iter().zip(&head[..column]).map(|(x, y)| x * y).sum();
            entries[column] = (covariance.get(column + 1 + row, column) - product) / root;
        }
    }
    lower
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_factor_of_a_singular_matrix_multiplies_back() {
        // Two equal assets, one riskless, one of its own.
        let entries = [[4.0, 4.0, 0.0, 1.0], [4.0, 4.0, 0.0, 1.0], [0.0; 4], [1.0, 1.0, 0.0, 9.0]];
        let matrix = SymmetricMatrix::from_lower(4, |row, column| entries[row][column]);
        let lower = cholesky(&matrix);
        for row in 0..4 {
            for column in 0..4 {
                let product: f64 = (0..4).map(|k| lower[row * 4 + k] * lower[column * 4 + k]).sum();
                assert!((product - matrix.get(row, column)).abs() < 1e-14, "{row} {column}: {product}");
            }
        }
    }

    #[test]
    fn a_perfect_hedge_has_no_variance_and_never_a_negative_one() {
        let matrix = SymmetricMatrix::from_lower(2, |row, column| if row == column { 1e-10 } else { -1e-10 });
        let evaluator = Evaluator::new(&Problem::new(vec![1e-6, 3e-6], matrix, 100).unwrap());
        let mut batch = Batch::new(2);
        batch.weights_mut()[0] = Lanes::splat(0.5);
        batch.weights_mut()[1] = Lanes::splat(0.5);
        let scores = evaluator.evaluate(&batch);
        assert_eq!(scores.variance, Lanes::ZERO);
        assert!((f64::from(scores.mean.0[3]) * evaluator.mean_scale() - 2e-6).abs() < 1e-12);
    }
}
