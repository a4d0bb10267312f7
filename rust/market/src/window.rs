//! The return window: the last W final bars, and which assets may be judged by them.

use serde::{Deserialize, Serialize};

use crate::bar::FinalBar;
use crate::clock::Nanos;
use crate::moments::ReturnMatrix;

/// The returns of the last W final bars of every asset of a universe, with eligibility.
///
/// An asset is eligible with a return in each of the W bars, a tick in at least half of them (previous-tick
/// zeros would make a dead asset look riskless), and a tick not older than `stale_after` at the last close.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReturnWindow {
    assets: usize,
    length: usize,
    stale_after: Nanos,
    /// W rows of one return an asset, as a ring; NaN where there is none.
    returns: Vec<f64>,
    ticked: Vec<bool>,
    /// Row that the next bar goes to.
    next: usize,
    rows: usize,
    /// Of each asset: bars in the window with a return, and with a tick.
    with_return: Vec<usize>,
    with_tick: Vec<usize>,
    stale: Vec<bool>,
}

impl ReturnWindow {
    /// An empty window of `length` bars.
    #[must_use]
    pub fn new(assets: usize, length: usize, stale_after: Nanos) -> Self {
        Self {
            assets,
            length,
            stale_after,
            returns: vec![f64::NAN; assets * length],
            ticked: vec![false; assets * length],
            next: 0,
            rows: 0,
            with_return: vec![0; assets],
            with_tick: vec![0; assets],
            stale: vec![true; assets],
        }
    }

    /// True when this was made with these arguments.
    #[must_use]
    pub fn is_for(&self, assets: usize, length: usize, stale_after: Nanos) -> bool {
        (self.assets, self.length, self.stale_after) == (assets, length, stale_after)
    }

    /// Takes the next final bar in, and the oldest out once the window is full.
    pub fn push(&mut self, bar: &FinalBar) {
        let at = self.next * self.assets;
        for (position, asset) in bar.assets.iter().enumerate() {
            let old_return = self.returns[at + position];
            let ticked = asset.ticks > 0;
            exchange(&mut self.with_return[position], !old_return.is_nan(), !asset.simple_return.is_nan());
            exchange(&mut self.with_tick[position], self.ticked[at + position], ticked);
            self.returns[at + position] = asset.simple_return;
            self.ticked[at + position] = ticked;
            self.stale[position] = asset.last_tick < bar.close_time.saturating_sub(self.stale_after);
        }
        self.next = (self.next + 1) % self.length;
        self.rows = (self.rows + 1).min(self.length);
    }

    /// Forgets everything, as after a gap.
    pub fn clear(&mut self) {
        *self = Self::new(self.assets, self.length, self.stale_after);
    }

    /// True once W bars are there.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.rows == self.length
    }

    /// True when the asset's last tick was too old at the last close.
    #[must_use]
    pub fn is_stale(&self, position: usize) -> bool {
        self.stale[position]
    }

    /// Writes the positions of the eligible assets, ascending, into `out`.
    pub fn eligible_into(&self, out: &mut Vec<usize>) {
        out.clear();
        out.extend((0..self.assets).filter(|&position| self.is_eligible(position)));
    }

    /// Whether the asset may take part in the next bar's portfolios.
    #[must_use]
    pub fn is_eligible(&self, position: usize) -> bool {
        self.with_return[position] == self.length
            && 2 * self.with_tick[position] >= self.length
            && !self.stale[position]
    }

    /// Why an asset is not eligible, in words.
    #[must_use]
    pub fn why_not(&self, position: usize) -> String {
        if self.with_return[position] < self.length {
            format!("{} of {} bars have a return", self.with_return[position], self.length)
        } else if 2 * self.with_tick[position] < self.length {
            format!("{} of {} bars have a tick", self.with_tick[position], self.length)
        } else {
            "its last tick is too old".to_owned()
        }
    }

    /// The returns of the newest bar, one an asset.
    #[must_use]
    pub fn newest(&self) -> &[f64] {
        let row = (self.next + self.length - 1) % self.length;
        &self.returns[row * self.assets..(row + 1) * self.assets]
    }

    /// The returns of the oldest bar: the one that the next push takes out of a full window.
    #[must_use]
    pub fn oldest(&self) -> &[f64] {
        &self.returns[self.next * self.assets..(self.next + 1) * self.assets]
    }

    /// The window's returns of the assets at `positions`, oldest bar first.
    #[must_use]
    pub fn returns_of(&self, positions: &[usize]) -> ReturnMatrix {
        let mut matrix = ReturnMatrix::with_capacity(positions.len(), self.rows);
        let first = if self.is_full() { self.next } else { 0 };
        for step in 0..self.rows {
            let at = (first + step) % self.length * self.assets;
            matrix.push_columns(&self.returns[at..at + self.assets], positions);
        }
        matrix
    }
}

fn exchange(count: &mut usize, out: bool, into: bool) {
    *count = *count + usize::from(into) - usize::from(out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bar::AssetBar;

    fn bar(number: i64, assets: &[(f64, u64, Nanos)]) -> FinalBar {
        let assets = assets.iter().map(|&(simple_return, ticks, last_tick)| AssetBar {
            open: 1.0,
            high: 1.0,
            low: 1.0,
            close: 1.0,
            volume: None,
            ticks,
            simple_return,
            last_tick,
        });
        FinalBar { number, close_time: number * 10, assets: assets.collect() }
    }

    fn eligible(window: &ReturnWindow) -> Vec<usize> {
        let mut out = vec![];
        window.eligible_into(&mut out);
        out
    }

    #[test]
    fn an_asset_is_eligible_with_a_full_window_and_half_the_bars_ticked() {
        let mut window = ReturnWindow::new(3, 4, 1_000);
        for number in 1..=4 {
            let late = if number == 1 { f64::NAN } else { 0.1 };
            let rare = u64::from(number == 4);
            window.push(&bar(number, &[(0.1, 1, number * 10), (late, 1, number * 10), (0.0, rare, 40)]));
        }
        assert_eq!(eligible(&window), [0]);
        window.push(&bar(5, &[(0.1, 0, 40), (0.1, 1, 50), (0.1, 1, 50)]));
        assert_eq!(eligible(&window), [0, 1, 2]);
    }

    #[test]
    fn a_stale_asset_is_left_out_from_the_next_bar_on() {
        let mut window = ReturnWindow::new(1, 2, 15);
        window.push(&bar(1, &[(0.1, 1, 10)]));
        window.push(&bar(2, &[(0.0, 0, 10)]));
        assert_eq!(eligible(&window), [0]);
        window.push(&bar(3, &[(0.1, 1, 14)]));
        assert!(window.is_stale(0) && eligible(&window).is_empty());
    }

    #[test]
    fn rows_come_out_oldest_first_after_the_ring_has_turned() {
        let mut window = ReturnWindow::new(2, 3, 1_000);
        for number in 1..=5 {
            window.push(&bar(number, &[(number as f64, 1, 0), (-number as f64, 1, 0)]));
        }
        let matrix = window.returns_of(&[1]);
        assert_eq!((0..3).map(|t| matrix.row(t)[0]).collect::<Vec<_>>(), [-3.0, -4.0, -5.0]);
        assert_eq!(window.oldest(), [3.0, -3.0]);
        assert_eq!(window.newest(), [5.0, -5.0]);
    }
}
