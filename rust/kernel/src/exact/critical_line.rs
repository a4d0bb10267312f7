//! The critical line method (Markowitz 1956; Niedermayer & Niedermayer 2006; Bailey & López de Prado 2013):
//! every corner portfolio of the efficient frontier under box bounds.
//!
//! It starts at the minimum-variance portfolio, the optimum of `½ wᵀΣw − t μ·w` at risk tolerance t = 0, and
//! follows the optimum upwards in t. On one face it moves along a straight line until a free weight meets
//! its bound or the multiplier of a fixed one changes its sign.
//!
//! With F free assets among N an event costs O(F²) to follow in the factor, O(F²) for the direction v of the
//! next piece and O(N·F) for Σv; Σw and with it the gradient then follow in O(N), however many assets are
//! held at their bounds. Σw is computed afresh now and then, and the weights are corrected wherever the
//! gradient is not the same on all free assets, so that rounding does not pile up.

use super::active_set::{ActiveSetSolver, Goal, Place, Start};
use super::rank_one::RankOne;
use super::vector::{add_scaled, dot};
use crate::matrix::SymmetricMatrix;
use crate::problem::Bounds;

/// Means of the free assets closer than this share of the whole spread are equal.
const TIE: f64 = 1e-13;
/// A multiplier that falls more slowly than this (means spread over one unit) does not fall.
const SLOPE_TOLERANCE: f64 = 1e-11;
/// Risk tolerances below this are still the minimum-variance portfolio.
const START: f64 = 1e-11;
/// A correction larger than this is no rounding and is not made.
const LARGEST_CORRECTION: f64 = 1e-6;
/// A step of the weights shorter than this is none.
const ZERO_STEP: f64 = 1e-14;
/// Events after which Σw is computed afresh.
const REFRESH: usize = 32;

/// A corner portfolio.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Corner {
    pub(super) weights: Vec<f64>,
    /// Under the covariance it was traced with.
    pub(super) variance: f64,
}

/// Corner portfolios by rising mean; the first one has the largest mean of all that have the least variance.
/// `solver` comes with the minimum-variance portfolio of `covariance`, whose largest variance is near one.
pub(super) fn corners(
    mean: &[f64],
    covariance: &SymmetricMatrix,
    bounds: &Bounds,
    solver: ActiveSetSolver,
) -> Vec<Corner> {
    let (least, most) =
        mean.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), &m| (a.min(m), b.max(m)));
    // Halves first: the spread of finite means may overflow.
    let spread = most / 2.0 - least / 2.0;
    let first = Corner { weights: solver.state.weights.clone(), variance: solver.state.variance };
    if spread <= 0.0 {
        return vec![first];
    }
    let score: Vec<f64> = mean.iter().map(|m| (m / 2.0 - least / 2.0) / spread).collect();
    let summit = bounds.greedy_fill(&score);
    let assets = mean.len();
    let mut line = CriticalLine {
        solver,
        view: RankOne::plain(covariance),
        score,
        velocity: vec![0.0; assets],
        drift: vec![0.0; assets],
        corners: vec![first],
    };
    line.trace();
    let reached = line.corners.last().map_or(0.0, |corner| dot(&line.score, &corner.weights));
    if reached < dot(&line.score, &summit) - 1e-9 {
        let variance = covariance.quadratic_form(&summit);
        line.corners.push(Corner { weights: summit, variance });
    }
    line.corners
}

/// What ends a straight piece.
#[derive(Debug, Clone, Copy)]
enum Event {
    /// The free asset at this position meets its bound.
    Bound { position: usize, upper: bool },
    /// This fixed asset's multiplier changes its sign.
    Entry { asset: usize },
}

struct CriticalLine<'a> {
    solver: ActiveSetSolver,
    view: RankOne<'a>,
    score: Vec<f64>,
    /// Change of the free weights per unit of risk tolerance, by their position, and Σ times it.
    velocity: Vec<f64>,
    drift: Vec<f64>,
    corners: Vec<Corner>,
}

impl CriticalLine<'_> {
    fn goal(&self) -> Goal {
        Goal::Utility { tolerance: self.solver.state.tolerance }
    }

    fn trace(&mut self) {
        let assets = self.score.len();
        self.solver.state.score.copy_from_slice(&self.score);
        self.solver.state.take_gradient(Goal::Utility { tolerance: 0.0 }, &self.view);
        let mut idle = 0;
        for event_number in 1..=200 + 50 * assets {
            if !self.solver.face.prepare(&self.view) || idle > 2 * assets + 10 {
                self.restart_above();
                idle = 0;
                continue;
            }
            self.take_velocity();
            let Some((length, event)) = self.next_event() else { break };
            self.advance(length);
            let size = self.solver.face.free.len();
            let largest = self.velocity[..size].iter().fold(0.0_f64, |most, v| most.max(v.abs()));
            let exchanged = self.apply(event);
            let moved = exchanged || length * largest > ZERO_STEP;
            idle = if moved { 0 } else { idle + 1 };
            if exchanged || event_number % REFRESH == 0 {
                let goal = self.goal();
                self.solver.state.take_gradient(goal, &self.view);
            }
            self.correct();
            if moved {
                self.record();
            }
        }
    }

    /// The direction of the optimum on the present face.
    fn take_velocity(&mut self) {
        let ActiveSetSolver { state, face, .. } = &mut self.solver;
        let size = face.free.len();
        let (least, most) = face.free.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), &asset| {
            (a.min(self.score[asset]), b.max(self.score[asset]))
        });
        if most - least > TIE {
            let rise = &mut self.velocity[..size];
            for (slot, &asset) in rise.iter_mut().zip(&face.free) {
                *slot = state.score[asset];
            }
            face.project(rise);
            self.view.multiply_sparse_into(&face.free, rise, &mut self.drift);
        } else {
            self.velocity[..size].fill(0.0);
            self.drift.fill(0.0);
        }
    }

    /// Moves along the velocity; Σw and the gradient follow.
    fn advance(&mut self, length: f64) {
        let ActiveSetSolver { state, face, .. } = &mut self.solver;
        state.tolerance += length;
        for (&asset, rate) in face.free.iter().zip(&self.velocity) {
            state.weights[asset] += length * rate;
        }
        add_scaled(&mut state.product, length, &self.drift);
        state.follow_gradient();
    }

    /// The nearest event upwards and the risk tolerance until then.
    fn next_event(&self) -> Option<(f64, Event)> {
        let ActiveSetSolver { state, face, .. } = &self.solver;
        let mut next: Option<(f64, Event)> = None;
        let mut consider = |length: f64, event: Event| {
            if next.is_none_or(|(nearest, _)| length < nearest) {
                next = Some((length, event));
            }
        };
        let velocity = &self.velocity[..face.free.len()];
        let largest = velocity.iter().fold(0.0_f64, |most, v| most.max(v.abs()));
        for (position, (&asset, &rate)) in face.free.iter().zip(velocity).enumerate() {
            if rate.abs() <= ZERO_STEP * largest || rate == 0.0 {
                continue;
            }
            let bound = if rate > 0.0 { state.upper[asset] } else { state.lower[asset] };
            let length = ((bound - state.weights[asset]) / rate).max(0.0);
            consider(length, Event::Bound { position, upper: rate > 0.0 });
        }
        let size = face.free.len().max(1) as f64;
        let (mut level, mut slope) = (0.0, 0.0);
        for &asset in &face.free {
            level += state.gradient[asset] / size;
            slope += (self.drift[asset] - self.score[asset]) / size;
        }
        for asset in 0..self.score.len() {
            let sign = match state.place[asset] {
                Place::Free => continue,
                Place::Lower => 1.0,
                Place::Upper => -1.0,
            };
            let falls = sign * (self.drift[asset] - self.score[asset] - slope);
            if falls < -SLOPE_TOLERANCE && state.upper[asset] > state.lower[asset] {
                let multiplier = sign * (state.gradient[asset] - level);
                consider(multiplier.max(0.0) / -falls, Event::Entry { asset });
            }
        }
        next
    }

    /// Changes the face; true when the weights moved in doing so.
    fn apply(&mut self, event: Event) -> bool {
        let ActiveSetSolver { state, face, .. } = &mut self.solver;
        match event {
            Event::Bound { position, upper } => {
                let asset = face.remove(position);
                state.place[asset] = if upper { Place::Upper } else { Place::Lower };
                state.weights[asset] = if upper { state.upper[asset] } else { state.lower[asset] };
                false
            }
            Event::Entry { asset } => state.admit(face, &self.view, asset, false).unwrap_or(false),
        }
    }

    /// One Newton step on the new face at the present risk tolerance, where the gradient is not level there.
    fn correct(&mut self) {
        let goal = self.goal();
        let ActiveSetSolver { state, face, .. } = &mut self.solver;
        let noise = state.noise(&self.view);
        let (_, _, flat) = state.level(&face.free, noise, &self.view);
        if flat || !face.prepare(&self.view) {
            return;
        }
        state.newton_step(face, goal);
        let size = face.free.len();
        if state.step[..size].iter().any(|step| step.is_nan() || step.abs() > LARGEST_CORRECTION) {
            return;
        }
        for (&asset, step) in face.free.iter().zip(&state.step) {
            state.weights[asset] += step;
        }
        state.take_gradient(goal, &self.view);
    }

    fn record(&mut self) {
        let state = &mut self.solver.state;
        state.tidy();
        let corner = Corner { weights: state.weights.clone(), variance: dot(&state.weights, &state.product) };
        match self.corners.last_mut() {
            Some(first) if state.tolerance <= START => *first = corner,
            _ => self.corners.push(corner),
        }
    }

    /// Out of a cycle of steps without length: solves afresh a little further up.
    fn restart_above(&mut self) {
        let tolerance = self.solver.state.tolerance * (1.0 + 1e-6) + 1e-9;
        self.solver.solve_utility(&self.score, tolerance, &self.view, Start::Cold);
        let goal = Goal::Utility { tolerance };
        self.solver.state.take_gradient(goal, &self.view);
        self.record();
    }
}
