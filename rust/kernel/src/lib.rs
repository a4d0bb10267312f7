//! Portfolios: random streams, samplers, evaluation, frontier sketch, refinement and exact solvers.
//!
//! The crate is pure: no I/O, no clock, no ambient randomness, no threads it was not asked for. A
//! [`Problem`] holds the moments of the returns per bar; [`exact`] answers it exactly.
pub mod error;
pub mod matrix;
pub mod portfolio;
pub mod problem;
pub mod spectrum;

pub use error::{Error, Result};
pub use matrix::SymmetricMatrix;
pub use portfolio::{Fallback, FrontierPoint, Label, Method, Objective, Portfolio};
pub use problem::{Bounds, Evaluation, Problem};
