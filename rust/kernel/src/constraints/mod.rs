//! What else a portfolio must satisfy, beside the box bounds of its [`Problem`](crate::Problem) and Σw = 1.
//!
//! A gross limit Σ|w| ≤ G (with negative lower bounds: long/short), bounds on the sum of a group's weights, a
//! largest number of assets, a smallest position, and, against given holdings h, a limit on the turnover
//! Σ|w − h| and fees. Turnover counts purchases and sales: selling all for something else is a turnover of 2.
//!
//! The fee of an asset is a rate on the volume traded in it. It is paid once, means are per bar: what it takes
//! from the mean per bar is rate · |w − h| / holding bars. Risks are those of the returns before fees.

mod conflict;
mod newton;
mod project;
mod region;
mod rows;

pub(crate) use conflict::{Limits, require_feasible};
pub(crate) use project::Projector;
pub(crate) use region::Region;
pub(crate) use rows::Rows;

use crate::error::{Error, Result, require_finite, require_length};
use crate::problem::Bounds;

/// How far holdings may miss the sum of one.
const HOLDINGS_TOLERANCE: f64 = 1e-6;

/// Assets with bounds on the sum of their weights.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    name: String,
    assets: Vec<usize>,
    lower: f64,
    upper: f64,
}

impl Group {
    /// What errors call it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Positions of its assets, ascending.
    #[must_use]
    pub fn assets(&self) -> &[usize] {
        &self.assets
    }

    /// The least and the largest sum of its weights.
    #[must_use]
    pub fn limits(&self) -> (f64, f64) {
        (self.lower, self.upper)
    }

    pub(crate) fn sum(&self, weights: &[f64]) -> f64 {
        self.assets.iter().map(|&asset| weights[asset]).sum()
    }
}

/// What a venue charges on traded volume, as fractions of it (0.001 is ten basis points).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fees {
    /// For orders that wait in the book; negative for a rebate.
    pub maker: f64,
    /// For orders that are filled at once.
    pub taker: f64,
    /// The part of the volume that is filled as maker, from 0 to 1.
    pub maker_share: f64,
    /// Bars over which the cost is spread: how long the portfolio will be held. At least 1.
    pub holding_bars: f64,
}

impl Fees {
    /// What a unit of volume takes from the mean per bar.
    #[must_use]
    pub fn rate(&self) -> f64 {
        (self.maker_share * self.maker + (1.0 - self.maker_share) * self.taker) / self.holding_bars
    }
}

/// The constraints of one question, each optional; see the [module](self) for what they mean.
#[derive(Debug, Clone, PartialEq)]
pub struct Constraints {
    assets: usize,
    gross: Option<f64>,
    groups: Vec<Group>,
    max_assets: Option<usize>,
    min_position: Option<f64>,
    holdings: Option<Vec<f64>>,
    turnover: Option<f64>,
    rates: Option<Vec<f64>>,
}

impl Constraints {
    /// None, for `assets` assets.
    #[must_use]
    pub fn none(assets: usize) -> Self {
        Self {
            assets,
            gross: None,
            groups: Vec::new(),
            max_assets: None,
            min_position: None,
            holdings: None,
            turnover: None,
            rates: None,
        }
    }

    /// Σ|w| ≤ `limit`.
    ///
    /// # Errors
    /// A limit that is not finite or below 1: the weights sum to one.
    pub fn with_gross_limit(mut self, limit: f64) -> Result<Self> {
        require_finite("gross limit", &[limit])?;
        let expected = "at least 1, because the weights sum to 1";
        require("gross limit", limit, limit >= 1.0, expected)?;
        self.gross = Some(limit);
        Ok(self)
    }

    /// `lower` ≤ the sum of the weights of `assets` ≤ `upper`. Groups may overlap.
    ///
    /// # Errors
    /// No asset, an asset twice or beyond the last, a limit that is not finite, limits that cross, a name
    /// that another group has.
    pub fn with_group(
        mut self,
        name: impl Into<String>,
        assets: &[usize],
        lower: f64,
        upper: f64,
    ) -> Result<Self> {
        let name = name.into();
        let mut sorted = assets.to_vec();
        sorted.sort_unstable();
        let reason = if assets.is_empty() {
            Some("it has no asset".to_owned())
        } else if let Some(asset) = sorted.iter().find(|&&asset| asset >= self.assets) {
            Some(format!("there is no asset {asset}, the last is {}", self.assets.saturating_sub(1)))
        } else if let Some(pair) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(format!("asset {} is listed twice", pair[0]))
        } else if !(lower.is_finite() && upper.is_finite()) {
            Some(format!("its limits {lower} and {upper} must be finite numbers"))
        } else if lower > upper {
            Some(format!("lower limit {lower} is above upper limit {upper}"))
        } else if self.groups.iter().any(|group| group.name == name) {
            Some("another group has that name".to_owned())
        } else {
            None
        };
        if let Some(reason) = reason {
            return Err(Error::Group { name, reason });
        }
        self.groups.push(Group { name, assets: sorted, lower, upper });
        Ok(self)
    }

    /// At most `count` weights other than zero.
    ///
    /// # Errors
    /// A count of zero.
    pub fn with_max_assets(mut self, count: usize) -> Result<Self> {
        require("maximum assets", count as f64, count > 0, "at least 1 asset must be allowed")?;
        self.max_assets = Some(count);
        Ok(self)
    }

    /// Each weight is zero or at least `least` in size.
    ///
    /// # Errors
    /// A size that is not above 0 and at most 1.
    pub fn with_min_position(mut self, least: f64) -> Result<Self> {
        require("minimum position", least, least > 0.0 && least <= 1.0, "above 0 and at most 1")?;
        self.min_position = Some(least);
        Ok(self)
    }

    /// The weights held now, from which turnover and fees are counted.
    ///
    /// # Errors
    /// Weights for another number of assets, not finite, or that do not sum to one.
    pub fn with_holdings(mut self, weights: Vec<f64>) -> Result<Self> {
        require_length("holdings", self.assets, weights.len())?;
        require_finite("holdings", &weights)?;
        let sum: f64 = weights.iter().sum();
        require("holdings", sum, (sum - 1.0).abs() <= HOLDINGS_TOLERANCE, "they must sum to 1")?;
        self.holdings = Some(weights);
        Ok(self)
    }

    /// Σ|w − h| ≤ `limit` for the holdings h, which come first.
    ///
    /// # Errors
    /// No holdings; a limit that is negative or not finite.
    pub fn with_turnover_limit(mut self, limit: f64) -> Result<Self> {
        self.require_holdings()?;
        require("turnover limit", limit, limit.is_finite() && limit >= 0.0, "a finite number, at least 0")?;
        self.turnover = Some(limit);
        Ok(self)
    }

    /// The same fees for every asset, on what is traded away from the holdings, which come first.
    ///
    /// # Errors
    /// No holdings; a share outside 0 to 1, holding bars below 1, a rate that is not finite; a rebate larger
    /// than the fees, which would pay for trading without end.
    pub fn with_fees(self, fees: Fees) -> Result<Self> {
        require_finite("fees", &[fees.maker, fees.taker])?;
        require("maker share", fees.maker_share, (0.0..=1.0).contains(&fees.maker_share), "from 0 to 1")?;
        let bars = fees.holding_bars;
        require("holding bars", bars, bars.is_finite() && bars >= 1.0, "a finite number, at least 1")?;
        let rates = vec![fees.rate(); self.assets];
        self.with_fee_rates(rates)
    }

    /// What a unit traded in each asset takes from the mean per bar; the holdings come first.
    ///
    /// # Errors
    /// No holdings; rates for another number of assets, negative or not finite.
    pub fn with_fee_rates(mut self, rates: Vec<f64>) -> Result<Self> {
        self.require_holdings()?;
        require_length("fees", self.assets, rates.len())?;
        require_finite("fees", &rates)?;
        let least = rates.iter().copied().fold(0.0, f64::min);
        require("fees", least, least >= 0.0, "on balance at least 0")?;
        self.rates = Some(rates);
        Ok(self)
    }

    fn require_holdings(&self) -> Result<()> {
        if self.holdings.is_none() { Err(Error::Empty { parameter: "holdings" }) } else { Ok(()) }
    }

    /// Number of assets.
    #[must_use]
    pub fn assets(&self) -> usize {
        self.assets
    }

    /// The groups, in the order they were given.
    #[must_use]
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// The limit on Σ|w|.
    #[must_use]
    pub fn gross_limit(&self) -> Option<f64> {
        self.gross
    }

    /// The limit on Σ|w − h|.
    #[must_use]
    pub fn turnover_limit(&self) -> Option<f64> {
        self.turnover
    }

    /// The largest number of assets.
    #[must_use]
    pub fn max_assets(&self) -> Option<usize> {
        self.max_assets
    }

    /// The least size of a weight that is not zero.
    #[must_use]
    pub fn min_position(&self) -> Option<f64> {
        self.min_position
    }

    /// The weights held now.
    #[must_use]
    pub fn holdings(&self) -> Option<&[f64]> {
        self.holdings.as_deref()
    }

    /// Fee rates per bar, asset by asset.
    #[must_use]
    pub fn fee_rates(&self) -> Option<&[f64]> {
        self.rates.as_deref()
    }

    /// What moving from the holdings to `weights` takes from the mean per bar.
    #[must_use]
    pub fn fees(&self, weights: &[f64]) -> f64 {
        let (Some(holdings), Some(rates)) = (&self.holdings, &self.rates) else { return 0.0 };
        weights.iter().zip(holdings).zip(rates).map(|((w, h), rate)| rate * (w - h).abs()).sum()
    }

    /// True when nothing but box bounds and Σw = 1 restricts the weights, and nothing is charged.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self { holdings: self.holdings.clone(), ..Self::none(self.assets) }
    }

    /// True when the feasible weights are not a convex set.
    #[must_use]
    pub fn is_combinatorial(&self) -> bool {
        self.max_assets.is_some_and(|count| count < self.assets) || self.min_position.is_some()
    }

    /// The largest amount by which `weights` miss the box bounds, the sum of one, or any of these.
    #[must_use]
    pub fn violation(&self, bounds: &Bounds, weights: &[f64]) -> f64 {
        let mut sizes: Vec<f64> = weights.iter().map(|weight| weight.abs()).collect();
        let mut worst = Region::new(bounds, self).violation(weights).max(bounds.violation(weights));
        if let Some(least) = self.min_position {
            worst = sizes.iter().map(|&size| size.min(least - size)).fold(worst, f64::max);
        }
        if let Some(count) = self.max_assets.filter(|&count| count < self.assets) {
            sizes.sort_by(|a, b| b.total_cmp(a));
            worst = worst.max(sizes[count]);
        }
        worst
    }
}

fn require(parameter: &'static str, value: f64, holds: bool, expected: &'static str) -> Result<()> {
    if holds { Ok(()) } else { Err(Error::OutOfRange { parameter, value, expected }) }
}

#[cfg(test)]
mod tests;
