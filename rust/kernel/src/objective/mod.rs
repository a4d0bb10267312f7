//! What a portfolio is to achieve: an [`Objective`] with its parameters.
//!
//! | objective | f, which is maximised | scale of the gap |
//! |---|---|---|
//! | `max-sharpe` | (m − r_f)/σ | max(\|f*\|, 1/√W) |
//! | `min-variance` | −σ | \|f*\| |
//! | `utility` | m − λσ²/2 | max(\|f*\|, λσ*²/2) |
//! | `target-risk` | m, with σ ≤ target | max(\|f*\|, σ*/√W) |
//! | `target-return` | −σ, with m ≥ target | \|f*\| |
//! | `min-cvar` | −CVaR of the scenarios | \|f*\| |
//! | `min-drawdown` | −maximum drawdown of the scenarios | \|f*\| |
//! | `max-diversification` | Σwᵢσᵢ/σ | \|f*\| |
//! | `risk-parity` | −√(N Σ(sᵢ − 1/N)²), sᵢ = wᵢ(Σw)ᵢ/σ² | 1 |
//!
//! m is the mean after fees, σ the risk, W the number of observations. The last f is the deviation of the
//! shares of risk from equal ones, relative to an equal one: 0.01 is one per cent of 1/N.

use crate::constraints::Constraints;
use crate::error::{Error, Result, require_finite};
use crate::matrix::dot;
use crate::portfolio::Objective;
use crate::problem::Problem;
use crate::risk::{conditional_value_at_risk, max_drawdown};
use crate::scenario::Scenarios;

/// The level of CVaR where none is given: the worst twentieth.
pub const CVAR_LEVEL: f64 = 0.95;

/// An objective with its parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Goal {
    aim: Aim,
}

/// The parameters of each objective.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Aim {
    MaxSharpe,
    MinVariance,
    Utility { aversion: f64 },
    TargetRisk { risk: f64 },
    TargetReturn { mean: f64 },
    MinCvar { scenarios: Scenarios, level: f64 },
    MinDrawdown { scenarios: Scenarios },
    MaxDiversification,
    RiskParity,
}

impl Goal {
    /// The largest ratio of excess mean to risk.
    #[must_use]
    pub fn max_sharpe() -> Self {
        Self { aim: Aim::MaxSharpe }
    }

    /// The smallest risk.
    #[must_use]
    pub fn min_variance() -> Self {
        Self { aim: Aim::MinVariance }
    }

    /// The largest `m − λσ²/2` for the risk aversion λ, which is per unit of return (per bar).
    ///
    /// # Errors
    /// A risk aversion that is negative or not finite.
    pub fn utility(aversion: f64) -> Result<Self> {
        require("risk aversion", aversion, aversion >= 0.0, "at least 0")?;
        Ok(Self { aim: Aim::Utility { aversion } })
    }

    /// The largest mean with a risk of at most `risk` per bar.
    ///
    /// # Errors
    /// A risk that is not positive or not finite.
    pub fn target_risk(risk: f64) -> Result<Self> {
        require("target risk", risk, risk > 0.0, "above 0")?;
        Ok(Self { aim: Aim::TargetRisk { risk } })
    }

    /// The smallest risk with a mean, after fees, of at least `mean` per bar.
    ///
    /// # Errors
    /// A mean that is not finite.
    pub fn target_return(mean: f64) -> Result<Self> {
        require("target return", mean, true, "")?;
        Ok(Self { aim: Aim::TargetReturn { mean } })
    }

    /// The smallest mean of the worst `1 − level` of the scenarios' losses; [`CVAR_LEVEL`] is usual.
    ///
    /// # Errors
    /// A level that is not between 0 and 1, scenarios without a row.
    pub fn min_cvar(scenarios: Scenarios, level: f64) -> Result<Self> {
        require_rows(&scenarios)?;
        require("CVaR level", level, (0.0..1.0).contains(&level), "at least 0 and below 1")?;
        Ok(Self { aim: Aim::MinCvar { scenarios, level } })
    }

    /// The smallest maximum drawdown over the scenarios in their order; see [`risk`](crate::risk).
    ///
    /// # Errors
    /// Scenarios without a row.
    pub fn min_drawdown(scenarios: Scenarios) -> Result<Self> {
        require_rows(&scenarios)?;
        Ok(Self { aim: Aim::MinDrawdown { scenarios } })
    }

    /// The largest ratio of the weighted mean of the assets' risks to the risk (Choueifaty & Coignard 2008).
    #[must_use]
    pub fn max_diversification() -> Self {
        Self { aim: Aim::MaxDiversification }
    }

    /// The same share of the risk from every asset (Maillard, Roncalli & Teïletche 2010).
    #[must_use]
    pub fn risk_parity() -> Self {
        Self { aim: Aim::RiskParity }
    }

    /// What it is called.
    #[must_use]
    pub fn objective(&self) -> Objective {
        match self.aim {
            Aim::MaxSharpe => Objective::MaxSharpe,
            Aim::MinVariance => Objective::MinVariance,
            Aim::Utility { .. } => Objective::Utility,
            Aim::TargetRisk { .. } => Objective::TargetRisk,
            Aim::TargetReturn { .. } => Objective::TargetReturn,
            Aim::MinCvar { .. } => Objective::MinCvar,
            Aim::MinDrawdown { .. } => Objective::MinDrawdown,
            Aim::MaxDiversification => Objective::MaxDiversification,
            Aim::RiskParity => Objective::RiskParity,
        }
    }

    pub(crate) fn aim(&self) -> &Aim {
        &self.aim
    }

    /// The scenarios it is measured over, where there are any.
    pub(crate) fn scenarios(&self) -> Option<&Scenarios> {
        match &self.aim {
            Aim::MinCvar { scenarios, .. } | Aim::MinDrawdown { scenarios } => Some(scenarios),
            _ => None,
        }
    }

    /// f of `weights` under the problem's own moments, see the [module](self); `None` where it is undefined.
    /// Whether the target of a target objective is met is not part of it.
    #[must_use]
    pub fn value(&self, problem: &Problem, constraints: &Constraints, weights: &[f64]) -> Option<f64> {
        let worth = problem.evaluate(weights);
        let mean = worth.mean - constraints.fees(weights);
        let value = match &self.aim {
            Aim::MaxSharpe => (mean - problem.risk_free()) / worth.risk,
            Aim::MinVariance | Aim::TargetReturn { .. } => -worth.risk,
            Aim::Utility { aversion } => mean - 0.5 * aversion * worth.risk * worth.risk,
            Aim::TargetRisk { .. } => mean,
            Aim::MinCvar { scenarios, level } => {
                -conditional_value_at_risk(&scenarios.portfolio(weights), *level)
            }
            Aim::MinDrawdown { scenarios } => -max_drawdown(&scenarios.portfolio(weights)),
            Aim::MaxDiversification => {
                let covariance = problem.covariance();
                let risks = (0..weights.len()).map(|asset| covariance.diagonal(asset).max(0.0).sqrt());
                dot(&risks.collect::<Vec<f64>>(), weights) / worth.risk
            }
            Aim::RiskParity => {
                let mut product = vec![0.0; weights.len()];
                problem.covariance().multiply_into(weights, &mut product);
                -parity_deviation(weights, &product)
            }
        };
        value.is_finite().then_some(value)
    }

    /// The stated distance `(f* − f)/scale` of `achieved` from the optimum `best`, see the [module](self);
    /// rounding below zero is zero. `None` where it is undefined.
    #[must_use]
    pub fn gap(
        &self,
        problem: &Problem,
        constraints: &Constraints,
        best: &[f64],
        achieved: &[f64],
    ) -> Option<f64> {
        let [optimum, found] = [best, achieved].map(|weights| self.value(problem, constraints, weights));
        let (optimum, found) = (optimum?, found?);
        let risk = problem.evaluate(best).risk;
        let root = (problem.observations() as f64).sqrt();
        let scale = match &self.aim {
            Aim::MaxSharpe => optimum.abs().max(1.0 / root),
            Aim::Utility { aversion } => optimum.abs().max(0.5 * aversion * risk * risk),
            Aim::TargetRisk { .. } => optimum.abs().max(risk / root),
            Aim::RiskParity => 1.0,
            _ => optimum.abs(),
        };
        crate::gap::relative(optimum - found, scale)
    }
}

/// √(N Σ(sᵢ − 1/N)²) of the shares of risk sᵢ = wᵢ(Σw)ᵢ/wᵀΣw, with Σw given.
pub(crate) fn parity_deviation(weights: &[f64], product: &[f64]) -> f64 {
    let (assets, variance) = (weights.len() as f64, dot(weights, product));
    let shares = weights.iter().zip(product).map(|(weight, value)| weight * value / variance);
    (assets * shares.map(|share| (share - 1.0 / assets).powi(2)).sum::<f64>()).sqrt()
}

fn require(parameter: &'static str, value: f64, holds: bool, expected: &'static str) -> Result<()> {
    require_finite(parameter, &[value])?;
    if holds { Ok(()) } else { Err(Error::OutOfRange { parameter, value, expected }) }
}

fn require_rows(scenarios: &Scenarios) -> Result<()> {
    if scenarios.rows() == 0 { Err(Error::Empty { parameter: "scenarios" }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::SymmetricMatrix;
    use crate::scenario::{Bootstrap, ScenarioSource};

    #[test]
    fn parameters_that_make_no_sense_are_named() {
        let says = |goal: Result<Goal>| goal.unwrap_err().to_string();
        assert!(says(Goal::utility(-1.0)).starts_with("risk aversion"));
        assert!(says(Goal::utility(f64::INFINITY)).starts_with("risk aversion"));
        assert!(says(Goal::target_risk(0.0)).starts_with("target risk"));
        assert!(says(Goal::target_return(f64::NAN)).starts_with("target return"));
        let scenarios = Scenarios::from_row_major(1, vec![0.1]).unwrap();
        assert!(says(Goal::min_cvar(scenarios.clone(), 1.0)).starts_with("CVaR level"));
        let none =
            ScenarioSource::bootstrap(scenarios, Bootstrap::Block { length: 1 }).unwrap().draw(0, 0..0);
        assert!(says(Goal::min_cvar(none.clone(), 0.9)).starts_with("scenarios: at least one"));
        assert!(says(Goal::min_drawdown(none)).starts_with("scenarios: at least one"));
    }

    #[test]
    fn values_are_what_the_table_says() {
        let covariance = SymmetricMatrix::from_row_major(2, vec![4.0, 0.0, 0.0, 1.0]).unwrap();
        let problem = Problem::new(vec![0.4, 0.1], covariance, 16).unwrap().with_risk_free(0.05).unwrap();
        let none = Constraints::none(2);
        let weights = [0.5, 0.5];
        let value = |goal: Goal| goal.value(&problem, &none, &weights).unwrap();
        let risk = 1.25_f64.sqrt();
        assert!((value(Goal::max_sharpe()) - 0.2 / risk).abs() < 1e-15);
        assert!((value(Goal::utility(2.0).unwrap()) - (0.25 - 1.25)).abs() < 1e-15);
        assert!((value(Goal::max_diversification()) - 1.5 / risk).abs() < 1e-15);
        // Shares 0.8 and 0.2: √(2·2·0.09).
        assert!((value(Goal::risk_parity()) + 0.6).abs() < 1e-15);
        let gap = Goal::max_sharpe().gap(&problem, &none, &weights, &[0.0, 1.0]).unwrap();
        assert!((gap - (0.2 / risk - 0.05) / 0.25).abs() < 1e-15, "scale 1/√16");
    }

    #[test]
    fn fees_are_taken_from_the_mean() {
        let covariance = SymmetricMatrix::from_row_major(2, vec![1.0, 0.0, 0.0, 1.0]).unwrap();
        let problem = Problem::new(vec![0.4, 0.1], covariance, 16).unwrap();
        let constraints = Constraints::none(2).with_holdings(vec![0.0, 1.0]).unwrap();
        let constraints = constraints.with_fee_rates(vec![0.01, 0.02]).unwrap();
        let goal = Goal::utility(0.0).unwrap();
        let value = goal.value(&problem, &constraints, &[0.5, 0.5]).unwrap();
        assert!((value - (0.25 - 0.015)).abs() < 1e-15);
    }
}
