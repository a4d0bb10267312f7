//! Which estimator of mean and covariance is meant, and what it divides by.

use std::fmt;
use std::str::FromStr;

use super::error::{Error, Result};
use super::weights::WeightSums;

/// Below this, each bar weighs under a thousandth of the next one and a covariance is that of two bars.
const SHORTEST_HALF_LIFE: f64 = 0.1;

/// How mean and covariance are estimated from T bar returns, x̄ being the (weighted) mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Estimator {
    /// The unbiased sample covariance: Σ (x − x̄)(x − x̄)ᵀ / (T − 1).
    Sample,
    /// Shrinkage towards the scaled identity (Ledoit & Wolf 2004, "A well-conditioned estimator for
    /// large-dimensional covariance matrices"): (1 − δ) S + δ m I with S of divisor T and m = tr(S)/N.
    LedoitWolf,
    /// Exponentially weighted, truncated at the T bars of the window: the bar of age k (the newest has
    /// age 0) weighs p_k ∝ 2^(−k/half-life), Σp = 1; covariance Σ p (x − x̄)(x − x̄)ᵀ / (1 − Σp²).
    Exponential {
        /// Bars after which a weight has halved; finite, 0.1 at least.
        half_life: f64,
    },
}

impl Estimator {
    /// The name used in settings and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sample => "sample",
            Self::LedoitWolf => "ledoit-wolf",
            Self::Exponential { .. } => "exponential",
        }
    }

    /// The estimator a settings file means: one of the names, and a half-life in bars that only
    /// `exponential` looks at.
    ///
    /// # Errors
    /// What is wrong with the name or the half-life, in words.
    pub fn from_settings(name: &str, half_life: f64) -> std::result::Result<Self, String> {
        let half_life = (name == "exponential").then_some(half_life);
        Self::from_parts(name, half_life).map_err(|error| error.to_string())
    }

    fn from_parts(name: &str, half_life: Option<f64>) -> Result<Self> {
        match (name, half_life) {
            ("sample", None) => Ok(Self::Sample),
            ("ledoit-wolf", None) => Ok(Self::LedoitWolf),
            ("exponential", Some(half_life)) => Self::Exponential { half_life }.validated(),
            _ => Err(Error::UnknownEstimator { given: name.to_owned() }),
        }
    }

    /// Half-life in bars, where weights decay.
    #[must_use]
    pub const fn half_life(self) -> Option<f64> {
        match self {
            Self::Exponential { half_life } => Some(half_life),
            Self::Sample | Self::LedoitWolf => None,
        }
    }

    /// Itself, if its half-life may be used.
    ///
    /// # Errors
    /// [`Error::HalfLife`] otherwise.
    pub fn validated(self) -> Result<Self> {
        match self.half_life() {
            Some(half_life) if !(half_life.is_finite() && half_life >= SHORTEST_HALF_LIFE) => {
                Err(Error::HalfLife { half_life })
            }
            _ => Ok(self),
        }
    }

    /// What a scatter matrix Σ w (x − x̄)(x − x̄)ᵀ, the newest weight being one, is divided by.
    pub(crate) fn divisor(self, sums: &WeightSums) -> f64 {
        match self {
            Self::Sample => sums.count() as f64 - 1.0,
            Self::LedoitWolf => sums.count() as f64,
            Self::Exponential { .. } => sums.unbiased_divisor(),
        }
    }
}

/// `sample`, `ledoit-wolf` or `exponential:<half-life in bars>`, which [`FromStr`] reads back.
impl fmt::Display for Estimator {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.half_life() {
            Some(half_life) => write!(formatter, "{}:{half_life}", self.name()),
            None => formatter.write_str(self.name()),
        }
    }
}

impl FromStr for Estimator {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let unknown = || Error::UnknownEstimator { given: text.to_owned() };
        let Some((name, half_life)) = text.split_once(':') else {
            return Self::from_parts(text, None);
        };
        let half_life = half_life.parse().map_err(|_| unknown())?;
        Self::from_parts(name, Some(half_life)).map_err(|error| match error {
            Error::UnknownEstimator { .. } => unknown(),
            other => other,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_displayed_is_read_back() {
        for estimator in
            [Estimator::Sample, Estimator::LedoitWolf, Estimator::Exponential { half_life: 12.5 }]
        {
            assert_eq!(estimator.to_string().parse(), Ok(estimator));
        }
        assert_eq!(Estimator::Exponential { half_life: 60.0 }.to_string(), "exponential:60");
    }

    #[test]
    fn a_half_life_belongs_to_the_exponential_one_and_must_be_sensible() {
        for given in ["exponential", "sample:3", "ledoit-wolf:3", "exponential:x", "ewma", ""] {
            assert_eq!(given.parse::<Estimator>(), Err(Error::UnknownEstimator { given: given.to_owned() }));
        }
        for given in ["exponential:0", "exponential:-1", "exponential:inf", "exponential:NaN"] {
            assert!(matches!(given.parse::<Estimator>(), Err(Error::HalfLife { .. })), "{given}");
        }
        assert_eq!(Estimator::from_settings("sample", 0.0), Ok(Estimator::Sample));
        let exponential = Estimator::from_settings("exponential", 9.0);
        assert_eq!(exponential, Ok(Estimator::Exponential { half_life: 9.0 }));
        assert!(Estimator::from_settings("exponential", 0.0).unwrap_err().starts_with("half-life: 0 bars"));
        assert!(Estimator::from_settings("magic", 9.0).unwrap_err().contains("`magic`"));
    }
}
