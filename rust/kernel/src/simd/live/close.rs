//! One pass over a live population at a close: sums, means and variances of every portfolio, and the best of them.

use super::best::Best;
use super::{BLOCK, Leaders};
use crate::simd::dispatch::Work;
use crate::simd::vector::Simd;

/// How far below the best a portfolio still gets a closer look, relatively: well above rounding.
const MARGIN: f64 = 1e-12;

/// What a close changes: one number a portfolio in each slice, all of the same length.
#[derive(Debug)]
pub struct Closing<'a> {
    /// Return of the closing bar less the mean before it; the mean after it, negated, when the pass is over.
    pub deviation: &'a mut [f64],
    /// Mean of the closed bars.
    pub mean: &'a mut [f64],
    /// Σr and Σr² over the closed bars.
    pub sum: &'a mut [f64],
    /// As above.
    pub squares: &'a mut [f64],
    /// The mean less the risk-free rate, and the same in single precision.
    pub excess: &'a mut [f64],
    /// As above.
    pub rough_excess: &'a mut [f32],
    /// The part of the variance that an open bar does not change, and the same in single precision.
    pub base: &'a mut [f64],
    /// As above.
    pub rough_base: &'a mut [f32],
    /// Return of the bar that leaves.
    pub evicted: &'a [f64],
    /// ‖w‖².
    pub norms: &'a [f64],
}

/// How a close changes it. Σ ← `decay` Σ + `entered` new − `evicted` old; the mean is Σr · `per_sum`, the variance
/// (Σr² − mean Σr) · `per_divisor`, of which `base_scale` and, at the close itself, `closed_scale` count, and
/// `ridge` ‖w‖² is added.
#[derive(Debug, Clone, Copy, Default)]
pub struct CloseStep {
    /// What a bar's age takes off its weight.
    pub decay: f64,
    /// One, or zero where no bar enters and means and variances are only formed from the sums.
    pub entered: f64,
    /// Weight of the bar that leaves.
    pub evicted: f64,
    /// One over the sum of the weights.
    pub per_sum: f64,
    /// One over the divisor of the variance.
    pub per_divisor: f64,
    /// See above.
    pub base_scale: f64,
    /// See above.
    pub closed_scale: f64,
    /// See above.
    pub ridge: f64,
    /// Risk-free rate.
    pub risk_free: f64,
}

pub(super) struct Close<'a, 'b> {
    pub(super) closing: Closing<'a>,
    pub(super) step: &'b CloseStep,
}

impl Work for Close<'_, '_> {
    type Output = Leaders;

    #[inline(always)]
    fn run<S: Simd, const DRAW: usize, const WIDE: usize, const NARROW: usize, const ROWS: usize>(
        self,
    ) -> Leaders {
        let Self { mut closing, step } = self;
        let count = closing.deviation.len();
        let mut best = Best::new();
        // The variance at the close itself is kept nowhere else.
        let mut closed = [0.0; BLOCK];
        for at in (0..count).step_by(BLOCK) {
            let length = BLOCK.min(count - at);
            let excess = block(&mut closing, step, at, &mut closed[..length]);
            let (score, variance) = best.bounds();
            let (score, variance) = (score - MARGIN * score.abs(), variance + MARGIN * variance);
            let mut passed = !score.is_finite();
            for (excess, risk) in excess.iter().zip(&closed) {
                passed |= (excess * excess.abs() >= score * risk) | (*risk <= variance);
            }
            if passed {
                for (k, (&excess, &risk)) in excess.iter().zip(&closed).enumerate() {
                    best.offer(at + k, excess, risk);
                }
            }
        }
        best.leaders()
    }
}

/// Moves a block on; returns its excess means.
#[inline(always)]
fn block<'a>(closing: &'a mut Closing<'_>, step: &CloseStep, at: usize, closed: &mut [f64]) -> &'a [f64] {
    let range = at..at + closed.len();
    let (deviation, mean) = (&mut closing.deviation[range.clone()], &mut closing.mean[range.clone()]);
    let (sum, squares) = (&mut closing.sum[range.clone()], &mut closing.squares[range.clone()]);
    let (excess, base) = (&mut closing.excess[range.clone()], &mut closing.base[range.clone()]);
    let rough_excess = &mut closing.rough_excess[range.clone()];
    let rough_base = &mut closing.rough_base[range.clone()];
    let (evicted, norms) = (&closing.evicted[range.clone()], &closing.norms[range.clone()]);
    for k in 0..closed.len() {
        let (new, old) = (deviation[k] + mean[k], evicted[k]);
        sum[k] = step.decay * sum[k] + step.entered * new - step.evicted * old;
        squares[k] = step.decay * squares[k] + step.entered * new * new - step.evicted * old * old;
        mean[k] = sum[k] * step.per_sum;
        let variance = ((squares[k] - sum[k] * mean[k]) * step.per_divisor).max(0.0);
        let ridge = step.ridge * norms[k];
        excess[k] = mean[k] - step.risk_free;
        base[k] = step.base_scale * variance + ridge;
        closed[k] = step.closed_scale * variance + ridge;
        rough_excess[k] = excess[k] as f32;
        rough_base[k] = base[k] as f32;
        deviation[k] = -mean[k];
    }
    excess
}
