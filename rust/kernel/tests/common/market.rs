//! An open bar that moves by ticks of one asset each, as it does live.
use silverbullet_kernel::SymmetricMatrix;
use silverbullet_kernel::exact::RankOne;

use crate::problems::{Kind, Random, problem};

/// Bars of the window.
pub(crate) const WINDOW: f64 = 120.0;
/// Ticks of a bar.
pub(crate) const TICKS: usize = 500;

/// The moments of the closed bars and the open bar's deviation from their mean.
pub(crate) struct Market {
    random: Random,
    closed_mean: Vec<f64>,
    base: SymmetricMatrix,
    deviation: Vec<f64>,
    pub(crate) mean: Vec<f64>,
}

impl Market {
    pub(crate) fn new(seed: u64, assets: usize) -> Self {
        let mut random = Random(seed);
        let problem = problem(&mut random, Kind::TickScale, assets, false);
        let base = problem.covariance().shrunk((1.0 / WINDOW).min(1.0), 0.0);
        Self {
            random,
            closed_mean: problem.mean().iter().map(|m| m * 0.3).collect(),
            base,
            deviation: vec![0.0; assets],
            mean: problem.mean().to_vec(),
        }
    }

    /// The open bar becomes observation W; its effect stays in base and mean.
    pub(crate) fn close(&mut self) {
        let order = self.base.order();
        let (base, u) = (&self.base, &self.deviation);
        self.base = SymmetricMatrix::from_lower(order, |i, j| {
            (1.0 - 1.0 / WINDOW) * base.get(i, j) + u[i] * u[j] / WINDOW
        });
        for asset in 0..order {
            let typical = self.base.diagonal(asset).sqrt();
            self.closed_mean[asset] = 0.98 * self.closed_mean[asset] + 0.03 * typical * self.random.normal();
            self.deviation[asset] = 0.0;
        }
    }

    pub(crate) fn tick(&mut self) {
        let asset = self.random.below(self.deviation.len());
        self.deviation[asset] += 0.3 * self.base.diagonal(asset).sqrt() * self.random.normal();
        for (mean, (closed, u)) in self.mean.iter_mut().zip(self.closed_mean.iter().zip(&self.deviation)) {
            *mean = closed + u / (WINDOW + 1.0);
        }
    }

    pub(crate) fn covariance(&self) -> RankOne<'_> {
        RankOne { base: &self.base, coefficient: 1.0 / (WINDOW + 1.0), vector: &self.deviation }
    }
}
