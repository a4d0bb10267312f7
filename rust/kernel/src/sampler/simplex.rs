//! The simplex: uniform by exponential spacings, and biased towards its faces, edges and vertices.

use super::Region;
use crate::batch::{Batch, Lanes};
use crate::random::{LaneStream, negative_ln};

/// The largest exponent is 2^6 = 64: at a hundred assets such portfolios hold a handful of them.
const LEVELS: u64 = 7;

/// Parts of the largest spacing below this are dropped when squared, before they become subnormal, which many
/// processors are slow at.
const NEGLIGIBLE: f32 = 1e-9;

/// How often the spacings of a group are squared: each of 0 to 6 in turn.
#[inline(always)]
pub(super) fn squarings(group: u64) -> u32 {
    (group % LEVELS) as u32
}

/// w = l + B·s with sᵢ = eᵢ^q/Σeⱼ^q, e standard exponential and q = 2^`squarings`.
///
/// q = 1 is the uniform distribution on the simplex (Dirichlet with all parameters one). Larger q push the mass
/// to faces, edges and vertices: Shaw, "Monte Carlo portfolio optimization for general investor risk-return
/// objectives and arbitrary return distributions", 2010.
#[inline(always)]
pub(super) fn draw(region: &Region, squarings: u32, lanes: &mut LaneStream, batch: &mut Batch) {
    let mut sum = Lanes::ZERO;
    let mut most = Lanes::ZERO;
    for weight in batch.weights_mut() {
        let spacing = negative_ln(lanes.next_uniform());
        sum = sum.zip(spacing, |sum, value| sum + value);
        most = most.zip(spacing, |most, value| if value > most { value } else { most });
        *weight = spacing;
    }
    if squarings > 0 {
        sum = bias(squarings, most, batch);
    }
    let factor = sum.map(|sum| region.budget / sum);
    for (weight, &lower) in batch.weights_mut().iter_mut().zip(&region.lower) {
        *weight = weight.zip(factor, |spacing, factor| spacing * factor + lower);
    }
}

/// Raises the spacings, as parts of the largest of their lane, to the power 2^`squarings`; returns their sums.
/// The largest is one and stays one, so a sum is never zero.
#[inline(always)]
fn bias(squarings: u32, most: Lanes, batch: &mut Batch) -> Lanes {
    let scale = most.map(|most| 1.0 / most);
    let mut sum = Lanes::ZERO;
    for weight in batch.weights_mut() {
        let mut part = weight.zip(scale, |spacing, scale| spacing * scale);
        for _ in 0..squarings {
            part = part.map(|part| if part > NEGLIGIBLE { part * part } else { 0.0 });
        }
        sum = sum.zip(part, |sum, value| sum + value);
        *weight = part;
    }
    sum
}
