//! Sums of columns: what portfolios return when assets return something.

use crate::simd::dispatch::Work;
use crate::simd::vector::Simd;

/// Portfolios whose sums stay in the nearest cache while column after column is added.
const STRETCH: usize = 512;

pub(super) struct Add<'a, 'b> {
    pub(super) to: &'a mut [f64],
    pub(super) columns: &'b [(&'b [f32], f64)],
}

impl Work for Add<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, const DRAW: usize, const WIDE: usize, const NARROW: usize, const ROWS: usize>(self) {
        for (stretch, to) in self.to.chunks_mut(STRETCH).enumerate() {
            for &(weights, factor) in self.columns {
                let weights = &weights[stretch * STRETCH..];
                for (sum, &weight) in to.iter_mut().zip(weights) {
                    *sum += f64::from(weight) * factor;
                }
            }
        }
    }
}
