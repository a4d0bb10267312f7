//! Which portfolios may be best at something: a first look, cheaper than the decision.

use super::dispatch::{Machine, Work};
use super::draw::GROUPS;
use super::vector::Simd;
use crate::batch::{LANES, Scores};

/// What a portfolio must at least have to be looked at more closely.
#[derive(Debug, Clone)]
pub(crate) struct Hurdle {
    /// Risk at which the first of sixty-four bins starts, and bins per unit of risk.
    pub(crate) low: f32,
    pub(crate) bins_per_risk: f32,
    /// A variance below this passes.
    pub(crate) variance: f32,
    /// A mean above that of its risk bin passes.
    pub(crate) means: [f32; 64],
}

impl Machine {
    /// A bit for each portfolio of the first four of `scores` that passes `hurdle`.
    #[inline]
    pub(crate) fn passes(self, hurdle: &Hurdle, scores: &[Scores]) -> u64 {
        self.run(Pass { hurdle, scores })
    }
}

struct Pass<'a> {
    hurdle: &'a Hurdle,
    scores: &'a [Scores],
}

impl Work for Pass<'_> {
    type Output = u64;

    #[inline(always)]
    fn run<S: Simd, const DRAW: usize, const WIDE: usize, const NARROW: usize, const ROWS: usize>(
        self,
    ) -> u64 {
        let Hurdle { low, bins_per_risk, variance: least, means } = self.hurdle;
        let (low, scale, least) = (S::splat(*low), S::splat(*bins_per_risk), S::splat(*least));
        let (first, last) = (S::splat(0.0), S::splat(63.0));
        let mut passed = 0;
        for (group, scores) in self.scores.iter().take(GROUPS).enumerate() {
            for part in 0..NARROW {
                let mean = S::load(&scores.mean.0, part);
                let variance = S::load(&scores.variance.0, part);
                let place = S::mul(S::sub(S::sqrt(variance), low), scale);
                let place = S::to_u(S::min(S::max(place, first), last));
                let lanes = S::above(mean, S::look_up(means, place)) | S::above(least, variance);
                passed |= u64::from(lanes) << (group * LANES + part * S::LANES);
            }
        }
        passed
    }
}
