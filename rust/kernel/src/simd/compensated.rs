//! Sums that carry their rounding error with them (Knuth's two-sum), a triangle of products at a time.
//!
//! A row of the triangle is as many whole groups of eight as hold its entries, so that none is added one by one. What
//! lies beyond the diagonal is of no use to anybody.

use super::dispatch::{Machine, Work};
use super::vector::Simd;

/// Entries that are added together: the doubles of the widest register.
const GROUP: usize = 8;

/// The right to add with the fastest instructions there are. The bits are the same under each instruction set: every
/// element is a few sums of its own.
#[derive(Debug, Clone, Copy)]
pub struct Compensator(Machine);

/// What is added to a triangle: `weight · y yᵀ`.
#[derive(Debug, Clone, Copy)]
pub struct Product<'a> {
    /// The factor.
    pub weight: f64,
    /// The vector, with zeros behind it up to a [whole number](Compensator::padded) of groups.
    pub y: &'a [f64],
}

impl Compensator {
    /// With the fastest instruction set of this processor.
    #[must_use]
    pub fn detect() -> Self {
        Self(Machine::detect())
    }

    /// Where a row of a triangle begins.
    #[must_use]
    #[inline]
    pub fn start(row: usize) -> usize {
        let (groups, rest) = (row / GROUP, row % GROUP);
        GROUP * (groups + 1) * (GROUP * groups / 2 + rest)
    }

    /// The entries of a triangle of this order, those beyond the diagonal among them.
    #[must_use]
    pub fn cells(order: usize) -> usize {
        Self::start(order)
    }

    /// The length of a vector of this order with the zeros behind it.
    #[must_use]
    pub fn padded(order: usize) -> usize {
        order.next_multiple_of(GROUP)
    }

    /// Adds these products, one after the other in one pass, to the lower triangle of this order that `sums` and their
    /// rounding `errors` hold.
    pub fn add<const COUNT: usize>(
        self,
        order: usize,
        sums: &mut [f64],
        errors: &mut [f64],
        products: [Product<'_>; COUNT],
    ) {
        self.0.run(Update { order, sums, errors, products });
    }
}

struct Update<'a, const COUNT: usize> {
    order: usize,
    sums: &'a mut [f64],
    errors: &'a mut [f64],
    products: [Product<'a>; COUNT],
}

impl<const COUNT: usize> Work for Update<'_, COUNT> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, const DRAW: usize, const WIDE: usize, const NARROW: usize, const ROWS: usize>(self) {
        let Self { order, sums, errors, products } = self;
        let (mut sums, mut errors) = (sums.as_chunks_mut().0, errors.as_chunks_mut().0);
        let vectors = products.map(|product| product.y.as_chunks::<GROUP>().0);
        for row in 0..order {
            let groups = row / GROUP + 1;
            let (Some((sum, later_sums)), Some((error, later_errors))) =
                (sums.split_at_mut_checked(groups), errors.split_at_mut_checked(groups))
            else {
                return;
            };
            let factors = products.map(|product| product.weight * product.y[row]);
            let vectors = vectors.map(|vector| &vector[..groups]);
            for (place, (sum, error)) in sum.iter_mut().zip(error).enumerate() {
                // In registers from the first product to the last.
                let mut cell = (*sum, *error);
                for (factor, vector) in factors.iter().zip(&vectors) {
                    cell = added(cell, *factor, vector[place]);
                }
                (*sum, *error) = cell;
            }
            (sums, errors) = (later_sums, later_errors);
        }
    }
}

/// Sums and errors after `factor · value` is added, element by element.
#[inline(always)]
fn added(
    (sum, error): ([f64; GROUP], [f64; GROUP]),
    factor: f64,
    value: [f64; GROUP],
) -> ([f64; GROUP], [f64; GROUP]) {
    let term: [f64; GROUP] = std::array::from_fn(|k| factor * value[k]);
    let total: [f64; GROUP] = std::array::from_fn(|k| sum[k] + term[k]);
    let added: [f64; GROUP] = std::array::from_fn(|k| total[k] - sum[k]);
    let left = std::array::from_fn(|k| error[k] + ((sum[k] - (total[k] - added[k])) + (term[k] - added[k])));
    (total, left)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::InstructionSet;

    #[test]
    fn every_instruction_set_adds_and_takes_out_the_same_bits() {
        for order in [1, 3, 8, 16, 37] {
            let cells = Compensator::cells(order);
            let mut seen = Vec::new();
            for set in InstructionSet::available() {
                let compensator = Compensator(set.machine().unwrap());
                let (mut sums, mut errors) = (vec![0.1; cells], vec![0.0; cells]);
                let vector = |step: usize| {
                    let mut y = vec![0.0; Compensator::padded(order)];
                    (0..order).for_each(|k| y[k] = ((k + 1) * step) as f64 / 7.0);
                    y
                };
                for step in 1..9 {
                    compensator.add(
                        order,
                        &mut sums,
                        &mut errors,
                        [Product { weight: 1e9, y: &vector(step) }],
                    );
                }
                let last = Compensator::start(order - 1);
                let product = 1e9 * (1..9).map(|step| vector(step)[order - 1] * vector(step)[0]).sum::<f64>();
                assert!((sums[last] / (product + 0.1) - 1.0).abs() < 1e-14);
                for step in 1..9 {
                    let (y, next) = (vector(step), vector(step + 8));
                    let products = [Product { weight: 1e9, y: &next }, Product { weight: -1e9, y: &y }];
                    compensator.add(order, &mut sums, &mut errors, products);
                }
                for step in 9..17 {
                    compensator.add(
                        order,
                        &mut sums,
                        &mut errors,
                        [Product { weight: -1e9, y: &vector(step) }],
                    );
                }
                let left = |row: usize| {
                    let cells = Compensator::start(row)..=Compensator::start(row) + row;
                    sums[cells.clone()].iter().zip(&errors[cells]).map(|(sum, error)| sum + error)
                };
                let left: Vec<f64> = (0..order).flat_map(left).collect();
                assert!(left.iter().all(|left| (left - 0.1).abs() < 1e-15), "what came in has gone out");
                seen.push(left.into_iter().map(f64::to_bits).collect::<Vec<_>>());
            }
            assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "{order}");
        }
    }

    #[test]
    fn rows_lie_one_behind_the_other_in_whole_groups() {
        for row in 0..70_usize {
            let length = (row + 1).next_multiple_of(GROUP);
            assert_eq!(Compensator::start(row + 1), Compensator::start(row) + length, "{row}");
        }
        assert_eq!((Compensator::start(0), Compensator::cells(9), Compensator::padded(9)), (0, 80, 16));
    }
}
