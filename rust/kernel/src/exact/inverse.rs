//! A Cholesky factor made from scratch, with the inverse of its triangle: what the last step of a solve, and
//! so most ticks, are computed with.
//!
//! `A = UᵀU`, rows of U contiguous; both U and `L⁻¹ = U⁻ᵀ` come from the rows above them by sums of scaled
//! rows, and `A⁻¹x = L⁻ᵀ(L⁻¹x)` is two products without the chain of dependent steps that substitution is.
//! Computing `L⁻¹` costs F³/6 multiplications once for an active set. For very many assets it is left out.

use super::vector::{Rows, add_rows, add_scaled, add_triangle, dot};

/// Beyond this many rows the triangle is not inverted: a set this large answers too few ticks.
const MOST_INVERTED: usize = 256;

/// Upper triangular U with A = UᵀU, and U⁻ᵀ.
#[derive(Debug, Clone, Default)]
pub(super) struct Inverse {
    order: usize,
    /// Rows of U, zero left of the diagonal; the stride is the order.
    upper: Vec<f64>,
    /// Rows of L⁻¹, zero right of the diagonal; the stride is the order.
    lower: Vec<f64>,
    inverse_diagonal: Vec<f64>,
    /// The numbers from zero on, and room for factors.
    rising: Vec<usize>,
    factors: Vec<f64>,
}

impl Inverse {
    /// With room for `capacity` rows.
    pub(super) fn new(capacity: usize) -> Self {
        let inverted = capacity.min(MOST_INVERTED);
        Self {
            order: 0,
            upper: vec![0.0; capacity * capacity],
            lower: vec![0.0; inverted * inverted],
            inverse_diagonal: vec![0.0; capacity],
            rising: (0..capacity).collect(),
            factors: vec![0.0; capacity],
        }
    }

    /// Number of rows.
    pub(super) fn order(&self) -> usize {
        self.order
    }

    /// Factorises the matrix of that order whose row `row` from the diagonal on is written by
    /// `fill(row, into)`. False, and the factor is empty, when a pivot does not exceed `least(diagonal)`.
    pub(super) fn factorise(
        &mut self,
        order: usize,
        fill: impl Fn(usize, &mut [f64]),
        least: impl Fn(f64) -> f64,
    ) -> bool {
        self.order = 0;
        for row in 0..order {
            let (above, below) = self.upper.split_at_mut(row * order);
            let current = &mut below[row..order];
            fill(row, current);
            let least = least(current[0]);
            for (k, factor) in self.factors[..row].iter_mut().enumerate() {
                *factor = -above[k * order + row];
            }
            let rows = Rows { data: above, stride: order, first: row };
            add_rows(current, rows, &self.rising[..row], &self.factors[..row]);
            let pivot = current[0];
            if !(pivot > least && pivot.is_finite()) {
                return false;
            }
            let inverse = 1.0 / pivot.sqrt();
            self.inverse_diagonal[row] = inverse;
            current.iter_mut().for_each(|element| *element *= inverse);
        }
        self.order = order;
        if order <= MOST_INVERTED {
            self.invert();
        }
        true
    }

    /// Row i of L⁻¹ is `(e_i − Σ_{k<i} L_ik · row k) / L_ii`.
    fn invert(&mut self) {
        let order = self.order;
        for row in 0..order {
            let (above, below) = self.lower.split_at_mut(row * order);
            let current = &mut below[..order];
            current.fill(0.0);
            for (k, factor) in self.factors[..row].iter_mut().enumerate() {
                *factor = -self.upper[k * order + row];
            }
            let rows = Rows { data: above, stride: order, first: 0 };
            add_triangle(&mut current[..row], rows, &self.rising[..row], &self.factors[..row]);
            let inverse = self.inverse_diagonal[row];
            current[..row].iter_mut().for_each(|element| *element *= inverse);
            current[row] = inverse;
        }
    }

    /// `x = A⁻¹ x`; `x` has one element a row, `scratch` room for as many.
    pub(super) fn solve(&self, x: &mut [f64], scratch: &mut [f64]) {
        let order = self.order;
        if order > MOST_INVERTED {
            self.substitute(x);
            return;
        }
        let lower = |row: usize| &self.lower[row * order..(row + 1) * order];
        for (row, slot) in scratch[..order].iter_mut().enumerate() {
            *slot = dot(&lower(row)[..=row], &x[..=row]);
        }
        x.fill(0.0);
        let rows = Rows { data: &self.lower, stride: order, first: 0 };
        add_triangle(x, rows, &self.rising[..order], &scratch[..order]);
    }

    fn substitute(&self, x: &mut [f64]) {
        let order = self.order;
        for k in 0..order {
            x[k] *= self.inverse_diagonal[k];
            let (done, rest) = x.split_at_mut(k + 1);
            add_scaled(rest, -done[k], &self.upper[k * order + k + 1..(k + 1) * order]);
        }
        for k in (0..order).rev() {
            let known = dot(&self.upper[k * order + k + 1..(k + 1) * order], &x[k + 1..order]);
            x[k] = (x[k] - known) * self.inverse_diagonal[k];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::SymmetricMatrix;

    fn matrix(order: usize) -> SymmetricMatrix {
        SymmetricMatrix::from_lower(order, |row, column| {
            let base = ((row * 7 + column * 3) % 5) as f64 / 10.0;
            if row == column { 0.02 * order as f64 + 2.0 + base } else { base / 10.0 }
        })
    }

    #[test]
    fn it_solves_with_and_without_the_inverted_triangle() {
        for order in [1, 2, 3, 7, 18, MOST_INVERTED + 3] {
            let matrix = matrix(order);
            let mut inverse = Inverse::new(order);
            let fill = |row: usize, into: &mut [f64]| into.copy_from_slice(&matrix.row(row)[row..]);
            assert!(inverse.factorise(order, fill, |_| 0.0));
            let wanted: Vec<f64> = (0..order).map(|k| 1.0 - 0.3 * (k % 7) as f64).collect();
            let (mut x, mut scratch) = (vec![0.0; order], vec![0.0; order]);
            matrix.multiply_into(&wanted, &mut x);
            inverse.solve(&mut x, &mut scratch);
            for (found, expected) in x.iter().zip(&wanted) {
                assert!((found - expected).abs() < 1e-12, "{order}: {found} {expected}");
            }
        }
    }

    #[test]
    fn a_singular_matrix_is_refused() {
        let mut inverse = Inverse::new(3);
        assert!(!inverse.factorise(3, |_, into| into.fill(1.0), |diagonal| 1e-14 * diagonal));
        assert_eq!(inverse.order(), 0);
    }
}
