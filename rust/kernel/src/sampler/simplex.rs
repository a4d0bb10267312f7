//! The simplex: uniform by exponential spacings, and biased towards its faces, edges and vertices.
//!
//! s = e^q/Σe^q with e standard exponential and q a power of two. q = 1 is the uniform distribution on the simplex
//! (Dirichlet with all parameters one). Larger q push the mass to faces, edges and vertices: Shaw, "Monte Carlo
//! portfolio optimization for general investor risk-return objectives and arbitrary return distributions", 2010.

use super::{Elites, Region, SamplerKind};
use crate::batch::Batch;
use crate::simd::{Draw, Machine, Recipe, Seeds, Spacings};

/// The largest exponent is 2^6 = 64: at a hundred assets such portfolios hold a handful of them.
const LEVELS: u64 = 7;

/// How the points of a group are made: the spacings squared 0 to 6 times in turn unless they are to be uniform.
#[inline]
pub(super) fn recipe(kind: SamplerKind, group: u64, elites: Option<&Elites>) -> Recipe<'_> {
    let squarings = match kind {
        SamplerKind::Uniform => 0,
        SamplerKind::FaceEdgeVertex | SamplerKind::Auto => (group % LEVELS) as u32,
    };
    Recipe { squarings, around: elites.and_then(|elites| elites.around(group)) }
}

/// Fills `batch` with the portfolios w = l + B·s of one group.
pub(super) fn draw(region: &Region, machine: Machine, seeds: Seeds, recipe: Recipe<'_>, batch: &mut Batch) {
    let mut spacings = [Spacings::ZERO];
    let (points, _) = batch.weights_mut().as_chunks_mut::<1>();
    let (seeds, recipes, mean) = (&[seeds], &[recipe], region.lower.as_slice());
    machine.draw(Draw { seeds, recipes, mean, weights: points, spacings: &mut spacings });
    let share = spacings[0].sum.map(|sum| 1.0 / sum);
    for (weight, &lower) in batch.weights_mut().iter_mut().zip(&region.lower) {
        *weight = weight.zip(share, |spacing, share| spacing * share * region.budget + lower);
    }
}
