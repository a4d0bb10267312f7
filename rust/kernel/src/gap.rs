//! The stated distance of a portfolio from the optimum.

use crate::portfolio::Objective;
use crate::problem::Evaluation;

/// `(f* − f) / scale`, where f is what the objective maximises (risks negated), f* its value at the exact
/// optimum `best` and f that of `achieved`, both under the same moments and constraints.
///
/// The scale is `|f*|` for a risk and `max(|S*|, 1/√W)` for a Sharpe ratio S, with W = `observations`: a
/// Sharpe ratio per bar is known to about `1/√W` and no better. Zero or above but for rounding; `None` where
/// it is undefined: a riskless optimum, a Sharpe ratio without risk, no observation.
#[must_use]
pub fn gap(
    objective: Objective,
    best: &Evaluation,
    achieved: &Evaluation,
    observations: usize,
) -> Option<f64> {
    let gap = match objective {
        Objective::MinVariance => (achieved.risk - best.risk) / best.risk,
        Objective::MaxSharpe => {
            let (best, achieved) = (best.sharpe?, achieved.sharpe?);
            (best - achieved) / best.abs().max(1.0 / (observations as f64).sqrt())
        }
    };
    (gap.is_finite() && observations > 0).then_some(gap)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn risk_is_measured_against_the_least_risk() {
        let (best, achieved) = (Evaluation::new(0.0, 4.0, 0.0), Evaluation::new(1.0, 9.0, 0.0));
        assert_eq!(gap(Objective::MinVariance, &best, &achieved, 10), Some(0.5));
        assert_eq!(gap(Objective::MinVariance, &best, &best, 10), Some(0.0));
    }

    #[test]
    fn a_small_sharpe_ratio_is_measured_against_its_own_uncertainty() {
        let (best, achieved) = (Evaluation::new(0.01, 1.0, 0.0), Evaluation::new(0.0, 1.0, 0.0));
        let gap_of = |observations| gap(Objective::MaxSharpe, &best, &achieved, observations).unwrap();
        assert!((gap_of(100) - 0.1).abs() < 1e-15);
        assert!((gap_of(1_000_000) - 1.0).abs() < 1e-15);
    }

    #[test]
    fn without_risk_or_observations_it_is_undefined() {
        let (riskless, risky) = (Evaluation::new(1.0, 0.0, 0.0), Evaluation::new(1.0, 1.0, 0.0));
        assert_eq!(gap(Objective::MinVariance, &riskless, &risky, 10), None);
        assert_eq!(gap(Objective::MaxSharpe, &riskless, &risky, 10), None);
        assert_eq!(gap(Objective::MaxSharpe, &risky, &riskless, 10), None);
        assert_eq!(gap(Objective::MaxSharpe, &risky, &risky, 0), None);
    }
}
