//! The variances of one tile while the next one is drawn: the product keeps the multipliers busy, drawing the units
//! for integers and sums, so that both together take less than one after the other.

use super::dispatch::Work;
use super::draw::{Draw, Pen};
use super::evaluate::{Between, Squared, finish, squares};
use super::vector::Simd;

/// A whole tile to be evaluated, and the next one to be drawn.
pub(super) struct Fused<'a, const STRIDE: usize> {
    pub(super) squared: Squared<'a, STRIDE>,
    pub(super) next: Draw<'a, STRIDE>,
}

/// A pen that draws after each `pace` rows of a product.
struct Paced<'a, 'b, S: Simd, const STRIDE: usize, const PLAIN: bool> {
    pen: Pen<'a, 'b, S, STRIDE, PLAIN>,
    pace: usize,
}

impl<S: Simd, const STRIDE: usize, const PLAIN: bool> Between for Paced<'_, '_, S, STRIDE, PLAIN> {
    const SOME: bool = true;

    #[inline(always)]
    fn pace(&self) -> usize {
        self.pace
    }

    #[inline(always)]
    fn step(&mut self) {
        self.pen.step();
    }
}

impl<const STRIDE: usize> Work for Fused<'_, STRIDE> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, const DRAW: usize, const WIDE: usize, const NARROW: usize, const ROWS: usize>(mut self) {
        if self.next.is_plain() {
            self.both::<S, WIDE, NARROW, ROWS, true>();
        } else {
            self.both::<S, WIDE, NARROW, ROWS, false>();
            self.next.shape::<S, NARROW>();
        }
    }
}

impl<const STRIDE: usize> Fused<'_, STRIDE> {
    #[inline(always)]
    fn both<S, const WIDE: usize, const NARROW: usize, const ROWS: usize, const PLAIN: bool>(&mut self)
    where
        S: Simd,
    {
        let Squared { entries, weights, spacings, scores, .. } = &mut self.squared;
        let pen = Pen::<S, STRIDE, PLAIN>::new(&mut self.next);
        let wide = WIDE / NARROW;
        let rows: usize = (1..=weights.len() / ROWS).map(|block| weights.len() - block * ROWS).sum();
        // So that all is drawn when the product is done, or nearly all.
        let pace = (rows * STRIDE / wide / pen.steps().max(1)).max(1);
        let mut paced = Paced { pen, pace };
        for group in (0..STRIDE).step_by(wide) {
            let sums = squares::<S, _, WIDE, NARROW, ROWS, STRIDE>(entries, weights, group, &mut paced);
            for k in 0..WIDE {
                let group = group + k / NARROW;
                finish::<S>(&spacings[group], sums[k], &mut scores[group], k % NARROW);
            }
        }
        while paced.pen.step() {}
    }
}
