//! The question put to the kernel: moments, bounds, risk-free rate.
//!
//! Everything is per bar and in the unit of the returns; results do not depend on that unit.

use crate::error::{Error, Result, require_finite, require_length};
use crate::matrix::{SymmetricMatrix, dot};

/// How far sums of bounds may miss one before they count as infeasible.
const BOUND_SUM_TOLERANCE: f64 = 1e-12;
/// Relative asymmetry and negative eigenvalue that still count as rounding.
const COVARIANCE_TOLERANCE: f64 = 1e-9;
/// The largest weight in either direction that bounds may allow. Weights that sum to one and are larger than this
/// cancel each other's digits, in single precision nearly all of them.
const LARGEST_BOUND: f64 = 1e4;
/// The largest mean and standard deviation: below, no sum over any number of assets overflows.
const LARGEST_RETURN: f64 = 1e140;
/// A variance below this multiple of the mean variance counts as none, where the squares of the weights sum to one or
/// less; where to more, as many times more does: that much more rounding leaves of terms that cancel.
pub const RISKLESS: f64 = 1e-12;
/// Intensity of the stand-in shrinkage where the caller gave no shrunk covariance of its own, or a singular one.
pub(crate) const DEFAULT_SHRINKAGE: f64 = 0.1;

/// Whether a portfolio of this variance counts as having no risk beside a mean variance of `typical`; see [`RISKLESS`].
pub(crate) fn is_riskless(variance: f64, typical: f64, weights: &[f64]) -> bool {
    let squares: f64 = weights.iter().map(|weight| weight * weight).sum();
    variance <= RISKLESS * typical * squares.max(1.0)
}

/// Lower and upper bound of each weight.
#[derive(Debug, Clone, PartialEq)]
pub struct Bounds {
    lower: Vec<f64>,
    upper: Vec<f64>,
}

impl Bounds {
    /// Every weight between zero and one.
    #[must_use]
    pub fn long_only(assets: usize) -> Self {
        Self { lower: vec![0.0; assets], upper: vec![1.0; assets] }
    }

    /// Bounds asset by asset.
    ///
    /// # Errors
    /// Different lengths, a bound that is not finite or beyond ±10,000, bounds that cross, or bounds within which
    /// no weights sum to one.
    pub fn new(lower: Vec<f64>, upper: Vec<f64>) -> Result<Self> {
        require_length("upper bounds", lower.len(), upper.len())?;
        require_finite("lower bounds", &lower)?;
        require_finite("upper bounds", &upper)?;
        require_at_most("lower bounds", &lower, LARGEST_BOUND, "a weight between -1e4 and 1e4")?;
        require_at_most("upper bounds", &upper, LARGEST_BOUND, "a weight between -1e4 and 1e4")?;
        if let Some(asset) = (0..lower.len()).find(|&asset| lower[asset] > upper[asset]) {
            return Err(Error::BoundsCross { asset, lower: lower[asset], upper: upper[asset] });
        }
        let (least, most) = (lower.iter().sum::<f64>(), upper.iter().sum::<f64>());
        if least > 1.0 + BOUND_SUM_TOLERANCE {
            return Err(Error::Infeasible { side: "lower", sum: least });
        }
        if most < 1.0 - BOUND_SUM_TOLERANCE {
            return Err(Error::Infeasible { side: "upper", sum: most });
        }
        Ok(Self { lower, upper })
    }

    /// Number of assets.
    #[must_use]
    pub fn assets(&self) -> usize {
        self.lower.len()
    }

    /// Lower bounds.
    #[must_use]
    pub fn lower(&self) -> &[f64] {
        &self.lower
    }

    /// Upper bounds.
    #[must_use]
    pub fn upper(&self) -> &[f64] {
        &self.upper
    }

    /// True when every weight may be anything from zero to one.
    #[must_use]
    pub fn is_long_only(&self) -> bool {
        self.lower.iter().all(|&bound| bound == 0.0) && self.upper.iter().all(|&bound| bound >= 1.0)
    }

    /// The largest deviation of `weights` from the bounds and from summing to one.
    #[must_use]
    pub fn violation(&self, weights: &[f64]) -> f64 {
        let sum: f64 = weights.iter().sum();
        weights
            .iter()
            .zip(self.lower.iter().zip(&self.upper))
            .map(|(&weight, (&lower, &upper))| (lower - weight).max(weight - upper))
            .fold((sum - 1.0).abs(), f64::max)
    }

    /// The feasible weights with the largest `score · w`: from the lower bounds, filled up greedily in the
    /// order of the scores, ties by index.
    #[must_use]
    pub fn greedy_fill(&self, score: &[f64]) -> Vec<f64> {
        let mut order: Vec<usize> = (0..self.assets()).collect();
        order.sort_by(|&a, &b| score[b].total_cmp(&score[a]).then(a.cmp(&b)));
        let mut weights = self.lower.clone();
        let mut left = 1.0 - weights.iter().sum::<f64>();
        for asset in order {
            let step = (self.upper[asset] - self.lower[asset]).min(left).max(0.0);
            weights[asset] += step;
            left -= step;
        }
        weights
    }
}

/// Mean, covariance, bounds and risk-free rate of one question, validated.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    mean: Vec<f64>,
    covariance: SymmetricMatrix,
    shrunk: Option<SymmetricMatrix>,
    bounds: Bounds,
    risk_free: f64,
    observations: usize,
}

impl Problem {
    /// A long-only problem with risk-free rate zero. `mean` has one element an asset; `covariance` is of
    /// that order. `observations` is the number of bars they were estimated from (W): it scales the gap.
    ///
    /// # Errors
    /// No asset, a wrong shape, a number that is not finite, means beyond ±1e140 or covariances beyond ±1e280
    /// (their sums would overflow), a covariance that is not symmetric or not positive semi-definite beyond
    /// rounding.
    pub fn new(mean: Vec<f64>, covariance: SymmetricMatrix, observations: usize) -> Result<Self> {
        if mean.is_empty() {
            return Err(Error::Empty { parameter: "mean" });
        }
        require_length("covariance", mean.len() * mean.len(), covariance.as_slice().len())?;
        require_finite("mean", &mean)?;
        require_finite("covariance", covariance.as_slice())?;
        require_moderate("covariance", &covariance)?;
        require_at_most("mean", &mean, LARGEST_RETURN, MODERATE_RETURN)?;
        if observations == 0 {
            return Err(Error::Empty { parameter: "observations" });
        }
        require_symmetric(&covariance)?;
        require_positive_semidefinite(&covariance)?;
        let bounds = Bounds::long_only(mean.len());
        Ok(Self { mean, covariance, shrunk: None, bounds, risk_free: 0.0, observations })
    }

    /// As [`new`](Self::new), for sample moments that were computed here from finite returns: shapes agree and
    /// the covariance is symmetric and positive semi-definite by construction, which spares the O(N³) check.
    pub(crate) fn from_sample(mean: Vec<f64>, covariance: SymmetricMatrix, observations: usize) -> Self {
        let bounds = Bounds::long_only(mean.len());
        Self { mean, covariance, shrunk: None, bounds, risk_free: 0.0, observations }
    }

    /// The same problem under other bounds.
    ///
    /// # Errors
    /// Bounds for another number of assets.
    pub fn with_bounds(mut self, bounds: Bounds) -> Result<Self> {
        require_length("bounds", self.assets(), bounds.assets())?;
        self.bounds = bounds;
        Ok(self)
    }

    /// The same problem with a risk-free rate per bar.
    ///
    /// # Errors
    /// A rate that is not finite or beyond ±1e140.
    pub fn with_risk_free(mut self, risk_free: f64) -> Result<Self> {
        require_finite("risk_free", &[risk_free])?;
        require_at_most("risk_free", &[risk_free], LARGEST_RETURN, MODERATE_RETURN)?;
        self.risk_free = risk_free;
        Ok(self)
    }

    /// The covariance to fall back on where this one is singular, e.g. that of Ledoit and Wolf. Without it
    /// the stand-in is `0.9 Σ + 0.1 tr(Σ)/N · I`.
    ///
    /// # Errors
    /// A matrix of another order, an entry that is not finite or beyond ±1e280.
    pub fn with_shrunk(mut self, shrunk: SymmetricMatrix) -> Result<Self> {
        require_length("shrunk covariance", self.covariance.as_slice().len(), shrunk.as_slice().len())?;
        require_finite("shrunk covariance", shrunk.as_slice())?;
        require_moderate("shrunk covariance", &shrunk)?;
        self.shrunk = Some(shrunk);
        Ok(self)
    }

    /// Number of assets.
    #[must_use]
    pub fn assets(&self) -> usize {
        self.mean.len()
    }

    /// Mean simple return per bar of each asset.
    #[must_use]
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// Covariance of the simple returns per bar.
    #[must_use]
    pub fn covariance(&self) -> &SymmetricMatrix {
        &self.covariance
    }

    /// The covariance that stands in for a singular one.
    #[must_use]
    pub fn shrunk_covariance(&self) -> SymmetricMatrix {
        self.shrunk.clone().unwrap_or_else(|| {
            let target = self.covariance.trace() / self.assets() as f64;
            self.covariance.shrunk(DEFAULT_SHRINKAGE, target)
        })
    }

    /// Weight bounds.
    #[must_use]
    pub fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    /// Risk-free rate per bar.
    #[must_use]
    pub fn risk_free(&self) -> f64 {
        self.risk_free
    }

    /// Bars the moments were estimated from.
    #[must_use]
    pub fn observations(&self) -> usize {
        self.observations
    }

    /// Mean, risk and Sharpe ratio of `weights` under this problem.
    #[must_use]
    pub fn evaluate(&self, weights: &[f64]) -> Evaluation {
        Evaluation::new(dot(&self.mean, weights), self.covariance.quadratic_form(weights), self.risk_free)
    }
}

/// Mean, risk and Sharpe ratio of one portfolio, per bar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evaluation {
    /// Expected simple return.
    pub mean: f64,
    /// Standard deviation.
    pub risk: f64,
    /// (mean − risk-free) / risk; `None` where the risk is zero.
    pub sharpe: Option<f64>,
}

impl Evaluation {
    /// From the mean and the variance; a variance below zero is rounding and counts as zero.
    #[must_use]
    pub fn new(mean: f64, variance: f64, risk_free: f64) -> Self {
        let risk = variance.max(0.0).sqrt();
        let sharpe = (risk > 0.0).then(|| (mean - risk_free) / risk);
        Self { mean, risk, sharpe }
    }
}

/// What a mean or a rate may be.
const MODERATE_RETURN: &str = "a return between -1e140 and 1e140";

/// Refuses numbers further from zero than `most`.
fn require_at_most(parameter: &'static str, values: &[f64], most: f64, expected: &'static str) -> Result<()> {
    match values.iter().find(|value| value.abs() > most) {
        Some(&value) => Err(Error::OutOfRange { parameter, value, expected }),
        None => Ok(()),
    }
}

fn require_moderate(parameter: &'static str, covariance: &SymmetricMatrix) -> Result<()> {
    let most = LARGEST_RETURN * LARGEST_RETURN;
    require_at_most(parameter, covariance.as_slice(), most, "an entry between -1e280 and 1e280")
}

fn require_symmetric(covariance: &SymmetricMatrix) -> Result<()> {
    for row in 0..covariance.order() {
        for column in row + 1..covariance.order() {
            let (upper, lower) = (covariance.get(row, column), covariance.get(column, row));
            let scale = (covariance.diagonal(row).abs() * covariance.diagonal(column).abs()).sqrt();
            if (upper - lower).abs() > COVARIANCE_TOLERANCE * scale {
                return Err(Error::NotSymmetric { row, column, upper, lower });
            }
        }
    }
    Ok(())
}

fn require_positive_semidefinite(covariance: &SymmetricMatrix) -> Result<()> {
    // Stricter than what follows, which allows a share of the largest eigenvalue.
    if crate::spectrum::is_positive_with_shift(covariance, 0.5 * COVARIANCE_TOLERANCE) {
        return Ok(());
    }
    let (smallest, largest) = crate::spectrum::extreme_eigenvalues(covariance);
    if smallest < -COVARIANCE_TOLERANCE * largest.abs() || largest < 0.0 {
        return Err(Error::NotPositiveSemidefinite { smallest, largest });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covariance(entries: [[f64; 2]; 2]) -> SymmetricMatrix {
        SymmetricMatrix::from_row_major(2, entries.concat()).unwrap()
    }

    #[test]
    fn each_invalid_input_names_its_parameter() {
        let good = covariance([[1.0, 0.5], [0.5, 1.0]]);
        let says = |mean: Vec<f64>, matrix: &SymmetricMatrix| {
            Problem::new(mean, matrix.clone(), 10).unwrap_err().to_string()
        };
        assert!(says(vec![], &good).starts_with("mean"));
        assert!(says(vec![0.0; 3], &good).starts_with("covariance: expected 9"));
        assert!(says(vec![0.0, f64::NAN], &good).starts_with("mean[1]"));
        assert!(says(vec![0.0, -1e200], &good).starts_with("mean: -1"));
        assert!(says(vec![0.0; 2], &covariance([[1e300, 0.0], [0.0, 1.0]])).starts_with("covariance: 1"));
        assert!(says(vec![0.0; 2], &covariance([[1.0, 0.5], [0.4, 1.0]])).contains("symmetric"));
        assert!(says(vec![0.0; 2], &covariance([[1.0, 2.0], [2.0, 1.0]])).contains("semi-definite"));
        assert!(says(vec![0.0; 2], &covariance([[-1.0, 0.0], [0.0, -1.0]])).contains("semi-definite"));
    }

    #[test]
    fn bounds_that_cross_or_cannot_sum_to_one_are_refused() {
        let cross = Bounds::new(vec![0.0, 0.6], vec![1.0, 0.5]);
        assert!(matches!(cross, Err(Error::BoundsCross { asset: 1, .. })));
        let short = Bounds::new(vec![0.0; 2], vec![0.4; 2]);
        assert!(matches!(short, Err(Error::Infeasible { side: "upper", .. })));
        let huge = Bounds::new(vec![-1e300, 0.0], vec![1.0; 2]);
        assert!(matches!(huge, Err(Error::OutOfRange { parameter: "lower bounds", .. })));
        let heavy = Bounds::new(vec![0.6; 2], vec![1.0; 2]);
        assert!(matches!(heavy, Err(Error::Infeasible { side: "lower", .. })));
    }

    #[test]
    fn greedy_fill_takes_the_best_first_and_sums_to_one() {
        let bounds = Bounds::new(vec![0.1, 0.0, 0.0], vec![0.5, 0.6, 1.0]).unwrap();
        assert_eq!(bounds.greedy_fill(&[0.0, 2.0, 1.0]), [0.1, 0.6, 0.30000000000000004]);
    }
}
