//! Tables of what the engines say now: `live.publications`, `live.ticks`, `live.latency`.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float64Builder, Int64Builder, RecordBatch, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, FieldRef, Schema, SchemaRef};
use arrow::error::ArrowError;
use silverbullet_engine::Trigger;
use silverbullet_store::Table;
use silverbullet_store::schema::{COMMENT, Column, WeightsBuilder, time_type, weights_type};

use crate::moment::LiveView;

/// A table of the live state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LiveTable {
    Publications,
    Ticks,
    Latency,
}

impl LiveTable {
    pub(crate) const ALL: [Self; 3] = [Self::Latency, Self::Publications, Self::Ticks];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Publications => "publications",
            Self::Ticks => "ticks",
            Self::Latency => "latency",
        }
    }

    const fn comment(self) -> &'static str {
        match self {
            Self::Publications => {
                "portfolios of the newest publication of each universe; per bar, provisional"
            }
            Self::Ticks => "newest price of each asset, as of the newest publication",
            Self::Latency => "percentiles of the stages of the live loop, since the run started",
        }
    }

    pub(crate) fn schema(self) -> SchemaRef {
        let fields = match self {
            Self::Publications => publications(),
            Self::Ticks => ticks(),
            Self::Latency => latency(),
        };
        let metadata = HashMap::from([(COMMENT.to_owned(), self.comment().to_owned())]);
        Arc::new(Schema::new_with_metadata(fields, metadata))
    }

    /// Its rows.
    pub(crate) fn rows(self, views: &[LiveView]) -> Result<RecordBatch, ArrowError> {
        let mut columns: Vec<Builder> =
            self.schema().fields().iter().map(|f| Builder::of(f.data_type())).collect();
        let mut row = Row { columns: &mut columns, next: 0 };
        for view in views {
            match self {
                Self::Publications => publication_rows(view, &mut row)?,
                Self::Ticks => tick_rows(view, &mut row),
                Self::Latency => latency_rows(view, &mut row),
            }
        }
        RecordBatch::try_new(self.schema(), columns.into_iter().map(Builder::finish).collect())
    }
}

/// What a publication is told apart by, then `columns`.
fn keyed<const N: usize>(columns: [Column; N]) -> Vec<FieldRef> {
    let key = [
        Column::text("universe", "name of the universe"),
        Column::text("variant", "hash of the universe's settings, the seed and the source"),
        Column::integer("sequence", "number of the publication, from 1 in each run"),
        Column::time("event_time", "event time of what triggered the publication"),
    ];
    key.into_iter().chain(columns).map(FieldRef::from).collect()
}

fn publications() -> Vec<FieldRef> {
    keyed([
        Column::text("trigger", "asset of the tick, or bar-close"),
        Column::integer("bar", "number of the last final bar in the window"),
        Column::text("objective", "what the portfolio is the best for"),
        Column::text("method", "how it was found: exact or monte-carlo"),
        Column::float("mean", "expected simple return; null before there are moments")
            .unit("simple return per bar")
            .optional(),
        Column::float("risk", "standard deviation; null before there are moments")
            .unit("simple return per bar")
            .optional(),
        Column::float("sharpe", "excess return over risk; null where the risk is zero")
            .unit("per bar")
            .optional(),
        Column::float("gap", "stated distance from the exact optimum; null where none can be stated")
            .optional(),
        Column::text("label", "ok, or fallback and its reason"),
        Column::new("weights", weights_type(), "share of the capital in each asset").unit("share of capital"),
    ])
}

fn ticks() -> Vec<FieldRef> {
    keyed([
        Column::text("asset", "name of the asset"),
        Column::float("price", "last price; null before the first").unit("quote currency").optional(),
        Column::text("venue", "exchange that the price came from; null where it came from none").optional(),
    ])
}

/// Those of the stored table, without the time of the measurement: it is now.
fn latency() -> Vec<FieldRef> {
    let stored = Table::Latency.schema();
    stored.fields().iter().filter(|field| field.name() != "as_of").cloned().collect()
}

fn publication_rows(view: &LiveView, row: &mut Row<'_>) -> Result<(), ArrowError> {
    let (state, Some(publication)) = (&view.state, &view.publication) else { return Ok(()) };
    let assets = &state.universe.assets;
    let trigger = match publication.trigger {
        Trigger::Tick(asset) => assets.get(asset).map_or("", String::as_str),
        Trigger::BarClose(_) => "bar-close",
        Trigger::None => "",
    };
    for answer in publication.portfolios() {
        row.key(view, publication.sequence, publication.event_time);
        row.text(trigger);
        row.integer(publication.bar);
        row.text(answer.objective.name());
        row.text(answer.method.name());
        row.number(Some(answer.mean));
        row.number(Some(answer.risk));
        row.number(answer.sharpe);
        row.number(answer.gap);
        row.text(&answer.label.to_string());
        row.map(assets.iter().map(String::as_str).zip(answer.weights.iter().copied()))?;
        row.end();
    }
    Ok(())
}

fn tick_rows(view: &LiveView, row: &mut Row<'_>) {
    let Some(publication) = &view.publication else { return };
    let venues = publication.venues.iter().map(|&venue| view.state.venues.get(usize::from(venue)));
    let prices = view.state.universe.assets.iter().zip(&publication.prices);
    for ((asset, price), venue) in prices.zip(venues) {
        row.key(view, publication.sequence, publication.event_time);
        row.text(asset);
        row.number(Some(*price));
        row.text_or_none(venue.map(String::as_str));
        row.end();
    }
}

fn latency_rows(view: &LiveView, row: &mut Row<'_>) {
    for (stage, of) in &view.latency {
        row.text(&view.state.universe.name);
        row.text(stage);
        for value in [of.count, of.p50, of.p90, of.p99, of.p999, of.max] {
            row.integer(i64::try_from(value).unwrap_or(i64::MAX));
        }
        row.text(&view.state.run_id);
        row.end();
    }
}

/// A column that is being filled.
enum Builder {
    Text(StringBuilder),
    Integer(Int64Builder),
    Number(Float64Builder),
    Time(TimestampMicrosecondBuilder),
    Map(Box<WeightsBuilder>),
}

impl Builder {
    fn of(data_type: &DataType) -> Self {
        match data_type {
            DataType::Int64 => Self::Integer(Int64Builder::new()),
            DataType::Float64 => Self::Number(Float64Builder::new()),
            DataType::Timestamp(..) => {
                Self::Time(TimestampMicrosecondBuilder::new().with_data_type(time_type()))
            }
            DataType::Map(..) => Self::Map(Box::default()),
            _ => Self::Text(StringBuilder::new()),
        }
    }

    fn finish(self) -> ArrayRef {
        match self {
            Self::Text(mut builder) => Arc::new(builder.finish()),
            Self::Integer(mut builder) => Arc::new(builder.finish()),
            Self::Number(mut builder) => Arc::new(builder.finish()),
            Self::Time(mut builder) => Arc::new(builder.finish()),
            Self::Map(mut builder) => builder.finish(),
        }
    }
}

/// The row that is being filled, column by column. A value of another type than its column's is a fault of
/// this file, which shows when the columns turn out to be of different lengths.
struct Row<'a> {
    columns: &'a mut [Builder],
    next: usize,
}

impl Row<'_> {
    fn column(&mut self) -> Option<&mut Builder> {
        let column = self.columns.get_mut(self.next);
        self.next += 1;
        column
    }

    fn end(&mut self) {
        self.next = 0;
    }

    fn key(&mut self, view: &LiveView, sequence: u64, event_time: i64) {
        self.text(&view.state.universe.name);
        self.text(&view.state.universe.variant);
        self.integer(i64::try_from(sequence).unwrap_or(i64::MAX));
        if let Some(Builder::Time(builder)) = self.column() {
            builder.append_value(event_time.div_euclid(1_000));
        }
    }

    fn text(&mut self, value: &str) {
        if let Some(Builder::Text(builder)) = self.column() {
            builder.append_value(value);
        }
    }

    fn text_or_none(&mut self, value: Option<&str>) {
        if let Some(Builder::Text(builder)) = self.column() {
            builder.append_option(value);
        }
    }

    fn integer(&mut self, value: i64) {
        if let Some(Builder::Integer(builder)) = self.column() {
            builder.append_value(value);
        }
    }

    /// NaN is the engine's word for "none yet".
    fn number(&mut self, value: Option<f64>) {
        if let Some(Builder::Number(builder)) = self.column() {
            builder.append_option(value.filter(|value| !value.is_nan()));
        }
    }

    fn map<'a>(&mut self, entries: impl Iterator<Item = (&'a str, f64)>) -> Result<(), ArrowError> {
        if let Some(Builder::Map(builder)) = self.column() {
            builder.push(entries)?;
        }
        Ok(())
    }
}
