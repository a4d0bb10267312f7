//! The convex constraints as rows a·x ≤ b, for solvers.
//!
//! x holds the weights, then (where they are needed) one variable an asset that is at least |w| and one that
//! is at least |w − h|; and last, in the homogeneous form x/κ, κ itself: b then stands as b·κ on the left.

use super::Region;
use crate::conic::{Model, Row};

/// One constraint that can be named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Item {
    Lower(usize),
    Upper(usize),
    GroupLower(usize),
    GroupUpper(usize),
    Gross,
    Turnover,
}

/// Which variables there are.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rows<'a> {
    region: &'a Region,
    sizes: Option<usize>,
    trades: Option<usize>,
    kappa: Option<usize>,
}

impl<'a> Rows<'a> {
    /// Adds the variables to an empty model and the rows that define them; `fees`: trades are needed in any
    /// case; `homogeneous`: with κ = Σx instead of Σw = 1.
    pub(crate) fn new(region: &'a Region, model: &mut Model, fees: bool, homogeneous: bool) -> Self {
        let assets = region.assets();
        model.variables(assets);
        let sizes = region.gross.is_some().then(|| model.variables(assets));
        let trades = (fees || region.turnover.is_some()).then(|| model.variables(assets));
        let kappa = homogeneous.then(|| model.variables(1));
        let rows = Self { region, sizes, trades, kappa };
        let sum: Row = (0..assets).map(|asset| (asset, 1.0)).collect();
        let (sum, one) = rows.homogenised(sum, 1.0);
        model.equal(sum, one);
        for asset in 0..assets {
            for sign in [1.0, -1.0] {
                if let Some(sizes) = sizes {
                    model.at_most(vec![(asset, sign), (sizes + asset, -1.0)], 0.0);
                }
                if let Some(trades) = trades {
                    let row = vec![(asset, sign), (trades + asset, -1.0)];
                    let (row, limit) = rows.homogenised(row, sign * region.holdings[asset]);
                    model.at_most(row, limit);
                }
            }
        }
        rows
    }

    /// Where κ stands.
    pub(crate) fn kappa(&self) -> Option<usize> {
        self.kappa
    }

    /// Where the variables |w − h| begin.
    pub(crate) fn trades(&self) -> Option<usize> {
        self.trades
    }

    /// All constraints there are.
    pub(crate) fn items(region: &Region) -> Vec<Item> {
        let assets = 0..region.assets();
        let groups = 0..region.groups.len();
        let mut items: Vec<Item> = groups.clone().map(Item::GroupLower).collect();
        items.extend(groups.map(Item::GroupUpper));
        items.extend(region.gross.map(|_| Item::Gross));
        items.extend(region.turnover.map(|_| Item::Turnover));
        items.extend(assets.clone().map(Item::Lower));
        items.extend(assets.map(Item::Upper));
        items
    }

    /// The constraint as a·x ≤ b, not homogenised.
    pub(crate) fn row(&self, item: Item) -> (Row, f64) {
        let region = self.region;
        let group_row = |group: usize, sign: f64| -> Row {
            region.groups[group].assets().iter().map(|&asset| (asset, sign)).collect()
        };
        let all = |start: Option<usize>| -> Row {
            let start = start.unwrap_or(0);
            (start..start + region.assets()).map(|variable| (variable, 1.0)).collect()
        };
        match item {
            Item::Lower(asset) => (vec![(asset, -1.0)], -region.lower[asset]),
            Item::Upper(asset) => (vec![(asset, 1.0)], region.upper[asset]),
            Item::GroupLower(group) => (group_row(group, -1.0), -region.groups[group].limits().0),
            Item::GroupUpper(group) => (group_row(group, 1.0), region.groups[group].limits().1),
            Item::Gross => (all(self.sizes), region.gross.unwrap_or(f64::INFINITY)),
            Item::Turnover => (all(self.trades), region.turnover.unwrap_or(f64::INFINITY)),
        }
    }

    /// Adds every constraint; two limits that are the same become one equality.
    pub(crate) fn add_all(&self, model: &mut Model) {
        let region = self.region;
        let long_only = region.lower.iter().all(|&lower| lower >= 0.0);
        for item in Self::items(region) {
            let same = match item {
                Item::Lower(asset) | Item::Upper(asset) => region.lower[asset] == region.upper[asset],
                Item::GroupLower(group) | Item::GroupUpper(group) => {
                    let (lower, upper) = region.groups[group].limits();
                    lower == upper
                }
                Item::Gross | Item::Turnover => false,
            };
            let (row, limit) = self.row(item);
            let (row, limit) = self.homogenised(row, limit);
            match item {
                Item::Lower(_) | Item::GroupLower(_) if same => {}
                Item::Upper(_) | Item::GroupUpper(_) if same => model.equal(row, limit),
                // Implied: no weight exceeds the sum.
                Item::Upper(asset) if long_only && region.upper[asset] >= 1.0 => {}
                _ => model.at_most(row, limit),
            }
        }
    }

    /// The row with its limit moved to κ, in the homogeneous form.
    pub(crate) fn homogenised(&self, mut row: Row, limit: f64) -> (Row, f64) {
        match self.kappa {
            Some(kappa) if limit != 0.0 => {
                row.push((kappa, -limit));
                (row, 0.0)
            }
            _ => (row, limit),
        }
    }
}
