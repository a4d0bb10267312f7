//! Scenario matrices: what the returns may be, bar by bar, given by the user or drawn.
//!
//! [`Scenarios`] has one row a bar and one column an asset, in simple returns. A [`ScenarioSource`] draws them: from
//! a normal or a Student t distribution, or by a [`Bootstrap`] of history. Row r of seed s is a function of the two
//! and of nothing else, so that ranges of rows drawn anywhere fit together to the same bits.
//!
//! ```
//! use silverbullet_kernel::{Bootstrap, ScenarioSource, Scenarios};
//!
//! let history = Scenarios::from_row_major(2, vec![0.01, 0.02, -0.01, 0.0, 0.03, -0.02])?;
//! let source = ScenarioSource::bootstrap(history, Bootstrap::Block { length: 2 })?;
//! assert_eq!(source.draw(7, 0..1_000).rows(), 1_000);
//! # Ok::<(), silverbullet_kernel::Error>(())
//! ```
mod bootstrap;
mod factor;
mod normal;
mod paths;
mod source;

pub use bootstrap::Bootstrap;
pub use paths::PathOutcome;
pub use source::{ScenarioSource, Spread};

use std::sync::Arc;

use crate::error::{Error, Result, require_finite};
use crate::matrix::dot;
use crate::problem::Problem;
use crate::resample::window_problem;

/// A matrix of simple returns: rows are bars, columns are assets. Cheap to clone.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenarios {
    assets: usize,
    returns: Arc<[f64]>,
}

impl Scenarios {
    /// Takes `rows × assets` simple returns, row by row.
    ///
    /// # Errors
    /// No asset, no row, a row that is not complete, a number that is not finite.
    pub fn from_row_major(assets: usize, returns: Vec<f64>) -> Result<Self> {
        if assets == 0 {
            return Err(Error::Empty { parameter: "assets" });
        }
        if returns.is_empty() {
            return Err(Error::Empty { parameter: "returns" });
        }
        if !returns.len().is_multiple_of(assets) {
            let expected = returns.len().div_ceil(assets).saturating_mul(assets);
            return Err(Error::Shape { parameter: "returns", expected, found: returns.len() });
        }
        require_finite("returns", &returns)?;
        Ok(Self { assets, returns: returns.into() })
    }

    /// For rows that were drawn here: complete and finite.
    fn drawn(assets: usize, returns: Vec<f64>) -> Self {
        Self { assets, returns: returns.into() }
    }

    /// Number of assets: columns.
    #[must_use]
    pub fn assets(&self) -> usize {
        self.assets
    }

    /// Number of bars: rows. None only where an empty range was drawn.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.returns.len() / self.assets
    }

    /// The simple returns of one bar, in universe order.
    #[must_use]
    pub fn row(&self, bar: usize) -> &[f64] {
        &self.returns[bar * self.assets..(bar + 1) * self.assets]
    }

    /// All returns, row by row.
    #[must_use]
    pub fn as_slice(&self) -> &[f64] {
        &self.returns
    }

    /// The simple return, in each bar, of a portfolio that is rebalanced to `weights` at each.
    #[must_use]
    pub fn portfolio(&self, weights: &[f64]) -> Vec<f64> {
        self.returns.chunks_exact(self.assets).map(|row| dot(row, weights)).collect()
    }

    /// The long-only problem of their sample mean and covariance (divisor: rows − 1), per bar. One row alone has
    /// zero covariance.
    ///
    /// # Errors
    /// No row; moments beyond the range of double precision.
    pub fn problem(&self) -> Result<Problem> {
        if self.returns.is_empty() {
            return Err(Error::Empty { parameter: "returns" });
        }
        window_problem(self)
    }
}
