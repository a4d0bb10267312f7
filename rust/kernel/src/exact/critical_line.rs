//! The critical line method (Markowitz 1956; Niedermayer & Niedermayer 2006; Bailey & López de Prado 2013):
//! every corner portfolio of the efficient frontier under box bounds.
//!
//! It starts at the minimum-variance portfolio, the optimum of `½ wᵀΣw − t μ·w` at risk tolerance t = 0, and
//! follows the optimum upwards in t. On one face it moves along a straight line until a free weight meets
//! its bound or the multiplier of a fixed one changes its sign; O(N·F) an event for F free assets. The
//! weights are corrected at each corner, so that rounding does not pile up.

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

/// Corner portfolios by rising mean; the first one has the largest mean of all that have the least variance.
/// `covariance` has its largest variance near one.
pub(super) fn corners(mean: &[f64], covariance: &SymmetricMatrix, bounds: &Bounds) -> Vec<Vec<f64>> {
    let (least, most) =
        mean.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), &m| (a.min(m), b.max(m)));
    // Halves first: the spread of finite means may overflow.
    let spread = most / 2.0 - least / 2.0;
    let mut solver = ActiveSetSolver::new(bounds);
    let view = RankOne::plain(covariance);
    let first = solver.solve_min_variance(&view, Start::Cold).weights.to_vec();
    if spread <= 0.0 {
        return vec![first];
    }
    let score: Vec<f64> = mean.iter().map(|m| (m / 2.0 - least / 2.0) / spread).collect();
    let summit = bounds.greedy_fill(&score);
    let assets = mean.len();
    let mut line = CriticalLine {
        solver,
        view,
        score,
        tolerance: 0.0,
        velocity: vec![0.0; assets],
        drift: vec![0.0; assets],
        corners: vec![first],
    };
    line.trace();
    let reached = line.corners.last().map_or(0.0, |weights| dot(&line.score, weights));
    if reached < dot(&line.score, &summit) - 1e-9 {
        line.corners.push(summit);
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
    tolerance: f64,
    /// Change of the weights per unit of risk tolerance, and Σ times it.
    velocity: Vec<f64>,
    drift: Vec<f64>,
    corners: Vec<Vec<f64>>,
}

impl CriticalLine<'_> {
    fn goal(&self) -> Goal {
        Goal::Utility { tolerance: self.tolerance }
    }

    fn trace(&mut self) {
        let assets = self.score.len();
        self.solver.score.copy_from_slice(&self.score);
        let mut idle = 0;
        for _ in 0..200 + 50 * assets {
            if !self.solver.face.prepare(&self.view) || idle > 2 * assets + 10 {
                self.restart_above();
                idle = 0;
                continue;
            }
            self.take_velocity();
            self.solver.take_gradient(self.goal(), &self.view);
            let Some((length, event)) = self.next_event() else { break };
            self.tolerance += length;
            add_scaled(&mut self.solver.weights, length, &self.velocity);
            let largest = self.velocity.iter().fold(0.0_f64, |most, v| most.max(v.abs()));
            let moved = self.apply(event) || length * largest > ZERO_STEP;
            idle = if moved { 0 } else { idle + 1 };
            self.correct();
            if moved {
                self.record();
            }
        }
    }

    /// The direction of the optimum on the present face.
    fn take_velocity(&mut self) {
        self.velocity.fill(0.0);
        let solver = &mut self.solver;
        let free = &solver.face.free;
        let (least, most) = free.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), &asset| {
            (a.min(self.score[asset]), b.max(self.score[asset]))
        });
        if most - least > TIE {
            let rise = &mut solver.first[..free.len()];
            for (slot, &asset) in rise.iter_mut().zip(free) {
                *slot = self.score[asset];
            }
            solver.face.project(rise);
            for (&slot, &asset) in rise.iter().zip(free) {
                self.velocity[asset] = slot;
            }
        }
        self.view.multiply_into(&self.velocity, &mut self.drift);
    }

    /// The nearest event upwards and the risk tolerance until then.
    fn next_event(&self) -> Option<(f64, Event)> {
        let solver = &self.solver;
        let mut next: Option<(f64, Event)> = None;
        let mut consider = |length: f64, event: Event| {
            if next.is_none_or(|(nearest, _)| length < nearest) {
                next = Some((length, event));
            }
        };
        let largest = self.velocity.iter().fold(0.0_f64, |most, v| most.max(v.abs()));
        for (position, &asset) in solver.face.free.iter().enumerate() {
            let rate = self.velocity[asset];
            if rate.abs() <= ZERO_STEP * largest || rate == 0.0 {
                continue;
            }
            let bound = if rate > 0.0 { solver.upper[asset] } else { solver.lower[asset] };
            let length = ((bound - solver.weights[asset]) / rate).max(0.0);
            consider(length, Event::Bound { position, upper: rate > 0.0 });
        }
        let size = solver.face.free.len().max(1) as f64;
        let (mut level, mut slope) = (0.0, 0.0);
        for &asset in &solver.face.free {
            level += solver.gradient[asset] / size;
            slope += (self.drift[asset] - self.score[asset]) / size;
        }
        for asset in 0..self.score.len() {
            let sign = match solver.place[asset] {
                Place::Free => continue,
                Place::Lower => 1.0,
                Place::Upper => -1.0,
            };
            let falls = sign * (self.drift[asset] - self.score[asset] - slope);
            if falls < -SLOPE_TOLERANCE && solver.upper[asset] > solver.lower[asset] {
                let multiplier = sign * (solver.gradient[asset] - level);
                consider(multiplier.max(0.0) / -falls, Event::Entry { asset });
            }
        }
        next
    }

    /// Changes the face; true when the weights moved in doing so.
    fn apply(&mut self, event: Event) -> bool {
        match event {
            Event::Bound { position, upper } => {
                let asset = self.solver.face.remove(position);
                self.solver.place[asset] = if upper { Place::Upper } else { Place::Lower };
                self.solver.weights[asset] =
                    if upper { self.solver.upper[asset] } else { self.solver.lower[asset] };
                false
            }
            Event::Entry { asset } => self.solver.admit(&self.view, asset, false).unwrap_or(false),
        }
    }

    /// One Newton step on the new face at the present risk tolerance.
    fn correct(&mut self) {
        let goal = self.goal();
        if !self.solver.face.prepare(&self.view) || !self.solver.take_gradient(goal, &self.view) {
            return;
        }
        self.solver.newton_step(goal);
        let size = self.solver.face.free.len();
        if self.solver.step[..size].iter().any(|step| step.abs() > LARGEST_CORRECTION) {
            return;
        }
        for (&asset, step) in self.solver.face.free.iter().zip(&self.solver.step) {
            self.solver.weights[asset] += step;
        }
    }

    fn record(&mut self) {
        self.solver.tidy();
        let weights = self.solver.weights.clone();
        match self.corners.last_mut() {
            Some(first) if self.tolerance <= START => *first = weights,
            _ => self.corners.push(weights),
        }
    }

    /// Out of a cycle of steps without length: solves afresh a little further up.
    fn restart_above(&mut self) {
        self.tolerance = self.tolerance * (1.0 + 1e-6) + 1e-9;
        let score = std::mem::take(&mut self.score);
        self.solver.solve_utility(&score, self.tolerance, &self.view, Start::Cold);
        self.score = score;
        self.record();
    }
}
