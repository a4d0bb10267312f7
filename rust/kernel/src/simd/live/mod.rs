//! The passes over a live population: one for each answered tick, one for each close.
//!
//! Products and sums are rounded one by one, never fused: the bits are the same under each instruction set, and no
//! processor is slow.

mod add;
mod best;
mod close;
mod follow;

use super::InstructionSet;
use super::dispatch::Machine;
use crate::error::Result;
use add::Add;
use close::Close;
pub use close::{CloseStep, Closing};
use follow::Follow;
pub use follow::Followed;

/// Portfolios that are passed over, or scored, together.
const BLOCK: usize = 64;

/// The best of a population. Ties go to the lower number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leaders {
    /// Portfolio with the largest Sharpe ratio.
    pub max_sharpe: usize,
    /// Portfolio with the smallest variance.
    pub min_variance: usize,
}

/// The right to run the pass with the instructions of one set.
#[derive(Debug, Clone, Copy)]
pub struct Follower(Machine);

impl Follower {
    /// With the fastest instruction set of this processor.
    #[must_use]
    pub fn detect() -> Self {
        Self(Machine::detect())
    }

    /// With one of its own choice.
    ///
    /// # Errors
    /// An instruction set that this processor does not have.
    pub fn with(set: InstructionSet) -> Result<Self> {
        set.machine().map(Self)
    }

    /// Follows `changes`: the weights of an asset in each portfolio, with what its open-bar return has changed by.
    /// `leaders` are the best so far; any two will do, good ones are fast. Slices of other lengths end the pass early.
    #[must_use]
    pub fn follow(self, followed: Followed<'_>, changes: &[(&[f32], f64)], leaders: Leaders) -> Leaders {
        self.0.run(Follow { followed, changes, leaders })
    }

    /// Adds to each portfolio in `to` its weights times a number: `columns` are the weights of an asset in the portfolios,
    /// with that asset's number.
    pub fn add(self, to: &mut [f64], columns: &[(&[f32], f64)]) {
        self.0.run(Add { to, columns });
    }

    /// Moves `closing` on to a close, and returns the best at the close itself, without an open bar.
    #[must_use]
    pub fn close(self, closing: Closing<'_>, step: &CloseStep) -> Leaders {
        self.0.run(Close { closing, step })
    }
}

#[inline(always)]
fn block_of<T>(values: &[T], at: usize) -> Option<&[T; BLOCK]> {
    values.get(at..)?.first_chunk()
}

#[inline(always)]
fn block_of_mut<T>(values: &mut [T], at: usize) -> Option<&mut [T; BLOCK]> {
    values.get_mut(at..)?.first_chunk_mut()
}

#[cfg(test)]
mod tests;
