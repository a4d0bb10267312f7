//! Four groups of sixteen portfolios, drawn and evaluated together.

use crate::batch::{Batch, Evaluator, Lanes, Scores};
use crate::simd::{Draw, GROUPS, Machine, Recipe, Seeds, Spacings};

/// Portfolios as points of the simplex, not normalised: weight = l + B·e/Σe. What a group needs stays in the nearest
/// cache from its drawing to its evaluation, and only the few portfolios that are kept ever become weights.
#[derive(Debug, Clone)]
pub(crate) struct Tile {
    evaluator: Evaluator,
    lower: Vec<f32>,
    budget: f32,
    /// The present portfolios and the next ones; which of the two are present.
    sides: [Side; 2],
    present: usize,
    scores: [Scores; GROUPS],
    /// For portfolios that are drawn as weights.
    batch: Batch,
}

/// The portfolios of one side.
#[derive(Debug, Clone)]
struct Side {
    /// `weights[asset][group]`: e.
    weights: Vec<[Lanes; GROUPS]>,
    spacings: [Spacings; GROUPS],
}

impl Side {
    fn new(assets: usize) -> Self {
        Self { weights: vec![[Lanes::ZERO; GROUPS]; assets], spacings: [Spacings::ZERO; GROUPS] }
    }
}

impl Tile {
    pub(super) fn new(evaluator: Evaluator, lower: Vec<f32>, budget: f32) -> Self {
        let assets = lower.len();
        Self {
            evaluator,
            lower,
            budget,
            sides: [Side::new(assets), Side::new(assets)],
            present: 0,
            scores: [Scores::ZERO; GROUPS],
            batch: Batch::new(assets),
        }
    }

    /// Draws the next groups.
    #[inline]
    pub(super) fn draw(&mut self, machine: Machine, seeds: &[Seeds; GROUPS], recipes: &[Recipe<'_>]) {
        let Side { weights, spacings } = &mut self.sides[1 - self.present];
        machine.draw(Draw { seeds, recipes, mean: self.evaluator.mean(), weights, spacings });
    }

    /// Evaluates all present groups while the next are drawn.
    #[inline]
    pub(super) fn evaluate_drawing(&mut self, seeds: &[Seeds; GROUPS], recipes: &[Recipe<'_>]) {
        let [first, second] = &mut self.sides;
        let (present, next) = if self.present == 0 { (first, second) } else { (second, first) };
        let Side { weights, spacings } = next;
        let next = Draw { seeds, recipes, mean: self.evaluator.mean(), weights, spacings };
        self.evaluator.evaluate_drawing(&present.weights, &present.spacings, &mut self.scores, next);
    }

    /// Makes the next groups the present ones.
    #[inline]
    pub(crate) fn turn(&mut self) {
        self.present = 1 - self.present;
    }

    /// Mean and variance of the present portfolios, as they were last evaluated.
    #[inline]
    pub(crate) fn scores(&self) -> &[Scores; GROUPS] {
        &self.scores
    }

    pub(super) fn batch(&mut self) -> &mut Batch {
        &mut self.batch
    }

    /// Takes what is in the batch as one of the next groups.
    pub(super) fn take_batch(&mut self, group: usize) {
        let mut mean = Lanes::ZERO;
        for ((row, &weight), &factor) in self.sides[1 - self.present]
            .weights
            .iter_mut()
            .zip(self.batch.weights())
            .zip(self.evaluator.mean())
        {
            row[group] = weight;
            mean.add_scaled(factor, &weight);
        }
        self.sides[1 - self.present].spacings[group] = Spacings::weights(mean);
    }

    /// Mean and variance of the portfolios of the first `groups` groups.
    #[inline]
    pub(crate) fn evaluate(&mut self, groups: usize) {
        let Side { weights, spacings } = &self.sides[self.present];
        self.evaluator.evaluate_spacings(weights, spacings, groups, &mut self.scores);
    }

    /// The weights of one portfolio: the same bits as [`Sampler::draw`](super::Sampler::draw) gives.
    pub(crate) fn weights(&self, group: usize, lane: usize) -> impl Iterator<Item = f32> + '_ {
        let present = &self.sides[self.present];
        let share = 1.0 / present.spacings[group].sum.0[lane];
        let above = present.weights.iter().map(move |row| row[group].0[lane] * share);
        above.zip(&self.lower).map(|(above, &lower)| above * self.budget + lower)
    }
}
