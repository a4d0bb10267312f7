//! AVX2 with FMA: eight lanes a register.
#![expect(unsafe_code, reason = "intrinsics, and loads and stores through pointers of checked places")]

use std::arch::x86_64::*;

use super::vector::Simd;
use crate::batch::LANES;

/// Registers of 256 bits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Avx2;

/// An intrinsic of AVX2 and FMA.
macro_rules! intrinsic {
    ($call:expr) => {
        // SAFETY: the operations of this type are only reached through `Machine`, which exists only on a
        // processor that has AVX2 and FMA. The intrinsics used this way touch no memory.
        unsafe { $call }
    };
}

impl Simd for Avx2 {
    const LANES: usize = 8;
    const HOLDS_STATES: bool = false;
    type F = __m256;
    type U = __m256i;

    #[inline(always)]
    fn splat(value: f32) -> __m256 {
        intrinsic!(_mm256_set1_ps(value))
    }

    #[inline(always)]
    fn splat_u(value: u32) -> __m256i {
        intrinsic!(_mm256_set1_epi32(value.cast_signed()))
    }

    #[inline(always)]
    fn load(from: &[f32; LANES], part: usize) -> __m256 {
        assert!((part + 1) * Self::LANES <= LANES);
        // SAFETY: the lanes lie inside the array, as was just asserted; the load needs no alignment. For the
        // instruction set see `intrinsic`.
        unsafe { _mm256_loadu_ps(from.as_ptr().add(part * Self::LANES)) }
    }

    #[inline(always)]
    fn load_u(from: &[u32; LANES], part: usize) -> __m256i {
        assert!((part + 1) * Self::LANES <= LANES);
        // SAFETY: as for `load`.
        unsafe { _mm256_loadu_si256(from.as_ptr().add(part * Self::LANES).cast()) }
    }

    #[inline(always)]
    fn store(value: __m256, to: &mut [f32; LANES], part: usize) {
        assert!((part + 1) * Self::LANES <= LANES);
        // SAFETY: as for `load`, and the array is borrowed mutably.
        unsafe { _mm256_storeu_ps(to.as_mut_ptr().add(part * Self::LANES), value) }
    }

    #[inline(always)]
    fn add(a: __m256, b: __m256) -> __m256 {
        intrinsic!(_mm256_add_ps(a, b))
    }

    #[inline(always)]
    fn sub(a: __m256, b: __m256) -> __m256 {
        intrinsic!(_mm256_sub_ps(a, b))
    }

    #[inline(always)]
    fn mul(a: __m256, b: __m256) -> __m256 {
        intrinsic!(_mm256_mul_ps(a, b))
    }

    #[inline(always)]
    fn div(a: __m256, b: __m256) -> __m256 {
        intrinsic!(_mm256_div_ps(a, b))
    }

    #[inline(always)]
    fn max(a: __m256, b: __m256) -> __m256 {
        intrinsic!(_mm256_max_ps(a, b))
    }

    #[inline(always)]
    fn fma(a: __m256, b: __m256, c: __m256) -> __m256 {
        intrinsic!(_mm256_fmadd_ps(a, b, c))
    }

    #[inline(always)]
    fn keep_above(a: __m256, b: __m256, value: __m256) -> __m256 {
        intrinsic!(_mm256_and_ps(_mm256_cmp_ps::<_CMP_GT_OQ>(a, b), value))
    }

    #[inline(always)]
    fn add_u(a: __m256i, b: __m256i) -> __m256i {
        intrinsic!(_mm256_add_epi32(a, b))
    }

    #[inline(always)]
    fn sub_u(a: __m256i, b: __m256i) -> __m256i {
        intrinsic!(_mm256_sub_epi32(a, b))
    }

    #[inline(always)]
    fn mul_u(a: __m256i, b: __m256i) -> __m256i {
        intrinsic!(_mm256_mullo_epi32(a, b))
    }

    #[inline(always)]
    fn xor(a: __m256i, b: __m256i) -> __m256i {
        intrinsic!(_mm256_xor_si256(a, b))
    }

    #[inline(always)]
    fn and_or(a: __m256i, mask: __m256i, bits: __m256i) -> __m256i {
        intrinsic!(_mm256_or_si256(_mm256_and_si256(a, mask), bits))
    }

    #[inline(always)]
    fn shift_left_9(a: __m256i) -> __m256i {
        intrinsic!(_mm256_slli_epi32::<9>(a))
    }

    #[inline(always)]
    fn shift_right_9(a: __m256i) -> __m256i {
        intrinsic!(_mm256_srli_epi32::<9>(a))
    }

    #[inline(always)]
    fn shift_right_15(a: __m256i) -> __m256i {
        intrinsic!(_mm256_srli_epi32::<15>(a))
    }

    #[inline(always)]
    fn shift_right_16(a: __m256i) -> __m256i {
        intrinsic!(_mm256_srli_epi32::<16>(a))
    }

    #[inline(always)]
    fn rotate_left_11(a: __m256i) -> __m256i {
        intrinsic!(_mm256_or_si256(_mm256_slli_epi32::<11>(a), _mm256_srli_epi32::<21>(a)))
    }

    #[inline(always)]
    fn to_f(a: __m256i) -> __m256 {
        intrinsic!(_mm256_cvtepi32_ps(a))
    }

    #[inline(always)]
    fn bits(a: __m256) -> __m256i {
        intrinsic!(_mm256_castps_si256(a))
    }

    #[inline(always)]
    fn from_bits(a: __m256i) -> __m256 {
        intrinsic!(_mm256_castsi256_ps(a))
    }

    #[inline(always)]
    fn min(a: __m256, b: __m256) -> __m256 {
        intrinsic!(_mm256_min_ps(a, b))
    }

    #[inline(always)]
    fn sqrt(a: __m256) -> __m256 {
        intrinsic!(_mm256_sqrt_ps(a))
    }

    #[inline(always)]
    fn above(a: __m256, b: __m256) -> u32 {
        intrinsic!(_mm256_movemask_ps(_mm256_cmp_ps::<_CMP_GT_OQ>(a, b))).cast_unsigned()
    }

    #[inline(always)]
    fn to_u(a: __m256) -> __m256i {
        intrinsic!(_mm256_cvttps_epi32(a))
    }

    #[inline(always)]
    fn look_up(table: &[f32; 64], place: __m256i) -> __m256 {
        // SAFETY: six bits are a place in the table of sixty-four; for the instruction set see `intrinsic`.
        unsafe { _mm256_i32gather_ps::<4>(table.as_ptr(), _mm256_and_si256(place, _mm256_set1_epi32(63))) }
    }
}
