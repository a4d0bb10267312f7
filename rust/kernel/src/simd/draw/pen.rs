//! Drawing between other work.

use super::Draw;
use super::spacing::{advance, number, spacings, start, uniform};
use crate::batch::LANES;
use crate::simd::vector::Simd;

/// Draws groups one register of spacings at a time, between other work: on its own, each would wait for itself.
pub(crate) struct Pen<'a, 'b, S: Simd, const STRIDE: usize, const PLAIN: bool> {
    draw: &'b mut Draw<'a, STRIDE>,
    /// Registers of all groups, those that are done, and the asset that is next in the one in hand.
    registers: usize,
    done: usize,
    asset: usize,
    state: [S::U; 4],
    sum: S::F,
    mean: S::F,
    most: S::F,
}

impl<'a, 'b, S: Simd, const STRIDE: usize, const PLAIN: bool> Pen<'a, 'b, S, STRIDE, PLAIN> {
    /// Registers of one group.
    const PARTS: usize = LANES / S::LANES;

    #[inline(always)]
    pub(crate) fn new(draw: &'b mut Draw<'a, STRIDE>) -> Self {
        let zero = S::splat(0.0);
        let registers = draw.recipes.len().min(STRIDE) * Self::PARTS;
        let state = start::<S>(&draw.seeds[0], 0);
        Self { draw, registers, done: 0, asset: 0, state, sum: zero, mean: zero, most: zero }
    }

    /// Numbers to be drawn in all, a register each.
    #[inline(always)]
    pub(crate) fn steps(&self) -> usize {
        self.registers * self.draw.mean.len()
    }

    /// Draws the next; nothing once all are drawn, and then tells so.
    #[inline(always)]
    pub(crate) fn step(&mut self) -> bool {
        if self.done >= self.registers {
            return false;
        }
        let (group, part) = (self.done / Self::PARTS, self.done % Self::PARTS);
        let [drawn] = spacings::<S, 1>([number::<S>(advance::<S>(&mut self.state))]);
        self.sum = S::add(self.sum, drawn);
        self.mean = S::fma(S::splat(self.draw.mean[self.asset]), drawn, self.mean);
        if !PLAIN {
            self.most = S::max(self.most, drawn);
        }
        S::store(drawn, &mut self.draw.weights[self.asset][group].0, part);
        self.asset += 1;
        if self.asset == self.draw.mean.len() {
            self.turn(group, part);
        }
        true
    }

    /// Ends one register and begins the next.
    #[inline(always)]
    fn turn(&mut self, group: usize, part: usize) {
        let totals = &mut self.draw.spacings[group];
        S::store(self.sum, &mut totals.sum.0, part);
        S::store(self.mean, &mut totals.mean.0, part);
        if !PLAIN {
            S::store(self.most, &mut totals.most.0, part);
            let uniform = uniform::<S>(advance::<S>(&mut self.state));
            S::store(S::mul(uniform, uniform), &mut totals.ratio.0, part);
        }
        let zero = S::splat(0.0);
        (self.sum, self.mean, self.most) = (zero, zero, zero);
        self.asset = 0;
        self.done += 1;
        if self.done < self.registers {
            self.state = start::<S>(&self.draw.seeds[self.done / Self::PARTS], self.done % Self::PARTS);
        }
    }
}
