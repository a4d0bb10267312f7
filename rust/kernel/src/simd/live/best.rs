//! The best of a population so far, in double precision.

use super::Leaders;

/// The best seen so far; ties go to the lower number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Best {
    sharpe: (f64, usize),
    variance: (f64, usize),
}

impl Best {
    pub(super) const fn new() -> Self {
        Self { sharpe: (f64::NEG_INFINITY, 0), variance: (f64::INFINITY, 0) }
    }

    /// Largest score `excess · |excess| / variance`, and smallest variance.
    #[inline(always)]
    pub(super) fn bounds(&self) -> (f64, f64) {
        (self.sharpe.0, self.variance.0)
    }

    #[inline(always)]
    pub(super) fn offer(&mut self, k: usize, excess: f64, variance: f64) {
        let score = excess * excess.abs() / variance;
        if score > self.sharpe.0 || (score == self.sharpe.0 && k < self.sharpe.1) {
            self.sharpe = (score, k);
        }
        if variance < self.variance.0 || (variance == self.variance.0 && k < self.variance.1) {
            self.variance = (variance, k);
        }
    }

    #[inline(always)]
    pub(super) fn leaders(&self) -> Leaders {
        Leaders { max_sharpe: self.sharpe.1, min_variance: self.variance.1 }
    }
}
