//! Portfolios: random streams, samplers, evaluation, frontier sketch, refinement and exact solvers.
//!
//! A [`Problem`] holds mean and covariance of the returns per bar, weight bounds and a risk-free rate.
//! [`exact`] answers it exactly; [`monte_carlo()`] answers it by search: portfolios drawn by a [`sampler`] from
//! streams of [`random`] numbers, evaluated in [`batch`]es of one portfolio a lane, the best of them kept in a
//! [`FrontierSketch`] that merges in any order to the same bits, and refined. The search never sees an exact
//! solution; [`gap()`] then says how far it is from one. [`search()`] does the same at any time, with an upper bound of
//! its own on that gap, and stops when the bound is small enough. [`constrained`] answers every [`Goal`] under every
//! kind of [`Constraints`], exactly and by search. A valid but degenerate problem is answered with a
//! [`Label`] that says so; only invalid input is an [`Error`].
//!
//! Moments are estimates. [`resample()`] bootstraps the window they come from and says how far the frontier and its
//! weights depend on it; [`scenario`] draws returns from distributions and from history. A [`baseline`] optimises
//! nothing and shows what the optimisation is worth.
//!
//! The crate is pure: no I/O, no clock, no ambient randomness, no threads it was not asked for. The same
//! problem and seed give the same bits on every machine.
//!
//! ```
//! use silverbullet_kernel::{MonteCarloOptions, Objective, Problem, SymmetricMatrix, exact, gap, monte_carlo};
//!
//! let covariance = SymmetricMatrix::from_row_major(2, vec![0.04, 0.01, 0.01, 0.02])?;
//! let problem = Problem::new(vec![0.02, 0.01], covariance, 250)?;
//! let best = exact::solve(&problem, Objective::MaxSharpe);
//! let search = monte_carlo(&problem, &MonteCarloOptions { samples: 1_000, ..Default::default() })?;
//! let found = search.portfolio(Objective::MaxSharpe).map(|portfolio| problem.evaluate(&portfolio.weights));
//! let distance = found.and_then(|found| {
//!     gap(Objective::MaxSharpe, &problem.evaluate(&best.weights), &found, problem.observations())
//! });
//! assert!(distance.is_some_and(|distance| distance < 1e-3));
//! # Ok::<(), silverbullet_kernel::Error>(())
//! ```
pub mod baseline;
pub mod batch;
mod conic;
pub mod constrained;
pub mod constraints;
pub mod error;
pub mod exact;
mod gap;
pub mod matrix;
pub mod monte_carlo;
pub mod objective;
pub mod portfolio;
pub mod problem;
pub mod random;
mod refine;
pub mod resample;
pub mod risk;
pub mod sampler;
pub mod scenario;
pub mod simd;
pub mod sketch;
pub mod spectrum;

pub use baseline::{Baseline, BaselinePortfolio};
pub use constraints::{Constraints, Fees, Group};
pub use error::{Error, Result};
pub use exact::{Frontier, RankOne};
pub use gap::gap;
pub use matrix::SymmetricMatrix;
pub use monte_carlo::{
    Budget, MonteCarlo, MonteCarloOptions, Population, PopulationOptions, Search, SearchOptions, Stop,
    finish, monte_carlo, sample_blocks, search,
};
pub use objective::Goal;
pub use portfolio::{Fallback, FrontierPoint, Label, Method, Objective, Portfolio};
pub use problem::{Bounds, Evaluation, Problem};
pub use resample::{ResampleOptions, ResamplePart, ResampledFrontier, Resampler, resample};
pub use sampler::SamplerKind;
pub use scenario::{Bootstrap, ScenarioSource, Scenarios, Spread};
pub use simd::InstructionSet;
pub use sketch::FrontierSketch;
