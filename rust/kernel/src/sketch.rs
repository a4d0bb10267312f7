//! What is kept of a sample: the frontier sketch.
//!
//! A [`FrontierSketch`] holds the best return of each risk bin, the best utility at each risk aversion, the best
//! Sharpe ratio and the least risk. Bins and risk aversions come from the problem alone, never from the
//! sample, so sketches of any parts of a run merge, in any order and grouping, to the same bits. The sketch is
//! what crosses the wire, not the portfolios.

use serde::{Deserialize, Serialize};

use crate::batch::{ScaledProblem, Score};
use crate::error::{Error, Result, require_length};
use crate::refine::{PaddedProblem, State, Target, refine};

/// Risk bins, equally wide, from the least risk to that of the largest mean.
const BINS: usize = 64;
/// Risk aversions: powers of two times the spread of the means over the mean variance, 2^-5 to 2^10.
const AVERSIONS: [f64; 16] =
    [0.03125, 0.0625, 0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0];

/// One portfolio that is best at something.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SketchEntry {
    /// What it is best at, in the sketch's units; larger is better (a variance stands negated).
    pub value: f64,
    /// Number of the portfolio in the run; from [`FrontierSketch::REFINED`] on, a refined one.
    pub number: u64,
    /// Excess mean, in the rescaled problem's unit.
    pub mean: f64,
    /// Variance, in the rescaled problem's unit.
    pub variance: f64,
    /// The weights, summing to one in double precision.
    pub weights: Vec<f64>,
}

impl SketchEntry {
    /// Whether this entry takes the place of `other`: the larger value, then the lower number. The other
    /// fields settle what is left, which makes merging commutative even for entries that no run would produce.
    fn beats(&self, other: &Self) -> bool {
        self.value
            .total_cmp(&other.value)
            .then_with(|| other.number.cmp(&self.number))
            .then_with(|| self.mean.total_cmp(&other.mean))
            .then_with(|| self.variance.total_cmp(&other.variance))
            .then_with(|| compare(&self.weights, &other.weights))
            .is_gt()
    }
}

fn compare(left: &[f64], right: &[f64]) -> std::cmp::Ordering {
    let pairs = left.iter().zip(right);
    pairs
        .map(|(a, b)| a.total_cmp(b))
        .find(|order| order.is_ne())
        .unwrap_or_else(|| left.len().cmp(&right.len()))
}

/// The axes of a sketch: a function of the problem.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Axes {
    assets: usize,
    /// Risk at which the first bin starts and the last one ends, rescaled.
    low: f64,
    high: f64,
    /// a in the utility m − a·v, rescaled.
    aversions: Vec<f64>,
}

impl Axes {
    pub(crate) fn new(problem: &ScaledProblem) -> Self {
        let assets = problem.assets();
        let padded = PaddedProblem::new(problem);
        let top = State::new(&padded, problem.bounds().greedy_fill(problem.excess()));
        let high = top.score.variance.sqrt();
        // Any feasible start does: what counts is that no sample takes part.
        let low = refine(&padded, Target::MinVariance, top).score.variance.sqrt();
        let (least, most) =
            problem.excess().iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), &mean| {
                (mean.min(least), mean.max(most))
            });
        let unit = if most > least { most - least } else { 1.0 };
        Self { assets, low, high, aversions: AVERSIONS.iter().map(|factor| factor * unit).collect() }
    }

    /// Bins per unit of risk; zero where the frontier is one point.
    pub(crate) fn bins_per_risk(&self) -> f64 {
        let width = self.high - self.low;
        if width > 0.0 { (BINS as f64 / width).min(f64::from(f32::MAX)) } else { 0.0 }
    }

    pub(crate) fn low(&self) -> f64 {
        self.low
    }

    pub(crate) fn aversions(&self) -> &[f64] {
        &self.aversions
    }

    /// The bin of a risk; what lies outside belongs to the first or the last.
    fn bin(&self, risk: f64) -> usize {
        // The conversion saturates, so that no risk is out of range.
        (((risk - self.low) * self.bins_per_risk()) as usize).min(BINS - 1)
    }
}

/// The best portfolios of a sample. See the module for what it holds and how it merges.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FrontierSketch {
    axes: Axes,
    portfolios: u64,
    max_sharpe: Option<SketchEntry>,
    min_risk: Option<SketchEntry>,
    by_risk: Vec<Option<SketchEntry>>,
    by_aversion: Vec<Option<SketchEntry>>,
}

impl FrontierSketch {
    /// Numbers from here on belong to refined portfolios; no run draws as many.
    pub const REFINED: u64 = 1 << 63;

    /// The number of risk bins.
    pub const BINS: usize = BINS;

    pub(crate) fn new(axes: Axes) -> Self {
        let by_aversion = vec![None; axes.aversions.len()];
        Self { axes, portfolios: 0, max_sharpe: None, min_risk: None, by_risk: vec![None; BINS], by_aversion }
    }

    /// Portfolios that were drawn for it.
    #[must_use]
    pub fn portfolios(&self) -> u64 {
        self.portfolios
    }

    /// The portfolio with the largest Sharpe ratio; its value is the squared ratio with its sign.
    #[must_use]
    pub fn max_sharpe(&self) -> Option<&SketchEntry> {
        self.max_sharpe.as_ref()
    }

    /// The portfolio with the least risk; its value is the negated variance.
    #[must_use]
    pub fn min_risk(&self) -> Option<&SketchEntry> {
        self.min_risk.as_ref()
    }

    /// The portfolio with the largest mean in each risk bin; its value is the mean.
    #[must_use]
    pub fn by_risk(&self) -> &[Option<SketchEntry>] {
        &self.by_risk
    }

    /// The portfolio with the largest utility m − a·v at each risk aversion, ascending.
    #[must_use]
    pub fn by_aversion(&self) -> &[Option<SketchEntry>] {
        &self.by_aversion
    }

    /// Every entry, in a fixed order: Sharpe ratio, risk, by aversion, by risk bin.
    pub fn entries(&self) -> impl Iterator<Item = &SketchEntry> {
        self.special().chain(self.by_risk.iter().flatten())
    }

    /// The entries that are best at an objective rather than in a bin.
    pub(crate) fn special(&self) -> impl Iterator<Item = &SketchEntry> {
        self.max_sharpe.iter().chain(&self.min_risk).chain(self.by_aversion.iter().flatten())
    }

    pub(crate) fn axes(&self) -> &Axes {
        &self.axes
    }

    pub(crate) fn count(&mut self, portfolios: u64) {
        self.portfolios += portfolios;
    }

    /// Puts a portfolio into every slot it is best at; tells whether there was one. A score that is not finite is
    /// passed over.
    pub(crate) fn offer(&mut self, number: u64, score: Score, weights: &[f64]) -> bool {
        let Score { mean, variance } = score;
        if !mean.is_finite() || !variance.is_finite() {
            return false;
        }
        let mut taken = false;
        let mut put = |slot: &mut Option<SketchEntry>, value: f64| {
            let keep = slot.as_ref().is_some_and(|held| value < held.value);
            if keep || !value.is_finite() {
                return;
            }
            let entry = SketchEntry { value, number, mean, variance, weights: weights.to_vec() };
            taken |= keep_better(slot, entry);
        };
        put(&mut self.min_risk, -variance);
        if let Some(sharpe) = score.signed_square_sharpe() {
            put(&mut self.max_sharpe, sharpe);
        }
        for (slot, aversion) in self.by_aversion.iter_mut().zip(&self.axes.aversions) {
            put(slot, mean - aversion * variance);
        }
        put(&mut self.by_risk[self.axes.bin(variance.sqrt())], mean);
        taken
    }

    /// Takes in another part of the same run. Associative and commutative, to the same bits.
    ///
    /// # Errors
    /// A sketch of another problem.
    pub fn merge(&mut self, other: Self) -> Result<()> {
        self.axes.require_equal(&other.axes)?;
        require_length("sketch risk bins", self.by_risk.len(), other.by_risk.len())?;
        require_length("sketch risk aversions", self.by_aversion.len(), other.by_aversion.len())?;
        self.portfolios = self.portfolios.saturating_add(other.portfolios);
        merge_slot(&mut self.max_sharpe, other.max_sharpe);
        merge_slot(&mut self.min_risk, other.min_risk);
        self.by_risk.iter_mut().zip(other.by_risk).for_each(|(slot, entry)| merge_slot(slot, entry));
        self.by_aversion.iter_mut().zip(other.by_aversion).for_each(|(slot, entry)| merge_slot(slot, entry));
        Ok(())
    }

    /// Refuses a sketch, for example one that came over a wire, that does not belong to a problem with these axes.
    pub(crate) fn require_axes(&self, axes: &Axes) -> Result<()> {
        axes.require_equal(&self.axes)?;
        require_length("sketch risk bins", BINS, self.by_risk.len())?;
        require_length("sketch risk aversions", axes.aversions.len(), self.by_aversion.len())?;
        self.entries()
            .try_for_each(|entry| require_length("sketch weights", axes.assets, entry.weights.len()))
    }
}

impl Axes {
    fn require_equal(&self, other: &Self) -> Result<()> {
        require_length("sketch assets", self.assets, other.assets)?;
        let bits = |axes: &Self| -> Vec<u64> {
            [axes.low, axes.high].iter().chain(&axes.aversions).map(|value| value.to_bits()).collect()
        };
        if bits(self) == bits(other) {
            return Ok(());
        }
        Err(Error::OutOfRange {
            parameter: "sketch",
            value: other.low,
            expected: "sketches that belong together are of one problem, with the same risk axis",
        })
    }
}

fn merge_slot(slot: &mut Option<SketchEntry>, entry: Option<SketchEntry>) {
    if let Some(entry) = entry {
        let _ = keep_better(slot, entry);
    }
}

fn keep_better(slot: &mut Option<SketchEntry>, entry: SketchEntry) -> bool {
    let better = slot.as_ref().is_none_or(|held| entry.beats(held));
    if better {
        *slot = Some(entry);
    }
    better
}

#[cfg(test)]
mod tests;
