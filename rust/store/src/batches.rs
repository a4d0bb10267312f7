//! Rows as record batches, one table each, exact to the bit.
//!
//! A row becomes a row of [`Table::schema`] with the universe, the variant and the run it belongs to. Times
//! lose what is below a microsecond, towards the past; every float keeps its bits.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanBuilder, Float64Builder, Int64Builder, MapBuilder, MapFieldNames, RecordBatch,
    StringArray, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, Field};
use arrow::error::ArrowError;
use silverbullet_engine::durable::rows::{
    AssetRow, BarRow, FrontierRow, PortfolioRow, Row, StoredEvent, Time, Weights,
};

use crate::error::{Error, Result};
use crate::schema::Table;

/// Rough size of a row without weights in memory, in bytes.
const ROW_BYTES: usize = 256;
/// What a parcel takes beside its rows, in bytes.
const PARCEL_BYTES: usize = 4_096;
/// Rough size of one weight with the name of its asset in memory, in bytes.
const WEIGHT_BYTES: usize = 24;

/// What all rows of a run share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribution {
    /// Name of the universe.
    pub universe: String,
    /// Its variant.
    pub variant: String,
    /// The run that makes the rows.
    pub run_id: String,
}

/// Collects rows until they are taken as batches.
#[derive(Debug)]
pub struct Batches {
    attribution: Attribution,
    portfolios: Portfolios,
    frontiers: Frontiers,
    assets: Assets,
    bars: Bars,
    events: Events,
    rows: usize,
    bytes: usize,
}

impl Batches {
    /// Nothing yet of a run.
    #[must_use]
    pub fn new(attribution: Attribution) -> Self {
        Self {
            attribution,
            portfolios: Portfolios::default(),
            frontiers: Frontiers::default(),
            assets: Assets::default(),
            bars: Bars::default(),
            events: Events::default(),
            rows: 0,
            bytes: 0,
        }
    }

    /// Takes a row.
    ///
    /// # Errors
    /// [`Error::Rows`], which no row of an engine brings about.
    pub fn push(&mut self, row: &Row) -> Result<()> {
        self.rows += 1;
        self.bytes += bytes_of(row);
        match row {
            Row::Portfolios(row) => {
                self.portfolios.push(row).map_err(|source| refused(Table::Portfolios, source))
            }
            Row::Frontiers(row) => {
                self.frontiers.push(row).map_err(|source| refused(Table::Frontiers, source))
            }
            Row::Assets(row) => {
                self.assets.push(row);
                Ok(())
            }
            Row::Bars(row) => {
                self.bars.push(row);
                Ok(())
            }
            Row::Events(row) => {
                self.events.push(row);
                Ok(())
            }
        }
    }

    /// Rows held.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Roughly what they take in memory.
    #[must_use]
    pub fn bytes(&self) -> usize {
        if self.rows == 0 { 0 } else { PARCEL_BYTES + self.bytes }
    }

    /// Hands the rows over, one batch for each table that has any, and starts anew.
    ///
    /// # Errors
    /// [`Error::Rows`], which no row of an engine brings about.
    pub fn take(&mut self) -> Result<Vec<(Table, RecordBatch)>> {
        self.rows = 0;
        self.bytes = 0;
        let columns = [
            (Table::Portfolios, self.portfolios.finish()),
            (Table::Frontiers, self.frontiers.finish()),
            (Table::Assets, self.assets.finish()),
            (Table::Bars, self.bars.finish()),
            (Table::Events, self.events.finish()),
        ];
        let filled = columns
            .into_iter()
            .filter(|(_, columns)| columns.first().is_some_and(|column| !column.is_empty()));
        filled.map(|(table, columns)| Ok((table, attributed(table, &self.attribution, columns)?))).collect()
    }
}

/// `columns` in the order of the table's own ones, with those that all rows of the run share.
fn attributed(table: Table, of: &Attribution, columns: Vec<ArrayRef>) -> Result<RecordBatch> {
    let rows = columns.first().map_or(0, |column| column.len());
    let shared =
        |text: &str| Arc::new(StringArray::from_iter_values(std::iter::repeat_n(text, rows))) as ArrayRef;
    let schema = table.schema();
    let mut own = columns.into_iter();
    let mut all = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        let column = match field.name().as_str() {
            "universe" => Some(shared(&of.universe)),
            "variant" => Some(shared(&of.variant)),
            "run_id" => Some(shared(&of.run_id)),
            _ => own.next(),
        };
        all.extend(column);
    }
    // Builders make room for many rows, and parcels with few are kept for a while.
    all.iter_mut().for_each(Array::shrink_to_fit);
    RecordBatch::try_new(schema, all).map_err(|source| refused(table, source))
}

pub(crate) fn refused(table: Table, source: ArrowError) -> Error {
    Error::Rows { table: table.name(), source }
}

fn bytes_of(row: &Row) -> usize {
    ROW_BYTES
        + match row {
            Row::Portfolios(row) => row.weights.0.len() * WEIGHT_BYTES,
            Row::Frontiers(row) => row.weights.0.len() * WEIGHT_BYTES,
            Row::Assets(_) | Row::Bars(_) => 0,
            Row::Events(row) => row.detail.len(),
        }
}

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

/// A builder of maps from asset to weight.
#[derive(Debug)]
struct Maps(MapBuilder<StringBuilder, Float64Builder>);

impl Default for Maps {
    fn default() -> Self {
        let names = MapFieldNames { entry: "key_value".into(), key: "key".into(), value: "value".into() };
        Self(
            MapBuilder::new(Some(names), StringBuilder::new(), Float64Builder::new())
                .with_values_field(Field::new("value", DataType::Float64, false)),
        )
    }
}

impl Maps {
    fn push(&mut self, weights: &Weights) -> std::result::Result<(), ArrowError> {
        for (asset, weight) in &weights.0 {
            self.0.keys().append_value(asset);
            self.0.values().append_value(*weight);
        }
        self.0.append(true)
    }

    fn finish(&mut self) -> ArrayRef {
        Arc::new(self.0.finish())
    }
}

fn done<B: arrow::array::ArrayBuilder>(builder: &mut B) -> ArrayRef {
    builder.finish()
}

#[derive(Debug, Default)]
struct Portfolios {
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
    weights: Maps,
}

impl Portfolios {
    fn push(&mut self, row: &PortfolioRow) -> std::result::Result<(), ArrowError> {
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
        self.weights.push(&row.weights)
    }

    fn finish(&mut self) -> Vec<ArrayRef> {
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
struct Frontiers {
    bar: Int64Builder,
    method: StringBuilder,
    point: Int64Builder,
    as_of: Times,
    risk: Float64Builder,
    mean: Float64Builder,
    mean_low: Float64Builder,
    mean_high: Float64Builder,
    weights: Maps,
}

impl Frontiers {
    fn push(&mut self, row: &FrontierRow) -> std::result::Result<(), ArrowError> {
        self.bar.append_value(row.bar);
        self.method.append_value(row.method);
        self.point.append_value(row.point);
        self.as_of.push(row.as_of);
        self.risk.append_value(row.risk);
        self.mean.append_value(row.mean);
        self.mean_low.append_option(row.mean_low);
        self.mean_high.append_option(row.mean_high);
        self.weights.push(&row.weights)
    }

    fn finish(&mut self) -> Vec<ArrayRef> {
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
struct Assets {
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
    fn push(&mut self, row: &AssetRow) {
        self.bar.append_value(row.bar);
        self.asset.append_value(&row.asset);
        self.as_of.push(row.as_of);
        self.price.append_value(row.price);
        self.mean.append_option(row.mean);
        self.volatility.append_option(row.volatility);
        self.last_tick.push(row.last_tick);
        self.stale.append_value(row.stale);
    }

    fn finish(&mut self) -> Vec<ArrayRef> {
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
struct Bars {
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
    fn push(&mut self, row: &BarRow) {
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

    fn finish(&mut self) -> Vec<ArrayRef> {
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
struct Events {
    source: StringBuilder,
    partition: Int64Builder,
    offset: Int64Builder,
    kind: StringBuilder,
    as_of: Times,
    detail: StringBuilder,
}

impl Events {
    fn push(&mut self, row: &StoredEvent) {
        self.source.append_value(&row.source);
        self.partition.append_value(i64::from(row.partition));
        self.offset.append_value(row.offset.cast_signed());
        self.kind.append_value(row.kind);
        self.as_of.push_option(row.as_of);
        self.detail.append_value(&row.detail);
    }

    fn finish(&mut self) -> Vec<ArrayRef> {
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
