//! From an instruction set to the code compiled for it.
#![expect(unsafe_code, reason = "calls of functions that need a processor with their instruction set")]

use super::InstructionSet;
#[cfg(target_arch = "x86_64")]
use super::avx2::Avx2;
#[cfg(target_arch = "x86_64")]
use super::avx512::Avx512;
#[cfg(target_arch = "aarch64")]
use super::neon::Neon;
use super::portable::Portable;
use super::vector::Simd;

/// Something to do with the registers of one instruction set.
pub(super) trait Work {
    type Output;

    /// `DRAW` and `WIDE` are the registers that are best kept side by side when drawing and when multiplying,
    /// `NARROW` those of one group of sixteen, `ROWS` the rows of a triangle that are best multiplied together. Must
    /// be inlined into its caller, which is what is compiled for the instruction set.
    fn run<S: Simd, const DRAW: usize, const WIDE: usize, const NARROW: usize, const ROWS: usize>(
        self,
    ) -> Self::Output;
}

/// An instruction set that this processor has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Machine(InstructionSet);

impl Machine {
    pub(super) fn new(set: InstructionSet) -> Option<Self> {
        set.is_available().then_some(Self(set))
    }

    /// The fastest instruction set.
    pub(crate) fn detect() -> Self {
        Self(InstructionSet::detect())
    }

    /// Rows of a triangle that are multiplied together.
    pub(super) fn rows(self) -> usize {
        match self.0 {
            InstructionSet::Avx512 => AVX512_ROWS,
            InstructionSet::Avx2 => AVX2_ROWS,
            InstructionSet::Neon => NEON_ROWS,
            InstructionSet::Portable => PORTABLE_ROWS,
        }
    }

    /// Whether drawing between the rows of a product is faster than drawing on its own: where the registers hold both
    /// and the product is long enough.
    pub(crate) fn draws_between(self, assets: usize) -> bool {
        self.0 == InstructionSet::Avx512 && assets >= LONG_PRODUCT
    }

    /// Does `work` with this instruction set.
    #[inline]
    pub(super) fn run<W: Work>(self, work: W) -> W::Output {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: a `Machine` of this set exists only where the processor has it.
            InstructionSet::Avx512 => unsafe { run_avx512(work) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: a `Machine` of this set exists only where the processor has it.
            InstructionSet::Avx2 => unsafe { run_avx2(work) },
            #[cfg(target_arch = "aarch64")]
            // SAFETY: a `Machine` of this set exists only where the processor has it.
            InstructionSet::Neon => unsafe { run_neon(work) },
            // The sets of other architectures have no `Machine`.
            _ => work.run::<Portable, 4, 4, 4, PORTABLE_ROWS>(),
        }
    }
}

/// Assets from which on AVX-512 draws faster between the rows of a product; measured.
const LONG_PRODUCT: usize = 24;
/// Sixteen sums of four by four registers leave half of the thirty-two for weights and entries.
const AVX512_ROWS: usize = 4;
/// Twelve sums of six by two registers, two of weights and one of entries, of the sixteen there are.
const AVX2_ROWS: usize = 6;
const NEON_ROWS: usize = 4;
const PORTABLE_ROWS: usize = 2;

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq")]
fn run_avx512<W: Work>(work: W) -> W::Output {
    work.run::<Avx512, 2, 4, 1, AVX512_ROWS>()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn run_avx2<W: Work>(work: W) -> W::Output {
    work.run::<Avx2, 2, 2, 2, AVX2_ROWS>()
}

#[cfg(target_arch = "aarch64")]
#[target_feature(enable = "neon")]
fn run_neon<W: Work>(work: W) -> W::Output {
    work.run::<Neon, 4, 4, 4, NEON_ROWS>()
}
