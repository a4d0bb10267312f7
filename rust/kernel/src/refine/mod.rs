//! Refinement: portfolios are recombined and pushed along their marginal contributions to the optimum.
//!
//! A move exchanges weight between two assets ([`exchange`]); so the sum of the weights never changes and the bounds
//! are kept. With Σw kept up to date a move costs O(N), and so does recombining two portfolios. The search knows
//! the problem and its own portfolios only, never an exact solution.

mod certificate;
mod exchange;
mod line;
mod padded;

pub(crate) use certificate::RiskLine;
pub(crate) use exchange::Workspace;
use line::exact_step;
pub(crate) use padded::PaddedProblem;
use padded::{Octet, ZEROS, dot, padded};

use crate::batch::Score;

/// Moves per asset after which refinement stops, converged or not.
const MOVES_PER_ASSET: usize = 100;
/// Moves per asset after which Σw, mean and variance are computed afresh, so that rounding cannot drift.
const MOVES_PER_RENEWAL: usize = 4;
/// Variance, in rescaled units, that is zero to rounding.
pub(crate) const NO_VARIANCE: f64 = 1e-15;

/// What a portfolio is refined for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Target {
    /// The least variance.
    MinVariance,
    /// The largest ratio of excess mean to risk; a mean that is not positive is first replaced.
    MaxSharpe,
    /// The largest m − a·v in rescaled units.
    Utility {
        /// a
        aversion: f64,
    },
}

impl Target {
    /// What is maximised.
    pub(crate) fn value(self, score: Score) -> f64 {
        match self {
            Self::MinVariance => -score.variance,
            Self::MaxSharpe => {
                let floor = score.variance.max(f64::MIN_POSITIVE);
                score.mean * score.mean.abs() / floor
            }
            Self::Utility { aversion } => score.mean - aversion * score.variance,
        }
    }

    /// The factors (p, q) with which p·μᵢ − q·(Σw)ᵢ is proportional to the derivative by wᵢ; q·dᵀΣd is then the
    /// curvature along d in the same unit.
    fn marginal(self, score: Score) -> (f64, f64) {
        match self {
            Self::MinVariance => (0.0, 1.0),
            Self::MaxSharpe => (score.variance, score.mean),
            Self::Utility { aversion } => (1.0, 2.0 * aversion),
        }
    }

    /// What the largest difference of two marginal values is compared with.
    fn scale(self, score: Score) -> f64 {
        match self {
            Self::MinVariance => score.variance,
            Self::MaxSharpe => score.mean.abs() * score.variance,
            Self::Utility { aversion } => score.mean.abs().max(aversion * score.variance),
        }
    }
}

/// A portfolio with what refinement keeps up to date.
#[derive(Debug, Clone)]
pub(crate) struct State {
    assets: usize,
    weights: Vec<Octet>,
    /// Σw
    product: Vec<Octet>,
    pub(crate) score: Score,
}

impl State {
    pub(crate) fn new(problem: &PaddedProblem<'_>, mut weights: Vec<f64>) -> Self {
        problem.scaled().normalise(&mut weights);
        let mut state = Self {
            assets: weights.len(),
            weights: padded(&weights),
            product: vec![ZEROS; problem.octets()],
            score: Score { mean: 0.0, variance: 0.0 },
        };
        state.renew(problem);
        state
    }

    pub(crate) fn weights(&self) -> &[f64] {
        &self.weights.as_flattened()[..self.assets]
    }

    /// Computes Σw, mean and variance afresh from the weights, which are first brought back to the budget.
    fn renew(&mut self, problem: &PaddedProblem<'_>) {
        problem.scaled().normalise(&mut self.weights.as_flattened_mut()[..self.assets]);
        problem.multiply_into(&self.weights, &mut self.product);
        self.score = Score {
            mean: dot(&problem.excess, &self.weights),
            variance: dot(&self.product, &self.weights).max(0.0),
        };
    }

    /// Becomes `other`, without allocation.
    fn copy_from(&mut self, other: &Self) {
        self.weights.copy_from_slice(&other.weights);
        self.product.copy_from_slice(&other.product);
        self.score = other.score;
    }

    /// Becomes the best convex combination of this portfolio and `other`. Both keep Σw, so that it is O(N).
    pub(crate) fn recombine(&mut self, problem: &PaddedProblem<'_>, target: Target, other: &Self) -> bool {
        let mean_slope = other.score.mean - self.score.mean;
        let cross = dot(&self.product, &other.weights);
        let risk_slope = cross - self.score.variance;
        let curvature = (self.score.variance + other.score.variance - 2.0 * cross).max(0.0);
        let step = exact_step(target, self.score, (mean_slope, risk_slope), curvature, 1.0);
        if step <= 0.0 {
            return false;
        }
        mix(&mut self.weights, &other.weights, step);
        mix(&mut self.product, &other.product, step);
        self.score.mean = dot(&problem.excess, &self.weights);
        self.score.variance = dot(&self.product, &self.weights).max(0.0);
        true
    }

    /// wᵀΣu of this portfolio w and another one u.
    pub(crate) fn covariance_with(&self, other: &Self) -> f64 {
        dot(&self.product, &other.weights)
    }
}

/// `own + share · (other − own)`
fn mix(own: &mut [Octet], other: &[Octet], share: f64) {
    for (own, other) in own.as_flattened_mut().iter_mut().zip(other.as_flattened()) {
        *own += share * (other - *own);
    }
}

/// A portfolio on its way to the optimum of one target, a few moves at a time.
#[derive(Debug, Clone)]
pub(crate) struct Refiner {
    target: Target,
    state: State,
    /// The state when it was last computed afresh, to return to should rounding have made it worse.
    before: State,
    since_renewal: usize,
    moves: usize,
    settled: bool,
}

impl Refiner {
    /// Starts from `state`. Where the target is the Sharpe ratio and the mean of `state` is not positive it starts
    /// from the largest mean instead; if that is not positive either, there is nothing to refine.
    pub(crate) fn new(problem: &PaddedProblem<'_>, target: Target, mut state: State) -> Self {
        let mut settled = false;
        if target == Target::MaxSharpe && state.score.mean <= 0.0 {
            let scaled = problem.scaled();
            let top = State::new(problem, scaled.bounds().greedy_fill(scaled.excess()));
            settled = top.score.mean <= 0.0;
            if !settled {
                state = top;
            }
        }
        Self { target, before: state.clone(), state, since_renewal: 0, moves: 0, settled }
    }

    pub(crate) fn target(&self) -> Target {
        self.target
    }

    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    pub(crate) fn into_state(self) -> State {
        self.state
    }

    /// True when no move is worth making.
    pub(crate) fn settled(&self) -> bool {
        self.settled
    }

    /// Makes at most `limit` moves; returns how many it made.
    pub(crate) fn advance(
        &mut self,
        problem: &PaddedProblem<'_>,
        workspace: &mut Workspace,
        limit: usize,
    ) -> usize {
        let mut left = limit;
        while left > 0 && !self.settled {
            let renewal = MOVES_PER_RENEWAL * problem.assets();
            let quota = left.min(renewal - self.since_renewal);
            let made = workspace.exchanges(problem, self.target, &mut self.state, quota);
            let fresh = self.since_renewal == 0;
            (self.moves, self.since_renewal, left) =
                (self.moves + made, self.since_renewal + made, left - made);
            // What stops on sums that were kept up to date may find more to do on fresh ones.
            self.settled = made < quota && fresh || self.moves >= MOVES_PER_ASSET * problem.assets();
            if made < quota || self.since_renewal == renewal {
                self.renew(problem);
            }
        }
        limit - left
    }

    /// Computes the state afresh. Rounding is all that can make a portfolio worse; then the one before stands.
    fn renew(&mut self, problem: &PaddedProblem<'_>) {
        self.state.renew(problem);
        self.since_renewal = 0;
        if self.target.value(self.state.score) < self.target.value(self.before.score) {
            self.state.copy_from(&self.before);
            self.settled = true;
        }
        self.before.copy_from(&self.state);
    }

    /// Takes in what another portfolio has to give. True when that was anything.
    pub(crate) fn recombine(&mut self, problem: &PaddedProblem<'_>, other: &State) -> bool {
        let taken = self.state.recombine(problem, self.target, other);
        if taken {
            self.settled = false;
        }
        taken
    }
}

/// Pushes `state` to the optimum of `target` by pairwise exchanges.
pub(crate) fn refine(problem: &PaddedProblem<'_>, target: Target, state: State) -> State {
    let mut refiner = Refiner::new(problem, target, state);
    let mut workspace = Workspace::new(problem);
    while !refiner.settled() {
        let _ = refiner.advance(problem, &mut workspace, usize::MAX);
    }
    refiner.into_state()
}

#[cfg(test)]
mod tests;
