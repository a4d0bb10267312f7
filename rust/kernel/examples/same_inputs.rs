//! The kernel's side of `make bench-kernel`: answers on the inputs that the peers get, and how long each took.
//!
//! `same_inputs FOLDER` reads requests from standard input, one a line: a task, the number of assets and, for
//! resampling, of bootstraps. The inputs are `mean-N.npy`, `covariance-N.npy` and `returns-N.npy` in the folder. Each
//! request is answered by one line of JSON: seconds a run, and a value to compare with the peer's.
#![allow(clippy::print_stdout, reason = "answers go to standard output")]

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::error::Error;
use std::hint::black_box;
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::json;
use silverbullet_kernel::{
    MonteCarloOptions, Objective, Problem, ResampleOptions, SamplerKind, Scenarios, SymmetricMatrix, exact,
    monte_carlo, resample,
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Portfolios that are drawn for one measurement.
const SAMPLES: u64 = 1 << 19;
/// A run that takes less than this is repeated, so that the clock's own time does not count.
const SECONDS: f64 = 5e-3;
/// Points of a resampled frontier.
const POINTS: usize = 50;

fn main() -> Result<()> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("which folder are the inputs in?")?);
    let mut inputs: BTreeMap<usize, Input> = BTreeMap::new();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let mut words = line.split_whitespace();
        let task = words.next().ok_or("an empty request")?;
        let assets: usize = words.next().ok_or("how many assets?")?.parse()?;
        let bootstraps: usize = words.next().unwrap_or("0").parse()?;
        let input = match inputs.entry(assets) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(Input::read(&folder, assets)?),
        };
        let (seconds, value) = input.run(task, bootstraps)?;
        let mut out = std::io::stdout().lock();
        writeln!(out, "{}", json!({ "seconds": seconds, "value": value }))?;
        out.flush()?;
    }
    Ok(())
}

struct Input {
    problem: Problem,
    /// Bars by assets.
    returns: Vec<f64>,
}

impl Input {
    fn read(folder: &Path, assets: usize) -> Result<Self> {
        let array = |name: &str| read_npy(&folder.join(format!("{name}-{assets}.npy")));
        let returns = array("returns")?;
        let covariance = SymmetricMatrix::from_row_major(assets, array("covariance")?)?;
        let problem = Problem::new(array("mean")?, covariance, returns.len() / assets)?;
        Ok(Self { problem, returns })
    }

    fn run(&self, task: &str, bootstraps: usize) -> Result<(f64, f64)> {
        let problem = &self.problem;
        match task {
            "draw" => {
                let options = MonteCarloOptions {
                    samples: SAMPLES,
                    sampler: SamplerKind::Uniform,
                    refine: false,
                    ..Default::default()
                };
                let (seconds, answer) = timed(|| monte_carlo(problem, &options));
                let best = answer?.portfolio(Objective::MaxSharpe).and_then(|portfolio| portfolio.sharpe);
                Ok((seconds / SAMPLES as f64, best.unwrap_or(f64::NAN)))
            }
            "max-sharpe" => {
                let (seconds, answer) = timed(|| exact::solve(problem, Objective::MaxSharpe));
                Ok((seconds, answer.sharpe.unwrap_or(f64::NAN)))
            }
            "min-variance" => {
                let (seconds, answer) = timed(|| exact::solve(problem, Objective::MinVariance));
                Ok((seconds, answer.risk))
            }
            "critical-line" => {
                let (seconds, frontier) = timed(|| exact::frontier(problem));
                Ok((seconds, frontier.corners.len() as f64))
            }
            "resample" => {
                let (seconds, answer) = timed(|| self.resample(bootstraps));
                Ok((seconds, answer?))
            }
            _ => Err(format!("{task}: no such task").into()),
        }
    }

    /// Michaud's resampled frontier, with the bands that the peers do not have. Returns the Sharpe ratio of its best
    /// point.
    fn resample(&self, bootstraps: usize) -> Result<f64> {
        let history = Scenarios::from_row_major(self.problem.assets(), self.returns.clone())?;
        let options =
            ResampleOptions { bootstraps: bootstraps as u64, points: POINTS, seed: 7, ..Default::default() };
        let points = resample(&history, options)?.points;
        Ok(points.iter().map(|point| point.mean / point.risk).fold(f64::NEG_INFINITY, f64::max))
    }
}

/// Seconds a run, over as many runs as [`SECONDS`] take, and what the last one gave.
#[expect(clippy::disallowed_methods, reason = "measures real time; nothing else depends on it")]
fn timed<T>(mut work: impl FnMut() -> T) -> (f64, T) {
    let start = Instant::now();
    let mut runs = 0;
    loop {
        let answer = black_box(work());
        runs += 1;
        let spent = start.elapsed().as_secs_f64();
        if spent >= SECONDS {
            return (spent / f64::from(runs), answer);
        }
    }
}

/// The numbers of a NumPy file of little-endian doubles in C order, which is what the peers' side writes.
fn read_npy(path: &Path) -> Result<Vec<f64>> {
    let bytes = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let unfit = || format!("{}: not a version 1 NumPy file of little-endian doubles", path.display());
    let length = bytes.get(8..10).and_then(|two| two.try_into().ok()).map(u16::from_le_bytes);
    let end = 10 + usize::from(length.ok_or_else(unfit)?);
    let header = String::from_utf8_lossy(bytes.get(10..end).ok_or_else(unfit)?);
    if !bytes.starts_with(b"\x93NUMPY\x01")
        || !header.contains("'<f8'")
        || header.contains("'fortran_order': True")
    {
        return Err(unfit().into());
    }
    let numbers = bytes[end..].chunks_exact(8);
    Ok(numbers.filter_map(|eight| eight.try_into().ok().map(f64::from_le_bytes)).collect())
}
