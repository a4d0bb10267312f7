//! The live population: K fixed portfolios whose mean and variance follow every tick in O(K).
//!
//! Between refreshes the weights stay as they are. A tick that changes the open-bar return of asset i by dr
//! changes portfolio k's by `w_ki · dr`: one pass over one column, or over those of all assets that moved since the last
//! answer, in the widest registers there are ([`Follower`]). Under every estimator the open bar enters
//! as `mean = m_k + a u` and `variance = b_k + c u²` with `u = r_k − m_k`, where `m_k = w·μ_c` and
//! `b_k = wᵀB w` belong to the closed bars ([`ClosedMoments`]).
//!
//! At a close m_k and b_k follow from each portfolio's own sums Σr and Σr². The return of the bar that
//! leaves the window is worked out beforehand, a slice of the portfolios with every tick, so that a close
//! costs O(K) and O(K) for each asset that ticked after it.
//!
//! Weights are f32, as drawn; everything derived from them is f64. What is published is normalised and
//! evaluated afresh in f64.

use std::ops::Range;
use std::sync::Arc;

use silverbullet_kernel::Population;
pub use silverbullet_kernel::simd::live::Leaders;
use silverbullet_kernel::simd::live::{CloseStep, Closing, Followed, Follower};
use silverbullet_market::moments::{ClosedMoments, RollingWeights};

/// Portfolios whose evicted return is worked out with one tick.
const SLICE: usize = 256;
/// Changed assets that are followed in one pass; beyond that there are several.
const TOGETHER: usize = 16;

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
    /// Open-bar return of each portfolio less m_k.
    deviation: Vec<f64>,
    /// The open-bar returns of the assets that are in there.
    followed: Vec<f64>,
    /// m_k, m_k less the risk-free rate, and b_k; of the latter two what single precision keeps, for a first look.
    mean: Vec<f64>,
    excess: Vec<f64>,
    base: Vec<f64>,
    rough_excess: Vec<f32>,
    rough_base: Vec<f32>,
    /// Σr and Σr² over the closed bars, weighted where the estimator weights.
    sum: Vec<f64>,
    squares: Vec<f64>,
    /// Return of the oldest closed bar, for the first `prepared` portfolios.
    evicted: Vec<f64>,
    prepared: usize,
    leaders: Leaders,
    follower: Follower,
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
            deviation: zeros(),
            followed: vec![0.0; drawn.assets()],
            mean: zeros(),
            excess: zeros(),
            base: zeros(),
            rough_excess: vec![0.0; drawn.size()],
            rough_base: vec![0.0; drawn.size()],
            sum: zeros(),
            squares: zeros(),
            evicted: zeros(),
            prepared: 0,
            leaders: Leaders { max_sharpe: 0, min_variance: 0 },
            follower: Follower::detect(),
            drawn: Arc::new(drawn),
        };
        population.rebase(closed);
        population
    }

    /// Forms every portfolio's sums afresh from the moments of the closed bars. O(K·N²).
    pub fn rebase(&mut self, closed: &ClosedMoments) {
        self.share(closed);
        let assets = self.drawn.assets();
        self.mean.fill(0.0);
        self.squares.fill(0.0);
        add_columns(self.follower, &mut self.mean, &self.drawn, 0..assets, |asset| closed.mean[asset]);
        // wᵀSw = Σ_i w_i (Sw)_i, one row of S at a time, so that every pass runs down a column. What is known of the bar
        // that leaves is void, and its room serves for the rows.
        self.prepared = 0;
        for row in 0..assets {
            let entry = |column| closed.unshrunk.get(row, column) * if row == column { 1.0 } else { 2.0 };
            self.evicted.fill(0.0);
            add_columns(self.follower, &mut self.evicted, &self.drawn, 0..row + 1, entry);
            let weights = self.drawn.column(row);
            for ((total, product), &weight) in self.squares.iter_mut().zip(&self.evicted).zip(weights) {
                *total += product * f64::from(weight);
            }
        }
        for (k, mean) in self.mean.iter().enumerate() {
            self.sum[k] = self.shared.rolling.sum * mean;
            self.squares[k] = self.shared.rolling.divisor * self.squares[k] + self.sum[k] * mean;
        }
        self.settle((1.0, 0.0, 0.0));
    }

    /// Starts the open bar from its returns so far. O(K) for each asset whose price has moved.
    pub fn start_open_bar(&mut self, open_returns: &[f64]) {
        for (deviation, mean) in self.deviation.iter_mut().zip(&self.mean) {
            *deviation = -mean;
        }
        self.followed.fill(0.0);
        self.move_to(open_returns);
    }

    /// Follows whatever differs from `open_returns`, without ranking.
    fn move_to(&mut self, open_returns: &[f64]) {
        let Self { followed, follower, deviation, drawn, .. } = self;
        let change = |asset: usize| open_returns[asset] - followed[asset];
        add_columns(*follower, deviation, drawn, 0..open_returns.len(), change);
        followed.copy_from_slice(open_returns);
    }

    /// Follows ticks: the open-bar returns of the assets in `changed` are now those of `open_returns`. `oldest` holds
    /// the returns of the bar that leaves the window next.
    pub fn tick(&mut self, changed: &[usize], open_returns: &[f64], oldest: &[f64]) -> Leaders {
        for changed in changed.chunks(TOGETHER) {
            self.follow(changed, open_returns);
        }
        self.prepare(oldest);
        self.leaders
    }

    /// Follows a close. `returns` are those of the final bar, by asset, whatever was followed of them;
    /// `open_returns` those of the bar that is open now; `oldest` those of the bar that left the window; `closed` the
    /// moments after it.
    pub fn close(
        &mut self,
        returns: &[f64],
        open_returns: &[f64],
        oldest: &[f64],
        closed: &ClosedMoments,
    ) -> Leaders {
        self.move_to(returns);
        while self.prepared < self.drawn.size() {
            self.prepare(oldest);
        }
        self.share(closed);
        let RollingWeights { decay, evicted, .. } = self.shared.rolling;
        let leaders = self.settle((decay, 1.0, evicted));
        self.prepared = 0;
        self.move_to(open_returns);
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
        self.deviation[k] + self.mean[k]
    }

    /// Mean and variance of portfolio `k` with the open bar.
    #[must_use]
    pub fn moments_of(&self, k: usize) -> (f64, f64) {
        let deviation = self.deviation[k];
        let mean = self.mean[k] + self.shared.mean_coefficient * deviation;
        (mean, self.base[k] + self.shared.rank_one_coefficient * deviation * deviation)
    }

    /// Standard deviation and mean of every portfolio, with an open bar of these returns in place of the one
    /// followed. O(K·N).
    #[must_use]
    pub fn moments_under(&self, open_returns: &[f64]) -> (Vec<f32>, Vec<f32>) {
        let mut open = vec![0.0; self.drawn.size()];
        let assets = 0..open_returns.len();
        add_columns(self.follower, &mut open, &self.drawn, assets, |asset| open_returns[asset]);
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

    /// Moves the sums on by (decay, entered, evicted) of [`CloseStep`], forms m_k and b_k from them, and ranks the close
    /// itself, without an open bar. Nothing of the open bar is followed after it.
    fn settle(&mut self, (decay, entered, evicted): (f64, f64, f64)) -> Leaders {
        let Shared { rolling, base_scale, closed_scale, ridge, .. } = self.shared;
        let step = CloseStep {
            decay,
            entered,
            evicted,
            per_sum: 1.0 / rolling.sum,
            per_divisor: 1.0 / rolling.divisor,
            base_scale,
            closed_scale,
            ridge,
            risk_free: self.risk_free,
        };
        let closing = Closing {
            deviation: &mut self.deviation,
            mean: &mut self.mean,
            sum: &mut self.sum,
            squares: &mut self.squares,
            excess: &mut self.excess,
            rough_excess: &mut self.rough_excess,
            base: &mut self.base,
            rough_base: &mut self.rough_base,
            evicted: &self.evicted,
            norms: &self.norms,
        };
        self.leaders = self.follower.close(closing, &step);
        self.followed.fill(0.0);
        self.leaders
    }

    /// The pass over the columns of `changed`, whose open-bar returns have become those of `open_returns`.
    fn follow(&mut self, changed: &[usize], open_returns: &[f64]) {
        let mut columns: [(&[f32], f64); TOGETHER] = [(&[], 0.0); TOGETHER];
        for (column, &asset) in columns.iter_mut().zip(changed) {
            *column = (self.drawn.column(asset), open_returns[asset] - self.followed[asset]);
            self.followed[asset] = open_returns[asset];
        }
        let followed = Followed {
            deviation: &mut self.deviation,
            excess: &self.excess,
            rough_excess: &self.rough_excess,
            base: &self.base,
            rough_base: &self.rough_base,
            mean_coefficient: self.shared.mean_coefficient,
            rank_one_coefficient: self.shared.rank_one_coefficient,
        };
        let count = changed.len().min(TOGETHER);
        self.leaders = self.follower.follow(followed, &columns[..count], self.leaders);
    }

    /// Works out the evicted return of the next slice of portfolios.
    fn prepare(&mut self, oldest: &[f64]) {
        let slice = self.prepared..(self.prepared + SLICE).min(self.drawn.size());
        if slice.is_empty() {
            return;
        }
        let evicted = &mut self.evicted[slice.clone()];
        evicted.fill(0.0);
        let mut columns: [(&[f32], f64); TOGETHER] = [(&[], 0.0); TOGETHER];
        for (group, values) in oldest.chunks(TOGETHER).enumerate() {
            for (place, (column, &value)) in columns.iter_mut().zip(values).enumerate() {
                *column = (&self.drawn.column(group * TOGETHER + place)[slice.clone()], value);
            }
            self.follower.add(evicted, &columns[..values.len()]);
        }
        self.prepared = slice.end;
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

/// Adds `factor(asset)` times the weights of each of `assets` to the portfolios in `to`, but for factors of zero.
fn add_columns(
    follower: Follower,
    to: &mut [f64],
    drawn: &Population,
    assets: Range<usize>,
    factor: impl Fn(usize) -> f64,
) {
    let mut columns: [(&[f32], f64); TOGETHER] = [(&[], 0.0); TOGETHER];
    let mut held = 0;
    for asset in assets {
        let factor = factor(asset);
        if factor != 0.0 {
            columns[held] = (drawn.column(asset), factor);
            held += 1;
        }
        if held == TOGETHER {
            follower.add(to, &columns);
            held = 0;
        }
    }
    follower.add(to, &columns[..held]);
}

#[cfg(test)]
mod tests;
