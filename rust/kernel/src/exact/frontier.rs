//! The efficient frontier as its corner portfolios: between two neighbours every efficient portfolio is
//! their convex combination.

use super::critical_line::Corner;
use super::vector::dot;
use crate::matrix::SymmetricMatrix;
use crate::portfolio::{FrontierPoint, Label};

/// In universes up to this size each corner is evaluated by itself; beyond it, where that would take longer
/// than the tracing, its risk is the one that was followed along the line, the same to rounding.
const MOST_EVALUATED: usize = 256;

/// The efficient frontier under box bounds, per bar.
#[derive(Debug, Clone, PartialEq)]
pub struct Frontier {
    /// Corner portfolios by rising mean and risk, from the minimum-variance portfolio to the largest
    /// attainable mean; at least one.
    pub corners: Vec<FrontierPoint>,
    /// Ok, or why this is the frontier of another covariance than the problem's. The risks are under the
    /// problem's own all the same, as everywhere, so that they need not rise then.
    pub label: Label,
    mean: Vec<f64>,
    covariance: SymmetricMatrix,
}

impl Frontier {
    /// From the corners in the order they were traced. Their variances are under `covariance` times `unit`,
    /// or under another covariance where there is none.
    pub(super) fn new(
        mean: &[f64],
        covariance: SymmetricMatrix,
        corners: Vec<Corner>,
        unit: Option<f64>,
        label: Label,
    ) -> Self {
        let mut frontier = Self { corners: Vec::new(), label, mean: mean.to_vec(), covariance };
        let traced = unit.filter(|_| mean.len() > MOST_EVALUATED);
        for Corner { weights, variance } in corners {
            let point = match traced {
                Some(unit) => FrontierPoint {
                    risk: (variance.max(0.0) / unit).sqrt(),
                    mean: dot(&frontier.mean, &weights),
                    weights,
                },
                None => frontier.point(weights),
            };
            frontier.append(point, label.is_ok());
        }
        frontier
    }

    /// Keeps mean and, where it is to, risk strictly rising: corners closer than rounding are one.
    fn append(&mut self, point: FrontierPoint, risk_rises: bool) {
        while risk_rises
            && self.corners.last().is_some_and(|last| point.mean > last.mean && point.risk <= last.risk)
        {
            self.corners.pop();
        }
        if self.corners.last().is_none_or(|last| point.mean > last.mean) {
            self.corners.push(point);
        }
    }

    fn point(&self, weights: Vec<f64>) -> FrontierPoint {
        let mean = dot(&self.mean, &weights);
        let risk = self.covariance.quadratic_form(&weights).max(0.0).sqrt();
        FrontierPoint { risk, mean, weights }
    }

    /// The portfolio a share `t` of the way from corner `index` to the next one.
    fn between(&self, index: usize, t: f64) -> FrontierPoint {
        let (from, to) = (&self.corners[index], &self.corners[index + 1]);
        let weights = from.weights.iter().zip(&to.weights).map(|(a, b)| (1.0 - t) * a + t * b).collect();
        self.point(weights)
    }

    /// The efficient portfolio with the expected return `mean`, which is first brought within the range of
    /// the frontier; not a number counts as the smallest.
    #[must_use]
    pub fn at_mean(&self, mean: f64) -> FrontierPoint {
        let above = self.corners.partition_point(|corner| corner.mean < mean);
        if above == 0 || mean.is_nan() {
            return self.corners[0].clone();
        }
        let Some(upper) = self.corners.get(above) else { return self.corners[above - 1].clone() };
        let lower = &self.corners[above - 1];
        self.between(above - 1, (mean - lower.mean) / (upper.mean - lower.mean))
    }

    /// `points` efficient portfolios equally spaced in mean, the minimum-variance portfolio first and the
    /// largest mean last; one point is the minimum-variance portfolio.
    #[must_use]
    pub fn equally_spaced(&self, points: usize) -> Vec<FrontierPoint> {
        let (first, last) = (&self.corners[0], &self.corners[self.corners.len() - 1]);
        let step = (last.mean - first.mean) / points.saturating_sub(1).max(1) as f64;
        (0..points)
            .map(|point| match point {
                0 => first.clone(),
                _ if point + 1 == points => last.clone(),
                _ => self.at_mean(first.mean + step * point as f64),
            })
            .collect()
    }

    /// The frontier's portfolio with the largest ratio of excess mean to risk; `None` where no point has a
    /// positive excess mean or the frontier begins without risk.
    ///
    /// On a segment with mean `m + t Δ` and variance `v + 2 t c + t² q` the ratio is stationary at
    /// `t = (Δ v − (m − r_f) c) / ((m − r_f) q − Δ c)`.
    #[must_use]
    pub fn max_sharpe(&self, risk_free: f64) -> Option<FrontierPoint> {
        let sharpe = |point: &FrontierPoint| (point.mean - risk_free) / point.risk;
        let mut best: Option<FrontierPoint> = None;
        let mut consider = |point: FrontierPoint| {
            if point.mean > risk_free
                && point.risk > 0.0
                && best.as_ref().is_none_or(|best| sharpe(&point) > sharpe(best))
            {
                best = Some(point);
            }
        };
        for (index, corner) in self.corners.iter().enumerate() {
            consider(corner.clone());
            let Some(next) = self.corners.get(index + 1) else { break };
            let change: Vec<f64> = next.weights.iter().zip(&corner.weights).map(|(b, a)| b - a).collect();
            let mut product = vec![0.0; change.len()];
            self.covariance.multiply_into(&change, &mut product);
            let (cross, curve) = (dot(&corner.weights, &product), dot(&change, &product));
            let (excess, rise) = (corner.mean - risk_free, next.mean - corner.mean);
            let t = (rise * corner.risk * corner.risk - excess * cross) / (excess * curve - rise * cross);
            if t > 0.0 && t < 1.0 {
                consider(self.between(index, t));
            }
        }
        best
    }
}
