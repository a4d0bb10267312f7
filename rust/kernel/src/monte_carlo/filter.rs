//! Which of sixteen portfolios may be best at something.
//!
//! The thresholds are those of the sketch, lowered by more than single precision can be off, so that the
//! decision itself is made in double precision. Few portfolios pass.

use crate::batch::{LANES, Lanes, ScaledProblem, Scores};
use crate::sketch::FrontierSketch;

/// Bound on the rounding of a mean, relative to the largest mean times the gross weight, and of a variance.
const ROUNDING: f32 = 1e-5;

/// The sketch's thresholds in single precision.
#[derive(Debug, Clone)]
pub(super) struct Filter {
    margin: f32,
    low: f32,
    bins_per_risk: f32,
    sharpe: f32,
    variance: f32,
    aversions: Vec<(f32, f32)>,
    bins: [f32; FrontierSketch::BINS],
}

impl Filter {
    /// Lets everything through that `sketch` does not already beat.
    pub(super) fn new(problem: &ScaledProblem, sketch: &FrontierSketch) -> Self {
        let short: f64 = problem.bounds().lower().iter().map(|&bound| (-bound).max(0.0)).sum();
        let axes = sketch.axes();
        let mut filter = Self {
            margin: ROUNDING * (1.0 + 2.0 * short) as f32,
            low: axes.low() as f32,
            bins_per_risk: axes.bins_per_risk() as f32,
            sharpe: f32::MIN,
            variance: f32::INFINITY,
            aversions: axes.aversions().iter().map(|&aversion| (aversion as f32, f32::MIN)).collect(),
            bins: [f32::MIN; FrontierSketch::BINS],
        };
        filter.update(sketch);
        filter
    }

    /// Takes over the thresholds of `sketch`.
    pub(super) fn update(&mut self, sketch: &FrontierSketch) {
        if let Some(best) = sketch.max_sharpe() {
            let value = best.value as f32;
            // The variance it is multiplied with is taken too small; a negative product must not gain by that.
            self.sharpe = if value > 0.0 { value } else { value * (1.0 + 4.0 * ROUNDING) };
        }
        if let Some(best) = sketch.min_risk() {
            self.variance = best.variance as f32;
        }
        for ((_, threshold), best) in self.aversions.iter_mut().zip(sketch.by_aversion()) {
            if let Some(best) = best {
                *threshold = best.value as f32;
            }
        }
        for (threshold, best) in self.bins.iter_mut().zip(sketch.by_risk()) {
            if let Some(best) = best {
                *threshold = best.value as f32;
            }
        }
    }

    /// By how much each portfolio passes the threshold it passes best, in whatever unit; not positive where it
    /// passes none.
    #[inline(always)]
    pub(super) fn excess(&self, scores: &Scores) -> Lanes {
        let mean = scores.mean.map(|mean| mean + self.margin);
        let variance = scores.variance.map(|variance| variance * (1.0 - ROUNDING));
        let mut excess = variance.map(|variance| self.variance - variance);
        let sharpe = mean.zip(variance, |mean, variance| mean * mean.abs() - self.sharpe * variance);
        excess = excess.zip(sharpe, larger);
        for &(aversion, threshold) in &self.aversions {
            let utility = mean.zip(variance, |mean, variance| mean - aversion * variance - threshold);
            excess = excess.zip(utility, larger);
        }
        let last = (FrontierSketch::BINS - 1) as f32;
        let place = scores.variance.map(|variance| {
            let place = (variance.sqrt() - self.low) * self.bins_per_risk;
            let place = if place > 0.0 { place } else { 0.0 };
            if place < last { place } else { last }
        });
        for lane in 0..LANES {
            let over = mean.0[lane] - self.bins[place.0[lane] as usize % FrontierSketch::BINS];
            excess.0[lane] = larger(excess.0[lane], over);
        }
        excess
    }
}

#[inline(always)]
fn larger(a: f32, b: f32) -> f32 {
    if b > a { b } else { a }
}
