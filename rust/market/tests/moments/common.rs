//! Returns to estimate from, moments by the letter of their definitions, and comparison at stated tolerances.

use proptest::prelude::{Just, Strategy, prop_oneof};
use silverbullet_kernel::SymmetricMatrix;
use silverbullet_market::moments::{Estimator, ReturnMatrix};

/// A seeded stream of numbers (SplitMix64).
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Nearly normal: mean 0, deviation 1.
    pub(crate) fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }

    /// One bar of correlated returns of deviation about `scale`, the assets' deviations differing.
    pub(crate) fn row(&mut self, assets: usize, scale: f64) -> Vec<f64> {
        let market = self.normal();
        (0..assets).map(|asset| scale * (0.1 + market + (0.3 + 0.2 * asset as f64) * self.normal())).collect()
    }
}

pub(crate) fn matrix(rows: &[Vec<f64>]) -> ReturnMatrix {
    let mut matrix = ReturnMatrix::with_capacity(rows[0].len(), rows.len());
    for row in rows {
        matrix.push_row(row);
    }
    matrix
}

pub(crate) fn random_rows(seed: u64, rows: usize, assets: usize, scale: f64) -> Vec<Vec<f64>> {
    let mut numbers = Numbers(seed);
    (0..rows).map(|_| numbers.row(assets, scale)).collect()
}

pub(crate) fn any_estimator() -> impl Strategy<Value = Estimator> {
    prop_oneof![
        Just(Estimator::Sample),
        Just(Estimator::LedoitWolf),
        (0.3..60.0).prop_map(|half_life| Estimator::Exponential { half_life }),
    ]
}

/// Mean and covariance by the letter: normalised weights `p`, covariance divided by 1 − `bias`.
pub(crate) fn by_definition(rows: &[Vec<f64>], p: &[f64], bias: f64) -> (Vec<f64>, SymmetricMatrix) {
    let assets = rows[0].len();
    let mean: Vec<f64> = (0..assets).map(|i| rows.iter().zip(p).map(|(row, p)| p * row[i]).sum()).collect();
    let covariance = SymmetricMatrix::from_lower(assets, |i, j| {
        let products = rows.iter().zip(p).map(|(row, p)| p * (row[i] - mean[i]) * (row[j] - mean[j]));
        products.sum::<f64>() / (1.0 - bias)
    });
    (mean, covariance)
}

/// The normalised exponential weights, oldest first, and Σp².
pub(crate) fn exponential_weights(rows: usize, half_life: f64) -> (Vec<f64>, f64) {
    let raw: Vec<f64> = (0..rows).map(|t| 0.5_f64.powf((rows - 1 - t) as f64 / half_life)).collect();
    let total: f64 = raw.iter().sum();
    let p: Vec<f64> = raw.iter().map(|weight| weight / total).collect();
    let squares = p.iter().map(|p| p * p).sum();
    (p, squares)
}

/// The largest difference of two covariances relative to √(Σii Σjj) of the expected one.
pub(crate) fn covariance_error(found: &SymmetricMatrix, expected: &SymmetricMatrix) -> f64 {
    assert_eq!(found.order(), expected.order());
    let mut worst = 0.0_f64;
    for i in 0..found.order() {
        for j in 0..found.order() {
            let difference = (found.get(i, j) - expected.get(i, j)).abs();
            let scale = (expected.diagonal(i) * expected.diagonal(j)).sqrt();
            worst = worst.max(if difference == 0.0 { 0.0 } else { difference / scale });
        }
    }
    worst
}

/// The largest difference of two means relative to σ_i.
pub(crate) fn mean_error(found: &[f64], expected: &[f64], covariance: &SymmetricMatrix) -> f64 {
    assert_eq!(found.len(), expected.len());
    let mut worst = 0.0_f64;
    for i in 0..found.len() {
        let difference = (found[i] - expected[i]).abs();
        worst = worst.max(if difference == 0.0 { 0.0 } else { difference / covariance.diagonal(i).sqrt() });
    }
    worst
}

pub(crate) fn symmetric(matrix: &SymmetricMatrix) -> bool {
    let order = matrix.order();
    (0..order).all(|i| (0..order).all(|j| matrix.get(i, j).to_bits() == matrix.get(j, i).to_bits()))
}
