//! A dense symmetric matrix: what a covariance is stored in.
//!
//! Both triangles are stored, row-major, so that a row is a contiguous slice. No units, no validation
//! beyond shape: [`Problem`](crate::Problem) checks what a covariance must satisfy.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Result, require_length};

/// Elements of a product that are summed side by side.
const COLUMNS: usize = 16;

/// Dense symmetric matrix of order `n`, row-major, both triangles stored.
#[derive(Debug, Clone, Default)]
pub struct SymmetricMatrix {
    order: usize,
    data: Vec<f64>,
    /// Another number for other entries, so that what was computed from a matrix is known to be still that of
    /// it without reading it all. It is in no result.
    stamp: Stamp,
}

impl PartialEq for SymmetricMatrix {
    fn eq(&self, other: &Self) -> bool {
        self.order == other.order && self.data == other.data
    }
}

/// See [`SymmetricMatrix::stamp`]; zero for the empty matrix only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Stamp(u64);

impl Stamp {
    fn fresh() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Self(LAST.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

impl SymmetricMatrix {
    /// The matrix of order `order` with every entry zero.
    #[must_use]
    pub fn zeros(order: usize) -> Self {
        Self { order, data: vec![0.0; order * order], stamp: Stamp::fresh() }
    }

    /// Takes `order * order` row-major entries as they are; symmetry is the caller's claim.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) when the number of entries is another.
    pub fn from_row_major(order: usize, data: Vec<f64>) -> Result<Self> {
        require_length("covariance", order * order, data.len())?;
        Ok(Self { order, data, stamp: Stamp::fresh() })
    }

    /// Fills both triangles from `entry(row, column)`, called for `column <= row` only.
    #[must_use]
    pub fn from_lower(order: usize, mut entry: impl FnMut(usize, usize) -> f64) -> Self {
        let mut matrix = Self::zeros(order);
        for row in 0..order {
            for column in 0..=row {
                matrix.write(row, column, entry(row, column));
            }
        }
        matrix
    }

    /// Number of rows, which is the number of columns.
    #[must_use]
    pub fn order(&self) -> usize {
        self.order
    }

    /// The entry at (`row`, `column`).
    #[must_use]
    #[inline]
    pub fn get(&self, row: usize, column: usize) -> f64 {
        self.data[row * self.order + column]
    }

    /// Sets (`row`, `column`) and its mirror image.
    #[inline]
    pub fn set(&mut self, row: usize, column: usize, value: f64) {
        self.stamp = Stamp::fresh();
        self.write(row, column, value);
    }

    #[inline]
    fn write(&mut self, row: usize, column: usize, value: f64) {
        self.data[row * self.order + column] = value;
        self.data[column * self.order + row] = value;
    }

    /// Takes over all of `other`; without allocating where it is of the same order.
    pub fn copy_from(&mut self, other: &Self) {
        self.order = other.order;
        self.data.clone_from(&other.data);
        self.stamp = other.stamp;
    }

    /// One row (or column: they are the same).
    #[must_use]
    #[inline]
    pub fn row(&self, row: usize) -> &[f64] {
        &self.data[row * self.order..(row + 1) * self.order]
    }

    /// All entries, row-major.
    #[must_use]
    pub fn as_slice(&self) -> &[f64] {
        &self.data
    }

    /// All entries, row-major, to be changed; the caller keeps both triangles equal.
    pub fn as_mut_slice(&mut self) -> &mut [f64] {
        self.stamp = Stamp::fresh();
        &mut self.data
    }

    /// Two matrices of the same stamp have the same entries: each change gives another one, a copy keeps it.
    pub(crate) fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// The entry in the middle: variances, for a covariance.
    #[must_use]
    #[inline]
    pub fn diagonal(&self, index: usize) -> f64 {
        self.get(index, index)
    }

    /// Sum of the diagonal.
    #[must_use]
    pub fn trace(&self) -> f64 {
        (0..self.order).map(|index| self.diagonal(index)).sum()
    }

    /// `out = A x`.
    pub fn multiply_into(&self, x: &[f64], out: &mut [f64]) {
        for (value, row) in out.iter_mut().zip(self.data.chunks_exact(self.order.max(1))) {
            *value = dot(row, x);
        }
    }

    /// `xᵀ A x`, without allocation. Each element of `A x` is summed from the first term to the last, several
    /// of them side by side; zero elements of `x` cost next to nothing.
    #[must_use]
    pub fn quadratic_form(&self, x: &[f64]) -> f64 {
        let mut total = 0.0;
        let mut first = 0;
        while first + COLUMNS <= x.len() {
            total += self.quadratic_part::<COLUMNS>(x, first);
            first += COLUMNS;
        }
        while first + 4 <= x.len() {
            total += self.quadratic_part::<4>(x, first);
            first += 4;
        }
        for first in first..x.len() {
            total += self.quadratic_part::<1>(x, first);
        }
        total
    }

    /// What the elements of `x` from `first` on add to the quadratic form.
    #[inline]
    fn quadratic_part<const WIDTH: usize>(&self, x: &[f64], first: usize) -> f64 {
        let outer = &x[first..first + WIDTH];
        if outer.iter().all(|&element| element == 0.0) {
            return 0.0;
        }
        let mut products = [0.0; WIDTH];
        for (row, &element) in x.iter().enumerate() {
            if element != 0.0 {
                let row = &self.row(row)[first..first + WIDTH];
                for k in 0..WIDTH {
                    products[k] += row[k] * element;
                }
            }
        }
        outer.iter().zip(&products).map(|(element, product)| element * product).sum()
    }

    /// The principal submatrix of the rows (and columns) in `keep`, in that order.
    #[must_use]
    pub fn principal(&self, keep: &[usize]) -> Self {
        Self::from_lower(keep.len(), |row, column| self.get(keep[row], keep[column]))
    }

    /// `(1 − intensity) A + intensity · target · I`: shrinkage towards the scaled identity.
    #[must_use]
    pub fn shrunk(&self, intensity: f64, target: f64) -> Self {
        Self::from_lower(self.order, |row, column| {
            let diagonal = if row == column { intensity * target } else { 0.0 };
            (1.0 - intensity) * self.get(row, column) + diagonal
        })
    }
}

/// Inner product, summed from the first element to the last.
#[must_use]
#[inline]
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quadratic_form_is_what_the_definition_says() {
        let matrix = SymmetricMatrix::from_lower(2, |row, column| [[4.0, 1.0], [1.0, 9.0]][row][column]);
        assert_eq!(matrix.quadratic_form(&[0.5, 0.5]), 0.25 * (4.0 + 2.0 + 9.0));
        assert_eq!(matrix.trace(), 13.0);
    }

    #[test]
    fn shrinking_entirely_leaves_the_target() {
        let matrix = SymmetricMatrix::from_lower(2, |_, _| 3.0).shrunk(1.0, 2.0);
        assert_eq!(matrix.as_slice(), [2.0, 0.0, 0.0, 2.0]);
    }

    #[test]
    fn each_change_gives_another_stamp_and_a_copy_keeps_it() {
        let mut matrix = SymmetricMatrix::zeros(2);
        let copy = matrix.clone();
        assert_eq!(matrix.stamp(), copy.stamp());
        matrix.set(0, 1, 1.0);
        assert_ne!(matrix.stamp(), copy.stamp());
        let before = matrix.stamp();
        matrix.as_mut_slice()[1] = 0.0;
        assert_ne!(matrix.stamp(), before);
        assert_ne!(SymmetricMatrix::zeros(2).stamp(), copy.stamp());
        assert_eq!(SymmetricMatrix::zeros(2), copy);
    }

    #[test]
    fn a_quadratic_form_covers_whole_and_partial_blocks() {
        for order in [1, 15, 16, 17, 40] {
            let matrix = SymmetricMatrix::from_lower(order, |i, j| 1.0 / (1 + i + j) as f64);
            let x: Vec<f64> =
                (0..order).map(|i| f64::from(u8::from(i % 3 != 1)) * (i as f64 - 4.0)).collect();
            let mut product = vec![0.0; order];
            matrix.multiply_into(&x, &mut product);
            let expected = dot(&x, &product);
            assert!((matrix.quadratic_form(&x) - expected).abs() <= 1e-13 * expected.abs());
        }
    }

    #[test]
    fn a_wrong_number_of_entries_is_refused() {
        assert!(SymmetricMatrix::from_row_major(2, vec![1.0; 3]).is_err());
    }
}
