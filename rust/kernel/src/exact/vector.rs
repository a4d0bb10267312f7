//! Vector kernels of the exact solvers. Their sums run in eight fixed lanes: the compiler may use vector
//! registers, and the bits are the same whatever it does.

/// Lanes of a sum.
const LANES: usize = 8;

/// Inner product over the common length, summed in eight lanes that are then added pairwise.
#[must_use]
#[inline]
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    let length = a.len().min(b.len());
    let (heads_a, tail_a) = a[..length].as_chunks::<LANES>();
    let (heads_b, tail_b) = b[..length].as_chunks::<LANES>();
    let mut lanes = [0.0; LANES];
    for (x, y) in heads_a.iter().zip(heads_b) {
        for lane in 0..LANES {
            lanes[lane] += x[lane] * y[lane];
        }
    }
    for ((lane, x), y) in lanes.iter_mut().zip(tail_a).zip(tail_b) {
        *lane += x * y;
    }
    pairwise(lanes)
}

/// [`dot`] and the same of the absolute values of its terms.
#[inline]
pub(super) fn dot_and_size(a: &[f64], b: &[f64]) -> (f64, f64) {
    let (mut sums, mut sizes) = ([0.0; LANES], [0.0; LANES]);
    for (a, b) in a.chunks(LANES).zip(b.chunks(LANES)) {
        for (((sum, size), x), y) in sums.iter_mut().zip(&mut sizes).zip(a).zip(b) {
            let term = x * y;
            *sum += term;
            *size += term.abs();
        }
    }
    (pairwise(sums), pairwise(sizes))
}

#[inline]
fn pairwise([a, b, c, d, e, f, g, h]: [f64; LANES]) -> f64 {
    ((a + e) + (c + g)) + ((b + f) + (d + h))
}

/// The sum, in eight lanes that are then added pairwise.
#[inline]
pub(super) fn sum(x: &[f64]) -> f64 {
    let (heads, tail) = x.as_chunks::<LANES>();
    let mut lanes = [0.0; LANES];
    for x in heads {
        for lane in 0..LANES {
            lanes[lane] += x[lane];
        }
    }
    for (lane, x) in lanes.iter_mut().zip(tail) {
        *lane += x;
    }
    pairwise(lanes)
}

/// `y += factors[0] · rows[0] + … + factors[3] · rows[3]`, added one after the other: the same bits as four
/// calls of [`add_scaled`], with a quarter of the loads and stores of `y`. The rows are as long as `y`.
#[inline]
pub(super) fn add_four(y: &mut [f64], factors: [f64; 4], rows: [&[f64]; 4]) {
    let length = y.len();
    let [a, b, c, d] = rows.map(|row| &row[..length]);
    let [fa, fb, fc, fd] = factors;
    for k in 0..length {
        y[k] = (((y[k] + fa * a[k]) + fb * b[k]) + fc * c[k]) + fd * d[k];
    }
}

/// Elements of a sum of rows that are kept in registers.
const COLUMNS: usize = 16;
/// Sums up to this long are made in registers, longer ones four rows at a time through memory: there a block of
/// columns would touch too many pages.
const SHORT: usize = 256;

/// Rows of equal length, one behind the other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows<'a> {
    pub(super) data: &'a [f64],
    /// Elements from the beginning of one row to that of the next.
    pub(super) stride: usize,
    /// What to pass over at the beginning of each row.
    pub(super) first: usize,
}

impl<'a> Rows<'a> {
    #[inline]
    fn row(&self, index: usize, first: usize, length: usize) -> &'a [f64] {
        let start = index * self.stride + self.first + first;
        &self.data[start..start + length]
    }
}

/// `y += Σ factor · row(index)`, term by term in their order. The bits do not depend on how the work is cut up.
pub(super) fn add_rows(y: &mut [f64], rows: Rows<'_>, indices: &[usize], factors: &[f64]) {
    if y.len() > SHORT {
        let (index_groups, factor_groups) = (indices.chunks_exact(4), factors.chunks_exact(4));
        let rest = index_groups.remainder().iter().zip(factor_groups.remainder());
        for (i, f) in index_groups.zip(factor_groups) {
            let four = [0, 1, 2, 3].map(|k| rows.row(i[k], 0, y.len()));
            add_four(y, [f[0], f[1], f[2], f[3]], four);
        }
        rest.for_each(|(&index, &factor)| add_scaled(y, factor, rows.row(index, 0, y.len())));
        return;
    }
    add_in_blocks(y, rows, |_| (indices, factors));
}

/// [`add_rows`] of as many rows as `y` has elements at least, of which row i is zero from element i + 1 on:
/// what is zero is passed over.
pub(super) fn add_triangle(y: &mut [f64], rows: Rows<'_>, indices: &[usize], factors: &[f64]) {
    add_in_blocks(y, rows, |first| (&indices[first..], &factors[first..]));
}

/// Block by block of `y`; `terms` gives those that matter from an element on.
#[inline]
fn add_in_blocks<'a>(y: &mut [f64], rows: Rows<'_>, terms: impl Fn(usize) -> (&'a [usize], &'a [f64])) {
    let mut done = 0;
    while done + COLUMNS <= y.len() {
        add_block::<COLUMNS>(y, done, rows, terms(done));
        done += COLUMNS;
    }
    if done + 8 <= y.len() {
        add_block::<8>(y, done, rows, terms(done));
        done += 8;
    }
    if done + 4 <= y.len() {
        add_block::<4>(y, done, rows, terms(done));
        done += 4;
    }
    if done + 2 <= y.len() {
        add_block::<2>(y, done, rows, terms(done));
        done += 2;
    }
    if done < y.len() {
        add_block::<1>(y, done, rows, terms(done));
    }
}

/// What [`add_rows`] does to the elements of `y` from `first` on.
#[inline]
fn add_block<const WIDTH: usize>(
    y: &mut [f64],
    first: usize,
    rows: Rows<'_>,
    (indices, factors): (&[usize], &[f64]),
) {
    let Some(target) = y[first..].first_chunk_mut::<WIDTH>() else { return };
    let mut sums = *target;
    for (&index, &factor) in indices.iter().zip(factors) {
        let row = rows.row(index, first, WIDTH);
        for k in 0..WIDTH {
            sums[k] += factor * row[k];
        }
    }
    *target = sums;
}

/// `y += factor · x` over the common length.
#[inline]
pub(super) fn add_scaled(y: &mut [f64], factor: f64, x: &[f64]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += factor * x;
    }
}

/// True when both slices hold the same bits; compared without an early exit, which vectorises.
#[inline]
pub(super) fn same_bits(a: &[f64], b: &[f64]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |differ, (x, y)| differ | (x.to_bits() ^ y.to_bits())) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inner_product_covers_lanes_and_tail() {
        let a: Vec<f64> = (0..19).map(f64::from).collect();
        assert_eq!(dot(&a, &a), (0..19).map(|i| f64::from(i * i)).sum::<f64>());
        assert_eq!(dot(&a[..3], &a), 5.0);
    }

    #[test]
    fn rows_added_together_give_the_bits_of_one_after_the_other() {
        for length in [3, 16, 37, SHORT + 5] {
            let data: Vec<f64> = (0..7 * (length + 2)).map(|k| 0.1 * (k % 31) as f64 - 1.3).collect();
            let rows = Rows { data: &data, stride: length + 2, first: 1 };
            let (indices, factors) = ([5, 0, 2, 6, 1, 4], [0.3, -0.7, 1.1, 0.9, -0.2, 0.6]);
            let (mut fast, mut slow) = (vec![0.5; length], vec![0.5; length]);
            add_rows(&mut fast, rows, &indices, &factors);
            for (&index, &factor) in indices.iter().zip(&factors) {
                add_scaled(&mut slow, factor, rows.row(index, 0, length));
            }
            assert!(same_bits(&fast, &slow));
        }
        assert_eq!(sum(&[0.5; 11]), 5.5);
    }

    #[test]
    fn bits_are_compared_not_values() {
        assert!(same_bits(&[1.0, f64::NAN], &[1.0, f64::NAN]));
        assert!(!same_bits(&[0.0], &[-0.0]));
        assert!(!same_bits(&[0.0], &[0.0, 0.0]));
    }
}
