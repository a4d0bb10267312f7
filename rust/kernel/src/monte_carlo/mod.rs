//! Monte Carlo: portfolios drawn in blocks, the best kept in a sketch, the sketch refined at the end.
//!
//! ```
//! use silverbullet_kernel::{MonteCarloOptions, Objective, Problem, SymmetricMatrix, monte_carlo};
//!
//! let covariance = SymmetricMatrix::from_lower(2, |row, column| if row == column { 4e-4 } else { 1e-4 });
//! let problem = Problem::new(vec![1e-3, 1e-3], covariance, 250)?;
//! let answer = monte_carlo(&problem, &MonteCarloOptions { samples: 1_000, ..Default::default() })?;
//! let best = answer.portfolio(Objective::MaxSharpe).unwrap();
//! assert!((best.weights[0] - 0.5).abs() < 1e-6);
//! # Ok::<(), silverbullet_kernel::Error>(())
//! ```
//!
//! Blocks hold 2^16 portfolios. What a block finds, adaptation included, is a function of the problem, the seed,
//! the stream and the block's number. A partition is any range of blocks ([`sample_blocks`]); the sketches of
//! all partitions merge in any order, and [`finish`] refines after the merge. So the answer has the same bits
//! whatever the threads, partitions or executors.

mod anytime;
mod block;
mod filter;
mod finish;
mod population;
mod scan;

use std::ops::Range;

pub use anytime::{Budget, Search, SearchOptions, Stop, search};
pub use finish::finish;
pub use population::{Population, PopulationOptions};
pub use scan::Scan;

use crate::error::{Error, Result};
use crate::portfolio::{FrontierPoint, Objective, Portfolio};
use crate::problem::Problem;
use crate::sampler::SamplerKind;
use crate::simd::InstructionSet;
use crate::sketch::FrontierSketch;
use block::Run;

/// Portfolios in a block. The last block of a run may have fewer.
pub const BLOCK: u64 = 1 << 16;

/// How a Monte Carlo run draws.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MonteCarloOptions {
    /// Portfolios to draw, at least one.
    pub samples: u64,
    /// The run's seed.
    pub seed: u64,
    /// Which of the seed's streams to draw from, for example the number of a bar.
    pub stream: u64,
    /// What the portfolios are drawn from.
    pub sampler: SamplerKind,
    /// Whether the best portfolios are refined after the drawing.
    pub refine: bool,
    /// Threads that draw; zero counts as one. The answer does not depend on it.
    pub threads: usize,
    /// The vector instructions to use; the fastest that the processor has if none. The answer does not depend on it.
    pub instructions: Option<InstructionSet>,
}

impl Default for MonteCarloOptions {
    fn default() -> Self {
        Self {
            samples: BLOCK,
            seed: 0,
            stream: 0,
            sampler: SamplerKind::Auto,
            refine: true,
            threads: 1,
            instructions: None,
        }
    }
}

impl MonteCarloOptions {
    /// Blocks of the whole run.
    #[must_use]
    pub fn blocks(&self) -> u64 {
        self.samples.div_ceil(BLOCK)
    }
}

/// The answer of a Monte Carlo run.
#[derive(Debug, Clone, PartialEq)]
pub struct MonteCarlo {
    /// The best portfolio for each of [`Objective::LIVE`], in that order. The gap is left open: it takes the
    /// exact optimum, which the search must not see.
    pub portfolios: Vec<Portfolio>,
    /// The efficient ones of the best portfolios: risk and mean both ascend.
    pub frontier: Vec<FrontierPoint>,
    /// Portfolios drawn.
    pub samples: u64,
}

impl MonteCarlo {
    /// The best portfolio for `objective`.
    #[must_use]
    pub fn portfolio(&self, objective: Objective) -> Option<&Portfolio> {
        self.portfolios.iter().find(|portfolio| portfolio.objective == objective)
    }
}

/// Draws `options.samples` portfolios, refines the best (if asked to) and gives the best for each objective.
///
/// # Errors
/// No samples, or an instruction set that the processor lacks. A valid but degenerate problem is answered with a label.
pub fn monte_carlo(problem: &Problem, options: &MonteCarloOptions) -> Result<MonteCarlo> {
    require_samples(options)?;
    let run = Run::new(problem, options)?;
    let sketch = run.sample_threaded(0..options.blocks(), options.threads)?;
    finish::finish_run(problem, run.scaled(), sketch, options)
}

/// The sketch of `blocks` of a run: what one partition does. Blocks beyond the run's end are empty.
///
/// # Errors
/// No samples, or an instruction set that the processor lacks.
pub fn sample_blocks(
    problem: &Problem,
    options: &MonteCarloOptions,
    blocks: Range<u64>,
) -> Result<FrontierSketch> {
    require_samples(options)?;
    Run::new(problem, options)?.sample_threaded(blocks, options.threads)
}

fn require_samples(options: &MonteCarloOptions) -> Result<()> {
    match options.samples {
        0 => Err(Error::Empty { parameter: "samples" }),
        1..FrontierSketch::REFINED => Ok(()),
        more => Err(Error::OutOfRange {
            parameter: "samples",
            value: more as f64,
            expected: "fewer than 2^63 portfolios",
        }),
    }
}
