//! One pass over a live population: every portfolio follows a tick, and the best of them are found.
//!
//! With u the open-bar return of a portfolio less its closed mean, its mean is `m + a u` and its variance `b + c u²`. The
//! pass adds `weight · change` to each u and looks for the largest Sharpe ratio and the smallest variance.
//!
//! Nothing is divided on the way. The best portfolios before the tick, scored after it, are a bound that the best after it
//! reach; a first look in single precision, multiplied out, passes over every block without a portfolio near it. The
//! few blocks left are scored in double precision, so that single precision never decides. Products and sums are
//! rounded one by one, never fused: the bits are the same under each instruction set, and no processor is slow.

use super::best::Best;
use super::{BLOCK, Leaders, block_of, block_of_mut};
use crate::batch::LANES;
use crate::simd::dispatch::Work;
use crate::simd::vector::Simd;

/// How far below the bound a first look passes, relatively: well above the rounding of single precision.
const MARGIN: f32 = 2e-6;
/// Below this single precision is not trusted with a first look.
const SMALLEST_SQUARE: f32 = 1e-30;

/// What a population is followed by: one number a portfolio in each slice, all of the same length.
#[derive(Debug)]
pub struct Followed<'a> {
    /// u: open-bar return less the mean of the closed bars.
    pub deviation: &'a mut [f64],
    /// Mean of the closed bars less the risk-free rate, and the same in single precision.
    pub excess: &'a [f64],
    /// As above.
    pub rough_excess: &'a [f32],
    /// b: the part of the variance that the open bar does not change, and the same in single precision.
    pub base: &'a [f64],
    /// As above.
    pub rough_base: &'a [f32],
    /// a: how much of u moves the mean.
    pub mean_coefficient: f64,
    /// c: how much of u² moves the variance.
    pub rank_one_coefficient: f64,
}

pub(super) struct Follow<'a, 'b> {
    pub(super) followed: Followed<'a>,
    pub(super) changes: &'b [(&'b [f32], f64)],
    pub(super) leaders: Leaders,
}

impl Work for Follow<'_, '_> {
    type Output = Leaders;

    #[inline(always)]
    fn run<S: Simd, const DRAW: usize, const WIDE: usize, const NARROW: usize, const ROWS: usize>(
        self,
    ) -> Leaders {
        let Self { followed, changes, leaders } = self;
        let Some(mut best) = after(&followed, changes, leaders) else { return leaders };
        let a = S::splat(followed.mean_coefficient as f32);
        let c = S::splat(followed.rank_one_coefficient as f32);
        let blocks = followed.deviation.len() / BLOCK;
        let mut bounds = rough(best.bounds());
        for block in 0..blocks {
            let at = block * BLOCK;
            let Some(deviation) = block_of_mut(followed.deviation, at) else { break };
            add(deviation, changes, at);
            let (Some(excess), Some(base)) =
                (block_of(followed.rough_excess, at), block_of(followed.rough_base, at))
            else {
                break;
            };
            if passes::<S, NARROW>(deviation, excess, base, (a, c), bounds) {
                look(&mut best, &followed, at..at + BLOCK);
                bounds = rough(best.bounds());
            }
        }
        let rest = blocks * BLOCK..followed.deviation.len();
        for &(weights, change) in changes {
            for (deviation, &weight) in
                followed.deviation[rest.clone()].iter_mut().zip(&weights[rest.clone()])
            {
                *deviation += f64::from(weight) * change;
            }
        }
        look(&mut best, &followed, rest);
        best.leaders()
    }
}

#[inline(always)]
fn add(deviation: &mut [f64; BLOCK], changes: &[(&[f32], f64)], at: usize) {
    for &(weights, change) in changes {
        let Some(weights) = block_of(weights, at) else { return };
        for lane in 0..BLOCK {
            deviation[lane] += f64::from(weights[lane]) * change;
        }
    }
}

/// True where a portfolio of the block may be among the best: its `excess · |excess|` is not below `bounds.0` times
/// its variance, or its variance is not above `bounds.1`.
#[inline(always)]
fn passes<S: Simd, const NARROW: usize>(
    deviation: &[f64; BLOCK],
    excess: &[f32; BLOCK],
    base: &[f32; BLOCK],
    (a, c): (S::F, S::F),
    bounds: (f32, f32),
) -> bool {
    let (sharpe, variance, zero) = (S::splat(bounds.0), S::splat(bounds.1), S::splat(0.0));
    let mut rough = [0.0_f32; BLOCK];
    for lane in 0..BLOCK {
        rough[lane] = deviation[lane] as f32;
    }
    let (rough, excess, base) = (groups(&rough), groups(excess), groups(base));
    let mut passed = 0;
    for group in 0..BLOCK / LANES {
        for part in 0..NARROW {
            let u = S::load(&rough[group], part);
            let excess = S::add(S::load(&excess[group], part), S::mul(a, u));
            let risk = S::add(S::load(&base[group], part), S::mul(S::mul(c, u), u));
            let square = S::mul(excess, S::max(excess, S::sub(zero, excess)));
            passed |= S::above(square, S::mul(sharpe, risk)) | S::above(variance, risk);
        }
    }
    passed != 0
}

#[inline(always)]
fn groups(block: &[f32; BLOCK]) -> &[[f32; LANES]] {
    block.as_chunks().0
}

/// The best of `leaders` once they have followed; `None` of nothing.
#[inline(always)]
fn after(followed: &Followed<'_>, changes: &[(&[f32], f64)], leaders: Leaders) -> Option<Best> {
    let last = followed.deviation.len().checked_sub(1)?;
    let mut best = Best::new();
    for leader in [leaders.max_sharpe.min(last), leaders.min_variance.min(last)] {
        let moved = changes.iter().map(|(weights, change)| f64::from(weights[leader]) * change);
        offer(&mut best, followed, leader, moved.fold(followed.deviation[leader], |sum, term| sum + term));
    }
    Some(best)
}

#[inline(always)]
fn look(best: &mut Best, followed: &Followed<'_>, portfolios: std::ops::Range<usize>) {
    for k in portfolios {
        offer(best, followed, k, followed.deviation[k]);
    }
}

#[inline(always)]
fn offer(best: &mut Best, followed: &Followed<'_>, k: usize, u: f64) {
    let excess = followed.excess[k] + followed.mean_coefficient * u;
    best.offer(k, excess, followed.base[k] + followed.rank_one_coefficient * u * u);
}

/// What a portfolio must reach to be worth a closer look; everything passes where single precision does not do.
#[inline(always)]
fn rough((score, variance): (f64, f64)) -> (f32, f32) {
    let (score, variance) = (score as f32, variance as f32);
    // Squares of excess means of about this size, far above those that single precision cannot hold.
    if !(score.is_finite() && variance.is_finite() && score.abs() * variance > SMALLEST_SQUARE) {
        return (f32::NEG_INFINITY, f32::INFINITY);
    }
    (score - MARGIN * score.abs(), variance + MARGIN * variance)
}
