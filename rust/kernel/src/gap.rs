//! The stated distance of a portfolio from the optimum.

use crate::portfolio::Objective;
use crate::problem::Evaluation;

/// A gap this little below zero is the rounding of two evaluations.
const ROUNDING: f64 = 1e-12;

/// `(f* − f) / scale`, where f is what the objective maximises (risks negated), f* its value at the exact
/// optimum `best` and f that of `achieved`, both under the same moments and constraints.
///
/// The scale is `|f*|` for a risk, `max(|m*|, σ*/√W)` for the mean at a target risk, and `max(|S*|, 1/√W)` for a
/// Sharpe ratio S, with W = `observations`: a Sharpe ratio per bar is known to about `1/√W` and no better. What is below zero by no more than rounding
/// counts as zero; anything further below is left to be seen, because it would be a fault. `None` where the
/// gap is undefined: a riskless optimum, a Sharpe ratio without risk, no observation. `None` too for an
/// objective that mean and risk alone do not measure: [`Goal::gap`](crate::Goal::gap) does.
#[must_use]
pub fn gap(
    objective: Objective,
    best: &Evaluation,
    achieved: &Evaluation,
    observations: usize,
) -> Option<f64> {
    let gap = match objective {
        Objective::MinVariance | Objective::TargetReturn => (achieved.risk - best.risk) / best.risk,
        Objective::MaxSharpe => {
            let (best, achieved) = (best.sharpe?, achieved.sharpe?);
            (best - achieved) / best.abs().max(1.0 / (observations as f64).sqrt())
        }
        Objective::TargetRisk => {
            (best.mean - achieved.mean) / best.mean.abs().max(best.risk / (observations as f64).sqrt())
        }
        Objective::Utility
        | Objective::MinCvar
        | Objective::MinDrawdown
        | Objective::MaxDiversification
        | Objective::RiskParity => return None,
    };
    rounded(gap).filter(|_| observations > 0)
}

/// `distance / scale` with rounding below zero taken off; `None` where it is undefined.
pub(crate) fn relative(distance: f64, scale: f64) -> Option<f64> {
    if distance == 0.0 { Some(0.0) } else { rounded(distance / scale) }
}

fn rounded(gap: f64) -> Option<f64> {
    let rounding = (-ROUNDING..0.0).contains(&gap);
    gap.is_finite().then_some(if rounding { 0.0 } else { gap })
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
    fn rounding_below_zero_is_zero_and_more_is_seen() {
        let best = Evaluation::new(0.0, 4.0, 0.0);
        let gap_of = |variance| gap(Objective::MinVariance, &best, &Evaluation::new(0.0, variance, 0.0), 10);
        assert_eq!(gap_of(4.0 - 1e-15), Some(0.0));
        assert!(gap_of(3.9).unwrap() < -0.01);
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
