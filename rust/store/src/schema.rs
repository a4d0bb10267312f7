//! The tables: names, columns, units and keys. One schema everywhere, whoever keeps or sends them.
//!
//! Text is Utf8, times are microseconds UTC, numbers are Float64 or Int64, and weights are a map from asset
//! to weight in universe order. A column's meaning and unit stand in the metadata of its field, under
//! [`COMMENT`] and [`UNIT`].

mod column;
mod weights;

use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef, Schema, SchemaRef, TimeUnit};

pub use self::column::Column;
#[cfg(feature = "delta")]
pub(crate) use self::weights::{ENTRY, KEY, VALUE};
pub use self::weights::{WeightsBuilder, weights_type};

/// Key of a field's metadata under which its meaning stands; Delta and Spark know it by the same name.
pub const COMMENT: &str = "comment";
/// Key of a field's metadata under which its unit stands, where it has one.
pub const UNIT: &str = "unit";

/// A table that results are kept in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Table {
    /// Optimal portfolios of each final bar.
    Portfolios,
    /// Corner portfolios of the efficient frontier.
    Frontiers,
    /// What is known of each asset at each final bar.
    Assets,
    /// Final bars.
    Bars,
    /// What happened to the stream besides ticks.
    Events,
    /// Percentiles of the live loop's stages.
    Latency,
    /// Starts of the program and of jobs.
    Runs,
    /// Walk-forward back-tests.
    Backtests,
}

impl Table {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Portfolios,
        Self::Frontiers,
        Self::Assets,
        Self::Bars,
        Self::Events,
        Self::Latency,
        Self::Runs,
        Self::Backtests,
    ];

    /// Those that final bars and events are kept in, in the order in which they are written: what was decided before the
    /// rows that follow from it, and bars last, so that every table holds what they hold.
    pub const RESULTS: [Self; 5] =
        [Self::Events, Self::Portfolios, Self::Frontiers, Self::Assets, Self::Bars];

    /// Name in SQL and on disk.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Portfolios => "portfolios",
            Self::Frontiers => "frontiers",
            Self::Assets => "assets",
            Self::Bars => "bars",
            Self::Events => "events",
            Self::Latency => "latency",
            Self::Runs => "runs",
            Self::Backtests => "backtests",
        }
    }

    /// What one row says.
    #[must_use]
    pub const fn comment(self) -> &'static str {
        match self {
            Self::Portfolios => {
                "an optimal portfolio of a final bar; mean, risk and Sharpe ratio are per bar"
            }
            Self::Frontiers => "a corner portfolio of the efficient frontier of a final bar, per bar",
            Self::Assets => "what is known of an asset at a final bar; mean and volatility are per bar",
            Self::Bars => "a final bar of an asset: (open, close], previous tick",
            Self::Events => "a gap, a reconnection, an input that was left out, or a fallback",
            Self::Latency => "percentiles of one stage of the live loop since the run started",
            Self::Runs => "a start of the program or a job, with what it was given",
            Self::Backtests => "one step of a walk-forward back-test",
        }
    }

    /// The columns that tell rows apart.
    #[must_use]
    pub const fn key(self) -> &'static [&'static str] {
        match self {
            Self::Portfolios => &["universe", "variant", "bar", "objective", "method"],
            Self::Frontiers => &["universe", "variant", "bar", "method", "point", "run_id"],
            Self::Assets | Self::Bars => &["universe", "variant", "bar", "asset"],
            Self::Events => &["universe", "variant", "source", "partition", "offset", "kind"],
            Self::Latency => &["universe", "run_id", "as_of", "stage"],
            Self::Runs => &["run_id", "universe"],
            Self::Backtests => &["run_id", "as_of", "strategy"],
        }
    }

    /// The columns that name the folder a row's file lies in.
    #[must_use]
    pub const fn partitions(self) -> &'static [&'static str] {
        match self {
            Self::Portfolios | Self::Frontiers | Self::Assets | Self::Bars | Self::Events => {
                &["universe", "variant"]
            }
            Self::Latency | Self::Runs | Self::Backtests => &[],
        }
    }

    /// Columns in order.
    #[must_use]
    pub fn schema(self) -> SchemaRef {
        let columns = match self {
            Self::Portfolios => portfolios(),
            Self::Frontiers => frontiers(),
            Self::Assets => assets(),
            Self::Bars => bars(),
            Self::Events => events(),
            Self::Latency => latency(),
            Self::Runs => runs(),
            Self::Backtests => backtests(),
        };
        // Metadata belongs to columns only: that of a schema is lost by Parquet and by plans, which then differ.
        Arc::new(Schema::new(columns))
    }
}

/// Type of a column of times: microseconds since 1970, UTC.
#[must_use]
pub fn time_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

fn fields<const N: usize>(columns: [Column; N]) -> Vec<FieldRef> {
    columns.into_iter().map(FieldRef::from).collect()
}

fn universe() -> Column {
    Column::text("universe", "name of the universe")
}

fn variant() -> Column {
    Column::text(
        "variant",
        "hash of the universe's settings, the seed and the source: results of others never meet",
    )
}

fn bar() -> Column {
    Column::integer("bar", "number of the final bar: its close time divided by the bar interval")
}

fn as_of() -> Column {
    Column::time("as_of", "event time that the row is valid for; the close of its bar")
}

fn run_id() -> Column {
    Column::text("run_id", "the run that made the row")
}

fn method() -> Column {
    Column::text("method", "how it was found: exact, monte-carlo, resampled or baseline")
}

fn weights() -> Column {
    let comment = "share of the capital in each asset, in universe order";
    Column::new("weights", weights_type(), comment).unit("share of capital")
}

fn mean(comment: &str) -> Column {
    Column::float("mean", comment).unit("simple return per bar")
}

fn portfolios() -> Vec<FieldRef> {
    fields([
        universe(),
        variant(),
        bar(),
        Column::text("objective", "what the portfolio is the best for"),
        method(),
        as_of(),
        run_id(),
        mean("expected simple return"),
        Column::float("risk", "standard deviation of the return").unit("simple return per bar"),
        Column::float("sharpe", "excess return over risk; null where the risk is zero")
            .unit("per bar")
            .optional(),
        Column::float("gap", "stated distance from the exact optimum; null where none can be stated")
            .optional(),
        Column::float(
            "turnover",
            "half the sum of the absolute changes of weights since the row stored before",
        )
        .unit("share of capital")
        .optional(),
        Column::text("label", "ok, or fallback and its reason"),
        weights(),
    ])
}

fn frontiers() -> Vec<FieldRef> {
    fields([
        universe(),
        variant(),
        bar(),
        method(),
        Column::integer("point", "number of the corner portfolio, from the largest mean down"),
        as_of(),
        run_id(),
        Column::float("risk", "standard deviation of the return").unit("simple return per bar"),
        mean("expected simple return"),
        Column::float("mean_low", "lower end of the confidence band")
            .unit("simple return per bar")
            .optional(),
        Column::float("mean_high", "upper end of the confidence band")
            .unit("simple return per bar")
            .optional(),
        weights(),
    ])
}

fn assets() -> Vec<FieldRef> {
    fields([
        universe(),
        variant(),
        bar(),
        Column::text("asset", "name of the asset"),
        as_of(),
        Column::float("price", "close of the bar").unit("quote currency"),
        mean("mean simple return in the window; null where the window is not full").optional(),
        Column::float("volatility", "standard deviation of the returns in the window")
            .unit("simple return per bar")
            .optional(),
        Column::time("last_tick", "event time of its last tick"),
        Column::new("stale", DataType::Boolean, "no tick for longer than the universe allows"),
        run_id(),
    ])
}

fn bars() -> Vec<FieldRef> {
    fields([
        universe(),
        variant(),
        bar(),
        Column::text("asset", "name of the asset"),
        Column::time("open_time", "begin of the bar; a price at this time belongs to the bar before"),
        Column::time("close_time", "end of the bar; a price at this time belongs to this bar"),
        Column::float("open", "first price").unit("quote currency"),
        Column::float("high", "highest price").unit("quote currency"),
        Column::float("low", "lowest price").unit("quote currency"),
        Column::float("close", "last price").unit("quote currency"),
        Column::float("volume", "traded quantity, where the source has one").unit("base units").optional(),
        Column::integer("ticks", "ticks in the bar; 0 where the previous close stands in"),
        run_id(),
    ])
}

fn events() -> Vec<FieldRef> {
    fields([
        universe(),
        variant(),
        Column::text("source", "the source it concerns, or engine"),
        Column::integer("partition", "partition of the queue, or zero"),
        Column::integer("offset", "offset in the partition, line of the file, or number of the bar"),
        Column::text("kind", "quarantined, ignored, gap, reconnect or fallback"),
        as_of().optional(),
        Column::text("detail", "reason and particulars"),
        run_id(),
    ])
}

fn latency() -> Vec<FieldRef> {
    let nanoseconds = |name, comment| Column::integer(name, comment).unit("ns");
    fields([
        universe(),
        Column::time("as_of", "time of day of the measurement"),
        Column::text("stage", "stage of the live loop"),
        Column::integer("count", "ticks measured since the run started"),
        nanoseconds("p50", "median"),
        nanoseconds("p90", "90th percentile"),
        nanoseconds("p99", "99th percentile"),
        nanoseconds("p99.9", "99.9th percentile"),
        nanoseconds("max", "largest"),
        run_id(),
    ])
}

fn runs() -> Vec<FieldRef> {
    fields([
        run_id(),
        Column::text("kind", "run, or the name of the job"),
        universe(),
        variant(),
        Column::text("configuration", "the settings in force, as JSON"),
        Column::integer("seed", "seed of everything random"),
        Column::text("version", "version of the program"),
        Column::text("source", "what the prices came from"),
        Column::time("started", "time of day of its start"),
        Column::time("ended", "time of day of its end; null while it runs or where it was killed").optional(),
        Column::integer("rows_in", "ticks taken; null until the end").optional(),
        Column::integer("rows_out", "rows handed to the store; null until the end").optional(),
    ])
}

fn backtests() -> Vec<FieldRef> {
    fields([
        run_id(),
        as_of(),
        Column::text("strategy", "name of the strategy"),
        Column::float("return", "simple return of the step after costs").unit("simple return"),
        Column::float("cumulative", "growth since the start").unit("simple return"),
        Column::float("drawdown", "loss since the highest point").unit("simple return"),
        Column::float("turnover", "half the sum of the absolute changes of weights").unit("share of capital"),
        Column::float("cost", "costs of trading").unit("simple return"),
        weights(),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_partitions_are_columns_that_are_never_null_and_every_column_says_what_it_means() {
        for table in Table::ALL {
            let schema = table.schema();
            for name in table.key().iter().chain(table.partitions()) {
                assert!(!schema.field_with_name(name).unwrap().is_nullable(), "{}.{name}", table.name());
            }
            for field in schema.fields() {
                assert!(field.metadata().contains_key(COMMENT), "{}.{}", table.name(), field.name());
            }
        }
    }
}
