//! How long the search takes, from nothing, until it is near the optimum: two hundred problems of each size.
//!
//! The clock runs from a validated problem to the answer. The search stops by its own first-order bounds, or when
//! the time it was given is over; the exact solver runs after the clock has stopped, and says how far the answer
//! was from the optimum. Run it with `cargo run --release -p silverbullet-kernel --example reach`; `-- --json` prints
//! the same figures as JSON, `-- --problems` adds a line for each problem.
#![expect(clippy::print_stdout, reason = "prints what it measures")]
#![allow(clippy::unwrap_used, reason = "a measurement fails by panicking")]

#[path = "../tests/search_common/mod.rs"]
mod search_common;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use search_common::{Recorded, seeded};
use serde_json::json;
use silverbullet_kernel::{Budget, Objective, Problem, Search, SearchOptions, exact, gap, search};

/// Seeded problems of each size.
const PROBLEMS: u64 = 200;
/// The largest gap and the largest excess risk of a point of the frontier that count as near.
const GAP: f64 = 1e-3;
const FRONTIER: f64 = 5e-3;

/// One timed search.
struct Timed {
    milliseconds: f64,
    found: Search,
}

/// The fastest of three runs: what else the machine does is not of interest.
#[expect(clippy::disallowed_methods, reason = "measures real time")]
fn timed(problem: &Problem, options: &SearchOptions, limit: Duration) -> Timed {
    let run = || {
        let start = Instant::now();
        let mut clock = || start.elapsed();
        let found = search(problem, options, Budget::Time { limit, clock: &mut clock }).unwrap();
        Timed { milliseconds: start.elapsed().as_secs_f64() * 1e3, found }
    };
    (0..3).map(|_| run()).min_by(|a, b| a.milliseconds.total_cmp(&b.milliseconds)).unwrap()
}

/// The larger of the gaps of the two objectives, with that of its bounds; `None` where both answers are fallbacks.
fn largest_gap(problem: &Problem, found: &Search) -> Option<(f64, Option<f64>)> {
    let mut most: Option<(f64, Option<f64>)> = None;
    for objective in Objective::LIVE {
        let (best, portfolio) = (exact::solve(problem, objective), found.portfolio(objective)?);
        if !best.label.is_ok() {
            continue;
        }
        let (best, mine) = (problem.evaluate(&best.weights), problem.evaluate(&portfolio.weights));
        let gap = gap(objective, &best, &mine, problem.observations())?;
        let bound = found.bound(objective);
        most =
            Some(most.map_or((gap, bound), |(other, held)| {
                (gap.max(other), held.zip(bound).map(|(a, b)| a.max(b)))
            }));
    }
    most
}

/// The largest excess of a point's risk over the exact one at its mean.
fn largest_excess(problem: &Problem, found: &Search) -> Option<f64> {
    let exact = exact::frontier(problem);
    let excess = found.frontier.iter().map(|point| point.risk / exact.at_mean(point.mean).risk - 1.0);
    exact.label.is_ok().then(|| excess.fold(0.0, f64::max))
}

/// Figures of one size.
#[derive(Default)]
struct Figures {
    milliseconds: Vec<f64>,
    samples: Vec<f64>,
    evaluations: Vec<f64>,
    gaps: Vec<f64>,
    bounds: Vec<f64>,
    fallbacks: usize,
    uncertified: usize,
}

impl Figures {
    fn add(&mut self, run: &Timed, gap: Option<f64>, bound: Option<f64>) {
        self.milliseconds.push(run.milliseconds);
        self.samples.push(run.found.samples as f64);
        self.evaluations.push(run.found.evaluations as f64);
        match gap {
            Some(gap) => self.gaps.push(gap),
            None => self.fallbacks += 1,
        }
        match (gap, bound) {
            (Some(_), Some(bound)) => self.bounds.push(bound),
            (Some(_), None) => self.uncertified += 1,
            (None, _) => {}
        }
    }

    fn json(&self) -> serde_json::Value {
        let spread = |values: &[f64]| json!({ "median": quantile(values, 0.5), "p95": quantile(values, 0.95), "max": quantile(values, 1.0) });
        json!({
            "problems": self.milliseconds.len(),
            "fallbacks": self.fallbacks,
            "without_bound": self.uncertified,
            "milliseconds": spread(&self.milliseconds),
            "samples": spread(&self.samples),
            "evaluations": spread(&self.evaluations),
            "gap": spread(&self.gaps),
            "bound": spread(&self.bounds),
        })
    }
}

fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = ((sorted.len().max(1) - 1) as f64 * share).round() as usize;
    sorted.get(place).copied().unwrap_or(f64::NAN)
}

fn main() {
    let has = |flag: &str| std::env::args().any(|argument| argument == flag);
    let recorded = Recorded::read();
    if recorded.is_none() {
        println!("the recorded prices are absent: random problems take their place");
    }
    let mut report = BTreeMap::new();
    for (assets, limit) in [(16, 5), (50, 5), (100, 20)] {
        for points in [0, 100] {
            let limit = Duration::from_millis(if points > 0 { 20 * limit / 5 } else { limit });
            let options = SearchOptions {
                tolerance: GAP,
                frontier_points: points,
                frontier_tolerance: FRONTIER,
                ..Default::default()
            };
            let mut figures = Figures::default();
            for seed in 0..PROBLEMS {
                let (problem, kind) = seeded(assets, seed, recorded.as_ref());
                let run = timed(&problem, &options, limit);
                let (gap, bound) = if points > 0 {
                    (largest_excess(&problem, &run.found), run.found.frontier_bound)
                } else {
                    largest_gap(&problem, &run.found).map_or((None, None), |(gap, bound)| (Some(gap), bound))
                };
                if has("--problems") {
                    println!(
                        "{assets} {points} {seed} {kind}: {:.3} ms, {} samples, {} evaluations, {:?}, gap {gap:?} bound {bound:?}",
                        run.milliseconds, run.found.samples, run.found.evaluations, run.found.stop
                    );
                }
                figures.add(&run, gap, bound);
            }
            let name = if points > 0 { "frontier" } else { "objectives" };
            report.insert(format!("{assets:03} assets, {name}"), figures.json());
        }
    }
    if has("--json") {
        println!("{}", serde_json::to_string_pretty(&report).unwrap());
    } else {
        table(&report);
    }
}

fn table(report: &BTreeMap<String, serde_json::Value>) {
    println!(
        "{:<24} {:>9} {:>9} {:>9} {:>9} {:>11} {:>11} {:>10} {:>10}",
        "", "ms median", "ms p95", "ms max", "samples", "evals max", "gap max", "bound max", "no bound"
    );
    for (name, figures) in report {
        let number = |field: &str, which: &str| figures[field][which].as_f64().unwrap_or(f64::NAN);
        println!(
            "{name:<24} {:>9.3} {:>9.3} {:>9.3} {:>9.0} {:>11.0} {:>11.2e} {:>10.2e} {:>10}",
            number("milliseconds", "median"),
            number("milliseconds", "p95"),
            number("milliseconds", "max"),
            number("samples", "median"),
            number("evaluations", "max"),
            number("gap", "max"),
            number("bound", "max"),
            figures["without_bound"],
        );
    }
}
