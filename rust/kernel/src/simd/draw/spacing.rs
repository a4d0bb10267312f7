//! Random words and what is made of them: the streams of the lanes, uniform numbers, exponential spacings.

use crate::batch::{LANES, Lanes};
use crate::random::{LANE_STEPS, MIX};
use crate::simd::dispatch::{Machine, Work};
use crate::simd::vector::Simd;

/// The four words that the streams of a group start from.
pub(crate) type Seeds = [u32; 4];

impl Machine {
    /// Standard exponential numbers (in units of ln 2) from words that are uniform.
    pub(crate) fn exponentials(self, words: &[u32; LANES]) -> Lanes {
        self.run(Exponentials { words })
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
            let [drawn] = spacings::<S, 1>([number::<S>(S::load_u(self.words, part))]);
            S::store(S::mul(drawn, S::splat(1.0 / UNIT)), &mut result.0, part);
        }
        result
    }
}

/// The states of the streams of lanes `part · LANES` and on; see [`LaneStream`](crate::random::LaneStream).
#[inline(always)]
pub(super) fn start<S: Simd>(seeds: &Seeds, part: usize) -> [S::U; 4] {
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
pub(super) fn advance<S: Simd>(state: &mut [S::U; 4]) -> S::U {
    let [s0, s1, s2, s3] = *state;
    let word = S::add_u(s0, s3);
    let (t2, t3) = (S::xor(s2, s0), S::xor(s3, s1));
    *state = [S::xor(s0, t3), S::xor(s1, t2), S::xor(t2, S::shift_left_9(s1)), S::rotate_left_11(t3)];
    word
}

/// Odd multiples of 2^-24.
#[inline(always)]
pub(super) fn uniform<S: Simd>(word: S::U) -> S::F {
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

/// The number w of [`spacings`], made from the low bits of a word.
#[inline(always)]
pub(super) fn number<S: Simd>(word: S::U) -> S::F {
    S::to_f(S::and_or(word, S::splat_u(0x7fff_ffff), S::splat_u(1)))
}

/// −log₂(u) in units of 2^-23, with u = w/2^31 for an odd number w below 2^31, rounded to single precision.
///
/// The bits of a number x = 2^k·(1 + f), read as an integer, are 2^23·(k + 127 + f): less what they are for 2^31, that
/// is −log₂ but for the curve between f and log₂(1 + f), which the polynomial adds.
#[inline(always)]
pub(super) fn spacings<S: Simd, const K: usize>(numbers: [S::F; K]) -> [S::F; K] {
    let zero = S::splat(0.0);
    let (mut below, mut f, mut curve) = ([zero; K], [zero; K], [S::splat(CURVE[7] * UNIT); K]);
    for k in 0..K {
        let bits = S::bits(numbers[k]);
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
