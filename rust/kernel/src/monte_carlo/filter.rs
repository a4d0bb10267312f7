//! Which portfolios may be best at something.
//!
//! The thresholds are those of the sketch, lowered by more than single precision can be off, so that the
//! decision itself is made in double precision. Few portfolios pass. Most are let go at a first look, a
//! [`Hurdle`] that is never higher than the thresholds: at ten assets the thresholds themselves take as long as drawing.

use crate::batch::{ScaledProblem, Scores};
use crate::simd::{Hurdle, Machine};
use crate::sketch::{Axes, FrontierSketch};

/// Bound on the rounding of a mean, relative to the largest mean times the gross weight, and of a variance.
const ROUNDING: f32 = 1e-5;

/// Twice the rounding: thresholds are themselves compared in single precision.
const SLACK: f32 = 2.0 * ROUNDING;

/// Portfolios taken by the sketch from one hurdle to the next.
const HURDLE_EVERY: u32 = 4;

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
    edges: Edges,
    hurdle: Hurdle,
    /// Portfolios that the sketch took since the hurdle was made.
    behind: u32,
}

/// What a risk bin reaches from and to, a little beyond its edges.
#[derive(Debug, Clone)]
struct Edges {
    least: [f32; FrontierSketch::BINS],
    least_variance: [f32; FrontierSketch::BINS],
    most: [f32; FrontierSketch::BINS],
}

impl Edges {
    fn new(axes: &Axes) -> Self {
        let (low, bins_per_risk) = (axes.low() as f32, axes.bins_per_risk() as f32);
        // Finite where the frontier is one point, too.
        let edge = |bin: usize| (low + bin as f32 / bins_per_risk).min(f32::MAX);
        // The outermost bins hold what lies outside.
        let last = FrontierSketch::BINS - 1;
        let least = std::array::from_fn(|bin| if bin == 0 { 0.0 } else { edge(bin) * (1.0 - SLACK) });
        let most =
            std::array::from_fn(|bin| if bin == last { f32::MAX } else { edge(bin + 1) * (1.0 + SLACK) });
        Self { least, least_variance: least.map(|risk| risk * risk * (1.0 - SLACK)), most }
    }
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
            edges: Edges::new(axes),
            hurdle: Hurdle {
                low: axes.low() as f32,
                bins_per_risk: axes.bins_per_risk() as f32,
                variance: f32::INFINITY,
                means: [f32::MIN; FrontierSketch::BINS],
            },
            behind: 0,
        };
        filter.update(sketch);
        filter
    }

    /// Takes over the thresholds of `sketch`.
    fn update(&mut self, sketch: &FrontierSketch) {
        self.update_special(sketch);
        for bin in 0..FrontierSketch::BINS {
            self.update_bin(sketch, bin);
        }
        self.lower_hurdle();
    }

    /// Takes over what changed in `sketch` when it took a portfolio of about this variance. The hurdle follows only
    /// now and then: it may be too low, and making it costs more than a few portfolios that pass it.
    pub(super) fn update_after(&mut self, sketch: &FrontierSketch, variance: f32) {
        self.update_special(sketch);
        // Single precision may name the bin next to the one it is in.
        let bin = self.bin(variance);
        for bin in bin.saturating_sub(1)..(bin + 2).min(FrontierSketch::BINS) {
            self.update_bin(sketch, bin);
        }
        self.behind += 1;
        if self.behind >= HURDLE_EVERY {
            self.lower_hurdle();
        }
    }

    fn update_bin(&mut self, sketch: &FrontierSketch, bin: usize) {
        if let Some(best) = &sketch.by_risk()[bin] {
            self.bins[bin] = best.value as f32;
        }
    }

    fn update_special(&mut self, sketch: &FrontierSketch) {
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
    }

    /// The risk bin of a variance; the conversion saturates.
    fn bin(&self, variance: f32) -> usize {
        (((variance.sqrt() - self.low) * self.bins_per_risk) as usize).min(FrontierSketch::BINS - 1)
    }

    /// For each risk bin the least mean that passes any threshold at any risk in it, less what rounding may add.
    fn lower_hurdle(&mut self) {
        self.behind = 0;
        self.hurdle.variance = self.variance * (1.0 + SLACK);
        let means = &mut self.hurdle.means;
        *means = self.bins;
        // The Sharpe ratio at the end of the bin where it asks for less.
        let (slope, risks) = if self.sharpe > 0.0 {
            (self.sharpe.sqrt(), &self.edges.least)
        } else {
            (-(-self.sharpe).sqrt(), &self.edges.most)
        };
        for (mean, risk) in means.iter_mut().zip(risks) {
            *mean = smaller(*mean, slope * risk);
        }
        for &(aversion, best) in &self.aversions {
            for (mean, variance) in means.iter_mut().zip(&self.edges.least_variance) {
                *mean = smaller(*mean, best + aversion * variance);
            }
        }
        for mean in means {
            *mean -= SLACK * mean.abs() + 2.0 * self.margin;
        }
    }

    /// A bit for each portfolio of at most four groups that the filter may admit; see [`admits`](Self::admits).
    #[inline]
    pub(super) fn candidates(&self, machine: Machine, scores: &[Scores]) -> u64 {
        machine.passes(&self.hurdle, scores)
    }

    /// Whether a portfolio passes any of the thresholds.
    pub(super) fn admits(&self, mean: f32, variance: f32) -> bool {
        let bin = self.bin(variance);
        let (mean, variance) = (mean + self.margin, variance * (1.0 - ROUNDING));
        mean > self.bins[bin]
            || variance < self.variance
            || mean * mean.abs() > self.sharpe * variance
            || self.aversions.iter().any(|&(aversion, best)| mean - aversion * variance > best)
    }
}

#[inline(always)]
fn smaller(a: f32, b: f32) -> f32 {
    if b < a { b } else { a }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::{LANES, Score};
    use crate::matrix::SymmetricMatrix;
    use crate::problem::Problem;
    use crate::random::{LaneStream, Purpose, RunKey};
    use crate::simd::InstructionSet;

    /// Scores all over the place, filtered through sketches that fill up: what passes a threshold passes the hurdle, on
    /// every instruction set alike.
    #[test]
    fn the_hurdle_is_never_higher_than_the_thresholds() {
        let machines: Vec<Machine> =
            InstructionSet::available().into_iter().map(|set| set.machine().unwrap()).collect();
        for (seed, shift) in [(0, 0.0), (1, 0.5), (2, -0.9), (3, -1.1)] {
            let covariance =
                SymmetricMatrix::from_lower(4, |row, column| if row == column { 0.3 } else { 0.1 });
            let scaled =
                ScaledProblem::new(&Problem::new(vec![0.2, 0.5, 0.9, 1.0], covariance, 100).unwrap());
            let axes = Axes::new(&scaled);
            let width = 1.2 * (FrontierSketch::BINS as f64 / axes.bins_per_risk()) as f32;
            let low = axes.low() as f32 - 0.1 * width;
            let mut sketch = FrontierSketch::new(axes);
            let mut filter = Filter::new(&scaled, &sketch);
            let mut numbers = LaneStream::new(RunKey::new(seed, 0, Purpose::Portfolios), 0);
            let mut turned_away = 0;
            for round in 0..20_000 {
                let risk = numbers.next_uniform().map(|u| low + width * u);
                let height = numbers.next_uniform().map(|u| u.sqrt().sqrt() + shift);
                let mean = height.zip(risk, |height, risk| height * (risk - 0.9 * low) / width);
                let scores = Scores { mean, variance: risk.map(|risk| risk * risk) };
                let admitted = (0..LANES)
                    .filter(|&lane| filter.admits(scores.mean.0[lane], scores.variance.0[lane]))
                    .fold(0, |lanes, lane| lanes | 1 << lane);
                for &machine in &machines {
                    let candidates = filter.candidates(machine, &[scores]);
                    assert_eq!(admitted & !candidates, 0, "round {round}");
                    turned_away += 16 - candidates.count_ones();
                }
                if round % 3 == 0 {
                    for lane in 0..LANES {
                        let (mean, variance) = (scores.mean.0[lane], scores.variance.0[lane]);
                        let score = Score { mean: f64::from(mean), variance: f64::from(variance) };
                        sketch.offer(round, score, &[0.25; 4]);
                    }
                    filter.update(&sketch);
                }
            }
            assert!(turned_away > 100_000, "{turned_away}");
        }
    }
}
