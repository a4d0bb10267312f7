//! The bar that is still open, as observation W + 1.
//!
//! With u = r_open − μ_c every estimator gives μ = μ_c + a u and Σ = B + c u uᵀ, where a, c and B are
//! constant while the bar is open: a rank-one change against the *closed* covariance, whatever ticks.

use silverbullet_kernel::SymmetricMatrix;

use super::batch::Moments;
use super::error::{Error, Result, require_length};
use super::estimator::Estimator;
use super::shrinkage::{Shrinkage, add_to_diagonal};
use super::weights::{WeightSums, weight_at_age};

/// Moments of the W closed bars, and how the open one changes them. N assets, everything per bar.
///
/// | estimator | a | B | c |
/// |---|---|---|---|
/// | sample | 1/(W+1) | (W−1)/W Σ_c | 1/(W+1) |
/// | Ledoit–Wolf | 1/(W+1) | (1−δ) W/(W+1) S_c + δ m I | (1−δ) W/(W+1)² |
/// | exponential | α | (1−α)(1−Σp²)/(1−Σq²) Σ_c | α(1−α)/(1−Σq²) |
///
/// δ and m are those of the close; p and q are the normalised weights of W and of W + 1 bars, and α is the
/// newest of the latter.
#[derive(Debug, Clone, PartialEq)]
pub struct ClosedMoments {
    /// What estimated them.
    pub estimator: Estimator,
    /// Closed bars, W.
    pub observations: usize,
    /// Mean μ_c of the closed bars.
    pub mean: Vec<f64>,
    /// Covariance Σ_c of the closed bars, shrunk where the estimator shrinks.
    pub covariance: SymmetricMatrix,
    /// B: the part of the open bar's covariance that its returns do not change.
    pub base: SymmetricMatrix,
    /// a: how much of u moves the mean.
    pub mean_coefficient: f64,
    /// c: how much of u uᵀ moves the covariance.
    pub rank_one_coefficient: f64,
    /// Shrinkage at the close, where the estimator shrinks; frozen while the bar is open.
    pub shrinkage: Option<Shrinkage>,
    /// The covariance of the closed bars before any shrinkage, S.
    pub unshrunk: SymmetricMatrix,
    /// B = `base_scale` · S + δ m I.
    pub base_scale: f64,
    /// How the sums behind S follow a close.
    pub rolling: RollingWeights,
}

/// How sums over the window follow a close: Σ ← `decay` Σ + new − `evicted` old. With Σx and Σx² formed so,
/// x̄ = Σx / `sum` and the variance is (Σx² − x̄ Σx) / `divisor`: for single series, such as the returns of
/// one portfolio.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct RollingWeights {
    /// What one bar's age takes off its weight; one where all weigh the same.
    pub decay: f64,
    /// Weight of the bar that leaves, at the close that takes it out.
    pub evicted: f64,
    /// Sum of the weights.
    pub sum: f64,
    /// What the centred sum of squares is divided by.
    pub divisor: f64,
}

impl ClosedMoments {
    /// Room for the moments of `assets` assets; zeros, of no observation, until they are written.
    #[must_use]
    pub fn new(assets: usize, estimator: Estimator) -> Self {
        Self {
            estimator,
            observations: 0,
            mean: vec![0.0; assets],
            covariance: SymmetricMatrix::zeros(assets),
            base: SymmetricMatrix::zeros(assets),
            mean_coefficient: 0.0,
            rank_one_coefficient: 0.0,
            shrinkage: None,
            unshrunk: SymmetricMatrix::zeros(assets),
            base_scale: 0.0,
            rolling: RollingWeights::default(),
        }
    }

    /// Takes over all of `other`; without allocating where it is of as many assets.
    pub fn copy_from(&mut self, other: &Self) {
        self.mean.clone_from(&other.mean);
        self.covariance.copy_from(&other.covariance);
        self.base.copy_from(&other.base);
        self.unshrunk.copy_from(&other.unshrunk);
        self.estimator = other.estimator;
        self.observations = other.observations;
        self.mean_coefficient = other.mean_coefficient;
        self.rank_one_coefficient = other.rank_one_coefficient;
        self.shrinkage = other.shrinkage;
        self.base_scale = other.base_scale;
        self.rolling = other.rolling;
    }

    /// From moments summed afresh.
    ///
    /// # Errors
    /// Moments whose public fields contradict each other: fewer than two observations, a mean and a
    /// covariance of different numbers of assets, a half-life out of range.
    pub fn from_moments(moments: &Moments) -> Result<Self> {
        let estimator = moments.estimator.validated()?;
        if moments.observations < 2 {
            return Err(Error::TooFewRows { rows: moments.observations });
        }
        require_length("covariance", moments.mean.len(), moments.covariance.order())?;
        let mut closed = Self::new(moments.mean.len(), estimator);
        closed.mean.copy_from_slice(&moments.mean);
        closed.covariance.as_mut_slice().copy_from_slice(moments.covariance.as_slice());
        closed.shrinkage = moments.shrinkage;
        closed.unshrunk = unshrunk(moments);
        closed.finish(&WeightSums::of(moments.observations, estimator.half_life()));
        Ok(closed)
    }

    /// Number of assets.
    #[must_use]
    pub fn assets(&self) -> usize {
        self.mean.len()
    }

    /// `deviation` = u = r_open − μ_c; all slices have one element an asset.
    pub fn deviation_into(&self, open_returns: &[f64], deviation: &mut [f64]) {
        for ((out, value), mean) in deviation.iter_mut().zip(open_returns).zip(&self.mean) {
            *out = value - mean;
        }
    }

    /// The mean with the open bar, μ_c + a u, for u = `deviation`.
    pub fn open_mean_into(&self, deviation: &[f64], out: &mut [f64]) {
        for ((out, u), mean) in out.iter_mut().zip(deviation).zip(&self.mean) {
            *out = mean + self.mean_coefficient * u;
        }
    }

    /// The covariance with the open bar, B + c u uᵀ, for u = `deviation`; `out` is of order N.
    pub fn open_covariance_into(&self, deviation: &[f64], out: &mut SymmetricMatrix) {
        let assets = self.assets().max(1);
        let rows = out.as_mut_slice().chunks_exact_mut(assets).zip(self.base.as_slice().chunks_exact(assets));
        for ((out, base), row) in rows.zip(deviation) {
            for ((out, base), column) in out.iter_mut().zip(base).zip(deviation) {
                // The product first, so that both triangles get the same bits.
                *out = base + self.rank_one_coefficient * (row * column);
            }
        }
    }

    /// Derives a, B and c from estimator, covariance and shrinkage, and W from `sums`.
    pub(crate) fn finish(&mut self, sums: &WeightSums) {
        let bars = sums.count() as f64;
        self.observations = sums.count();
        self.mean_coefficient = 1.0 / (bars + 1.0);
        let (mut scale, mut ridge) = ((bars - 1.0) / bars, 0.0);
        self.rank_one_coefficient = 1.0 / (bars + 1.0);
        let half_life = self.estimator.half_life();
        self.rolling = RollingWeights {
            decay: weight_at_age(1, half_life),
            evicted: weight_at_age(sums.count(), half_life),
            sum: sums.sum(),
            divisor: self.estimator.divisor(sums),
        };
        match (self.estimator, self.shrinkage) {
            (Estimator::LedoitWolf, shrinkage) => {
                let Shrinkage { intensity, target } =
                    shrinkage.unwrap_or(Shrinkage { intensity: 0.0, target: 0.0 });
                // W/(W+1) (Σ_c − δ m I) + δ m I.
                scale = bars / (bars + 1.0);
                ridge = intensity * target / (bars + 1.0);
                self.rank_one_coefficient = (1.0 - intensity) * scale / (bars + 1.0);
            }
            (Estimator::Exponential { .. }, _) => {
                // With λ = 2^(−1/half-life), G = Σw and κ = G (1 − Σp²): α = 1/(1 + λG), and the fractions
                // in the table reduce to these, which do not cancel when the newest bar dominates.
                let decay = weight_at_age(1, self.estimator.half_life());
                let (total, divisor) = (sums.sum(), sums.unbiased_divisor());
                self.mean_coefficient = 1.0 / (1.0 + decay * total);
                self.rank_one_coefficient = 1.0 / (2.0 + decay * divisor);
                scale = divisor * (1.0 + decay * total) * self.rank_one_coefficient / total;
            }
            (Estimator::Sample, _) => {}
        }
        self.base_scale = scale * (1.0 - self.shrinkage.map_or(0.0, |shrinkage| shrinkage.intensity));
        for (base, entry) in self.base.as_mut_slice().iter_mut().zip(self.covariance.as_slice()) {
            *base = scale * entry;
        }
        if ridge > 0.0 {
            add_to_diagonal(&mut self.base, ridge);
        }
    }
}

/// S from moments that may be shrunk; the shrunk covariance itself where nothing of S is left in it.
fn unshrunk(moments: &Moments) -> SymmetricMatrix {
    match moments.shrinkage {
        Some(Shrinkage { intensity, target }) if intensity < 1.0 => {
            SymmetricMatrix::from_lower(moments.mean.len(), |row, column| {
                let added = if row == column { intensity * target } else { 0.0 };
                (moments.covariance.get(row, column) - added) / (1.0 - intensity)
            })
        }
        _ => moments.covariance.clone(),
    }
}
