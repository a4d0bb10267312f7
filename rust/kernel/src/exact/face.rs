//! The face of the feasible set on which some weights are free and the others fixed: the projected inverse
//! of the covariance on it.
//!
//! The factor is that of `Σ_FF + ridge · 11ᵀ`. On directions that sum to zero the second term vanishes, so
//! that the answers are those of Σ, but the factor exists whenever Σ is positive definite on those
//! directions: a riskless asset among the free ones is no obstacle.

use super::cholesky::Cholesky;
use super::rank_one::RankOne;
use super::vector::{add_scaled, dot, same_bits};

/// A pivot below this multiple of its diagonal element is rounding: the matrix is singular.
const PIVOT_TOLERANCE: f64 = 2e-14;
/// The rank-one term must not take more than this share of the curvature away (negative coefficients only).
const LEAST_DENOMINATOR: f64 = 1e-3;

/// The free assets and the factorisation that goes with them.
#[derive(Debug, Clone)]
pub(super) struct Face {
    /// Free assets, in the order of the factor's rows.
    pub(super) free: Vec<usize>,
    factor: Cholesky,
    ridge: f64,
    /// True when the factor was made from scratch in rising order of the assets and not updated since, and
    /// without a floored pivot: then its bits depend on the free set and the matrix only.
    canonical: bool,
    /// Rows of the base matrix the factor was made from, to notice another matrix.
    seen: Vec<f64>,
    ones_of_base: Vec<f64>,
    ones_known: bool,
    /// `(Σ_FF + ridge 11ᵀ)⁻¹ 1` and its sum.
    pub(super) ones: Vec<f64>,
    pub(super) ones_sum: f64,
    /// Base inverse times the rank-one vector, that vector on the face, and the Sherman-Morrison factor.
    spike: Vec<f64>,
    spike_vector: Vec<f64>,
    spike_factor: f64,
}

impl Face {
    pub(super) fn new(assets: usize) -> Self {
        Self {
            free: Vec::with_capacity(assets),
            factor: Cholesky::new(assets),
            ridge: 0.0,
            canonical: false,
            seen: vec![0.0; assets * assets],
            ones_of_base: vec![0.0; assets],
            ones_known: false,
            ones: vec![0.0; assets],
            ones_sum: 0.0,
            spike: vec![0.0; assets],
            spike_vector: vec![0.0; assets],
            spike_factor: 0.0,
        }
    }

    /// The ridge the factor holds, for variances computed from its solutions.
    pub(super) fn ridge(&self) -> f64 {
        self.ridge
    }

    /// True when the factor is that of `view`'s base on the free set, made from scratch.
    pub(super) fn is_canonical_for(&self, view: &RankOne<'_>) -> bool {
        let order = view.order();
        self.canonical
            && self.factor.order() == self.free.len()
            && self
                .free
                .iter()
                .all(|&asset| same_bits(view.base.row(asset), &self.seen[asset * order..(asset + 1) * order]))
    }

    /// Factorises from scratch on the free set in rising order. `typical` is the mean variance of the
    /// universe. False when a pivot had to be floored; the factor is usable all the same.
    pub(super) fn refactor(&mut self, view: &RankOne<'_>, typical: f64) -> bool {
        self.free.sort_unstable();
        let variance: f64 = self.free.iter().map(|&asset| view.base.diagonal(asset).max(0.0)).sum();
        let variance = variance / self.free.len().max(1) as f64;
        self.ridge = if variance > 1e-12 * typical { variance } else { typical };
        self.factor.clear();
        self.ones_known = false;
        let mut clean = true;
        for position in 0..self.free.len() {
            clean &= self.push_row(view, self.free[position], true);
        }
        self.canonical = clean;
        clean
    }

    /// Frees `asset` in O(F²). False, and nothing changed, when the covariance is singular on the larger face.
    pub(super) fn push(&mut self, view: &RankOne<'_>, asset: usize) -> bool {
        let added = self.push_row(view, asset, false);
        if added {
            self.free.push(asset);
            self.canonical = false;
            self.ones_known = false;
        }
        added
    }

    /// Frees `asset` whatever its pivot.
    pub(super) fn push_floored(&mut self, view: &RankOne<'_>, asset: usize) {
        self.push_row(view, asset, true);
        self.free.push(asset);
        self.canonical = false;
        self.ones_known = false;
    }

    fn push_row(&mut self, view: &RankOne<'_>, asset: usize, floored: bool) -> bool {
        let (free, ridge, row) = (&self.free, self.ridge, view.base.row(asset));
        let entry = |position: usize| row[free[position]] + ridge;
        let diagonal = row[asset] + ridge;
        let least = PIVOT_TOLERANCE * diagonal.max(ridge);
        let order = view.order();
        self.seen[asset * order..(asset + 1) * order].copy_from_slice(row);
        if floored {
            self.factor.push_floored(entry, diagonal, least)
        } else {
            self.factor.push(entry, diagonal, least)
        }
    }

    /// Fixes the free asset at `position` in O(F²); returns which it was.
    pub(super) fn remove(&mut self, position: usize) -> usize {
        self.factor.remove(position);
        self.canonical = false;
        self.ones_known = false;
        self.free.remove(position)
    }

    /// Makes [`solve`](Self::solve) and [`project`](Self::project) answer for `view`. False when its
    /// rank-one term cannot be handled on top of the base.
    pub(super) fn prepare(&mut self, view: &RankOne<'_>) -> bool {
        let size = self.free.len();
        if !self.ones_known {
            self.ones_of_base[..size].fill(1.0);
            self.factor.solve(&mut self.ones_of_base[..size]);
            self.ones_known = true;
        }
        self.ones[..size].copy_from_slice(&self.ones_of_base[..size]);
        self.spike_factor = 0.0;
        if !view.is_plain() {
            for (slot, &asset) in self.spike_vector.iter_mut().zip(&self.free) {
                *slot = view.vector[asset];
            }
            self.spike[..size].copy_from_slice(&self.spike_vector[..size]);
            self.factor.solve(&mut self.spike[..size]);
            let share = view.coefficient * dot(&self.spike_vector[..size], &self.spike[..size]);
            if 1.0 + share < LEAST_DENOMINATOR {
                return false;
            }
            self.spike_factor = view.coefficient / (1.0 + share);
            let along = dot(&self.spike_vector[..size], &self.ones_of_base[..size]);
            add_scaled(&mut self.ones[..size], -self.spike_factor * along, &self.spike[..size]);
        }
        self.ones_sum = self.ones[..size].iter().sum();
        self.ones_sum > 0.0 && self.ones_sum.is_finite()
    }

    /// `x = (Σ_FF + ridge 11ᵀ)⁻¹ x`, one element a free asset.
    pub(super) fn solve(&self, x: &mut [f64]) {
        self.factor.solve(x);
        if self.spike_factor != 0.0 {
            let along = dot(&self.spike_vector[..x.len()], x);
            add_scaled(x, -self.spike_factor * along, &self.spike[..x.len()]);
        }
    }

    /// The direction d that sums to zero and maximises `x·d − ½ dᵀΣd`; `x` is overwritten with it.
    pub(super) fn project(&self, x: &mut [f64]) {
        if x.len() < 2 {
            x.fill(0.0);
            return;
        }
        self.solve(x);
        let excess = x.iter().sum::<f64>() / self.ones_sum;
        add_scaled(x, -excess, &self.ones[..x.len()]);
    }

    /// The direction of least curvature that moves `asset`, which is not free, by +1 and sums to zero:
    /// what the free assets do in it.
    pub(super) fn exchange(&self, view: &RankOne<'_>, asset: usize, out: &mut [f64]) {
        let row = view.base.row(asset);
        for (slot, &free) in out.iter_mut().zip(&self.free) {
            *slot = row[free] + self.ridge;
        }
        self.solve(out);
        let excess = (out.iter().sum::<f64>() - 1.0) / self.ones_sum;
        for (slot, one) in out.iter_mut().zip(&self.ones) {
            *slot = excess * one - *slot;
        }
    }
}
