//! The search: portfolios drawn, the best of them improved along their gradients, then by random moves.
//!
//! Moves recombine two elites, add the difference of two to a third (Storn & Price 1997), exchange weight between
//! two assets, or step in a random direction of adapting length; each goes to the best feasible point on its
//! line. No exact optimum of the question is computed on the way.

use super::case::Case;
use super::descent::{descend, descend_smoothed, exchange, feasible_direction, transfer};
use super::line::advance;
use super::sampling::{Sampler, exponential, uniform};
use super::score::{Objectives, State};
use super::{support, targets};
use crate::constraints::Projector;
use crate::error::{Error, Result};
use crate::random::PortfolioStream;

/// Portfolios kept for recombination.
const ELITES: usize = 16;
/// Elites that are improved along their gradients.
const STARTS: usize = 3;
/// Gradient steps from each, and with each width of smoothing.
const GRADIENTS: usize = 2_000;
const SMOOTHED: usize = 60;
/// Pairwise exchanges an asset after the gradients.
const EXCHANGES: usize = 8;
/// Moves without a gain worth it before the search ends.
const PATIENCE: u64 = 400;
/// What gain is worth it, relative to the value.
const WORTH: f64 = 1e-9;

/// How far a move may go, in lengths of its direction.
const BEYOND: f64 = 32.0;
/// Portfolios nearer to each other than this are the same.
const APART: f64 = 1e-9;

/// How long a search lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SearchOptions {
    /// Portfolios to draw, and the most random moves to make after the gradients.
    pub samples: u64,
    /// The search's seed.
    pub seed: u64,
}

impl Default for SearchOptions {
    fn default() -> Self {
        Self { samples: 2_048, seed: 0 }
    }
}

impl SearchOptions {
    pub(super) fn check(&self) -> Result<()> {
        if self.samples == 0 { Err(Error::Empty { parameter: "samples" }) } else { Ok(()) }
    }
}

/// The best weights found.
pub(super) fn search(case: &Case<'_>, options: &SearchOptions) -> Result<Vec<f64>> {
    if case.constraints.is_combinatorial() {
        return support::search(case, options);
    }
    Ok(convex(case, options).weights)
}

/// The best portfolio found within the convex part of the constraints.
pub(super) fn convex(case: &Case<'_>, options: &SearchOptions) -> State {
    let (score, region) = (&case.score, &case.region);
    let sampler = Sampler::new(region, &case.anchor, options.seed);
    let mut elites = Elites::new(score.state(case.anchor.clone()));
    let mut projector = Projector::new(region);
    for number in 0..options.samples {
        let state = score.state(sampler.draw(number, &mut projector));
        if targets::met(score, &state) {
            elites.offer(state);
        }
    }
    match score.objective {
        Objectives::TargetReturn { .. } | Objectives::TargetRisk { .. } => {
            targets::improve(case, &elites.states).into_iter().for_each(|state| elites.offer(state));
        }
        _ => {
            // Scenario measures are convex and dear: one start is as good as several.
            let starts = if score.is_scenario() { 1 } else { STARTS.min(elites.states.len()) };
            let improved: Vec<State> =
                elites.states[..starts].iter().map(|start| improve(case, start.clone())).collect();
            improved.into_iter().for_each(|state| elites.offer(state));
        }
    }
    Moves { case, sampler, projector, radius: 0.1 }.make(&mut elites, options.samples);
    elites.states.swap_remove(0)
}

/// Along the gradients and by exchanges.
pub(super) fn improve(case: &Case<'_>, start: State) -> State {
    let (score, region) = (&case.score, &case.region);
    let mut state = if score.is_scenario() {
        descend_smoothed(score, region, start, SMOOTHED)
    } else {
        descend(score, region, start, GRADIENTS, 0.0)
    };
    exchange(score, region, &mut state, EXCHANGES * score.assets());
    state
}

/// The best portfolios so far, the best first; of equal ones the earlier.
struct Elites {
    states: Vec<State>,
}

impl Elites {
    fn new(first: State) -> Self {
        Self { states: vec![first] }
    }

    fn offer(&mut self, state: State) {
        if !state.value.is_finite() {
            return;
        }
        let place = self.states.partition_point(|other| other.value >= state.value);
        if place < ELITES && !self.states.iter().any(|other| other.weights == state.weights) {
            self.states.insert(place, state);
            self.states.truncate(ELITES);
        }
    }
}

struct Moves<'a, 'b> {
    case: &'a Case<'b>,
    sampler: Sampler<'a>,
    projector: Projector<'a>,
    /// Length of random steps; grows with success.
    radius: f64,
}

impl Moves<'_, '_> {
    fn make(&mut self, elites: &mut Elites, most: u64) {
        let mut idle = 0;
        for number in 0..most {
            // Numbers of the draws and of the moves do not meet.
            let mut stream = self.sampler.stream(number | 1 << 63);
            let before = elites.states[0].value;
            if let Some(state) = self.one(&elites.states, &mut stream) {
                elites.offer(state);
            }
            let gain = elites.states[0].value - before;
            idle = if gain > WORTH * before.abs() { 0 } else { idle + 1 };
            if idle > PATIENCE {
                return;
            }
        }
    }

    /// One move from the best portfolio or from another elite; the better portfolio it leads to.
    fn one(&mut self, elites: &[State], stream: &mut PortfolioStream) -> Option<State> {
        let (score, region) = (&self.case.score, &self.case.region);
        let pick = |stream: &mut PortfolioStream| &elites[stream.below(elites.len())];
        let base = if stream.below(3) > 0 { &elites[0] } else { pick(stream) };
        let mut state = base.clone();
        match stream.below(4) {
            0 => {
                let (a, b) = (pick(stream), pick(stream));
                let direction = feasible_direction(&b.weights, &a.weights);
                let apart = direction.iter().fold(0.0_f64, |most, d| most.max(d.abs()));
                let image: Vec<f64> = a.image.iter().zip(&b.image).map(|(a, b)| a - b).collect();
                // Between all but equal ones there is only rounding.
                let moved =
                    apart > APART && advance(score, region, &mut state, (&direction, &image), (BEYOND, 0.0));
                moved.then_some(state)
            }
            1 => {
                let (a, b) = (pick(stream), pick(stream));
                let factor = 0.2 + uniform(stream);
                let moved = a.weights.iter().zip(&b.weights).map(|(a, b)| factor * (a - b));
                let point = base.weights.iter().zip(moved).map(|(weight, by)| weight + by).collect();
                self.towards(point, state)
            }
            2 => {
                let assets = score.assets();
                let (grow, shrink) = (stream.below(assets), stream.below(assets));
                (grow != shrink && transfer(score, region, &mut state, grow, shrink)).then_some(state)
            }
            _ => {
                let radius = self.radius;
                let point = base
                    .weights
                    .iter()
                    .map(|weight| weight + radius * (exponential(stream) - exponential(stream)))
                    .collect();
                let found = self.towards(point, state);
                self.radius = (radius * if found.is_some() { 1.6 } else { 0.9 }).clamp(1e-7, 1.0);
                found
            }
        }
    }

    /// To the best point on the line to the projection of `point` and beyond.
    fn towards(&mut self, point: Vec<f64>, mut state: State) -> Option<State> {
        let (score, region) = (&self.case.score, &self.case.region);
        let direction = feasible_direction(&state.weights, self.projector.project(&point, None));
        let image = score.image(&direction);
        advance(score, region, &mut state, (&direction, &image), (BEYOND, 0.0)).then_some(state)
    }
}
