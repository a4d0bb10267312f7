//! What holds for every exact answer: feasibility, labels, units, and the frontier's own laws.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking and prints what it measured, in its helpers too"
)]

#[path = "common/problems.rs"]
mod problems;

use problems::{Kind, Random, frank_wolfe_gap, problem};
use proptest::prelude::*;
use silverbullet_kernel::exact::{self, ActiveSetSolver, RankOne, Start, Status};
use silverbullet_kernel::{Bounds, Fallback, Label, Objective, Problem, SymmetricMatrix, gap};

fn diagonal(entries: &[f64]) -> SymmetricMatrix {
    SymmetricMatrix::from_lower(entries.len(), |i, j| if i == j { entries[i] } else { 0.0 })
}

fn assert_close(found: &[f64], expected: &[f64], tolerance: f64, name: &str) {
    for (a, b) in found.iter().zip(expected) {
        assert!((a - b).abs() <= tolerance, "{name}: {found:?} against {expected:?}");
    }
}

#[test]
fn known_answers() {
    let problem = Problem::new(vec![0.02, 0.01, 0.03], diagonal(&[0.04, 0.01, 0.09]), 100).unwrap();
    // Uncorrelated: minimum variance in proportion to 1/v, tangency to μ/v.
    let (least, best) =
        (exact::solve(&problem, Objective::MinVariance), exact::solve(&problem, Objective::MaxSharpe));
    let total = 25.0 + 100.0 + 100.0 / 9.0;
    assert_close(&least.weights, &[25.0 / total, 100.0 / total, 100.0 / 9.0 / total], 1e-14, "least");
    let total = 0.5 + 1.0 + 1.0 / 3.0;
    assert_close(&best.weights, &[0.5 / total, 1.0 / total, 1.0 / 3.0 / total], 1e-14, "best");
    assert_eq!((best.gap, best.label), (Some(0.0), Label::Ok));
}

#[test]
fn degenerate_problems_get_their_labels() {
    let solve = |mean: &[f64], matrix: SymmetricMatrix, objective| {
        exact::solve(&Problem::new(mean.to_vec(), matrix, 10).unwrap(), objective)
    };
    let fallback = |answer: &silverbullet_kernel::Portfolio| match answer.label {
        Label::Fallback(fallback) if answer.gap.is_none() => fallback,
        _ => panic!("{answer:?}"),
    };
    for objective in Objective::LIVE {
        let single = solve(&[-1.0], diagonal(&[1.0]), objective);
        assert_eq!((fallback(&single), single.weights.as_slice()), (Fallback::SingleAsset, &[1.0][..]));
        let still = solve(&[1.0, 2.0], diagonal(&[0.0, 0.0]), objective);
        assert_eq!((fallback(&still), still.sharpe), (Fallback::ZeroVariance, None));
        assert_close(&still.weights, &[0.5, 0.5], 1e-15, "zero variance");
        let hedged = SymmetricMatrix::from_lower(2, |i, j| if i == j { 1.0 } else { -1.0 });
        assert_eq!(fallback(&solve(&[1.0, 2.0], hedged, objective)), Fallback::Singular);
        assert_eq!(fallback(&solve(&[1.0, 2.0], diagonal(&[1.0, 0.0]), objective)), Fallback::Singular);
    }
    let falling = solve(&[-1.0, 0.0], diagonal(&[1.0, 1.0]), Objective::MaxSharpe);
    assert_eq!(fallback(&falling), Fallback::NoPositiveExcessMean);
    assert_close(&falling.weights, &[0.5, 0.5], 1e-15, "no positive excess mean");
    // No positive excess mean comes before singular.
    let both = solve(&[-1.0, -2.0], diagonal(&[1.0, 0.0]), Objective::MaxSharpe);
    assert_eq!(fallback(&both), Fallback::NoPositiveExcessMean);
}

#[test]
fn a_riskless_asset_under_a_cap_is_no_fallback() {
    let bounds = Bounds::new(vec![0.0; 3], vec![1.0, 1.0, 0.3]).unwrap();
    let problem = Problem::new(vec![0.02, 0.03, 0.001], diagonal(&[1.0, 2.0, 0.0]), 10)
        .unwrap()
        .with_bounds(bounds)
        .unwrap();
    let least = exact::solve(&problem, Objective::MinVariance);
    assert_eq!(least.label, Label::Ok);
    assert_close(&least.weights, &[0.7 * 2.0 / 3.0, 0.7 / 3.0, 0.3], 1e-14, "least");
    let best = exact::solve(&problem, Objective::MaxSharpe);
    let sharpest = exact::frontier(&problem).max_sharpe(0.0).unwrap();
    assert_close(&best.weights, &sharpest.weights, 1e-9, "best");
}

#[test]
fn perfectly_correlated_assets_are_answered() {
    // Rank one: only the ratio of mean to volatility counts, and one of the assets is best.
    let volatility = [1.0, 2.0, 3.0];
    let matrix = SymmetricMatrix::from_lower(3, |i, j| volatility[i] * volatility[j]);
    let problem = Problem::new(vec![0.1, 0.3, 0.4], matrix, 10).unwrap();
    let best = exact::solve(&problem, Objective::MaxSharpe);
    assert_eq!((best.label, best.weights.as_slice()), (Label::Ok, &[0.0, 1.0, 0.0][..]));
    assert_eq!(exact::solve(&problem, Objective::MinVariance).weights, [1.0, 0.0, 0.0]);
}

#[test]
fn results_do_not_depend_on_the_unit() {
    let mut random = Random(3);
    for number in 0..60 {
        let kind = Kind::ALL[number % Kind::ALL.len()];
        let assets = 2 + random.below(30);
        let problem = problem(&mut random, kind, assets, number % 2 == 1);
        for unit in [1e-5, 1e4] {
            let mut matrix = problem.covariance().clone();
            matrix.as_mut_slice().iter_mut().for_each(|entry| *entry *= unit * unit);
            let mean = problem.mean().iter().map(|m| m * unit).collect();
            let scaled = Problem::new(mean, matrix, problem.observations())
                .unwrap()
                .with_bounds(problem.bounds().clone())
                .unwrap();
            for objective in Objective::LIVE {
                let (a, b) = (exact::solve(&problem, objective), exact::solve(&scaled, objective));
                assert_eq!(a.label, b.label, "{number} {kind:?}");
                let singular = matches!(kind, Kind::SingularRisky | Kind::FewSamples | Kind::NearSingular);
                if kind == Kind::Duplicates || (singular && objective == Objective::MinVariance) {
                    // The optimum need not be unique (or is ill-determined): its value is.
                    assert!((a.risk * unit / b.risk - 1.0).abs() < 1e-9, "{number} {kind:?}");
                } else {
                    let tolerance = if singular { 1e-6 } else { 1e-9 };
                    assert_close(&a.weights, &b.weights, tolerance, &format!("{number} {kind:?}"));
                }
            }
        }
    }
}

#[test]
fn utilities_are_optimal_and_lie_on_the_frontier() {
    let mut random = Random(11);
    for number in 0..90 {
        let kind = Kind::ALL[number % Kind::ALL.len()];
        if kind == Kind::SingularRiskless || kind == Kind::TickScale {
            continue;
        }
        let assets = 2 + random.below(40);
        let problem = problem(&mut random, kind, assets, number % 2 == 0);
        let view = RankOne::plain(problem.covariance());
        let frontier = exact::frontier(&problem);
        if !frontier.label.is_ok() {
            continue;
        }
        let mut solver = ActiveSetSolver::new(problem.bounds());
        for tolerance in [0.0, 0.1, 1.0, 5.0, 30.0] {
            let solution = solver.solve_utility(problem.mean(), tolerance, &view, Start::Warm);
            assert_eq!(solution.status, Status::Optimal, "{number} {kind:?}");
            let gap = frank_wolfe_gap(&problem, problem.mean(), tolerance, solution.weights);
            assert!(gap < 1e-11 * (1.0 + tolerance), "{number} {kind:?}: {gap:e}");
            let value = problem.evaluate(solution.weights);
            let point = frontier.at_mean(value.mean);
            assert!((point.risk / value.risk - 1.0).abs() < 1e-7, "{number} {kind:?} at {tolerance}");
        }
    }
}

#[test]
fn corners_rise_are_efficient_and_hold_the_tangency_portfolio() {
    let mut random = Random(12);
    for number in 0..120 {
        let kind = Kind::ALL[number % Kind::ALL.len()];
        let assets = 1 + random.below(60);
        let problem = problem(&mut random, kind, assets.max(2), number % 3 == 0);
        let frontier = exact::frontier(&problem);
        let name = format!("{number} {kind:?} {assets} assets");
        assert!(!frontier.corners.is_empty(), "{name}");
        for pair in frontier.corners.windows(2) {
            assert!(pair[0].mean < pair[1].mean, "{name}");
            // Risks are under the problem's own covariance; that of a fallback is another one.
            assert!(pair[0].risk < pair[1].risk || !frontier.label.is_ok(), "{name}");
        }
        for corner in &frontier.corners {
            assert!(problem.bounds().violation(&corner.weights) < 1e-12, "{name}");
            let value = problem.evaluate(&corner.weights);
            assert!((corner.risk - value.risk).abs() <= 1e-12 * value.risk, "{name}");
        }
        let summit = problem.bounds().greedy_fill(problem.mean());
        let highest: f64 = summit.iter().zip(problem.mean()).map(|(w, m)| w * m).sum();
        let lowest = problem.mean().iter().copied().fold(f64::INFINITY, f64::min);
        let last = frontier.corners.last().unwrap();
        assert!((last.mean - highest).abs() <= 1e-9 * highest.abs().max(1e-9), "{name}");
        // Each corner minimises ½ wᵀΣw − t μ·w for the slope t = dV/2dm of a neighbouring piece.
        if frontier.label.is_ok() {
            for (index, pair) in frontier.corners.windows(2).enumerate() {
                let middle = frontier.at_mean(0.5 * (pair[0].mean + pair[1].mean));
                let rise = pair[1].mean - pair[0].mean;
                let slope = 0.5 * (pair[1].risk.powi(2) - pair[0].risk.powi(2)) / rise;
                let gap = frank_wolfe_gap(&problem, problem.mean(), slope, &middle.weights);
                // A piece much shorter than the spread of the means leaves few digits of its slope.
                let variance = middle.risk.powi(2);
                let allowed = variance * (1e-8 + 1e-14 * (highest - lowest) / rise);
                assert!(gap <= allowed, "{name}, piece {index}: {gap:e} of {variance:e}");
            }
            let best = exact::solve(&problem, Objective::MaxSharpe);
            if best.label.is_ok() {
                let point = problem.evaluate(&frontier.max_sharpe(0.0).unwrap().weights);
                let achieved =
                    gap(Objective::MaxSharpe, &problem.evaluate(&best.weights), &point, 250).unwrap();
                assert!(achieved.abs() < 1e-9, "{name}: {achieved:e}");
            }
        }
    }
}

#[test]
fn frontiers_of_ties_duplicates_and_single_assets() {
    let even = Problem::new(vec![0.01; 4], diagonal(&[1.0, 2.0, 3.0, 4.0]), 10).unwrap();
    assert_eq!(exact::frontier(&even).corners.len(), 1);
    let single = Problem::new(vec![0.01], diagonal(&[4.0]), 10).unwrap();
    let frontier = exact::frontier(&single);
    assert_eq!((frontier.corners.len(), frontier.corners[0].risk), (1, 2.0));
    assert_eq!(frontier.equally_spaced(3).len(), 3);
    // All the mean is in two equal assets: the frontier ends in an even mix of them.
    let tied = Problem::new(vec![0.0, 1.0, 1.0], diagonal(&[0.1, 1.0, 1.0]), 10).unwrap();
    let frontier = exact::frontier(&tied);
    assert_close(&frontier.corners.last().unwrap().weights, &[0.0, 0.5, 0.5], 1e-9, "tied");
    // Equal variances in a block of one factor: the least variance is shared by all, the mean decides.
    let flat = Problem::new(vec![0.0, 1.0, 2.0], SymmetricMatrix::from_lower(3, |_, _| 1.0), 10).unwrap();
    let frontier = exact::frontier(&flat);
    assert_eq!(frontier.corners.len(), 1, "{:?}", frontier.corners);
    assert_close(&frontier.corners[0].weights, &[0.0, 0.0, 1.0], 1e-12, "flat");
}

#[test]
fn a_singular_base_with_a_rank_one_term_is_solved() {
    let mut random = Random(21);
    for number in 0..200 {
        let bounded = number % 2 == 0;
        let problem = problem(&mut random, Kind::FewSamples, 12, bounded);
        let vector: Vec<f64> = (0..12).map(|_| 1.0 + 0.5 * random.normal()).collect();
        let view = RankOne { base: problem.covariance(), coefficient: 0.3, vector: &vector };
        let mut dense = SymmetricMatrix::zeros(12);
        view.write_into(&mut dense);
        let whole = Problem::new(problem.mean().to_vec(), dense.clone(), 250)
            .unwrap()
            .with_bounds(problem.bounds().clone())
            .unwrap();
        let mut solver = ActiveSetSolver::new(problem.bounds());
        for start in [Start::Cold, Start::Warm] {
            let solution = solver.solve_max_sharpe(problem.mean(), 0.0, &view, start);
            if solution.status == Status::Optimal {
                let value = whole.evaluate(solution.weights);
                let gap =
                    frank_wolfe_gap(&whole, whole.mean(), value.risk.powi(2) / value.mean, solution.weights);
                assert!(gap < 1e-10 * value.risk.powi(2), "{number}: {gap:e}");
            } else {
                assert_ne!(solution.status, Status::NotConverged, "{number}");
            }
        }
    }
}

/// Covariances `Z Zᵀ` of every rank with entries that favour zeros, ties and duplicates.
fn any_problem() -> impl Strategy<Value = Problem> {
    let entry = || prop_oneof![3 => Just(0.0), 2 => Just(1.0), 1 => Just(-1.0), 2 => -2.0..2.0_f64];
    let mean = || prop_oneof![1 => Just(0.0), 1 => Just(0.5), 1 => Just(-0.5), 2 => -1.0..1.0_f64];
    (1..9_usize, 1..6_usize, prop::sample::select(vec![1.0, 1e-5, 1e-9, 1e6]), any::<bool>()).prop_flat_map(
        move |(assets, factors, unit, bounded)| {
            let rows = prop::collection::vec(prop::collection::vec(entry(), factors), assets);
            let room = prop::collection::vec((0.0..0.6_f64, 0.0..2.0_f64), assets);
            (rows, prop::collection::vec(mean(), assets), room).prop_map(move |(rows, mean, room)| {
                let matrix = SymmetricMatrix::from_lower(assets, |i, j| {
                    unit * unit * rows[i].iter().zip(&rows[j]).map(|(a, b)| a * b).sum::<f64>()
                });
                let problem = Problem::new(mean.iter().map(|m| m * unit).collect(), matrix, 50).unwrap();
                let equal = 1.0 / assets as f64;
                let lower = room.iter().map(|(below, _)| equal * (1.0 - 3.0 * below)).collect();
                let upper = room.iter().map(|(_, above)| equal * (1.0 + above)).collect();
                match Bounds::new(lower, upper) {
                    Ok(bounds) if bounded => problem.with_bounds(bounds).unwrap(),
                    _ => problem,
                }
            })
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_valid_problem_is_answered(problem in any_problem()) {
        for objective in Objective::LIVE {
            let answer = exact::solve(&problem, objective);
            prop_assert!(problem.bounds().violation(&answer.weights) < 1e-12, "{answer:?}");
            prop_assert!(answer.mean.is_finite() && answer.risk.is_finite(), "{answer:?}");
            prop_assert!(answer.sharpe.is_none_or(f64::is_finite), "{answer:?}");
            prop_assert_ne!(answer.label, Label::Fallback(Fallback::NotConverged));
            if answer.label.is_ok() {
                let tolerance = match objective {
                    Objective::MinVariance => 0.0,
                    _ => answer.risk.powi(2) / answer.mean,
                };
                let gap = frank_wolfe_gap(&problem, problem.mean(), tolerance, &answer.weights);
                let typical = problem.covariance().trace() / problem.assets() as f64;
                // The variance itself is known to rounding of the mean variance; for the Sharpe ratio that
                // rounding is magnified by the largest mean over the portfolio's.
                let size = problem.mean().iter().fold(0.0_f64, |most, m| most.max(m.abs()));
                let magnified = if objective == Objective::MaxSharpe { size / answer.mean } else { 0.0 };
                let noise = 32.0 * f64::EPSILON * typical * (1.0 + magnified);
                let allowed = 1e-10 * answer.risk.powi(2) + noise;
                prop_assert!(gap <= allowed, "{gap:e} against {allowed:e} {answer:?}");
            }
        }
        let frontier = exact::frontier(&problem);
        for point in frontier.equally_spaced(5) {
            prop_assert!(problem.bounds().violation(&point.weights) < 1e-12, "{point:?}");
            prop_assert!(point.risk.is_finite() && point.mean.is_finite());
        }
        if frontier.label.is_ok() {
            let least = exact::solve(&problem, Objective::MinVariance);
            let typical = problem.covariance().trace() / problem.assets() as f64;
            let allowed = least.risk.powi(2) * (1.0 + 1e-9) + 32.0 * f64::EPSILON * typical;
            let first = frontier.corners[0].risk;
            prop_assert!(first.powi(2) <= allowed, "{first:e} against {:e}", least.risk);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_utility_and_every_target_within_reach_is_answered(
        problem in any_problem(),
        share in prop_oneof![1 => Just(0.0), 1 => Just(1.0), 3 => 0.0..1.0_f64],
        strength in -6.0..6.0_f64,
    ) {
        let frontier = exact::frontier(&problem);
        let (first, last) = (&frontier.corners[0], frontier.corners.last().unwrap());
        let size = problem.mean().iter().fold(0.0_f64, |most, m| most.max(m.abs()));
        let typical = problem.covariance().trace() / problem.assets() as f64;
        let aversion = 10f64.powf(strength) * size / typical.max(f64::MIN_POSITIVE);
        let mean = first.mean + share * (last.mean - first.mean);
        let risk = first.risk + share * (last.risk - first.risk);
        let mut answers = vec![exact::target_return(&problem, mean), exact::utility(&problem, 0.0)];
        if aversion.is_finite() {
            answers.push(exact::utility(&problem, aversion));
        }
        if frontier.label.is_ok() {
            answers.push(exact::target_risk(&problem, risk));
        }
        for answer in answers {
            let answer = answer.unwrap();
            prop_assert!(problem.bounds().violation(&answer.weights) < 1e-12, "{answer:?}");
            prop_assert!(answer.mean.is_finite() && answer.risk.is_finite(), "{answer:?}");
            prop_assert_ne!(answer.label, Label::Fallback(Fallback::NotConverged));
        }
        let reached = exact::target_return(&problem, mean).unwrap();
        prop_assert!(reached.mean >= mean - 1e-10 * size, "{} for {mean}", reached.mean);
        let noise = 1e-7 * typical.sqrt();
        if frontier.label.is_ok() {
            let least = frontier.at_mean(mean).risk;
            prop_assert!(reached.risk <= least * (1.0 + 1e-7) + noise, "{} for {least}", reached.risk);
            let held = exact::target_risk(&problem, risk).unwrap();
            prop_assert!(held.risk <= risk * (1.0 + 1e-7) + noise, "{} for {risk}", held.risk);
            let most = frontier.at_mean(held.mean).risk;
            prop_assert!(held.risk <= most * (1.0 + 1e-7) + noise, "{} on {most}", held.risk);
        }
    }
}

#[test]
fn a_frontier_of_five_hundred_assets_is_complete() {
    for assets in [100, 500] {
        let problem = problem(&mut Random(31), Kind::WellConditioned, assets, false);
        #[expect(clippy::disallowed_methods, reason = "this measures time")]
        let start = std::time::Instant::now();
        let frontier = exact::frontier(&problem);
        println!("{assets} assets, {} corners: {:?}", frontier.corners.len(), start.elapsed());
        assert!(frontier.corners.len() > 20);
        for point in frontier.equally_spaced(20) {
            assert!(problem.bounds().violation(&point.weights) < 1e-12);
        }
        let highest = problem.mean().iter().copied().fold(f64::NEG_INFINITY, f64::max);
        assert_eq!(frontier.corners.last().unwrap().mean, highest);
    }
}

#[test]
fn the_least_risk_of_a_hedge_is_a_target_though_its_variance_is_mostly_rounding() {
    let covariance = vec![
        0.0,
        0.0,
        0.0,
        0.0, //
        0.0,
        2.0639865638348145e-10,
        -1.4366581235056637e-10,
        -1.4366581235056637e-10, //
        0.0,
        -1.4366581235056637e-10,
        1.0000000000000002e-10,
        1.0000000000000002e-10, //
        0.0,
        -1.4366581235056637e-10,
        1.0000000000000002e-10,
        1.0009825722357825e-10,
    ];
    let matrix = SymmetricMatrix::from_row_major(4, covariance).unwrap();
    let lower = vec![0.25, 0.25, -0.05959152958034558, 0.2497557024898789];
    let upper = vec![0.3177538690874555, 0.30227687752141197, 0.25, 0.25];
    let problem = Problem::new(vec![-5e-6, -5e-6, 0.0, 0.0], matrix, 50)
        .unwrap()
        .with_bounds(Bounds::new(lower, upper).unwrap())
        .unwrap();
    let frontier = exact::frontier(&problem);
    let least = &frontier.corners[0];
    let held = exact::target_risk(&problem, least.risk).unwrap();
    assert!(held.label.is_ok(), "{held:?}");
    assert!((held.risk / least.risk - 1.0).abs() < 1e-9, "{held:?} against {least:?}");
}

#[test]
fn what_settling_leaves_behind_when_it_fails_does_not_mislead_the_search_for_a_target() {
    // On the face of the least variance all means but one are the same, so that the closed form asks for a risk tolerance of
    // 1e15 there; a search that begins at it is lost in rounding.
    let covariance = vec![
        2e-18,
        -1.1821137170488876e-18,
        2.486787212238765e-19,
        0.0, //
        -1.1821137170488876e-18,
        1.3973928400351374e-18,
        -2.939665274969207e-19,
        0.0, //
        2.486787212238765e-19,
        -2.939665274969207e-19,
        6.184110638954247e-20,
        0.0, //
        0.0,
        0.0,
        0.0,
        0.0,
    ];
    let matrix = SymmetricMatrix::from_row_major(4, covariance).unwrap();
    let lower = vec![0.08063884301921487, -0.03173412376919099, 0.0716079772598534, 0.25];
    let upper = vec![0.25, 0.3857981779741983, 0.3930830967067251, 0.590445163198499];
    let problem = Problem::new(vec![5e-10, 5e-10, 5e-10, 4.1069041553075015e-10], matrix, 50)
        .unwrap()
        .with_bounds(Bounds::new(lower, upper).unwrap())
        .unwrap();
    let frontier = exact::frontier(&problem);
    for point in frontier.equally_spaced(11) {
        let held = exact::target_return(&problem, point.mean).unwrap();
        assert!((held.risk / point.risk - 1.0).abs() < 1e-9, "{held:?} against {point:?}");
    }
}
