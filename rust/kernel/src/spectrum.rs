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

/// True where Cholesky's factorisation of `A + shift · I` succeeds, with `shift` the given share of the largest
/// diagonal element: then no eigenvalue of A is below `−shift` but for rounding. A tenth of the work of the eigenvalues
/// or less; where it fails they say why.
#[must_use]
pub(crate) fn is_positive_with_shift(matrix: &SymmetricMatrix, share: f64) -> bool {
    const PANEL: usize = 4;
    let order = matrix.order();
    let largest = (0..order).map(|index| matrix.diagonal(index)).fold(0.0, f64::max);
    if !(largest > 0.0 && largest.is_finite()) {
        return false;
    }
    // Row k of the upper factor from its diagonal on; each row takes away what the rows above it account for, four
    // of them in one pass.
    let mut factor = matrix.as_slice().to_vec();
    for row in 0..order {
        let (above, below) = factor.split_at_mut(row * order);
        let current = &mut below[row..order];
        current.iter_mut().for_each(|entry| *entry /= largest);
        current[0] += share;
        let mut rows = above.chunks_exact(PANEL * order);
        for four in &mut rows {
            let (a, rest) = four.split_at(order);
            let (b, rest) = rest.split_at(order);
            let (c, d) = rest.split_at(order);
            let (a, b, c, d) = (&a[row..], &b[row..], &c[row..], &d[row..]);
            let (fa, fb, fc, fd) = (a[0], b[0], c[0], d[0]);
            for (k, entry) in current.iter_mut().enumerate() {
                *entry -= (fa * a[k] + fb * b[k]) + (fc * c[k] + fd * d[k]);
            }
        }
        for one in rows.remainder().chunks_exact(order) {
            let one = &one[row..];
            let factor = one[0];
            current.iter_mut().zip(one).for_each(|(entry, other)| *entry -= factor * other);
        }
        let pivot = current[0];
        if !(pivot > 0.0 && pivot.is_finite()) {
            return false;
        }
        let inverse = 1.0 / pivot.sqrt();
        current.iter_mut().for_each(|entry| *entry *= inverse);
    }
    true
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
    fn a_small_negative_eigenvalue_passes_and_a_larger_one_does_not() {
        for order in [2, 5, 9, 30] {
            // Eigenvalues: `below` along one direction, 1 along the others.
            let with = |below: f64| {
                SymmetricMatrix::from_lower(order, |i, j| {
                    f64::from(u8::from(i == j)) + (below - 1.0) / order as f64
                })
            };
            assert!(is_positive_with_shift(&with(1.0), 1e-10));
            assert!(is_positive_with_shift(&with(0.0), 1e-10));
            assert!(is_positive_with_shift(&with(-1e-12), 1e-10));
            assert!(!is_positive_with_shift(&with(-1e-9), 1e-10));
        }
        assert!(!is_positive_with_shift(&SymmetricMatrix::zeros(3), 1e-10));
    }

    #[test]
    fn a_singular_matrix_has_no_condition_number() {
        assert_eq!(condition_number(&SymmetricMatrix::from_lower(3, |_, _| 1.0)), None);
        assert_eq!(condition_number(&SymmetricMatrix::zeros(2)), None);
    }
}
