//! Feasible sets with upper bounds that can bind: mixtures of vertices, and hit-and-run.

use super::Region;
use crate::batch::{Batch, Lanes};
use crate::random::{LaneStream, PortfolioStream};
use crate::simd::Machine;

/// Vertices that a mixture is made of, in turn by group. Few lie near the boundary, many near the middle.
const VERTICES: [usize; 6] = [2, 3, 4, 6, 10, 16];

/// Sweeps of hit-and-run, each of 2N exchanges. The relaxation of pairwise exchange takes in the order of N log N
/// exchanges (Smith, "A Gibbs sampler on the n-simplex", 2014); that these suffice is measured by tests.
pub(super) const SWEEPS: usize = 16;

/// Mixtures of vertices of the feasible set: w = Σ dᵥ·Vᵥ with d from a Dirichlet distribution. A vertex comes
/// from filling the assets up greedily in a random order. The vertices are shared by the group, the
/// proportions are each portfolio's own. Biased to the boundary.
pub(super) fn vertex_mixture(
    region: &Region,
    machine: Machine,
    group: u64,
    lanes: &mut LaneStream,
    shared: &mut PortfolioStream,
    batch: &mut Batch,
) {
    let count = VERTICES[(group % VERTICES.len() as u64) as usize];
    // Every other round of the counts leans further on one of the vertices.
    let squared = (group / VERTICES.len() as u64) % 2 == 1;
    let mut proportions = [Lanes::ZERO; VERTICES[VERTICES.len() - 1]];
    let mut sum = Lanes::ZERO;
    for proportion in &mut proportions[..count] {
        let spacing = lanes.next_exponential(machine);
        *proportion = if squared { spacing.map(|value| value * value) } else { spacing };
        sum = sum.zip(*proportion, |sum, value| sum + value);
    }
    batch.weights_mut().fill(Lanes::ZERO);
    let mut order: Vec<usize> = (0..region.room.len()).collect();
    for proportion in &proportions[..count] {
        let share = proportion.zip(sum, |value, sum| value / sum);
        add_vertex(region, share, shared, &mut order, batch);
    }
    for (weight, (&lower, &upper)) in
        batch.weights_mut().iter_mut().zip(region.lower.iter().zip(&region.upper))
    {
        *weight = weight.map(|above| (lower + above).clamp(lower, upper));
    }
}

/// Adds `share` times a random vertex, less the lower bounds, to the weights. `order` is any permutation of
/// the assets and is left another one.
fn add_vertex(
    region: &Region,
    share: Lanes,
    shared: &mut PortfolioStream,
    order: &mut [usize],
    batch: &mut Batch,
) {
    let mut left = region.exact_budget;
    for filled in 0..order.len() {
        if left <= 0.0 {
            break;
        }
        order.swap(filled, filled + shared.below(order.len() - filled));
        let asset = order[filled];
        let step = region.room[asset].min(left);
        left -= step;
        batch.weights_mut()[asset].add_scaled(step as f32, &share);
    }
}

/// Near uniform portfolios: a fixed number of exact draws along directions eᵢ − eⱼ, from the centre. Along
/// such a direction the uniform distribution on the feasible set is uniform on a segment, so each step leaves it
/// invariant. The pairs are shared by the group, the steps are each portfolio's own.
///
/// A sweep exchanges each asset with the next in a random cycle, so that every asset takes part; and as many pairs
/// again whose first asset is drawn in proportion to its room, because an asset with much room moves only as
/// far at a time as those with little let it.
pub(super) fn hit_and_run(
    region: &Region,
    sweeps: usize,
    lanes: &mut LaneStream,
    shared: &mut PortfolioStream,
    batch: &mut Batch,
) {
    start_at_centre(region, batch);
    let assets = region.room.len();
    let mut order: Vec<usize> = (0..assets).collect();
    let cumulative = cumulative_room(region);
    if assets < 2 {
        return;
    }
    for _ in 0..sweeps {
        for last in (1..assets).rev() {
            order.swap(last, shared.below(last + 1));
        }
        for position in 0..assets {
            let (first, second) = (order[position], order[(position + 1) % assets]);
            exchange(region, first, second, lanes, batch);
            let first = by_room(&cumulative, shared);
            let second = (first + 1 + shared.below(assets - 1)) % assets;
            exchange(region, first, second, lanes, batch);
        }
    }
}

/// Sums of the room of the assets up to each, as parts of 2^32.
fn cumulative_room(region: &Region) -> Vec<u32> {
    let total: f64 = region.room.iter().sum();
    let unit = if total > 0.0 { f64::from(u32::MAX) / total } else { 0.0 };
    let sums = region.room.iter().scan(0.0, |sum, room| {
        *sum += room;
        Some(*sum)
    });
    sums.map(|sum| (sum * unit) as u32).collect()
}

/// An asset, drawn in proportion to its room.
fn by_room(cumulative: &[u32], shared: &mut PortfolioStream) -> usize {
    let drawn = shared.below(u32::MAX as usize) as u32;
    cumulative.partition_point(|&sum| sum <= drawn).min(cumulative.len() - 1)
}

/// The same fraction of every asset's room: strictly inside every bound that leaves any.
fn start_at_centre(region: &Region, batch: &mut Batch) {
    let room: f64 = region.room.iter().sum();
    let fraction = if room > 0.0 { region.exact_budget / room } else { 0.0 };
    for (asset, weight) in batch.weights_mut().iter_mut().enumerate() {
        *weight = Lanes::splat((region.exact_lower[asset] + fraction * region.room[asset]) as f32);
    }
}

/// Redraws the weights of two assets with their sum kept.
#[inline(always)]
fn exchange(region: &Region, first: usize, second: usize, lanes: &mut LaneStream, batch: &mut Batch) {
    let (low, high) = (region.lower[first], region.upper[first]);
    let (other_low, other_high) = (region.lower[second], region.upper[second]);
    let weights = batch.weights_mut();
    let sum = weights[first].zip(weights[second], |a, b| a + b);
    let least = sum.map(|sum| if sum - other_high > low { sum - other_high } else { low });
    let most = sum.map(|sum| if sum - other_low < high { sum - other_low } else { high });
    let length = most.zip(least, |most, least| if most > least { most - least } else { 0.0 });
    let step = lanes.next_uniform().zip(length, |u, length| u * length);
    let drawn = least.zip(step, |least, step| least + step);
    weights[first] = drawn.map(|weight| weight.clamp(low, high));
    weights[second] = sum.zip(weights[first], |sum, weight| (sum - weight).clamp(other_low, other_high));
}
