//! What becomes of spacings that are not to be uniform: biased towards faces, edges and vertices, moved towards elites.

use super::{Around, Draw};
use crate::simd::vector::Simd;

/// Parts of the largest spacing below this count as nothing before they are squared twice, which keeps clear of
/// subnormal numbers: many processors are slow at them.
const NEGLIGIBLE: f32 = 1e-9;

impl<const STRIDE: usize> Draw<'_, STRIDE> {
    /// Biases and moves what was drawn as the recipes say.
    #[inline(always)]
    pub(in crate::simd) fn shape<S: Simd, const PARTS: usize>(&mut self) {
        for group in 0..self.recipes.len().min(STRIDE) {
            let recipe = self.recipes[group];
            if recipe.squarings > 0 {
                self.bias::<S, PARTS>(group, recipe.squarings);
            }
            if let Some(around) = recipe.around {
                self.mix::<S, PARTS>(group, around);
            }
        }
    }

    /// Raises the spacings, as parts of the largest of their lane, to the power 2^`squarings`. The largest is
    /// one and stays one, so the sum is never zero.
    #[inline(always)]
    fn bias<S: Simd, const PARTS: usize>(&mut self, group: usize, squarings: u32) {
        let (one, negligible) = (S::splat(1.0), S::splat(NEGLIGIBLE));
        let totals = &mut self.spacings[group];
        let mut scale = [one; PARTS];
        for part in 0..PARTS {
            scale[part] = S::div(one, S::load(&totals.most.0, part));
        }
        let (mut sum, mut mean) = ([S::splat(0.0); PARTS], [S::splat(0.0); PARTS]);
        for (row, &factor) in self.weights.iter_mut().zip(self.mean) {
            let factor = S::splat(factor);
            for part in 0..PARTS {
                let mut power = S::mul(S::load(&row[group].0, part), scale[part]);
                for _ in 0..squarings / 2 {
                    power = S::keep_above(power, negligible, power);
                    power = S::mul(power, power);
                    power = S::mul(power, power);
                }
                if squarings % 2 == 1 {
                    power = S::keep_above(power, negligible, power);
                    power = S::mul(power, power);
                }
                sum[part] = S::add(sum[part], power);
                mean[part] = S::fma(factor, power, mean[part]);
                S::store(power, &mut row[group].0, part);
            }
        }
        for part in 0..PARTS {
            S::store(sum[part], &mut totals.sum.0, part);
            S::store(mean[part], &mut totals.mean.0, part);
        }
    }

    /// Moves the points of a group towards elites; see [`Around`].
    #[inline(always)]
    fn mix<S: Simd, const PARTS: usize>(&mut self, group: usize, around: Around<'_>) {
        let zero = S::splat(0.0);
        let totals = &mut self.spacings[group];
        let (mut scale, mut ratio) = ([zero; PARTS], [zero; PARTS]);
        let keep = S::splat(1.0 - around.step);
        for part in 0..PARTS {
            scale[part] = S::div(S::splat(around.step), S::load(&totals.sum.0, part));
            ratio[part] = S::load(&totals.ratio.0, part);
        }
        let (mut sum, mut mean) = ([zero; PARTS], [zero; PARTS]);
        let elites = around.first.iter().zip(around.second);
        for ((row, &factor), (&a, &b)) in self.weights.iter_mut().zip(self.mean).zip(elites) {
            let (factor, a, way) = (S::splat(factor), S::splat(a), S::splat(b - a));
            for part in 0..PARTS {
                let elite = S::mul(keep, S::fma(ratio[part], way, a));
                let moved = S::fma(S::load(&row[group].0, part), scale[part], elite);
                sum[part] = S::add(sum[part], moved);
                mean[part] = S::fma(factor, moved, mean[part]);
                S::store(moved, &mut row[group].0, part);
            }
        }
        for part in 0..PARTS {
            S::store(sum[part], &mut totals.sum.0, part);
            S::store(mean[part], &mut totals.mean.0, part);
        }
    }
}
