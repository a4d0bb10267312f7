//! Eigenvalues of a covariance: condition number and the check that it is positive semi-definite.

use nalgebra::DMatrix;

use crate::matrix::SymmetricMatrix;

/// The smallest and the largest eigenvalue. The matrix is rescaled first, so that covariances of tick
/// returns (1e-10) and of annual ones meet the same arithmetic.
#[must_use]
pub fn extreme_eigenvalues(matrix: &SymmetricMatrix) -> (f64, f64) {
    let scale = matrix.as_slice().iter().fold(0.0_f64, |most, entry| most.max(entry.abs()));
    if matrix.order() == 0 || scale == 0.0 || !scale.is_finite() {
        return (0.0, 0.0);
    }
    let scaled = DMatrix::from_iterator(
        matrix.order(),
        matrix.order(),
        matrix.as_slice().iter().map(|entry| entry / scale),
    );
    let eigenvalues = scaled.symmetric_eigenvalues();
    (eigenvalues.min() * scale, eigenvalues.max() * scale)
}

/// Largest eigenvalue over smallest: how far the inverse can be trusted. `None` where the matrix is
/// singular to working precision.
#[must_use]
pub fn condition_number(matrix: &SymmetricMatrix) -> Option<f64> {
    let (smallest, largest) = extreme_eigenvalues(matrix);
    (smallest > largest * f64::EPSILON).then(|| largest / smallest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn condition_of_a_diagonal_is_the_ratio_of_its_ends() {
        let diagonal = [4.0e-10, 1.0e-10, 2.0e-10];
        let matrix =
            SymmetricMatrix::from_lower(3, |row, column| if row == column { diagonal[row] } else { 0.0 });
        assert!((condition_number(&matrix).unwrap() - 4.0).abs() < 1e-12);
    }

    #[test]
    fn a_singular_matrix_has_no_condition_number() {
        assert_eq!(condition_number(&SymmetricMatrix::from_lower(3, |_, _| 1.0)), None);
        assert_eq!(condition_number(&SymmetricMatrix::zeros(2)), None);
    }
}
