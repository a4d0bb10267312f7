//! A primal active-set solver under box bounds, warm-started from its last answer.
//!
//! It minimises `½ wᵀΣw − t μ·w` over `{l ≤ w ≤ u, Σw = 1}`, or maximises the Sharpe ratio
//! `(μ − r_f)·w / √(wᵀΣw)` over the same set. For the latter the problem is homogenised: `y = κ w` with
//! `κ = 1·y > 0` lies in the cone `l κ ≤ y ≤ u κ` and minimises `½ yᵀΣy − (μ − r_f)·y` (Cornuéjols &
//! Tütüncü, Optimization Methods in Finance, section 8.2). A step in y projects to a straight step in w, so
//! that both objectives share their ratio test and their multipliers: with `t = wᵀΣw / (μ − r_f)·w` the
//! gradient of the homogenised problem is that of the first one.
//!
//! Σ may be singular: an asset whose entry would make the face singular is exchanged along the direction
//! without curvature until a bound stops it (Best, Portfolio Optimization, 2010, chapter 2). All tolerances
//! are relative: results do not depend on the unit of the returns. A warm solve does not allocate.

use super::cholesky::Cholesky;
use super::face::Face;
use super::inverse::Inverse;
use super::rank_one::RankOne;
use super::vector::{dot_and_size, sum};
use crate::matrix::SymmetricMatrix;
use crate::problem::Bounds;

/// Weights this close to a bound are on it.
const SNAP: f64 = 4.0 * f64::EPSILON;

/// Where a solve begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// From the last answer of this solver, when there is one.
    Warm,
    /// From a vertex of the feasible set.
    Cold,
}

/// How a solve ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// The weights are optimal.
    Optimal,
    /// No feasible portfolio has a positive excess mean: the weights are those of the largest mean.
    NoPositiveExcessMean,
    /// No feasible portfolio reaches the target: the weights are those that come nearest to it.
    Unattainable,
    /// A feasible portfolio has no risk, so there is no unique answer; the weights are feasible.
    Riskless,
    /// The step limit was reached; the weights are feasible.
    NotConverged,
}

/// What a solve found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Solution<'a> {
    /// One weight an asset, within the bounds, summing to one.
    pub weights: &'a [f64],
    /// Their variance.
    pub variance: f64,
    /// How the solve ended.
    pub status: Status,
}

/// Where a weight stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Free,
    Lower,
    Upper,
}

/// What is optimised; the linear term itself is in the solver's `score`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Goal {
    /// `½ wᵀΣw − tolerance · score·w`.
    Utility { tolerance: f64 },
    /// `score·w / √(wᵀΣw)`.
    Sharpe,
    /// `½ wᵀΣw` among those with `score·w ≥ target`.
    Return { target: f64 },
    /// `−score·w` among those with `wᵀΣw ≤ variance`.
    Risk { variance: f64 },
}

/// A solver for one universe and one objective: owns its workspace and remembers its last active set.
#[derive(Debug, Clone)]
pub struct ActiveSetSolver {
    pub(super) state: State,
    /// The face of the steps of a solve.
    pub(super) face: Face<Cholesky>,
    /// The face of the last answer, factorised from scratch.
    pub(super) settled: Face<Inverse>,
    /// True when weights and places are those of an optimum.
    pub(super) warm: bool,
    pub(super) order: Vec<usize>,
    /// Room for Σ written out, where the base alone is singular.
    dense: SymmetricMatrix,
}

/// Where a solve stands.
#[derive(Debug, Clone, Default)]
pub(super) struct State {
    pub(super) lower: Vec<f64>,
    pub(super) upper: Vec<f64>,
    pub(super) weights: Vec<f64>,
    pub(super) place: Vec<Place>,
    /// Mean or excess mean.
    pub(super) score: Vec<f64>,
    /// The mean variance, which tolerances are relative to.
    pub(super) typical: f64,
    /// Rounding of a sum over the assets, relative to the sizes of its terms.
    pub(super) rounding: f64,
    /// Σ w, its quadratic form, the gradient, and the risk tolerance t it was taken at.
    pub(super) product: Vec<f64>,
    pub(super) variance: f64,
    /// Steps for which Σw was followed instead of computed; `None` where it is not that of the weights.
    pub(super) followed: Option<usize>,
    /// Whether steps keep Σw up.
    pub(super) follows: bool,
    pub(super) gradient: Vec<f64>,
    pub(super) tolerance: f64,
    /// Scratch: step on the face and Σ times it, two right-hand sides, the weights before a trial, assets not
    /// to be freed again before the next real step.
    pub(super) step: Vec<f64>,
    pub(super) drift: Vec<f64>,
    pub(super) first: Vec<f64>,
    pub(super) second: Vec<f64>,
    pub(super) backup: Vec<f64>,
    pub(super) barred: Vec<bool>,
    /// The asset freed last.
    pub(super) entered: Option<usize>,
}

impl ActiveSetSolver {
    /// A solver for universes of `bounds.assets()` assets, which must be at least one.
    #[must_use]
    pub fn new(bounds: &Bounds) -> Self {
        let assets = bounds.assets();
        let zeros = || vec![0.0; assets];
        let state = State {
            lower: bounds.lower().to_vec(),
            upper: bounds.upper().to_vec(),
            weights: zeros(),
            place: vec![Place::Lower; assets],
            score: zeros(),
            typical: 0.0,
            rounding: f64::EPSILON * (2.0 + 0.5 * (assets as f64).sqrt()),
            product: zeros(),
            variance: 0.0,
            followed: None,
            follows: false,
            gradient: zeros(),
            tolerance: 0.0,
            step: zeros(),
            drift: zeros(),
            first: zeros(),
            second: zeros(),
            backup: zeros(),
            barred: vec![false; assets],
            entered: None,
        };
        Self {
            state,
            face: Face::updatable(assets),
            settled: Face::from_scratch(assets),
            warm: false,
            order: (0..assets).collect(),
            dense: SymmetricMatrix::zeros(assets),
        }
    }

    /// The largest Sharpe ratio. `mean` has one element an asset, `risk_free` is per bar.
    pub fn solve_max_sharpe(
        &mut self,
        mean: &[f64],
        risk_free: f64,
        covariance: &RankOne<'_>,
        start: Start,
    ) -> Solution<'_> {
        for (score, mean) in self.state.score.iter_mut().zip(mean) {
            *score = mean - risk_free;
        }
        self.run(Goal::Sharpe, covariance, start)
    }

    /// The smallest variance.
    pub fn solve_min_variance(&mut self, covariance: &RankOne<'_>, start: Start) -> Solution<'_> {
        self.state.score.fill(0.0);
        self.run(Goal::Utility { tolerance: 0.0 }, covariance, start)
    }

    /// The smallest `½ wᵀΣw − tolerance · mean·w`; `tolerance ≥ 0` is the risk tolerance, the reciprocal of
    /// the risk aversion.
    pub fn solve_utility(
        &mut self,
        mean: &[f64],
        tolerance: f64,
        covariance: &RankOne<'_>,
        start: Start,
    ) -> Solution<'_> {
        self.state.score.copy_from_slice(mean);
        self.run(Goal::Utility { tolerance }, covariance, start)
    }

    fn run(&mut self, goal: Goal, view: &RankOne<'_>, start: Start) -> Solution<'_> {
        self.state.measure(view);
        let mut status = None;
        if start == Start::Warm && self.warm && (goal != Goal::Sharpe || self.state.has_excess()) {
            status = self.attempt(goal, view, true);
        }
        let status = match status {
            Some(status) => status,
            None => self.run_cold(goal, view),
        };
        self.finish(status)
    }

    /// Remembers the answer and hands it out.
    pub(super) fn finish(&mut self, status: Status) -> Solution<'_> {
        self.warm = matches!(status, Status::Optimal);
        self.state.tidy();
        Solution { weights: &self.state.weights, variance: self.state.variance, status }
    }

    fn run_cold(&mut self, goal: Goal, view: &RankOne<'_>) -> Status {
        self.start_at_vertex(goal, view);
        if goal == Goal::Sharpe && !self.state.has_excess() {
            return Status::NoPositiveExcessMean;
        }
        if self.state.typical <= 0.0 {
            self.state.variance = 0.0;
            return Status::Riskless;
        }
        match self.attempt(goal, view, false) {
            Some(status) => status,
            None => {
                self.leave_no_overflow(goal, view);
                Status::NotConverged
            }
        }
    }

    /// Goes back to a vertex where steps have overflowed: what did not converge is feasible all the same. Variances next
    /// to the smallest number there is do that, their reciprocals being infinite.
    fn leave_no_overflow(&mut self, goal: Goal, view: &RankOne<'_>) {
        if self.state.weights.iter().any(|weight| !weight.is_finite()) {
            self.start_at_vertex(goal, view);
            self.state.variance = view.quadratic_form(&self.state.weights);
        }
    }

    /// From the present weights to an optimum; `None` when the step limit was reached.
    fn attempt(&mut self, goal: Goal, view: &RankOne<'_>, warm: bool) -> Option<Status> {
        if warm && self.settle(goal, view) {
            return Some(Status::Optimal);
        }
        let status = self.descend(goal, view)?;
        if status == Status::Optimal {
            self.settle_or_leave(goal, view);
        }
        Some(status)
    }

    /// Steps from the present weights to an optimum; `None` when the step limit was reached.
    pub(super) fn descend(&mut self, goal: Goal, view: &RankOne<'_>) -> Option<Status> {
        let Self { state, face, settled, dense, .. } = self;
        settled.forget();
        let clean = face.refresh(view, state.typical);
        let mut end =
            if clean || view.is_plain() { state.descend(face, goal, view) } else { End::NeedsDense };
        if end == End::NeedsDense {
            view.write_into(dense);
            face.refactor(&RankOne::plain(dense), state.typical);
            end = state.descend(face, goal, &RankOne::plain(dense));
        }
        match end {
            End::Optimal => Some(Status::Optimal),
            End::Riskless => Some(Status::Riskless),
            End::NeedsDense | End::StepLimit => None,
        }
    }

    /// The same active set gives the same bits, however it was reached: the weights are computed once more, from
    /// a factor made from scratch. Where Σ is singular on the face they stay as they are.
    fn settle_or_leave(&mut self, goal: Goal, view: &RankOne<'_>) {
        if !self.settle(goal, view) && !view.is_plain() {
            let Self { state, settled, dense, .. } = self;
            view.write_into(dense);
            settled.forget();
            state.settle(settled, goal, &RankOne::plain(dense));
        }
    }

    /// The answer of the present active set, see [`State::settle`].
    pub(super) fn settle(&mut self, goal: Goal, view: &RankOne<'_>) -> bool {
        self.state.settle(&mut self.settled, goal, view)
    }

    /// The vertex with the largest mean, or with the smallest variances where no mean counts.
    pub(super) fn start_at_vertex(&mut self, goal: Goal, view: &RankOne<'_>) {
        let Self { state, face, order, .. } = self;
        let by_variance = matches!(goal, Goal::Utility { tolerance } if tolerance == 0.0);
        let value = |asset: usize| if by_variance { -view.entry(asset, asset) } else { state.score[asset] };
        for (asset, slot) in order.iter_mut().enumerate() {
            *slot = asset;
        }
        order.sort_unstable_by(|&a, &b| value(b).total_cmp(&value(a)).then(a.cmp(&b)));
        state.weights.copy_from_slice(&state.lower);
        state.place.fill(Place::Lower);
        state.barred.fill(false);
        let mut left = 1.0 - state.lower.iter().sum::<f64>();
        // One asset is always free, even at its bound: it takes up what the others leave.
        let mut free = order.first().copied().unwrap_or(0);
        for &asset in order.iter() {
            let room = state.upper[asset] - state.lower[asset];
            if left <= 0.0 || room <= 0.0 {
                continue;
            }
            free = asset;
            state.weights[asset] += room.min(left);
            state.place[asset] = Place::Upper;
            left -= room;
        }
        state.place[free] = Place::Free;
        face.restart(std::iter::once(free));
        self.settled.forget();
    }
}

impl State {
    /// What tolerances are relative to.
    pub(super) fn measure(&mut self, view: &RankOne<'_>) {
        let variances = (0..self.weights.len()).map(|asset| view.entry(asset, asset).max(0.0));
        self.typical = variances.sum::<f64>() / self.weights.len().max(1) as f64;
    }

    /// True when the present weights have an excess mean above rounding.
    fn has_excess(&self) -> bool {
        let (sum, size) = dot_and_size(&self.score, &self.weights);
        sum > 4.0 * f64::EPSILON * size
    }

    /// Puts the weights inside their bounds exactly, those within rounding of a bound on it, and lets those
    /// with room take up the missing sum. At a vertex the free asset may be any of several: snapping makes
    /// their answers the same bits.
    pub(super) fn tidy(&mut self) {
        for (weight, (&lower, &upper)) in self.weights.iter_mut().zip(self.lower.iter().zip(&self.upper)) {
            *weight = snap(*weight, lower, upper);
        }
        let missing = 1.0 - sum(&self.weights);
        if missing.abs() <= SNAP {
            return;
        }
        let mut left = missing;
        for pass in [Place::Free, Place::Lower, Place::Upper] {
            for asset in 0..self.weights.len() {
                if self.place[asset] == pass && left != 0.0 {
                    let (old, lower, upper) = (self.weights[asset], self.lower[asset], self.upper[asset]);
                    let weight = (old + left).clamp(lower, upper);
                    left -= weight - old;
                    self.weights[asset] = snap(weight, lower, upper);
                }
            }
        }
    }
}

/// The weight inside its bounds, and on one of them where it is within rounding of it.
#[inline]
fn snap(weight: f64, lower: f64, upper: f64) -> f64 {
    let weight = if upper - weight <= SNAP { upper } else { weight };
    if weight - lower <= SNAP { lower } else { weight }
}

/// How a descent ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Optimal,
    Riskless,
    /// The base alone is singular on the face: Σ has to be written out.
    NeedsDense,
    StepLimit,
}
