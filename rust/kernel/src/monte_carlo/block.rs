//! Blocks: drawing, evaluating, keeping the best, sampling on around them.

use std::ops::Range;

use super::filter::Filter;
use super::{BLOCK, MonteCarloOptions};
use crate::batch::{Batch, Evaluator, LANES, Lanes, ScaledProblem};
use crate::error::Result;
use crate::problem::Problem;
use crate::sampler::{Elites, Sampler, SamplerKind};
use crate::sketch::{Axes, FrontierSketch};

/// Groups of sixteen portfolios in a chunk: 2,048 portfolios. With [`SamplerKind::Auto`] every second chunk samples
/// around the best of its block so far. The position in the block alone decides, so a block that is cut short
/// is the beginning of the whole one.
const CHUNK: u64 = 128;

/// Everything that the blocks of one run share.
#[derive(Debug)]
pub(super) struct Run {
    scaled: ScaledProblem,
    evaluator: Evaluator,
    sampler: Sampler,
    axes: Axes,
    samples: u64,
    adaptive: bool,
}

impl Run {
    pub(super) fn new(problem: &Problem, options: &MonteCarloOptions) -> Self {
        let scaled = ScaledProblem::new(problem);
        Self {
            evaluator: Evaluator::of(&scaled),
            sampler: Sampler::new(problem.bounds(), options.sampler, options.seed, options.stream),
            axes: Axes::new(&scaled),
            scaled,
            samples: options.samples,
            adaptive: options.sampler == SamplerKind::Auto,
        }
    }

    pub(super) fn scaled(&self) -> &ScaledProblem {
        &self.scaled
    }

    /// The merged sketch of `blocks`, drawn by `threads` threads.
    pub(super) fn sample_threaded(&self, blocks: Range<u64>, threads: usize) -> Result<FrontierSketch> {
        let blocks = blocks.start..blocks.end.min(self.samples.div_ceil(BLOCK));
        let count = blocks.end.saturating_sub(blocks.start);
        let threads = (threads.max(1) as u64).min(count.max(1));
        if threads == 1 {
            return self.sample(blocks);
        }
        let share = count.div_ceil(threads);
        let parts = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads)
                .map(|worker| {
                    let start = blocks.start + worker * share;
                    scope.spawn(move || self.sample(start..(start + share).min(blocks.end)))
                })
                .collect();
            let join = |worker: std::thread::ScopedJoinHandle<'_, _>| match worker.join() {
                Ok(part) => part,
                Err(panic) => std::panic::resume_unwind(panic),
            };
            workers.into_iter().map(join).collect::<Vec<Result<FrontierSketch>>>()
        });
        let mut sketch = FrontierSketch::new(self.axes.clone());
        for part in parts {
            sketch.merge(part?)?;
        }
        Ok(sketch)
    }

    fn sample(&self, blocks: Range<u64>) -> Result<FrontierSketch> {
        let mut sketch = FrontierSketch::new(self.axes.clone());
        let mut desk = Desk::new(self.scaled.assets());
        for block in blocks {
            sketch.merge(self.sample_block(block, &mut desk))?;
        }
        Ok(sketch)
    }

    fn sample_block(&self, block: u64, desk: &mut Desk) -> FrontierSketch {
        let first = block * BLOCK;
        let count = BLOCK.min(self.samples - first);
        let mut sketch = FrontierSketch::new(self.axes.clone());
        let mut filter = Filter::new(&self.scaled, &sketch);
        let mut elites = Elites::default();
        for group in 0..count.div_ceil(LANES as u64) {
            let number = first + group * LANES as u64;
            let around = self.adaptive && (group / CHUNK) % 2 == 1;
            if around && group % CHUNK == 0 {
                elites = Elites::new(sketch.special().map(|entry| entry.weights.as_slice()));
            }
            if around {
                self.sampler.draw_around(number / LANES as u64, &elites, &mut desk.batch);
            } else {
                self.sampler.draw(number / LANES as u64, &mut desk.batch);
            }
            let scores = self.evaluator.evaluate(&desk.batch);
            let excess = filter.excess(&scores);
            let lanes = LANES.min((first + count - number) as usize);
            if desk.keep(&self.scaled, number, &excess, lanes, &mut sketch) {
                filter.update(&sketch);
            }
        }
        sketch.count(count);
        sketch
    }
}

/// Room to work in, kept from group to group.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) batch: Batch,
    weights: Vec<f64>,
    product: Vec<f64>,
}

impl Desk {
    pub(super) fn new(assets: usize) -> Self {
        Self { batch: Batch::new(assets), weights: vec![0.0; assets], product: vec![0.0; assets] }
    }

    /// Scores the first `lanes` portfolios with a positive `excess` in double precision and offers them to the
    /// sketch. Tells whether the sketch took any.
    #[inline]
    pub(super) fn keep(
        &mut self,
        problem: &ScaledProblem,
        number: u64,
        excess: &Lanes,
        lanes: usize,
        sketch: &mut FrontierSketch,
    ) -> bool {
        let most = excess.0.iter().fold(0.0_f32, |most, &value| if value > most { value } else { most });
        if most <= 0.0 {
            return false;
        }
        let mut taken = false;
        for lane in (0..lanes).filter(|&lane| excess.0[lane] > 0.0) {
            let single = self.batch.lane(lane);
            self.weights.iter_mut().zip(single).for_each(|(weight, single)| *weight = f64::from(single));
            problem.normalise(&mut self.weights);
            let score = problem.score(&self.weights, &mut self.product);
            taken |= sketch.offer(number + lane as u64, score, &self.weights);
        }
        taken
    }
}
