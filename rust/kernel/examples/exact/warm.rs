//! Answers from tick to tick: each moves one asset of the open bar, and the solvers go on from their last active set.

use std::hint::black_box;
use std::time::Instant;

use serde_json::{Value, json};
use silverbullet_kernel::exact::{ActiveSetSolver, Start, Status};
use silverbullet_kernel::matrix::dot;
use silverbullet_kernel::{Bounds, Evaluation};

use crate::market::Live;
use crate::{percentile, readable};

const ASSETS: usize = 50;
const WINDOW: usize = 250;
const TICKS: usize = 150_000;
const TICKS_OF_A_BAR: usize = 2_000;
/// Ticks before the clock counts.
const WARM_UP: usize = 4_000;

/// Times in microseconds, of ticks at which the active set stayed and of those at which it changed.
#[derive(Default)]
struct Times {
    stays: Vec<f64>,
    changes: Vec<f64>,
}

impl Times {
    fn push(&mut self, changed: bool, seconds: f64) {
        let times = if changed { &mut self.changes } else { &mut self.stays };
        times.push(seconds * 1e6);
    }

    fn report(mut self, what: &str, print: bool) -> Value {
        let mut all = [self.stays.as_slice(), &self.changes].concat();
        let mut summary = serde_json::Map::new();
        for (name, times) in
            [("set stays", &mut self.stays), ("set changes", &mut self.changes), ("all", &mut all)]
        {
            times.sort_unstable_by(f64::total_cmp);
            let [median, p99, p999] = [0.5, 0.99, 0.999].map(|share| percentile(times, share));
            if print {
                println!(
                    "  {what:<36} {name:<12} {:>8} {:>11} {:>11} {:>11}",
                    times.len(),
                    readable(median),
                    readable(p99),
                    readable(p999)
                );
            }
            let value = json!({
                "ticks": times.len(), "median_us": median, "p99_us": p99, "p99_9_us": p999,
            });
            summary.insert(name.replace(' ', "_"), value);
        }
        Value::Object(summary)
    }
}

pub(crate) fn run(print: bool) -> Value {
    let markets = [("strong factors", 1.0), ("weak factors", 0.3), ("nearly uncorrelated", 0.1)];
    let results = markets.map(|(name, common)| one_market(name, common, print));
    json!({ "assets": ASSETS, "window": WINDOW, "markets": results })
}

fn one_market(name: &str, common: f64, print: bool) -> Value {
    let bounds = Bounds::long_only(ASSETS);
    let mut market = Live::new(5, ASSETS, WINDOW, common);
    let (mut sharpest, mut least) = (ActiveSetSolver::new(&bounds), ActiveSetSolver::new(&bounds));
    let [mut sharpe_times, mut least_times, mut both_times] = [(); 3].map(|()| Times::default());
    let (mut sharpe_set, mut least_set) = (vec![false; ASSETS], vec![false; ASSETS]);
    let (mut held, mut counted) = (0, 0);
    for tick in 0..WARM_UP + TICKS {
        if tick % TICKS_OF_A_BAR == TICKS_OF_A_BAR - 1 {
            market.close();
        }
        market.tick(TICKS_OF_A_BAR as f64);
        let covariance = market.covariance();
        let begin = Instant::now();
        let a = sharpest.solve_max_sharpe(&market.mean, 0.0, &covariance, Start::Warm);
        let middle = Instant::now();
        let b = least.solve_min_variance(&covariance, Start::Warm);
        let end = Instant::now();
        for solution in [&a, &b] {
            let mean = dot(&market.mean, solution.weights);
            black_box(Evaluation::new(mean, covariance.quadratic_form(solution.weights), 0.0));
        }
        let evaluated = Instant::now();
        assert_eq!(b.status, Status::Optimal);
        let changed = [changes(&mut sharpe_set, a.weights), changes(&mut least_set, b.weights)];
        if a.status != Status::Optimal || tick < WARM_UP {
            continue;
        }
        sharpe_times.push(changed[0], (middle - begin).as_secs_f64());
        least_times.push(changed[1], (end - middle).as_secs_f64());
        both_times.push(changed[0] || changed[1], (evaluated - begin).as_secs_f64());
        held += sharpe_set.iter().filter(|held| **held).count();
        counted += 1;
    }
    let held = held as f64 / f64::from(counted.max(1));
    if print {
        println!("Warm, {ASSETS} assets, {name}: {held:.1} held by the max-Sharpe portfolio");
        println!("  {:<36} {:<12} {:>8} {:>11} {:>11} {:>11}", "", "", "ticks", "median", "p99", "p99.9");
    }
    json!({
        "market": name,
        "held": held,
        "max_sharpe": sharpe_times.report("max-Sharpe", print),
        "min_variance": least_times.report("min-variance", print),
        "both_evaluated": both_times.report("both, evaluated", print),
    })
}

/// Whether other assets are held than before.
fn changes(set: &mut [bool], weights: &[f64]) -> bool {
    let mut changed = false;
    for (held, weight) in set.iter_mut().zip(weights) {
        changed |= *held != (*weight > 0.0);
        *held = *weight > 0.0;
    }
    changed
}
