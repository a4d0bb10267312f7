//! Moments of a live window, followed in O(N²) a bar.
//!
//! For live answers only: stored results are summed afresh by [`estimate`](super::estimate). Rounding
//! cannot drift. A second set of sums starts from zero, measured from the window's current mean, and only
//! ever adds; after as many bars as the window holds it *is* the window and takes over, so no sum sees more
//! evictions than that.
//!
//! What is left is the rounding of the terms themselves. With d the distance of the window's mean from the
//! one its sums are measured from, a variance is right to about ε (1 + d²/σ²) and a shrinkage intensity to
//! about ε (1 + d⁴/σ⁴): nothing to speak of unless the mean jumped by hundreds of deviations within the last
//! three windows.

use super::error::{Error, Result, require_length, require_usable};
use super::estimator::Estimator;
use super::open_bar::ClosedMoments;
use super::returns::ReturnMatrix;
use super::shrinkage::{shrink, shrinkage};
use super::sums::ShiftedSums;
use super::weights::WeightSums;

/// Mean and covariance of the last `window` bars of a fixed set of assets.
///
/// When the set of assets changes, [`rebuild`](Self::rebuild) it from the window: shrinkage depends on the
/// whole row, so no subset can be cut out of the sums. Returns may have any unit, as long as they are
/// between about 1e-70 and 1e60.
#[derive(Debug, Clone)]
pub struct RollingMoments {
    estimator: Estimator,
    window: usize,
    weights: WeightSums,
    /// Holds the window.
    main: ShiftedSums,
    /// Holds the bars since the window was last full and its sums new.
    shadow: ShiftedSums,
    mean: Vec<f64>,
}

impl RollingMoments {
    /// An empty window of `window` bars over `assets` assets.
    ///
    /// # Errors
    /// No asset, a window of fewer than two bars, a half-life out of range.
    pub fn new(assets: usize, window: usize, estimator: Estimator) -> Result<Self> {
        let half_life = estimator.validated()?.half_life();
        if assets == 0 {
            return Err(Error::NoAsset);
        }
        if window < 2 {
            return Err(Error::Window { window });
        }
        let sums = ShiftedSums::new(assets, half_life, estimator == Estimator::LedoitWolf);
        Ok(Self {
            estimator,
            window,
            weights: WeightSums::empty(half_life),
            main: sums.clone(),
            shadow: sums,
            mean: vec![0.0; assets],
        })
    }

    /// Number of assets.
    #[must_use]
    pub fn assets(&self) -> usize {
        self.mean.len()
    }

    /// Bars the window holds when it is full.
    #[must_use]
    pub fn window(&self) -> usize {
        self.window
    }

    /// Bars it holds now.
    #[must_use]
    pub fn observations(&self) -> usize {
        self.weights.count()
    }

    /// True when the next bar evicts one.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.observations() == self.window
    }

    /// Adds the newest bar and, when the window is full, evicts the oldest: the very returns that were
    /// pushed `window` bars before. O(N²), no allocation; nothing is changed on error.
    ///
    /// # Errors
    /// A row of another length or with a number that is not finite (or beyond 1e60); an evicted row that is
    /// missing or superfluous.
    pub fn push(&mut self, new_row: &[f64], evicted_row: Option<&[f64]>) -> Result<()> {
        let full = self.is_full();
        if evicted_row.is_some() != full {
            return Err(Error::Eviction { full });
        }
        for row in [Some(new_row), evicted_row].into_iter().flatten() {
            require_length("row of returns", self.assets(), row.len())?;
            require_usable(0, row)?;
        }
        if self.observations() == 0 {
            self.main.restart(new_row);
        }
        match evicted_row {
            Some(row) => {
                self.main.exchange(new_row, row);
                self.shadow.add(new_row);
            }
            None => {
                self.main.add(new_row);
                self.weights.grow();
            }
        }
        if self.shadow.count() == self.window {
            std::mem::swap(&mut self.main, &mut self.shadow);
            self.restart_shadow();
        } else if !full && self.is_full() {
            self.restart_shadow();
        }
        Ok(())
    }

    /// Starts again from the rows of `returns`, oldest first, possibly of another set of assets.
    ///
    /// # Errors
    /// No asset, more rows than the window holds, a return that is not finite (or beyond 1e60).
    pub fn rebuild(&mut self, returns: &ReturnMatrix) -> Result<()> {
        if returns.rows() > self.window {
            return Err(Error::TooManyRows { rows: returns.rows(), window: self.window });
        }
        returns.require_usable()?;
        let mut fresh = Self::new(returns.assets(), self.window, self.estimator)?;
        // Twice: the first sums give the mean that the second are measured from.
        for pass in 0..2 {
            for row in returns.iter() {
                if pass == 0 {
                    fresh.weights.grow();
                }
                fresh.main.add(row);
            }
            if pass == 0 && !returns.is_empty() {
                fresh.main.mean_into(fresh.weights.sum(), &mut fresh.mean);
                fresh.main.restart(&fresh.mean);
            }
        }
        if fresh.is_full() {
            fresh.restart_shadow();
        }
        *self = fresh;
        Ok(())
    }

    /// Writes the moments of the bars held, and what the open bar needs. O(N²), no allocation.
    ///
    /// # Errors
    /// Fewer than two bars; room for another number of assets.
    pub fn write_closed(&self, out: &mut ClosedMoments) -> Result<()> {
        let bars = self.observations();
        if bars < 2 {
            return Err(Error::TooFewRows { rows: bars });
        }
        require_length("closed moments", self.assets(), out.assets())?;
        require_length("closed moments' covariance", self.assets(), out.covariance.order())?;
        require_length("closed moments' base", self.assets(), out.base.order())?;
        let divisor = self.estimator.divisor(&self.weights);
        self.main.mean_into(self.weights.sum(), &mut out.mean);
        self.main.covariance_into(self.weights.sum(), divisor, &mut out.covariance);
        out.unshrunk.as_mut_slice().copy_from_slice(out.covariance.as_slice());
        out.estimator = self.estimator;
        out.shrinkage = (self.estimator == Estimator::LedoitWolf).then(|| {
            let found = shrinkage(&out.covariance, self.main.fourth_moment() / divisor, bars);
            shrink(&mut out.covariance, found);
            found
        });
        out.finish(&self.weights);
        Ok(())
    }

    fn restart_shadow(&mut self) {
        self.main.mean_into(self.weights.sum(), &mut self.mean);
        self.shadow.restart(&self.mean);
    }
}
