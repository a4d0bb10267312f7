//! Vector kernels of the exact solvers. Their sums run in eight fixed lanes: the compiler may use vector
//! registers, and the bits are the same whatever it does.

/// Lanes of a sum.
const LANES: usize = 8;

/// Inner product over the common length, summed in eight lanes that are then added pairwise.
#[inline]
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let length = a.len().min(b.len());
    let (a, b) = (&a[..length], &b[..length]);
    let mut lanes = [0.0; LANES];
    let (heads_a, heads_b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let tail: f64 = heads_a.remainder().iter().zip(heads_b.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in heads_a.zip(heads_b) {
        for lane in 0..LANES {
            lanes[lane] += x[lane] * y[lane];
        }
    }
    pairwise(lanes) + tail
}

/// [`dot`] and the same of the absolute values of its terms.
#[inline]
pub(super) fn dot_and_size(a: &[f64], b: &[f64]) -> (f64, f64) {
    let length = a.len().min(b.len());
    let (mut sums, mut sizes) = ([0.0; LANES], [0.0; LANES]);
    let (heads_a, heads_b) = (a[..length].chunks_exact(LANES), b[..length].chunks_exact(LANES));
    let tail = heads_a.remainder().iter().zip(heads_b.remainder()).map(|(x, y)| x * y);
    let (tail, tail_size) = tail.fold((0.0, 0.0), |(sum, size), term| (sum + term, size + term.abs()));
    for (x, y) in heads_a.zip(heads_b) {
        for lane in 0..LANES {
            let term = x[lane] * y[lane];
            sums[lane] += term;
            sizes[lane] += term.abs();
        }
    }
    (pairwise(sums) + tail, pairwise(sizes) + tail_size)
}

#[inline]
fn pairwise([a, b, c, d, e, f, g, h]: [f64; LANES]) -> f64 {
    ((a + e) + (c + g)) + ((b + f) + (d + h))
}

/// The sum, in eight lanes that are then added pairwise.
#[inline]
pub(super) fn sum(x: &[f64]) -> f64 {
    let mut lanes = [0.0; LANES];
    let heads = x.chunks_exact(LANES);
    let tail: f64 = heads.remainder().iter().sum();
    for x in heads {
        for lane in 0..LANES {
            lanes[lane] += x[lane];
        }
    }
    pairwise(lanes) + tail
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

/// `y += Σ factor · row(index)` over `terms` of (index, factor), in their order; terms of factor zero are
/// passed over. The rows are as long as `y`.
#[inline]
pub(super) fn add_rows<'a>(
    y: &mut [f64],
    terms: impl Iterator<Item = (usize, f64)>,
    row: impl Fn(usize) -> &'a [f64],
) {
    let (mut indices, mut factors, mut held) = ([0; 4], [0.0; 4], 0);
    for (index, factor) in terms {
        if factor == 0.0 {
            continue;
        }
        (indices[held], factors[held]) = (index, factor);
        held += 1;
        if held == 4 {
            add_four(y, factors, indices.map(&row));
            held = 0;
        }
    }
    for (&index, &factor) in indices.iter().zip(&factors).take(held) {
        add_scaled(y, factor, row(index));
    }
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
    fn rows_added_four_at_a_time_give_the_bits_of_one_at_a_time() {
        let rows: Vec<Vec<f64>> =
            (0..7).map(|r| (0..11).map(|k| 0.1 * f64::from(r * 5 + k) - 1.3).collect()).collect();
        let factors = [0.3, 0.0, -0.7, 1.1, 0.9, -0.2, 0.6];
        let (mut fast, mut slow) = (vec![0.5; 11], vec![0.5; 11]);
        add_rows(&mut fast, factors.iter().copied().enumerate(), |row| &rows[row]);
        for (row, &factor) in rows.iter().zip(&factors) {
            add_scaled(&mut slow, factor, row);
        }
        assert!(same_bits(&fast, &slow));
        assert_eq!(sum(&factors), 2.0);
    }

    #[test]
    fn bits_are_compared_not_values() {
        assert!(same_bits(&[1.0, f64::NAN], &[1.0, f64::NAN]));
        assert!(!same_bits(&[0.0], &[-0.0]));
        assert!(!same_bits(&[0.0], &[0.0, 0.0]));
    }
}
