//! ‖Lᵀw‖² for a lower triangular L, portfolio by lane, and Σμw.
//!
//! Several rows of Lᵀ are multiplied with several registers of portfolios at a time: each entry of L feeds all of
//! those registers, and the sums stay in registers. Each sum runs over the assets in ascending order and the
//! squares are added by ascending row, whatever the shape of the blocks, so the shape does not show in the bits.

use super::dispatch::{Machine, Work};
use super::draw::{Draw, Spacings};
use super::fused::Fused;
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

    /// The same for a whole tile, while the next one is drawn.
    #[inline]
    pub(crate) fn scores_drawing<const STRIDE: usize>(
        &self,
        weights: &[[Lanes; STRIDE]],
        spacings: &[Spacings; STRIDE],
        scores: &mut [Scores; STRIDE],
        next: Draw<'_, STRIDE>,
    ) {
        let weights = &weights[..self.order];
        let squared = Squared { entries: &self.entries, weights, spacings, groups: STRIDE, scores };
        self.machine.run(Fused { squared, next });
    }

    /// Σμw of one group.
    pub(crate) fn weighted(&self, mean: &[f32], weights: &[Lanes]) -> Lanes {
        self.machine.run(Weighted { mean, weights })
    }
}

/// What is to be evaluated.
pub(super) struct Squared<'a, const STRIDE: usize> {
    pub(super) entries: &'a [f32],
    pub(super) weights: &'a [[Lanes; STRIDE]],
    pub(super) spacings: &'a [Spacings; STRIDE],
    pub(super) groups: usize,
    pub(super) scores: &'a mut [Scores; STRIDE],
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
                let sums = squares::<S, _, WIDE, NARROW, ROWS, STRIDE>(
                    self.entries,
                    self.weights,
                    group,
                    &mut Nothing,
                );
                for k in 0..WIDE {
                    let group = group + k / NARROW;
                    finish::<S>(&self.spacings[group], sums[k], &mut self.scores[group], k % NARROW);
                }
                group += wide;
            } else {
                let sums = squares::<S, _, NARROW, NARROW, ROWS, STRIDE>(
                    self.entries,
                    self.weights,
                    group,
                    &mut Nothing,
                );
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
pub(super) fn finish<S: Simd>(spacings: &Spacings, variance: S::F, scores: &mut Scores, part: usize) {
    let share = S::div(S::splat(1.0), S::load(&spacings.sum.0, part));
    S::store(S::mul(S::load(&spacings.mean.0, part), share), &mut scores.mean.0, part);
    S::store(S::mul(variance, S::mul(share, share)), &mut scores.variance.0, part);
}

/// Other work between the rows of a product: some after each `pace` rows, if there is any.
pub(super) trait Between {
    const SOME: bool;
    fn pace(&self) -> usize;
    fn step(&mut self);
}

struct Nothing;

impl Between for Nothing {
    const SOME: bool = false;

    fn pace(&self) -> usize {
        usize::MAX
    }

    fn step(&mut self) {}
}

/// ‖Lᵀe‖² of `K` registers from `group` on.
#[inline(always)]
pub(super) fn squares<S, B, const K: usize, const PARTS: usize, const ROWS: usize, const STRIDE: usize>(
    entries: &[f32],
    weights: &[[Lanes; STRIDE]],
    group: usize,
    between: &mut B,
) -> [S::F; K]
where
    S: Simd,
    B: Between,
{
    let mut sums = [S::splat(0.0); K];
    let (mut entries, mut rest) = (entries, weights);
    while rest.len() >= ROWS {
        block::<S, B, K, PARTS, ROWS, STRIDE>(&mut entries, rest, group, &mut sums, between);
        rest = &rest[ROWS..];
    }
    let (sums_of_all, none) = (&mut sums, &mut Nothing);
    match rest.len() {
        1 => block::<S, _, K, PARTS, 1, STRIDE>(&mut entries, rest, group, sums_of_all, none),
        2 => block::<S, _, K, PARTS, 2, STRIDE>(&mut entries, rest, group, sums_of_all, none),
        3 => block::<S, _, K, PARTS, 3, STRIDE>(&mut entries, rest, group, sums_of_all, none),
        4 => block::<S, _, K, PARTS, 4, STRIDE>(&mut entries, rest, group, sums_of_all, none),
        5 => block::<S, _, K, PARTS, 5, STRIDE>(&mut entries, rest, group, sums_of_all, none),
        _ => {}
    }
    sums
}

/// Adds the squares of `R` rows of Lᵀw; `weights` begin with the asset of the first.
#[inline(always)]
fn block<S, B, const K: usize, const PARTS: usize, const R: usize, const STRIDE: usize>(
    entries: &mut &[f32],
    weights: &[[Lanes; STRIDE]],
    group: usize,
    sums: &mut [S::F; K],
    between: &mut B,
) where
    S: Simd,
    B: Between,
{
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
    macro_rules! row {
        ($entries:ident, $weights:ident) => {
            let weights = load::<S, K, PARTS, STRIDE>($weights, group);
            for row in 0..R {
                let entry = S::splat($entries[row]);
                for k in 0..K {
                    products[row][k] = S::fma(entry, weights[k], products[row][k]);
                }
            }
        };
    }
    let body = body.as_chunks::<R>().0;
    if B::SOME {
        let pace = between.pace();
        for (body, below) in body.chunks(pace).zip(below.chunks(pace)) {
            for (entries, weights) in body.iter().zip(below) {
                row!(entries, weights);
            }
            between.step();
        }
    } else {
        for (entries, weights) in body.iter().zip(below) {
            row!(entries, weights);
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
