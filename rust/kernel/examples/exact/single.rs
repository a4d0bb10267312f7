//! One portfolio from nothing, beside Clarabel (an interior-point solver in Rust) on the same problem: its data in its
//! own form and scaled to unit mean variance before the clock starts, its default tolerances, long-only without the
//! redundant upper bounds.

use std::time::Instant;

use clarabel::algebra::CscMatrix;
use clarabel::solver::{
    DefaultSettings, DefaultSolver, IPSolver, NonnegativeConeT, SolverStatus, SupportedConeT, ZeroConeT,
};
use serde_json::{Value, json};
use silverbullet_kernel::{Objective, Problem, exact};

use crate::market::Model;
use crate::{percentile, readable};

pub(crate) fn run(print: bool) -> Value {
    if print {
        println!("One exact portfolio from nothing, median");
        println!(
            "  {:>6} {:<14} {:>12} {:>12} {:>8} {:>22}",
            "assets", "objective", "ours", "Clarabel", "ratio", "ours better by"
        );
    }
    let mut results = Vec::new();
    for assets in [10, 20, 50, 100, 200, 500] {
        let problem = Model::problem(1, assets, 2 * assets + 50, 1.0);
        let repetitions = (20_000 / (assets * assets / 50 + 10)).clamp(5, 400);
        for objective in Objective::LIVE {
            let answer = exact::solve(&problem, objective);
            assert!(answer.label.is_ok());
            let ours = median(repetitions, || {
                std::hint::black_box(exact::solve(&problem, objective));
            });
            let peer = Peer::new(&problem, objective);
            let weights = peer.solve();
            let theirs = median(repetitions.min(60), || {
                std::hint::black_box(peer.solve());
            });
            let found = problem.evaluate(&weights);
            let better = match objective {
                Objective::MinVariance => found.risk / answer.risk - 1.0,
                _ => 1.0 - found.sharpe.unwrap() / answer.sharpe.unwrap(),
            };
            if print {
                println!(
                    "  {assets:>6} {:<14} {:>12} {:>12} {:>8.1} {better:>22.1e}",
                    objective.name(),
                    readable(ours),
                    readable(theirs),
                    theirs / ours
                );
            }
            results.push(json!({
                "assets": assets, "objective": objective.name(), "ours_us": ours, "clarabel_us": theirs,
                "ratio": theirs / ours, "ours_better_by": better,
            }));
        }
    }
    json!(results)
}

/// Median time in microseconds.
fn median(repetitions: usize, mut run: impl FnMut()) -> f64 {
    let mut times: Vec<f64> = (0..repetitions)
        .map(|_| {
            let begin = Instant::now();
            run();
            begin.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    times.sort_unstable_by(f64::total_cmp);
    percentile(&times, 0.5)
}

/// `min ½ xᵀPx` subject to `row · x = 1`, `x ≥ 0`: the weights, or those times a factor for the Sharpe ratio.
struct Peer {
    quadratic: CscMatrix<f64>,
    linear: Vec<f64>,
    rows: CscMatrix<f64>,
    limits: Vec<f64>,
}

impl Peer {
    fn new(problem: &Problem, objective: Objective) -> Self {
        let assets = problem.assets();
        let typical = problem.covariance().trace() / assets as f64;
        let row: Vec<f64> = match objective {
            Objective::MinVariance => vec![1.0; assets],
            _ => {
                let size = problem.mean().iter().fold(0.0_f64, |most, mean| most.max(mean.abs()));
                problem.mean().iter().map(|mean| mean / size).collect()
            }
        };
        let (mut starts, mut places, mut entries) = (vec![0], Vec::new(), Vec::new());
        for column in 0..assets {
            for row in 0..=column {
                places.push(row);
                entries.push(problem.covariance().get(row, column) / typical);
            }
            starts.push(places.len());
        }
        let quadratic = CscMatrix::new(assets, assets, starts, places, entries);
        let (mut starts, mut places, mut entries) = (vec![0], Vec::new(), Vec::new());
        for (column, entry) in row.iter().enumerate() {
            places.extend([0, column + 1]);
            entries.extend([*entry, -1.0]);
            starts.push(places.len());
        }
        let rows = CscMatrix::new(assets + 1, assets, starts, places, entries);
        let mut limits = vec![0.0; assets + 1];
        limits[0] = 1.0;
        Self { quadratic, linear: vec![0.0; assets], rows, limits }
    }

    fn solve(&self) -> Vec<f64> {
        let cones: [SupportedConeT<f64>; 2] = [ZeroConeT(1), NonnegativeConeT(self.linear.len())];
        let settings = DefaultSettings { verbose: false, ..DefaultSettings::default() };
        let mut solver =
            DefaultSolver::new(&self.quadratic, &self.linear, &self.rows, &self.limits, &cones, settings)
                .unwrap();
        solver.solve();
        assert!(matches!(solver.solution.status, SolverStatus::Solved | SolverStatus::AlmostSolved));
        let weights = &solver.solution.x;
        let sum: f64 = weights.iter().sum();
        weights.iter().map(|weight| weight.max(0.0) / sum).collect()
    }
}
