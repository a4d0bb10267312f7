//! Arrays of four numbers: for processors without one of the other instruction sets, and to test those against.

use super::vector::Simd;
use crate::batch::LANES;

const WIDTH: usize = 4;

/// Four lanes, each computed by itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Portable;

/// An array of what an expression gives for each lane.
macro_rules! lanes {
    ($lane:ident => $value:expr) => {{
        let mut result = [Default::default(); WIDTH];
        for $lane in 0..WIDTH {
            result[$lane] = $value;
        }
        result
    }};
}

impl Simd for Portable {
    const LANES: usize = WIDTH;
    const HOLDS_STATES: bool = true;
    type F = [f32; WIDTH];
    type U = [u32; WIDTH];

    #[inline(always)]
    fn splat(value: f32) -> [f32; WIDTH] {
        [value; WIDTH]
    }

    #[inline(always)]
    fn splat_u(value: u32) -> [u32; WIDTH] {
        [value; WIDTH]
    }

    #[inline(always)]
    fn load(from: &[f32; LANES], part: usize) -> [f32; WIDTH] {
        lanes!(l => from[part * WIDTH + l])
    }

    #[inline(always)]
    fn load_u(from: &[u32; LANES], part: usize) -> [u32; WIDTH] {
        lanes!(l => from[part * WIDTH + l])
    }

    #[inline(always)]
    fn store(value: [f32; WIDTH], to: &mut [f32; LANES], part: usize) {
        to[part * WIDTH..(part + 1) * WIDTH].copy_from_slice(&value);
    }

    #[inline(always)]
    fn add(a: [f32; WIDTH], b: [f32; WIDTH]) -> [f32; WIDTH] {
        lanes!(l => a[l] + b[l])
    }

    #[inline(always)]
    fn sub(a: [f32; WIDTH], b: [f32; WIDTH]) -> [f32; WIDTH] {
        lanes!(l => a[l] - b[l])
    }

    #[inline(always)]
    fn mul(a: [f32; WIDTH], b: [f32; WIDTH]) -> [f32; WIDTH] {
        lanes!(l => a[l] * b[l])
    }

    #[inline(always)]
    fn div(a: [f32; WIDTH], b: [f32; WIDTH]) -> [f32; WIDTH] {
        lanes!(l => a[l] / b[l])
    }

    #[inline(always)]
    fn max(a: [f32; WIDTH], b: [f32; WIDTH]) -> [f32; WIDTH] {
        lanes!(l => if a[l] > b[l] { a[l] } else { b[l] })
    }

    #[inline(always)]
    fn fma(a: [f32; WIDTH], b: [f32; WIDTH], c: [f32; WIDTH]) -> [f32; WIDTH] {
        lanes!(l => a[l].mul_add(b[l], c[l]))
    }

    #[inline(always)]
    fn keep_above(a: [f32; WIDTH], b: [f32; WIDTH], value: [f32; WIDTH]) -> [f32; WIDTH] {
        lanes!(l => if a[l] > b[l] { value[l] } else { 0.0 })
    }

    #[inline(always)]
    fn add_u(a: [u32; WIDTH], b: [u32; WIDTH]) -> [u32; WIDTH] {
        lanes!(l => a[l].wrapping_add(b[l]))
    }

    #[inline(always)]
    fn sub_u(a: [u32; WIDTH], b: [u32; WIDTH]) -> [u32; WIDTH] {
        lanes!(l => a[l].wrapping_sub(b[l]))
    }

    #[inline(always)]
    fn mul_u(a: [u32; WIDTH], b: [u32; WIDTH]) -> [u32; WIDTH] {
        lanes!(l => a[l].wrapping_mul(b[l]))
    }

    #[inline(always)]
    fn xor(a: [u32; WIDTH], b: [u32; WIDTH]) -> [u32; WIDTH] {
        lanes!(l => a[l] ^ b[l])
    }

    #[inline(always)]
    fn and_or(a: [u32; WIDTH], mask: [u32; WIDTH], bits: [u32; WIDTH]) -> [u32; WIDTH] {
        lanes!(l => (a[l] & mask[l]) | bits[l])
    }

    #[inline(always)]
    fn shift_left_9(a: [u32; WIDTH]) -> [u32; WIDTH] {
        lanes!(l => a[l] << 9)
    }

    #[inline(always)]
    fn shift_right_9(a: [u32; WIDTH]) -> [u32; WIDTH] {
        lanes!(l => a[l] >> 9)
    }

    #[inline(always)]
    fn shift_right_15(a: [u32; WIDTH]) -> [u32; WIDTH] {
        lanes!(l => a[l] >> 15)
    }

    #[inline(always)]
    fn shift_right_16(a: [u32; WIDTH]) -> [u32; WIDTH] {
        lanes!(l => a[l] >> 16)
    }

    #[inline(always)]
    fn rotate_left_11(a: [u32; WIDTH]) -> [u32; WIDTH] {
        lanes!(l => a[l].rotate_left(11))
    }

    #[inline(always)]
    fn to_f(a: [u32; WIDTH]) -> [f32; WIDTH] {
        lanes!(l => a[l].cast_signed() as f32)
    }

    #[inline(always)]
    fn bits(a: [f32; WIDTH]) -> [u32; WIDTH] {
        lanes!(l => a[l].to_bits())
    }

    #[inline(always)]
    fn from_bits(a: [u32; WIDTH]) -> [f32; WIDTH] {
        lanes!(l => f32::from_bits(a[l]))
    }

    #[inline(always)]
    fn min(a: [f32; WIDTH], b: [f32; WIDTH]) -> [f32; WIDTH] {
        lanes!(l => if a[l] < b[l] { a[l] } else { b[l] })
    }

    #[inline(always)]
    fn sqrt(a: [f32; WIDTH]) -> [f32; WIDTH] {
        lanes!(l => a[l].sqrt())
    }

    #[inline(always)]
    fn above(a: [f32; WIDTH], b: [f32; WIDTH]) -> u32 {
        (0..WIDTH).map(|l| u32::from(a[l] > b[l]) << l).sum()
    }

    #[inline(always)]
    fn to_u(a: [f32; WIDTH]) -> [u32; WIDTH] {
        lanes!(l => a[l] as u32)
    }

    #[inline(always)]
    fn look_up(table: &[f32; 64], place: [u32; WIDTH]) -> [f32; WIDTH] {
        lanes!(l => table[place[l] as usize % 64])
    }
}
