//! Tables of what the engines say now: `live.publications`, `live.ticks`, `live.latency`.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float64Builder, Int64Builder, MapBuilder, MapFieldNames, RecordBatch, StringBuilder,
    TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use silverbullet_engine::Trigger;
use silverbullet_store::schema::{COMMENT, UNIT, time_type, weights_type};

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

fn field(name: &str, data_type: DataType, nullable: bool, comment: &str, unit: &str) -> Field {
    let mut metadata = HashMap::from([(COMMENT.to_owned(), comment.to_owned())]);
    if !unit.is_empty() {
        metadata.insert(UNIT.to_owned(), unit.to_owned());
    }
    Field::new(name, data_type, nullable).with_metadata(metadata)
}

fn text(name: &str, comment: &str) -> Field {
    field(name, DataType::Utf8, false, comment, "")
}

fn number(name: &str, nullable: bool, comment: &str, unit: &str) -> Field {
    field(name, DataType::Float64, nullable, comment, unit)
}

fn integer(name: &str, comment: &str, unit: &str) -> Field {
    field(name, DataType::Int64, false, comment, unit)
}

fn key() -> [Field; 4] {
    [
        text("universe", "name of the universe"),
        text("variant", "hash of the universe's settings, the seed and the source"),
        integer("sequence", "number of the publication, from 1 in each run", ""),
        field("event_time", time_type(), false, "event time of what triggered the publication", "UTC"),
    ]
}

fn publications() -> Vec<Field> {
    let [universe, variant, sequence, event_time] = key();
    vec![
        universe,
        variant,
        sequence,
        event_time,
        text("trigger", "asset of the tick, or bar-close"),
        integer("bar", "number of the last final bar in the window", ""),
        text("objective", "what the portfolio is the best for"),
        text("method", "how it was found: exact or monte-carlo"),
        number(
            "mean",
            true,
            "expected simple return; null before there are moments",
            "simple return per bar",
        ),
        number("risk", true, "standard deviation; null before there are moments", "simple return per bar"),
        number("sharpe", true, "excess return over risk; null where the risk is zero", "per bar"),
        number("gap", true, "stated distance from the exact optimum; null where none can be stated", ""),
        text("label", "ok, or fallback and its reason"),
        field("weights", weights_type(), false, "share of the capital in each asset", "share of capital"),
    ]
}

fn ticks() -> Vec<Field> {
    let [universe, variant, sequence, event_time] = key();
    vec![
        universe,
        variant,
        sequence,
        event_time,
        text("asset", "name of the asset"),
        number("price", true, "last price; null before the first", "quote currency"),
    ]
}

fn latency() -> Vec<Field> {
    let nanoseconds = |name, comment| integer(name, comment, "ns");
    vec![
        text("universe", "name of the universe"),
        text("stage", "stage of the live loop"),
        integer("count", "ticks measured since the run started", ""),
        nanoseconds("p50", "median"),
        nanoseconds("p90", "90th percentile"),
        nanoseconds("p99", "99th percentile"),
        nanoseconds("p99.9", "99.9th percentile"),
        nanoseconds("max", "largest"),
        text("run_id", "the run that measures"),
    ]
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
    for (asset, price) in view.state.universe.assets.iter().zip(&publication.prices) {
        row.key(view, publication.sequence, publication.event_time);
        row.text(asset);
        row.number(Some(*price));
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
    Map(Box<MapBuilder<StringBuilder, Float64Builder>>),
}

impl Builder {
    fn of(data_type: &DataType) -> Self {
        match data_type {
            DataType::Int64 => Self::Integer(Int64Builder::new()),
            DataType::Float64 => Self::Number(Float64Builder::new()),
            DataType::Timestamp(..) => {
                Self::Time(TimestampMicrosecondBuilder::new().with_data_type(time_type()))
            }
            DataType::Map(..) => {
                let names = MapFieldNames {
                    entry: "key_value".to_owned(),
                    key: "key".to_owned(),
                    value: "value".to_owned(),
                };
                let value = Field::new("value", DataType::Float64, false);
                let builder = MapBuilder::new(Some(names), StringBuilder::new(), Float64Builder::new());
                Self::Map(Box::new(builder.with_values_field(value)))
            }
            _ => Self::Text(StringBuilder::new()),
        }
    }

    fn finish(self) -> ArrayRef {
        match self {
            Self::Text(mut builder) => Arc::new(builder.finish()),
            Self::Integer(mut builder) => Arc::new(builder.finish()),
            Self::Number(mut builder) => Arc::new(builder.finish()),
            Self::Time(mut builder) => Arc::new(builder.finish()),
            Self::Map(mut builder) => Arc::new(builder.finish()),
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
            for (key, value) in entries {
                builder.keys().append_value(key);
                builder.values().append_value(value);
            }
            builder.append(true)?;
        }
        Ok(())
    }
}
