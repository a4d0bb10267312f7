//! Risk parity by its convex form.
//!
//! The minimum of `½ xᵀΣx − Σ ln(xᵢ)/N` over x > 0 has xᵢ(Σx)ᵢ = 1/N: equal contributions to the risk, and
//! x/Σx is the one portfolio of positive weights that has them (Spinu 2013; Griveau-Billion, Richard &
//! Roncalli 2013). The barrier is self-concordant, so Newton's method with the step 1/(1 + decrement) arrives
//! from anywhere.

use nalgebra::{DMatrix, DVector};

use crate::matrix::SymmetricMatrix;

/// Newton steps; a few dozen are the rule.
const STEPS: usize = 500;
/// The decrement at which rounding is all that is left.
const DECREMENT: f64 = 1e-13;

/// The weights with equal shares of the risk; `None` where rounding keeps the method from arriving.
pub(super) fn equal_contributions(covariance: &SymmetricMatrix) -> Option<Vec<f64>> {
    let assets = covariance.order();
    let share = 1.0 / assets as f64;
    let mut x: Vec<f64> = (0..assets)
        .map(|asset| share.sqrt() / covariance.diagonal(asset).max(f64::MIN_POSITIVE).sqrt())
        .collect();
    let mut product = vec![0.0; assets];
    let mut last = f64::INFINITY;
    for _ in 0..STEPS {
        covariance.multiply_into(&x, &mut product);
        let gradient = DVector::from_iterator(assets, product.iter().zip(&x).map(|(p, x)| p - share / x));
        let hessian = DMatrix::from_fn(assets, assets, |row, column| {
            let barrier = if row == column { share / (x[row] * x[row]) } else { 0.0 };
            covariance.get(row, column) + barrier
        });
        let step = hessian.cholesky()?.solve(&gradient);
        // In the unit of the barrier, whose coefficient is the share.
        let decrement = (step.dot(&gradient).max(0.0) / share).sqrt();
        if !decrement.is_finite() {
            return None;
        }
        let damping = if decrement > 0.25 { 1.0 / (1.0 + decrement) } else { 1.0 };
        x.iter_mut().zip(step.iter()).for_each(|(x, step)| *x -= damping * step);
        if decrement <= DECREMENT || (decrement < 1e-9 && decrement >= last) {
            let sum: f64 = x.iter().sum();
            return Some(x.iter().map(|x| x / sum).collect());
        }
        last = decrement;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objective::parity_deviation;

    #[test]
    fn two_assets_are_weighted_by_inverse_volatility() {
        // With two assets the correlation does not matter.
        let covariance = SymmetricMatrix::from_row_major(2, vec![4.0, 1.0, 1.0, 1.0]).unwrap();
        let weights = equal_contributions(&covariance).unwrap();
        assert!((weights[0] - 1.0 / 3.0).abs() < 1e-14, "{weights:?}");
    }

    #[test]
    fn shares_are_equal_for_volatilities_far_apart() {
        let size = |i: usize| 10f64.powi(i as i32 - 3);
        let covariance = SymmetricMatrix::from_lower(6, |i, j| {
            size(i) * size(j) * if i == j { 1.0 } else { 0.4 - 0.1 * ((i + j) % 3) as f64 }
        });
        let weights = equal_contributions(&covariance).unwrap();
        let mut product = vec![0.0; 6];
        covariance.multiply_into(&weights, &mut product);
        assert!(parity_deviation(&weights, &product) < 1e-12);
    }
}
