//! A covariance seen as a fixed matrix plus a rank-one term, so that a tick costs no O(N²) update.

use super::vector::{Rows, add_rows, add_scaled, dot};
use crate::matrix::SymmetricMatrix;

/// The covariance `base + coefficient · vector vectorᵀ`, borrowed.
///
/// Live, `base` is the covariance of the closed bars, scaled for one observation more, and `vector` the
/// deviation of the open bar: within a bar only `coefficient` and `vector` change, and the factorisation of
/// `base` is kept from tick to tick.
#[derive(Debug, Clone, Copy)]
pub struct RankOne<'a> {
    /// The fixed part, of order N.
    pub base: &'a SymmetricMatrix,
    /// Factor of the rank-one term; zero for a plain matrix.
    pub coefficient: f64,
    /// The N elements of the rank-one term; not read when the coefficient is zero.
    pub vector: &'a [f64],
}

impl<'a> RankOne<'a> {
    /// A plain matrix.
    #[must_use]
    pub fn plain(base: &'a SymmetricMatrix) -> Self {
        Self { base, coefficient: 0.0, vector: &[] }
    }

    /// Number of assets.
    #[must_use]
    pub fn order(&self) -> usize {
        self.base.order()
    }

    /// The entry at (`row`, `column`).
    #[must_use]
    #[inline]
    pub fn entry(&self, row: usize, column: usize) -> f64 {
        let spike =
            if self.is_plain() { 0.0 } else { self.coefficient * self.vector[row] * self.vector[column] };
        self.base.get(row, column) + spike
    }

    /// True without a rank-one term.
    #[must_use]
    #[inline]
    pub fn is_plain(&self) -> bool {
        self.coefficient == 0.0
    }

    /// `out = Σ x`; costs O(N) for each non-zero element of `x`.
    pub fn multiply_into(&self, x: &[f64], out: &mut [f64]) {
        const TOGETHER: usize = 64;
        out.fill(0.0);
        let (mut places, mut elements, mut held) = ([0; TOGETHER], [0.0; TOGETHER], 0);
        for (place, &element) in x.iter().enumerate() {
            (places[held], elements[held]) = (place, element);
            held += usize::from(element != 0.0);
            if held == TOGETHER {
                add_rows(out, self.rows(), &places, &elements);
                held = 0;
            }
        }
        add_rows(out, self.rows(), &places[..held], &elements[..held]);
        if !self.is_plain() {
            add_scaled(out, self.coefficient * dot(self.vector, x), self.vector);
        }
    }

    /// As [`multiply_into`](Self::multiply_into) for a vector that is zero but for `elements` at `places`.
    pub(super) fn multiply_sparse_into(&self, places: &[usize], elements: &[f64], out: &mut [f64]) {
        out.fill(0.0);
        add_rows(out, self.rows(), places, elements);
        if !self.is_plain() {
            let terms = places.iter().zip(elements).map(|(&place, element)| self.vector[place] * element);
            add_scaled(out, self.coefficient * terms.sum::<f64>(), self.vector);
        }
    }

    fn rows(&self) -> Rows<'a> {
        Rows { data: self.base.as_slice(), stride: self.order(), first: 0 }
    }

    /// `xᵀ Σ x`; costs O(N) for each non-zero element of `x`.
    #[must_use]
    pub fn quadratic_form(&self, x: &[f64]) -> f64 {
        let along = if self.is_plain() { 0.0 } else { dot(self.vector, x) };
        self.base.quadratic_form(x) + self.coefficient * along * along
    }

    /// Writes every entry into `out`, which is of the same order.
    pub fn write_into(&self, out: &mut SymmetricMatrix) {
        let order = self.order();
        out.as_mut_slice().copy_from_slice(self.base.as_slice());
        if self.is_plain() {
            return;
        }
        for (row, &element) in out.as_mut_slice().chunks_exact_mut(order.max(1)).zip(self.vector) {
            add_scaled(row, self.coefficient * element, self.vector);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn product_entries_and_copy_agree() {
        let base = SymmetricMatrix::from_lower(3, |row, column| (1 + row * 3 + column) as f64);
        let view = RankOne { base: &base, coefficient: 0.5, vector: &[1.0, -2.0, 4.0] };
        let mut dense = SymmetricMatrix::zeros(3);
        view.write_into(&mut dense);
        let x = [0.25, 0.0, 0.75];
        let mut product = [0.0; 3];
        view.multiply_into(&x, &mut product);
        for row in 0..3 {
            let expected: f64 = (0..3).map(|column| view.entry(row, column) * x[column]).sum();
            assert!((product[row] - expected).abs() < 1e-14);
            assert_eq!(dense.get(row, 1), view.entry(row, 1));
        }
        assert!((view.quadratic_form(&x) - dot(&x, &product)).abs() < 1e-14);
    }
}
