//! A square root of a covariance that may be singular.

use crate::matrix::SymmetricMatrix;

/// A pivot below this share of an asset's own variance is rounding.
const RANK_TOLERANCE: f64 = 1e-14;

/// L with `Σ ≈ L Lᵀ`, one row an asset and one column a factor: at most as many as the rank.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Factor {
    rank: usize,
    rows: Vec<f64>,
}

impl Factor {
    /// Cholesky with diagonal pivoting (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., section
    /// 10.3) of the correlation matrix, so that assets of very different variances are treated alike; ends where
    /// what is left is rounding. `covariance` is positive semi-definite up to rounding.
    pub(super) fn new(covariance: &SymmetricMatrix) -> Self {
        let order = covariance.order();
        let deviation: Vec<f64> =
            (0..order).map(|asset| covariance.diagonal(asset).max(0.0).sqrt()).collect();
        let entry = |row: usize, column: usize| {
            let (a, b) = (deviation[row], deviation[column]);
            if a > 0.0 && b > 0.0 { covariance.get(row, column) / a / b } else { 0.0 }
        };
        let mut left: Vec<f64> = (0..order).map(|asset| entry(asset, asset)).collect();
        let mut columns: Vec<Vec<f64>> = Vec::new();
        while let Some(pivot) = (0..order).max_by(|&a, &b| left[a].total_cmp(&left[b]).then(b.cmp(&a))) {
            if left[pivot] <= RANK_TOLERANCE * order as f64 || columns.len() == order {
                break;
            }
            let root = left[pivot].sqrt();
            let column: Vec<f64> = (0..order)
                .map(|asset| {
                    let known: f64 = columns.iter().map(|known| known[asset] * known[pivot]).sum();
                    // Used pivots have nothing left.
                    if left[asset] > 0.0 { (entry(asset, pivot) - known) / root } else { 0.0 }
                })
                .collect();
            for (rest, value) in left.iter_mut().zip(&column) {
                *rest -= value * value;
            }
            left[pivot] = 0.0;
            columns.push(column);
        }
        let rank = columns.len();
        let rows = (0..order)
            .flat_map(|asset| columns.iter().map(move |column| (asset, column[asset])))
            .map(|(asset, value)| value * deviation[asset])
            .collect();
        Self { rank, rows }
    }

    /// Number of independent factors.
    pub(super) fn rank(&self) -> usize {
        self.rank
    }

    /// The row of one asset.
    pub(super) fn row(&self, asset: usize) -> &[f64] {
        &self.rows[asset * self.rank..(asset + 1) * self.rank]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::dot;

    fn check(covariance: &SymmetricMatrix, rank: usize) {
        let factor = Factor::new(covariance);
        assert_eq!(factor.rank(), rank);
        for row in 0..covariance.order() {
            for column in 0..covariance.order() {
                let scale = (covariance.diagonal(row) * covariance.diagonal(column)).sqrt();
                let error = dot(factor.row(row), factor.row(column)) - covariance.get(row, column);
                assert!(error.abs() <= 1e-13 * scale, "({row}, {column}): {error:e}");
            }
        }
    }

    #[test]
    fn regular_and_singular_matrices_are_reproduced() {
        let regular = [[4.0, 1.0, -0.5], [1.0, 9.0, 2.0], [-0.5, 2.0, 1.0]];
        check(&SymmetricMatrix::from_lower(3, |row, column| regular[row][column]), 3);
        // Rank two of five: sums of two factors, at very different scales.
        let loads = [[1.0, 0.0], [1e-6, 2e-6], [300.0, -100.0], [0.0, 0.0], [2.0, 2.0]];
        check(&SymmetricMatrix::from_lower(5, |row, column| dot(&loads[row], &loads[column])), 2);
        check(&SymmetricMatrix::zeros(2), 0);
    }
}
