//! Feasible portfolios drawn at random: on faces of few assets, anywhere on the simplex, long and short, and in
//! random directions from the middle.
//!
//! Each is a point of Σw = 1 that need not be feasible; the line from a feasible portfolio to it, up to where it
//! leaves the region, or its projection, is. Portfolio number i depends on the seed and on i alone.

use rand_core::TryRng;

use crate::constraints::{Projector, Region};
use crate::random::{PortfolioStream, Purpose, RunKey};

/// Draws from one region.
pub(super) struct Sampler<'a> {
    region: &'a Region,
    anchor: &'a [f64],
    run: RunKey,
    short: bool,
}

impl<'a> Sampler<'a> {
    pub(super) fn new(region: &'a Region, anchor: &'a [f64], seed: u64) -> Self {
        let short = region.lower.iter().any(|&lower| lower < 0.0);
        Self { region, anchor, run: RunKey::new(seed, 0, Purpose::Constrained), short }
    }

    /// The stream of portfolio (or move) `number`.
    pub(super) fn stream(&self, number: u64) -> PortfolioStream {
        PortfolioStream::new(self.run, number)
    }

    /// Portfolio `number`.
    pub(super) fn draw(&self, number: u64, projector: &mut Projector<'_>) -> Vec<f64> {
        let mut stream = self.stream(number);
        let kind = stream.below(4);
        let mut point = match kind {
            0 => self.spread(&mut stream),
            1 | 2 => self.face(&mut stream),
            _ => self.anywhere(&mut stream),
        };
        let assets = point.len() as f64;
        let excess = (point.iter().sum::<f64>() - 1.0) / assets;
        point.iter_mut().for_each(|weight| *weight -= excess);
        if kind == 2 {
            point = projector.project(&point, None).to_vec();
        }
        let direction = super::descent::feasible_direction(self.anchor, &point);
        let reach = self.region.reach(self.anchor, &direction, 1.0);
        self.anchor.iter().zip(&direction).map(|(from, d)| from + reach * d).collect()
    }

    /// From the lower bounds, what is left spread as a Dirichlet vector.
    fn spread(&self, stream: &mut PortfolioStream) -> Vec<f64> {
        let lower = self.region.lower.iter().map(|lower| lower.max(0.0));
        let left = (1.0 - lower.clone().sum::<f64>()).max(0.0);
        let parts: Vec<f64> = lower.clone().map(|_| exponential(stream)).collect();
        let sum: f64 = parts.iter().sum();
        lower.zip(parts).map(|(lower, part)| lower + left * part / sum).collect()
    }

    /// All on a few assets; with short positions allowed, some of them owed.
    fn face(&self, stream: &mut PortfolioStream) -> Vec<f64> {
        let assets = self.region.assets();
        let mut order: Vec<usize> = (0..assets).collect();
        let count = 1 + stream.below(assets).min(stream.below(assets));
        for position in 0..count {
            order.swap(position, position + stream.below(assets - position));
        }
        let mut point: Vec<f64> =
            self.region.lower.iter().zip(&self.region.upper).map(|(&l, &u)| 0.0_f64.clamp(l, u)).collect();
        let owing = if self.short && count > 1 { stream.below(count) } else { 0 };
        let room = self.region.gross.map_or_else(
            || -self.region.lower.iter().map(|lower| lower.min(0.0)).sum::<f64>(),
            |gross| 0.5 * (gross - 1.0),
        );
        let owed = if owing > 0 { room * uniform(stream) } else { 0.0 };
        let parts: Vec<f64> = (0..count).map(|_| exponential(stream)).collect();
        let (short, long): (f64, f64) = (parts[..owing].iter().sum(), parts[owing..].iter().sum());
        for (position, &asset) in order[..count].iter().enumerate() {
            point[asset] = if position < owing {
                -owed * parts[position] / short
            } else {
                (1.0 + owed) * parts[position] / long
            };
        }
        point
    }

    /// In a random direction from the middle, up to the far side.
    fn anywhere(&self, stream: &mut PortfolioStream) -> Vec<f64> {
        let mut direction: Vec<f64> =
            self.anchor.iter().map(|_| exponential(stream) - exponential(stream)).collect();
        let mean = direction.iter().sum::<f64>() / direction.len() as f64;
        direction.iter_mut().for_each(|d| *d -= mean);
        let share = uniform(stream).sqrt();
        let reach = share * self.region.reach(self.anchor, &direction, 1e6);
        self.anchor.iter().zip(&direction).map(|(from, d)| from + reach * d).collect()
    }
}

/// Uniform on the open interval (0, 1).
pub(super) fn uniform(stream: &mut PortfolioStream) -> f64 {
    let Ok(word) = stream.try_next_u32();
    (f64::from(word) + 0.5) / 4_294_967_296.0
}

/// Standard exponential.
pub(super) fn exponential(stream: &mut PortfolioStream) -> f64 {
    -libm::log(uniform(stream))
}
