//! How far to go in a direction: to the best point of the feasible part of a line.

use super::score::{Objectives, Score, State};
use super::smooth;
use crate::constraints::Region;
use crate::matrix::dot;

/// Halvings where a root is looked for.
const HALVINGS: usize = 60;
/// Golden-section steps where the value takes a pass over the assets, or over the scenarios.
const STEPS: usize = 48;
const SCENARIO_STEPS: usize = 24;
/// Golden-section steps where it is a smoothed measure, of which the next has other kinks.
const SMOOTHED_STEPS: usize = 10;

/// How far the sum of the weights may be from one.
const DRIFT: f64 = 1e-11;

/// A line w + t·d.
pub(super) struct Line<'a> {
    score: &'a Score,
    region: &'a Region,
    state: &'a State,
    direction: &'a [f64],
    /// The image of d.
    image: &'a [f64],
    smoothing: f64,
    mean: [f64; 2],
    variance: [f64; 3],
    volatility: [f64; 2],
}

impl<'a> Line<'a> {
    pub(super) fn new(
        score: &'a Score,
        region: &'a Region,
        state: &'a State,
        (direction, image): (&'a [f64], &'a [f64]),
        smoothing: f64,
    ) -> Self {
        let mut line = Self {
            score,
            region,
            state,
            direction,
            image,
            smoothing,
            mean: [dot(&score.mean, &state.weights), dot(&score.mean, direction)],
            variance: [0.0; 3],
            volatility: [dot(&score.volatility, &state.weights), dot(&score.volatility, direction)],
        };
        if !score.is_scenario() {
            line.variance =
                [dot(&state.weights, &state.image), dot(&state.image, direction), dot(direction, image)];
        }
        line
    }

    /// The best t in [0, most] and its value, where it is above the value at 0.
    pub(super) fn best(&self, most: f64) -> Option<(f64, f64)> {
        let most = self.limit(self.region.reach(&self.state.weights, self.direction, most));
        if most <= 0.0 {
            return None;
        }
        let start = if self.smoothing > 0.0 { self.value(0.0) } else { self.state.value };
        let closed = self.closed_form();
        let (mut best, mut value) = (most, self.value(most));
        let mut offer = |t: f64, at: f64| {
            if at > value {
                (best, value) = (t, at);
            }
        };
        match closed {
            Some(t) if t > 0.0 && t < most => offer(t, self.value(t)),
            Some(_) => {}
            None => {
                let (t, at) = self.golden(most);
                offer(t, at);
            }
        }
        (value > start).then_some((best, value))
    }

    /// Where the derivative is zero, for what is smooth without fees; not a number where it is nowhere.
    fn closed_form(&self) -> Option<f64> {
        if self.score.rates().is_some() {
            return None;
        }
        let [v0, v1, v2] = self.variance;
        let ratio = |[a, b]: [f64; 2]| (b * v0 - a * v1) / (a * v2 - b * v1);
        match self.score.objective {
            Objectives::MinVariance | Objectives::TargetReturn { .. } => Some(-v1 / v2),
            Objectives::Utility { aversion } => Some((self.mean[1] / aversion - v1) / v2),
            Objectives::TargetRisk { .. } => Some(f64::NAN),
            Objectives::MaxSharpe => Some(ratio([self.mean[0] - self.score.risk_free, self.mean[1]])),
            Objectives::MaxDiversification => Some(ratio(self.volatility)),
            _ => None,
        }
    }

    fn golden(&self, most: f64) -> (f64, f64) {
        const RATIO: f64 = 0.618_033_988_749_894_9;
        let steps = match self.score.is_scenario() {
            true if self.smoothing > 0.0 => SMOOTHED_STEPS,
            true => SCENARIO_STEPS,
            false => STEPS,
        };
        let (mut low, mut high) = (0.0, most);
        let (mut left, mut right) = (high - RATIO * (high - low), low + RATIO * (high - low));
        let (mut at_left, mut at_right) = (self.value(left), self.value(right));
        for _ in 0..steps {
            if at_left >= at_right {
                (high, right, at_right) = (right, left, at_left);
                left = high - RATIO * (high - low);
                at_left = self.value(left);
            } else {
                (low, left, at_left) = (left, right, at_right);
                right = low + RATIO * (high - low);
                at_right = self.value(right);
            }
        }
        if at_left >= at_right { (left, at_left) } else { (right, at_right) }
    }

    fn value(&self, t: f64) -> f64 {
        let along = |from: &[f64], by: &[f64]| -> Vec<f64> {
            from.iter().zip(by).map(|(from, by)| from + t * by).collect()
        };
        match self.score.objective {
            Objectives::MinCvar { level } if self.smoothing > 0.0 => {
                -smooth::tail_mean(&along(&self.state.image, self.image), level, self.smoothing)
            }
            Objectives::MinDrawdown if self.smoothing > 0.0 => {
                -smooth::drawdown(&along(&self.state.image, self.image), self.smoothing)
            }
            Objectives::MinCvar { .. } | Objectives::MinDrawdown | Objectives::RiskParity => {
                let weights = along(&self.state.weights, self.direction);
                self.score.value(&weights, &along(&self.state.image, self.image))
            }
            _ => {
                let [v0, v1, v2] = self.variance;
                let variance = v0 + t * (2.0 * v1 + t * v2);
                self.score.value_of(self.net_mean(t), variance, self.volatility[0] + t * self.volatility[1])
            }
        }
    }

    fn net_mean(&self, t: f64) -> f64 {
        let mean = self.mean[0] + t * self.mean[1];
        let Some(rates) = self.score.rates() else { return mean };
        let moved = self.state.weights.iter().zip(self.direction).map(|(weight, d)| weight + t * d);
        let fees = moved.zip(&self.score.holdings).zip(rates).map(|((w, h), rate)| rate * (w - h).abs());
        mean - fees.sum::<f64>()
    }

    /// The largest t up to `most` at which a target is still met, if it is met at 0.
    fn limit(&self, most: f64) -> f64 {
        match self.score.objective {
            Objectives::TargetReturn { mean } => self.last(most, |t| self.net_mean(t) >= mean),
            Objectives::TargetRisk { risk } => {
                let [v0, v1, v2] = self.variance;
                self.last(most, |t| v0 + t * (2.0 * v1 + t * v2) <= risk * risk)
            }
            _ => most,
        }
    }

    fn last(&self, most: f64, holds: impl Fn(f64) -> bool) -> f64 {
        if holds(most) {
            return most;
        }
        let (mut low, mut high) = (0.0, most);
        for _ in 0..HALVINGS {
            let middle = 0.5 * (low + high);
            if holds(middle) { low = middle } else { high = middle }
        }
        low
    }
}

/// Goes to the best point in a direction; false where there is none better. `most` is the largest step.
pub(super) fn advance(
    score: &Score,
    region: &Region,
    state: &mut State,
    (direction, image): (&[f64], &[f64]),
    (most, smoothing): (f64, f64),
) -> bool {
    let found = Line::new(score, region, state, (direction, image), smoothing).best(most);
    let Some((step, _)) = found else { return false };
    let moved = |from: &[f64], by: &[f64]| -> Vec<f64> {
        from.iter().zip(by).map(|(from, by)| from + step * by).collect()
    };
    let mut weights = moved(&state.weights, direction);
    for (weight, (lower, upper)) in weights.iter_mut().zip(region.lower.iter().zip(&region.upper)) {
        *weight = weight.max(*lower).min(*upper);
    }
    let image = moved(&state.image, image);
    let value = score.value(&weights, &image);
    // Rounding may have made a gain out of nothing, or let the sum drift.
    let drift = (weights.iter().sum::<f64>() - 1.0).abs();
    if drift > DRIFT || (smoothing <= 0.0 && value <= state.value) {
        return false;
    }
    *state = State { weights, image, value };
    true
}
