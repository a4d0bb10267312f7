//! A loop of independent multiplications and additions: the most that the vector unit can do.

use super::InstructionSet;
use super::dispatch::Work;
use super::vector::Simd;
use crate::error::Result;

/// Sums that run side by side: more than latency times units of any processor, fewer than registers.
const CHAINS: usize = 12;

/// What [`multiply_adds`] did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MultiplyAdds {
    /// Single-precision multiplications and additions, each lane for itself.
    pub count: u64,
    /// Their sum, so that none of them can be left out.
    pub sum: f32,
}

/// Runs `rounds` rounds of independent fused multiplications and additions in registers and nothing else. Timed by a
/// benchmark, it gives the peak that a core reaches at the width of `set`.
///
/// # Errors
/// An instruction set that this processor does not have.
pub fn multiply_adds(set: InstructionSet, rounds: u64) -> Result<MultiplyAdds> {
    let sum = set.machine()?.run(Chains { rounds });
    Ok(MultiplyAdds { count: rounds * (CHAINS * set.lanes()) as u64, sum })
}

struct Chains {
    rounds: u64,
}

impl Work for Chains {
    type Output = f32;

    #[inline(always)]
    fn run<S: Simd, const DRAW: usize, const WIDE: usize, const NARROW: usize, const ROWS: usize>(
        self,
    ) -> f32 {
        // x = x·a + b tends to b/(1 − a): it neither overflows nor becomes subnormal.
        let (factor, term) = (S::splat(0.999_9), S::splat(1e-4));
        let mut chains = [S::splat(0.0); CHAINS];
        for (chain, start) in chains.iter_mut().enumerate() {
            *start = S::splat(1.0 + chain as f32);
        }
        for _ in 0..self.rounds {
            for chain in &mut chains {
                *chain = S::fma(*chain, factor, term);
            }
        }
        let mut lanes = [0.0; 16];
        let mut total = S::splat(0.0);
        for chain in chains {
            total = S::add(total, chain);
        }
        S::store(total, &mut lanes, 0);
        lanes.iter().sum()
    }
}
