//! The rows that are kept: one structure a table, in the order of the table's columns.
//!
//! Mean, risk and Sharpe ratio are per bar. Times are UTC in microseconds, written as RFC 3339. Weights are
//! a map from asset to weight in universe order, over the assets that were eligible.

use jiff::Timestamp;
use serde::{Serialize, Serializer};
use silverbullet_market::Nanos;

/// A point in time, kept to the microsecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub Nanos);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let time = Timestamp::from_microsecond(self.0.div_euclid(1_000)).unwrap_or(Timestamp::UNIX_EPOCH);
        serializer.collect_str(&time)
    }
}

/// Weights by asset name, in universe order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Weights(pub Vec<(String, f64)>);

impl Serialize for Weights {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(asset, weight)| (asset, weight)))
    }
}

/// A row of `portfolios`. Key: universe, variant, bar, objective, method.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "each field is the column of its name")]
pub struct PortfolioRow {
    pub bar: i64,
    pub objective: &'static str,
    pub method: &'static str,
    pub as_of: Time,
    pub mean: f64,
    pub risk: f64,
    pub sharpe: Option<f64>,
    pub gap: Option<f64>,
    /// Half the sum of the absolute changes of the weights since the row stored before, or against the weights held
    /// where a command has told them.
    pub turnover: Option<f64>,
    pub label: &'static str,
    pub weights: Weights,
}

/// A row of `frontiers`. Key: universe, variant, bar, method, point.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "each field is the column of its name")]
pub struct FrontierRow {
    pub bar: i64,
    pub method: &'static str,
    pub point: i64,
    pub as_of: Time,
    pub risk: f64,
    pub mean: f64,
    pub mean_low: Option<f64>,
    pub mean_high: Option<f64>,
    pub weights: Weights,
}

/// A row of `assets`. Key: universe, variant, bar, asset.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "each field is the column of its name")]
pub struct AssetRow {
    pub bar: i64,
    pub asset: String,
    pub as_of: Time,
    pub price: f64,
    pub mean: Option<f64>,
    pub volatility: Option<f64>,
    pub last_tick: Time,
    pub stale: bool,
}

/// A row of `bars`. Key: universe, variant, bar, asset.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "each field is the column of its name")]
pub struct BarRow {
    pub bar: i64,
    pub asset: String,
    pub open_time: Time,
    pub close_time: Time,
    pub open: f64,
    pub high: f64,
    pub low: f64,
    pub close: f64,
    pub volume: Option<f64>,
    pub ticks: u64,
}

/// A row of `events`. Key: universe, source, partition, offset, kind.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "each field is the column of its name")]
pub struct StoredEvent {
    pub source: String,
    pub partition: u32,
    pub offset: u64,
    pub kind: &'static str,
    pub as_of: Option<Time>,
    pub detail: String,
}

/// One row of any table.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "table", rename_all = "lowercase")]
#[expect(missing_docs, reason = "each variant is the table of its name")]
pub enum Row {
    Portfolios(PortfolioRow),
    Frontiers(FrontierRow),
    Assets(AssetRow),
    Bars(BarRow),
    Events(StoredEvent),
}

/// A row with what all rows of a run share.
#[derive(Debug, Serialize)]
pub struct Attributed<'a> {
    /// The row itself, its table first.
    #[serde(flatten)]
    pub row: &'a Row,
    /// Name of the universe.
    pub universe: &'a str,
    /// Settings, seed and source in one hash.
    pub variant: &'a str,
    /// The run that made it.
    pub run_id: &'a str,
}
