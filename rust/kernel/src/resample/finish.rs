//! Averages and percentiles over the bootstraps, rank by rank.

use super::part::{BootstrapFrontier, ResamplePart};
use super::{Resampler, in_threads, standard_deviation};
use crate::error::{Error, Result};
use crate::matrix::dot;
use crate::portfolio::Label;

/// Ends of the confidence bands.
const LOW: f64 = 0.05;
const HIGH: f64 = 0.95;

/// The resampled frontier. Means and risks are per bar, under the sample moments of the whole window.
#[derive(Debug, Clone, PartialEq)]
pub struct ResampledFrontier {
    /// One point a rank: the minimum-variance portfolios first, those of the largest mean last.
    pub points: Vec<ResampledPoint>,
    /// Bootstraps that were averaged.
    pub bootstraps: u64,
    /// Those among them whose frontier was a labelled stand-in, mostly that of a shrunk covariance because the
    /// drawn bars had a riskless portfolio.
    pub fallbacks: u64,
    /// The label of the frontier of the window itself.
    pub label: Label,
}

/// One rank of a resampled frontier. Bands reach from the 5th to the 95th percentile over the bootstraps, by
/// linear interpolation between the order statistics around `p (B − 1)`.
#[derive(Debug, Clone, PartialEq)]
pub struct ResampledPoint {
    /// The average of the weights at this rank.
    pub weights: Vec<f64>,
    /// Mean of the average portfolio.
    pub mean: f64,
    /// Standard deviation of the average portfolio.
    pub risk: f64,
    /// Band of the means of the portfolios at this rank.
    pub mean_low: f64,
    /// Its upper end.
    pub mean_high: f64,
    /// Band of the standard deviations of the portfolios at this rank.
    pub risk_low: f64,
    /// Its upper end.
    pub risk_high: f64,
    /// Band of each weight at this rank.
    pub weights_low: Vec<f64>,
    /// Its upper end.
    pub weights_high: Vec<f64>,
}

impl Resampler {
    /// The resampled frontier of the bootstraps in `part`: of those of the whole run once all parts are merged.
    ///
    /// # Errors
    /// A part of another run, or without a bootstrap.
    pub fn finish(&self, part: &ResamplePart) -> Result<ResampledFrontier> {
        part.require_run(self.run, self.options.bootstraps)?;
        if part.frontiers.is_empty() {
            return Err(Error::Empty { parameter: "part" });
        }
        let frontiers: Vec<&BootstrapFrontier> = part.frontiers.values().collect();
        let ranks = 0..self.options.points as u64;
        let points = in_threads(ranks, self.options.threads, |ranks| {
            ranks.map(|rank| self.point(rank as usize, &frontiers)).collect::<Vec<_>>()
        });
        Ok(ResampledFrontier {
            points: points.into_iter().flatten().collect(),
            bootstraps: frontiers.len() as u64,
            fallbacks: frontiers.iter().filter(|frontier| !frontier.ok).count() as u64,
            label: self.label,
        })
    }

    fn point(&self, rank: usize, frontiers: &[&BootstrapFrontier]) -> ResampledPoint {
        let (assets, unit) = (self.window.assets(), self.window.unit());
        let mut columns = vec![Vec::with_capacity(frontiers.len()); assets];
        for frontier in frontiers {
            let weights = &frontier.weights[rank * assets..(rank + 1) * assets];
            columns.iter_mut().zip(weights).for_each(|(column, &weight)| column.push(weight));
        }
        let average = |column: &Vec<f64>| column.iter().sum::<f64>() / frontiers.len() as f64;
        let weights: Vec<f64> = columns.iter().map(average).collect();
        let bands = columns.iter_mut().map(|column| band(column));
        let (weights_low, weights_high) = bands.unzip();
        let mut values: Vec<f64> = frontiers.iter().map(|frontier| frontier.mean[rank]).collect();
        let (mean_low, mean_high) = band(&mut values);
        values.clear();
        values.extend(frontiers.iter().map(|frontier| frontier.risk[rank]));
        let (risk_low, risk_high) = band(&mut values);
        let risk = standard_deviation(self.problem.covariance(), &weights, &mut vec![0.0; assets]);
        ResampledPoint {
            mean: dot(self.problem.mean(), &weights) / unit,
            risk: risk / unit,
            weights,
            mean_low: mean_low / unit,
            mean_high: mean_high / unit,
            risk_low: risk_low / unit,
            risk_high: risk_high / unit,
            weights_low,
            weights_high,
        }
    }
}

/// The two percentiles; reorders the values, of which there is at least one.
fn band(values: &mut [f64]) -> (f64, f64) {
    (quantile(values, LOW), quantile(values, HIGH))
}

/// The quantile `share` by linear interpolation between order statistics (type 7 of Hyndman & Fan 1996).
fn quantile(values: &mut [f64], share: f64) -> f64 {
    let position = share * (values.len() - 1) as f64;
    let below = position as usize;
    let (_, &mut low, above) = values.select_nth_unstable_by(below, f64::total_cmp);
    let next = above.iter().copied().min_by(f64::total_cmp).unwrap_or(low);
    // Exactly the value where both are the same.
    low + (position - below as f64) * (next - low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_between_order_statistics() {
        let mut values = [5.0, 1.0, 4.0, 2.0, 3.0];
        assert_eq!(quantile(&mut values, 0.5), 3.0);
        assert!((quantile(&mut values, 0.05) - 1.2).abs() < 1e-15);
        assert!((quantile(&mut values, 0.95) - 4.8).abs() < 1e-15);
        assert_eq!(band(&mut [7.0]), (7.0, 7.0));
        let mut hundred: Vec<f64> = (0..=100).rev().map(f64::from).collect();
        assert_eq!(band(&mut hundred), (5.0, 95.0));
    }
}
