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
/// Groups of sixteen portfolios in a chunk.
const CHUNK: u64 = 8;
/// Assets beyond which the factor that evaluates in single precision, which takes O(N³), costs more than it saves:
/// then chunks are single groups, scored in double precision at once.
const MOST_FACTORED: usize = 256;

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
    /// Whether every second chunk is drawn around the best so far.
    adaptive: bool,
    margin: f32,
    pub(super) elites: Vec<Elite>,
    batch: Batch,
    weights: Vec<f64>,
    product: Vec<f64>,
    chunks: u64,
    /// Groups drawn.
    drawn: u64,
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
            drawn: 0,
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
            self.sampler.draw_around(self.drawn, elites.as_ref(), &mut self.batch);
            self.drawn += 1;
            let lanes = left.min(LANES as u64);
            self.keep(lanes as usize);
            left -= lanes;
        }
        self.chunks += 1;
        drawn
    }

    /// Scores in double precision those of the first `lanes` portfolios of the batch that may be best at something,
    /// and keeps them where they are.
    fn keep(&mut self, lanes: usize) {
        let excess = self.excess();
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
                }
            }
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::SymmetricMatrix;
    use crate::problem::Problem;
    use crate::random::{PortfolioStream, Purpose, RunKey};

    /// One common factor, means paid for it in part.
    fn problem(assets: usize, seed: u64) -> Problem {
        let mut stream = PortfolioStream::new(RunKey::new(seed, 0, Purpose::Groups), 0);
        let mut uniform =
            |low: f64, high: f64| low + (high - low) * stream.below(1 << 20) as f64 / f64::from(1 << 20);
        let betas: Vec<f64> = (0..assets).map(|_| uniform(0.5, 1.5)).collect();
        let own: Vec<f64> = (0..assets).map(|_| uniform(0.3, 1.0)).collect();
        let mean = betas.iter().map(|beta| 0.03 * beta + uniform(-0.1, 0.1)).collect();
        let covariance = SymmetricMatrix::from_lower(assets, |i, j| {
            betas[i] * betas[j] + if i == j { own[i] * own[i] } else { 0.0 }
        });
        Problem::new(mean, covariance, 500).unwrap()
    }

    /// Single precision lets pass whatever may be best, and double precision decides.
    #[test]
    fn the_elites_are_the_best_of_what_was_drawn() {
        for seed in 0..30 {
            let problem = problem(if seed == 29 { MOST_FACTORED + 1 } else { 12 }, seed);
            let scaled = ScaledProblem::new(&problem);
            let targets = [Target::MinVariance, Target::MaxSharpe, Target::Utility { aversion: 0.5 }];
            let kind = SamplerKind::FaceEdgeVertex;
            let sampler = Sampler::new(problem.bounds(), kind, seed, 0);
            let mut draws = Draws::new(&scaled, sampler.clone(), kind, targets);
            let samples: u64 = (0..5).map(|_| draws.chunk(100, [])).sum();
            let mut best = [f64::NEG_INFINITY; 3];
            let (mut batch, mut product) = (Batch::new(problem.assets()), vec![0.0; problem.assets()]);
            for group in 0..draws.drawn {
                sampler.draw(group, &mut batch);
                // A chunk of a hundred ends within its last group.
                let lanes = if draws.evaluator.is_some() && group % 7 == 6 { 4 } else { LANES };
                for lane in 0..lanes {
                    let mut weights: Vec<f64> = batch.lane(lane).map(f64::from).collect();
                    scaled.normalise(&mut weights);
                    let score = scaled.score(&weights, &mut product);
                    for (best, target) in best.iter_mut().zip(targets) {
                        *best = best.max(target.value(score));
                    }
                }
            }
            assert_eq!(samples, if draws.evaluator.is_some() { 500 } else { 5 * LANES as u64 });
            let values: Vec<f64> = draws.elites.iter().map(|elite| elite.value).collect();
            assert_eq!(values, best, "problem {seed}");
            for elite in &draws.elites {
                let score = scaled.score(elite.sample.as_ref().unwrap(), &mut product);
                assert_eq!(elite.target.value(score), elite.value, "problem {seed}");
            }
        }
    }
}
