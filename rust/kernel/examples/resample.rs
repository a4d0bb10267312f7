//! How fast the resampled frontier is: 1,000 bootstraps × 50 points × 50 assets over 500 bars, or as given:
//! `resample [--bootstraps N] [--points N] [--assets N] [--bars N] [--threads N] [--repeat N] [--json]`.
//!
//! Prints the shortest wall time of a few repetitions. The returns are normal with one common factor.
#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a benchmark prints what it timed")]

use std::time::Instant;

use silverbullet_kernel::{ResampleOptions, ScenarioSource, Scenarios, SymmetricMatrix, resample};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (mut bootstraps, mut points, mut assets, mut bars) = (1_000_u64, 50_usize, 50_usize, 500_u64);
    let (mut threads, mut repeat, mut json) = (1_usize, 3_usize, false);
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{name}: needs a value"));
        match name.as_str() {
            "--bootstraps" => bootstraps = value()?.parse()?,
            "--points" => points = value()?.parse()?,
            "--assets" => assets = value()?.parse()?,
            "--bars" => bars = value()?.parse()?,
            "--threads" => threads = value()?.parse()?,
            "--repeat" => repeat = value()?.parse()?,
            "--json" => json = true,
            _ => return Err(format!("{name}: no such option").into()),
        }
    }
    let history = history(assets, bars)?;
    let options = ResampleOptions { bootstraps, points, seed: 1, threads, ..Default::default() };
    let (mut seconds, mut last) = (f64::INFINITY, 0.0);
    for _ in 0..repeat.max(1) {
        let started = Instant::now();
        let frontier = resample(&history, options.clone())?;
        seconds = seconds.min(started.elapsed().as_secs_f64());
        last = frontier.points.last().map_or(0.0, |point| point.mean);
    }
    let each = seconds * 1e6 / bootstraps as f64;
    if json {
        println!(
            "{{\"bootstraps\":{bootstraps},\"points\":{points},\"assets\":{assets},\"bars\":{bars},\
             \"threads\":{threads},\"seconds\":{seconds:.6},\"microseconds_per_bootstrap\":{each:.2},\
             \"last_mean\":{last:e}}}"
        );
    } else {
        println!(
            "{bootstraps} bootstraps x {points} points x {assets} assets, {bars} bars, {threads} threads: \
             {seconds:.3} s, {each:.0} us a bootstrap"
        );
    }
    Ok(())
}

/// Daily returns: volatilities from 1 to 3 %, means from 0 to 0.1 %, correlations near one third.
fn history(assets: usize, bars: u64) -> Result<Scenarios, Box<dyn std::error::Error>> {
    let share = |asset: usize| (asset * 37 % 101) as f64 / 101.0;
    let mean = (0..assets).map(|asset| 0.001 * share(asset + 7)).collect();
    let covariance = SymmetricMatrix::from_lower(assets, |row, column| {
        let correlation = if row == column { 1.0 } else { 0.33 };
        correlation * (0.01 + 0.02 * share(row)) * (0.01 + 0.02 * share(column))
    });
    Ok(ScenarioSource::normal(mean, &covariance)?.draw(1, 0..bars))
}
