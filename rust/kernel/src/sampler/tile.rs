//! Four groups of sixteen portfolios, drawn and evaluated together.

use crate::batch::{Batch, Evaluator, Lanes, Scores};
use crate::simd::{GROUPS, Machine, Recipe, Seeds, Spacings};

/// Portfolios as points of the simplex, not normalised: weight = l + B·e/Σe. What a group needs stays in the nearest
/// cache from its drawing to its evaluation, and only the few portfolios that are kept ever become weights.
#[derive(Debug, Clone)]
pub(crate) struct Tile {
    evaluator: Evaluator,
    lower: Vec<f32>,
    budget: f32,
    /// `weights[asset][group]`: e.
    weights: Vec<[Lanes; GROUPS]>,
    spacings: [Spacings; GROUPS],
    scores: [Scores; GROUPS],
    /// For portfolios that are drawn as weights.
    batch: Batch,
}

impl Tile {
    pub(super) fn new(evaluator: Evaluator, lower: Vec<f32>, budget: f32) -> Self {
        let assets = lower.len();
        Self {
            evaluator,
            lower,
            budget,
            weights: vec![[Lanes::ZERO; GROUPS]; assets],
            spacings: [Spacings::ZERO; GROUPS],
            scores: [Scores::ZERO; GROUPS],
            batch: Batch::new(assets),
        }
    }

    #[inline]
    pub(super) fn draw(&mut self, machine: Machine, seeds: &[Seeds; GROUPS], recipes: &[Recipe<'_>]) {
        machine.draw(seeds, recipes, self.evaluator.mean(), &mut self.weights, &mut self.spacings);
    }

    pub(super) fn batch(&mut self) -> &mut Batch {
        &mut self.batch
    }

    /// Takes what is in the batch as one of the groups.
    pub(super) fn take_batch(&mut self, group: usize) {
        let mut mean = Lanes::ZERO;
        for ((row, &weight), &factor) in
            self.weights.iter_mut().zip(self.batch.weights()).zip(self.evaluator.mean())
        {
            row[group] = weight;
            mean.add_scaled(factor, &weight);
        }
        self.spacings[group] = Spacings::weights(mean);
    }

    /// Mean and variance of the portfolios of the first `groups` groups.
    #[inline]
    pub(crate) fn evaluate(&mut self, groups: usize) -> &[Scores; GROUPS] {
        self.evaluator.evaluate_spacings(&self.weights, &self.spacings, groups, &mut self.scores);
        &self.scores
    }

    /// The weights of one portfolio: the same bits as [`Sampler::draw`](super::Sampler::draw) gives.
    pub(crate) fn weights(&self, group: usize, lane: usize) -> impl Iterator<Item = f32> + '_ {
        let share = 1.0 / self.spacings[group].sum.0[lane];
        let above = self.weights.iter().map(move |row| row[group].0[lane] * share);
        above.zip(&self.lower).map(|(above, &lower)| above * self.budget + lower)
    }
}
