//! What an answer is made of: objective, method, label and the portfolio itself.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a portfolio is chosen for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Objective {
    /// The largest ratio of excess mean to risk: the tangency portfolio.
    MaxSharpe,
    /// The smallest risk.
    MinVariance,
    /// The largest mean less half the risk aversion times the variance.
    Utility,
    /// The largest mean at no more than a given risk.
    TargetRisk,
    /// The smallest risk at no less than a given mean.
    TargetReturn,
    /// The smallest conditional value at risk over scenarios.
    MinCvar,
    /// The smallest maximum drawdown over scenarios.
    MinDrawdown,
    /// The largest ratio of the weighted mean of the risks to the risk: the most diversified portfolio.
    MaxDiversification,
    /// Every asset bears the same share of the risk.
    RiskParity,
}

impl Objective {
    /// Every objective, in the order results are listed in.
    pub const ALL: [Self; 9] = [
        Self::MaxSharpe,
        Self::MinVariance,
        Self::Utility,
        Self::TargetRisk,
        Self::TargetReturn,
        Self::MinCvar,
        Self::MinDrawdown,
        Self::MaxDiversification,
        Self::RiskParity,
    ];

    /// Those that moments and bounds alone define: what is answered with each tick, and by a
    /// [`monte_carlo`](crate::monte_carlo()) run. The others take parameters.
    pub const LIVE: [Self; 2] = [Self::MaxSharpe, Self::MinVariance];

    /// The name used in settings, tables and interfaces.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MaxSharpe => "max-sharpe",
            Self::MinVariance => "min-variance",
            Self::Utility => "utility",
            Self::TargetRisk => "target-risk",
            Self::TargetReturn => "target-return",
            Self::MinCvar => "min-cvar",
            Self::MinDrawdown => "min-drawdown",
            Self::MaxDiversification => "max-diversification",
            Self::RiskParity => "risk-parity",
        }
    }
}

impl fmt::Display for Objective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Objective {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|objective| objective.name() == name).ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|objective| objective.name()).collect();
            format!("unknown objective {name:?}; expected one of {}", names.join(", "))
        })
    }
}

/// How a portfolio was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// The optimum itself, by an active-set or critical-line method.
    Exact,
    /// The best of a sampled and refined population.
    MonteCarlo,
    /// A rule that optimises nothing, to compare the others with.
    Baseline,
}

impl Method {
    /// The name used in settings, tables and interfaces.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::MonteCarlo => "monte-carlo",
            Self::Baseline => "baseline",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Why an answer is not the one that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fallback {
    /// No feasible portfolio has a positive excess mean: the answer is the minimum-variance portfolio.
    NoPositiveExcessMean,
    /// A feasible portfolio has no risk in the sample: the answer is that of the shrunk covariance.
    Singular,
    /// There is one asset, so there is nothing to choose.
    SingleAsset,
    /// No asset has any variance: the answer is as near to equal weights as the bounds allow.
    ZeroVariance,
    /// No asset has a full window: the answer is the last good one, or equal weights before there is one.
    NoEligibleAsset,
    /// The bounds cannot be met by the assets that are eligible: the answer is the last good one.
    InfeasibleBounds,
    /// The exact method did not settle within its step limit: the answer is the best it had reached.
    NotConverged,
    /// What was asked answers [`Objective::LIVE`] only: the answer is the minimum-variance portfolio.
    ObjectiveNotLive,
    /// No feasible portfolio reaches the target: the answer is the one that comes nearest to it.
    TargetOutOfReach,
}

impl Fallback {
    /// The reason in words, as it stands after `fallback: ` in a label.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::NoPositiveExcessMean => "no positive excess mean",
            Self::Singular => "singular",
            Self::SingleAsset => "single asset",
            Self::ZeroVariance => "zero variance",
            Self::NoEligibleAsset => "no eligible asset",
            Self::InfeasibleBounds => "bounds infeasible for the eligible assets",
            Self::NotConverged => "not converged",
            Self::ObjectiveNotLive => "objective not answered live",
            Self::TargetOutOfReach => "target out of reach",
        }
    }
}

/// Whether an answer is the one asked for. Shown and stored as `ok` or `fallback: <reason>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Label {
    /// The answer to the question.
    #[default]
    Ok,
    /// The answer to another question, and why.
    Fallback(Fallback),
}

impl Label {
    /// True for [`Label::Ok`].
    #[must_use]
    pub const fn is_ok(self) -> bool {
        matches!(self, Self::Ok)
    }

    /// The whole label as text, without allocation.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Fallback(Fallback::NoPositiveExcessMean) => "fallback: no positive excess mean",
            Self::Fallback(Fallback::Singular) => "fallback: singular",
            Self::Fallback(Fallback::SingleAsset) => "fallback: single asset",
            Self::Fallback(Fallback::ZeroVariance) => "fallback: zero variance",
            Self::Fallback(Fallback::NoEligibleAsset) => "fallback: no eligible asset",
            Self::Fallback(Fallback::InfeasibleBounds) => {
                "fallback: bounds infeasible for the eligible assets"
            }
            Self::Fallback(Fallback::NotConverged) => "fallback: not converged",
            Self::Fallback(Fallback::ObjectiveNotLive) => "fallback: objective not answered live",
            Self::Fallback(Fallback::TargetOutOfReach) => "fallback: target out of reach",
        }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.text())
    }
}

impl Serialize for Label {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.text())
    }
}

/// One answer: weights with what they are worth under the problem's mean and covariance, per bar.
#[derive(Debug, Clone, PartialEq)]
pub struct Portfolio {
    /// What it was chosen for.
    pub objective: Objective,
    /// How it was found.
    pub method: Method,
    /// One weight an asset, in universe order, summing to one.
    pub weights: Vec<f64>,
    /// Expected simple return per bar.
    pub mean: f64,
    /// Standard deviation of the return per bar.
    pub risk: f64,
    /// (mean − risk-free) / risk, per bar; `None` where the risk is zero.
    pub sharpe: Option<f64>,
    /// Stated distance from the optimum, see [`gap`](fn@crate::gap); `None` where there is no optimum to
    /// measure from (fallbacks, baselines).
    pub gap: Option<f64>,
    /// Whether this answers the question asked.
    pub label: Label,
}

/// One point of an efficient frontier, per bar.
#[derive(Debug, Clone, PartialEq)]
pub struct FrontierPoint {
    /// Standard deviation per bar.
    pub risk: f64,
    /// Expected simple return per bar.
    pub mean: f64,
    /// One weight an asset, in universe order.
    pub weights: Vec<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_reasons_say_the_same() {
        for fallback in [
            Fallback::NoPositiveExcessMean,
            Fallback::Singular,
            Fallback::SingleAsset,
            Fallback::ZeroVariance,
            Fallback::NoEligibleAsset,
            Fallback::InfeasibleBounds,
            Fallback::NotConverged,
            Fallback::ObjectiveNotLive,
            Fallback::TargetOutOfReach,
        ] {
            assert_eq!(Label::Fallback(fallback).text(), format!("fallback: {}", fallback.reason()));
        }
    }

    #[test]
    fn objectives_read_back_from_their_names() {
        for objective in Objective::ALL {
            assert_eq!(objective.name().parse(), Ok(objective));
            assert_eq!(serde_json::to_string(&objective).unwrap(), format!("\"{objective}\""));
        }
        assert_eq!(Objective::ALL[..2], Objective::LIVE);
        assert!("sharpest".parse::<Objective>().unwrap_err().contains("max-sharpe"));
    }
}
