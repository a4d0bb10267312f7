//! A warm solve answers as a cold one does: a million ticks, each moving one asset of the open bar.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking and prints what it measured, in its helpers too"
)]

#[path = "common/market.rs"]
mod market;
#[path = "common/problems.rs"]
mod problems;

use market::{Market, TICKS, WINDOW};
use silverbullet_kernel::Bounds;
use silverbullet_kernel::exact::{ActiveSetSolver, Solution, Start, Status};

#[derive(Debug, Default)]
struct Tally {
    optimal: usize,
    same_bits: usize,
    no_excess: usize,
}

fn compare(warm: &[f64], cold: &[f64], bounds: &Bounds, name: &str) {
    assert!(bounds.violation(warm) < 1e-12, "{name}: infeasible by {:e}", bounds.violation(warm));
    let distance = warm.iter().zip(cold).fold(0.0_f64, |most, (a, b)| most.max((a - b).abs()));
    assert!(distance < 1e-7, "{name}: weights differ by {distance:e}");
}

fn replay(seed: u64, bounds: &Bounds, ticks: usize) -> Tally {
    let assets = bounds.assets();
    let mut market = Market::new(seed, assets);
    let (mut warm, mut cold) = (ActiveSetSolver::new(bounds), ActiveSetSolver::new(bounds));
    let (mut warm_least, mut cold_least) = (ActiveSetSolver::new(bounds), ActiveSetSolver::new(bounds));
    let mut tally = Tally::default();
    for tick in 0..ticks {
        if tick % TICKS == TICKS - 1 {
            market.close();
        }
        market.tick();
        let covariance = market.covariance();
        let name = format!("tick {tick} of {assets} assets");
        if tick % 4 == 0 {
            let a = warm_least.solve_min_variance(&covariance, Start::Warm);
            let b = cold_least.solve_min_variance(&covariance, Start::Cold);
            assert_eq!((a.status, b.status), (Status::Optimal, Status::Optimal), "{name}");
            compare(a.weights, b.weights, bounds, &name);
            assert!((a.variance / b.variance - 1.0).abs() < 1e-9, "{name}");
        }
        let a = warm.solve_max_sharpe(&market.mean, 0.0, &covariance, Start::Warm);
        let b = cold.solve_max_sharpe(&market.mean, 0.0, &covariance, Start::Cold);
        assert_eq!(a.status, b.status, "{name}");
        if a.status == Status::NoPositiveExcessMean {
            tally.no_excess += 1;
            continue;
        }
        assert_eq!(a.status, Status::Optimal, "{name}");
        compare(a.weights, b.weights, bounds, &name);
        let sharpe = |w: &[f64], variance: f64| {
            w.iter().zip(&market.mean).map(|(w, m)| w * m).sum::<f64>() / variance.sqrt()
        };
        let (a_sharpe, b_sharpe) = (sharpe(a.weights, a.variance), sharpe(b.weights, b.variance));
        let scale = b_sharpe.abs().max(1.0 / WINDOW.sqrt());
        assert!((a_sharpe - b_sharpe).abs() < 1e-9 * scale, "{name}: {a_sharpe} {b_sharpe}");
        tally.optimal += 1;
        tally.same_bits += usize::from(a.weights == b.weights);
    }
    println!("{assets} assets: {tally:?}");
    tally
}

/// A question asked again after each tick.
type Ask = for<'a> fn(&'a mut ActiveSetSolver, &Market, Start) -> Solution<'a>;

/// A mean the frontier mostly has, as a share of the largest of an asset.
fn target_mean(market: &Market) -> f64 {
    0.4 * market.mean.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

fn target_risk(market: &Market) -> f64 {
    let covariance = market.covariance();
    let assets = market.mean.len();
    0.5 * (0..assets).map(|i| covariance.entry(i, i).sqrt()).sum::<f64>() / assets as f64
}

/// Weights, variances and mostly the bits of a warm answer are those of a cold one.
fn replay_question(seed: u64, bounds: &Bounds, ticks: usize, ask: Ask) {
    let mut market = Market::new(seed, bounds.assets());
    let (mut warm, mut cold) = (ActiveSetSolver::new(bounds), ActiveSetSolver::new(bounds));
    let (mut same_bits, mut optimal) = (0, 0);
    for tick in 0..ticks {
        if tick % TICKS == TICKS - 1 {
            market.close();
        }
        market.tick();
        let name = format!("tick {tick} of {} assets", bounds.assets());
        let a = ask(&mut warm, &market, Start::Warm);
        let b = ask(&mut cold, &market, Start::Cold);
        assert_eq!(a.status, b.status, "{name}");
        assert!(matches!(a.status, Status::Optimal | Status::Unattainable), "{name}: {:?}", a.status);
        compare(a.weights, b.weights, bounds, &name);
        assert!((a.variance / b.variance - 1.0).abs() < 1e-9, "{name}");
        same_bits += usize::from(a.weights == b.weights);
        optimal += usize::from(a.status == Status::Optimal);
    }
    println!("{} assets: {optimal} of {ticks} optimal, {same_bits} of the same bits", bounds.assets());
    assert!(same_bits as f64 > 0.999 * ticks as f64, "{same_bits}");
    assert!(optimal > ticks / 2, "{optimal}");
}

#[test]
fn utility_and_targets_tick_by_tick() {
    let lower = (0..16).map(|i| [0.0, 0.01, -0.05, 0.0][i % 4]).collect();
    let upper = (0..16).map(|i| [0.15, 0.3, 0.2, 1.0][i % 4]).collect();
    let questions: [Ask; 3] = [
        |solver, market, start| {
            let tolerance = target_risk(market).powi(2) / target_mean(market).abs();
            solver.solve_utility(&market.mean, tolerance, &market.covariance(), start)
        },
        |solver, market, start| {
            solver.solve_target_return(&market.mean, target_mean(market), &market.covariance(), start)
        },
        |solver, market, start| {
            solver.solve_target_risk(&market.mean, target_risk(market), &market.covariance(), start)
        },
    ];
    let bounded = Bounds::new(lower, upper).unwrap();
    for ask in questions {
        replay_question(6, &Bounds::long_only(16), 4_000, ask);
        replay_question(7, &Bounds::long_only(50), 1_000, ask);
        replay_question(8, &bounded, 4_000, ask);
    }
}

fn check(tally: &Tally, ticks: usize) {
    assert_eq!(tally.optimal + tally.no_excess, ticks);
    assert!(tally.optimal > ticks / 2, "{tally:?}");
    assert!(tally.same_bits as f64 > 0.999 * tally.optimal as f64, "{tally:?}");
}

#[test]
fn long_only_with_sixteen_assets() {
    check(&replay(1, &Bounds::long_only(16), 600_000), 600_000);
}

#[test]
fn long_only_with_eight_and_fifty_assets() {
    check(&replay(2, &Bounds::long_only(8), 200_000), 200_000);
    check(&replay(3, &Bounds::long_only(50), 60_000), 60_000);
}

#[test]
fn under_bounds_with_sixteen_assets() {
    let lower = (0..16).map(|i| [0.0, 0.01, -0.05, 0.0][i % 4]).collect();
    let upper = (0..16).map(|i| [0.15, 0.3, 0.2, 1.0][i % 4]).collect();
    check(&replay(4, &Bounds::new(lower, upper).unwrap(), 140_000), 140_000);
}

/// Printed, not asserted: what one warm tangency solve costs after one asset's tick.
#[test]
fn time_of_a_warm_solve() {
    for assets in [16, 50, 100] {
        let bounds = Bounds::long_only(assets);
        let mut market = Market::new(5, assets);
        let mut solver = ActiveSetSolver::new(&bounds);
        let (mut spent, mut held) = (Vec::new(), 0);
        for tick in 0..20_000 {
            if tick % TICKS == TICKS - 1 {
                market.close();
            }
            market.tick();
            #[expect(clippy::disallowed_methods, reason = "this measures time")]
            let start = std::time::Instant::now();
            let solution = solver.solve_max_sharpe(&market.mean, 0.0, &market.covariance(), Start::Warm);
            spent.push(start.elapsed());
            held += solution.weights.iter().filter(|&&w| w > 0.0).count();
        }
        spent.sort_unstable();
        let at = |share: f64| spent[(share * (spent.len() - 1) as f64) as usize];
        println!(
            "{assets} assets, {:.1} held: p50 {:?}, p90 {:?}, p99 {:?}, max {:?}",
            held as f64 / spent.len() as f64,
            at(0.5),
            at(0.9),
            at(0.99),
            at(1.0)
        );
    }
}
