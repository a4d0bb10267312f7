//! When ticks come, and whose: a self-exciting point process.
//!
//! A Hawkes process with exponential kernel (Hawkes 1971), drawn by thinning (Ogata 1981): each tick raises
//! the intensity, which decays again, so ticks come in bursts. On average a tick causes [`BRANCHING`] others; counts
//! over long intervals have a variance of 1/(1 − b)² times their mean, where a Poisson process has 1.

use super::profile::Profile;
use super::random::Random;

/// Ticks caused by a tick, on average.
const BRANCHING: f64 = 0.6;

/// Rate at which the excitement decays, 1/s.
const DECAY: f64 = 20.0;

/// Probability that a tick caused by another one is of the same asset.
const SAME_ASSET: f64 = 0.5;

/// The stream of arrivals.
#[derive(Debug, Clone)]
pub(crate) struct Arrivals {
    base: f64,
    excitement: f64,
    time: f64,
    last_asset: usize,
    /// Running sums of the assets' activities.
    cumulative: Vec<f64>,
    random: Random,
}

impl Arrivals {
    /// `rate` ticks a second on average, over all assets.
    pub(crate) fn new(profiles: &[Profile], rate: f64, seed: u64) -> Self {
        let cumulative = profiles
            .iter()
            .scan(0.0, |sum, profile| {
                *sum += profile.activity;
                Some(*sum)
            })
            .collect();
        Self {
            base: rate * (1.0 - BRANCHING),
            // The stationary mean, so that the beginning is like the rest.
            excitement: rate * BRANCHING,
            time: 0.0,
            last_asset: 0,
            cumulative,
            random: Random::new(seed, "arrivals", 0),
        }
    }

    /// Seconds since the start, and the asset, of the next tick.
    pub(crate) fn next(&mut self) -> (f64, usize) {
        loop {
            let bound = self.base + self.excitement;
            let wait = self.random.exponential() / bound;
            self.time += wait;
            self.excitement *= libm::exp(-DECAY * wait);
            if self.random.uniform() * bound < self.base + self.excitement {
                break;
            }
        }
        let is_caused = self.random.uniform() * (self.base + self.excitement) < self.excitement;
        self.excitement += BRANCHING * DECAY;
        if !(is_caused && self.random.uniform() < SAME_ASSET) {
            self.last_asset = self.draw_asset();
        }
        (self.time, self.last_asset)
    }

    fn draw_asset(&mut self) -> usize {
        let total = self.cumulative.last().copied().unwrap_or(0.0);
        let point = self.random.uniform() * total;
        self.cumulative.partition_point(|&sum| sum <= point).min(self.cumulative.len().saturating_sub(1))
    }
}
