//! The convex part of the constraints: box, Σw = 1, groups, gross limit, turnover limit.

use super::{Constraints, Group};
use crate::problem::Bounds;

/// Newton steps on the convex, piecewise linear Σ|w + td| before a bisection would do as well.
const NEWTON_STEPS: usize = 64;

/// By how much groups, gross and turnover limit may be missed on the way: rounding, which would otherwise stop
/// every move along a face. It does not add up: room is counted from the limit itself.
const ROUNDING: f64 = 1e-12;

/// A convex set of weights.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Region {
    pub(crate) lower: Vec<f64>,
    pub(crate) upper: Vec<f64>,
    pub(crate) groups: Vec<Group>,
    /// Σ|w| ≤ G; none where the box implies it.
    pub(crate) gross: Option<f64>,
    /// Σ|w − h| ≤ T
    pub(crate) turnover: Option<f64>,
    /// The weights held; zero where none were given.
    pub(crate) holdings: Vec<f64>,
}

impl Region {
    pub(crate) fn new(bounds: &Bounds, constraints: &Constraints) -> Self {
        let assets = bounds.assets();
        let mut region = Self {
            lower: bounds.lower().to_vec(),
            upper: bounds.upper().to_vec(),
            groups: constraints.groups.clone(),
            gross: constraints.gross,
            turnover: constraints.turnover,
            holdings: constraints.holdings.clone().unwrap_or_else(|| vec![0.0; assets]),
        };
        if let Some(gross) = region.gross {
            // Σw = 1 and Σ|w| ≤ G leave (G + 1)/2 for what is held and (G − 1)/2 for what is owed.
            let (most, least) = (0.5 * (gross + 1.0), -0.5 * (gross - 1.0));
            region.upper.iter_mut().for_each(|upper| *upper = upper.min(most.max(0.0)));
            region.lower.iter_mut().for_each(|lower| *lower = lower.max(least));
            if region.lower.iter().all(|&lower| lower >= 0.0) {
                region.gross = None;
            }
        }
        region
    }

    pub(crate) fn assets(&self) -> usize {
        self.lower.len()
    }

    /// The same region within another box.
    pub(crate) fn within(&self, lower: Vec<f64>, upper: Vec<f64>) -> Self {
        Self { lower, upper, ..self.clone() }
    }

    /// The largest amount by which `weights` miss a constraint.
    pub(crate) fn violation(&self, weights: &[f64]) -> f64 {
        let sum: f64 = weights.iter().sum();
        let mut worst = (sum - 1.0).abs();
        for (weight, (lower, upper)) in weights.iter().zip(self.lower.iter().zip(&self.upper)) {
            worst = worst.max(lower - weight).max(weight - upper);
        }
        for group in &self.groups {
            let sum = group.sum(weights);
            worst = worst.max(group.lower - sum).max(sum - group.upper);
        }
        if let Some(gross) = self.gross {
            worst = worst.max(weights.iter().map(|weight| weight.abs()).sum::<f64>() - gross);
        }
        if let Some(turnover) = self.turnover {
            worst = worst.max(self.traded(weights) - turnover);
        }
        worst
    }

    fn traded(&self, weights: &[f64]) -> f64 {
        weights.iter().zip(&self.holdings).map(|(weight, held)| (weight - held).abs()).sum()
    }

    /// The largest t ≥ 0 at which w + t·d is still feasible, for a feasible w and Σd = 0; at most `most`.
    pub(crate) fn reach(&self, weights: &[f64], direction: &[f64], most: f64) -> f64 {
        let mut reach = most;
        let mut limit = |room: f64, rate: f64| {
            if rate > 0.0 {
                reach = reach.min((room / rate).max(0.0));
            }
        };
        for (asset, (&weight, &d)) in weights.iter().zip(direction).enumerate() {
            limit(self.upper[asset] - weight, d);
            limit(weight - self.lower[asset], -d);
        }
        for group in &self.groups {
            let (sum, d) = (group.sum(weights), group.sum(direction));
            limit(group.upper + ROUNDING - sum, d);
            limit(sum - group.lower + ROUNDING, -d);
        }
        if let Some(gross) = self.gross {
            reach = reach_of_norm(weights, direction, None, gross + ROUNDING, reach);
        }
        if let Some(turnover) = self.turnover {
            reach = reach_of_norm(weights, direction, Some(&self.holdings), turnover + ROUNDING, reach);
        }
        reach
    }
}

/// The largest t in [0, most] with Σ|w − c + td| ≤ limit. Newton from the right: on a convex, piecewise linear
/// function it falls onto the root in finitely many steps and never beyond it.
fn reach_of_norm(weights: &[f64], direction: &[f64], centre: Option<&[f64]>, limit: f64, most: f64) -> f64 {
    let mut t = most;
    for _ in 0..NEWTON_STEPS {
        let (mut norm, mut slope) = (0.0, 0.0);
        for (asset, (weight, d)) in weights.iter().zip(direction).enumerate() {
            let at = weight - centre.map_or(0.0, |centre| centre[asset]) + t * d;
            norm += at.abs();
            // At a kink the slope from the left, towards which the step goes.
            slope += if at > 0.0 || (at == 0.0 && *d < 0.0) { *d } else { -*d };
        }
        if norm <= limit || t <= 0.0 {
            return t;
        }
        if slope <= 0.0 {
            return 0.0;
        }
        let next = (t - (norm - limit) / slope).max(0.0);
        if next >= t {
            return t;
        }
        t = next;
    }
    t
}
