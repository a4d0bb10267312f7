//! Sums of powers of the returns that bars are added to and evicted from.
//!
//! Returns are measured from a reference near their mean, so that little cancels when the sums are centred.
//! Each sum carries its rounding error with it (Knuth's two-sum), and a bar's products are the same bits
//! when it leaves as when it came: evicting an outlier takes out what adding it put in, to twice the
//! working precision. Exponential weights grow towards the newest bar instead of decaying from it, for the
//! same reason: a weight is never touched again.

use silverbullet_kernel::SymmetricMatrix;
use silverbullet_kernel::simd::{Compensator, Product};

use super::weights::{exp2_parts, power_of_two};

/// Weights are renormalised when the newest exceeds two to this power.
const LARGEST_EXPONENT: i32 = 64;

/// Sums, each with its rounding error beside it.
#[derive(Debug, Clone)]
struct Compensated {
    sum: Vec<f64>,
    error: Vec<f64>,
}

impl Compensated {
    fn zeros(length: usize) -> Self {
        Self { sum: vec![0.0; length], error: vec![0.0; length] }
    }

    fn value(&self, index: usize) -> f64 {
        self.sum[index] + self.error[index]
    }

    fn multiply(&mut self, factor: f64) {
        for value in self.sum.iter_mut().chain(&mut self.error) {
            *value *= factor;
        }
    }

    fn clear(&mut self) {
        self.sum.fill(0.0);
        self.error.fill(0.0);
    }

    /// Adds factor · values to the elements from `offset` on.
    #[inline]
    fn add(&mut self, offset: usize, factor: f64, values: &[f64]) {
        let range = offset..offset + values.len();
        let cells = self.sum[range.clone()].iter_mut().zip(&mut self.error[range]);
        for ((sum, error), value) in cells.zip(values) {
            let term = factor * value;
            let total = *sum + term;
            let added = total - *sum;
            *error += (*sum - (total - added)) + (term - added);
            *sum = total;
        }
    }
}

/// Σ w y, Σ w y yᵀ and, for shrinkage, Σ‖y‖² y and Σ‖y‖⁴, where y = x − reference.
#[derive(Debug, Clone)]
pub(crate) struct ShiftedSums {
    half_life: Option<f64>,
    /// Whether the sums that shrinkage needs are kept.
    fourth_order: bool,
    reference: Vec<f64>,
    /// Number of bars ever added: the next one's weight is 2^(added/half-life).
    added: usize,
    /// Number of bars ever evicted: they leave in the order they came.
    evicted: usize,
    /// All weights are held divided by two to this power.
    exponent: i32,
    first: Compensated,
    /// Lower triangle, its rows where a [`Compensator`] has them.
    second: Compensated,
    /// Σ‖y‖² y, and Σ‖y‖⁴ after it.
    fourth: Compensated,
    /// The bar that comes and the bar that goes, measured from the reference, with zeros behind them.
    shifted: [Vec<f64>; 2],
    compensator: Compensator,
}

impl ShiftedSums {
    pub(crate) fn new(assets: usize, half_life: Option<f64>, fourth_order: bool) -> Self {
        Self {
            half_life,
            fourth_order,
            reference: vec![0.0; assets],
            added: 0,
            evicted: 0,
            exponent: 0,
            first: Compensated::zeros(assets),
            second: Compensated::zeros(Compensator::cells(assets)),
            fourth: Compensated::zeros(assets + 1),
            shifted: [0; 2].map(|_| vec![0.0; Compensator::padded(assets)]),
            compensator: Compensator::detect(),
        }
    }

    /// Bars in the sums.
    pub(crate) fn count(&self) -> usize {
        self.added - self.evicted
    }

    /// Forgets everything and measures returns from `reference` from here on.
    pub(crate) fn restart(&mut self, reference: &[f64]) {
        self.reference.copy_from_slice(reference);
        (self.added, self.evicted, self.exponent) = (0, 0, 0);
        self.first.clear();
        self.second.clear();
        self.fourth.clear();
    }

    /// Adds the newest bar.
    pub(crate) fn add(&mut self, row: &[f64]) {
        let weight = self.arrive();
        self.shift(0, row);
        let Self { reference, second, shifted, compensator, .. } = self;
        let product = Product { weight, y: &shifted[0] };
        compensator.add(reference.len(), &mut second.sum, &mut second.error, [product]);
        self.add_others(0, weight);
    }

    /// Adds the newest bar, and takes out the oldest one.
    pub(crate) fn exchange(&mut self, newest: &[f64], oldest: &[f64]) {
        let into = self.arrive();
        let out = -self.weight(self.evicted);
        self.evicted += 1;
        self.shift(0, newest);
        self.shift(1, oldest);
        let Self { reference, second, shifted: [newest, oldest], compensator, .. } = self;
        let products = [Product { weight: into, y: newest }, Product { weight: out, y: oldest }];
        compensator.add(reference.len(), &mut second.sum, &mut second.error, products);
        self.add_others(0, into);
        self.add_others(1, out);
    }

    /// The weight of the next bar to be added, which is counted.
    fn arrive(&mut self) -> f64 {
        let mut weight = self.weight(self.added);
        if weight > power_of_two(LARGEST_EXPONENT) {
            self.renormalise();
            weight = self.weight(self.added);
        }
        self.added += 1;
        weight
    }

    fn shift(&mut self, which: usize, row: &[f64]) {
        for ((shifted, value), reference) in self.shifted[which].iter_mut().zip(row).zip(&self.reference) {
            *shifted = value - reference;
        }
    }

    /// Adds to the sums other than those of products.
    fn add_others(&mut self, which: usize, weight: f64) {
        let shifted = &self.shifted[which][..self.reference.len()];
        self.first.add(0, weight, shifted);
        if self.fourth_order {
            let square: f64 = shifted.iter().map(|value| value * value).sum();
            self.fourth.add(0, weight * square, shifted);
            self.fourth.add(shifted.len(), weight * square, &[square]);
        }
    }

    /// The mean of the bars, given Σw with the newest weight one.
    pub(crate) fn mean_into(&self, total: f64, mean: &mut [f64]) {
        let total = total * self.newest_weight();
        for (index, (mean, reference)) in mean.iter_mut().zip(&self.reference).enumerate() {
            *mean = reference + self.first.value(index) / total;
        }
    }

    /// The scatter about the mean divided by `divisor`, given Σw, both with the newest weight one.
    pub(crate) fn covariance_into(&self, total: f64, divisor: f64, covariance: &mut SymmetricMatrix) {
        let newest = self.newest_weight();
        let (total, divisor) = (total * newest, divisor * newest);
        let assets = self.reference.len();
        let first = &self.first;
        let entries = covariance.as_mut_slice();
        for row in 0..assets {
            let start = Compensator::start(row);
            let cells = start..=start + row;
            let mean = first.value(row) / total;
            let products = self.second.sum[cells.clone()].iter().zip(&self.second.error[cells]);
            let firsts = first.sum.iter().zip(&first.error);
            let lower = &mut entries[row * assets..=row * assets + row];
            for ((entry, (sum, error)), (first, first_error)) in lower.iter_mut().zip(products).zip(firsts) {
                *entry = ((sum - mean * (first + first_error)) + error) / divisor;
            }
            // Below zero is rounding.
            lower[row] = lower[row].max(0.0);
            for column in 0..row {
                entries[column * assets + row] = entries[row * assets + column];
            }
        }
    }

    /// Σ‖x − x̄‖⁴ of equally weighted bars. With d = x̄ − reference this is
    /// Σ‖y‖⁴ + 4 dᵀ(Σyyᵀ)d − 4 d·Σ‖y‖²y + 2‖d‖² Σ‖y‖² − 3 T‖d‖⁴.
    pub(crate) fn fourth_moment(&self) -> f64 {
        let assets = self.reference.len();
        let bars = self.count() as f64;
        let (mut square, mut trace, mut third, mut form) = (0.0, 0.0, 0.0, 0.0);
        for row in 0..assets {
            let mean = self.first.value(row) / bars;
            let offset = Compensator::start(row);
            square += mean * mean;
            third += mean * self.fourth.value(row);
            let mut products = 0.0;
            for column in 0..row {
                products += self.second.value(offset + column) * self.first.value(column);
            }
            let variance = self.second.value(offset + row);
            form += 2.0 * mean * products / bars + mean * mean * variance;
            trace += variance;
        }
        let fourth = self.fourth.value(assets);
        fourth + 4.0 * (form - third) + square * (2.0 * trace - 3.0 * bars * square)
    }

    /// Weight of the bar that was number `index` to be added, as the sums hold it.
    fn weight(&self, index: usize) -> f64 {
        self.half_life.map_or(1.0, |half_life| {
            let (factor, exponent) = exp2_parts(index as f64 / half_life);
            factor * power_of_two(exponent - self.exponent)
        })
    }

    fn newest_weight(&self) -> f64 {
        self.weight(self.added.saturating_sub(1))
    }

    /// Divides all weights by a power of two, exactly, so that the newest is about one.
    fn renormalise(&mut self) {
        let Some(half_life) = self.half_life else { return };
        let (_, exponent) = exp2_parts(self.added as f64 / half_life);
        let factor = power_of_two(self.exponent - exponent);
        self.first.multiply(factor);
        self.second.multiply(factor);
        self.fourth.multiply(factor);
        self.exponent = exponent;
    }
}
