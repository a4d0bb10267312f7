//! Moments summed afresh over a window: what stored results are made of.
//!
//! A pure function of the returns in bar order: same returns, same bits.

use silverbullet_kernel::SymmetricMatrix;
use silverbullet_kernel::spectrum::condition_number;

use super::error::{Error, Result};
use super::estimator::Estimator;
use super::returns::ReturnMatrix;
use super::shrinkage::{Shrinkage, shrink, shrinkage};
use super::weights::{WeightSums, weight_at_age};

/// Mean vector and covariance of N assets, per bar.
#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    /// Mean simple return of each asset.
    pub mean: Vec<f64>,
    /// Covariance of the simple returns, of order N.
    pub covariance: SymmetricMatrix,
    /// Bars they were estimated from, T.
    pub observations: usize,
    /// What estimated them.
    pub estimator: Estimator,
    /// What shrinkage was applied, where the estimator shrinks.
    pub shrinkage: Option<Shrinkage>,
}

impl Moments {
    /// Largest eigenvalue of the covariance over its smallest; `None` where it is singular to working
    /// precision.
    #[must_use]
    pub fn condition_number(&self) -> Option<f64> {
        condition_number(&self.covariance)
    }

    /// The covariance to use where this one is singular: that of Ledoit and Wolf from the same returns, all
    /// bars weighing the same whatever the estimator.
    ///
    /// # Errors
    /// As [`estimate`].
    pub fn ledoit_wolf_stand_in(&self, returns: &ReturnMatrix) -> Result<SymmetricMatrix> {
        if self.estimator == Estimator::LedoitWolf {
            return Ok(self.covariance.clone());
        }
        Ok(estimate(returns, Estimator::LedoitWolf)?.covariance)
    }
}

/// Estimates mean and covariance of `returns`, with two passes: means first, and corrected by the mean of
/// what is left; then the centred products, corrected likewise. Means far above the deviations do no harm.
///
/// # Errors
/// Fewer than two bars, no asset, a return that is not finite (or beyond 1e60), a half-life out of range.
pub fn estimate(returns: &ReturnMatrix, estimator: Estimator) -> Result<Moments> {
    let half_life = estimator.validated()?.half_life();
    if returns.assets() == 0 {
        return Err(Error::NoAsset);
    }
    if returns.rows() < 2 {
        return Err(Error::TooFewRows { rows: returns.rows() });
    }
    returns.require_usable()?;

    let rows = returns.rows();
    let weights: Vec<f64> = (0..rows).map(|t| weight_at_age(rows - 1 - t, half_life)).collect();
    let sums = WeightSums::of(rows, half_life);
    let mean = weighted_mean(returns, &weights, sums.sum());
    let scatter = Scatter::about(&mean, returns, &weights, sums.sum());
    let divisor = estimator.divisor(&sums);
    let mut covariance = SymmetricMatrix::from_lower(returns.assets(), |row, column| {
        scatter.products.get(row, column) / divisor
    });
    let shrinkage = (estimator == Estimator::LedoitWolf).then(|| {
        let found = shrinkage(&covariance, scatter.fourth / divisor, rows);
        shrink(&mut covariance, found);
        found
    });
    Ok(Moments { mean, covariance, observations: rows, estimator, shrinkage })
}

/// Σ w x / Σ w, and the mean of what is left over added to it.
fn weighted_mean(returns: &ReturnMatrix, weights: &[f64], total: f64) -> Vec<f64> {
    let mut mean = vec![0.0; returns.assets()];
    let mut sum = vec![0.0; returns.assets()];
    for _ in 0..2 {
        sum.fill(0.0);
        for (row, weight) in returns.iter().zip(weights) {
            for ((sum, value), mean) in sum.iter_mut().zip(row).zip(&mean) {
                *sum += weight * (value - mean);
            }
        }
        for (mean, sum) in mean.iter_mut().zip(&sum) {
            *mean += sum / total;
        }
    }
    mean
}

/// Centred sums of products.
struct Scatter {
    /// Σ w d dᵀ about the mean; the lower triangle only.
    products: SymmetricMatrix,
    /// Σ w ‖d‖⁴.
    fourth: f64,
}

impl Scatter {
    fn about(mean: &[f64], returns: &ReturnMatrix, weights: &[f64], total: f64) -> Self {
        let assets = mean.len();
        let mut products = SymmetricMatrix::zeros(assets);
        let (mut deviation, mut left) = (vec![0.0; assets], vec![0.0; assets]);
        let mut fourth = 0.0;
        for (row, weight) in returns.iter().zip(weights) {
            let mut square = 0.0;
            for index in 0..assets {
                deviation[index] = row[index] - mean[index];
                left[index] += weight * deviation[index];
                square += deviation[index] * deviation[index];
            }
            fourth += weight * square * square;
            add_lower_product(&mut products, *weight, &deviation);
        }
        add_lower_product(&mut products, -1.0 / total, &left);
        Self { products, fourth }
    }
}

/// Adds weight · d dᵀ to the lower triangle.
fn add_lower_product(products: &mut SymmetricMatrix, weight: f64, deviation: &[f64]) {
    let rows = products.as_mut_slice().chunks_exact_mut(deviation.len());
    for (index, row) in rows.enumerate() {
        let factor = weight * deviation[index];
        for (product, value) in row[..=index].iter_mut().zip(deviation) {
            *product += factor * value;
        }
    }
}
