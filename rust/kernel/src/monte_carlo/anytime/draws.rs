//! Small chunks of samples, and the best of them for each target.
//!
//! The search draws a little, refines a little, and draws on around what it has. A sample counts when it beats the
//! best portfolio that the target has so far, refined ones included; so hardly any does once refinement has
//! begun, and drawing costs what drawing and evaluating in single precision cost.

use crate::batch::{Batch, Evaluator, LANES, Lanes, ScaledProblem};
use crate::refine::Target;
use crate::sampler::{Sampler, SamplerKind};
use crate::simd::Machine;

/// Bound on the rounding of single precision, as in the filter of blocks.
const ROUNDING: f64 = 1e-5;
/// Kinds of groups that the samplers take in turn by the group's number: degrees of bias to faces, edges and vertices.
const KINDS: usize = 7;
/// Groups of sixteen portfolios in a chunk.
const CHUNK: u64 = 8;
/// Assets beyond which the factor that evaluates in single precision, which takes O(N³), costs more than it saves:
/// then chunks are single groups, scored in double precision at once.
const MOST_FACTORED: usize = 256;
/// By how much what a kind has won before counts less with each chunk.
const FORGETTING: f64 = 0.75;

/// What a target has so far.
#[derive(Debug, Clone)]
pub(super) struct Elite {
    pub(super) target: Target,
    /// The value to beat.
    value: f64,
    /// The best sample that beat it, until it is taken.
    pub(super) sample: Option<Vec<f64>>,
}

impl Elite {
    /// Notes that there is a portfolio of this value.
    pub(super) fn raise(&mut self, value: f64) {
        self.value = self.value.max(value);
    }
}

/// Draws and keeps the best.
#[derive(Debug)]
pub(super) struct Draws<'a> {
    problem: &'a ScaledProblem,
    /// None for the largest problems.
    evaluator: Option<Evaluator>,
    sampler: Sampler,
    /// Whether kinds are drawn the more the more they win, and every second chunk around the elites.
    adaptive: bool,
    margin: f32,
    pub(super) elites: Vec<Elite>,
    batch: Batch,
    weights: Vec<f64>,
    product: Vec<f64>,
    chunks: u64,
    /// Groups drawn of each kind, and elites it has won of late.
    drawn: [u64; KINDS],
    wins: [f64; KINDS],
}

impl<'a> Draws<'a> {
    pub(super) fn new(
        problem: &'a ScaledProblem,
        sampler: Sampler,
        kind: SamplerKind,
        targets: impl IntoIterator<Item = Target>,
    ) -> Self {
        let short: f64 = problem.bounds().lower().iter().map(|&bound| (-bound).max(0.0)).sum();
        let elite = |target| Elite { target, value: f64::NEG_INFINITY, sample: None };
        Self {
            evaluator: (problem.assets() <= MOST_FACTORED).then(|| Evaluator::of(problem, Machine::detect())),
            sampler,
            adaptive: kind == SamplerKind::Auto,
            margin: (ROUNDING * (1.0 + 2.0 * short)) as f32,
            elites: targets.into_iter().map(elite).collect(),
            batch: Batch::new(problem.assets()),
            weights: vec![0.0; problem.assets()],
            product: vec![0.0; problem.assets()],
            chunks: 0,
            drawn: [0; KINDS],
            wins: [0.0; KINDS],
            problem,
        }
    }

    /// Draws a chunk of at most `limit` portfolios, in every second chunk around `portfolios`; returns how many.
    pub(super) fn chunk<'p>(&mut self, limit: u64, portfolios: impl IntoIterator<Item = &'p [f64]>) -> u64 {
        let around = self.adaptive && self.chunks % 2 == 1;
        let elites = around.then(|| self.sampler.elites(portfolios));
        let groups = if self.evaluator.is_some() { CHUNK } else { 1 };
        let mut left = limit.min(groups * LANES as u64);
        let drawn = left;
        while left > 0 {
            let kind = self.next_kind();
            let group = self.drawn[kind] * KINDS as u64 + kind as u64;
            self.sampler.draw_around(group, elites.as_ref(), &mut self.batch);
            self.drawn[kind] += 1;
            let lanes = left.min(LANES as u64);
            self.wins[kind] += self.keep(lanes as usize) as f64;
            left -= lanes;
        }
        self.wins.iter_mut().for_each(|wins| *wins *= FORGETTING);
        self.chunks += 1;
        drawn
    }

    /// The kind that has been drawn least for what it has won; each at first once.
    fn next_kind(&self) -> usize {
        let most = self.wins.iter().copied().fold(1.0, f64::max);
        let due = |kind: usize| {
            let weight = if self.adaptive { 0.25 + self.wins[kind] / most } else { 1.0 };
            self.drawn[kind] as f64 / weight
        };
        (0..KINDS).reduce(|least, kind| if due(kind) < due(least) { kind } else { least }).unwrap_or(0)
    }

    /// Scores in double precision those of the first `lanes` portfolios of the batch that may be best at something,
    /// and keeps them where they are. Returns how often that was.
    fn keep(&mut self, lanes: usize) -> usize {
        let excess = self.excess();
        let mut kept = 0;
        for lane in (0..lanes).filter(|&lane| excess.0[lane] > 0.0) {
            let single = self.batch.lane(lane);
            self.weights.iter_mut().zip(single).for_each(|(weight, single)| *weight = f64::from(single));
            self.problem.normalise(&mut self.weights);
            let score = self.problem.score(&self.weights, &mut self.product);
            for elite in &mut self.elites {
                let value = elite.target.value(score);
                // Numbers rise, so that a tie goes to the lower one.
                if value > elite.value && value.is_finite() {
                    elite.value = value;
                    elite.sample.get_or_insert_default().clone_from(&self.weights);
                    kept += 1;
                }
            }
        }
        kept
    }

    /// By how much each portfolio of the batch passes the value it passes best, in whatever unit; not positive
    /// where it passes none. Values are lowered by what single precision can be off.
    fn excess(&self) -> Lanes {
        let Some(evaluator) = &self.evaluator else { return Lanes::splat(1.0) };
        let scores = evaluator.evaluate(&self.batch);
        let mean = scores.mean.map(|mean| mean + self.margin);
        let variance = scores.variance.map(|variance| variance * (1.0 - ROUNDING as f32));
        let mut excess = Lanes::splat(f32::MIN);
        for elite in &self.elites {
            let value = (elite.value as f32).max(f32::MIN);
            let over = match elite.target {
                Target::MinVariance => variance.map(|variance| -value - variance),
                Target::MaxSharpe => {
                    let value = if value > 0.0 { value } else { value * (1.0 + 4.0 * ROUNDING as f32) };
                    mean.zip(variance, |mean, variance| mean * mean.abs() - value * variance)
                }
                Target::Utility { aversion } => {
                    let aversion = aversion as f32;
                    mean.zip(variance, |mean, variance| mean - aversion * variance - value)
                }
            };
            excess = excess.zip(over, |a, b| if b > a { b } else { a });
        }
        excess
    }
}
