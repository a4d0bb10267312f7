//! The search as its callers see it: near the optimum within its budget, honest about how near, the same bits again.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says what it skips"
)]

mod search_common;

use std::path::Path;
use std::time::Duration;

use search_common::problems::{Kind, Random, problem};
use search_common::{Recorded, seeded};
use silverbullet_kernel::{
    Bounds, Budget, Fallback, Label, Objective, Problem, Search, SearchOptions, Stop, SymmetricMatrix, exact,
    gap, search,
};

/// The largest gap that counts as near.
const GAP: f64 = 1e-3;
/// The largest excess of a frontier point's risk that counts as near.
const FRONTIER: f64 = 5e-3;
/// What evaluating the same portfolio in two ways can make a bound and a gap differ by.
const ROUNDING: f64 = 1e-11;

fn options(tolerance: f64, frontier_points: usize) -> SearchOptions {
    SearchOptions { seed: 5, tolerance, frontier_points, frontier_tolerance: FRONTIER, ..Default::default() }
}

fn recorded() -> Option<Recorded> {
    let recorded = Recorded::read();
    if recorded.is_none() {
        eprintln!(
            "skipped: the recorded prices are absent; SILVERBULLET_SHARED names the folder of the recorded data"
        );
    }
    recorded
}

/// The gap of an answer, which is checked against its bound and its feasibility; `None` for fallbacks, whose label
/// must be the exact solver's.
fn checked_gap(name: &str, problem: &Problem, found: &Search, objective: Objective) -> Option<f64> {
    let portfolio = found.portfolio(objective).unwrap();
    let best = exact::solve(problem, objective);
    let violation = problem.bounds().violation(&portfolio.weights);
    assert!(violation < 1e-12, "{name}, {objective}: violation {violation:e}");
    let bound = found.bound(objective);
    if !best.label.is_ok() || !portfolio.label.is_ok() {
        assert!(bound.is_none() || portfolio.label.is_ok(), "{name}, {objective}: a bound for a fallback");
        return None;
    }
    let (best, mine) = (problem.evaluate(&best.weights), problem.evaluate(&portfolio.weights));
    let gap = gap(objective, &best, &mine, problem.observations()).unwrap();
    assert!(gap >= -1e-9, "{name}, {objective}: gap {gap:e}");
    if let Some(bound) = bound {
        assert!(bound >= gap - ROUNDING, "{name}, {objective}: gap {gap:e} above its bound {bound:e}");
    }
    Some(gap)
}

fn assert_near(assets: usize, samples: u64) {
    let recorded = recorded();
    let mut answered = 0;
    for seed in 0..200 {
        let (problem, kind) = seeded(assets, seed, recorded.as_ref());
        let name = format!("{assets} assets, problem {seed}, {kind}");
        let found = search(&problem, &options(GAP, 0), Budget::Samples(samples)).unwrap();
        assert_eq!(found.stop, Stop::Certified, "{name}: {:?}", found.bounds);
        assert!(found.samples <= samples, "{name}: {} samples", found.samples);
        for objective in Objective::LIVE {
            let (mine, exact) = (found.portfolio(objective).unwrap(), exact::solve(&problem, objective));
            assert_eq!(mine.label, exact.label, "{name}, {objective}");
            if let Some(gap) = checked_gap(&name, &problem, &found, objective) {
                assert!(gap <= GAP, "{name}, {objective}: gap {gap:e}");
                answered += 1;
            }
        }
    }
    assert!(answered > 300, "{answered}");
}

#[test]
fn fifty_assets_are_near_the_optimum_and_the_search_knows_it() {
    assert_near(50, 4_096);
}

#[test]
fn a_hundred_assets_are_near_the_optimum_and_the_search_knows_it() {
    assert_near(100, 4_096);
}

/// So many that samples are scored in double precision at once.
#[test]
fn three_hundred_assets_are_near_the_optimum_too() {
    for seed in [0, 1, 2, 5] {
        let (problem, kind) = seeded(300, seed, None);
        let found = search(&problem, &options(GAP, 10), Budget::Samples(256)).unwrap();
        assert_eq!(found.stop, Stop::Certified, "{kind}: {:?}", found.bounds);
        for objective in Objective::LIVE {
            let gap = checked_gap(&kind, &problem, &found, objective).unwrap();
            assert!(gap <= GAP, "{kind}, {objective}: gap {gap:e}");
        }
    }
}

#[test]
fn the_whole_frontier_is_near_the_exact_one() {
    let recorded = recorded();
    let mut compared = 0;
    for seed in 0..200 {
        let (problem, kind) = seeded(50, seed, recorded.as_ref());
        let name = format!("problem {seed}, {kind}");
        let found = search(&problem, &options(GAP, 100), Budget::Samples(8_192)).unwrap();
        let exact = exact::frontier(&problem);
        assert_eq!(found.frontier.len(), 100, "{name}");
        assert_eq!(found.stop, Stop::Certified, "{name}: {:?}", found.frontier_bound);
        assert_eq!(found.frontier_bound.is_some(), exact.label.is_ok(), "{name}");
        let Some(bound) = found.frontier_bound else { continue };
        let most = exact.corners.last().unwrap().mean;
        let range = most - exact.corners[0].mean;
        let last = found.frontier.last().unwrap().mean;
        assert!(
            (last - most).abs() <= 1e-9 * range.max(most.abs()),
            "{name}: up to {last:e} instead of {most:e}"
        );
        assert!(found.frontier[0].mean <= exact.corners[0].mean + 0.05 * range, "{name}: starts too late");
        for point in &found.frontier {
            assert!(problem.bounds().violation(&point.weights) < 1e-12, "{name}");
            let excess = point.risk / exact.at_mean(point.mean).risk - 1.0;
            assert!((-1e-9..=FRONTIER).contains(&excess), "{name}: {excess:e} at {:e}", point.mean);
            assert!(excess <= bound + ROUNDING, "{name}: {excess:e} above its bound {bound:e}");
            compared += 1;
        }
    }
    assert!(compared > 15_000, "{compared}");
}

/// Bounds must hold from the first moment on, not only near the end, where they are tight.
#[test]
fn bounds_are_never_below_the_gap() {
    let recorded = recorded();
    let (mut bounded, mut loose) = (0, 0);
    for seed in 0..400 {
        let assets = 2 + (seed as usize * 7) % 40;
        let (problem, kind) = seeded(assets, seed, recorded.as_ref());
        for evaluations in [1, 150, 200, 300, 1_000] {
            let name = format!("{assets} assets, problem {seed}, {kind}, {evaluations} evaluations");
            let found = search(&problem, &options(0.0, 0), Budget::Evaluations(evaluations)).unwrap();
            for objective in Objective::LIVE {
                let gap = checked_gap(&name, &problem, &found, objective);
                if let (Some(gap), Some(bound)) = (gap, found.bound(objective)) {
                    bounded += 1;
                    loose += usize::from(bound > 10.0 * gap + 1e-6);
                }
            }
        }
    }
    assert!(bounded > 2_500, "{bounded}");
    // A bound that is always far off would be valid, and useless.
    assert!(loose < bounded / 2, "{loose} of {bounded}");
}

/// Every number of an answer as bits.
fn bits(found: &Search) -> Vec<u64> {
    let portfolios = found.portfolios.iter().flat_map(|p| p.weights.iter().chain([&p.mean, &p.risk]));
    let frontier = found.frontier.iter().flat_map(|p| p.weights.iter().chain([&p.mean, &p.risk]));
    let bounds =
        found.bounds.iter().chain([&found.frontier_bound]).map(|bound| bound.map_or(1, f64::to_bits));
    let numbers = portfolios.chain(frontier).map(|value| value.to_bits()).chain(bounds);
    numbers.chain([found.samples, found.evaluations]).collect()
}

#[test]
fn the_count_that_a_clock_cut_short_gives_the_same_bits_again() {
    let mut random = Random(12);
    let mut lengths = Vec::new();
    for kind in Kind::ALL {
        let problem = problem(&mut random, kind, 20, kind == Kind::Duplicates);
        for milliseconds in [0, 1, 2, 3, 5, 9, 17, 40] {
            let mut now = Duration::from_secs(77);
            let mut clock = || {
                now += Duration::from_millis(1);
                now
            };
            let limit = Duration::from_millis(milliseconds);
            let options = options(0.0, 30);
            let timed = search(&problem, &options, Budget::Time { limit, clock: &mut clock }).unwrap();
            let again = search(&problem, &options, Budget::Evaluations(timed.evaluations)).unwrap();
            assert_eq!(bits(&timed), bits(&again), "{kind:?}, {milliseconds} ms");
            lengths.push(timed.evaluations);
        }
    }
    lengths.dedup();
    assert!(lengths.len() > 50, "the clock must count: {lengths:?}");
}

#[test]
fn seed_and_stream_count_and_nothing_else_does() {
    let problem = problem(&mut Random(3), Kind::WellConditioned, 30, false);
    let run = |seed, stream| {
        let options = SearchOptions { seed, stream, ..options(0.0, 0) };
        bits(&search(&problem, &options, Budget::Evaluations(140)).unwrap())
    };
    assert_eq!(run(1, 1), run(1, 1));
    assert_ne!(run(1, 1), run(2, 1));
    assert_ne!(run(1, 1), run(1, 2));
}

#[test]
fn more_evaluations_are_never_worse_and_the_first_are_worth_having() {
    for seed in 0..20 {
        let problem = problem(&mut Random(seed), Kind::WellConditioned, 50, seed % 2 == 0);
        let mut before = [f64::INFINITY; 2];
        for evaluations in [1, 160, 190, 260, 500, 2_000] {
            let found = search(&problem, &options(0.0, 0), Budget::Evaluations(evaluations)).unwrap();
            for (objective, before) in Objective::LIVE.into_iter().zip(&mut before) {
                let gap = checked_gap("growing", &problem, &found, objective).unwrap();
                assert!(
                    gap <= *before + 1e-9,
                    "{seed}, {objective}, {evaluations}: {gap:e} after {before:e}"
                );
                *before = gap;
            }
        }
        assert!(before.iter().all(|&gap| gap < 1e-6), "{before:?}");
        let first = search(&problem, &options(0.0, 0), Budget::Evaluations(400)).unwrap();
        let gap = checked_gap("first", &problem, &first, Objective::MaxSharpe).unwrap();
        assert!(gap < 0.05, "{seed}: {gap:e} after {} evaluations", first.evaluations);
    }
}

#[test]
fn degenerate_problems_are_answered_with_their_label() {
    let diagonal = |values: &[f64]| {
        SymmetricMatrix::from_lower(values.len(), |i, j| if i == j { values[i] } else { 0.0 })
    };
    let labels = |mean: &[f64], values: &[f64], unit: f64| {
        let (mean, values): (Vec<f64>, Vec<f64>) = (
            mean.iter().map(|mean| mean * unit).collect(),
            values.iter().map(|value| value * unit * unit).collect(),
        );
        let problem = Problem::new(mean, diagonal(&values), 100).unwrap();
        let found = search(&problem, &options(GAP, 5), Budget::Samples(500)).unwrap();
        assert!(!found.frontier.is_empty());
        for portfolio in &found.portfolios {
            assert_eq!(portfolio.label, exact::solve(&problem, portfolio.objective).label);
            assert!(portfolio.weights.iter().all(|weight| weight.is_finite()));
            assert!(portfolio.label.is_ok() || found.bound(portfolio.objective).is_none());
        }
        found.portfolios.iter().map(|portfolio| portfolio.label).collect::<Vec<_>>()
    };
    let both = |fallback| vec![Label::Fallback(fallback); 2];
    for unit in [1.0, 1e-6, 1e-12] {
        assert_eq!(labels(&[0.1], &[1.0], unit), both(Fallback::SingleAsset));
        assert_eq!(labels(&[0.1, 0.2, 0.0], &[0.0; 3], unit), both(Fallback::ZeroVariance));
        assert_eq!(labels(&[0.1, 0.2, 0.0], &[1.0, 2.0, 0.0], unit), both(Fallback::Singular));
        let falling = labels(&[-0.1, -0.2, 0.0], &[1.0, 2.0, 3.0], unit);
        assert_eq!(falling, [Label::Fallback(Fallback::NoPositiveExcessMean), Label::Ok]);
        assert_eq!(labels(&[0.1; 3], &[1.0; 3], unit), [Label::Ok; 2]);
    }
}

#[test]
fn bounds_of_weights_hold_where_nothing_is_left_to_choose() {
    let bounds = Bounds::new(vec![0.25; 4], vec![0.25; 4]).unwrap();
    let problem = problem(&mut Random(1), Kind::WellConditioned, 4, false).with_bounds(bounds).unwrap();
    let found = search(&problem, &options(GAP, 10), Budget::Samples(300)).unwrap();
    assert_eq!(found.stop, Stop::Certified);
    assert!(found.portfolios.iter().all(|portfolio| portfolio.weights == [0.25; 4]));
}

#[test]
fn only_an_empty_budget_is_an_error() {
    let problem = problem(&mut Random(1), Kind::WellConditioned, 4, false);
    assert!(search(&problem, &options(GAP, 0), Budget::Samples(0)).is_err());
    assert!(search(&problem, &options(GAP, 0), Budget::Evaluations(0)).is_err());
    let mut clock = || Duration::ZERO;
    let found = search(&problem, &options(0.0, 0), Budget::Samples(1)).unwrap();
    assert_eq!((found.samples, found.stop), (1, Stop::Budget));
    let limit = Duration::ZERO;
    assert!(search(&problem, &options(GAP, 0), Budget::Time { limit, clock: &mut clock }).is_ok());
}

/// What is called search must not look the answer up.
#[test]
fn the_search_does_not_know_the_exact_solvers() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut read = 0;
    let mut folders = vec![source.join("monte_carlo"), source.join("refine"), source.join("sampler")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(!text.contains("exact::") && !text.contains("crate::exact"), "{}", path.display());
            read += 1;
        }
    }
    assert!(read > 10, "{read}");
}
