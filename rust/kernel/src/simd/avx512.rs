//! AVX-512: sixteen lanes a register.
#![expect(unsafe_code, reason = "intrinsics, and loads and stores through pointers of checked places")]

use std::arch::x86_64::*;

use super::vector::Simd;
use crate::batch::LANES;

/// Registers of 512 bits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Avx512;

/// An intrinsic of AVX-512.
macro_rules! intrinsic {
    ($call:expr) => {
        // SAFETY: the operations of this type are only reached through `Machine`, which exists only on a
        // processor that has AVX-512. The intrinsics used this way touch no memory.
        unsafe { $call }
    };
}

impl Simd for Avx512 {
    const LANES: usize = 16;
    const HOLDS_STATES: bool = true;
    type F = __m512;
    type U = __m512i;

    #[inline(always)]
    fn splat(value: f32) -> __m512 {
        intrinsic!(_mm512_set1_ps(value))
    }

    #[inline(always)]
    fn splat_u(value: u32) -> __m512i {
        intrinsic!(_mm512_set1_epi32(value.cast_signed()))
    }

    #[inline(always)]
    fn load(from: &[f32; LANES], part: usize) -> __m512 {
        assert!((part + 1) * Self::LANES <= LANES);
        // SAFETY: the lanes lie inside the array, as was just asserted; the load needs no alignment. For the
        // instruction set see `intrinsic`.
        unsafe { _mm512_loadu_ps(from.as_ptr().add(part * Self::LANES)) }
    }

    #[inline(always)]
    fn load_u(from: &[u32; LANES], part: usize) -> __m512i {
        assert!((part + 1) * Self::LANES <= LANES);
        // SAFETY: as for `load`.
        unsafe { _mm512_loadu_si512(from.as_ptr().add(part * Self::LANES).cast()) }
    }

    #[inline(always)]
    fn store(value: __m512, to: &mut [f32; LANES], part: usize) {
        assert!((part + 1) * Self::LANES <= LANES);
        // SAFETY: as for `load`, and the array is borrowed mutably.
        unsafe { _mm512_storeu_ps(to.as_mut_ptr().add(part * Self::LANES), value) }
    }

    #[inline(always)]
    fn add(a: __m512, b: __m512) -> __m512 {
        intrinsic!(_mm512_add_ps(a, b))
    }

    #[inline(always)]
    fn sub(a: __m512, b: __m512) -> __m512 {
        intrinsic!(_mm512_sub_ps(a, b))
    }

    #[inline(always)]
    fn mul(a: __m512, b: __m512) -> __m512 {
        intrinsic!(_mm512_mul_ps(a, b))
    }

    #[inline(always)]
    fn div(a: __m512, b: __m512) -> __m512 {
        intrinsic!(_mm512_div_ps(a, b))
    }

    #[inline(always)]
    fn max(a: __m512, b: __m512) -> __m512 {
        intrinsic!(_mm512_max_ps(a, b))
    }

    #[inline(always)]
    fn fma(a: __m512, b: __m512, c: __m512) -> __m512 {
        intrinsic!(_mm512_fmadd_ps(a, b, c))
    }

    #[inline(always)]
    fn keep_above(a: __m512, b: __m512, value: __m512) -> __m512 {
        intrinsic!(_mm512_maskz_mov_ps(_mm512_cmp_ps_mask::<_CMP_GT_OQ>(a, b), value))
    }

    #[inline(always)]
    fn add_u(a: __m512i, b: __m512i) -> __m512i {
        intrinsic!(_mm512_add_epi32(a, b))
    }

    #[inline(always)]
    fn sub_u(a: __m512i, b: __m512i) -> __m512i {
        intrinsic!(_mm512_sub_epi32(a, b))
    }

    #[inline(always)]
    fn mul_u(a: __m512i, b: __m512i) -> __m512i {
        intrinsic!(_mm512_mullo_epi32(a, b))
    }

    #[inline(always)]
    fn xor(a: __m512i, b: __m512i) -> __m512i {
        intrinsic!(_mm512_xor_si512(a, b))
    }

    #[inline(always)]
    fn and_or(a: __m512i, mask: __m512i, bits: __m512i) -> __m512i {
        // The truth table of (a & b) | c.
        intrinsic!(_mm512_ternarylogic_epi32::<0xEA>(a, mask, bits))
    }

    #[inline(always)]
    fn shift_left_9(a: __m512i) -> __m512i {
        intrinsic!(_mm512_slli_epi32::<9>(a))
    }

    #[inline(always)]
    fn shift_right_9(a: __m512i) -> __m512i {
        intrinsic!(_mm512_srli_epi32::<9>(a))
    }

    #[inline(always)]
    fn shift_right_15(a: __m512i) -> __m512i {
        intrinsic!(_mm512_srli_epi32::<15>(a))
    }

    #[inline(always)]
    fn shift_right_16(a: __m512i) -> __m512i {
        intrinsic!(_mm512_srli_epi32::<16>(a))
    }

    #[inline(always)]
    fn rotate_left_11(a: __m512i) -> __m512i {
        intrinsic!(_mm512_rol_epi32::<11>(a))
    }

    #[inline(always)]
    fn to_f(a: __m512i) -> __m512 {
        intrinsic!(_mm512_cvtepi32_ps(a))
    }

    #[inline(always)]
    fn bits(a: __m512) -> __m512i {
        intrinsic!(_mm512_castps_si512(a))
    }

    #[inline(always)]
    fn from_bits(a: __m512i) -> __m512 {
        intrinsic!(_mm512_castsi512_ps(a))
    }

    #[inline(always)]
    fn min(a: __m512, b: __m512) -> __m512 {
        intrinsic!(_mm512_min_ps(a, b))
    }

    #[inline(always)]
    fn sqrt(a: __m512) -> __m512 {
        intrinsic!(_mm512_sqrt_ps(a))
    }

    #[inline(always)]
    fn above(a: __m512, b: __m512) -> u32 {
        u32::from(intrinsic!(_mm512_cmp_ps_mask::<_CMP_GT_OQ>(a, b)))
    }

    #[inline(always)]
    fn to_u(a: __m512) -> __m512i {
        intrinsic!(_mm512_cvttps_epi32(a))
    }

    #[inline(always)]
    fn look_up(table: &[f32; 64], place: __m512i) -> __m512 {
        // SAFETY: the four loads lie inside the table of sixty-four; for the instruction set see `intrinsic`.
        unsafe {
            let part = |part: usize| _mm512_loadu_ps(table.as_ptr().add(16 * part));
            let low = _mm512_permutex2var_ps(part(0), place, part(1));
            let high = _mm512_permutex2var_ps(part(2), place, part(3));
            _mm512_mask_blend_ps(_mm512_test_epi32_mask(place, _mm512_set1_epi32(32)), low, high)
        }
    }
}
