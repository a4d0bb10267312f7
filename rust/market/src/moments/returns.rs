//! The observations: one row a bar, one column an asset.

use super::error::{Result, require_usable};

/// T rows (bars, oldest first) by N columns (assets) of simple returns per bar, row-major and contiguous.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ReturnMatrix {
    assets: usize,
    rows: usize,
    data: Vec<f64>,
}

impl ReturnMatrix {
    /// No row yet, of `assets` columns.
    #[must_use]
    pub const fn new(assets: usize) -> Self {
        Self { assets, rows: 0, data: Vec::new() }
    }

    /// No row yet, with room for `rows` of them.
    #[must_use]
    pub fn with_capacity(assets: usize, rows: usize) -> Self {
        Self { assets, rows: 0, data: Vec::with_capacity(assets * rows) }
    }

    /// Appends the newest bar; what the numbers are is looked at when moments are estimated.
    ///
    /// # Panics
    /// When the row is of another length.
    pub fn push_row(&mut self, row: &[f64]) {
        assert_eq!(row.len(), self.assets, "returns in the row against assets");
        self.data.extend_from_slice(row);
        self.rows += 1;
    }

    /// Appends the newest bar from a wider row: its entries at `columns`, as many as there are assets.
    ///
    /// # Panics
    /// When a column does not exist, as indexing does.
    pub fn push_columns(&mut self, row: &[f64], columns: &[usize]) {
        debug_assert_eq!(columns.len(), self.assets);
        self.data.extend(columns.iter().map(|&column| row[column]));
        self.rows += 1;
    }

    /// Number of bars, T.
    #[must_use]
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// Number of assets, N.
    #[must_use]
    pub const fn assets(&self) -> usize {
        self.assets
    }

    /// True when there is no bar.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The returns of bar `t`, the oldest being bar 0.
    ///
    /// # Panics
    /// When there is no such bar, as indexing does.
    #[must_use]
    #[inline]
    pub fn row(&self, t: usize) -> &[f64] {
        assert!(t < self.rows, "bar {t} of {}", self.rows);
        &self.data[t * self.assets..(t + 1) * self.assets]
    }

    /// All bars, oldest first.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[f64]> + Clone {
        (0..self.rows).map(|t| &self.data[t * self.assets..(t + 1) * self.assets])
    }

    /// The columns in `assets`, in that order.
    ///
    /// # Panics
    /// When a column does not exist, as indexing does.
    #[must_use]
    pub fn select(&self, assets: &[usize]) -> Self {
        let mut data = Vec::with_capacity(assets.len() * self.rows);
        for row in self.iter() {
            data.extend(assets.iter().map(|&asset| row[asset]));
        }
        Self { assets: assets.len(), rows: self.rows, data }
    }

    /// Forgets the bars and keeps the memory.
    pub fn clear(&mut self) {
        self.data.clear();
        self.rows = 0;
    }

    /// Refuses returns that are not finite.
    pub(crate) fn require_usable(&self) -> Result<()> {
        self.iter().enumerate().try_for_each(|(t, row)| require_usable(t, row))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_selected_in_the_order_asked_for() {
        let mut returns = ReturnMatrix::with_capacity(3, 2);
        returns.push_row(&[1.0, 2.0, 3.0]);
        returns.push_row(&[4.0, 5.0, 6.0]);
        let selected = returns.select(&[2, 0]);
        assert_eq!((selected.rows(), selected.assets()), (2, 2));
        assert_eq!((selected.row(0), selected.row(1)), (&[3.0, 1.0][..], &[6.0, 4.0][..]));
        returns.clear();
        assert!(returns.is_empty() && returns.assets() == 3);
    }

    #[test]
    #[should_panic = "against assets"]
    fn a_row_of_another_length_is_refused() {
        ReturnMatrix::new(2).push_row(&[1.0]);
    }
}
