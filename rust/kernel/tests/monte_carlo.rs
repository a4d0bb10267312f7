//! Monte Carlo as its callers see it: same bits however it is divided, near the optimum, never without an answer.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod monte_carlo_common;

use monte_carlo_common::factor_problem;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use silverbullet_kernel::batch::{Batch, Evaluator, LANES};
use silverbullet_kernel::monte_carlo::BLOCK;
use silverbullet_kernel::random::Philox;
use silverbullet_kernel::sampler::Sampler;
use silverbullet_kernel::{
    Bounds, Fallback, FrontierSketch, InstructionSet, Label, MonteCarlo, MonteCarloOptions, Objective,
    Population, PopulationOptions, Problem, SamplerKind, SymmetricMatrix, exact, finish, gap, monte_carlo,
    sample_blocks,
};

fn options(samples: u64, sampler: SamplerKind, refine: bool) -> MonteCarloOptions {
    MonteCarloOptions { samples, sampler, refine, seed: 17, stream: 4, threads: 1, instructions: None }
}

/// Every number of an answer as bits.
fn bits(answer: &MonteCarlo) -> Vec<u64> {
    let portfolios = answer.portfolios.iter().flat_map(|p| p.weights.iter().chain([&p.mean, &p.risk]));
    let frontier = answer.frontier.iter().flat_map(|p| p.weights.iter().chain([&p.mean, &p.risk]));
    portfolios.chain(frontier).map(|value| value.to_bits()).chain([answer.samples]).collect()
}

#[test]
fn partitions_and_threads_do_not_change_a_bit() {
    let problem = factor_problem(10, 5, 1e-4);
    // Nineteen whole blocks and a part of one.
    let options = options(19 * BLOCK + 1_003, SamplerKind::Auto, true);
    let whole = sample_blocks(&problem, &options, 0..options.blocks()).unwrap();
    assert_eq!(whole.portfolios(), options.samples);
    let answer = finish(&problem, whole.clone(), &options).unwrap();
    let mut random = Philox::from_seed([9; 8]);
    for partitions in [2, 8, 64] {
        let share = options.blocks().div_ceil(partitions);
        let mut parts: Vec<FrontierSketch> = (0..partitions)
            .map(|part| sample_blocks(&problem, &options, part * share..(part + 1) * share).unwrap())
            .collect();
        for last in (1..parts.len()).rev() {
            parts.swap(last, random.random_range(0..=last));
        }
        let mut merged = parts.pop().unwrap();
        parts.into_iter().for_each(|part| merged.merge(part).unwrap());
        let (left, right) = (serde_json::to_string(&merged).unwrap(), serde_json::to_string(&whole).unwrap());
        assert!(left == right, "{partitions} partitions");
        assert_eq!(bits(&finish(&problem, merged, &options).unwrap()), bits(&answer));
    }
    for threads in [0, 1, 2, 8] {
        let threaded = monte_carlo(&problem, &MonteCarloOptions { threads, ..options.clone() }).unwrap();
        assert_eq!(bits(&threaded), bits(&answer), "{threads} threads");
    }
    for set in InstructionSet::available() {
        let forced = MonteCarloOptions { instructions: Some(set), threads: 2, ..options.clone() };
        assert_eq!(bits(&monte_carlo(&problem, &forced).unwrap()), bits(&answer), "{set}");
    }
    let other =
        monte_carlo(&problem, &MonteCarloOptions { seed: 18, refine: false, ..options.clone() }).unwrap();
    let same = monte_carlo(&problem, &MonteCarloOptions { refine: false, ..options }).unwrap();
    assert_ne!(bits(&other), bits(&same), "the seed must count");
}

/// Each instruction set in turn, on parts of a run that are merged in shuffled order: every kind of sampler, bounds that
/// shift the simplex and bounds that cut it, and a last group that is not whole.
#[test]
fn instruction_sets_do_not_change_a_bit() {
    let mut random = Philox::from_seed([3; 8]);
    for assets in [3, 10, 33] {
        let free = factor_problem(assets, 21, 1e-3);
        let bounds = |lower, upper| Bounds::new(vec![lower; assets], vec![upper; assets]).unwrap();
        let shifted = free.clone().with_bounds(bounds(-0.02, 3.0)).unwrap();
        let capped = free.clone().with_bounds(bounds(0.0, 2.0 / assets as f64)).unwrap();
        for (problem, samples) in [(&free, 3 * BLOCK + 77), (&shifted, 2 * BLOCK + 9), (&capped, BLOCK + 40)]
        {
            for kind in [SamplerKind::Auto, SamplerKind::Uniform, SamplerKind::FaceEdgeVertex] {
                if kind == SamplerKind::Uniform && samples == BLOCK + 40 {
                    // Hit-and-run is slow and runs on no instruction set of its own.
                    continue;
                }
                let of = |set, blocks| {
                    let options = MonteCarloOptions { instructions: set, ..options(samples, kind, false) };
                    sample_blocks(problem, &options, blocks).unwrap()
                };
                let whole = serde_json::to_string(&of(None, 0..9)).unwrap();
                for set in InstructionSet::available() {
                    let mut parts: Vec<FrontierSketch> =
                        (0..samples.div_ceil(BLOCK)).map(|block| of(Some(set), block..block + 1)).collect();
                    let mut merged = parts.swap_remove(random.random_range(0..parts.len()));
                    while !parts.is_empty() {
                        merged.merge(parts.swap_remove(random.random_range(0..parts.len()))).unwrap();
                    }
                    assert!(
                        serde_json::to_string(&merged).unwrap() == whole,
                        "{set}, {assets} assets, {kind:?}"
                    );
                }
            }
        }
    }
}

/// The numbers that a sketch names are the portfolios that the sampler draws under them, and the best of them.
#[test]
fn the_sketch_holds_the_best_of_what_was_drawn() {
    let problem = factor_problem(7, 6, 1e-3);
    // Many short runs: in a single one the best ratio may be let in because it is best at something else too.
    for stream in 0..40 {
        let options = MonteCarloOptions { stream, ..options(2_003, SamplerKind::FaceEdgeVertex, false) };
        assert_sketch_holds_the_best(&problem, &options);
    }
}

fn assert_sketch_holds_the_best(problem: &Problem, options: &MonteCarloOptions) {
    let sketch = sample_blocks(problem, options, 0..1).unwrap();
    let sampler = Sampler::new(problem.bounds(), options.sampler, options.seed, options.stream);
    let mut batch = Batch::new(7);
    let (mut sharpest, mut least) = ((f64::NEG_INFINITY, 0), (f64::INFINITY, 0));
    for number in 0..options.samples {
        if number % LANES as u64 == 0 {
            sampler.draw(number / LANES as u64, &mut batch);
        }
        let mut weights: Vec<f64> = batch.lane((number % LANES as u64) as usize).map(f64::from).collect();
        let sum: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|weight| *weight /= sum);
        let worth = problem.evaluate(&weights);
        if worth.sharpe.unwrap() > sharpest.0 {
            sharpest = (worth.sharpe.unwrap(), number);
        }
        if worth.risk < least.0 {
            least = (worth.risk, number);
        }
    }
    assert_eq!(sketch.max_sharpe().unwrap().number, sharpest.1);
    assert_eq!(sketch.min_risk().unwrap().number, least.1);
}

#[test]
fn single_precision_evaluation_is_right_to_its_rounding() {
    for (assets, unit) in [(1, 1.0), (3, 1e-10), (50, 1e-5), (101, 1e3)] {
        let problem = factor_problem(assets, 8, unit);
        let evaluator = Evaluator::new(&problem);
        let sampler = Sampler::new(problem.bounds(), SamplerKind::FaceEdgeVertex, 1, 0);
        let mut batch = Batch::new(assets);
        for group in 0..50 {
            sampler.draw(group, &mut batch);
            let scores = evaluator.evaluate(&batch);
            for lane in 0..LANES {
                let weights: Vec<f64> = batch.lane(lane).map(f64::from).collect();
                let worth = problem.evaluate(&weights);
                let variance = f64::from(scores.variance.0[lane]) * evaluator.variance_scale();
                let mean = f64::from(scores.mean.0[lane]) * evaluator.mean_scale();
                assert!((variance / (worth.risk * worth.risk) - 1.0).abs() < 4e-6, "variance {variance:e}");
                assert!((mean - worth.mean).abs() < 2e-6 * evaluator.mean_scale(), "mean {mean:e}");
            }
        }
    }
}

/// Two hundred problems, half of them with caps, against the exact solver, which the search never sees.
#[test]
fn refinement_reaches_the_optimum() {
    let mut answered = 0;
    for seed in 0..200 {
        let assets = 10 + (seed as usize * 7) % 41;
        let mut problem = factor_problem(assets, seed, if seed % 3 == 0 { 1e-6 } else { 1e-2 });
        if seed % 2 == 1 {
            let bounds = Bounds::new(vec![0.002; assets], vec![3.0 / assets as f64; assets]).unwrap();
            problem = problem.with_bounds(bounds).unwrap();
        }
        let answer = monte_carlo(&problem, &options(2_048, SamplerKind::Auto, true)).unwrap();
        for portfolio in &answer.portfolios {
            if !portfolio.label.is_ok() {
                continue;
            }
            let best = exact::solve(&problem, portfolio.objective);
            let (best, found) = (problem.evaluate(&best.weights), problem.evaluate(&portfolio.weights));
            let gap = gap(portfolio.objective, &best, &found, problem.observations()).unwrap();
            assert!((-1e-9..1e-6).contains(&gap), "problem {seed}, {}: gap {gap:e}", portfolio.objective);
            let violation = problem.bounds().violation(&portfolio.weights);
            assert!(violation < 1e-12, "problem {seed}: violation {violation:e}");
            answered += 1;
        }
    }
    assert!(answered > 300, "{answered}");
}

/// Shares of the exact long-only Sharpe ratio that plain samples reach, averaged over problems.
fn share_of_optimum(assets: usize, sampler: SamplerKind, samples: u64) -> f64 {
    let problems = 6;
    let shares = (0..problems).map(|seed| {
        let problem = factor_problem(assets, 1_000 + seed, 1e-3);
        let best = exact::solve(&problem, Objective::MaxSharpe).sharpe.unwrap();
        let answer = monte_carlo(&problem, &options(samples, sampler, false)).unwrap();
        answer.portfolio(Objective::MaxSharpe).unwrap().sharpe.unwrap() / best
    });
    shares.sum::<f64>() / f64::from(problems as u32)
}

#[test]
fn bias_to_faces_edges_and_vertices_beats_uniform_sampling() {
    for (assets, uniform_at_most, biased_at_least) in [(20, 0.85, 0.93), (50, 0.65, 0.85)] {
        let uniform = share_of_optimum(assets, SamplerKind::Uniform, 100_000);
        let biased = share_of_optimum(assets, SamplerKind::FaceEdgeVertex, 100_000);
        let adaptive = share_of_optimum(assets, SamplerKind::Auto, 100_000);
        eprintln!(
            "{assets} assets, 1e5 portfolios: uniform {uniform:.3}, biased {biased:.3}, adaptive {adaptive:.3}"
        );
        assert!(uniform < uniform_at_most, "{assets} assets, uniform: {uniform}");
        assert!(biased > biased_at_least, "{assets} assets, biased: {biased}");
        assert!(adaptive > biased, "{assets} assets: adaptive {adaptive} against {biased}");
    }
}

#[test]
fn the_frontier_ascends_and_none_of_it_is_beaten_by_much() {
    let problem = factor_problem(16, 3, 1e-3);
    let answer = monte_carlo(&problem, &options(20_000, SamplerKind::Auto, true)).unwrap();
    assert!(answer.frontier.len() > 20, "{}", answer.frontier.len());
    assert!(answer.frontier.is_sorted_by(|a, b| a.risk <= b.risk && a.mean < b.mean));
    let exact = exact::frontier(&problem);
    for point in &answer.frontier {
        let best = exact.at_mean(point.mean);
        assert!(point.risk >= best.risk * (1.0 - 1e-9), "{} below {}", point.risk, best.risk);
        assert!(point.risk <= best.risk * 1.02, "{} against {}", point.risk, best.risk);
    }
}

#[test]
fn the_unit_of_the_returns_does_not_matter() {
    let answer = |unit: f64| {
        let problem = factor_problem(12, 4, 1.0);
        let covariance = SymmetricMatrix::from_lower(12, |i, j| problem.covariance().get(i, j) * unit * unit);
        let mean = problem.mean().iter().map(|mean| mean * unit).collect();
        let problem = Problem::new(mean, covariance, 1_000).unwrap();
        monte_carlo(&problem, &options(4_096, SamplerKind::Auto, true)).unwrap()
    };
    let (large, small) = (answer(1.0), answer(2.0_f64.powi(-33)));
    for (a, b) in large.portfolios.iter().zip(&small.portfolios) {
        assert_eq!(a.weights, b.weights);
    }
}

#[test]
fn only_an_empty_run_is_an_error() {
    let problem = factor_problem(3, 1, 1e-3);
    assert!(monte_carlo(&problem, &options(0, SamplerKind::Auto, true)).is_err());
    let options = options(10, SamplerKind::Auto, true);
    let empty = sample_blocks(&problem, &options, 5..9).unwrap();
    assert_eq!(empty.portfolios(), 0);
    assert!(finish(&problem, empty, &options).is_err());
    let other = sample_blocks(&factor_problem(3, 2, 1e-3), &options, 0..1).unwrap();
    assert!(finish(&problem, other, &options).is_err());
}

fn labels(problem: &Problem) -> Vec<Label> {
    for refine in [true, false] {
        let answer = monte_carlo(problem, &options(500, SamplerKind::Auto, refine)).unwrap();
        for portfolio in &answer.portfolios {
            let exact = exact::solve(problem, portfolio.objective);
            assert_eq!(portfolio.label, exact.label, "{} refine {refine}", portfolio.objective);
        }
    }
    let answer = monte_carlo(problem, &options(500, SamplerKind::Auto, true)).unwrap();
    answer.portfolios.iter().map(|portfolio| portfolio.label).collect()
}

#[test]
fn degenerate_problems_are_answered_with_their_label() {
    let diagonal = |values: &[f64]| {
        SymmetricMatrix::from_lower(values.len(), |i, j| if i == j { values[i] } else { 0.0 })
    };
    let problem = |mean: &[f64], values: &[f64]| Problem::new(mean.to_vec(), diagonal(values), 100).unwrap();
    let both = |fallback| vec![Label::Fallback(fallback); 2];
    assert_eq!(labels(&problem(&[0.1], &[1.0])), both(Fallback::SingleAsset));
    assert_eq!(labels(&problem(&[0.1, 0.2, 0.0], &[0.0; 3])), both(Fallback::ZeroVariance));
    assert_eq!(labels(&problem(&[0.1, 0.2, 0.0], &[1.0, 2.0, 0.0])), both(Fallback::Singular));
    let falling = labels(&problem(&[-0.1, -0.2, 0.0], &[1.0, 2.0, 3.0]));
    assert_eq!(falling, [Label::Fallback(Fallback::NoPositiveExcessMean), Label::Ok]);
    let answer =
        monte_carlo(&problem(&[0.1, 0.2, 0.0], &[1.0, 2.0, 0.0]), &options(500, SamplerKind::Auto, true));
    let exact = exact::solve(&problem(&[0.1, 0.2, 0.0], &[1.0, 2.0, 0.0]), Objective::MinVariance);
    let weights = &answer.unwrap().portfolios[1].weights;
    assert!(weights.iter().zip(&exact.weights).all(|(a, b)| (a - b).abs() < 1e-6), "{weights:?}");
}

prop_compose! {
    /// Sample moments of a few bars in which assets are copied, silenced, hedged and scaled down at will.
    fn degenerate()(assets in 1_usize..9, bars in 1_usize..8, exponent in -14_i32..3, sign in -1.0_f64..1.0)(
        returns in prop::collection::vec(prop::collection::vec(-1.0_f64..1.0, assets), bars),
        fate in prop::collection::vec(0_usize..6, assets),
        unit in Just(10.0_f64.powi(exponent)),
        cap in prop_oneof![Just(1.0), Just(0.9)],
        shift in Just(sign),
    ) -> Problem {
        let assets = fate.len();
        let bar = |bar: &Vec<f64>, asset: usize| unit * match fate[asset] {
            0 => 0.0,
            1 => bar[0],
            2 => -bar[0],
            _ => bar[asset],
        };
        let count = returns.len() as f64;
        let mean: Vec<f64> = (0..assets).map(|i| returns.iter().map(|b| bar(b, i)).sum::<f64>() / count).collect();
        let covariance = SymmetricMatrix::from_lower(assets, |i, j| {
            returns.iter().map(|b| (bar(b, i) - mean[i]) * (bar(b, j) - mean[j])).sum::<f64>() / count
        });
        let upper = if assets == 1 { 1.0 } else { cap };
        let bounds = Bounds::new(vec![0.0; assets], vec![upper; assets]).unwrap();
        let problem = Problem::new(mean, covariance, 5).unwrap().with_bounds(bounds).unwrap();
        problem.with_risk_free(shift * unit * 0.3).unwrap()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn degenerate_problems_never_give_nan(problem in degenerate(), refine in any::<bool>()) {
        let answer = monte_carlo(&problem, &options(300, SamplerKind::Auto, refine)).unwrap();
        prop_assert_eq!(answer.portfolios.len(), Objective::LIVE.len());
        for portfolio in &answer.portfolios {
            prop_assert!(problem.bounds().violation(&portfolio.weights) < 1e-12, "{:?}", portfolio);
            prop_assert!(portfolio.mean.is_finite() && portfolio.risk.is_finite() && portfolio.risk >= 0.0);
            prop_assert!(portfolio.sharpe.is_none_or(f64::is_finite));
        }
        prop_assert!(!answer.frontier.is_empty());
        prop_assert!(answer.frontier.iter().all(|point| point.risk.is_finite() && point.mean.is_finite()));
        let population = Population::draw(&problem, &PopulationOptions { size: 100, seed: 1, stream: 2 }).unwrap();
        let finite = |asset| population.column(asset).iter().all(|weight: &f32| weight.is_finite());
        prop_assert!((0..problem.assets()).all(finite));
    }
}

#[test]
fn a_population_holds_the_optima_and_feasible_portfolios() {
    let bounds = Bounds::new(vec![0.0; 16], vec![0.3; 16]).unwrap();
    for problem in [factor_problem(16, 3, 1e-5), factor_problem(16, 3, 1e-5).with_bounds(bounds).unwrap()] {
        for size in [1, 7, 500, 10_240] {
            let options = PopulationOptions { size, seed: 2, stream: 77 };
            let population = Population::draw(&problem, &options).unwrap();
            assert_eq!(population, Population::draw(&problem, &options).unwrap());
            let mut weights = vec![0.0; 16];
            for portfolio in 0..size {
                population.weights_of(portfolio, &mut weights).unwrap();
                assert!(problem.bounds().violation(&weights) < 1e-12, "{portfolio} of {size}: {weights:?}");
                assert_eq!(population.column(3).len(), size);
            }
            population.weights_of(0, &mut weights).unwrap();
            let best = problem.evaluate(&exact::solve(&problem, Objective::MaxSharpe).weights);
            let gap = gap(Objective::MaxSharpe, &best, &problem.evaluate(&weights), 1_000).unwrap();
            assert!((-1e-9..1e-6).contains(&gap), "{size}: gap {gap:e}");
        }
    }
    let draw = |stream| {
        Population::draw(&factor_problem(4, 1, 1.0), &PopulationOptions { size: 100, seed: 0, stream })
    };
    assert_ne!(draw(1).unwrap(), draw(2).unwrap());
    assert!(draw(1).unwrap().weights_of(100, &mut [0.0; 4]).is_err());
    assert!(draw(1).unwrap().weights_of(0, &mut [0.0; 5]).is_err());
}
