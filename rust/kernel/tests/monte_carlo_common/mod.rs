//! Problems from a factor model, for the Monte Carlo tests.
#![allow(dead_code, reason = "each test crate uses its part")]

use rand::{RngExt, SeedableRng};
use silverbullet_kernel::random::Philox;
use silverbullet_kernel::{Problem, SymmetricMatrix};

/// Standard normal by the polar method's older brother, the sum of twelve uniforms.
pub(crate) fn normal(random: &mut Philox) -> f64 {
    (0..12).map(|_| random.random::<f64>()).sum::<f64>() - 6.0
}

/// Returns r = β·f + ε with three factors: covariance B·Bᵀ + D, means that are partly paid for the factors.
/// `unit` is the size of a return per bar.
pub(crate) fn factor_problem(assets: usize, seed: u64, unit: f64) -> Problem {
    let mut random = Philox::from_seed(seed.to_le_bytes());
    let loadings: Vec<[f64; 3]> = (0..assets)
        .map(|_| [1.0 + 0.3 * normal(&mut random), 0.4 * normal(&mut random), 0.4 * normal(&mut random)])
        .collect();
    let own: Vec<f64> = (0..assets).map(|_| 0.5 + random.random::<f64>()).collect();
    let covariance = SymmetricMatrix::from_lower(assets, |row, column| {
        let shared: f64 = loadings[row].iter().zip(&loadings[column]).map(|(a, b)| a * b).sum();
        let own = if row == column { own[row] * own[row] } else { 0.0 };
        (shared + own) * unit * unit
    });
    let mean = loadings.iter().map(|beta| (0.03 * beta[0] + 0.05 * normal(&mut random)) * unit).collect();
    Problem::new(mean, covariance, 1_000).unwrap()
}
