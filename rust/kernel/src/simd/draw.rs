//! Points of the simplex, drawn in registers: exponential spacings, biased and moved towards elites if so asked.
//!
//! A point is held as its unnormalised spacings e with their sum: s = e/Σe. The mean Σμₑ is summed up as the
//! spacings appear; what it and the variance still need is a division by the sum and its square.

use super::dispatch::{Machine, Work};
use super::vector::Simd;
use crate::batch::{LANES, Lanes};
use crate::random::{LANE_STEPS, MIX};

/// Groups of sixteen that are drawn and evaluated side by side.
pub(crate) const GROUPS: usize = 4;

/// The four words that the streams of a group start from.
pub(crate) type Seeds = [u32; 4];

/// Parts of the largest spacing below this count as nothing before they are squared twice, which keeps clear of
/// subnormal numbers: many processors are slow at them.
const NEGLIGIBLE: f32 = 1e-9;

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
    pub(crate) fn draw<const STRIDE: usize>(
        self,
        seeds: &[Seeds; STRIDE],
        recipes: &[Recipe<'_>],
        mean: &[f32],
        weights: &mut [[Lanes; STRIDE]],
        spacings: &mut [Spacings; STRIDE],
    ) {
        self.run(Draw { seeds, recipes, mean, weights, spacings });
    }

    /// Standard exponential numbers (in units of ln 2) from words that are uniform.
    pub(crate) fn exponentials(self, words: &[u32; LANES]) -> Lanes {
        self.run(Exponentials { words })
    }
}

struct Draw<'a, const STRIDE: usize> {
    seeds: &'a [Seeds; STRIDE],
    recipes: &'a [Recipe<'a>],
    mean: &'a [f32],
    weights: &'a mut [[Lanes; STRIDE]],
    spacings: &'a mut [Spacings; STRIDE],
}

impl<const STRIDE: usize> Work for Draw<'_, STRIDE> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, const DRAW: usize, const WIDE: usize, const NARROW: usize, const ROWS: usize>(mut self) {
        let side_by_side = (DRAW / NARROW).min(STRIDE);
        let plain = self.recipes.iter().all(|recipe| recipe.squarings == 0 && recipe.around.is_none());
        for group in (0..self.recipes.len().min(STRIDE)).step_by(side_by_side) {
            match (side_by_side == 1, plain) {
                (true, true) => self.spacings::<S, NARROW, NARROW, true>(group),
                (true, false) => self.spacings::<S, NARROW, NARROW, false>(group),
                (false, true) => self.spacings::<S, DRAW, NARROW, true>(group),
                (false, false) => self.spacings::<S, DRAW, NARROW, false>(group),
            }
        }
        for group in 0..if plain { 0 } else { self.recipes.len().min(STRIDE) } {
            let recipe = self.recipes[group];
            if recipe.squarings > 0 {
                self.bias::<S, NARROW>(group, recipe.squarings);
            }
            if let Some(around) = recipe.around {
                self.mix::<S, NARROW>(group, around);
            }
        }
    }
}

impl<const STRIDE: usize> Draw<'_, STRIDE> {
    /// The spacings of `K / PARTS` groups from `first` on, each of `PARTS` registers.
    #[inline(always)]
    fn spacings<S: Simd, const K: usize, const PARTS: usize, const PLAIN: bool>(&mut self, first: usize) {
        let zero = S::splat(0.0);
        let mut states: [[S::U; 4]; K] = [[S::splat_u(0); 4]; K];
        for k in 0..K {
            states[k] = start::<S>(&self.seeds[first + k / PARTS], k % PARTS);
        }
        let (mut sum, mut mean, mut most) = ([zero; K], [zero; K], [zero; K]);
        for (row, &factor) in self.weights.iter_mut().zip(self.mean) {
            let factor = S::splat(factor);
            let mut words = [S::splat_u(0); K];
            for k in 0..K {
                words[k] = advance::<S>(&mut states[k]);
            }
            let drawn = exponential::<S, K>(words);
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

    /// Raises the spacings, as parts of the largest of their lane, to the power 2^`squarings`. The largest is
    /// one and stays one, so the sum is never zero.
    #[inline(always)]
    fn bias<S: Simd, const PARTS: usize>(&mut self, group: usize, squarings: u32) {
        let (one, negligible) = (S::splat(1.0), S::splat(NEGLIGIBLE));
        let totals = &mut self.spacings[group];
        let mut scale = [one; PARTS];
        for part in 0..PARTS {
            scale[part] = S::div(one, S::load(&totals.most.0, part));
        }
        let (mut sum, mut mean) = ([S::splat(0.0); PARTS], [S::splat(0.0); PARTS]);
        for (row, &factor) in self.weights.iter_mut().zip(self.mean) {
            let factor = S::splat(factor);
            for part in 0..PARTS {
                let mut power = S::mul(S::load(&row[group].0, part), scale[part]);
                for _ in 0..squarings / 2 {
                    power = S::keep_above(power, negligible, power);
                    power = S::mul(power, power);
                    power = S::mul(power, power);
                }
                if squarings % 2 == 1 {
                    power = S::keep_above(power, negligible, power);
                    power = S::mul(power, power);
                }
                sum[part] = S::add(sum[part], power);
                mean[part] = S::fma(factor, power, mean[part]);
                S::store(power, &mut row[group].0, part);
            }
        }
        for part in 0..PARTS {
            S::store(sum[part], &mut totals.sum.0, part);
            S::store(mean[part], &mut totals.mean.0, part);
        }
    }

    /// Moves the points of a group towards elites; see [`Around`].
    #[inline(always)]
    fn mix<S: Simd, const PARTS: usize>(&mut self, group: usize, around: Around<'_>) {
        let zero = S::splat(0.0);
        let totals = &mut self.spacings[group];
        let (mut scale, mut ratio) = ([zero; PARTS], [zero; PARTS]);
        let keep = S::splat(1.0 - around.step);
        for part in 0..PARTS {
            scale[part] = S::div(S::splat(around.step), S::load(&totals.sum.0, part));
            ratio[part] = S::load(&totals.ratio.0, part);
        }
        let (mut sum, mut mean) = ([zero; PARTS], [zero; PARTS]);
        let elites = around.first.iter().zip(around.second);
        for ((row, &factor), (&a, &b)) in self.weights.iter_mut().zip(self.mean).zip(elites) {
            let (factor, a, way) = (S::splat(factor), S::splat(a), S::splat(b - a));
            for part in 0..PARTS {
                let elite = S::mul(keep, S::fma(ratio[part], way, a));
                let moved = S::fma(S::load(&row[group].0, part), scale[part], elite);
                sum[part] = S::add(sum[part], moved);
                mean[part] = S::fma(factor, moved, mean[part]);
                S::store(moved, &mut row[group].0, part);
            }
        }
        for part in 0..PARTS {
            S::store(sum[part], &mut totals.sum.0, part);
            S::store(mean[part], &mut totals.mean.0, part);
        }
    }
}

struct Exponentials<'a> {
    words: &'a [u32; LANES],
}

impl Work for Exponentials<'_> {
    type Output = Lanes;

    #[inline(always)]
    fn run<S: Simd, const DRAW: usize, const WIDE: usize, const NARROW: usize, const ROWS: usize>(
        self,
    ) -> Lanes {
        let mut result = Lanes::ZERO;
        for part in 0..NARROW {
            let [drawn] = exponential::<S, 1>([S::load_u(self.words, part)]);
            S::store(S::mul(drawn, S::splat(1.0 / UNIT)), &mut result.0, part);
        }
        result
    }
}

/// The states of the streams of lanes `part · LANES` and on; see [`LaneStream`](crate::random::LaneStream).
#[inline(always)]
fn start<S: Simd>(seeds: &Seeds, part: usize) -> [S::U; 4] {
    let (first, second) = (S::splat_u(MIX[0]), S::splat_u(MIX[1]));
    let mut state = [S::splat_u(0); 4];
    for word in 0..4 {
        let mut x = S::add_u(S::splat_u(seeds[word]), S::load_u(&LANE_STEPS[word], part));
        x = S::mul_u(S::xor(x, S::shift_right_16(x)), first);
        x = S::mul_u(S::xor(x, S::shift_right_15(x)), second);
        state[word] = S::xor(x, S::shift_right_16(x));
    }
    let ones = S::splat_u(u32::MAX);
    state[3] = S::and_or(state[3], ones, S::splat_u(1));
    state
}

/// One step of xoshiro128+ in each lane; see [`LaneStream`](crate::random::LaneStream).
#[inline(always)]
fn advance<S: Simd>(state: &mut [S::U; 4]) -> S::U {
    let [s0, s1, s2, s3] = *state;
    let word = S::add_u(s0, s3);
    let (t2, t3) = (S::xor(s2, s0), S::xor(s3, s1));
    *state = [S::xor(s0, t3), S::xor(s1, t2), S::xor(t2, S::shift_left_9(s1)), S::rotate_left_11(t3)];
    word
}

/// Odd multiples of 2^-24.
#[inline(always)]
fn uniform<S: Simd>(word: S::U) -> S::F {
    const GRID: f32 = 1.0 / 8_388_608.0;
    S::fma(S::to_f(S::shift_right_9(word)), S::splat(GRID), S::splat(0.5 * GRID))
}

/// (f − log₂(1 + f))/f for f from 0 to 1. The polynomial vanishes at one, as the curve does, and of those of its degree it
/// gives −log₂(u) the least relative error (1.7e-7, before rounding); found by reweighted least squares.
const CURVE: [f32; 8] = [
    -0.442_681_16,
    0.720_956_44,
    -0.476_968_02,
    0.340_584_93,
    -0.227_720_66,
    0.121_073_13,
    -0.042_107_2,
    0.006_862_5,
];

/// What the spacings count in: steps of the integer that a number's bits are.
const UNIT: f32 = 8_388_608.0;

/// The bits of 2^31 and one more, so that no spacing is zero.
const TOP: u32 = 0x4f00_0001;

/// −log₂(u) in units of 2^-23, with u = w/2^31 for an odd number w below 2^31, made from the low bits of a word.
///
/// The bits of a number x = 2^k·(1 + f), read as an integer, are 2^23·(k + 127 + f): less what they are for 2^31, that
/// is −log₂ but for the curve between f and log₂(1 + f), which the polynomial adds. The registers go through each step
/// together: one alone would wait for itself.
#[inline(always)]
fn exponential<S: Simd, const K: usize>(words: [S::U; K]) -> [S::F; K] {
    let zero = S::splat(0.0);
    let (mut below, mut f, mut curve) = ([zero; K], [zero; K], [S::splat(CURVE[7] * UNIT); K]);
    for k in 0..K {
        let odd = S::and_or(words[k], S::splat_u(0x7fff_ffff), S::splat_u(1));
        let bits = S::bits(S::to_f(odd));
        below[k] = S::to_f(S::sub_u(S::splat_u(TOP), bits));
        let fraction = S::and_or(bits, S::splat_u(0x007f_ffff), S::splat_u(0x3f80_0000));
        f[k] = S::sub(S::from_bits(fraction), S::splat(1.0));
    }
    for degree in (0..7).rev() {
        for k in 0..K {
            curve[k] = S::fma(curve[k], f[k], S::splat(CURVE[degree] * UNIT));
        }
    }
    for k in 0..K {
        curve[k] = S::fma(f[k], curve[k], below[k]);
    }
    curve
}
