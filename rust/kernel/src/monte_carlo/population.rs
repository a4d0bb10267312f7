//! The live population: portfolios that stay fixed while ticks arrive, laid out for one pass over one asset.

use super::block::Desk;
use super::filter::Filter;
use super::finish::refine_elites;
use crate::batch::{Batch, Evaluator, LANES, ScaledProblem, normalise};
use crate::error::{Error, Result, require_length};
use crate::problem::{Bounds, Problem};
use crate::refine::PaddedProblem;
use crate::sampler::Sampler;
use crate::simd::Machine;
use crate::sketch::{Axes, FrontierSketch};

/// One portfolio in so many is a refined one or lies around them.
const ELITE_SHARE: usize = 8;

/// How a population is drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PopulationOptions {
    /// Portfolios, at least one.
    pub size: usize,
    /// The run's seed.
    pub seed: u64,
    /// Which of the seed's streams to draw from, for example the number of the bar it is refreshed at.
    pub stream: u64,
}

impl Default for PopulationOptions {
    fn default() -> Self {
        Self { size: 10_240, seed: 0, stream: 0 }
    }
}

/// K fixed portfolios, asset by asset.
#[derive(Debug, Clone, PartialEq)]
pub struct Population {
    size: usize,
    bounds: Bounds,
    /// `weights[asset · size + portfolio]`
    weights: Vec<f32>,
}

impl Population {
    /// Draws a population. The first eighth (at least one portfolio) are portfolios refined for the largest
    /// Sharpe ratio, the least variance and a range of risk aversions, in this order, and samples around them; the
    /// rest are sampled from the whole feasible set, biased to its faces, edges and vertices.
    ///
    /// # Errors
    /// A size of zero.
    pub fn draw(problem: &Problem, options: &PopulationOptions) -> Result<Self> {
        if options.size == 0 {
            return Err(Error::Empty { parameter: "population" });
        }
        let assets = problem.assets();
        let mut population = Self {
            size: options.size,
            bounds: problem.bounds().clone(),
            weights: vec![0.0; assets * options.size],
        };
        let scaled = ScaledProblem::new(problem);
        let sampler = Sampler::population(problem.bounds(), options.seed, options.stream);
        let mut sketch = FrontierSketch::new(Axes::new(&scaled));
        let elite = (options.size / ELITE_SHARE).max(1);
        population.sample(&scaled, &sampler, elite, &mut sketch);
        population.place_elites(&scaled, &sampler, elite, &sketch);
        Ok(population)
    }

    /// Fills the places from `elite` on, and the rest of the group it falls into, and keeps the best in `sketch`.
    fn sample(
        &mut self,
        scaled: &ScaledProblem,
        sampler: &Sampler,
        elite: usize,
        sketch: &mut FrontierSketch,
    ) {
        let evaluator = Evaluator::of(scaled, Machine::detect());
        let mut filter = Filter::new(scaled, sketch);
        let mut desk = Desk::new(scaled.assets());
        let mut batch = Batch::new(scaled.assets());
        for first in (elite / LANES * LANES..self.size).step_by(LANES) {
            sampler.draw((first / LANES) as u64, &mut batch);
            let scores = evaluator.evaluate(&batch);
            let lanes = LANES.min(self.size - first);
            for lane in 0..lanes {
                let number = (first + lane) as u64;
                if filter.admits(scores.mean.0[lane], scores.variance.0[lane])
                    && desk.keep(scaled, number, batch.lane(lane), sketch)
                {
                    filter.update_after(sketch, scores.variance.0[lane]);
                }
            }
            self.store(first, lanes, &batch);
        }
    }

    /// Refines the best of the sample and puts them, and samples around them, into the first `elite` places.
    fn place_elites(
        &mut self,
        scaled: &ScaledProblem,
        sampler: &Sampler,
        elite: usize,
        sketch: &FrontierSketch,
    ) {
        let refined = refine_elites(&PaddedProblem::new(scaled), sketch);
        let elites = sampler.elites(refined.iter().map(|state| state.weights()));
        let mut batch = Batch::new(scaled.assets());
        for first in (0..elite).step_by(LANES) {
            // Numbers that no sampled portfolio has, so that no stream is used twice.
            let group = (FrontierSketch::REFINED / LANES as u64) + (first / LANES) as u64;
            sampler.draw_around(group, Some(&elites), &mut batch);
            self.store(first, LANES.min(elite - first), &batch);
        }
        for (place, state) in refined.iter().take(elite).enumerate() {
            for (asset, &weight) in state.weights().iter().enumerate() {
                self.weights[asset * self.size + place] = weight as f32;
            }
        }
    }

    fn store(&mut self, first: usize, lanes: usize, batch: &Batch) {
        for (column, weights) in self.weights.chunks_exact_mut(self.size).zip(batch.weights()) {
            column[first..first + lanes].copy_from_slice(&weights.0[..lanes]);
        }
    }

    /// Number of portfolios, K.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }

    /// Number of assets.
    #[must_use]
    pub fn assets(&self) -> usize {
        self.bounds.assets()
    }

    /// The weight of one asset in each portfolio: K numbers next to each other.
    #[must_use]
    pub fn column(&self, asset: usize) -> &[f32] {
        &self.weights[asset * self.size..(asset + 1) * self.size]
    }

    /// The weights of one portfolio in double precision, within the bounds and summing to one.
    ///
    /// # Errors
    /// Room for another number of assets, or a portfolio that does not exist.
    pub fn weights_of(&self, portfolio: usize, weights: &mut [f64]) -> Result<()> {
        require_length("weights", self.assets(), weights.len())?;
        if portfolio >= self.size {
            return Err(Error::OutOfRange {
                parameter: "portfolio",
                value: portfolio as f64,
                expected: "a number below the size of the population",
            });
        }
        for (asset, weight) in weights.iter_mut().enumerate() {
            *weight = f64::from(self.weights[asset * self.size + portfolio]);
        }
        normalise(&self.bounds, weights);
        Ok(())
    }
}
