//! The problem as refinement reads it: rows padded to whole vectors of eight.
//!
//! Each loop of refinement runs over arrays of eight numbers, so that it has no remainder, whatever the number of
//! assets, and its sums have one order, whatever the width of the machine's vectors. A place that pads has no
//! room to grow or to shrink, and everything else about it is zero.

use crate::batch::ScaledProblem;

/// Numbers in one step of a loop.
pub(super) const WIDTH: usize = 8;

/// Eight neighbours.
pub(super) type Octet = [f64; WIDTH];

/// Eight zeros.
pub(super) const ZEROS: Octet = [0.0; WIDTH];

/// A [`ScaledProblem`] laid out for refinement.
#[derive(Debug, Clone)]
pub(crate) struct PaddedProblem<'a> {
    problem: &'a ScaledProblem,
    octets: usize,
    rows: Vec<Octet>,
    pub(super) excess: Vec<Octet>,
    pub(super) diagonal: Vec<Octet>,
    pub(super) lower: Vec<Octet>,
    pub(super) upper: Vec<Octet>,
    /// One less the lower bounds: what there is to distribute.
    budget: f64,
    /// Whether an upper bound can bind.
    capped: bool,
    /// Bounds on the absolute values of (excess means)·x and of an element of Σx for any feasible x.
    largest: (f64, f64),
}

impl<'a> PaddedProblem<'a> {
    pub(crate) fn new(problem: &'a ScaledProblem) -> Self {
        let assets = problem.assets();
        let octets = assets.div_ceil(WIDTH);
        let mut rows = vec![ZEROS; octets * assets];
        for (asset, row) in rows.chunks_exact_mut(octets).enumerate() {
            row.as_flattened_mut()[..assets].copy_from_slice(problem.covariance().row(asset));
        }
        let diagonal: Vec<f64> = (0..assets).map(|asset| problem.covariance().diagonal(asset)).collect();
        let (lower, upper) = (problem.bounds().lower(), problem.bounds().upper());
        let budget = (1.0 - lower.iter().sum::<f64>()).max(0.0);
        let gross = 1.0 + 2.0 * lower.iter().map(|bound| (-bound).max(0.0)).sum::<f64>();
        let size = |values: &[f64]| values.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
        Self {
            octets,
            budget,
            capped: upper.iter().zip(lower).any(|(high, low)| high - low < budget),
            largest: (gross * size(problem.excess()), gross * gross * size(&diagonal)),
            rows,
            excess: padded(problem.excess()),
            diagonal: padded(&diagonal),
            lower: padded(lower),
            upper: padded(upper),
            problem,
        }
    }

    /// The same problem with the exchanges confined to a part of the feasible set.
    pub(crate) fn within(&self, lower: &[f64], upper: &[f64]) -> Self {
        Self { lower: padded(lower), upper: padded(upper), ..self.clone() }
    }

    pub(crate) fn scaled(&self) -> &'a ScaledProblem {
        self.problem
    }

    pub(crate) fn assets(&self) -> usize {
        self.problem.assets()
    }

    pub(super) fn budget(&self) -> f64 {
        self.budget
    }

    pub(super) fn capped(&self) -> bool {
        self.capped
    }

    /// A bound on the rounding of (p·μ − q·Σw)·x for feasible w and x.
    pub(super) fn rounding(&self, mean_factor: f64, risk_factor: f64) -> f64 {
        let (mean, product) = self.largest;
        8.0 * f64::EPSILON * self.assets() as f64 * (mean_factor * mean + risk_factor * product)
    }

    pub(super) fn octets(&self) -> usize {
        self.octets
    }

    pub(super) fn row(&self, asset: usize) -> &[Octet] {
        &self.rows[asset * self.octets..(asset + 1) * self.octets]
    }

    /// `out = Σ w`, summed column by column in the order of the assets.
    pub(super) fn multiply_into(&self, weights: &[Octet], out: &mut [Octet]) {
        out.fill(ZEROS);
        for (asset, &weight) in weights.as_flattened()[..self.assets()].iter().enumerate() {
            if weight != 0.0 {
                for (sum, row) in out.iter_mut().zip(self.row(asset)) {
                    for lane in 0..WIDTH {
                        sum[lane] += weight * row[lane];
                    }
                }
            }
        }
    }
}

/// `values` in whole octets, filled up with zeros.
pub(super) fn padded(values: &[f64]) -> Vec<Octet> {
    let mut octets = vec![ZEROS; values.len().div_ceil(WIDTH)];
    octets.as_flattened_mut()[..values.len()].copy_from_slice(values);
    octets
}

/// Inner product: eight sums side by side, then those in pairs.
pub(super) fn dot(a: &[Octet], b: &[Octet]) -> f64 {
    let mut sums = ZEROS;
    for (a, b) in a.iter().zip(b) {
        for lane in 0..WIDTH {
            sums[lane] += a[lane] * b[lane];
        }
    }
    fold(sums, |a, b| a + b)
}

/// The eight numbers brought together in pairs.
#[inline(always)]
pub(super) fn fold(values: Octet, operation: impl Fn(f64, f64) -> f64) -> f64 {
    let [a, b, c, d, e, f, g, h] = values;
    operation(operation(operation(a, e), operation(c, g)), operation(operation(b, f), operation(d, h)))
}
