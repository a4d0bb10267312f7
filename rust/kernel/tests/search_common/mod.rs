//! The problems that the search is held to: two hundred of each size, from every kind of random problem and from
//! recorded prices.
#![allow(dead_code, reason = "each test crate and example uses its part")]
#![allow(clippy::unwrap_used, reason = "recorded data and seeded problems are valid")]

#[path = "../common/problems.rs"]
pub(crate) mod problems;

use std::collections::BTreeMap;
use std::path::PathBuf;

use problems::{Kind, Random};
use silverbullet_kernel::{Problem, SymmetricMatrix};

/// Bars of a window of recorded prices.
const WINDOW: usize = 1_000;
/// Bars by which one copy of the recorded assets follows the one before, where a problem has more than there are.
const SHIFT: usize = 720;

/// Recorded returns, one series an asset, all of one length.
#[derive(Debug)]
pub(crate) struct Recorded {
    returns: Vec<Vec<f64>>,
}

impl Recorded {
    /// Seven days of minute prices; `None` where they are not at hand.
    pub(crate) fn read() -> Option<Self> {
        let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
        let shared = std::env::var_os("SILVERBULLET_SHARED").map_or_else(beside, PathBuf::from);
        let text =
            std::fs::read_to_string(shared.join("data/prices/price_16_assets_7_days_2025.csv")).ok()?;
        let mut prices = BTreeMap::<&str, Vec<f64>>::new();
        for line in text.lines().skip(1) {
            let mut fields = line.split(',');
            let (Some(_), Some(asset), Some(price)) = (fields.next(), fields.next(), fields.next()) else {
                continue;
            };
            prices.entry(asset).or_default().push(price.parse().unwrap());
        }
        let returns: Vec<Vec<f64>> = prices
            .values()
            .map(|prices| prices.windows(2).map(|pair| pair[1] / pair[0] - 1.0).collect())
            .collect();
        assert!(returns.len() == 16 && returns.iter().all(|series| series.len() == returns[0].len()));
        Some(Self { returns })
    }

    /// The moments of one window. More assets than were recorded are the same ones some hours later, as far as
    /// covariances go others.
    pub(crate) fn problem(&self, assets: usize, random: &mut Random) -> Problem {
        let copies = assets.div_ceil(self.returns.len());
        let last = self.returns[0].len() - WINDOW - (copies - 1) * SHIFT;
        let start = random.below(last);
        let series: Vec<&[f64]> = (0..assets)
            .map(|asset| {
                let first = start + asset / self.returns.len() * SHIFT;
                &self.returns[asset % self.returns.len()][first..first + WINDOW]
            })
            .collect();
        let mean: Vec<f64> = series.iter().map(|bars| bars.iter().sum::<f64>() / WINDOW as f64).collect();
        let covariance = SymmetricMatrix::from_lower(assets, |i, j| {
            let pairs = series[i].iter().zip(series[j]);
            pairs.map(|(a, b)| (a - mean[i]) * (b - mean[j])).sum::<f64>() / (WINDOW - 1) as f64
        });
        Problem::new(mean, covariance, WINDOW).unwrap()
    }
}

/// Problem number `seed` of the two hundred of one size, and what it is. Every fourth is a window of recorded
/// prices, where they are at hand; the rest go through the kinds of random problems, every third with bounds.
pub(crate) fn seeded(assets: usize, seed: u64, recorded: Option<&Recorded>) -> (Problem, String) {
    let mut random = Random(seed ^ ((assets as u64) << 32));
    match recorded {
        Some(recorded) if seed % 4 == 3 => (recorded.problem(assets, &mut random), "Recorded".into()),
        _ => {
            let kind = Kind::ALL[(seed as usize) % Kind::ALL.len()];
            let bounded = seed % 3 == 1;
            let name = format!("{kind:?}{}", if bounded { ", bounded" } else { "" });
            (problems::problem(&mut random, kind, assets, bounded), name)
        }
    }
}
