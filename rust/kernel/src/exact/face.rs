//! The face of the feasible set on which some weights are free and the others fixed: the projected inverse
//! of the covariance on it.
//!
//! The factor is that of `Σ_FF + ridge · 11ᵀ`. On directions that sum to zero the second term vanishes, so
//! that the answers are those of Σ, but the factor exists whenever Σ is positive definite on those
//! directions: a riskless asset among the free ones is no obstacle.
//!
//! Two factors serve it: one that follows each change of the free set, for the steps of a solve, and one made
//! from scratch in rising order of the assets, whose bits depend on the free set and the matrix only, for the
//! answer.

use super::cholesky::Cholesky;
use super::inverse::Inverse;
use super::rank_one::RankOne;
use super::vector::{add_scaled, dot, same_bits, sum};
use crate::matrix::Stamp;

/// A pivot below this multiple of its diagonal element is rounding: the matrix is singular.
const PIVOT_TOLERANCE: f64 = 2e-14;
/// The rank-one term must not take more than this share of the curvature away (negative coefficients only).
const LEAST_DENOMINATOR: f64 = 1e-3;
/// A direction whose elements sum to more than this share of its length is balanced once more.
const UNBALANCED: f64 = 1e-12;
/// After this many changes the updated factor is made afresh before the next solve.
const MOST_UPDATES: usize = 64;

/// A factor of the covariance on the face.
pub(super) trait Factor {
    /// Rows of the factor.
    fn order(&self) -> usize;
    /// `x = A⁻¹ x`; `scratch` is as long as `x` at least.
    fn solve(&self, x: &mut [f64], scratch: &mut [f64]);
}

impl Factor for Cholesky {
    fn order(&self) -> usize {
        Self::order(self)
    }

    fn solve(&self, x: &mut [f64], _scratch: &mut [f64]) {
        Self::solve(self, x);
    }
}

impl Factor for Inverse {
    fn order(&self) -> usize {
        Self::order(self)
    }

    fn solve(&self, x: &mut [f64], scratch: &mut [f64]) {
        Self::solve(self, x, scratch);
    }
}

/// The free assets and the factorisation that goes with them.
#[derive(Debug, Clone, Default)]
pub(super) struct Face<F> {
    /// Free assets, in the order of the factor's rows.
    pub(super) free: Vec<usize>,
    factor: F,
    ridge: f64,
    /// True when the factor was made without flooring a pivot.
    clean: bool,
    /// Changes since the factor was made.
    updates: usize,
    /// The base matrix the factor was made from, and its rows, to notice another one.
    stamp: Stamp,
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
    scratch: Vec<f64>,
}

impl<F: Factor> Face<F> {
    fn with_factor(assets: usize, factor: F) -> Self {
        let zeros = || vec![0.0; assets];
        Self {
            free: Vec::with_capacity(assets),
            factor,
            ridge: 0.0,
            clean: false,
            updates: 0,
            stamp: Stamp::default(),
            seen: vec![0.0; assets * assets],
            ones_of_base: zeros(),
            ones_known: false,
            ones: zeros(),
            ones_sum: 0.0,
            spike: zeros(),
            spike_vector: zeros(),
            spike_factor: 0.0,
            scratch: zeros(),
        }
    }

    /// The ridge the factor holds, for variances computed from its solutions.
    pub(super) fn ridge(&self) -> f64 {
        self.ridge
    }

    /// True when the factor is that of `view`'s base on the free set, without a floored pivot.
    pub(super) fn is_factor_of(&mut self, view: &RankOne<'_>) -> bool {
        if !self.clean || self.factor.order() != self.free.len() {
            return false;
        }
        if self.stamp == view.base.stamp() {
            return true;
        }
        let order = view.order();
        let same = self
            .free
            .iter()
            .all(|&asset| same_bits(view.base.row(asset), &self.seen[asset * order..(asset + 1) * order]));
        if same {
            self.stamp = view.base.stamp();
        }
        same
    }

    fn see(&mut self, view: &RankOne<'_>, asset: usize) {
        let order = view.order();
        self.seen[asset * order..(asset + 1) * order].copy_from_slice(view.base.row(asset));
    }

    /// The ridge for the present free set; `typical` is the mean variance of the universe.
    fn ridge_for(&self, view: &RankOne<'_>, typical: f64) -> f64 {
        let variance: f64 = self.free.iter().map(|&asset| view.base.diagonal(asset).max(0.0)).sum();
        let variance = variance / self.free.len().max(1) as f64;
        if variance > 1e-12 * typical { variance } else { typical }
    }

    /// Makes [`solve`](Self::solve) and [`project`](Self::project) answer for `view`. False when its
    /// rank-one term cannot be handled on top of the base.
    pub(super) fn prepare(&mut self, view: &RankOne<'_>) -> bool {
        let size = self.free.len();
        if !self.ones_known {
            self.ones_of_base[..size].fill(1.0);
            self.factor.solve(&mut self.ones_of_base[..size], &mut self.scratch);
            self.ones_known = true;
        }
        self.ones[..size].copy_from_slice(&self.ones_of_base[..size]);
        self.spike_factor = 0.0;
        if !view.is_plain() {
            for (slot, &asset) in self.spike_vector.iter_mut().zip(&self.free) {
                *slot = view.vector[asset];
            }
            self.spike[..size].copy_from_slice(&self.spike_vector[..size]);
            self.factor.solve(&mut self.spike[..size], &mut self.scratch);
            let share = view.coefficient * dot(&self.spike_vector[..size], &self.spike[..size]);
            if 1.0 + share < LEAST_DENOMINATOR {
                return false;
            }
            self.spike_factor = view.coefficient / (1.0 + share);
            let along = dot(&self.spike_vector[..size], &self.ones_of_base[..size]);
            add_scaled(&mut self.ones[..size], -self.spike_factor * along, &self.spike[..size]);
        }
        self.ones_sum = sum(&self.ones[..size]);
        self.ones_sum > 0.0 && self.ones_sum.is_finite()
    }

    /// `x = (Σ_FF + ridge 11ᵀ)⁻¹ x`, one element a free asset.
    pub(super) fn solve(&mut self, x: &mut [f64]) {
        self.factor.solve(x, &mut self.scratch);
        if self.spike_factor != 0.0 {
            let along = dot(&self.spike_vector[..x.len()], x);
            add_scaled(x, -self.spike_factor * along, &self.spike[..x.len()]);
        }
    }

    /// The direction d that sums to zero and maximises `x·d − ½ dᵀΣd`; `x` is overwritten with it.
    pub(super) fn project(&mut self, x: &mut [f64]) {
        if x.len() < 2 {
            x.fill(0.0);
            return;
        }
        self.solve(x);
        let excess = sum(x) / self.ones_sum;
        add_scaled(x, -excess, &self.ones[..x.len()]);
        // Where nearly all of x was the same for every asset, what is left of it keeps the rounding of what was taken away, and
        // would change the sum of the weights.
        let left = sum(x);
        if left.abs() > UNBALANCED * dot(x, x).sqrt() {
            add_scaled(x, -left / self.ones_sum, &self.ones[..x.len()]);
        }
    }

    /// The direction of least curvature that moves `asset`, which is not free, by +1 and sums to zero:
    /// what the free assets do in it.
    pub(super) fn exchange(&mut self, view: &RankOne<'_>, asset: usize, out: &mut [f64]) {
        let row = view.base.row(asset);
        for (slot, &free) in out.iter_mut().zip(&self.free) {
            *slot = row[free] + self.ridge;
        }
        self.solve(out);
        let excess = (sum(out) - 1.0) / self.ones_sum;
        for (slot, one) in out.iter_mut().zip(&self.ones) {
            *slot = excess * one - *slot;
        }
    }
}

impl Face<Inverse> {
    pub(super) fn from_scratch(assets: usize) -> Self {
        Self::with_factor(assets, Inverse::new(assets))
    }

    /// Forgets its free set: another one is to be settled next.
    pub(super) fn forget(&mut self) {
        self.clean = false;
    }

    /// Factorises on `free`, which is in rising order. False when Σ is singular on the face.
    pub(super) fn factorise(
        &mut self,
        view: &RankOne<'_>,
        typical: f64,
        free: impl Iterator<Item = usize>,
    ) -> bool {
        self.free.clear();
        self.free.extend(free);
        self.ones_known = false;
        let ridge = self.ridge_for(view, typical);
        self.ridge = ridge;
        self.stamp = view.base.stamp();
        for position in 0..self.free.len() {
            self.see(view, self.free[position]);
        }
        let free = &self.free;
        let fill = |position: usize, into: &mut [f64]| {
            let row = view.base.row(free[position]);
            for (slot, &asset) in into.iter_mut().zip(&free[position..]) {
                *slot = row[asset] + ridge;
            }
        };
        self.clean =
            self.factor.factorise(free.len(), fill, |diagonal| PIVOT_TOLERANCE * diagonal.max(ridge));
        self.clean
    }
}

impl Face<Cholesky> {
    pub(super) fn updatable(assets: usize) -> Self {
        Self::with_factor(assets, Cholesky::new(assets))
    }

    /// Frees `free` and no other asset; the factor has to be made afresh.
    pub(super) fn restart(&mut self, free: impl Iterator<Item = usize>) {
        self.free.clear();
        self.free.extend(free);
        self.clean = false;
    }

    /// Sees to it that the factor is that of `view`'s base on the free set. False when a pivot had to be
    /// floored; the factor is usable all the same.
    pub(super) fn refresh(&mut self, view: &RankOne<'_>, typical: f64) -> bool {
        (self.updates <= MOST_UPDATES && self.is_factor_of(view)) || self.refactor(view, typical)
    }

    /// Factorises from scratch on the free set in rising order; as [`refresh`](Self::refresh).
    pub(super) fn refactor(&mut self, view: &RankOne<'_>, typical: f64) -> bool {
        self.free.sort_unstable();
        self.ridge = self.ridge_for(view, typical);
        self.stamp = view.base.stamp();
        self.factor.clear();
        self.ones_known = false;
        self.updates = 0;
        let mut clean = true;
        for position in 0..self.free.len() {
            clean &= self.push_row(view, self.free[position], true);
        }
        self.clean = clean;
        clean
    }

    /// Frees `asset` in O(F²). False, and nothing changed, when the covariance is singular on the larger face.
    pub(super) fn push(&mut self, view: &RankOne<'_>, asset: usize) -> bool {
        let added = self.push_row(view, asset, false);
        if added {
            self.free.push(asset);
            self.changed();
        }
        added
    }

    /// Frees `asset` whatever its pivot.
    pub(super) fn push_floored(&mut self, view: &RankOne<'_>, asset: usize) {
        self.clean &= self.push_row(view, asset, true);
        self.free.push(asset);
        self.changed();
    }

    fn push_row(&mut self, view: &RankOne<'_>, asset: usize, floored: bool) -> bool {
        self.see(view, asset);
        let (free, ridge, row) = (&self.free, self.ridge, view.base.row(asset));
        let entry = |position: usize| row[free[position]] + ridge;
        let diagonal = row[asset] + ridge;
        let least = PIVOT_TOLERANCE * diagonal.max(ridge);
        if floored {
            self.factor.push_floored(entry, diagonal, least)
        } else {
            self.factor.push(entry, diagonal, least)
        }
    }

    /// Fixes the free asset at `position` in O(F²); returns which it was.
    pub(super) fn remove(&mut self, position: usize) -> usize {
        self.factor.remove(position);
        self.changed();
        self.free.remove(position)
    }

    fn changed(&mut self) {
        self.updates += 1;
        self.ones_known = false;
    }
}
