//! The search itself: samples and refinement in turn.

use super::answer::bound;
use super::draws::Draws;
use super::meter::Meter;
use super::path::Path;
use super::{Search, SearchOptions, Stop};
use crate::batch::ScaledProblem;
use crate::monte_carlo::finish::{is_riskless, largest_excess, nearest_to_equal, trivial};
use crate::portfolio::Objective;
use crate::problem::Problem;
use crate::refine::{PaddedProblem, Refiner, State, Target, Workspace, refine};
use crate::sampler::Sampler;

/// Moves of the first batch of refinement, for each asset: about what the first chunk of samples costs.
const MOVES_PER_ASSET: usize = 1;
/// By how much each batch for an objective is larger than the one before: what takes long is better refined than
/// sampled for.
const GROWTH: usize = 2;
/// Moves of the largest batch, for each asset: what is under way when time is up.
const MOST_PER_ASSET: usize = 4;
/// Assets for each move between two looks at a bound.
const ASSETS_PER_MOVE: usize = 8;
/// Batches of refinement of the frontier for each chunk of samples.
const BATCHES: usize = 16;
/// Risk aversions to keep samples for, as multiples of the spread of the means over the mean variance.
const AVERSIONS: [f64; 6] = [0.0625, 0.25, 1.0, 4.0, 16.0, 64.0];

/// One objective on its way.
#[derive(Debug)]
pub(super) struct Leg {
    pub(super) objective: Objective,
    target: Target,
    pub(super) refiner: Option<Refiner>,
    /// Moves of the next batch.
    batch: usize,
    /// Whether its gap is known to be within the tolerance, or its answer to be a fallback.
    finished: bool,
}

impl Leg {
    /// True when moving weight about does not help it any more.
    fn idle(&self) -> bool {
        self.finished || self.refiner.as_ref().is_some_and(Refiner::settled)
    }
}

/// Everything that a search works on.
#[derive(Debug)]
pub(super) struct Run<'a> {
    pub(super) problem: &'a Problem,
    pub(super) padded: &'a PaddedProblem<'a>,
    options: &'a SearchOptions,
    pub(super) workspace: Workspace,
    pub(super) draws: Draws<'a>,
    /// The least risk first: it bounds the Sharpe ratio where nothing else does.
    pub(super) legs: Vec<Leg>,
    pub(super) path: Option<Path>,
    batch: usize,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        problem: &'a Problem,
        scaled: &'a ScaledProblem,
        padded: &'a PaddedProblem<'a>,
        options: &'a SearchOptions,
    ) -> Self {
        let batch = MOVES_PER_ASSET * padded.assets();
        let leg = |objective, target| Leg { objective, target, refiner: None, batch, finished: false };
        let mut legs = Vec::new();
        if trivial(problem).is_none() {
            legs.push(leg(Objective::MinVariance, Target::MinVariance));
            if largest_excess(scaled) > 0.0 {
                legs.push(leg(Objective::MaxSharpe, Target::MaxSharpe));
            }
        }
        let aversions = if options.frontier_points > 0 { AVERSIONS.as_slice() } else { &[] };
        let unit = spread(scaled.excess());
        let aversions = aversions.iter().map(|factor| Target::Utility { aversion: factor * unit });
        let targets: Vec<Target> = legs.iter().map(|leg| leg.target).chain(aversions).collect();
        let sampler = Sampler::new(problem.bounds(), options.sampler, options.seed, options.stream);
        Self {
            problem,
            padded,
            options,
            workspace: Workspace::new(padded),
            draws: Draws::new(scaled, sampler, options.sampler, targets),
            batch: batch / 2 + 8,
            legs,
            path: None,
        }
    }

    /// Starts from the portfolios that were found under another covariance.
    pub(super) fn start_from(&mut self, found: &Search) {
        for leg in &mut self.legs {
            if let Some(portfolio) = found.portfolio(leg.objective) {
                let state = State::new(self.padded, portfolio.weights.clone());
                leg.refiner = Some(Refiner::new(self.padded, leg.target, state));
            }
        }
    }

    /// Searches until the budget is spent or everything is near enough.
    pub(super) fn finish(&mut self, meter: &mut Meter<'_>) -> Stop {
        // Only a run that starts from what another one found can find the budget spent.
        while !meter.spent {
            let left = meter.samples_left();
            if left > 0 && meter.spend_samples(self.draw(left)) {
                return Stop::Budget;
            }
            for leg in 0..self.legs.len() {
                if !self.legs[leg].idle() && meter.spend(self.refine(leg)) {
                    return Stop::Budget;
                }
            }
            if self.riskless() {
                return Stop::Certified;
            }
            let idle = self.legs.iter().all(Leg::idle);
            if idle && self.refine_path(meter) {
                return Stop::Budget;
            }
            if self.finished() {
                return Stop::Certified;
            }
            let done = self.path.as_ref().is_none_or(Path::done);
            if meter.samples_left() == 0 && idle && done {
                break;
            }
        }
        Stop::Budget
    }

    /// Draws a chunk and gives each objective what was found for it.
    fn draw(&mut self, limit: u64) -> u64 {
        let refined = self.legs.iter().filter_map(|leg| leg.refiner.as_ref());
        let drawn = self.draws.chunk(limit, refined.map(|refiner| refiner.state().weights()));
        for (leg, elite) in self.legs.iter_mut().zip(&mut self.draws.elites) {
            let sample = elite.sample.take().map(|weights| State::new(self.padded, weights));
            match (&mut leg.refiner, sample) {
                (Some(refiner), Some(sample)) => leg.finished &= !refiner.recombine(self.padded, &sample),
                (Some(_), None) => {}
                // No sample has a finite value where none has any risk.
                (none, sample) => {
                    let start = sample
                        .unwrap_or_else(|| State::new(self.padded, nearest_to_equal(self.problem.bounds())));
                    *none = Some(Refiner::new(self.padded, leg.target, start));
                }
            }
        }
        drawn
    }

    /// Moves one objective on by a batch, and looks now and then whether it is near enough.
    fn refine(&mut self, leg: usize) -> u64 {
        let least_risk = self.least_risk();
        let slice = self.padded.assets() / ASSETS_PER_MOVE + 8;
        let Leg { objective, target, refiner: Some(refiner), batch, finished } = &mut self.legs[leg] else {
            return 0;
        };
        let mut made = 0;
        while made < *batch && !*finished && !refiner.settled() {
            made += refiner.advance(self.padded, &mut self.workspace, slice);
            let state = refiner.state();
            let question = (*objective, state);
            let bound = bound(self.problem, self.padded, &mut self.workspace, question, least_risk);
            *finished = is_riskless(self.padded.scaled(), state.score.variance, state.weights())
                || bound.is_some_and(|bound| bound <= self.options.tolerance);
        }
        *batch = (*batch * GROWTH).min(MOST_PER_ASSET * self.padded.assets());
        self.draws.elites[leg].raise(target.value(refiner.state().score));
        made as u64
    }

    /// A lower bound on the least risk, rescaled; zero where there is none.
    pub(super) fn least_risk(&mut self) -> f64 {
        match self.legs.first().and_then(|leg| leg.refiner.as_ref()) {
            Some(refiner) => self.workspace.least_risk(self.padded, refiner.state()),
            None => 0.0,
        }
    }

    /// Moves the frontier on; true when the budget is spent.
    fn refine_path(&mut self, meter: &mut Meter<'_>) -> bool {
        if self.options.frontier_points == 0 || self.legs.is_empty() {
            return false;
        }
        if self.path.is_none() {
            self.path = self.start_path();
        }
        let Some(path) = &mut self.path else { return false };
        for _ in 0..BATCHES {
            if path.done() {
                return false;
            }
            let elites = &self.draws.elites;
            let made = path.advance(self.padded, &mut self.workspace, elites, self.batch);
            if meter.spend(made as u64) {
                return true;
            }
        }
        false
    }

    fn start_path(&mut self) -> Option<Path> {
        let least_risk = self.least_risk();
        let least = self.legs.first()?.refiner.as_ref()?.state().clone();
        let top = self.top();
        let (points, tolerance) = (self.options.frontier_points, self.options.frontier_tolerance);
        let mut path = Path::new(points, tolerance, least, least_risk, top);
        if let Some(refiner) = self.legs.get(1).and_then(|leg| leg.refiner.as_ref()) {
            let state = refiner.state();
            let line = self.workspace.risk_line(self.padded, state, state.score.mean / state.score.variance);
            path.take(state.clone(), line);
        }
        Some(path)
    }

    /// The portfolio of the largest mean; where equal means leave a choice, that of the least risk.
    fn top(&self) -> State {
        let scaled = self.padded.scaled();
        let (excess, bounds) = (scaled.excess(), scaled.bounds());
        let weights = bounds.greedy_fill(excess);
        let filled = (0..excess.len()).filter(|&asset| weights[asset] > bounds.lower()[asset]);
        let last = filled.map(|asset| excess[asset]).fold(f64::INFINITY, f64::min);
        if excess.iter().filter(|&&mean| mean == last).count() < 2 {
            return State::new(self.padded, weights);
        }
        let of = |limits: &[f64]| -> Vec<f64> {
            (0..excess.len())
                .map(|asset| if excess[asset] == last { limits[asset] } else { weights[asset] })
                .collect()
        };
        let face = self.padded.within(&of(bounds.lower()), &of(bounds.upper()));
        let state = refine(&face, Target::MinVariance, State::new(&face, weights.clone()));
        State::new(self.padded, state.weights().to_vec())
    }

    fn finished(&self) -> bool {
        let path = || match &self.path {
            Some(path) => path.bound().is_some_and(|bound| bound <= self.options.frontier_tolerance),
            None => self.options.frontier_points == 0 || self.legs.is_empty(),
        };
        self.legs.iter().all(|leg| leg.finished) && path()
    }

    /// True when a portfolio without risk was found, so that another covariance has to stand in.
    pub(super) fn riskless(&self) -> bool {
        let least = self.legs.first().and_then(|leg| leg.refiner.as_ref());
        least.is_some_and(|refiner| {
            let state = refiner.state();
            is_riskless(self.padded.scaled(), state.score.variance, state.weights())
        })
    }
}

/// The largest less the smallest of the means; one where they are all the same.
fn spread(means: &[f64]) -> f64 {
    let most = means.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let least = means.iter().copied().fold(f64::INFINITY, f64::min);
    if most > least { most - least } else { 1.0 }
}
