//! What the loops ask of a vector unit.

use crate::batch::LANES;

/// One instruction set: registers of [`Simd::LANES`] portfolios and the operations on them, lane by lane.
///
/// Implementations are markers without values; their operations are only reached from functions that are compiled
/// for the instruction set and entered with a [`Machine`](super::Machine) that says the processor has it.
pub(super) trait Simd: Copy {
    /// Portfolios in a register: a divisor of sixteen.
    const LANES: usize;
    /// Whether its registers hold the states of the streams beside all that a logarithm takes.
    const HOLDS_STATES: bool;
    /// A register of single precision numbers.
    type F: Copy;
    /// A register of words.
    type U: Copy;

    fn splat(value: f32) -> Self::F;
    fn splat_u(value: u32) -> Self::U;
    /// Lanes `part · LANES` and on.
    fn load(from: &[f32; LANES], part: usize) -> Self::F;
    fn load_u(from: &[u32; LANES], part: usize) -> Self::U;
    fn store(value: Self::F, to: &mut [f32; LANES], part: usize);

    fn add(a: Self::F, b: Self::F) -> Self::F;
    fn sub(a: Self::F, b: Self::F) -> Self::F;
    fn mul(a: Self::F, b: Self::F) -> Self::F;
    fn div(a: Self::F, b: Self::F) -> Self::F;
    /// The larger; no lane is NaN.
    fn max(a: Self::F, b: Self::F) -> Self::F;
    /// The smaller; no lane is NaN.
    fn min(a: Self::F, b: Self::F) -> Self::F;
    fn sqrt(a: Self::F) -> Self::F;
    /// A bit for each lane where a > b, which is not where one is NaN.
    fn above(a: Self::F, b: Self::F) -> u32;
    /// `a · b + c`, rounded once.
    fn fma(a: Self::F, b: Self::F, c: Self::F) -> Self::F;
    /// `value` where a > b, zero elsewhere.
    fn keep_above(a: Self::F, b: Self::F, value: Self::F) -> Self::F;

    fn add_u(a: Self::U, b: Self::U) -> Self::U;
    fn sub_u(a: Self::U, b: Self::U) -> Self::U;
    /// The low half of the product.
    fn mul_u(a: Self::U, b: Self::U) -> Self::U;
    fn xor(a: Self::U, b: Self::U) -> Self::U;
    /// `(a & mask) | bits`
    fn and_or(a: Self::U, mask: Self::U, bits: Self::U) -> Self::U;
    fn shift_left_9(a: Self::U) -> Self::U;
    fn shift_right_9(a: Self::U) -> Self::U;
    fn shift_right_15(a: Self::U) -> Self::U;
    fn shift_right_16(a: Self::U) -> Self::U;
    fn rotate_left_11(a: Self::U) -> Self::U;

    /// The signed integer in each lane as a number, rounded to the nearest, ties to even.
    fn to_f(a: Self::U) -> Self::F;
    /// The number in each lane, which is not negative and below 2^31, without its fraction.
    fn to_u(a: Self::F) -> Self::U;
    /// The number of `table` in each lane's place, which counts in its lowest six bits.
    fn look_up(table: &[f32; 64], place: Self::U) -> Self::F;
    fn bits(a: Self::F) -> Self::U;
    fn from_bits(a: Self::U) -> Self::F;
}
