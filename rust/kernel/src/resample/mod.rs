//! The resampled frontier: how far the efficient frontier depends on the sample (Michaud, Efficient Asset
//! Management, 1998).
//!
//! Each of B bootstraps of the window gives moments and a frontier of its own, by the critical line method, with
//! points equally spaced in mean. Points of equal rank belong together: the resampled portfolio of a rank is the
//! average of its weights over the bootstraps, and the percentiles over the bootstraps are its confidence bands.
//! Means and risks are evaluated under the moments of the whole window throughout.
//!
//! Bootstrap b of seed s is a function of the window, s and b: a [`Resampler`] computes any range of them as a
//! [`ResamplePart`], anywhere; parts merge in any order to the same bits, and [`Resampler::finish`] sums over
//! bootstraps in the order of their numbers.
//!
//! ```
//! use silverbullet_kernel::{ResampleOptions, Scenarios, resample};
//!
//! let returns = (0..600).map(|i| f64::from(i * i * 31 % 101) * 1e-4 - 0.004).collect();
//! let history = Scenarios::from_row_major(3, returns)?;
//! let frontier = resample(&history, ResampleOptions { bootstraps: 100, points: 10, ..Default::default() })?;
//! let point = &frontier.points[9];
//! assert!(point.mean_low <= point.mean && point.mean <= point.mean_high);
//! # Ok::<(), silverbullet_kernel::Error>(())
//! ```
mod finish;
mod part;
mod window;

pub use finish::{ResampledFrontier, ResampledPoint};
pub use part::ResamplePart;

use std::ops::Range;

use crate::error::{Error, Result, require_finite, require_length};
use crate::exact::{Frontier, frontier};
use crate::matrix::{SymmetricMatrix, dot};
use crate::portfolio::Label;
use crate::problem::{Bounds, Problem};
use crate::random::{Purpose, RunKey};
use crate::scenario::{Bootstrap, Scenarios};
use part::{BootstrapFrontier, RunIdentity};
use window::{Desk, Window};

/// What to resample.
#[derive(Debug, Clone, PartialEq)]
pub struct ResampleOptions {
    /// How bars are drawn.
    pub bootstrap: Bootstrap,
    /// B, the bootstraps of the whole run; at least one.
    pub bootstraps: u64,
    /// Points of each frontier; at least one.
    pub points: usize,
    /// Seed of the run.
    pub seed: u64,
    /// Intensity, from 0 to 1, with which every covariance is shrunk towards its scaled identity `tr(Σ)/N · I`.
    pub shrinkage: f64,
    /// Bounds of the weights; long-only without.
    pub bounds: Option<Bounds>,
    /// Threads to compute with. The result does not depend on it.
    pub threads: usize,
}

impl Default for ResampleOptions {
    fn default() -> Self {
        Self {
            bootstrap: Bootstrap::Plain,
            bootstraps: 1_000,
            points: 50,
            seed: 0,
            shrinkage: 0.0,
            bounds: None,
            threads: 1,
        }
    }
}

/// The resampled frontier of `history`, all bootstraps in one go.
///
/// # Errors
/// As [`Resampler::new`].
pub fn resample(history: &Scenarios, options: ResampleOptions) -> Result<ResampledFrontier> {
    let resampler = Resampler::new(history, options)?;
    let part = resampler.part(0..resampler.options.bootstraps)?;
    resampler.finish(&part)
}

/// A resampling run: the window ready to be bootstrapped.
#[derive(Debug, Clone)]
pub struct Resampler {
    options: ResampleOptions,
    window: Window,
    /// Of the scaled returns of the whole window.
    problem: Problem,
    label: Label,
    run: RunIdentity,
}

impl Resampler {
    /// A run over the bars of `history`. Degenerate windows (one asset, one bar, fewer bars than assets, no
    /// variance) are answered with a label.
    ///
    /// # Errors
    /// No bar; an option out of its range; bounds for another number of assets.
    pub fn new(history: &Scenarios, options: ResampleOptions) -> Result<Self> {
        options.bootstrap.require_valid(history.rows())?;
        for (parameter, count) in [("bootstraps", options.bootstraps), ("points", options.points as u64)] {
            if count == 0 {
                return Err(Error::Empty { parameter });
            }
        }
        require_finite("shrinkage", &[options.shrinkage])?;
        if !(0.0..=1.0).contains(&options.shrinkage) {
            let expected = "an intensity from 0 to 1";
            return Err(Error::OutOfRange { parameter: "shrinkage", value: options.shrinkage, expected });
        }
        if let Some(bounds) = &options.bounds {
            require_length("bounds", history.assets(), bounds.assets())?;
        }
        let window = Window::new(history);
        let problem = problem(&window, &vec![1; window.bars()], &options, &mut Desk::default())?;
        let label = frontier(&problem).label;
        let run = RunIdentity {
            assets: window.assets(),
            points: options.points,
            digest: digest(history, problem.bounds(), &options),
        };
        Ok(Self { options, window, problem, label, run })
    }

    /// The frontiers of the bootstraps numbered `range`, as far as the run has them.
    ///
    /// # Errors
    /// None for a window of finite returns; they are those of the problem of each bootstrap.
    pub fn part(&self, range: Range<u64>) -> Result<ResamplePart> {
        let range = range.start..range.end.min(self.options.bootstraps);
        let found = in_threads(range, self.options.threads, |numbers| {
            let (mut desk, mut counts) = (Desk::default(), vec![0; self.window.bars()]);
            numbers.map(|number| Ok((number, self.bootstrap(number, &mut counts, &mut desk)?))).collect()
        });
        let found: Vec<Vec<_>> = found.into_iter().collect::<Result<_>>()?;
        Ok(ResamplePart { run: self.run, frontiers: found.into_iter().flatten().collect() })
    }

    fn bootstrap(&self, number: u64, counts: &mut [u32], desk: &mut Desk) -> Result<BootstrapFrontier> {
        counts.fill(0);
        let run = RunKey::new(self.options.seed, number, Purpose::Bootstrap);
        let bars = self.window.bars();
        self.options.bootstrap.for_each(run, 0..bars as u64, bars, |bar| counts[bar] += 1);
        let frontier = frontier(&problem(&self.window, counts, &self.options, desk)?);
        let weights = equally_spaced(&frontier, self.options.points);
        let (mut mean, mut risk) = (Vec::new(), Vec::new());
        let mut product = vec![0.0; self.window.assets()];
        for weights in weights.chunks_exact(self.window.assets()) {
            mean.push(dot(self.problem.mean(), weights));
            risk.push(standard_deviation(self.problem.covariance(), weights, &mut product));
        }
        Ok(BootstrapFrontier { ok: frontier.label.is_ok(), weights, mean, risk })
    }
}

/// The problem in the sample moments of the scaled window with its bars counted.
fn problem(window: &Window, counts: &[u32], options: &ResampleOptions, desk: &mut Desk) -> Result<Problem> {
    let (mean, mut covariance) = window.moments(counts, desk);
    if options.shrinkage > 0.0 {
        let target = covariance.trace() / window.assets() as f64;
        covariance = covariance.shrunk(options.shrinkage, target);
    }
    let problem = Problem::from_sample(mean, covariance, window.bars());
    match &options.bounds {
        Some(bounds) => problem.with_bounds(bounds.clone()),
        None => Ok(problem),
    }
}

/// The long-only problem of a window's sample moments, per bar.
pub(crate) fn window_problem(history: &Scenarios) -> Result<Problem> {
    let window = Window::new(history);
    let (mean, covariance) = window.moments(&vec![1; window.bars()], &mut Desk::default());
    let mean = mean.into_iter().map(|mean| mean / window.unit()).collect();
    let covariance = SymmetricMatrix::from_lower(window.assets(), |row, column| {
        covariance.get(row, column) / window.unit() / window.unit()
    });
    Problem::new(mean, covariance, window.bars())
}

/// Weights of `points` portfolios equally spaced in mean, one row each: those of [`Frontier::equally_spaced`]
/// without their risks under the bootstrap's own moments, which nobody asks for.
fn equally_spaced(frontier: &Frontier, points: usize) -> Vec<f64> {
    let corners = &frontier.corners;
    let (first, last) = (&corners[0], &corners[corners.len() - 1]);
    let step = (last.mean - first.mean) / points.saturating_sub(1).max(1) as f64;
    let mut weights = Vec::with_capacity(points * first.weights.len());
    let mut above = 0;
    for point in 0..points {
        let mean = first.mean + step * point as f64;
        while above < corners.len() && corners[above].mean < mean {
            above += 1;
        }
        match (point, corners.get(above)) {
            (0, _) => weights.extend_from_slice(&first.weights),
            (_, Some(upper)) if point + 1 < points && above > 0 => {
                let lower = &corners[above - 1];
                let t = (mean - lower.mean) / (upper.mean - lower.mean);
                let pairs = lower.weights.iter().zip(&upper.weights);
                weights.extend(pairs.map(|(a, b)| (1.0 - t) * a + t * b));
            }
            (_, Some(_)) if point + 1 < points => weights.extend_from_slice(&first.weights),
            _ => weights.extend_from_slice(&last.weights),
        }
    }
    weights
}

/// √(wᵀΣw); costs O(N) for each weight that is not zero.
fn standard_deviation(covariance: &SymmetricMatrix, weights: &[f64], product: &mut [f64]) -> f64 {
    product.fill(0.0);
    for (row, &weight) in weights.iter().enumerate() {
        if weight != 0.0 {
            product.iter_mut().zip(covariance.row(row)).for_each(|(sum, entry)| *sum += weight * entry);
        }
    }
    dot(weights, product).max(0.0).sqrt()
}

/// Runs `work` on contiguous shares of `range`, one a thread; the results in the order of the shares.
fn in_threads<T: Send>(range: Range<u64>, threads: usize, work: impl Fn(Range<u64>) -> T + Sync) -> Vec<T> {
    let count = range.end.saturating_sub(range.start);
    let threads = (threads.max(1) as u64).min(count.max(1));
    if threads == 1 {
        return vec![work(range)];
    }
    // The first shares take one more each where the count does not divide.
    let start = |worker: u64| range.start + count / threads * worker + worker.min(count % threads);
    std::thread::scope(|scope| {
        let spawn = |worker| {
            let (work, share) = (&work, start(worker)..start(worker + 1));
            scope.spawn(move || work(share))
        };
        let workers: Vec<_> = (0..threads).map(spawn).collect();
        let join = |worker: std::thread::ScopedJoinHandle<'_, T>| match worker.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        workers.into_iter().map(join).collect()
    })
}

/// FNV-1a, by words, over all that the frontier of a bootstrap depends on.
fn digest(history: &Scenarios, bounds: &Bounds, options: &ResampleOptions) -> u64 {
    let (scheme, length) = match options.bootstrap {
        Bootstrap::Plain => (0, 0),
        Bootstrap::Block { length } => (1, length as u64),
        Bootstrap::Stationary { mean_length } => (2, mean_length as u64),
    };
    let numbers = [&[options.shrinkage], history.as_slice(), bounds.lower(), bounds.upper()];
    let words = numbers.into_iter().flatten().map(|value| value.to_bits());
    let options = [options.seed, scheme, length];
    options.into_iter().chain(words).fold(0xcbf2_9ce4_8422_2325, |hash, word| {
        // A word at a time leaves the upper bits of a product unmixed with the lower: rotate them down.
        (hash ^ word).wrapping_mul(0x0100_0000_01b3).rotate_left(29)
    })
}
