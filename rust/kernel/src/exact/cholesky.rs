//! An updatable Cholesky factor: an asset is added by a border, removed by Givens rotations, each in O(F²)
//! for F assets. Everything is allocated once, for the whole universe. See Golub & Van Loan, Matrix
//! Computations, 4th ed., section 6.5.

use super::vector::{add_four, add_scaled, dot};

/// Rows rotated side by side: the rotations of one row wait for each other, those of several do not.
const LANES: usize = 4;

/// Lower triangular L with A = L Lᵀ, rows packed one behind the other.
#[derive(Debug, Clone, Default)]
pub(super) struct Cholesky {
    order: usize,
    rows: Vec<f64>,
    /// 1 / L_kk: a multiplication is cheaper than a division in the solves.
    inverse_diagonal: Vec<f64>,
    /// Cosine and sine of each rotation of a removal.
    rotations: Vec<(f64, f64)>,
}

/// Where a row begins.
const fn start(row: usize) -> usize {
    row * (row + 1) / 2
}

impl Cholesky {
    /// An empty factor with room for `capacity` rows.
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            order: 0,
            rows: vec![0.0; start(capacity)],
            inverse_diagonal: vec![0.0; capacity],
            rotations: vec![(1.0, 0.0); capacity],
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
        &self.rows[start(row)..start(row + 1)]
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
        let (above, below) = self.rows.split_at_mut(start(order));
        let row = &mut below[..order];
        for (index, value) in row.iter_mut().enumerate() {
            *value = entry(index);
        }
        substitute(above, &self.inverse_diagonal[..order], row);
        diagonal - dot(row, row)
    }

    fn accept(&mut self, pivot: f64) {
        let diagonal = pivot.sqrt();
        self.rows[start(self.order) + self.order] = diagonal;
        self.inverse_diagonal[self.order] = 1.0 / diagonal;
        self.order += 1;
    }

    /// Deletes row and column `position` of A. The rows below move up, each with one element too many for its
    /// new place; rotation k mixes columns k and k + 1 so that row k ends on the diagonal.
    pub(super) fn remove(&mut self, position: usize) {
        self.order -= 1;
        let mut row = position;
        while row < self.order {
            row += self.rotate(position, row);
        }
    }

    /// Moves up to [`LANES`] rows up, the first of them to `row`; returns how many.
    fn rotate(&mut self, position: usize, row: usize) -> usize {
        let lanes = LANES.min(self.order - row);
        let mut carried = [0.0; LANES];
        for lane in 0..lanes {
            let (to, from) = (start(row + lane), start(row + 1 + lane));
            self.rows.copy_within(from..from + position, to);
            carried[lane] = self.rows[from + position];
        }
        if lanes == LANES {
            let to: [usize; LANES] = std::array::from_fn(|lane| start(row + lane));
            let from: [usize; LANES] = std::array::from_fn(|lane| start(row + 1 + lane) + 1);
            for k in position..row {
                let (cosine, sine) = self.rotations[k];
                for lane in 0..LANES {
                    let (x, y) = (carried[lane], self.rows[from[lane] + k]);
                    self.rows[to[lane] + k] = cosine * x + sine * y;
                    carried[lane] = cosine * y - sine * x;
                }
            }
        }
        for lane in 0..lanes {
            let first = if lanes == LANES { row } else { position };
            self.finish(first, row + lane, carried[lane]);
        }
        lanes
    }

    /// The rotations from `first` on of the row that moves up to `row`, the last of which it defines.
    fn finish(&mut self, first: usize, row: usize, mut carried: f64) {
        let (to, from) = (start(row), start(row + 1) + 1);
        for k in first..row {
            let (cosine, sine) = self.rotations[k];
            let y = self.rows[from + k];
            self.rows[to + k] = cosine * carried + sine * y;
            carried = cosine * y - sine * carried;
        }
        let last = self.rows[from + row];
        let length = (carried * carried + last * last).sqrt();
        let (cosine, sine) = if length > 0.0 { (carried / length, last / length) } else { (1.0, 0.0) };
        self.rotations[row] = (cosine, sine);
        let diagonal = cosine * carried + sine * last;
        self.rows[to + row] = diagonal;
        self.inverse_diagonal[row] = 1.0 / diagonal;
    }

    /// `x = A⁻¹ x`; `x` has one element a row.
    pub(super) fn solve(&self, x: &mut [f64]) {
        let x = &mut x[..self.order];
        substitute(&self.rows, &self.inverse_diagonal[..self.order], x);
        // Rows from the last to the first, four at a time: the triangle of the four, then all before them.
        let mut end = self.order;
        while end >= LANES {
            let first = end - LANES;
            for k in (first..end).rev() {
                let value = x[k] * self.inverse_diagonal[k];
                x[k] = value;
                add_scaled(&mut x[first..k], -value, &self.row(k)[first..k]);
            }
            let (before, four) = x[..end].split_at_mut(first);
            let rows = [first + 3, first + 2, first + 1, first].map(|k| self.row(k));
            add_four(before, [-four[3], -four[2], -four[1], -four[0]], rows);
            end = first;
        }
        for k in (0..end).rev() {
            let value = x[k] * self.inverse_diagonal[k];
            x[k] = value;
            add_scaled(&mut x[..k], -value, &self.row(k)[..k]);
        }
    }
}

/// `x = L⁻¹ x` for packed rows of L. Four rows at a time: their products with what is known do not wait for each
/// other.
fn substitute(rows: &[f64], inverse_diagonal: &[f64], x: &mut [f64]) {
    let mut first = 0;
    while first < x.len() {
        let lanes = LANES.min(x.len() - first);
        let (before, four) = x.split_at_mut(first);
        let mut known = [0.0; LANES];
        for (lane, known) in known.iter_mut().enumerate().take(lanes) {
            *known = dot(&rows[start(first + lane)..][..first], before);
        }
        for lane in 0..lanes {
            let row = &rows[start(first + lane) + first..][..lane];
            let within: f64 = row.iter().zip(four.iter()).map(|(entry, x)| entry * x).sum();
            four[lane] = (four[lane] - (known[lane] + within)) * inverse_diagonal[first + lane];
        }
        first += lanes;
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
