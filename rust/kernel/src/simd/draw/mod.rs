//! Points of the simplex, drawn in registers: exponential spacings, biased and moved towards elites if so asked.
//!
//! A point is held as its unnormalised spacings e with their sum: s = e/Σe. The mean Σμₑ is summed up as the
//! spacings appear; what it and the variance still need is a division by the sum and its square. There are three ways
//! to the same bits: each spacing from its number at once, where the registers hold all that takes; all numbers
//! first, where they do not; and register by register between other work, with a [`Pen`].

mod pen;
mod shape;
mod spacing;

pub(super) use pen::Pen;
pub(crate) use spacing::Seeds;

use super::dispatch::{Machine, Work};
use super::vector::Simd;
use crate::batch::Lanes;
use spacing::{advance, number, spacings, start, uniform};

/// Groups of sixteen that are drawn and evaluated side by side.
pub(crate) const GROUPS: usize = 4;

/// Registers whose logarithms are computed side by side: one alone would wait for itself.
const LOCKSTEP: usize = 6;

/// How the points of one group are made from its spacings.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Recipe<'a> {
    /// How often the spacings are squared.
    pub(crate) squarings: u32,
    /// Between what they are moved, if at all.
    pub(crate) around: Option<Around<'a>>,
}

/// Two points a, b of the simplex and a step t: a point s becomes (1 − t)·(a + r·(b − a)) + t·s, with r of each
/// portfolio's own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Around<'a> {
    pub(crate) first: &'a [f32],
    pub(crate) second: &'a [f32],
    pub(crate) step: f32,
}

/// What is summed over the spacings of a group.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spacings {
    /// Σe
    pub(crate) sum: Lanes,
    /// Σμe
    pub(crate) mean: Lanes,
    /// The largest e before any bias.
    most: Lanes,
    /// r² of [`Around`] is the next number of the stream.
    ratio: Lanes,
}

impl Spacings {
    pub(crate) const ZERO: Self =
        Self { sum: Lanes::ZERO, mean: Lanes::ZERO, most: Lanes::ZERO, ratio: Lanes::ZERO };

    /// The sums of what is normalised already, with this mean.
    pub(crate) fn weights(mean: Lanes) -> Self {
        Self { sum: Lanes::splat(1.0), mean, ..Self::ZERO }
    }
}

impl Machine {
    /// Draws one group for each recipe: spacings into `weights[asset][group]`, sums into `spacings[group]`.
    #[inline]
    pub(crate) fn draw<const STRIDE: usize>(self, draw: Draw<'_, STRIDE>) {
        self.run(draw);
    }
}

/// What is to be drawn: one group for each recipe, spacings into `weights[asset][group]`, sums into `spacings[group]`.
pub(crate) struct Draw<'a, const STRIDE: usize> {
    pub(crate) seeds: &'a [Seeds; STRIDE],
    pub(crate) recipes: &'a [Recipe<'a>],
    pub(crate) mean: &'a [f32],
    pub(crate) weights: &'a mut [[Lanes; STRIDE]],
    pub(crate) spacings: &'a mut [Spacings; STRIDE],
}

impl<const STRIDE: usize> Work for Draw<'_, STRIDE> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, const DRAW: usize, const WIDE: usize, const NARROW: usize, const ROWS: usize>(mut self) {
        if self.is_plain() {
            self.groups::<S, DRAW, NARROW, true>();
        } else {
            self.groups::<S, DRAW, NARROW, false>();
            self.shape::<S, NARROW>();
        }
    }
}

impl<const STRIDE: usize> Draw<'_, STRIDE> {
    /// Whether all groups are left as they are drawn.
    pub(super) fn is_plain(&self) -> bool {
        self.recipes.iter().all(|recipe| recipe.squarings == 0 && recipe.around.is_none())
    }

    #[inline(always)]
    fn groups<S: Simd, const DRAW: usize, const NARROW: usize, const PLAIN: bool>(&mut self) {
        let groups = self.recipes.len().min(STRIDE);
        if !S::HOLDS_STATES {
            for group in 0..groups {
                self.numbers::<S, NARROW, PLAIN>(group);
                for part in 0..NARROW {
                    self.spacings::<S, PLAIN>(group, part);
                }
            }
            return;
        }
        let side_by_side = (DRAW / NARROW).min(STRIDE);
        for group in (0..groups).step_by(side_by_side) {
            if side_by_side == 1 {
                self.directly::<S, NARROW, NARROW, PLAIN>(group);
            } else {
                self.directly::<S, DRAW, NARROW, PLAIN>(group);
            }
        }
    }

    /// The spacings of `K / PARTS` groups from `first` on, each of `PARTS` registers, made as their numbers come.
    #[inline(always)]
    fn directly<S: Simd, const K: usize, const PARTS: usize, const PLAIN: bool>(&mut self, first: usize) {
        let zero = S::splat(0.0);
        let mut states: [[S::U; 4]; K] = [[S::splat_u(0); 4]; K];
        for k in 0..K {
            states[k] = start::<S>(&self.seeds[first + k / PARTS], k % PARTS);
        }
        let (mut sum, mut mean, mut most) = ([zero; K], [zero; K], [zero; K]);
        for (row, &factor) in self.weights.iter_mut().zip(self.mean) {
            let factor = S::splat(factor);
            let mut numbers = [zero; K];
            for k in 0..K {
                numbers[k] = number::<S>(advance::<S>(&mut states[k]));
            }
            let drawn = spacings::<S, K>(numbers);
            for k in 0..K {
                let spacing = drawn[k];
                sum[k] = S::add(sum[k], spacing);
                mean[k] = S::fma(factor, spacing, mean[k]);
                if !PLAIN {
                    most[k] = S::max(most[k], spacing);
                }
                S::store(spacing, &mut row[first + k / PARTS].0, k % PARTS);
            }
        }
        for k in 0..K {
            let totals = &mut self.spacings[first + k / PARTS];
            S::store(sum[k], &mut totals.sum.0, k % PARTS);
            S::store(mean[k], &mut totals.mean.0, k % PARTS);
            if !PLAIN {
                S::store(most[k], &mut totals.most.0, k % PARTS);
                let uniform = uniform::<S>(advance::<S>(&mut states[k]));
                // Squared, so that most portfolios stay near the first.
                S::store(S::mul(uniform, uniform), &mut totals.ratio.0, k % PARTS);
            }
        }
    }

    /// The random numbers of one group: w of [`spacings`], which turns them into spacings afterwards.
    #[inline(always)]
    fn numbers<S: Simd, const K: usize, const PLAIN: bool>(&mut self, group: usize) {
        let mut states: [[S::U; 4]; K] = [[S::splat_u(0); 4]; K];
        for k in 0..K {
            states[k] = start::<S>(&self.seeds[group], k);
        }
        for row in self.weights.iter_mut() {
            for k in 0..K {
                let number = number::<S>(advance::<S>(&mut states[k]));
                S::store(number, &mut row[group].0, k);
            }
        }
        for k in 0..if PLAIN { 0 } else { K } {
            let uniform = uniform::<S>(advance::<S>(&mut states[k]));
            // Squared, so that most portfolios stay near the first.
            let ratio = S::mul(uniform, uniform);
            S::store(ratio, &mut self.spacings[group].ratio.0, k);
        }
    }

    /// Turns the random numbers of one register of a group into spacings.
    #[inline(always)]
    fn spacings<S: Simd, const PLAIN: bool>(&mut self, group: usize, part: usize) {
        let zero = S::splat(0.0);
        let (mut sum, mut mean, mut most) = (zero, zero, zero);
        let (rows, last_rows) = self.weights.as_chunks_mut::<LOCKSTEP>();
        let (means, last_means) = self.mean.as_chunks::<LOCKSTEP>();
        for (rows, means) in rows.iter_mut().zip(means) {
            let mut numbers = [zero; LOCKSTEP];
            for k in 0..LOCKSTEP {
                numbers[k] = S::load(&rows[k][group].0, part);
            }
            let drawn = spacings::<S, LOCKSTEP>(numbers);
            for k in 0..LOCKSTEP {
                sum = S::add(sum, drawn[k]);
                mean = S::fma(S::splat(means[k]), drawn[k], mean);
                if !PLAIN {
                    most = S::max(most, drawn[k]);
                }
                S::store(drawn[k], &mut rows[k][group].0, part);
            }
        }
        for (row, &factor) in last_rows.iter_mut().zip(last_means) {
            let [drawn] = spacings::<S, 1>([S::load(&row[group].0, part)]);
            sum = S::add(sum, drawn);
            mean = S::fma(S::splat(factor), drawn, mean);
            if !PLAIN {
                most = S::max(most, drawn);
            }
            S::store(drawn, &mut row[group].0, part);
        }
        let totals = &mut self.spacings[group];
        S::store(sum, &mut totals.sum.0, part);
        S::store(mean, &mut totals.mean.0, part);
        if !PLAIN {
            S::store(most, &mut totals.most.0, part);
        }
    }
}
