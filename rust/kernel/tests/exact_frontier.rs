//! Whole frontiers of large universes: the conditions of optimality (Karush, Kuhn and Tucker) hold at every corner,
//! whether the sample is longer than the universe or shorter, under bounds of several kinds.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking and prints what it measured, in its helpers too"
)]

#[path = "common/clarabel.rs"]
mod clarabel_reference;
#[path = "../examples/exact/market.rs"]
mod market;

use clarabel_reference::Reference;
use market::{Model, Random};
use silverbullet_kernel::exact::{self, RankOne};
use silverbullet_kernel::{Bounds, Frontier, FrontierPoint, Label, Problem, SymmetricMatrix};

/// How far the conditions may be off, relative to the largest element of Σw or to the variance.
const TOLERANCE: f64 = 1e-9;

fn long_short(assets: usize) -> Bounds {
    let even = 1.0 / assets as f64;
    Bounds::new(vec![-even; assets], vec![8.0 * even; assets]).unwrap()
}

fn tight(assets: usize) -> Bounds {
    let even = 1.0 / assets as f64;
    Bounds::new(vec![0.2 * even; assets], vec![3.0 * even; assets]).unwrap()
}

/// The largest violation of the conditions at `corner`: there are t and ν with `(Σw)_i − t μ_i = ν` for the assets that
/// are free on the piece towards `neighbour`, at least ν for those at their lower bound and at most ν at the upper.
fn violation(
    problem: &Problem,
    covariance: &SymmetricMatrix,
    corner: &[f64],
    neighbour: &[f64],
) -> Option<f64> {
    let (lower, upper, mean) = (problem.bounds().lower(), problem.bounds().upper(), problem.mean());
    let mut product = vec![0.0; corner.len()];
    RankOne::plain(covariance).multiply_into(corner, &mut product);
    let inside = |asset: usize| {
        let middle = 0.5 * (corner[asset] + neighbour[asset]);
        middle > lower[asset] && middle < upper[asset]
    };
    let free: Vec<usize> = (0..corner.len()).filter(|&asset| inside(asset)).collect();
    let count = free.len() as f64;
    let centre = |values: &[f64]| free.iter().map(|&asset| values[asset]).sum::<f64>() / count;
    let (mean_centre, product_centre) = (centre(mean), centre(&product));
    let (mut cross, mut square) = (0.0, 0.0);
    for &asset in &free {
        cross += (mean[asset] - mean_centre) * (product[asset] - product_centre);
        square += (mean[asset] - mean_centre).powi(2);
    }
    if free.len() < 2 || square == 0.0 {
        return None;
    }
    let t = cross / square;
    let level = product_centre - t * mean_centre;
    let scale = product.iter().fold(0.0_f64, |most, element| most.max(element.abs()));
    let mut worst = (-t * mean_centre.abs()).max(0.0) / scale;
    for asset in 0..corner.len() {
        let multiplier = (product[asset] - t * mean[asset] - level) / scale;
        let wrong = if inside(asset) {
            multiplier.abs()
        } else if corner[asset] <= lower[asset] && corner[asset] < upper[asset] {
            -multiplier
        } else if corner[asset] >= upper[asset] && corner[asset] > lower[asset] {
            multiplier
        } else {
            0.0
        };
        worst = worst.max(wrong);
    }
    Some(worst)
}

/// Checks every `step`-th corner and returns how many were checked.
fn check(
    name: &str,
    problem: &Problem,
    covariance: &SymmetricMatrix,
    frontier: &Frontier,
    step: usize,
) -> usize {
    let mut checked = 0;
    let mut worst = 0.0_f64;
    for index in (0..frontier.corners.len()).step_by(step) {
        let FrontierPoint { weights, mean, risk } = &frontier.corners[index];
        assert!(problem.bounds().violation(weights) < 1e-12, "{name}, corner {index}: infeasible");
        let neighbour =
            frontier.corners.get(index + 1).unwrap_or_else(|| &frontier.corners[index.max(1) - 1]);
        let found = problem.evaluate(weights);
        assert!((found.mean - mean).abs() <= 1e-12 * mean.abs(), "{name}, corner {index}: mean");
        assert!((found.risk - risk).abs() <= 1e-11 * risk, "{name}, corner {index}: risk {risk:e} {found:?}");
        if let Some(violation) = violation(problem, covariance, weights, &neighbour.weights) {
            assert!(violation <= TOLERANCE, "{name}, corner {index}: {violation:e}");
            worst = worst.max(violation);
            checked += 1;
        }
    }
    for pair in frontier.corners.windows(2) {
        assert!(pair[0].mean < pair[1].mean, "{name}");
    }
    let summit = problem.bounds().greedy_fill(problem.mean());
    let highest = problem.evaluate(&summit).mean;
    let last = frontier.corners.last().unwrap().mean;
    assert!((last - highest).abs() <= 1e-9 * highest.abs(), "{name}: ends at {last:e}, not at {highest:e}");
    println!("{name}: {} corners, {checked} checked, worst {worst:.1e}", frontier.corners.len());
    checked
}

#[test]
fn five_hundred_assets_are_optimal_at_every_corner() {
    for (seed, bars) in [(1, 750), (2, 250), (3, 501), (4, 60)] {
        let problem = Model::problem(seed, 500, bars, 1.0);
        for (kind, bounds) in
            [("long only", Bounds::long_only(500)), ("tight", tight(500)), ("long-short", long_short(500))]
        {
            let problem = problem.clone().with_bounds(bounds).unwrap();
            let frontier = exact::frontier(&problem);
            let name = format!("500 assets, {bars} bars, {kind}, {}", frontier.label);
            let covariance = match frontier.label {
                Label::Ok => problem.covariance().clone(),
                Label::Fallback(_) => problem.shrunk_covariance(),
            };
            assert!(check(&name, &problem, &covariance, &frontier, 1) > 20, "{name}");
        }
    }
}

#[test]
fn two_thousand_assets_are_optimal_at_every_corner() {
    let sample = Model::problem(1, 2_000, 500, 1.0);
    let shrunk = Problem::new(sample.mean().to_vec(), sample.shrunk_covariance(), 500).unwrap();
    for (kind, problem, step) in [
        ("long only", sample.clone(), 1),
        ("long only, shrunk", shrunk, 1),
        ("tight", sample.with_bounds(tight(2_000)).unwrap(), 16),
    ] {
        let frontier = exact::frontier(&problem);
        assert!(frontier.label.is_ok(), "{kind}");
        let name = format!("2,000 assets, {kind}");
        assert!(check(&name, &problem, problem.covariance(), &frontier, step) > 50, "{name}");
    }
}

#[test]
fn ties_and_duplicates_among_five_hundred_assets_are_survived() {
    let mut random = Random(9);
    let problem = Model::problem(5, 250, 400, 1.0);
    // Each asset twice, and the means rounded to few values.
    let twice: Vec<usize> = (0..500).map(|asset| asset / 2).collect();
    let covariance = problem.covariance().principal(&twice);
    let size = problem.mean().iter().fold(0.0_f64, |most, mean| most.max(mean.abs()));
    let tied: Vec<f64> =
        twice.iter().map(|&asset| (problem.mean()[asset] / size * 4.0).round() * size / 4.0).collect();
    let untied: Vec<f64> = tied.iter().map(|mean| mean + 1e-12 * size * random.normal()).collect();
    for mean in [tied, untied] {
        let problem = Problem::new(mean, covariance.clone(), 400).unwrap();
        for bounds in [Bounds::long_only(500), tight(500)] {
            let problem = problem.clone().with_bounds(bounds).unwrap();
            let frontier = exact::frontier(&problem);
            assert!(frontier.label.is_ok());
            let first = &frontier.corners[0];
            let highest = problem.evaluate(&problem.bounds().greedy_fill(problem.mean())).mean;
            assert!((frontier.corners.last().unwrap().mean - highest).abs() <= 1e-9 * highest.abs());
            // At the upper end itself means differ by less than their rounding from others of quite another risk.
            for point in frontier.equally_spaced(8).iter().take(7) {
                assert!(problem.bounds().violation(&point.weights) < 1e-12);
                assert!(point.risk >= first.risk * (1.0 - 1e-12));
                let exact = exact::target_return(&problem, point.mean).unwrap();
                assert!((exact.risk / point.risk - 1.0).abs() < 1e-8, "{} {}", exact.risk, point.risk);
            }
        }
    }
}

#[test]
fn points_of_a_large_frontier_agree_with_clarabel() {
    let problem = Model::problem(6, 200, 150, 1.0);
    for bounds in [Bounds::long_only(200), long_short(200)] {
        let problem = problem.clone().with_bounds(bounds).unwrap();
        let frontier = exact::frontier(&problem);
        assert!(frontier.label.is_ok());
        for point in frontier.equally_spaced(6).iter().take(5) {
            let best = Reference {
                mean: problem.mean(),
                covariance: problem.covariance().as_slice(),
                lower: problem.bounds().lower(),
                upper: problem.bounds().upper(),
                risk_free: 0.0,
            }
            .min_variance_at(point.mean);
            let risk = problem.evaluate(&best.weights).risk;
            assert!(point.risk < risk * (1.0 + 1e-6), "{:e} against {risk:e}", point.risk);
            assert!(!best.solved || point.risk > risk * (1.0 - 1e-6), "{:e} is too good", point.risk);
        }
    }
}
