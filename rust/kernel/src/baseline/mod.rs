//! Baselines: portfolios that optimise nothing, to hold every other one against.
//!
//! Equal weight, inverse volatility, given weights (market capitalisations, present holdings) and hierarchical risk
//! parity. They know no bounds and no gap: weight bounds of the problem are not applied. All but given weights are
//! long-only, and none of them uses the means. Where an asset has no variance, rules that divide by it use the
//! shrunk covariance and say so; without any variance they are equal weights.
//!
//! ```
//! use silverbullet_kernel::{Problem, SymmetricMatrix, baseline};
//!
//! let covariance = SymmetricMatrix::from_row_major(2, vec![0.04, 0.0, 0.0, 0.01])?;
//! let problem = Problem::new(vec![0.02, 0.01], covariance, 250)?;
//! assert_eq!(baseline::inverse_volatility(&problem).weights, [1.0 / 3.0, 2.0 / 3.0]);
//! assert_eq!(baseline::given(&problem, &[30e9, 10e9])?.weights, [0.75, 0.25]);
//! # Ok::<(), silverbullet_kernel::Error>(())
//! ```
mod hierarchical;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, require_finite, require_length};
use crate::exact::inverse_power_of_two;
use crate::matrix::SymmetricMatrix;
use crate::portfolio::{Fallback, Label, Method};
use crate::problem::{DEFAULT_SHRINKAGE, Problem, RISKLESS};

/// A rule that optimises nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Baseline {
    /// 1/N.
    EqualWeight,
    /// In proportion to 1/σ.
    InverseVolatility,
    /// As given, divided by their sum.
    Given,
    /// Hierarchical risk parity.
    HierarchicalRiskParity,
}

impl Baseline {
    /// The name used in settings, tables and interfaces.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::EqualWeight => "equal-weight",
            Self::InverseVolatility => "inverse-volatility",
            Self::Given => "given",
            Self::HierarchicalRiskParity => "hierarchical-risk-parity",
        }
    }
}

impl fmt::Display for Baseline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The weights of a baseline with what they are worth under the problem's own moments, per bar.
#[derive(Debug, Clone, PartialEq)]
pub struct BaselinePortfolio {
    /// Which rule it follows.
    pub baseline: Baseline,
    /// [`Method::Baseline`], for tables that hold other portfolios too.
    pub method: Method,
    /// One weight an asset, in universe order, summing to one.
    pub weights: Vec<f64>,
    /// Expected simple return per bar.
    pub mean: f64,
    /// Standard deviation of the return per bar.
    pub risk: f64,
    /// (mean − risk-free) / risk, per bar; `None` where the risk is zero.
    pub sharpe: Option<f64>,
    /// Always `None`: a baseline has no optimum to measure from.
    pub gap: Option<f64>,
    /// Whether the rule could be followed on the problem's own covariance.
    pub label: Label,
}

/// Every baseline that needs nothing but the problem.
#[must_use]
pub fn all(problem: &Problem) -> [BaselinePortfolio; 3] {
    [equal_weight(problem), inverse_volatility(problem), hierarchical_risk_parity(problem)]
}

/// The same weight for every asset.
#[must_use]
pub fn equal_weight(problem: &Problem) -> BaselinePortfolio {
    answer(problem, Baseline::EqualWeight, equal(problem.assets()), Label::Ok)
}

/// Weights in proportion to `1/√Σ_ii`.
#[must_use]
pub fn inverse_volatility(problem: &Problem) -> BaselinePortfolio {
    let (weights, label) = with_variances(problem, |covariance| {
        let weights = (0..covariance.order()).map(|asset| 1.0 / covariance.diagonal(asset).sqrt()).collect();
        (weights, Label::Ok)
    });
    answer(problem, Baseline::InverseVolatility, weights, label)
}

/// Hierarchical risk parity (López de Prado, "Building diversified portfolios that outperform out of sample",
/// Journal of Portfolio Management 42(4), 2016): assets are ordered by single linkage on the correlation distance
/// `√((1 − ρ)/2)`, and the weight is split from the top down, between the halves of the order, in inverse
/// proportion to the variances of their inverse-variance portfolios.
///
/// The distance itself is clustered, as PyPortfolioOpt does, not the distance between its columns that the
/// paper's code takes.
#[must_use]
pub fn hierarchical_risk_parity(problem: &Problem) -> BaselinePortfolio {
    let (weights, label) = with_variances(problem, hierarchical::weights);
    answer(problem, Baseline::HierarchicalRiskParity, weights, label)
}

/// Given weights, for example market capitalisations or holdings in money, divided by their sum.
///
/// # Errors
/// Another number of weights than assets, one that is not finite, a sum that is not positive (beyond rounding).
pub fn given(problem: &Problem, weights: &[f64]) -> Result<BaselinePortfolio> {
    require_length("given weights", problem.assets(), weights.len())?;
    require_finite("given weights", weights)?;
    let largest = weights.iter().fold(0.0_f64, |most, weight| most.max(weight.abs()));
    let scaled: Vec<f64> = weights.iter().map(|weight| weight * inverse_power_of_two(largest)).collect();
    let (sum, size) = scaled.iter().fold((0.0, 0.0), |(sum, size), value| (sum + value, size + value.abs()));
    if sum <= f64::EPSILON * size * scaled.len() as f64 {
        let value = weights.iter().sum();
        let expected = "their sum must be positive";
        return Err(Error::OutOfRange { parameter: "given weights", value, expected });
    }
    Ok(answer(problem, Baseline::Given, scaled, Label::Ok))
}

/// Divides by the sum and evaluates.
fn answer(problem: &Problem, baseline: Baseline, mut weights: Vec<f64>, label: Label) -> BaselinePortfolio {
    let sum: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|weight| *weight /= sum);
    let label = if problem.assets() == 1 { Label::Fallback(Fallback::SingleAsset) } else { label };
    let evaluation = problem.evaluate(&weights);
    BaselinePortfolio {
        baseline,
        method: Method::Baseline,
        weights,
        mean: evaluation.mean,
        risk: evaluation.risk,
        sharpe: evaluation.sharpe.filter(|sharpe| sharpe.is_finite()),
        gap: None,
        label,
    }
}

fn equal(assets: usize) -> Vec<f64> {
    vec![1.0; assets]
}

/// Follows `rule` on a covariance whose variances can be divided by, its largest near one.
fn with_variances(
    problem: &Problem,
    rule: impl Fn(&SymmetricMatrix) -> (Vec<f64>, Label),
) -> (Vec<f64>, Label) {
    let own = scaled(problem.covariance());
    if has_variances(&own) {
        return rule(&own);
    }
    if own.trace() <= 0.0 {
        return (equal(problem.assets()), Label::Fallback(Fallback::ZeroVariance));
    }
    let mut regular = scaled(&problem.shrunk_covariance());
    if !has_variances(&regular) {
        regular = own.shrunk(DEFAULT_SHRINKAGE, own.trace() / own.order() as f64);
    }
    (rule(&regular).0, Label::Fallback(Fallback::Singular))
}

fn has_variances(covariance: &SymmetricMatrix) -> bool {
    let least = RISKLESS * covariance.trace() / covariance.order() as f64;
    (0..covariance.order()).all(|asset| covariance.diagonal(asset) > least)
}

/// Times a power of two: exact.
fn scaled(covariance: &SymmetricMatrix) -> SymmetricMatrix {
    let largest = (0..covariance.order()).map(|asset| covariance.diagonal(asset)).fold(0.0, f64::max);
    let unit = inverse_power_of_two(largest);
    SymmetricMatrix::from_lower(covariance.order(), |row, column| covariance.get(row, column) * unit)
}
