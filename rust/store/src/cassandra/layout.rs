//! The tables in Cassandra: their columns, keys and partitions, from the one schema of all tables.
//!
//! Columns have the names of [`Table::schema`]. A time is a bigint of microseconds, exact; beside the main one stands
//! `…_utc`, a timestamp for people. Beside weights stands their [order](super::order). Tables in partitions have
//! `bucket`, see [`super::bucket`]. Events have `at`: their `as_of`, or the least bigint where they have none,
//! since keys are never null. Frontiers have `resample`: the run of a resampled frontier, otherwise empty, so that
//! a replay writes the rows of an exact one to the keys they have already.
//!
//! Of some tables the newest rows are kept once more, under `latest_…`: one partition a universe, however long ago the
//! last write was.

use super::bucket::{Width, width};
use crate::schema::Table;

/// Which of the two forms of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Form {
    /// All rows.
    History,
    /// The newest rows.
    Latest,
}

/// Where the value of a column comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The column of the schema at this place.
    Column(usize),
    /// The same, of times: as a timestamp of milliseconds.
    Readable(usize),
    /// The order of the weights at this place.
    Order(usize),
    /// The bucket.
    Bucket,
    /// The time at this place, or the least number.
    At(usize),
    /// The run, where the method is `resampled`.
    Resample,
}

/// A column in Cassandra.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CqlColumn {
    pub(crate) name: String,
    pub(crate) cql: &'static str,
    pub(crate) origin: Origin,
}

/// A table in Cassandra.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) table: Table,
    pub(crate) form: Form,
    pub(crate) columns: Vec<CqlColumn>,
    pub(crate) partition: &'static [&'static str],
    pub(crate) clustering: &'static [&'static str],
}

/// Tables of which the newest rows are kept once more.
pub(crate) const LATEST: [Table; 3] = [Table::Portfolios, Table::Frontiers, Table::Assets];

impl Layout {
    pub(crate) fn of(table: Table, form: Form) -> Self {
        let mut columns = Vec::new();
        let mut add = |name: &str, cql, origin| {
            columns.push(CqlColumn { name: name.to_owned(), cql, origin });
        };
        if form == Form::History && width(table) != Width::Whole {
            add("bucket", "bigint", Origin::Bucket);
        }
        for (place, field) in table.schema().fields().iter().enumerate() {
            let name = field.name().as_str();
            add(name, cql_type(field.data_type()), Origin::Column(place));
            if readable(table) == name {
                add(&format!("{name}_utc"), "timestamp", Origin::Readable(place));
            }
            match (table, name, form) {
                (_, "weights", _) => add("weights_order", "blob", Origin::Order(place)),
                (Table::Events, "as_of", _) => add("at", "bigint", Origin::At(place)),
                (Table::Frontiers, "run_id", Form::History) => add("resample", "text", Origin::Resample),
                _ => {}
            }
        }
        let (partition, clustering) = match form {
            Form::History => (partition(table), clustering(table)),
            Form::Latest => (&["universe"] as &[_], newest(table)),
        };
        Self { table, form, columns, partition, clustering }
    }

    /// Every table there is, in both forms.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let history = Table::ALL.into_iter().map(|table| Self::of(table, Form::History));
        history.chain(LATEST.into_iter().map(|table| Self::of(table, Form::Latest)))
    }

    /// Its name, without the keyspace.
    pub(crate) fn name(&self) -> String {
        match self.form {
            Form::History => self.table.name().to_owned(),
            Form::Latest => format!("latest_{}", self.table.name()),
        }
    }

    /// True for the first clustering column where rows are sorted from the newest to the oldest.
    pub(crate) fn descends(&self, column: &str) -> bool {
        self.form == Form::History && matches!(column, "bar" | "at" | "as_of")
    }
}

/// The type in Cassandra.
fn cql_type(arrow: &arrow::datatypes::DataType) -> &'static str {
    use arrow::datatypes::DataType;
    match arrow {
        DataType::Int64 | DataType::Timestamp(..) => "bigint",
        DataType::Float64 => "double",
        DataType::Boolean => "boolean",
        DataType::Map(..) => "frozen<map<text, double>>",
        _ => "text",
    }
}

/// The time that a person looks at.
const fn readable(table: Table) -> &'static str {
    match table {
        Table::Bars => "close_time",
        Table::Runs => "started",
        _ => "as_of",
    }
}

/// The columns that tell the partitions of `table` apart: that of its scope, a universe or a run, first.
#[must_use]
pub const fn partition(table: Table) -> &'static [&'static str] {
    match table {
        Table::Latency => &["universe", "bucket"],
        Table::Runs => &["run_id"],
        Table::Backtests => &["run_id", "bucket"],
        _ => &["universe", "variant", "bucket"],
    }
}

const fn clustering(table: Table) -> &'static [&'static str] {
    match table {
        Table::Portfolios => &["bar", "objective", "method"],
        Table::Frontiers => &["bar", "method", "resample", "point"],
        Table::Assets | Table::Bars => &["bar", "asset"],
        Table::Events => &["at", "source", "partition", "offset", "kind"],
        Table::Latency => &["as_of", "stage", "run_id"],
        Table::Runs => &["universe"],
        Table::Backtests => &["as_of", "strategy"],
    }
}

const fn newest(table: Table) -> &'static [&'static str] {
    match table {
        Table::Frontiers => &["variant", "method", "point"],
        Table::Assets => &["variant", "asset"],
        _ => &["variant", "objective", "method"],
    }
}

/// `name` as an identifier of CQL.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_columns_and_hold_what_tells_rows_apart() {
        for layout in Layout::all() {
            let has = |name: &str| layout.columns.iter().any(|column| column.name == name);
            let keys: Vec<_> = layout.partition.iter().chain(layout.clustering).copied().collect();
            assert!(keys.iter().all(|key| has(key)), "{}", layout.name());
            for key in layout.table.key().iter().filter(|_| layout.form == Form::History) {
                let stands_in = *key == "run_id" && layout.table == Table::Frontiers;
                assert!(stands_in || keys.contains(key), "{}.{key}", layout.name());
            }
        }
    }
}
