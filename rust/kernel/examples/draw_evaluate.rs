//! How many portfolios a second one core draws and evaluates, for each instruction set of this processor, beside the
//! most multiplications and additions that it can do: `cargo run --release --example draw_evaluate`.
//!
//! A portfolio of N assets needs N(N+1)/2 + N multiplications and additions: its variance by a triangular factor, and
//! its mean. Their share of the peak, measured in the same run by a loop that does nothing else, says how much of the
//! machine is used; what drawing costs counts as loss. With `--json` the table is one JSON array.
//! `SILVERBULLET_INSTRUCTION_SET` picks one set, `--seconds` how long each figure is
//! measured (0.3), `--quick` leaves out the runs that keep the best; `--threads` measures
//! instead how much more two threads do than one.
#![allow(clippy::print_stdout, reason = "a program that prints")]

use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

use serde_json::{Value, json};
use silverbullet_kernel::monte_carlo::{BLOCK, Scan};
use silverbullet_kernel::simd::multiply_adds;
use silverbullet_kernel::{
    InstructionSet, MonteCarloOptions, Problem, SamplerKind, SymmetricMatrix, sample_blocks,
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Units of work a second: the best of the runs that fit into `seconds`. `work` tells how much it did.
#[expect(clippy::disallowed_methods, reason = "measures real time; nothing else depends on it")]
fn rate(seconds: f64, mut work: impl FnMut(u64) -> Result<u64>) -> Result<f64> {
    let begin = Instant::now();
    let mut best = 0.0_f64;
    let mut run = 0;
    while run < 3 || begin.elapsed().as_secs_f64() < seconds {
        let start = Instant::now();
        let done = black_box(work(run)?);
        best = best.max(done as f64 / start.elapsed().as_secs_f64());
        run += 1;
    }
    Ok(best)
}

/// Seconds that this thread has computed, where Linux tells; the wall clock's otherwise. Runs of tens of milliseconds are
/// interrupted on a busy machine, which is not their cost.
fn computed(begin: Instant) -> f64 {
    let counted = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = counted.and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    nanoseconds.map_or_else(|| begin.elapsed().as_secs_f64(), |nanoseconds| nanoseconds / 1e9)
}

/// Units of work a second that this thread computes, over all runs that fit into `seconds`.
#[expect(clippy::disallowed_methods, reason = "measures real time; nothing else depends on it")]
fn mean_rate(seconds: f64, mut work: impl FnMut(u64) -> Result<u64>) -> Result<f64> {
    let begin = Instant::now();
    let (start, mut done, mut run) = (computed(begin), 0, 0);
    while run < 2 || computed(begin) - start < seconds {
        done += black_box(work(run)?);
        run += 1;
    }
    Ok(done as f64 / (computed(begin) - start))
}

/// Two factors and own risk: figures that are the same everywhere without a generator.
fn problem(assets: usize) -> Result<Problem> {
    let loading = |asset: usize| {
        let x = asset as f64;
        [1.0 + 0.3 * (1.7 * x).sin(), 0.5 * (2.3 * x).cos()]
    };
    let covariance = SymmetricMatrix::from_lower(assets, |row, column| {
        let (a, b) = (loading(row), loading(column));
        let own = if row == column { 0.5 + 0.4 * (0.9 * row as f64).sin() } else { 0.0 };
        (a[0] * b[0] + a[1] * b[1] + own) * 1e-4
    });
    let mean = (0..assets).map(|asset| (0.3 + 0.2 * (1.3 * asset as f64).sin()) * 1e-2).collect();
    Ok(Problem::new(mean, covariance, 1_000)?)
}

fn scan(problem: &Problem, kind: SamplerKind, set: InstructionSet, seconds: f64) -> Result<f64> {
    let mut scan = Scan::new(problem, kind, 1, 0, Some(set))?;
    let tiles = (40_000_000 / (problem.assets() * problem.assets() * Scan::PORTFOLIOS)).max(1) as u64;
    rate(seconds, |run| {
        for tile in run * tiles..(run + 1) * tiles {
            black_box(scan.scores(tile * (Scan::PORTFOLIOS / 16) as u64));
        }
        Ok(tiles * Scan::PORTFOLIOS as u64)
    })
}

/// The same with the best portfolios of each kind kept: all but the refinement of a Monte Carlo run.
fn sketch(problem: &Problem, kind: SamplerKind, set: InstructionSet, seconds: f64) -> Result<f64> {
    let blocks = (20_000_000 / (problem.assets() * BLOCK as usize)).max(1) as u64;
    mean_rate(seconds, |run| {
        let options = MonteCarloOptions {
            samples: u64::MAX >> 1,
            sampler: kind,
            instructions: Some(set),
            ..MonteCarloOptions::default()
        };
        let found = sample_blocks(problem, &options, run * blocks..(run + 1) * blocks)?;
        Ok(found.portfolios())
    })
}

fn measure(set: InstructionSet, assets: usize, seconds: f64, quick: bool) -> Result<Value> {
    let problem = problem(assets)?;
    let rounds = 500_000;
    let peak = rate(seconds, |_| Ok(multiply_adds(set, rounds)?.count))?;
    let uniform = scan(&problem, SamplerKind::Uniform, set, seconds)?;
    let biased = scan(&problem, SamplerKind::FaceEdgeVertex, set, seconds)?;
    let kinds = [SamplerKind::Uniform, SamplerKind::FaceEdgeVertex, SamplerKind::Auto];
    let mut kept = [0.0; 3];
    for (kept, kind) in kept.iter_mut().zip(kinds).skip(if quick { 3 } else { 0 }) {
        *kept = sketch(&problem, kind, set, seconds)? / 1e6;
    }
    let useful = (assets * (assets + 1) / 2 + assets) as f64;
    // Measured before and after: the clock of a shared machine wanders.
    let peak = peak.max(rate(seconds, |_| Ok(multiply_adds(set, rounds)?.count))?);
    Ok(json!({
        "instructions": set.name(),
        "assets": assets,
        "uniform": uniform / 1e6,
        "biased": biased / 1e6,
        "peak": peak / 1e9,
        "share": uniform * useful / peak,
        "sketch_uniform": kept[0],
        "sketch_biased": kept[1],
        "sketch_auto": kept[2],
    }))
}

/// How much more two threads do than one: the loop of multiplications and additions, and runs that keep the best.
fn scaling(set: InstructionSet, assets: usize, seconds: f64) -> Result<Value> {
    let problem = problem(assets)?;
    let mut peaks = [0.0_f64; 2];
    let mut runs = [0.0_f64; 2];
    let blocks = (200_000_000 / (problem.assets() * BLOCK as usize)).max(8) as u64;
    // In turn, so that what else the machine does falls on all alike.
    for _ in 0..3 {
        for threads in 1..=2_usize {
            let peak = rate(seconds, |_| {
                let loops = || multiply_adds(set, 20_000_000).map(|done| done.count);
                let counts: Vec<_> = std::thread::scope(|scope| {
                    let workers: Vec<_> = (0..threads).map(|_| scope.spawn(loops)).collect();
                    workers.into_iter().map(|worker| worker.join()).collect()
                });
                let mut sum = 0;
                for count in counts {
                    sum += count.map_err(|_| "a thread ended early")??;
                }
                Ok(sum)
            })?;
            let run = rate(seconds, |run| {
                let options = MonteCarloOptions {
                    samples: u64::MAX >> 1,
                    sampler: SamplerKind::Uniform,
                    instructions: Some(set),
                    threads,
                    ..MonteCarloOptions::default()
                };
                Ok(sample_blocks(&problem, &options, run * blocks..(run + 1) * blocks)?.portfolios())
            })?;
            peaks[threads - 1] = peaks[threads - 1].max(peak);
            runs[threads - 1] = runs[threads - 1].max(run);
        }
    }
    let (peak, run) = (peaks[1] / peaks[0], runs[1] / runs[0]);
    Ok(json!({ "instructions": set.name(), "assets": assets, "loop": peak, "run": run, "share": run / peak }))
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| {
        let place = arguments.iter().position(|argument| argument == name)?;
        arguments.get(place + 1).cloned()
    };
    let seconds = value("--seconds").map_or(Ok(0.3), |text| text.parse())?;
    let sizes: Vec<usize> = match value("--assets") {
        Some(text) => text.split(',').map(str::parse).collect::<std::result::Result<_, _>>()?,
        None => vec![10, 20, 50, 100],
    };
    let sets = match std::env::var(InstructionSet::VARIABLE) {
        Ok(name) => vec![name.parse::<InstructionSet>()?],
        Err(_) => InstructionSet::available(),
    };
    let quick = arguments.iter().any(|argument| argument == "--quick");
    if arguments.iter().any(|argument| argument == "--threads") {
        let found: Result<Vec<Value>> = sizes.iter().map(|&n| scaling(sets[0], n, seconds)).collect();
        println!("{}", serde_json::to_string_pretty(&found?)?);
        return Ok(());
    }
    let mut rows = Vec::new();
    for set in sets {
        for &assets in &sizes {
            rows.push(measure(set, assets, seconds, quick)?);
        }
    }
    if arguments.iter().any(|argument| argument == "--json") {
        println!("{}", serde_json::to_string_pretty(&rows)?);
        return Ok(());
    }
    println!("million portfolios/s on one core; peak in 10^9 multiplications and additions/s");
    println!(
        "{:>10} {:>6} {:>9} {:>9} {:>7} {:>7} | kept: {:>9} {:>9} {:>9}",
        "set", "assets", "uniform", "biased", "peak", "share", "uniform", "biased", "auto"
    );
    for row in &rows {
        let number = |name: &str| row[name].as_f64().unwrap_or_default();
        println!(
            "{:>10} {:>6} {:>9.2} {:>9.2} {:>7.2} {:>6.1}% |       {:>9.2} {:>9.2} {:>9.2}",
            row["instructions"].as_str().unwrap_or_default(),
            number("assets"),
            number("uniform"),
            number("biased"),
            number("peak"),
            100.0 * number("share"),
            number("sketch_uniform"),
            number("sketch_biased"),
            number("sketch_auto"),
        );
    }
    Ok(())
}
