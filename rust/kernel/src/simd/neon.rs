//! NEON: four lanes a register.
#![expect(unsafe_code, reason = "intrinsics, and loads and stores through pointers of checked places")]

use std::arch::aarch64::*;

use super::vector::Simd;
use crate::batch::LANES;

/// Registers of 128 bits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Neon;

/// An intrinsic of NEON.
macro_rules! intrinsic {
    ($call:expr) => {
        // SAFETY: the operations of this type are only reached through `Machine`, which exists only on a
        // processor that has NEON. The intrinsics used this way touch no memory.
        unsafe { $call }
    };
}

impl Simd for Neon {
    const LANES: usize = 4;
    const HOLDS_STATES: bool = true;
    type F = float32x4_t;
    type U = uint32x4_t;

    #[inline(always)]
    fn splat(value: f32) -> float32x4_t {
        intrinsic!(vdupq_n_f32(value))
    }

    #[inline(always)]
    fn splat_u(value: u32) -> uint32x4_t {
        intrinsic!(vdupq_n_u32(value))
    }

    #[inline(always)]
    fn load(from: &[f32; LANES], part: usize) -> float32x4_t {
        assert!((part + 1) * Self::LANES <= LANES);
        // SAFETY: the lanes lie inside the array, as was just asserted; the load needs no alignment. For the
        // instruction set see `intrinsic`.
        unsafe { vld1q_f32(from.as_ptr().add(part * Self::LANES)) }
    }

    #[inline(always)]
    fn load_u(from: &[u32; LANES], part: usize) -> uint32x4_t {
        assert!((part + 1) * Self::LANES <= LANES);
        // SAFETY: as for `load`.
        unsafe { vld1q_u32(from.as_ptr().add(part * Self::LANES)) }
    }

    #[inline(always)]
    fn store(value: float32x4_t, to: &mut [f32; LANES], part: usize) {
        assert!((part + 1) * Self::LANES <= LANES);
        // SAFETY: as for `load`, and the array is borrowed mutably.
        unsafe { vst1q_f32(to.as_mut_ptr().add(part * Self::LANES), value) }
    }

    #[inline(always)]
    fn add(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        intrinsic!(vaddq_f32(a, b))
    }

    #[inline(always)]
    fn sub(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        intrinsic!(vsubq_f32(a, b))
    }

    #[inline(always)]
    fn mul(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        intrinsic!(vmulq_f32(a, b))
    }

    #[inline(always)]
    fn div(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        intrinsic!(vdivq_f32(a, b))
    }

    #[inline(always)]
    fn max(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        intrinsic!(vmaxq_f32(a, b))
    }

    #[inline(always)]
    fn fma(a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t {
        intrinsic!(vfmaq_f32(c, a, b))
    }

    #[inline(always)]
    fn keep_above(a: float32x4_t, b: float32x4_t, value: float32x4_t) -> float32x4_t {
        intrinsic!(vreinterpretq_f32_u32(vandq_u32(vcgtq_f32(a, b), vreinterpretq_u32_f32(value))))
    }

    #[inline(always)]
    fn add_u(a: uint32x4_t, b: uint32x4_t) -> uint32x4_t {
        intrinsic!(vaddq_u32(a, b))
    }

    #[inline(always)]
    fn sub_u(a: uint32x4_t, b: uint32x4_t) -> uint32x4_t {
        intrinsic!(vsubq_u32(a, b))
    }

    #[inline(always)]
    fn mul_u(a: uint32x4_t, b: uint32x4_t) -> uint32x4_t {
        intrinsic!(vmulq_u32(a, b))
    }

    #[inline(always)]
    fn xor(a: uint32x4_t, b: uint32x4_t) -> uint32x4_t {
        intrinsic!(veorq_u32(a, b))
    }

    #[inline(always)]
    fn and_or(a: uint32x4_t, mask: uint32x4_t, bits: uint32x4_t) -> uint32x4_t {
        intrinsic!(vorrq_u32(vandq_u32(a, mask), bits))
    }

    #[inline(always)]
    fn shift_left_9(a: uint32x4_t) -> uint32x4_t {
        intrinsic!(vshlq_n_u32::<9>(a))
    }

    #[inline(always)]
    fn shift_right_9(a: uint32x4_t) -> uint32x4_t {
        intrinsic!(vshrq_n_u32::<9>(a))
    }

    #[inline(always)]
    fn shift_right_15(a: uint32x4_t) -> uint32x4_t {
        intrinsic!(vshrq_n_u32::<15>(a))
    }

    #[inline(always)]
    fn shift_right_16(a: uint32x4_t) -> uint32x4_t {
        intrinsic!(vshrq_n_u32::<16>(a))
    }

    #[inline(always)]
    fn rotate_left_11(a: uint32x4_t) -> uint32x4_t {
        intrinsic!(vsriq_n_u32::<21>(vshlq_n_u32::<11>(a), a))
    }

    #[inline(always)]
    fn to_f(a: uint32x4_t) -> float32x4_t {
        intrinsic!(vcvtq_f32_s32(vreinterpretq_s32_u32(a)))
    }

    #[inline(always)]
    fn bits(a: float32x4_t) -> uint32x4_t {
        intrinsic!(vreinterpretq_u32_f32(a))
    }

    #[inline(always)]
    fn from_bits(a: uint32x4_t) -> float32x4_t {
        intrinsic!(vreinterpretq_f32_u32(a))
    }

    #[inline(always)]
    fn min(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        intrinsic!(vminq_f32(a, b))
    }

    #[inline(always)]
    fn sqrt(a: float32x4_t) -> float32x4_t {
        intrinsic!(vsqrtq_f32(a))
    }

    #[inline(always)]
    fn above(a: float32x4_t, b: float32x4_t) -> u32 {
        const LANE_BITS: [u32; 4] = [1, 2, 4, 8];
        // SAFETY: as many words as the register holds; for the instruction set see `intrinsic`.
        let lanes = unsafe { vld1q_u32(LANE_BITS.as_ptr()) };
        intrinsic!(vaddvq_u32(vandq_u32(vcgtq_f32(a, b), lanes)))
    }

    #[inline(always)]
    fn to_u(a: float32x4_t) -> uint32x4_t {
        intrinsic!(vcvtq_u32_f32(a))
    }

    #[inline(always)]
    fn look_up(table: &[f32; 64], place: uint32x4_t) -> float32x4_t {
        let mut places = [0; 4];
        let mut found = [0.0; 4];
        // SAFETY: as many words as the register holds; for the instruction set see `intrinsic`.
        unsafe { vst1q_u32(places.as_mut_ptr(), place) };
        for (found, place) in found.iter_mut().zip(places) {
            *found = table[place as usize % 64];
        }
        // SAFETY: as many numbers as the register holds; for the instruction set see `intrinsic`.
        unsafe { vld1q_f32(found.as_ptr()) }
    }
}
