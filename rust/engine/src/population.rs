//! The live population: K fixed portfolios whose mean and variance follow every tick in O(K).
//!
//! Between refreshes the weights stay as they are. A tick that changes the open-bar return of asset i by dr
//! changes portfolio k's by `w_ki · dr`: one pass over one column. Under every estimator the open bar enters
//! as `mean = m_k + a u` and `variance = b_k + c u²` with `u = r_k − m_k`, where `m_k = w·μ_c` and
//! `b_k = wᵀB w` belong to the closed bars ([`ClosedMoments`]).
//!
//! At a close m_k and b_k follow from each portfolio's own sums Σr and Σr². The return of the bar that
//! leaves the window is worked out beforehand, a slice of the portfolios with every tick, so that a close
//! costs O(K) and O(K) for each asset that ticked after it.
//!
//! Weights are f32, as drawn; everything derived from them is f64. What is published is normalised and
//! evaluated afresh in f64.

use std::sync::Arc;

use silverbullet_kernel::Population;
use silverbullet_market::moments::{ClosedMoments, RollingWeights};

/// Portfolios whose evicted return is worked out with one tick.
const SLICE: usize = 256;
/// Portfolios ranked side by side.
const LANES: usize = 8;

/// The best of the population after a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leaders {
    /// Portfolio with the largest Sharpe ratio.
    pub max_sharpe: usize,
    /// Portfolio with the smallest variance.
    pub min_variance: usize,
}

/// What the closed bars and their estimator contribute to every portfolio alike.
#[derive(Debug, Clone, Copy, Default)]
struct Shared {
    mean_coefficient: f64,
    rank_one_coefficient: f64,
    rolling: RollingWeights,
    /// b_k = `base_scale` × sample variance + `ridge` × ‖w‖²; at the close itself `closed_scale` stands in.
    base_scale: f64,
    closed_scale: f64,
    ridge: f64,
}

/// K portfolios with what is known of each, kept column by column.
#[derive(Debug, Clone)]
pub struct LivePopulation {
    /// Shared by all copies: it never changes.
    drawn: Arc<Population>,
    shared: Shared,
    risk_free: f64,
    /// ‖w‖² of each portfolio.
    norms: Vec<f64>,
    /// Open-bar return of each portfolio.
    open: Vec<f64>,
    /// m_k and b_k.
    mean: Vec<f64>,
    base: Vec<f64>,
    /// Σr and Σr² over the closed bars, weighted where the estimator weights.
    sum: Vec<f64>,
    squares: Vec<f64>,
    /// Return of the oldest closed bar, for the first `prepared` portfolios.
    evicted: Vec<f64>,
    prepared: usize,
    leaders: Leaders,
}

impl LivePopulation {
    /// Takes over a drawn population under the moments of the closed bars. O(K·N²): not for the hot thread.
    #[must_use]
    pub fn new(drawn: Population, closed: &ClosedMoments, risk_free: f64) -> Self {
        let zeros = || vec![0.0; drawn.size()];
        let mut population = Self {
            shared: Shared::default(),
            risk_free,
            norms: squared_norms(&drawn),
            open: zeros(),
            mean: zeros(),
            base: zeros(),
            sum: zeros(),
            squares: zeros(),
            evicted: zeros(),
            prepared: 0,
            leaders: Leaders { max_sharpe: 0, min_variance: 0 },
            drawn: Arc::new(drawn),
        };
        population.rebase(closed);
        population
    }

    /// Forms every portfolio's sums afresh from the moments of the closed bars. O(K·N²).
    pub fn rebase(&mut self, closed: &ClosedMoments) {
        self.share(closed);
        let (count, assets) = (self.drawn.size(), self.drawn.assets());
        self.mean.fill(0.0);
        self.squares.fill(0.0);
        for asset in 0..assets {
            add_scaled(&mut self.mean, self.drawn.column(asset), closed.mean[asset]);
        }
        // wᵀSw = Σ_i w_i (Sw)_i, one row of S at a time, so that every pass runs down a column.
        let mut product = vec![0.0; count];
        for row in 0..assets {
            product.fill(0.0);
            for column in 0..=row {
                let entry = closed.unshrunk.get(row, column);
                let twice = if row == column { entry } else { 2.0 * entry };
                add_scaled(&mut product, self.drawn.column(column), twice);
            }
            let weights = self.drawn.column(row);
            for ((total, product), &weight) in self.squares.iter_mut().zip(&product).zip(weights) {
                *total += product * f64::from(weight);
            }
        }
        for (k, mean) in self.mean.iter().enumerate() {
            self.sum[k] = self.shared.rolling.sum * mean;
            self.squares[k] = self.shared.rolling.divisor * self.squares[k] + self.sum[k] * mean;
        }
        self.open.fill(0.0);
        self.prepared = 0;
        self.settle();
    }

    /// Starts the open bar from its returns so far. O(K) for each asset whose price has moved.
    pub fn start_open_bar(&mut self, open_returns: &[f64]) {
        self.open.fill(0.0);
        for (asset, &change) in open_returns.iter().enumerate().filter(|(_, change)| **change != 0.0) {
            add_scaled(&mut self.open, self.drawn.column(asset), change);
        }
    }

    /// Follows one tick: the open-bar return of `asset` changed by `change`. `oldest` holds the returns of
    /// the bar that leaves the window next.
    pub fn tick(&mut self, asset: usize, change: f64, oldest: &[f64]) -> Leaders {
        self.rank(asset, change);
        self.prepare(oldest);
        self.leaders
    }

    /// Follows a close. `corrections` is, by asset, the final bar's return less the open-bar return followed
    /// so far; `open_returns` are those of the bar that is open now; `oldest` are the returns of the bar
    /// that left the window; `closed` the moments after it.
    pub fn close(
        &mut self,
        corrections: &[f64],
        open_returns: &[f64],
        oldest: &[f64],
        closed: &ClosedMoments,
    ) -> Leaders {
        for (asset, &correction) in corrections.iter().enumerate().filter(|(_, value)| **value != 0.0) {
            add_scaled(&mut self.open, self.drawn.column(asset), correction);
        }
        while self.prepared < self.drawn.size() {
            self.prepare(oldest);
        }
        self.share(closed);
        let RollingWeights { decay, evicted, .. } = self.shared.rolling;
        for k in 0..self.open.len() {
            let (new, old) = (self.open[k], self.evicted[k]);
            self.sum[k] = decay * self.sum[k] + new - evicted * old;
            self.squares[k] = decay * self.squares[k] + new * new - evicted * old * old;
        }
        self.prepared = 0;
        let leaders = self.settle();
        self.start_open_bar(open_returns);
        leaders
    }

    /// Best of the population as of the last tick or close.
    #[must_use]
    pub fn leaders(&self) -> Leaders {
        self.leaders
    }

    /// The drawn weights.
    #[must_use]
    pub fn drawn(&self) -> &Population {
        &self.drawn
    }

    /// Open-bar return of portfolio `k`.
    #[must_use]
    pub fn open_return(&self, k: usize) -> f64 {
        self.open[k]
    }

    /// Mean and variance of portfolio `k` with the open bar.
    #[must_use]
    pub fn moments_of(&self, k: usize) -> (f64, f64) {
        let deviation = self.open[k] - self.mean[k];
        let mean = self.mean[k] + self.shared.mean_coefficient * deviation;
        (mean, self.base[k] + self.shared.rank_one_coefficient * deviation * deviation)
    }

    /// Standard deviation and mean of every portfolio, with an open bar of these returns in place of the one
    /// followed. O(K·N).
    #[must_use]
    pub fn moments_under(&self, open_returns: &[f64]) -> (Vec<f32>, Vec<f32>) {
        let mut open = vec![0.0; self.drawn.size()];
        for (asset, &change) in open_returns.iter().enumerate().filter(|(_, change)| **change != 0.0) {
            add_scaled(&mut open, self.drawn.column(asset), change);
        }
        let Shared { mean_coefficient, rank_one_coefficient, .. } = self.shared;
        let both = open.iter().zip(self.mean.iter().zip(&self.base)).map(|(open, (mean, base))| {
            let deviation = open - mean;
            let variance = base + rank_one_coefficient * deviation * deviation;
            (variance.max(0.0).sqrt() as f32, (mean + mean_coefficient * deviation) as f32)
        });
        both.unzip()
    }

    fn share(&mut self, closed: &ClosedMoments) {
        let ridge = closed.shrinkage.map_or(0.0, |shrinkage| shrinkage.intensity * shrinkage.target);
        self.shared = Shared {
            mean_coefficient: closed.mean_coefficient,
            rank_one_coefficient: closed.rank_one_coefficient,
            rolling: closed.rolling,
            base_scale: closed.base_scale,
            closed_scale: closed.shrinkage.map_or(1.0, |shrinkage| 1.0 - shrinkage.intensity),
            ridge,
        };
    }

    /// m_k and b_k from the sums, and the leaders at the close itself, without an open bar.
    fn settle(&mut self) -> Leaders {
        let Shared { rolling: RollingWeights { sum, divisor, .. }, base_scale, closed_scale, ridge, .. } =
            self.shared;
        let mut best = Ranking::new();
        for k in 0..self.norms.len() {
            let mean = self.sum[k] / sum;
            let variance = ((self.squares[k] - self.sum[k] * mean) / divisor).max(0.0);
            let ridge = ridge * self.norms[k];
            self.mean[k] = mean;
            self.base[k] = base_scale * variance + ridge;
            best.offer(k, mean - self.risk_free, closed_scale * variance + ridge);
        }
        self.leaders = best.leaders();
        self.leaders
    }

    /// The fused pass over one column: open-bar returns, mean and variance of each, and the leaders.
    fn rank(&mut self, asset: usize, change: f64) {
        let Shared { mean_coefficient, rank_one_coefficient, .. } = self.shared;
        let risk_free = self.risk_free;
        let column = self.drawn.column(asset);
        let count = column.len();
        let whole = count - count % LANES;
        let mut sharpe = [f64::NEG_INFINITY; LANES];
        let mut variance = [f64::INFINITY; LANES];
        let mut by_sharpe = [0_u32; LANES];
        let mut by_variance = [0_u32; LANES];
        let (open, means, bases) = (&mut self.open[..whole], &self.mean[..whole], &self.base[..whole]);
        let blocks = open
            .as_chunks_mut::<LANES>()
            .0
            .iter_mut()
            .zip(column.as_chunks::<LANES>().0)
            .zip(means.as_chunks::<LANES>().0.iter().zip(bases.as_chunks::<LANES>().0));
        for (block, ((open, weights), (means, bases))) in (0_u32..).zip(blocks) {
            for lane in 0..LANES {
                let now = open[lane] + f64::from(weights[lane]) * change;
                open[lane] = now;
                let deviation = now - means[lane];
                let excess = means[lane] + mean_coefficient * deviation - risk_free;
                let risk = bases[lane] + rank_one_coefficient * deviation * deviation;
                let score = excess * excess.abs() / risk;
                let (better, safer) = (score > sharpe[lane], risk < variance[lane]);
                sharpe[lane] = if better { score } else { sharpe[lane] };
                by_sharpe[lane] = if better { block } else { by_sharpe[lane] };
                variance[lane] = if safer { risk } else { variance[lane] };
                by_variance[lane] = if safer { block } else { by_variance[lane] };
            }
        }
        let mut best = Ranking::new();
        for lane in 0..LANES.min(whole) {
            best.offer_sharpe(by_sharpe[lane] as usize * LANES + lane, sharpe[lane]);
            best.offer_variance(by_variance[lane] as usize * LANES + lane, variance[lane]);
        }
        for k in whole..count {
            self.open[k] += f64::from(column[k]) * change;
            let deviation = self.open[k] - self.mean[k];
            let excess = self.mean[k] + mean_coefficient * deviation - risk_free;
            best.offer(k, excess, self.base[k] + rank_one_coefficient * deviation * deviation);
        }
        self.leaders = best.leaders();
    }

    /// Works out the evicted return of the next slice of portfolios.
    fn prepare(&mut self, oldest: &[f64]) {
        let slice = self.prepared..(self.prepared + SLICE).min(self.drawn.size());
        if slice.is_empty() {
            return;
        }
        let evicted = &mut self.evicted[slice.clone()];
        evicted.fill(0.0);
        for (asset, &value) in oldest.iter().enumerate() {
            add_scaled(evicted, &self.drawn.column(asset)[slice.clone()], value);
        }
        self.prepared = slice.end;
    }
}

/// The best seen so far; ties go to the lower number.
struct Ranking {
    sharpe: (f64, usize),
    variance: (f64, usize),
}

impl Ranking {
    const fn new() -> Self {
        Self { sharpe: (f64::NEG_INFINITY, 0), variance: (f64::INFINITY, 0) }
    }

    fn offer(&mut self, k: usize, excess: f64, variance: f64) {
        self.offer_sharpe(k, excess * excess.abs() / variance);
        self.offer_variance(k, variance);
    }

    fn offer_sharpe(&mut self, k: usize, score: f64) {
        if score > self.sharpe.0 || (score == self.sharpe.0 && k < self.sharpe.1) {
            self.sharpe = (score, k);
        }
    }

    fn offer_variance(&mut self, k: usize, variance: f64) {
        if variance < self.variance.0 || (variance == self.variance.0 && k < self.variance.1) {
            self.variance = (variance, k);
        }
    }

    const fn leaders(&self) -> Leaders {
        Leaders { max_sharpe: self.sharpe.1, min_variance: self.variance.1 }
    }
}

fn squared_norms(drawn: &Population) -> Vec<f64> {
    let mut norms = vec![0.0; drawn.size()];
    for asset in 0..drawn.assets() {
        for (norm, &weight) in norms.iter_mut().zip(drawn.column(asset)) {
            *norm += f64::from(weight) * f64::from(weight);
        }
    }
    norms
}

fn add_scaled(to: &mut [f64], column: &[f32], factor: f64) {
    for (value, &weight) in to.iter_mut().zip(column) {
        *value += f64::from(weight) * factor;
    }
}

#[cfg(test)]
mod tests;
