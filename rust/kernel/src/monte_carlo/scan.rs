//! Portfolios drawn and evaluated one after another, nothing kept: for pictures, and to measure the speed.

use crate::batch::{LANES, ScaledProblem, Scores};
use crate::error::Result;
use crate::problem::Problem;
use crate::sampler::{Sampler, SamplerKind, Tile};
use crate::simd::{GROUPS, InstructionSet};

/// The portfolios of a run by number, with their scores.
#[derive(Debug, Clone)]
pub struct Scan {
    sampler: Sampler,
    tile: Tile,
    /// The first of the groups that are drawn already.
    drawn: Option<u64>,
}

impl Scan {
    /// Portfolios that [`scores`](Self::scores) draws at a time.
    pub const PORTFOLIOS: usize = GROUPS * LANES;

    /// The portfolios that a run with this `seed` and `stream` draws, by the given instruction set or the fastest.
    ///
    /// # Errors
    /// An instruction set that this processor does not have.
    pub fn new(
        problem: &Problem,
        kind: SamplerKind,
        seed: u64,
        stream: u64,
        instructions: Option<InstructionSet>,
    ) -> Result<Self> {
        let mut sampler = Sampler::new(problem.bounds(), kind, seed, stream);
        if let Some(set) = instructions {
            sampler = sampler.with_instructions(set)?;
        }
        let tile = sampler.tile(&ScaledProblem::new(problem));
        Ok(Self { sampler, tile, drawn: None })
    }

    /// Mean and variance of portfolios `16 · first` to `16 · first + 63`, in the units of
    /// [`Evaluator::new`](crate::batch::Evaluator::new) of the problem.
    #[inline]
    pub fn scores(&mut self, first: u64) -> &[Scores; GROUPS] {
        if self.drawn != Some(first) {
            self.sampler.draw_tile(first, GROUPS, None, &mut self.tile);
        }
        self.tile.turn();
        let next = first.wrapping_add(GROUPS as u64);
        // Most likely to be asked for next.
        if self.sampler.draws_between() {
            self.sampler.evaluate_and_draw(next, GROUPS, None, &mut self.tile);
            self.drawn = Some(next);
        } else {
            self.tile.evaluate(GROUPS);
        }
        self.tile.scores()
    }

    /// The weights of portfolio `number` of those last drawn, below [`Scan::PORTFOLIOS`].
    pub fn weights(&self, number: usize) -> impl Iterator<Item = f32> + '_ {
        self.tile.weights(number / LANES % GROUPS, number % LANES)
    }
}
