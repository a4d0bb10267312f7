//! The exact line search along a direction in which mean and variance are known in closed form.

use super::Target;
use crate::batch::Score;

/// The step t in [0, `limit`] that maximises `target` at w + t·d, where mean(t) = m + t·μᵀd and
/// variance(t) = v + 2t·(Σw)ᵀd + t²·dᵀΣd. `slope` is (μᵀd, (Σw)ᵀd), `curvature` is dᵀΣd.
///
/// Variance and utility are parabolas. The Sharpe ratio, for a positive mean, has one stationary point along
/// the line, where μᵀd·v(t) = m(t)·v'(t)/2; the quadratic terms of the two sides cancel.
pub(super) fn exact_step(target: Target, score: Score, slope: (f64, f64), curvature: f64, limit: f64) -> f64 {
    let (mean_slope, risk_slope) = slope;
    let (ascent, bend) = match target {
        Target::MinVariance => (-risk_slope, curvature),
        Target::Utility { aversion } => {
            (mean_slope - 2.0 * aversion * risk_slope, 2.0 * aversion * curvature)
        }
        Target::MaxSharpe => (
            mean_slope * score.variance - score.mean * risk_slope,
            score.mean * curvature - mean_slope * risk_slope,
        ),
    };
    if ascent.is_nan() || ascent <= 0.0 {
        0.0
    } else if ascent < bend * limit {
        ascent / bend
    } else {
        limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Along each line, no point of a fine grid is better than the step that was chosen.
    #[test]
    fn no_other_step_is_better() {
        let score = Score { mean: 0.7, variance: 1.3 };
        let at = |t: f64, (m, r): (f64, f64), c: f64| Score {
            mean: score.mean + t * m,
            variance: score.variance + t * (2.0 * r + t * c),
        };
        let targets = [Target::MinVariance, Target::MaxSharpe, Target::Utility { aversion: 0.4 }];
        for target in targets {
            for slope in [(0.5, 0.4), (-0.5, -0.6), (0.3, -0.2), (-0.2, 0.1), (0.0, 0.0), (0.6, 0.1)] {
                let curvature = 0.9;
                let step = exact_step(target, score, slope, curvature, 0.8);
                let best = target.value(at(step, slope, curvature));
                for grid in 0..=800 {
                    let value = target.value(at(f64::from(grid) / 1000.0, slope, curvature));
                    assert!(value <= best + 1e-15, "{target:?} {slope:?}: {grid} beats {step}");
                }
            }
        }
    }
}
