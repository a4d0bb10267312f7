//! The steps of the active-set method: gradient, Newton step on the face, ratio test, entry of an asset.

use super::active_set::{End, Goal, Place, State};
use super::cholesky::Cholesky;
use super::face::{Face, Factor};
use super::rank_one::RankOne;
use super::vector::{add_scaled, dot};
use crate::problem;

/// A multiplier below this multiple of the variance counts as zero, beside its own rounding.
const MULTIPLIER_TOLERANCE: f64 = 1e-12;
/// Elements of a step below this multiple of the largest are rounding and meet no bound.
const STEP_TOLERANCE: f64 = 1e-14;
/// A step shorter than this is none.
const ZERO_STEP: f64 = 1e-15;
/// Newton steps on one face: one is exact but for rounding.
pub(super) const NEWTON_STEPS: usize = 3;
/// How often assets that left without having moved are tried again before the end.
const PARDONS: usize = 3;
/// The share of the variance below which the face holds a riskless combination.
const PIVOT_SHARE: f64 = 1e-14;

/// Σw is followed where more assets than this, and than twice the free ones, are held.
const LEAST_FOLLOWED: usize = 64;
/// Steps after which it is computed afresh.
const LONGEST_FOLLOWED: usize = 16;

/// What a step did.
#[derive(Debug, Clone, Copy)]
struct Advance {
    /// Some weight changed by more than rounding.
    moved: bool,
    /// A bound was met, and the face is smaller (or the extra asset at its other bound).
    blocked: bool,
}

/// The largest rounding errors of gradient elements, by part.
#[derive(Debug, Clone, Copy)]
pub(super) struct Noise {
    /// Per unit of an asset's standard deviation.
    deviation: f64,
    /// The same for every asset.
    common: f64,
}

impl State {
    /// Takes Σw, the variance and the gradient `Σw − t·score` at the present weights. False when the goal is
    /// the Sharpe ratio and the excess mean is not positive.
    pub(super) fn take_gradient(&mut self, goal: Goal, view: &RankOne<'_>) -> bool {
        view.multiply_into(&self.weights, &mut self.product);
        self.followed = Some(0);
        self.derive(goal)
    }

    /// As [`take_gradient`](Self::take_gradient), from Σw as it was followed from step to step, where many assets are
    /// held at their bounds and it has not been followed for long: O(N) instead of O(N) for each asset held.
    fn take_followed_gradient(&mut self, free: usize, goal: Goal, view: &RankOne<'_>) -> bool {
        let held = self.weights.iter().filter(|weight| **weight != 0.0).count();
        self.follows = held > 2 * free + LEAST_FOLLOWED;
        match self.followed {
            Some(steps) if self.follows && steps < LONGEST_FOLLOWED => self.derive(goal),
            _ => self.take_gradient(goal, view),
        }
    }

    /// Variance, risk tolerance and gradient from Σw.
    fn derive(&mut self, goal: Goal) -> bool {
        self.variance = dot(&self.weights, &self.product);
        self.tolerance = match goal {
            Goal::Utility { tolerance } => tolerance,
            Goal::Sharpe => self.variance / dot(&self.weights, &self.score),
            // As settled on the face.
            Goal::Return { .. } | Goal::Risk { .. } => self.tolerance,
        };
        self.follow_gradient();
        self.tolerance >= 0.0 && self.tolerance.is_finite()
    }

    /// The gradient from Σw and the risk tolerance as they stand.
    pub(super) fn follow_gradient(&mut self) {
        let terms = self.product.iter().zip(&self.score);
        for (slot, (product, score)) in self.gradient.iter_mut().zip(terms) {
            *slot = product - self.tolerance * score;
        }
    }

    /// How far gradient elements may be off. By the inequality of Cauchy and Schwarz `Σ|w|σ` is at most
    /// `√(Σ|w| · Σ|w|σ²)`, which takes one root.
    pub(super) fn noise(&self, view: &RankOne<'_>) -> Noise {
        Noise {
            deviation: self.rounding * self.terms(view).sqrt(),
            common: MULTIPLIER_TOLERANCE * self.variance.max(0.0),
        }
    }

    /// `Σ|w| · Σ|w|σ²`, which the sum of the sizes of all terms of the variance does not exceed.
    pub(super) fn terms(&self, view: &RankOne<'_>) -> f64 {
        let (mut size, mut variance) = (0.0, 0.0);
        for (asset, weight) in self.weights.iter().enumerate() {
            if *weight != 0.0 {
                size += weight.abs();
                variance += weight.abs() * view.entry(asset, asset).max(0.0);
            }
        }
        size * variance
    }

    /// How far the gradient element of one asset may be off.
    pub(super) fn allowance(&self, noise: Noise, asset: usize, view: &RankOne<'_>) -> f64 {
        let linear = self.rounding * self.tolerance * self.score[asset].abs();
        noise.common + noise.deviation * view.entry(asset, asset).max(0.0).sqrt() + linear
    }

    /// The multiplier of the sum (the mean gradient of the free assets), how far it may be off, and whether
    /// the gradient is the same for all of them: then the weights are optimal on their face.
    pub(super) fn level(&self, free: &[usize], noise: Noise, view: &RankOne<'_>) -> (f64, f64, bool) {
        let mut sum = 0.0;
        let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
        let (mut variance, mut score) = (0.0_f64, 0.0_f64);
        for &asset in free {
            let gradient = self.gradient[asset];
            sum += gradient;
            least = if gradient < least { gradient } else { least };
            most = if gradient > most { gradient } else { most };
            let own = view.entry(asset, asset);
            variance = if own > variance { own } else { variance };
            let own = self.score[asset].abs();
            score = if own > score { own } else { score };
        }
        let level = sum / free.len().max(1) as f64;
        let linear = self.rounding * self.tolerance * score;
        let allowed = noise.common + noise.deviation * variance.sqrt() + linear;
        (level, allowed, most - level <= 2.0 * allowed && level - least <= 2.0 * allowed)
    }

    /// The asset whose multiplier has the wrong sign by most (the first one, when `bland`), if any.
    pub(super) fn entering(
        &self,
        noise: Noise,
        level: f64,
        allowed: f64,
        bland: bool,
        view: &RankOne<'_>,
    ) -> Option<usize> {
        let mut worst = 0.0;
        let mut entering = None;
        for asset in 0..self.weights.len() {
            let multiplier = match self.place[asset] {
                Place::Free => continue,
                Place::Lower => self.gradient[asset] - level,
                Place::Upper => level - self.gradient[asset],
            };
            if multiplier >= worst || self.barred[asset] || self.upper[asset] <= self.lower[asset] {
                continue;
            }
            if -multiplier > allowed + self.allowance(noise, asset, view) {
                worst = multiplier;
                entering = Some(asset);
                if bland {
                    break;
                }
            }
        }
        entering
    }

    /// Steps from face to face until no multiplier has the wrong sign.
    pub(super) fn descend(&mut self, face: &mut Face<Cholesky>, goal: Goal, view: &RankOne<'_>) -> End {
        let assets = self.weights.len();
        let (mut newton, mut idle, mut pardons) = (0, 0, 0);
        self.barred.fill(false);
        self.entered = None;
        self.followed = None;
        if !face.prepare(view) {
            return End::NeedsDense;
        }
        for _ in 0..100 + 20 * assets {
            if !self.take_followed_gradient(face.free.len(), goal, view) {
                return End::StepLimit;
            }
            if self.is_riskless(goal) {
                return End::Riskless;
            }
            let noise = self.noise(view);
            let (level, allowed, flat) = self.level(&face.free, noise, view);
            let bland = idle > assets;
            if !flat && newton < NEWTON_STEPS {
                newton += 1;
                let full = self.newton_step(face, goal);
                let advance = self.advance(face, view, full, None, bland);
                idle = if advance.moved { 0 } else { idle + 1 };
                if !advance.blocked {
                    continue;
                }
            } else if let Some(asset) = self.entering(noise, level, allowed, bland, view) {
                match self.admit(face, view, asset, bland) {
                    Some(moved) => idle = if moved { 0 } else { idle + 1 },
                    None => return End::NeedsDense,
                }
            } else if pardons < PARDONS && self.barred.contains(&true) {
                pardons += 1;
                self.barred.fill(false);
                continue;
            } else if self.followed.is_some_and(|steps| steps > 0) {
                self.followed = None;
                continue;
            } else {
                return End::Optimal;
            }
            newton = 0;
            if !face.prepare(view) {
                return End::NeedsDense;
            }
        }
        End::StepLimit
    }

    pub(super) fn is_riskless(&self, goal: Goal) -> bool {
        let matters = goal == Goal::Sharpe || goal == (Goal::Utility { tolerance: 0.0 });
        matters && problem::is_riskless(self.variance, self.typical, &self.weights)
    }

    /// The step on the face to its optimum, left in `step`; returns how much of it to take, infinite when
    /// there is no optimum that way before a bound.
    pub(super) fn newton_step<F: Factor>(&mut self, face: &mut Face<F>, goal: Goal) -> f64 {
        let size = face.free.len();
        let (step, first, second) =
            (&mut self.step[..size], &mut self.first[..size], &mut self.second[..size]);
        if goal != Goal::Sharpe {
            for (slot, &asset) in step.iter_mut().zip(&face.free) {
                *slot = -self.gradient[asset];
            }
            face.project(step);
            return 1.0;
        }
        for (position, &asset) in face.free.iter().enumerate() {
            first[position] = self.product[asset];
            second[position] = self.score[asset];
        }
        face.project(first);
        face.project(second);
        // In y, scaled so that κ = 1 here, the optimum is y = (1 + k) w + step with the step summing to zero.
        let (mut along_product, mut along_gradient) = (0.0, 0.0);
        for (position, &asset) in face.free.iter().enumerate() {
            let gradient = first[position] - self.tolerance * second[position];
            step[position] = gradient;
            along_product += self.product[asset] * first[position];
            along_gradient += self.product[asset] * gradient;
        }
        let left = (self.variance - along_product).max(PIVOT_SHARE * self.variance);
        let growth = along_gradient / left;
        for (slot, first) in step.iter_mut().zip(first.iter()) {
            *slot = -*slot - growth * first;
        }
        if 1.0 + growth > 0.0 { 1.0 / (1.0 + growth) } else { f64::INFINITY }
    }

    /// Moves along `step` (and one asset more, by its own rate) by at most `full`. An asset that meets its
    /// bound before is fixed there.
    fn advance(
        &mut self,
        face: &mut Face<Cholesky>,
        view: &RankOne<'_>,
        full: f64,
        extra: Option<(usize, f64)>,
        bland: bool,
    ) -> Advance {
        let size = face.free.len();
        let largest =
            self.step[..size].iter().fold(extra.map_or(0.0, |_| 1.0), |most: f64, s| most.max(s.abs()));
        let (mut length, mut blocker) = (full, None);
        let free = face.free.iter().copied().zip(self.step[..size].iter().copied());
        for (position, (asset, rate)) in free.chain(extra).enumerate() {
            if rate.abs() <= STEP_TOLERANCE * largest || rate == 0.0 {
                continue;
            }
            let bound = if rate < 0.0 { self.lower[asset] } else { self.upper[asset] };
            let room = ((bound - self.weights[asset]) / rate).max(0.0);
            let first_of_ties = bland && room == length && blocker.is_some_and(|(_, other, _)| asset < other);
            if room < length || first_of_ties {
                length = room;
                blocker = Some((position, asset, rate));
            }
        }
        if length.is_finite() {
            for (&asset, rate) in face.free.iter().zip(&self.step) {
                self.weights[asset] += length * rate;
            }
            if let Some((asset, rate)) = extra {
                self.weights[asset] += length * rate;
            }
            self.follow(face, view, length, extra.is_some());
        }
        let moved = length.is_finite() && length * largest > ZERO_STEP;
        if moved {
            self.barred.fill(false);
        }
        let Some((position, asset, rate)) = blocker else { return Advance { moved, blocked: false } };
        self.place[asset] = if rate < 0.0 { Place::Lower } else { Place::Upper };
        self.weights[asset] = if rate < 0.0 { self.lower[asset] } else { self.upper[asset] };
        if position < size {
            face.remove(position);
        }
        // An asset that leaves without having moved entered by rounding: it waits for a real step.
        self.barred[asset] = !moved && self.entered == Some(asset);
        Advance { moved, blocked: true }
    }

    /// Keeps Σw up to a step along `step`, where that is what the next gradient will be taken from.
    fn follow(&mut self, face: &Face<Cholesky>, view: &RankOne<'_>, length: f64, extra: bool) {
        self.followed = match self.followed {
            Some(steps) if self.follows && !extra => {
                view.multiply_sparse_into(&face.free, &self.step[..face.free.len()], &mut self.drift);
                add_scaled(&mut self.product, length, &self.drift);
                Some(steps + 1)
            }
            _ => None,
        };
    }

    /// Frees `asset`; where the larger face is singular, moves along its direction without curvature until
    /// a bound is met. Returns whether anything moved, `None` when Σ has to be written out first.
    pub(super) fn admit(
        &mut self,
        face: &mut Face<Cholesky>,
        view: &RankOne<'_>,
        asset: usize,
        bland: bool,
    ) -> Option<bool> {
        if face.push(view, asset) {
            self.place[asset] = Place::Free;
            self.entered = Some(asset);
            return Some(false);
        }
        if !view.is_plain() {
            return None;
        }
        let size = face.free.len();
        let rate = if self.place[asset] == Place::Lower { 1.0 } else { -1.0 };
        face.exchange(view, asset, &mut self.step[..size]);
        for slot in &mut self.step[..size] {
            *slot *= rate;
        }
        let Advance { moved, .. } = self.advance(face, view, f64::INFINITY, Some((asset, rate)), bland);
        if face.free.len() < size {
            if !face.push(view, asset) {
                face.push_floored(view, asset);
            }
            self.place[asset] = Place::Free;
        }
        Some(moved)
    }
}
