//! An updatable Cholesky factor: an asset is added by a border, removed by Givens rotations, each in O(F²)
//! for F assets. Everything is allocated once, for the whole universe. See Golub & Van Loan, Matrix
//! Computations, 4th ed., section 6.5.

use super::vector::{add_scaled, dot};

/// Lower triangular L with A = L Lᵀ, rows contiguous with a fixed stride.
#[derive(Debug, Clone)]
pub(super) struct Cholesky {
    stride: usize,
    order: usize,
    rows: Vec<f64>,
    /// 1 / L_kk: a multiplication is cheaper than a division in the solves.
    inverse_diagonal: Vec<f64>,
}

impl Cholesky {
    /// An empty factor with room for `capacity` rows.
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            stride: capacity,
            order: 0,
            rows: vec![0.0; capacity * capacity],
            inverse_diagonal: vec![0.0; capacity],
        }
    }

    /// Number of rows.
    pub(super) fn order(&self) -> usize {
        self.order
    }

    /// Forgets every row.
    pub(super) fn clear(&mut self) {
        self.order = 0;
    }

    fn row(&self, row: usize) -> &[f64] {
        &self.rows[row * self.stride..row * self.stride + row + 1]
    }

    /// Borders A by the column `entry(0..order)` and the diagonal element `diagonal`. Refuses, leaving the
    /// factor as it was, when the pivot does not exceed `least`: A would be singular to working precision.
    pub(super) fn push(&mut self, entry: impl Fn(usize) -> f64, diagonal: f64, least: f64) -> bool {
        let pivot = self.border(entry, diagonal);
        if pivot > least {
            self.accept(pivot);
        }
        pivot > least
    }

    /// As [`push`](Self::push), but replaces a pivot below `least` by `least`.
    pub(super) fn push_floored(&mut self, entry: impl Fn(usize) -> f64, diagonal: f64, least: f64) -> bool {
        let pivot = self.border(entry, diagonal);
        self.accept(if pivot > least { pivot } else { least });
        pivot > least
    }

    /// Writes the new row without its diagonal and returns the pivot.
    fn border(&mut self, entry: impl Fn(usize) -> f64, diagonal: f64) -> f64 {
        let order = self.order;
        let (above, below) = self.rows.split_at_mut(order * self.stride);
        let row = &mut below[..order];
        for (index, value) in row.iter_mut().enumerate() {
            *value = entry(index);
        }
        for k in 0..order {
            let known = dot(&above[k * self.stride..k * self.stride + k], &row[..k]);
            row[k] = (row[k] - known) * self.inverse_diagonal[k];
        }
        diagonal - dot(row, row)
    }

    fn accept(&mut self, pivot: f64) {
        let diagonal = pivot.sqrt();
        self.rows[self.order * self.stride + self.order] = diagonal;
        self.inverse_diagonal[self.order] = 1.0 / diagonal;
        self.order += 1;
    }

    /// Deletes row and column `position` of A.
    pub(super) fn remove(&mut self, position: usize) {
        self.order -= 1;
        for row in position..self.order {
            // The row below moves up; it has one element too many for its new place.
            let source = (row + 1) * self.stride;
            self.rows.copy_within(source..source + row + 2, row * self.stride);
        }
        // Rotation k mixes columns k and k + 1 so that row k ends on the diagonal. The element above the
        // diagonal is kept in its slot until its row is reached.
        for k in position..self.order {
            let (a, b) = (self.rows[k * self.stride + k], self.rows[k * self.stride + k + 1]);
            let length = a.hypot(b);
            let (cosine, sine) = if length > 0.0 { (a / length, b / length) } else { (1.0, 0.0) };
            for row in k..self.order {
                let at = row * self.stride + k;
                let (x, y) = (self.rows[at], self.rows[at + 1]);
                self.rows[at] = cosine * x + sine * y;
                self.rows[at + 1] = cosine * y - sine * x;
            }
            self.inverse_diagonal[k] = 1.0 / self.rows[k * self.stride + k];
        }
    }

    /// `x = A⁻¹ x`; `x` has one element a row.
    pub(super) fn solve(&self, x: &mut [f64]) {
        for k in 0..self.order {
            let known = dot(&self.row(k)[..k], &x[..k]);
            x[k] = (x[k] - known) * self.inverse_diagonal[k];
        }
        for k in (0..self.order).rev() {
            let value = x[k] * self.inverse_diagonal[k];
            x[k] = value;
            add_scaled(&mut x[..k], -value, &self.row(k)[..k]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::SymmetricMatrix;

    /// x xᵀ-like matrix with a strong diagonal.
    fn matrix(order: usize) -> SymmetricMatrix {
        SymmetricMatrix::from_lower(order, |row, column| {
            let base = ((row * 7 + column * 3) % 5) as f64 / 10.0;
            if row == column { 2.0 + base + row as f64 } else { base }
        })
    }

    fn push(factor: &mut Cholesky, matrix: &SymmetricMatrix, keep: &[usize], asset: usize) -> bool {
        factor.push(|k| matrix.get(keep[k], asset), matrix.diagonal(asset), 1e-12)
    }

    #[test]
    fn after_any_additions_and_removals_it_solves_the_submatrix() {
        let matrix = matrix(9);
        let (mut factor, mut keep) = (Cholesky::new(9), Vec::new());
        for asset in [4, 0, 8, 2, 6] {
            assert!(push(&mut factor, &matrix, &keep, asset));
            keep.push(asset);
        }
        for (position, next) in [(1, 7), (0, 0), (4, 3), (2, 1)] {
            factor.remove(position);
            keep.remove(position);
            assert!(push(&mut factor, &matrix, &keep, next));
            keep.push(next);
            let wanted: Vec<f64> = (0..keep.len()).map(|k| 1.0 - 0.3 * k as f64).collect();
            let mut x = vec![0.0; keep.len()];
            matrix.principal(&keep).multiply_into(&wanted, &mut x);
            factor.solve(&mut x);
            for (found, expected) in x.iter().zip(&wanted) {
                assert!((found - expected).abs() < 1e-13, "{found} {expected}");
            }
        }
    }

    #[test]
    fn a_dependent_row_is_refused_and_leaves_the_factor_usable() {
        let ones = SymmetricMatrix::from_lower(2, |_, _| 1.0);
        let mut factor = Cholesky::new(2);
        assert!(push(&mut factor, &ones, &[], 0));
        assert!(!push(&mut factor, &ones, &[0], 1));
        assert_eq!(factor.order(), 1);
        let mut x = [3.0];
        factor.solve(&mut x);
        assert_eq!(x, [3.0]);
    }
}
