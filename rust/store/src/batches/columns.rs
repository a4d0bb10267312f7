//! Builders of the tables' own columns, one a table: rows in, columns in the order of the schema out.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Float64Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow::error::ArrowError;
use silverbullet_engine::durable::rows::{
    AssetRow, BarRow, FrontierRow, PortfolioRow, StoredEvent, Time, Weights,
};

use crate::schema::WeightsBuilder;

/// A builder of times.
pub(crate) struct Times(TimestampMicrosecondBuilder);

impl std::fmt::Debug for Times {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Times")
    }
}

impl Default for Times {
    fn default() -> Self {
        Self(TimestampMicrosecondBuilder::new().with_timezone("UTC"))
    }
}

impl Times {
    pub(crate) fn push(&mut self, time: Time) {
        self.0.append_value(time.0.div_euclid(1_000));
    }

    pub(crate) fn push_option(&mut self, time: Option<Time>) {
        self.0.append_option(time.map(|time| time.0.div_euclid(1_000)));
    }

    pub(crate) fn finish(&mut self) -> ArrayRef {
        Arc::new(self.0.finish())
    }
}

fn push_weights(builder: &mut WeightsBuilder, weights: &Weights) -> Result<(), ArrowError> {
    builder.push(weights.0.iter().map(|(asset, weight)| (asset, *weight)))
}

fn done<B: arrow::array::ArrayBuilder>(builder: &mut B) -> ArrayRef {
    builder.finish()
}

#[derive(Debug, Default)]
pub(super) struct Portfolios {
    bar: Int64Builder,
    objective: StringBuilder,
    method: StringBuilder,
    as_of: Times,
    mean: Float64Builder,
    risk: Float64Builder,
    sharpe: Float64Builder,
    gap: Float64Builder,
    turnover: Float64Builder,
    label: StringBuilder,
    weights: WeightsBuilder,
}

impl Portfolios {
    pub(super) fn push(&mut self, row: &PortfolioRow) -> Result<(), ArrowError> {
        self.bar.append_value(row.bar);
        self.objective.append_value(row.objective);
        self.method.append_value(row.method);
        self.as_of.push(row.as_of);
        self.mean.append_value(row.mean);
        self.risk.append_value(row.risk);
        self.sharpe.append_option(row.sharpe);
        self.gap.append_option(row.gap);
        self.turnover.append_option(row.turnover);
        self.label.append_value(row.label);
        push_weights(&mut self.weights, &row.weights)
    }

    pub(super) fn finish(&mut self) -> Vec<ArrayRef> {
        vec![
            done(&mut self.bar),
            done(&mut self.objective),
            done(&mut self.method),
            self.as_of.finish(),
            done(&mut self.mean),
            done(&mut self.risk),
            done(&mut self.sharpe),
            done(&mut self.gap),
            done(&mut self.turnover),
            done(&mut self.label),
            self.weights.finish(),
        ]
    }
}

#[derive(Debug, Default)]
pub(super) struct Frontiers {
    bar: Int64Builder,
    method: StringBuilder,
    point: Int64Builder,
    as_of: Times,
    risk: Float64Builder,
    mean: Float64Builder,
    mean_low: Float64Builder,
    mean_high: Float64Builder,
    weights: WeightsBuilder,
}

impl Frontiers {
    pub(super) fn push(&mut self, row: &FrontierRow) -> Result<(), ArrowError> {
        self.bar.append_value(row.bar);
        self.method.append_value(row.method);
        self.point.append_value(row.point);
        self.as_of.push(row.as_of);
        self.risk.append_value(row.risk);
        self.mean.append_value(row.mean);
        self.mean_low.append_option(row.mean_low);
        self.mean_high.append_option(row.mean_high);
        push_weights(&mut self.weights, &row.weights)
    }

    pub(super) fn finish(&mut self) -> Vec<ArrayRef> {
        vec![
            done(&mut self.bar),
            done(&mut self.method),
            done(&mut self.point),
            self.as_of.finish(),
            done(&mut self.risk),
            done(&mut self.mean),
            done(&mut self.mean_low),
            done(&mut self.mean_high),
            self.weights.finish(),
        ]
    }
}

#[derive(Debug, Default)]
pub(super) struct Assets {
    bar: Int64Builder,
    asset: StringBuilder,
    as_of: Times,
    price: Float64Builder,
    mean: Float64Builder,
    volatility: Float64Builder,
    last_tick: Times,
    stale: BooleanBuilder,
}

impl Assets {
    pub(super) fn push(&mut self, row: &AssetRow) {
        self.bar.append_value(row.bar);
        self.asset.append_value(&row.asset);
        self.as_of.push(row.as_of);
        self.price.append_value(row.price);
        self.mean.append_option(row.mean);
        self.volatility.append_option(row.volatility);
        self.last_tick.push(row.last_tick);
        self.stale.append_value(row.stale);
    }

    pub(super) fn finish(&mut self) -> Vec<ArrayRef> {
        vec![
            done(&mut self.bar),
            done(&mut self.asset),
            self.as_of.finish(),
            done(&mut self.price),
            done(&mut self.mean),
            done(&mut self.volatility),
            self.last_tick.finish(),
            done(&mut self.stale),
        ]
    }
}

#[derive(Debug, Default)]
pub(super) struct Bars {
    bar: Int64Builder,
    asset: StringBuilder,
    open_time: Times,
    close_time: Times,
    open: Float64Builder,
    high: Float64Builder,
    low: Float64Builder,
    close: Float64Builder,
    volume: Float64Builder,
    ticks: Int64Builder,
}

impl Bars {
    pub(super) fn push(&mut self, row: &BarRow) {
        self.bar.append_value(row.bar);
        self.asset.append_value(&row.asset);
        self.open_time.push(row.open_time);
        self.close_time.push(row.close_time);
        self.open.append_value(row.open);
        self.high.append_value(row.high);
        self.low.append_value(row.low);
        self.close.append_value(row.close);
        self.volume.append_option(row.volume);
        self.ticks.append_value(row.ticks.cast_signed());
    }

    pub(super) fn finish(&mut self) -> Vec<ArrayRef> {
        vec![
            done(&mut self.bar),
            done(&mut self.asset),
            self.open_time.finish(),
            self.close_time.finish(),
            done(&mut self.open),
            done(&mut self.high),
            done(&mut self.low),
            done(&mut self.close),
            done(&mut self.volume),
            done(&mut self.ticks),
        ]
    }
}

#[derive(Debug, Default)]
pub(super) struct Events {
    source: StringBuilder,
    partition: Int64Builder,
    offset: Int64Builder,
    kind: StringBuilder,
    as_of: Times,
    detail: StringBuilder,
}

impl Events {
    pub(super) fn push(&mut self, row: &StoredEvent) {
        self.source.append_value(&row.source);
        self.partition.append_value(i64::from(row.partition));
        self.offset.append_value(row.offset.cast_signed());
        self.kind.append_value(row.kind);
        self.as_of.push_option(row.as_of);
        self.detail.append_value(&row.detail);
    }

    pub(super) fn finish(&mut self) -> Vec<ArrayRef> {
        vec![
            done(&mut self.source),
            done(&mut self.partition),
            done(&mut self.offset),
            done(&mut self.kind),
            self.as_of.finish(),
            done(&mut self.detail),
        ]
    }
}
