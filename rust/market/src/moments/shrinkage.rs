//! Shrinkage of Ledoit and Wolf (2004) towards the scaled identity.
//!
//! With centred observations x_t, S = Σ x xᵀ / T and m = tr(S)/N the intensity is δ = min(β², δ²)/δ²,
//! δ² = ‖S − mI‖²_F / N the distance to the target and β² = (Σ‖x_t‖⁴/T − ‖S‖²_F)/(N T) the error of S.
//! scikit-learn's `LedoitWolf` computes the same from the same divisor T.

use silverbullet_kernel::SymmetricMatrix;

/// How far the covariance was moved to the target: (1 − intensity) S + intensity · target · I.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shrinkage {
    /// Between 0 (not at all) and 1 (the target alone).
    pub intensity: f64,
    /// The mean variance m of the unshrunk covariance: variance of a return per bar.
    pub target: f64,
}

/// The shrinkage for `covariance` = S of divisor T = `observations`; `fourth` is Σ‖x‖⁴/T.
///
/// Everything is measured in units of m, so that neither sum under- or overflows and the result does not
/// depend on the unit of the returns.
pub(crate) fn shrinkage(covariance: &SymmetricMatrix, fourth: f64, observations: usize) -> Shrinkage {
    let assets = covariance.order();
    let target = covariance.trace() / assets as f64;
    if assets == 1 || target <= 0.0 {
        return Shrinkage { intensity: 0.0, target: target.max(0.0) };
    }
    let (mut off_diagonal, mut diagonal, mut distance) = (0.0, 0.0, 0.0);
    for row in 0..assets {
        let (lower, rest) = covariance.row(row).split_at(row);
        off_diagonal += 2.0 * lower.iter().map(|entry| (entry / target) * (entry / target)).sum::<f64>();
        let scaled = rest[0] / target;
        diagonal += scaled * scaled;
        distance += (scaled - 1.0) * (scaled - 1.0);
    }
    let (square, distance) = (off_diagonal + diagonal, off_diagonal + distance);
    // Never negative but for rounding: the mean of ‖xxᵀ‖² is at least the square of the mean's norm.
    // Two centred observations are each other's negative, so that S has no error and only rounding would be left.
    let error = if observations > 2 {
        ((fourth / target / target - square) / observations as f64).max(0.0)
    } else {
        0.0
    };
    let intensity = if distance > 0.0 { error.min(distance) / distance } else { 0.0 };
    Shrinkage { intensity, target }
}

/// Replaces S by (1 − δ) S + δ m I.
pub(crate) fn shrink(covariance: &mut SymmetricMatrix, shrinkage: Shrinkage) {
    let Shrinkage { intensity, target } = shrinkage;
    for entry in covariance.as_mut_slice() {
        *entry *= 1.0 - intensity;
    }
    add_to_diagonal(covariance, intensity * target);
}

/// Adds `value` to every element of the diagonal.
pub(crate) fn add_to_diagonal(matrix: &mut SymmetricMatrix, value: f64) {
    let step = matrix.order() + 1;
    for entry in matrix.as_mut_slice().iter_mut().step_by(step) {
        *entry += value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_observations_on_the_axes_shrink_as_by_hand() {
        // Centred rows ±(1, 0): S = diag(1, 0), m = 1/2, ‖S‖² = 1, Σ‖x‖⁴/T = 1: no error at all.
        let line = SymmetricMatrix::from_lower(2, |row, column| f64::from(u8::from(row + column == 0)));
        assert_eq!(shrinkage(&line, 1.0, 2), Shrinkage { intensity: 0.0, target: 0.5 });
        // Rows ±(1, 0), ±(0, 2): S = diag(1/2, 2), m = 5/4, ‖S‖² = 17/4, Σ‖x‖⁴/T = 17/2;
        // β² = (17/2 − 17/4)/(2·4) = 17/32, δ² = 2 (3/4)²/2 = 9/16: intensity 17/18.
        let cross = SymmetricMatrix::from_row_major(2, vec![0.5, 0.0, 0.0, 2.0]).unwrap();
        let found = shrinkage(&cross, 8.5, 4);
        assert!((found.intensity - 17.0 / 18.0).abs() < 1e-15 && found.target == 1.25, "{found:?}");
    }

    #[test]
    fn two_observations_have_no_error_whatever_rounding_left() {
        let wide = SymmetricMatrix::from_lower(2, |row, column| if row == column { 1.0 } else { 0.5 });
        assert_eq!(shrinkage(&wide, 2.5 * (1.0 + 1e-9), 2).intensity, 0.0);
        assert!(shrinkage(&wide, 2.5 * (1.0 + 1e-9), 3).intensity > 0.0);
    }

    #[test]
    fn nothing_is_shrunk_without_variance() {
        let zero = SymmetricMatrix::zeros(3);
        assert_eq!(shrinkage(&zero, 0.0, 5), Shrinkage { intensity: 0.0, target: 0.0 });
    }
}
