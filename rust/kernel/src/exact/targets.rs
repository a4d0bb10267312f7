//! Portfolios of a given mean or a given risk: the least risk with a mean of at least the target, and the
//! largest mean with a risk of at most the target.
//!
//! Both are the optimum of `½ wᵀΣw − t μ·w` for some risk tolerance t ≥ 0; mean and variance of that optimum
//! rise with t. On one face t follows in closed form, so that an active set that stays answers at once.
//! Where it changes, t is sought by Newton steps along the faces that are met, kept between bounds. Where Σ is
//! singular the mean may jump at one t: between the optima on both sides all portfolios are optimal for it.

use super::active_set::{ActiveSetSolver, Goal, Place, Solution, Start, Status};
use super::rank_one::RankOne;
use super::vector::{dot, dot_and_size};

/// Rounding of a mean or a variance, relative to the sizes of its terms.
const ROUNDING: f64 = 64.0 * f64::EPSILON;
/// Risk tolerances closer than this, relatively, are one.
const CLOSE: f64 = 1e-14;
/// Steps of the search for the risk tolerance.
const STEPS: usize = 300;
/// Steps after which a search that knows no upper limit has passed every corner of the frontier.
const DOUBLINGS: usize = 120;
/// After this many Newton steps the bounds are halved in between.
const PATIENCE: usize = 3;

/// One end of the search: a risk tolerance and the weights that are optimal there.
#[derive(Debug, Clone, Default)]
struct Bracket {
    tolerance: f64,
    weights: Vec<f64>,
}

impl ActiveSetSolver {
    /// The least variance of all portfolios whose mean is at least `target`. `mean` has one element an asset.
    /// Where no portfolio reaches the target the one of largest mean is returned as
    /// [`Status::Unattainable`].
    pub fn solve_target_return(
        &mut self,
        mean: &[f64],
        target: f64,
        covariance: &RankOne<'_>,
        start: Start,
    ) -> Solution<'_> {
        self.state.score.copy_from_slice(mean);
        self.run_target(Goal::Return { target }, covariance, start)
    }

    /// The largest mean of all portfolios whose standard deviation is at most `target`, and among several the one
    /// of least risk. Where each has more risk the one of least risk is returned as [`Status::Unattainable`].
    pub fn solve_target_risk(
        &mut self,
        mean: &[f64],
        target: f64,
        covariance: &RankOne<'_>,
        start: Start,
    ) -> Solution<'_> {
        self.state.score.copy_from_slice(mean);
        self.run_target(Goal::Risk { variance: target * target }, covariance, start)
    }

    /// The least variance of all portfolios with the largest mean: the upper end of the frontier.
    pub fn solve_max_return(&mut self, mean: &[f64], covariance: &RankOne<'_>) -> Solution<'_> {
        self.state.score.copy_from_slice(mean);
        self.state.measure(covariance);
        self.climb(covariance);
        self.finish(Status::Optimal)
    }

    fn run_target(&mut self, goal: Goal, view: &RankOne<'_>, start: Start) -> Solution<'_> {
        self.state.measure(view);
        let warm = start == Start::Warm && self.warm;
        if warm && self.settle(goal, view) {
            return self.finish(Status::Optimal);
        }
        let status = if self.state.typical > 0.0 {
            self.seek(goal, view, warm).unwrap_or(Status::NotConverged)
        } else {
            self.climb(view);
            Status::Riskless
        };
        self.finish(status)
    }

    /// The search for the risk tolerance at which the target is met; `None` when a step limit was reached.
    fn seek(&mut self, goal: Goal, view: &RankOne<'_>, warm: bool) -> Option<Status> {
        let (highest, rounding) = self.highest_mean();
        if let Goal::Return { target } = goal
            && target >= highest - rounding
        {
            self.climb(view);
            let beyond = target > highest + rounding;
            return Some(if beyond { Status::Unattainable } else { Status::Optimal });
        }
        let mut tolerance = self.state.tolerance;
        if !(warm && tolerance.is_finite() && tolerance >= 0.0) {
            tolerance = 0.0;
            self.start_at_vertex(Goal::Utility { tolerance }, view);
        }
        let (mut low, mut high) = (None, None);
        for step in 0..STEPS {
            if self.descend(Goal::Utility { tolerance }, view)? == Status::Riskless {
                return Some(Status::Riskless);
            }
            let (reached, size) = dot_and_size(&self.state.score, &self.state.weights);
            let (excess, noise) = match goal {
                Goal::Risk { variance } => (self.state.variance - variance, self.variance_noise(view)),
                Goal::Return { target } => (reached - target, ROUNDING * size),
                Goal::Utility { .. } | Goal::Sharpe => (0.0, 0.0),
            };
            if tolerance == 0.0 && excess >= -noise {
                return Some(self.at_least_risk(goal, view, excess, noise));
            }
            // At the upper end, or so far up that the search has lost the end in rounding.
            if excess <= 0.0 && (reached >= highest - rounding || (step > DOUBLINGS && high.is_none())) {
                self.climb(view);
                return Some(Status::Optimal);
            }
            if self.settle(goal, view) {
                return Some(Status::Optimal);
            }
            if excess.abs() <= noise {
                return Some(Status::Optimal);
            }
            let end = Some(Bracket { tolerance, weights: self.state.weights.clone() });
            if excess < 0.0 {
                low = end
            } else {
                high = end
            }
            if let (Some(low), Some(high)) = (&low, &high)
                && high.tolerance - low.tolerance <= CLOSE * high.tolerance
            {
                self.mix(goal, view, low, high);
                return Some(Status::Optimal);
            }
            let newton = self.newton_tolerance(goal, view, tolerance, excess);
            let halve = step % PATIENCE == PATIENCE - 1;
            tolerance = self.next_tolerance(newton.filter(|_| !halve), low.as_ref(), high.as_ref());
        }
        None
    }

    /// The minimum-variance portfolio is the present one: it answers where it reaches the target.
    fn at_least_risk(&mut self, goal: Goal, view: &RankOne<'_>, excess: f64, noise: f64) -> Status {
        let least = Goal::Utility { tolerance: 0.0 };
        self.settle(least, view);
        self.state.tolerance = 0.0;
        let noise = noise.max(ROUNDING * self.state.typical * 1e-4);
        match goal {
            Goal::Risk { .. } if excess > noise => Status::Unattainable,
            _ => Status::Optimal,
        }
    }

    /// How far the variance of the present weights may be off. Where they hedge one another it is far smaller than the
    /// terms it is the sum of, whose rounding it keeps: `Σ|w| · Σ|w|σ²` bounds them as in [`State::noise`].
    fn variance_noise(&self, view: &RankOne<'_>) -> f64 {
        ROUNDING * self.state.variance + self.state.terms(view) * self.state.rounding
    }

    /// The largest mean of all portfolios and its rounding.
    fn highest_mean(&mut self) -> (f64, f64) {
        let Self { state, order, .. } = self;
        for (asset, slot) in order.iter_mut().enumerate() {
            *slot = asset;
        }
        order.sort_unstable_by(|&a, &b| state.score[b].total_cmp(&state.score[a]).then(a.cmp(&b)));
        let backup = &mut state.backup;
        backup.copy_from_slice(&state.lower);
        let mut left = 1.0 - state.lower.iter().sum::<f64>();
        for &asset in order.iter() {
            let room = (state.upper[asset] - state.lower[asset]).min(left).max(0.0);
            backup[asset] += room;
            left -= room;
        }
        let (highest, size) = dot_and_size(&state.score, backup);
        (highest, ROUNDING * size)
    }

    /// To the largest mean; where several assets share the last place, to the least variance among them.
    fn climb(&mut self, view: &RankOne<'_>) {
        self.start_at_vertex(Goal::Utility { tolerance: f64::INFINITY }, view);
        let marginal = self.face.free.first().map_or(0.0, |&asset| self.state.score[asset]);
        let shared = |score: &f64| *score == marginal;
        let assets = self.state.score.len();
        if self.state.typical > 0.0 && self.state.score.iter().filter(|score| shared(score)).count() > 1 {
            let bounds = (self.state.lower.clone(), self.state.upper.clone());
            for asset in (0..assets).filter(|&asset| !shared(&self.state.score[asset])) {
                self.state.lower[asset] = self.state.weights[asset];
                self.state.upper[asset] = self.state.weights[asset];
            }
            self.descend(Goal::Utility { tolerance: 0.0 }, view);
            (self.state.lower, self.state.upper) = bounds;
        }
        self.settled_elsewhere(view);
    }

    /// After weights that were not settled: their variance.
    fn settled_elsewhere(&mut self, view: &RankOne<'_>) {
        self.state.take_gradient(Goal::Utility { tolerance: 0.0 }, view);
        // A solve that starts here begins its search at the lower end.
        self.state.tolerance = 0.0;
    }

    /// Where the present face would meet the target.
    fn newton_tolerance(
        &mut self,
        goal: Goal,
        view: &RankOne<'_>,
        tolerance: f64,
        excess: f64,
    ) -> Option<f64> {
        let Self { state, face, .. } = self;
        if !face.prepare(view) {
            return None;
        }
        let size = face.free.len();
        let (rise, score) = (&mut state.first[..size], &mut state.second[..size]);
        for ((rise, slot), &asset) in rise.iter_mut().zip(score.iter_mut()).zip(&face.free) {
            *slot = state.score[asset];
            *rise = *slot;
        }
        face.project(rise);
        let rate = dot(rise, score);
        let next = match goal {
            Goal::Risk { .. } => (tolerance * tolerance - excess / rate).sqrt(),
            _ => tolerance - excess / rate,
        };
        next.is_finite().then_some(next)
    }

    /// The next risk tolerance to try: `newton` where it lies between what is known, else in the middle.
    fn next_tolerance(&self, newton: Option<f64>, low: Option<&Bracket>, high: Option<&Bracket>) -> f64 {
        let below = low.map_or(0.0, |low| low.tolerance);
        let Some(above) = high.map(|high| high.tolerance) else {
            let size = self.state.score.iter().fold(0.0_f64, |most, score| most.max(score.abs()));
            let doubled = (2.0 * below).max(1e-3 * self.state.typical / size);
            return newton.filter(|&newton| newton > below).unwrap_or(doubled);
        };
        if let Some(newton) = newton
            && (newton > below || (newton >= 0.0 && low.is_none()))
            && newton < above
        {
            return newton;
        }
        match low {
            // The lower end is not known to fall short: it may be the answer.
            None if above <= f64::MIN_POSITIVE => 0.0,
            None => {
                if newton.is_some_and(|newton| newton <= 0.0) {
                    0.0
                } else {
                    0.25 * above
                }
            }
            Some(low) if low.tolerance > 0.0 && above > 4.0 * low.tolerance => (low.tolerance * above).sqrt(),
            Some(low) => low.tolerance + 0.5 * (above - low.tolerance),
        }
    }

    /// The portfolio between two optima for the same risk tolerance that meets the target.
    fn mix(&mut self, goal: Goal, view: &RankOne<'_>, low: &Bracket, high: &Bracket) {
        let Self { state, face, settled, .. } = self;
        let share = match goal {
            Goal::Risk { variance } => {
                view.multiply_into(&low.weights, &mut state.product);
                let (least, cross) = (dot(&low.weights, &state.product), dot(&high.weights, &state.product));
                view.multiply_into(&high.weights, &mut state.product);
                let most = dot(&high.weights, &state.product);
                let (missing, slope, curve) = (variance - least, cross - least, least - 2.0 * cross + most);
                missing / (slope + (slope * slope + curve * missing).max(0.0).sqrt())
            }
            Goal::Return { target } => {
                let (least, most) = (dot(&state.score, &low.weights), dot(&state.score, &high.weights));
                (target - least) / (most - least)
            }
            Goal::Utility { .. } | Goal::Sharpe => 0.0,
        };
        let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
        for asset in 0..state.weights.len() {
            let weight = (1.0 - share) * low.weights[asset] + share * high.weights[asset];
            state.weights[asset] = weight;
            state.place[asset] = if weight <= state.lower[asset] {
                Place::Lower
            } else if weight >= state.upper[asset] {
                Place::Upper
            } else {
                Place::Free
            };
        }
        if !state.place.contains(&Place::Free) {
            state.place[0] = Place::Free;
        }
        let place = &state.place;
        face.restart((0..place.len()).filter(|&asset| place[asset] == Place::Free));
        settled.forget();
        self.settled_elsewhere(view);
    }
}
