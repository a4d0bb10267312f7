//! The whole frontier by search: efficient portfolios from the least risk to the largest mean, warm from neighbour
//! to neighbour, and lines that no portfolio lies below.
//!
//! Between two efficient portfolios their mixtures bound the frontier from above; the lines that each brings along
//! ([`RiskLine`]) bound it from below. Where the two are farthest apart a portfolio is refined next, for the
//! risk aversion at which the frontier has the slope of the chord there, from the best mixture of its neighbours (a
//! sandwich algorithm: Burkard, Hamacher & Rote, Naval Research Logistics 38, 1991). So the search knows how far
//! each point of its frontier can be from the exact one, and stops when that is little.

use super::draws::Elite;
use crate::refine::{PaddedProblem, Refiner, RiskLine, State, Target, Workspace};

/// Differences of means, relative to the range of the frontier, that are none.
const SAME: f64 = 1e-12;
/// Portfolios refined for each point asked for, at most.
const REFINED_PER_POINT: usize = 2;
/// The factor by which a point's bounds, or its neighbours, have to come closer for it to be worth another portfolio.
const PROGRESS: f64 = 0.99;
/// The share of the tolerance to which each portfolio is refined.
const SHARE: f64 = 0.25;

/// A frontier on its way, at equally spaced means.
#[derive(Debug)]
pub(super) struct Path {
    tolerance: f64,
    means: Vec<f64>,
    /// A lower bound on the risk at each mean.
    lower: Vec<f64>,
    /// The risk of the best mixture at each mean.
    upper: Vec<f64>,
    /// Points that another portfolio has failed to improve.
    stuck: Vec<bool>,
    /// By rising mean and risk.
    states: Vec<State>,
    active: Option<(usize, Refiner)>,
    refined: usize,
}

impl Path {
    /// Starts from the portfolio of least risk, a lower bound on that risk, and the portfolio of the largest mean.
    pub(super) fn new(points: usize, tolerance: f64, least: State, least_risk: f64, top: State) -> Self {
        let (low, high) = (least.score.mean, top.score.mean.max(least.score.mean));
        let step = (high - low) / points.saturating_sub(1).max(1) as f64;
        let mean = |point: usize| if point + 1 == points { high } else { low + step * point as f64 };
        let mut path = Self {
            tolerance,
            means: if points == 1 { vec![low] } else { (0..points).map(mean).collect() },
            lower: vec![least_risk; points],
            upper: vec![f64::INFINITY; points],
            stuck: vec![false; points],
            states: vec![least],
            active: None,
            refined: 0,
        };
        path.measure();
        path.insert(top);
        path
    }

    /// Takes in another portfolio that may be efficient, and the line it brings along.
    pub(super) fn take(&mut self, state: State, line: RiskLine) {
        for (lower, &mean) in self.lower.iter_mut().zip(&self.means) {
            *lower = lower.max(line.at(mean));
        }
        self.insert(state);
    }

    /// True when there is nothing left to do.
    pub(super) fn done(&self) -> bool {
        self.active.is_none() && self.worst().is_none()
    }

    /// The largest relative distance of a point from the exact risk at its mean; `None` where there is no bound.
    pub(super) fn bound(&self) -> Option<f64> {
        let excess = self.upper.iter().zip(&self.lower).map(|(upper, lower)| (upper / lower - 1.0).max(0.0));
        let most = excess.fold(0.0, f64::max);
        most.is_finite().then_some(most)
    }

    /// Moves one portfolio on by at most `limit` moves; returns how many it made.
    pub(super) fn advance(
        &mut self,
        problem: &PaddedProblem<'_>,
        workspace: &mut Workspace,
        elites: &[Elite],
        limit: usize,
    ) -> usize {
        if self.active.is_none() {
            self.active = self.worst().map(|point| (point, self.start(problem, elites, point)));
        }
        let Some((point, refiner)) = &mut self.active else { return 0 };
        let Target::Utility { aversion } = refiner.target() else { return 0 };
        let made = refiner.advance(problem, workspace, limit);
        let state = refiner.state();
        let line = workspace.risk_line(problem, state, 2.0 * aversion);
        let risk = state.score.variance.sqrt();
        if refiner.settled() || line.at(state.score.mean) >= risk * (1.0 - SHARE * self.tolerance) {
            let (point, state) = (*point, state.clone());
            self.active = None;
            self.refined += 1;
            let before = (self.excess(point), self.width(point));
            self.take(state, line);
            let after = (self.excess(point), self.width(point));
            // Nothing is larger than nothing: a point without a bound is stuck too.
            let better =
                after.0 <= self.tolerance || after.0 < PROGRESS * before.0 || after.1 < PROGRESS * before.1;
            self.stuck[point] = !better;
        }
        made
    }

    fn excess(&self, point: usize) -> f64 {
        let excess = self.upper[point] / self.lower[point] - 1.0;
        if excess.is_nan() { 0.0 } else { excess }
    }

    /// How far apart the neighbours of a point are.
    fn width(&self, point: usize) -> f64 {
        let (left, right) = self.neighbours(self.means[point]);
        right.score.mean - left.score.mean
    }

    /// The point whose bounds are farthest apart, if any is not good enough.
    fn worst(&self) -> Option<usize> {
        if self.refined >= REFINED_PER_POINT * self.means.len() {
            return None;
        }
        let open = (0..self.means.len()).filter(|&point| !self.stuck[point]);
        let (point, excess) = open
            .map(|point| (point, self.excess(point)))
            .reduce(|worst, next| if next.1 > worst.1 { next } else { worst })?;
        (excess > self.tolerance && self.states.len() > 1).then_some(point)
    }

    /// Begins to refine a portfolio near `point`.
    fn start(&self, problem: &PaddedProblem<'_>, elites: &[Elite], point: usize) -> Refiner {
        let (left, right) = self.neighbours(self.means[point]);
        let (low, high) = (left.score, right.score);
        let rise = high.variance.sqrt() - low.variance.sqrt();
        let slope = rise / (high.mean - low.mean);
        // m − a·v is stationary along σ(m) where σ' = 1/(2aσ).
        let aversion = 1.0 / (2.0 * slope * self.upper[point]);
        let aversion = if aversion.is_finite() && aversion > 0.0 { aversion } else { f64::MIN_POSITIVE };
        let target = Target::Utility { aversion };
        let mut refiner = Refiner::new(problem, target, left.clone());
        let _ = refiner.recombine(problem, right);
        let distance = |elite: &Elite| match elite.target {
            Target::Utility { aversion: other } => (other / aversion).ln().abs(),
            _ => f64::INFINITY,
        };
        let nearest = elites
            .iter()
            .filter(|elite| distance(elite).is_finite())
            .min_by(|a, b| distance(a).total_cmp(&distance(b)))
            .and_then(|elite| elite.sample.clone());
        if let Some(weights) = nearest {
            let _ = refiner.recombine(problem, &State::new(problem, weights));
        }
        refiner
    }

    /// The two efficient portfolios that `mean` lies between; the last two above, the first two below.
    fn neighbours(&self, mean: f64) -> (&State, &State) {
        let above = self.states.partition_point(|state| state.score.mean < mean);
        let right = above.max(1).min(self.states.len() - 1);
        (&self.states[right.saturating_sub(1)], &self.states[right])
    }

    /// Puts a portfolio in its place, and those that it beats out of theirs.
    fn insert(&mut self, state: State) {
        let range = self.means[self.means.len() - 1] - self.means[0];
        let (mean, variance) = (state.score.mean, state.score.variance);
        let beaten =
            |mean: f64, variance: f64, by: (f64, f64)| mean <= by.0 + SAME * range && variance >= by.1;
        if self.states.iter().any(|held| beaten(mean, variance, (held.score.mean, held.score.variance))) {
            return;
        }
        self.states.retain(|held| !beaten(held.score.mean, held.score.variance, (mean, variance)));
        let place = self.states.partition_point(|held| held.score.mean < mean);
        self.states.insert(place, state);
        self.measure();
    }

    /// The risk of the best mixture at each mean.
    fn measure(&mut self) {
        let mut upper = std::mem::take(&mut self.upper);
        let mut last = ((usize::MAX, usize::MAX), 0.0);
        for (upper, &mean) in upper.iter_mut().zip(&self.means) {
            let (left, right, share) = self.mixture(mean);
            if last.0 != (left, right) {
                last = ((left, right), self.states[left].covariance_with(&self.states[right]));
            }
            let (own, other) = (self.states[left].score.variance, self.states[right].score.variance);
            let rest = 1.0 - share;
            let variance = rest * rest * own + 2.0 * share * rest * last.1 + share * share * other;
            *upper = variance.max(0.0).sqrt();
        }
        self.upper = upper;
    }

    /// The indices of the two portfolios to mix for `mean`, and the share of the second.
    fn mixture(&self, mean: f64) -> (usize, usize, f64) {
        let last = self.states.len() - 1;
        let above = self.states.partition_point(|state| state.score.mean < mean);
        if above == 0 || last == 0 {
            return (0, 0, 0.0);
        }
        let right = above.min(last);
        let (low, high) = (self.states[right - 1].score.mean, self.states[right].score.mean);
        (right - 1, right, ((mean - low) / (high - low)).clamp(0.0, 1.0))
    }

    /// The portfolio at each mean, by rising mean.
    pub(super) fn weights(&self) -> impl Iterator<Item = Vec<f64>> + '_ {
        self.means.iter().map(|&mean| {
            let (left, right, share) = self.mixture(mean);
            let pairs = self.states[left].weights().iter().zip(self.states[right].weights());
            pairs.map(|(a, b)| a + share * (b - a)).collect()
        })
    }

    /// The risk of each, rescaled.
    pub(super) fn risks(&self) -> &[f64] {
        &self.upper
    }
}
