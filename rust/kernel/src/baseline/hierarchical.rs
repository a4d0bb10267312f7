//! The three steps of hierarchical risk parity: cluster, order, split.

use crate::matrix::SymmetricMatrix;
use crate::portfolio::{Fallback, Label};

/// Weights that sum to one. Every variance is positive. Labelled singular where both halves of a split have no
/// risk, which are then given the same.
pub(super) fn weights(covariance: &SymmetricMatrix) -> (Vec<f64>, Label) {
    let order = quasi_diagonal_order(covariance);
    let mut weights = vec![1.0; covariance.order()];
    let mut label = Label::Ok;
    let mut spans = vec![&order[..]];
    while let Some(span) = spans.pop() {
        if span.len() < 2 {
            continue;
        }
        let (left, right) = span.split_at(span.len() / 2);
        let (a, b) = (cluster_variance(covariance, left), cluster_variance(covariance, right));
        let share = if a + b > 0.0 {
            b / (a + b)
        } else {
            label = Label::Fallback(Fallback::Singular);
            0.5
        };
        left.iter().for_each(|&asset| weights[asset] *= share);
        right.iter().for_each(|&asset| weights[asset] *= 1.0 - share);
        spans.extend([left, right]);
    }
    (weights, label)
}

/// Variance of the inverse-variance portfolio of some assets.
fn cluster_variance(covariance: &SymmetricMatrix, assets: &[usize]) -> f64 {
    let inverse: Vec<f64> = assets.iter().map(|&asset| 1.0 / covariance.diagonal(asset)).collect();
    let sum: f64 = inverse.iter().sum();
    let mut variance = 0.0;
    for (&row, a) in assets.iter().zip(&inverse) {
        let product: f64 =
            assets.iter().zip(&inverse).map(|(&column, b)| covariance.get(row, column) * b).sum();
        variance += a / sum * (product / sum);
    }
    variance.max(0.0)
}

/// The assets in the order of the leaves of their single-linkage tree. Of two clusters that merge, the one that is
/// older comes first, single assets by index being the oldest; ties merge in the order Prim's method from the
/// first asset finds them. These are the conventions of SciPy.
fn quasi_diagonal_order(covariance: &SymmetricMatrix) -> Vec<usize> {
    let assets = covariance.order();
    let mut edges = spanning_tree(covariance);
    edges.sort_by(|a, b| a.2.total_cmp(&b.2));
    // Of each asset the age of its cluster, and each cluster's leaves by its age.
    let mut cluster: Vec<usize> = (0..assets).collect();
    let mut leaves: Vec<Vec<usize>> = (0..assets).map(|asset| vec![asset]).collect();
    for (from, to, _) in edges {
        let (a, b) = (cluster[from], cluster[to]);
        let mut merged = std::mem::take(&mut leaves[a.min(b)]);
        merged.append(&mut leaves[a.max(b)]);
        merged.iter().for_each(|&asset| cluster[asset] = leaves.len());
        leaves.push(merged);
    }
    leaves.pop().unwrap_or_default()
}

/// The edges of a minimum spanning tree under the correlation distance, by Prim's method from asset 0. Sorted, they
/// are the merges of single linkage (Gower & Ross 1969). An edge starts at the asset that was reached before, which
/// is in the same cluster as the true end of the edge by the time that it merges.
fn spanning_tree(covariance: &SymmetricMatrix) -> Vec<(usize, usize, f64)> {
    let assets = covariance.order();
    let distance = |a: usize, b: usize| {
        let correlation =
            covariance.get(a, b) / (covariance.diagonal(a).sqrt() * covariance.diagonal(b).sqrt());
        ((1.0 - correlation) / 2.0).clamp(0.0, 1.0).sqrt()
    };
    let mut nearest = vec![f64::INFINITY; assets];
    let mut reached = vec![false; assets];
    let mut edges = Vec::with_capacity(assets.saturating_sub(1));
    let mut last = 0;
    for _ in 1..assets {
        reached[last] = true;
        let mut next = (last, f64::INFINITY);
        for asset in (0..assets).filter(|&asset| !reached[asset]) {
            nearest[asset] = nearest[asset].min(distance(last, asset));
            if nearest[asset] < next.1 {
                next = (asset, nearest[asset]);
            }
        }
        edges.push((last, next.0, next.1));
        last = next.0;
    }
    edges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_in_the_order_are_correlated() {
        // Assets 0, 3 and 4 move together, and so do 1 and 2.
        let group = [0, 1, 1, 0, 0];
        let covariance = SymmetricMatrix::from_lower(5, |row, column| {
            match (row == column, group[row] == group[column]) {
                (true, _) => 1.0,
                (_, true) => 0.8 + 0.01 * (row + column) as f64,
                _ => 0.1,
            }
        });
        // 3 and 4 are nearest and merge first, then 0 with them, then 1 and 2.
        assert_eq!(quasi_diagonal_order(&covariance), [0, 3, 4, 1, 2]);
    }

    #[test]
    fn two_assets_are_split_by_their_variances() {
        let covariance = SymmetricMatrix::from_lower(2, |row, column| [[1.0, 0.3], [0.3, 3.0]][row][column]);
        assert_eq!(weights(&covariance), (vec![0.75, 0.25], Label::Ok));
    }
}
