//! Rows as record batches, one table each, exact to the bit.
//!
//! A row becomes a row of [`Table::schema`] with the universe, the variant and the run it belongs to. Times
//! lose what is below a microsecond, towards the past; every float keeps its bits.

mod columns;

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow::error::ArrowError;
use silverbullet_engine::durable::rows::Row;

pub(crate) use self::columns::Times;
use self::columns::{Assets, Bars, Events, Frontiers, Portfolios};
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
