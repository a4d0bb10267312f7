//! Mean and covariance of a window in which each bar counts a whole number of times.
//!
//! A bootstrap changes nothing but how often each bar counts, so the covariance is a weighted sum of outer
//! products of returns that are centred once: `(Σ c x xᵀ − W d dᵀ) / (W − 1)` with `d = Σ c x / W`, which is small
//! against x and costs no digits. Sums run over the bars in their order, in tiles of 4 × 4 entries that stay in
//! registers; the bits do not depend on the machine. Returns are scaled by a power of two, so that results do not
//! depend on their unit either.

use crate::exact::inverse_power_of_two;
use crate::matrix::SymmetricMatrix;
use crate::scenario::Scenarios;

/// Assets in a panel: the side of a tile.
const TILE: usize = 4;
/// Bars whose panels stay in the innermost cache while all tiles take them in.
const STRETCH: usize = 64;

type Lane = [f64; TILE];
type Tile = [Lane; TILE];

/// A window of returns laid out for sums over its bars.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Window {
    assets: usize,
    bars: usize,
    /// Power of two that the returns are multiplied by.
    unit: f64,
    /// Mean of each asset's scaled returns.
    centre: Vec<f64>,
    /// Centred scaled returns: for each panel of four assets, bar after bar. Missing assets are zero.
    panels: Vec<Vec<Lane>>,
}

/// Room for the sums of one bootstrap at a time.
#[derive(Debug, Clone, Default)]
pub(super) struct Desk {
    /// Bars that count, and the root of how often.
    counted: Vec<(usize, f64)>,
    rows: Vec<Vec<Lane>>,
    shift: Vec<Lane>,
    tiles: Vec<Tile>,
}

impl Window {
    pub(super) fn new(history: &Scenarios) -> Self {
        let (assets, bars) = (history.assets(), history.rows());
        let largest = history.as_slice().iter().fold(0.0_f64, |most, value| most.max(value.abs()));
        let unit = inverse_power_of_two(largest);
        let mut panels = vec![vec![[0.0; TILE]; bars]; assets.div_ceil(TILE)];
        let mut centre = vec![0.0; assets];
        for asset in 0..assets {
            let column = || (0..bars).map(|bar| history.row(bar)[asset] * unit);
            let first = column().next().unwrap_or(0.0);
            // About the first return, so that a constant one is its own mean to the last bit.
            let mean = first + column().map(|value| value - first).sum::<f64>() / bars as f64;
            centre[asset] = mean;
            for (lanes, value) in panels[asset / TILE].iter_mut().zip(column()) {
                lanes[asset % TILE] = value - mean;
            }
        }
        Self { assets, bars, unit, centre, panels }
    }

    pub(super) fn assets(&self) -> usize {
        self.assets
    }

    pub(super) fn bars(&self) -> usize {
        self.bars
    }

    /// What a scaled mean or risk is divided by to get one per bar.
    pub(super) fn unit(&self) -> f64 {
        self.unit
    }

    /// Mean and sample covariance of the scaled returns when bar i counts `counts[i]` times; the counts sum to the
    /// number of bars. A single bar has no covariance.
    pub(super) fn moments(&self, counts: &[u32], desk: &mut Desk) -> (Vec<f64>, SymmetricMatrix) {
        desk.counted.clear();
        for (bar, &count) in counts.iter().enumerate() {
            if count > 0 {
                desk.counted.push((bar, f64::from(count).sqrt()));
            }
        }
        self.gather(desk);
        desk.sum_tiles();
        let shift = |asset: usize| desk.shift[asset / TILE][asset % TILE] / self.bars as f64;
        let mean = (0..self.assets).map(|asset| self.centre[asset] + shift(asset)).collect();
        let divisor = self.bars.saturating_sub(1).max(1) as f64;
        let covariance = SymmetricMatrix::from_lower(self.assets, |row, column| {
            let tile = &desk.tiles[triangle(row / TILE) + column / TILE];
            let entry = tile[row % TILE][column % TILE] - self.bars as f64 * shift(row) * shift(column);
            let floor = if row == column { 0.0 } else { f64::NEG_INFINITY };
            (entry / divisor).max(floor)
        });
        (mean, covariance)
    }

    /// The bars that count, times the root of how often, and their sums.
    fn gather(&self, desk: &mut Desk) {
        desk.rows.resize_with(self.panels.len(), Vec::new);
        desk.shift.clear();
        for (panel, rows) in self.panels.iter().zip(&mut desk.rows) {
            rows.clear();
            let mut shift = [0.0; TILE];
            for &(bar, root) in &desk.counted {
                let scaled = panel[bar].map(|value| value * root);
                for lane in 0..TILE {
                    shift[lane] += scaled[lane] * root;
                }
                rows.push(scaled);
            }
            desk.shift.push(shift);
        }
    }
}

impl Desk {
    /// Every tile on and below the diagonal: sums of outer products over the gathered bars.
    fn sum_tiles(&mut self) {
        let (panels, bars) = (self.rows.len(), self.counted.len());
        self.tiles.clear();
        self.tiles.resize(triangle(panels), [[0.0; TILE]; TILE]);
        for first in (0..bars).step_by(STRETCH) {
            let stretch = first..(first + STRETCH).min(bars);
            for row in 0..panels {
                for column in 0..=row {
                    let (left, right) =
                        (&self.rows[row][stretch.clone()], &self.rows[column][stretch.clone()]);
                    add_outer_products(&mut self.tiles[triangle(row) + column], left, right);
                }
            }
        }
    }
}

/// Tiles in the rows before `row` of a lower triangle.
fn triangle(row: usize) -> usize {
    row * (row + 1) / 2
}

#[inline]
fn add_outer_products(tile: &mut Tile, left: &[Lane], right: &[Lane]) {
    let mut sums = *tile;
    for (a, b) in left.iter().zip(right) {
        for i in 0..TILE {
            for j in 0..TILE {
                sums[i][j] += a[i] * b[j];
            }
        }
    }
    *tile = sums;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counted_moments_are_those_of_the_repeated_bars() {
        let returns: Vec<f64> =
            (0..7 * 90).map(|i| ((i * i * 31 + i * 7) % 101) as f64 * 1e-4 - 0.004).collect();
        let history = Scenarios::from_row_major(7, returns).unwrap();
        let counts: Vec<u32> = (0..90).map(|bar| [0, 2, 1][bar % 3]).collect();
        let window = Window::new(&history);
        let (mean, covariance) = window.moments(&counts, &mut Desk::default());
        let repeated: Vec<usize> =
            (0..90).flat_map(|bar| std::iter::repeat_n(bar, counts[bar] as usize)).collect();
        let average = |asset: usize| repeated.iter().map(|&bar| history.row(bar)[asset]).sum::<f64>() / 90.0;
        for row in 0..7 {
            assert!((mean[row] / window.unit() - average(row)).abs() < 1e-16);
            for column in 0..7 {
                let product = |bar: &usize| {
                    (history.row(*bar)[row] - average(row)) * (history.row(*bar)[column] - average(column))
                };
                let expected = repeated.iter().map(product).sum::<f64>() / 89.0;
                let found = covariance.get(row, column) / window.unit() / window.unit();
                assert!((found - expected).abs() < 1e-18, "({row}, {column}): {found:e} {expected:e}");
            }
        }
    }

    #[test]
    fn constant_returns_have_no_variance() {
        let constants: Vec<f64> = (1..10).map(|asset| f64::from(asset) * 0.1).collect();
        let window = Window::new(&Scenarios::from_row_major(9, constants.repeat(101)).unwrap());
        let (mean, covariance) = window.moments(&[1; 101], &mut Desk::default());
        assert!(covariance.as_slice().iter().all(|&entry| entry == 0.0));
        assert!(mean.iter().zip(constants).all(|(mean, constant)| mean / window.unit() == constant));
    }
}
