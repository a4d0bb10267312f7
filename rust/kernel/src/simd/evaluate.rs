//! ‖Lᵀw‖² for a lower triangular L, portfolio by lane, and Σμw.
//!
//! Several rows of Lᵀ are multiplied with several registers of portfolios at a time: each entry of L feeds all of
//! those registers, and the sums stay in registers. Each sum runs over the assets in ascending order and the
//! squares are added by ascending row, whatever the shape of the blocks, so the shape does not show in the bits.

use super::dispatch::{Machine, Work};
use super::draw::Spacings;
use super::vector::Simd;
use crate::batch::{Lanes, Scores};

/// A lower triangular matrix, packed for one instruction set.
#[derive(Debug, Clone)]
pub(crate) struct Triangle {
    machine: Machine,
    order: usize,
    /// For each block of columns: the triangle at its head by rows, then the entries of each row below.
    entries: Vec<f32>,
}

impl Triangle {
    /// Packs `lower`, row-major and of the given order.
    pub(crate) fn new(machine: Machine, order: usize, lower: &[f64]) -> Self {
        let mut entries = Vec::with_capacity(order * (order + 1) / 2);
        let mut first = 0;
        while first < order {
            let width = machine.rows().min(order - first);
            for row in first..order {
                let last = (row + 1).min(first + width);
                entries.extend((first..last).map(|column| lower[row * order + column] as f32));
            }
            first += width;
        }
        Self { machine, order, entries }
    }

    /// Mean Σμe/Σe and variance ‖Lᵀe‖²/(Σe)² of the first `groups` groups of sixteen, from their spacings e in
    /// `weights[asset][group]` and the sums in `spacings`.
    #[inline]
    pub(crate) fn scores<const STRIDE: usize>(
        &self,
        weights: &[[Lanes; STRIDE]],
        spacings: &[Spacings; STRIDE],
        groups: usize,
        scores: &mut [Scores; STRIDE],
    ) {
        let weights = &weights[..self.order];
        self.machine.run(Squared { entries: &self.entries, weights, spacings, groups, scores });
    }

    /// Σμw of one group.
    pub(crate) fn weighted(&self, mean: &[f32], weights: &[Lanes]) -> Lanes {
        self.machine.run(Weighted { mean, weights })
    }
}

struct Squared<'a, const STRIDE: usize> {
    entries: &'a [f32],
    weights: &'a [[Lanes; STRIDE]],
    spacings: &'a [Spacings; STRIDE],
    groups: usize,
    scores: &'a mut [Scores; STRIDE],
}

impl<const STRIDE: usize> Work for Squared<'_, STRIDE> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, const DRAW: usize, const WIDE: usize, const NARROW: usize, const ROWS: usize>(self) {
        let wide = WIDE / NARROW;
        let groups = self.groups.min(STRIDE);
        let mut group = 0;
        while group < groups {
            if wide > 1 && groups - group >= wide {
                let sums = squares::<S, WIDE, NARROW, ROWS, STRIDE>(self.entries, self.weights, group);
                for k in 0..WIDE {
                    let group = group + k / NARROW;
                    finish::<S>(&self.spacings[group], sums[k], &mut self.scores[group], k % NARROW);
                }
                group += wide;
            } else {
                let sums = squares::<S, NARROW, NARROW, ROWS, STRIDE>(self.entries, self.weights, group);
                for k in 0..NARROW {
                    finish::<S>(&self.spacings[group], sums[k], &mut self.scores[group], k);
                }
                group += 1;
            }
        }
    }
}

/// Divides by the sum of the spacings and its square.
#[inline(always)]
fn finish<S: Simd>(spacings: &Spacings, variance: S::F, scores: &mut Scores, part: usize) {
    let share = S::div(S::splat(1.0), S::load(&spacings.sum.0, part));
    S::store(S::mul(S::load(&spacings.mean.0, part), share), &mut scores.mean.0, part);
    S::store(S::mul(variance, S::mul(share, share)), &mut scores.variance.0, part);
}

#[inline(always)]
fn squares<S: Simd, const K: usize, const PARTS: usize, const ROWS: usize, const STRIDE: usize>(
    entries: &[f32],
    weights: &[[Lanes; STRIDE]],
    group: usize,
) -> [S::F; K] {
    let mut sums = [S::splat(0.0); K];
    let (mut entries, mut rest) = (entries, weights);
    while rest.len() >= ROWS {
        block::<S, K, PARTS, ROWS, STRIDE>(&mut entries, rest, group, &mut sums);
        rest = &rest[ROWS..];
    }
    match rest.len() {
        1 => block::<S, K, PARTS, 1, STRIDE>(&mut entries, rest, group, &mut sums),
        2 => block::<S, K, PARTS, 2, STRIDE>(&mut entries, rest, group, &mut sums),
        3 => block::<S, K, PARTS, 3, STRIDE>(&mut entries, rest, group, &mut sums),
        4 => block::<S, K, PARTS, 4, STRIDE>(&mut entries, rest, group, &mut sums),
        5 => block::<S, K, PARTS, 5, STRIDE>(&mut entries, rest, group, &mut sums),
        _ => {}
    }
    sums
}

/// Adds the squares of `R` rows of Lᵀw; `weights` begin with the asset of the first.
#[inline(always)]
fn block<S: Simd, const K: usize, const PARTS: usize, const R: usize, const STRIDE: usize>(
    entries: &mut &[f32],
    weights: &[[Lanes; STRIDE]],
    group: usize,
    sums: &mut [S::F; K],
) {
    let (top, below) = weights.split_at(R);
    let (head, rest) = entries.split_at(R * (R + 1) / 2);
    let (body, rest) = rest.split_at(R * below.len());
    *entries = rest;
    let mut products = [[S::splat(0.0); K]; R];
    // Written out: the compiler does not unroll the whole of a triangle of six, and what is indexed by a loop lives
    // in memory.
    macro_rules! head {
        ($($asset:literal)*) => {$(
            if $asset < R {
                let weights = load::<S, K, PARTS, STRIDE>(&top[$asset], group);
                for row in 0..=$asset {
                    let entry = S::splat(head[$asset * ($asset + 1) / 2 + row]);
                    for k in 0..K {
                        products[row][k] = S::fma(entry, weights[k], products[row][k]);
                    }
                }
            }
        )*};
    }
    head!(0 1 2 3 4 5);
    for (entries, weights) in body.as_chunks::<R>().0.iter().zip(below) {
        let weights = load::<S, K, PARTS, STRIDE>(weights, group);
        for row in 0..R {
            let entry = S::splat(entries[row]);
            for k in 0..K {
                products[row][k] = S::fma(entry, weights[k], products[row][k]);
            }
        }
    }
    for row in 0..R {
        for k in 0..K {
            sums[k] = S::fma(products[row][k], products[row][k], sums[k]);
        }
    }
}

#[inline(always)]
fn load<S: Simd, const K: usize, const PARTS: usize, const STRIDE: usize>(
    weights: &[Lanes; STRIDE],
    group: usize,
) -> [S::F; K] {
    let mut loaded = [S::splat(0.0); K];
    for k in 0..K {
        loaded[k] = S::load(&weights[group + k / PARTS].0, k % PARTS);
    }
    loaded
}

struct Weighted<'a> {
    mean: &'a [f32],
    weights: &'a [Lanes],
}

impl Work for Weighted<'_> {
    type Output = Lanes;

    #[inline(always)]
    fn run<S: Simd, const DRAW: usize, const WIDE: usize, const NARROW: usize, const ROWS: usize>(
        self,
    ) -> Lanes {
        let mut sums = [S::splat(0.0); NARROW];
        for (&factor, weight) in self.mean.iter().zip(self.weights) {
            for part in 0..NARROW {
                sums[part] = S::fma(S::splat(factor), S::load(&weight.0, part), sums[part]);
            }
        }
        let mut result = Lanes::ZERO;
        for part in 0..NARROW {
            S::store(sums[part], &mut result.0, part);
        }
        result
    }
}
