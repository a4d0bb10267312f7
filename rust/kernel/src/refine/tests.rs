use proptest::prelude::*;

use super::*;
use crate::batch::ScaledProblem;
use crate::matrix::SymmetricMatrix;
use crate::problem::{Bounds, Problem};

const TARGETS: [Target; 4] = [
    Target::MinVariance,
    Target::MaxSharpe,
    Target::Utility { aversion: 0.01 },
    Target::Utility { aversion: 2.0 },
];

prop_compose! {
    /// Sample covariances of a few bars, so that they are singular at times.
    fn problem()(assets in 2_usize..12, bars in 2_usize..20)(
        returns in prop::collection::vec(prop::collection::vec(-1.0_f64..1.0, assets), bars),
        cap in prop_oneof![Just(1.0), Just(0.6)],
    ) -> Problem {
        let assets = returns[0].len();
        let count = returns.len() as f64;
        let mean: Vec<f64> = (0..assets).map(|i| returns.iter().map(|bar| bar[i]).sum::<f64>() / count).collect();
        let covariance = SymmetricMatrix::from_lower(assets, |i, j| {
            returns.iter().map(|bar| (bar[i] - mean[i]) * (bar[j] - mean[j])).sum::<f64>() / count
        });
        let bounds = Bounds::new(vec![0.0; assets], vec![cap; assets]).unwrap();
        Problem::new(mean, covariance, 20).unwrap().with_bounds(bounds).unwrap()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_move_makes_a_portfolio_worse_and_bounds_hold(problem in problem()) {
        let scaled = ScaledProblem::new(&problem);
        let scaled = PaddedProblem::new(&scaled);
        let mut workspace = Workspace::new(&scaled);
        for target in TARGETS {
            let start = State::new(&scaled, vec![1.0 / problem.assets() as f64; problem.assets()]);
            let mut state = start.clone();
            if target == Target::MaxSharpe && state.score.mean <= 0.0 {
                continue;
            }
            for _ in 0..200 {
                let fresh = State::new(&scaled, state.weights().to_vec()).score;
                let before = target.value(fresh);
                // A ratio to a variance near zero carries the rounding of that variance.
                let rounding = before.abs() * (1e-12 + 1e-14 / fresh.variance.max(1e-15)) + 1e-12;
                if workspace.exchanges(&scaled, target, &mut state, 1) == 0 {
                    break;
                }
                let after = target.value(State::new(&scaled, state.weights().to_vec()).score);
                prop_assert!(after >= before - rounding, "{target:?}: {before} to {after}");
                prop_assert!(problem.bounds().violation(state.weights()) < 1e-12);
            }
            let refined = refine(&scaled, target, start.clone());
            prop_assert!(target.value(refined.score) >= target.value(start.score));
            prop_assert!(problem.bounds().violation(refined.weights()) < 1e-12);
            prop_assert!(refined.weights().iter().all(|weight| weight.is_finite()));
        }
    }

    /// What refinement keeps up to date is what a computation from scratch gives.
    #[test]
    fn running_values_equal_fresh_ones(problem in problem()) {
        let scaled = ScaledProblem::new(&problem);
        let scaled = PaddedProblem::new(&scaled);
        let mut state = State::new(&scaled, problem.bounds().greedy_fill(problem.mean()));
        let (target, moves) = (Target::Utility { aversion: 1.0 }, 3 * problem.assets());
        let _ = Workspace::new(&scaled).exchanges(&scaled, target, &mut state, moves);
        let mut fresh = state.clone();
        fresh.renew(&scaled);
        prop_assert!((fresh.score.mean - state.score.mean).abs() < 1e-13);
        prop_assert!((fresh.score.variance - state.score.variance).abs() < 1e-13);
        prop_assert!(fresh.product.as_flattened().iter().zip(state.product.as_flattened()).all(|(a, b)| (a - b).abs() < 1e-13));
    }
}

#[test]
fn two_assets_meet_the_closed_form() {
    let covariance = SymmetricMatrix::from_lower(2, |row, column| [[4e-8, 0.0], [1e-8, 1e-8]][row][column]);
    let problem = Problem::new(vec![2e-6, 1e-6], covariance, 100).unwrap();
    let scaled = ScaledProblem::new(&problem);
    let scaled = PaddedProblem::new(&scaled);
    // Minimum variance: (σ₂² − σ₁₂)/(σ₁² + σ₂² − 2σ₁₂) = 0; tangency ∝ Σ⁻¹μ ∝ (σ₂²μ₁ − σ₁₂μ₂, σ₁²μ₂ − σ₁₂μ₁) = (1, 2).
    let least = refine(&scaled, Target::MinVariance, State::new(&scaled, vec![0.9, 0.1]));
    let sharpest = refine(&scaled, Target::MaxSharpe, State::new(&scaled, vec![0.9, 0.1]));
    assert!(least.weights()[0].abs() < 1e-12, "{:?}", least.weights());
    assert!((sharpest.weights()[0] - 1.0 / 3.0).abs() < 1e-12, "{:?}", sharpest.weights());
}

#[test]
fn recombination_finds_the_best_mixture() {
    let covariance = SymmetricMatrix::from_lower(2, |row, column| if row == column { 1.0 } else { 0.0 });
    let scaled = ScaledProblem::new(&Problem::new(vec![0.1, 0.1], covariance, 100).unwrap());
    let scaled = PaddedProblem::new(&scaled);
    for target in [Target::MinVariance, Target::MaxSharpe] {
        let mut state = State::new(&scaled, vec![1.0, 0.0]);
        let _ = state.recombine(&scaled, target, &State::new(&scaled, vec![0.2, 0.8]));
        assert!((state.weights()[0] - 0.5).abs() < 1e-12, "{target:?}: {:?}", state.weights());
    }
}
