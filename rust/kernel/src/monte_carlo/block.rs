//! Blocks: drawing, evaluating, keeping the best, sampling on around them.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use super::filter::Filter;
use super::{BLOCK, MonteCarloOptions};
use crate::batch::{LANES, ScaledProblem};
use crate::error::Result;
use crate::problem::Problem;
use crate::sampler::{Elites, Sampler, SamplerKind, Tile};
use crate::simd::GROUPS;
use crate::sketch::{Axes, FrontierSketch};

/// Groups of sixteen portfolios in a chunk: 2,048 portfolios. With [`SamplerKind::Auto`] every second chunk samples
/// around the best of its block so far. The position in the block alone decides, so a block that is cut short
/// is the beginning of the whole one.
const CHUNK: u64 = 128;

/// Everything that the blocks of one run share.
#[derive(Debug)]
pub(super) struct Run {
    scaled: ScaledProblem,
    sampler: Sampler,
    axes: Axes,
    samples: u64,
    adaptive: bool,
}

impl Run {
    pub(super) fn new(problem: &Problem, options: &MonteCarloOptions) -> Result<Self> {
        let scaled = ScaledProblem::new(problem);
        let mut sampler = Sampler::new(problem.bounds(), options.sampler, options.seed, options.stream);
        if let Some(set) = options.instructions {
            sampler = sampler.with_instructions(set)?;
        }
        Ok(Self {
            sampler,
            axes: Axes::new(&scaled),
            scaled,
            samples: options.samples,
            adaptive: options.sampler == SamplerKind::Auto,
        })
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
        let queue = Queue { next: AtomicU64::new(blocks.start), end: blocks.end };
        let parts = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(|| self.sample(queue.iter()))).collect();
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

    fn sample(&self, blocks: impl Iterator<Item = u64>) -> Result<FrontierSketch> {
        let mut sketch = FrontierSketch::new(self.axes.clone());
        let mut desk = Desk::new(self.scaled.assets());
        let mut tile = self.sampler.tile(&self.scaled);
        for block in blocks {
            sketch.merge(self.sample_block(block, &mut desk, &mut tile))?;
        }
        Ok(sketch)
    }

    fn sample_block(&self, block: u64, desk: &mut Desk, tile: &mut Tile) -> FrontierSketch {
        let first = block * BLOCK;
        let count = BLOCK.min(self.samples - first);
        let mut sketch = FrontierSketch::new(self.axes.clone());
        let mut filter = Filter::new(&self.scaled, &sketch);
        let mut elites = Elites::default();
        let groups = count.div_ceil(LANES as u64);
        let tiled = |group: u64| GROUPS.min((groups - group) as usize);
        let number = |group: u64| first + group * LANES as u64;
        let around = |group: u64| self.adaptive && (group / CHUNK) % 2 == 1;
        for group in (0..groups).step_by(GROUPS) {
            // What a chunk draws around is known when the one before it is done.
            if group.is_multiple_of(CHUNK) {
                if around(group) {
                    elites = self.sampler.elites(sketch.special().map(|entry| entry.weights.as_slice()));
                }
                let elites = around(group).then_some(&elites);
                self.sampler.draw_tile(number(group) / LANES as u64, tiled(group), elites, tile);
            }
            tile.turn();
            let next = group + GROUPS as u64;
            if next < groups && !next.is_multiple_of(CHUNK) {
                let elites = around(next).then_some(&elites);
                self.sampler.evaluate_and_draw(number(next) / LANES as u64, tiled(next), elites, tile);
            } else {
                tile.evaluate(tiled(group));
            }
            self.keep(number(group), count - group * LANES as u64, tile, &mut filter, desk, &mut sketch);
        }
        sketch.count(count);
        sketch
    }

    /// Offers those of a tile's first `left` portfolios that may be best at something to the sketch; the first has
    /// this `number`.
    fn keep(
        &self,
        number: u64,
        left: u64,
        tile: &Tile,
        filter: &mut Filter,
        desk: &mut Desk,
        sketch: &mut FrontierSketch,
    ) {
        let left = left.min((GROUPS * LANES) as u64);
        let scores = tile.scores();
        let tiled = left.div_ceil(LANES as u64) as usize;
        let mut candidates = filter.candidates(self.sampler.machine(), &scores[..tiled]);
        candidates &= u64::MAX >> (64 - left);
        while candidates != 0 {
            let place = candidates.trailing_zeros() as usize;
            candidates &= candidates - 1;
            let (group, lane) = (place / LANES, place % LANES);
            let (mean, variance) = (scores[group].mean.0[lane], scores[group].variance.0[lane]);
            let kept = filter.admits(mean, variance) && {
                let weights = tile.weights(group, lane);
                desk.keep(&self.scaled, number + place as u64, weights, sketch)
            };
            if kept {
                filter.update_after(sketch, variance);
            }
        }
    }
}

/// Blocks that no thread has taken yet. A thread that is interrupted takes fewer; which takes which does not show in
/// the merged sketch.
struct Queue {
    next: AtomicU64,
    end: u64,
}

impl Queue {
    fn iter(&self) -> impl Iterator<Item = u64> + '_ {
        std::iter::from_fn(|| {
            // Only the count itself is shared, so no order with other memory is needed.
            let block = self.next.fetch_add(1, Ordering::Relaxed);
            (block < self.end).then_some(block)
        })
    }
}

/// Room to work in, kept from group to group.
#[derive(Debug)]
pub(super) struct Desk {
    weights: Vec<f64>,
    product: Vec<f64>,
}

impl Desk {
    pub(super) fn new(assets: usize) -> Self {
        Self { weights: vec![0.0; assets], product: vec![0.0; assets] }
    }

    /// Scores a portfolio in double precision and offers it to the sketch. Tells whether the sketch took it.
    pub(super) fn keep(
        &mut self,
        problem: &ScaledProblem,
        number: u64,
        weights: impl Iterator<Item = f32>,
        sketch: &mut FrontierSketch,
    ) -> bool {
        self.weights.iter_mut().zip(weights).for_each(|(weight, single)| *weight = f64::from(single));
        problem.normalise(&mut self.weights);
        let score = problem.score(&self.weights, &mut self.product);
        sketch.offer(number, score, &self.weights)
    }
}
