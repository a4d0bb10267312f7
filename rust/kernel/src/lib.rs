//! Portfolios: random streams, samplers, evaluation, frontier sketch, refinement and exact solvers.
//!
//! The crate is pure: no I/O, no clock, no ambient randomness, no threads it was not asked for. A
//! [`Problem`] holds the moments of the returns per bar; [`exact`] answers it exactly.
pub mod batch;
pub mod error;
pub mod exact;
mod gap;
pub mod matrix;
pub mod monte_carlo;
pub mod portfolio;
pub mod problem;
pub mod random;
mod refine;
pub mod sampler;
pub mod sketch;
pub mod spectrum;

pub use error::{Error, Result};
pub use exact::{Frontier, RankOne};
pub use gap::gap;
pub use matrix::SymmetricMatrix;
pub use monte_carlo::{
    MonteCarlo, MonteCarloOptions, Population, PopulationOptions, finish, monte_carlo, sample_blocks,
};
pub use portfolio::{Fallback, FrontierPoint, Label, Method, Objective, Portfolio};
pub use problem::{Bounds, Evaluation, Problem};
pub use sampler::SamplerKind;
pub use sketch::FrontierSketch;
