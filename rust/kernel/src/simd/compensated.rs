//! Sums that carry their rounding error with them (Knuth's two-sum), a triangle of products at a time.

use super::dispatch::{Machine, Work};
use super::vector::Simd;

/// The right to add with the fastest instructions there are. The bits are the same under each instruction set: every
/// element is a few sums of its own.
#[derive(Debug, Clone, Copy)]
pub struct Compensator(Machine);

impl Compensator {
    /// With the fastest instruction set of this processor.
    #[must_use]
    pub fn detect() -> Self {
        Self(Machine::detect())
    }

    /// Adds `weight · y yᵀ` to the lower triangle, row by row, that `sums` and their rounding `errors` hold.
    pub fn add_products(self, sums: &mut [f64], errors: &mut [f64], weight: f64, y: &[f64]) {
        self.0.run(Products { sums, errors, weight, y });
    }
}

struct Products<'a> {
    sums: &'a mut [f64],
    errors: &'a mut [f64],
    weight: f64,
    y: &'a [f64],
}

impl Work for Products<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, const DRAW: usize, const WIDE: usize, const NARROW: usize, const ROWS: usize>(self) {
        let Self { mut sums, mut errors, weight, y } = self;
        for (row, value) in y.iter().enumerate() {
            let (Some((sum, later_sums)), Some((error, later_errors))) =
                (sums.split_at_mut_checked(row + 1), errors.split_at_mut_checked(row + 1))
            else {
                return;
            };
            add(sum, error, weight * value, &y[..=row]);
            (sums, errors) = (later_sums, later_errors);
        }
    }
}

/// Adds `factor · values`, element by element.
#[inline(always)]
fn add(sums: &mut [f64], errors: &mut [f64], factor: f64, values: &[f64]) {
    for ((sum, error), value) in sums.iter_mut().zip(errors).zip(values) {
        let term = factor * value;
        let total = *sum + term;
        let added = total - *sum;
        *error += (*sum - (total - added)) + (term - added);
        *sum = total;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::InstructionSet;

    #[test]
    fn every_instruction_set_adds_and_takes_out_the_same_bits() {
        for order in [1, 3, 16, 37] {
            let cells = order * (order + 1) / 2;
            let mut seen = Vec::new();
            for set in InstructionSet::available() {
                let compensator = Compensator(set.machine().unwrap());
                let (mut sums, mut errors) = (vec![0.1; cells], vec![0.0; cells]);
                let y = |step: usize| (0..order).map(|k| ((k + 1) * step) as f64 / 7.0).collect::<Vec<f64>>();
                (1..9).for_each(|step| compensator.add_products(&mut sums, &mut errors, 1e9, &y(step)));
                let product = 1e9 * (1..9).map(|step| y(step)[order - 1] * y(step)[0]).sum::<f64>();
                assert!((sums[cells - order] / (product + 0.1) - 1.0).abs() < 1e-14);
                (1..9).for_each(|step| compensator.add_products(&mut sums, &mut errors, -1e9, &y(step)));
                let left = sums.iter().zip(&errors).map(|(sum, error)| sum + error);
                assert!(left.clone().all(|left| (left - 0.1).abs() < 1e-15), "what came in has gone out");
                seen.push(left.map(f64::to_bits).collect::<Vec<_>>());
            }
            assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "{order}");
        }
    }
}
