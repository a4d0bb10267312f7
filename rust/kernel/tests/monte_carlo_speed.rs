//! How fast portfolios are drawn, evaluated and refined. Nothing is asserted: machines differ. Run it with
//! `cargo test --release --test monte_carlo_speed -- --ignored --nocapture`.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod monte_carlo_common;

use std::hint::black_box;
use std::time::Instant;

use monte_carlo_common::factor_problem;
use silverbullet_kernel::batch::{Batch, Evaluator, LANES};
use silverbullet_kernel::sampler::Sampler;
use silverbullet_kernel::{
    MonteCarloOptions, Population, PopulationOptions, SamplerKind, exact, monte_carlo, sample_blocks,
};

/// Seconds of the fastest of five runs.
#[expect(clippy::disallowed_methods, reason = "measures real time; nothing else depends on it")]
fn fastest<T>(mut work: impl FnMut() -> T) -> f64 {
    (0..5)
        .map(|_| {
            let start = Instant::now();
            black_box(work());
            start.elapsed().as_secs_f64()
        })
        .fold(f64::INFINITY, f64::min)
}

#[test]
#[ignore = "measures, asserts nothing"]
fn portfolios_per_second_on_one_core() {
    for assets in [10, 20, 50, 100] {
        let problem = factor_problem(assets, 1, 1e-3);
        let evaluator = Evaluator::new(&problem);
        let mut batch = Batch::new(assets);
        let groups = 20_000_u64;
        let mut line = format!("{assets:4} assets, million portfolios/s:");
        for kind in [SamplerKind::Uniform, SamplerKind::FaceEdgeVertex] {
            let sampler = Sampler::new(problem.bounds(), kind, 1, 0);
            let drawn = fastest(|| {
                for group in 0..groups {
                    sampler.draw(group, &mut batch);
                    black_box(&batch);
                }
            });
            let seconds = fastest(|| {
                for group in 0..groups {
                    sampler.draw(group, &mut batch);
                    black_box(evaluator.evaluate(&batch).signed_square_sharpe());
                }
            });
            let rate = |seconds| (groups * LANES as u64) as f64 / seconds / 1e6;
            line += &format!(" {} {:.1} (drawn only {:.1})", kind.name(), rate(seconds), rate(drawn));
        }
        let options = MonteCarloOptions { samples: 1 << 18, refine: false, ..Default::default() };
        let seconds = fastest(|| sample_blocks(&problem, &options, 0..4).unwrap());
        eprintln!("{line} auto with sketch {:.1}", options.samples as f64 / seconds / 1e6);
    }
}

#[test]
#[ignore = "measures, asserts nothing"]
fn time_of_a_population_and_of_a_refined_run() {
    for assets in [16, 50] {
        let problem = factor_problem(assets, 2, 1e-3);
        let population = fastest(|| Population::draw(&problem, &PopulationOptions::default()).unwrap());
        let options = MonteCarloOptions { samples: 10_240, ..Default::default() };
        let refined = fastest(|| monte_carlo(&problem, &options).unwrap());
        let plain =
            fastest(|| monte_carlo(&problem, &MonteCarloOptions { refine: false, ..options.clone() }));
        let answer = monte_carlo(&problem, &options).unwrap();
        let gaps: Vec<f64> = answer
            .portfolios
            .iter()
            .map(|p| {
                let best = exact::solve(&problem, p.objective);
                let (best, found) = (problem.evaluate(&best.weights), problem.evaluate(&p.weights));
                silverbullet_kernel::gap(p.objective, &best, &found, 1_000).unwrap()
            })
            .collect();
        eprintln!(
            "{assets} assets, ms: population of 10,240 {:.2}, run of 10,240 {:.2}, without refinement {:.2}; gaps {gaps:?}",
            population * 1e3,
            refined * 1e3,
            plain * 1e3
        );
    }
}
