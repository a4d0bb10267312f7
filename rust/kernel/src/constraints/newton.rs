//! All multipliers of a projection at once: a semismooth Newton step on the dual (Qi & Sun 1993).
//!
//! Where overlapping groups, gross limit and turnover limit bind together, one multiplier after the other gets
//! there slowly. The weights are piecewise linear in the multipliers, so that Newton's step is exact once the
//! pieces are right; it is kept only if it brings the rows nearer to their limits.

use nalgebra::{DMatrix, DVector};

use super::project::{Projector, Row};

/// Halvings of a step that does not help.
const HALVINGS: usize = 20;
/// Relative to the diagonal: rows may be linearly dependent on the free weights, and then the step is long, in
/// the direction that frees others.
const RIDGE: f64 = 1e-6;

impl Projector<'_> {
    /// One step; gives how far the rows are from their limits then.
    pub(super) fn newton(&mut self, rows: &[Row], fees: Option<(&[f64], f64)>) -> f64 {
        let start: Vec<f64> = rows.iter().map(|&row| self.multiplier(row)).collect();
        let residuals: Vec<f64> = rows.iter().map(|&row| self.residual(row, fees)).collect();
        let before = largest(&residuals);
        let active: Vec<usize> =
            (0..rows.len()).filter(|&number| start[number] != 0.0 || residuals[number] != 0.0).collect();
        let Some(step) = self.step(rows, &active, &residuals, fees) else { return before };
        let mut length = 1.0;
        for _ in 0..HALVINGS {
            for (&number, change) in active.iter().zip(step.iter()) {
                let to = start[number] + length * change;
                // A multiplier does not change sides: between pulling up and pulling down it rests at zero.
                let crossed = rows[number] != Row::Sum && start[number] * to < 0.0;
                let to = if crossed { 0.0 } else { to };
                self.shift(rows[number], to - self.multiplier(rows[number]));
            }
            let after = rows.iter().map(|&row| self.residual(row, fees).abs()).fold(0.0, f64::max);
            if after < before {
                return after;
            }
            length *= 0.5;
        }
        for (&row, &multiplier) in rows.iter().zip(&start) {
            self.shift(row, multiplier - self.multiplier(row));
        }
        before
    }

    /// By how much the row is above the limit its multiplier holds it to; zero where it holds none and needs none.
    fn residual(&self, row: Row, fees: Option<(&[f64], f64)>) -> f64 {
        let (least, most) = self.limits(row);
        let (level, _) = self.level(row, 0.0, fees);
        let multiplier = self.multiplier(row);
        if multiplier > 0.0 {
            level - most
        } else if multiplier < 0.0 {
            level - least
        } else {
            level - level.clamp(least, most)
        }
    }

    /// The solution of `(Σ over free weights of c cᵀ) step = residuals`, with c the slopes of the active rows.
    fn step(
        &mut self,
        rows: &[Row],
        active: &[usize],
        residuals: &[f64],
        fees: Option<(&[f64], f64)>,
    ) -> Option<DVector<f64>> {
        let count = active.len();
        if count < 2 {
            return None;
        }
        let slopes = self.slopes(rows, active, fees);
        let mut matrix = DMatrix::zeros(count, count);
        for of_asset in slopes.chunks_exact(count) {
            for row in 0..count {
                for column in 0..count {
                    matrix[(row, column)] += of_asset[row] * of_asset[column];
                }
            }
        }
        for row in 0..count {
            matrix[(row, row)] += RIDGE * (1.0 + matrix[(row, row)]);
        }
        let right = DVector::from_iterator(count, active.iter().map(|&number| residuals[number]));
        Some(matrix.cholesky()?.solve(&right))
    }
}

fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |most, value| most.max(value.abs()))
}
