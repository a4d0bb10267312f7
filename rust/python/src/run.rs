//! A Monte Carlo run: the problem it draws for and what its portfolios are drawn by.

use std::ops::Range;

use pyo3::prelude::*;
use silverbullet_kernel::monte_carlo::BLOCK;
use silverbullet_kernel::{
    FrontierSketch, MonteCarlo, MonteCarloOptions, Objective, Portfolio, Problem, SamplerKind, exact, finish,
    gap, sample_blocks,
};

use crate::error::{InputError, raise};

/// Blocks a thread draws between two looks at whether the person pressed Ctrl-C: some tens of milliseconds.
const BLOCKS_AT_A_TIME: u64 = 8;

/// What decides every portfolio of a run. Parts of a run merge, those of different runs do not.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Run {
    pub(crate) problem: Problem,
    pub(crate) assets: Vec<String>,
    pub(crate) seed: u64,
    pub(crate) stream: u64,
    pub(crate) sampler: SamplerKind,
}

impl Run {
    /// The sketch of the portfolios with these numbers, by so many threads, without the interpreter's lock.
    pub(crate) fn sample(
        &self,
        py: Python<'_>,
        numbers: Range<u64>,
        threads: usize,
    ) -> PyResult<FrontierSketch> {
        self.require_blocks(&numbers)?;
        let options = self.options(numbers.end, threads);
        let blocks = numbers.start / BLOCK..numbers.end.div_ceil(BLOCK);
        let step = BLOCKS_AT_A_TIME * threads.max(1) as u64;
        let mut whole: Option<FrontierSketch> = None;
        for first in blocks.clone().step_by(usize::try_from(step).unwrap_or(usize::MAX)) {
            let part = first..first.saturating_add(step).min(blocks.end);
            let sketch = py
                .detach(|| sample_blocks(&self.problem, &options, part))
                .map_err(|error| raise(&error, &self.assets))?;
            whole = Some(match whole {
                None => sketch,
                Some(mut whole) => {
                    whole.merge(sketch).map_err(|error| raise(&error, &self.assets))?;
                    whole
                }
            });
            py.check_signals()?;
        }
        whole.ok_or_else(|| InputError::new_err("portfolios: 0 are not enough; at least 1 is needed"))
    }

    /// The best portfolios of a merged sketch, each with its gap from the exact optimum.
    pub(crate) fn finish(
        &self,
        py: Python<'_>,
        sketch: FrontierSketch,
        refine: bool,
    ) -> PyResult<MonteCarlo> {
        let options = MonteCarloOptions { refine, ..self.options(sketch.portfolios(), 1) };
        py.detach(|| {
            let mut answer = finish(&self.problem, sketch, &options)?;
            with_gaps(&self.problem, &mut answer.portfolios);
            Ok(answer)
        })
        .map_err(|error| raise(&error, &self.assets))
    }

    fn options(&self, samples: u64, threads: usize) -> MonteCarloOptions {
        MonteCarloOptions {
            samples,
            seed: self.seed,
            stream: self.stream,
            sampler: self.sampler,
            threads,
            ..MonteCarloOptions::default()
        }
    }

    /// A block adapts to what it has found, so that parts of a run begin where blocks do.
    fn require_blocks(&self, numbers: &Range<u64>) -> PyResult<()> {
        if numbers.start.is_multiple_of(BLOCK) {
            return Ok(());
        }
        let below = numbers.start / BLOCK * BLOCK;
        Err(InputError::new_err(format!(
            "first: portfolio {} does not begin a block of {BLOCK}; take {below} or {}, or let \
             silverbullet.partitions(portfolios, parts) cut the run",
            numbers.start,
            below.saturating_add(BLOCK)
        )))
    }
}

/// The search never sees the exact optimum; it is solved afterwards, to say how far each portfolio is from it.
pub(crate) fn with_gaps(problem: &Problem, portfolios: &mut [Portfolio]) {
    for found in portfolios.iter_mut().filter(|found| Objective::LIVE.contains(&found.objective)) {
        let best = exact::solve(problem, found.objective);
        if best.label.is_ok() && found.label.is_ok() {
            let [best, achieved] = [&best.weights, &found.weights].map(|weights| problem.evaluate(weights));
            found.gap = gap(found.objective, &best, &achieved, problem.observations());
        }
    }
}
