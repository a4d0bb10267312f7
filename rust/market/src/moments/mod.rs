//! Mean vector and covariance of bar returns: over a stored window, rolling, and with the open bar.
//!
//! [`estimate`] sums a window afresh and is what stored results come from. [`RollingMoments`] follows a
//! live window in O(N²) a bar; what it closes with, [`ClosedMoments`], also says how the bar that is still
//! open changes mean and covariance from tick to tick. All returns are simple returns, all moments are per
//! bar, and nothing depends on the unit of the returns.
//!
//! ```
//! use silverbullet_market::moments::{Estimator, ReturnMatrix, estimate};
//!
//! let mut returns = ReturnMatrix::new(2);
//! for row in [[0.01, 0.02], [0.03, -0.02], [-0.01, 0.03]] {
//!     returns.push_row(&row);
//! }
//! let moments = estimate(&returns, Estimator::Sample)?;
//! assert!((moments.mean[0] - 0.01).abs() < 1e-15);
//! assert!((moments.covariance.get(0, 0) - 0.0004).abs() < 1e-15);
//! # Ok::<(), silverbullet_market::moments::Error>(())
//! ```
mod batch;
mod error;
mod estimator;
mod open_bar;
mod returns;
mod rolling;
mod shrinkage;
mod sums;
mod weights;

pub use batch::{Moments, estimate};
pub use error::{Error, Result};
pub use estimator::Estimator;
pub use open_bar::{ClosedMoments, RollingWeights};
pub use returns::ReturnMatrix;
pub use rolling::RollingMoments;
pub use shrinkage::Shrinkage;
