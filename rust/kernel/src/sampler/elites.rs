//! Portfolios around elites: recombined pairs of them, moved part of the way to an ordinary sample.
//!
//! Every step is a convex combination of feasible portfolios, so the result is feasible whatever the bounds.

use crate::batch::{Batch, LANES};
use crate::random::LaneStream;
use crate::simd::Around;

/// How far a portfolio moves from the elites towards an ordinary sample, in turn.
const STEPS: [f32; 6] = [0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625];

/// The portfolios to sample around.
#[derive(Debug, Clone, Default)]
pub(crate) struct Elites {
    weights: Vec<Vec<f32>>,
}

impl Elites {
    /// From weights in double precision, each through `coordinate` with the number of its asset. The order matters
    /// and must not depend on chance.
    pub(super) fn new<'a>(
        portfolios: impl IntoIterator<Item = &'a [f64]>,
        coordinate: impl Fn(usize, f64) -> f32,
    ) -> Self {
        let mut weights: Vec<Vec<f32>> = Vec::new();
        for portfolio in portfolios {
            let single: Vec<f32> =
                portfolio.iter().enumerate().map(|(asset, &weight)| coordinate(asset, weight)).collect();
            if !weights.contains(&single) {
                weights.push(single);
            }
        }
        Self { weights }
    }

    /// The pair of elites and the step of a group's turn.
    pub(super) fn around(&self, group: u64) -> Option<Around<'_>> {
        let count = self.weights.len() as u64;
        let turn = group.checked_div(count)?;
        Some(Around {
            first: &self.weights[(group % count) as usize],
            second: &self.weights[((group + 1 + turn) % count) as usize],
            step: STEPS[(turn % STEPS.len() as u64) as usize],
        })
    }

    /// Turns the ordinary samples s in `batch` into (1 − t)·(a + r·(b − a)) + t·s, with elites a, b and t of
    /// the group's turn, and r each portfolio's own.
    pub(super) fn mix(&self, group: u64, lanes: &mut LaneStream, batch: &mut Batch) {
        let Some(Around { first, second, step }) = self.around(group) else {
            return;
        };
        // Squared, so that most portfolios stay near the first.
        let ratio = lanes.next_uniform().map(|u| u * u);
        for (weight, (&a, &b)) in batch.weights_mut().iter_mut().zip(first.iter().zip(second)) {
            for lane in 0..LANES {
                let elite = a * (1.0 - ratio.0[lane]) + b * ratio.0[lane];
                weight.0[lane] = elite * (1.0 - step) + weight.0[lane] * step;
            }
        }
    }
}
