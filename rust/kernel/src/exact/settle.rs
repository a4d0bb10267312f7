//! The last step of a solve: the weights as a function of the active set alone, with every condition of
//! optimality checked. It makes the bits of a warm and of a cold answer the same, and most ticks need no more.

use super::active_set::{Goal, Place, State};
use super::descent::NEWTON_STEPS;
use super::face::Face;
use super::inverse::Inverse;
use super::rank_one::RankOne;
use super::vector::{add_scaled, dot, dot_and_size, sum};

/// How far outside its bounds a weight may come out of the linear algebra.
const BOUND_TOLERANCE: f64 = 1e-13;

/// How far the mean or the variance may miss its target, relatively.
const TARGET_TOLERANCE: f64 = 1e-11;

impl State {
    /// Recomputes the weights from the active set alone, with a factor made from scratch, and checks every
    /// condition of optimality. On failure nothing has changed.
    pub(super) fn settle(&mut self, face: &mut Face<Inverse>, goal: Goal, view: &RankOne<'_>) -> bool {
        if !face.is_factor_of(view) {
            let free = (0..self.place.len()).filter(|&asset| self.place[asset] == Place::Free);
            if !face.factorise(view, self.typical, free) {
                return false;
            }
        }
        if !face.prepare(view) {
            return false;
        }
        self.barred.fill(false);
        self.backup.copy_from_slice(&self.weights);
        let tolerance = self.tolerance;
        let settled = self.target(face, goal, view) && self.is_optimal(face, goal, view) && self.meets(goal);
        if !settled {
            self.weights.copy_from_slice(&self.backup);
            self.tolerance = tolerance;
        }
        settled
    }

    /// True when the present weights meet the target they were settled for. Where the means of the free assets
    /// are nearly equal, rounding decides what the closed form makes of it.
    fn meets(&self, goal: Goal) -> bool {
        match goal {
            Goal::Utility { .. } | Goal::Sharpe => true,
            Goal::Return { target } => {
                let (mean, size) = dot_and_size(&self.score, &self.weights);
                let missed = if self.tolerance > 0.0 { (mean - target).abs() } else { target - mean };
                missed <= TARGET_TOLERANCE * size
            }
            Goal::Risk { variance } => (self.variance - variance).abs() <= TARGET_TOLERANCE * variance,
        }
    }

    /// The optimum on the face, in closed form: the minimum-variance portfolio of the face plus the right
    /// multiple of the direction that raises the mean.
    fn target(&mut self, face: &mut Face<Inverse>, goal: Goal, view: &RankOne<'_>) -> bool {
        let size = face.free.len();
        let (mut budget, mut fixed_score, mut any_fixed) = (1.0, 0.0, false);
        for asset in 0..self.weights.len() {
            self.weights[asset] = match self.place[asset] {
                Place::Free => 0.0,
                Place::Lower => self.lower[asset],
                Place::Upper => self.upper[asset],
            };
            if self.weights[asset] != 0.0 {
                any_fixed = true;
                budget -= self.weights[asset];
                fixed_score += self.weights[asset] * self.score[asset];
            }
        }
        let mut fixed_variance = 0.0;
        self.second[..size].fill(0.0);
        if any_fixed {
            view.multiply_into(&self.weights, &mut self.product);
            fixed_variance = dot(&self.weights, &self.product);
            for (slot, &asset) in self.second.iter_mut().zip(&face.free) {
                *slot = self.product[asset];
            }
            self.step[..size].copy_from_slice(&self.second[..size]);
            face.solve(&mut self.step[..size]);
        } else {
            self.step[..size].fill(0.0);
        }
        let multiplier = (budget + sum(&self.step[..size])) / face.ones_sum;
        for (slot, one) in self.step[..size].iter_mut().zip(&face.ones) {
            *slot = multiplier * one - *slot;
        }
        let crossed = dot(&self.step[..size], &self.second[..size]);
        let variance = budget * (multiplier - face.ridge() * budget) + crossed + fixed_variance;
        self.add_mean_direction(face, goal, fixed_score, variance)
    }

    fn add_mean_direction(
        &mut self,
        face: &mut Face<Inverse>,
        goal: Goal,
        fixed_score: f64,
        variance: f64,
    ) -> bool {
        let size = face.free.len();
        let (step, rise) = (&mut self.step[..size], &mut self.first[..size]);
        let score = &mut self.second[..size];
        for ((slot, rise), &asset) in score.iter_mut().zip(rise.iter_mut()).zip(&face.free) {
            *slot = self.score[asset];
            *rise = *slot;
        }
        let mean = dot(step, score) + fixed_score;
        if goal != (Goal::Utility { tolerance: 0.0 }) {
            face.project(rise);
        }
        // The portfolio is `step + t · rise`: its mean grows by t for each unit of `score · rise`, its variance,
        // which is least at t = 0, by t² for each.
        let tolerance = match goal {
            Goal::Utility { tolerance } => tolerance,
            Goal::Sharpe => variance / mean,
            Goal::Return { target } if mean >= target => 0.0,
            Goal::Return { target } => (target - mean) / dot(rise, score),
            Goal::Risk { variance: target } => ((target - variance) / dot(rise, score)).sqrt(),
        };
        if !(tolerance.is_finite() && tolerance >= 0.0) {
            return false;
        }
        self.tolerance = tolerance;
        if tolerance != 0.0 {
            add_scaled(step, tolerance, rise);
        }
        for (&asset, &weight) in face.free.iter().zip(step.iter()) {
            self.weights[asset] = weight;
        }
        true
    }

    /// True when the present weights satisfy bounds and multipliers, after correction for rounding.
    fn is_optimal(&mut self, face: &mut Face<Inverse>, goal: Goal, view: &RankOne<'_>) -> bool {
        for correction in 0..=NEWTON_STEPS {
            let within = face.free.iter().all(|&asset| {
                let weight = self.weights[asset];
                weight >= self.lower[asset] - BOUND_TOLERANCE && weight <= self.upper[asset] + BOUND_TOLERANCE
            });
            if !within || !self.take_gradient(goal, view) || self.is_riskless(goal) {
                return false;
            }
            let noise = self.noise(view);
            let (level, allowed, flat) = self.level(&face.free, noise, view);
            if flat || correction == NEWTON_STEPS {
                return flat && self.entering(noise, level, allowed, true, view).is_none();
            }
            let full = self.newton_step(face, goal);
            if !full.is_finite() {
                return false;
            }
            for (&asset, rate) in face.free.iter().zip(&self.step) {
                self.weights[asset] += full * rate;
            }
        }
        false
    }
}
