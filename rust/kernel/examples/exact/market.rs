//! Synthetic markets: returns of a factor model, their sample moments, and an open bar that moves by ticks.
#![allow(dead_code, reason = "each program uses its part")]

use silverbullet_kernel::{Problem, RankOne, SymmetricMatrix};

/// SplitMix64 (Steele, Lea & Flood 2014): enough for test data.
#[derive(Debug, Clone)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(crate) fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    pub(crate) fn below(&mut self, count: usize) -> usize {
        (self.bits() % count as u64) as usize
    }

    pub(crate) fn normal(&mut self) -> f64 {
        (-2.0 * (1.0 - self.uniform()).ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

/// One asset of the factor model, per bar.
struct Asset {
    mean: f64,
    market: f64,
    sector: usize,
    in_sector: f64,
    own: f64,
}

/// Returns of assets that follow a market, eleven sectors and themselves; daily bars of shares in size.
pub(crate) struct Model {
    assets: Vec<Asset>,
    random: Random,
}

const SECTORS: usize = 11;
const MARKET_RISK: f64 = 0.01;

impl Model {
    pub(crate) fn new(seed: u64, assets: usize, common: f64) -> Self {
        let mut random = Random(seed);
        let assets = (0..assets)
            .map(|_| {
                let own = MARKET_RISK * random.between(0.8, 2.5);
                Asset {
                    mean: 0.05 * own + 0.03 * own * random.normal(),
                    market: common * random.between(0.4, 1.6),
                    sector: random.below(SECTORS),
                    in_sector: common * random.between(0.2, 0.8),
                    own,
                }
            })
            .collect();
        Self { assets, random }
    }

    pub(crate) fn bar(&mut self, out: &mut [f64]) {
        let market = MARKET_RISK * self.random.normal();
        let sectors: Vec<f64> = (0..SECTORS).map(|_| MARKET_RISK * self.random.normal()).collect();
        for (asset, slot) in self.assets.iter().zip(out) {
            let common = asset.market * market + asset.in_sector * sectors[asset.sector];
            *slot = asset.mean + common + asset.own * self.random.normal();
        }
    }

    /// Sample mean and covariance (divisor `bars − 1`) of that many bars.
    pub(crate) fn moments(&mut self, bars: usize) -> (Vec<f64>, SymmetricMatrix) {
        let order = self.assets.len();
        let mut series = vec![vec![0.0; bars]; order];
        let mut bar = vec![0.0; order];
        for time in 0..bars {
            self.bar(&mut bar);
            for (series, value) in series.iter_mut().zip(&bar) {
                series[time] = *value;
            }
        }
        let mean: Vec<f64> = series.iter().map(|x| x.iter().sum::<f64>() / bars as f64).collect();
        for (series, mean) in series.iter_mut().zip(&mean) {
            series.iter_mut().for_each(|x| *x -= mean);
        }
        let covariance = SymmetricMatrix::from_lower(order, |row, column| {
            dot(&series[row], &series[column]) / (bars as f64 - 1.0)
        });
        (mean, covariance)
    }

    pub(crate) fn problem(seed: u64, assets: usize, bars: usize, common: f64) -> Problem {
        let (mean, covariance) = Self::new(seed, assets, common).moments(bars);
        Problem::new(mean, covariance, bars).unwrap()
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut lanes = [0.0; 8];
    for (x, y) in a.chunks(8).zip(b.chunks(8)) {
        for (lane, (x, y)) in lanes.iter_mut().zip(x.iter().zip(y)) {
            *lane += x * y;
        }
    }
    lanes.iter().sum()
}

/// The closed moments of a rolling window and the open bar as its observation W + 1.
pub(crate) struct Live {
    model: Model,
    window: Vec<Vec<f64>>,
    next: usize,
    closed_mean: Vec<f64>,
    base: SymmetricMatrix,
    open: Vec<f64>,
    deviation: Vec<f64>,
    pub(crate) mean: Vec<f64>,
}

impl Live {
    pub(crate) fn new(seed: u64, assets: usize, bars: usize, common: f64) -> Self {
        let mut model = Model::new(seed, assets, common);
        let window = (0..bars)
            .map(|_| {
                let mut bar = vec![0.0; assets];
                model.bar(&mut bar);
                bar
            })
            .collect();
        let mut live = Self {
            model,
            window,
            next: 0,
            closed_mean: vec![0.0; assets],
            base: SymmetricMatrix::zeros(assets),
            open: vec![0.0; assets],
            deviation: vec![0.0; assets],
            mean: vec![0.0; assets],
        };
        live.estimate();
        live
    }

    /// `base = (W − 1)/W · Σ_c` with Σ_c of divisor W − 1.
    fn estimate(&mut self) {
        let bars = self.window.len() as f64;
        for (asset, mean) in self.closed_mean.iter_mut().enumerate() {
            *mean = self.window.iter().map(|bar| bar[asset]).sum::<f64>() / bars;
        }
        let (window, mean) = (&self.window, &self.closed_mean);
        self.base = SymmetricMatrix::from_lower(mean.len(), |i, j| {
            window.iter().map(|bar| (bar[i] - mean[i]) * (bar[j] - mean[j])).sum::<f64>() / bars
        });
    }

    /// The open bar enters the window and a new one begins where it left off.
    pub(crate) fn close(&mut self) {
        self.window[self.next].copy_from_slice(&self.open);
        self.next = (self.next + 1) % self.window.len();
        self.estimate();
        self.open.fill(0.0);
        self.reopen();
    }

    fn reopen(&mut self) {
        let divisor = self.window.len() as f64 + 1.0;
        for asset in 0..self.open.len() {
            self.deviation[asset] = self.open[asset] - self.closed_mean[asset];
            self.mean[asset] = self.closed_mean[asset] + self.deviation[asset] / divisor;
        }
    }

    /// One asset trades: its open-bar return takes a step of a random walk that, over `ticks` ticks of all
    /// assets, has the variance of a bar.
    pub(crate) fn tick(&mut self, ticks: f64) {
        let assets = self.open.len();
        let asset = self.model.random.below(assets);
        let step = (assets as f64 / ticks).sqrt() * self.base.diagonal(asset).sqrt();
        self.open[asset] += step * self.model.random.normal();
        self.deviation[asset] = self.open[asset] - self.closed_mean[asset];
        self.mean[asset] = self.closed_mean[asset] + self.deviation[asset] / (self.window.len() as f64 + 1.0);
    }

    /// `Σ = [(W − 1) Σ_c + W/(W+1) · u uᵀ]/W`.
    pub(crate) fn covariance(&self) -> RankOne<'_> {
        RankOne {
            base: &self.base,
            coefficient: 1.0 / (self.window.len() as f64 + 1.0),
            vector: &self.deviation,
        }
    }
}
