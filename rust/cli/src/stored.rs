//! What the program itself asks the tables of a data directory.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::Int64Type;
use silverbullet_market::Decision;
use silverbullet_query::{Answer, Limits, Sql, catalog};
use silverbullet_store::{Table, Tables};
use tokio::runtime::Runtime;

use crate::settings::Settings;
use crate::{sql, store};

/// A person would have given up before; the program asks for what it needs.
const LIMITS: Limits = Limits { time: Duration::from_secs(3_600), memory: 4 << 30, rows: usize::MAX };

/// The tables of a data directory, to be asked in SQL.
pub(crate) struct Stored {
    sql: Sql,
    runtime: Runtime,
    /// The schema of the tables that are read.
    schema: &'static str,
}

impl Stored {
    /// The tables in `directory`, which need not be there yet.
    pub(crate) fn open(directory: &Path) -> anyhow::Result<Self> {
        let sql = Sql::new(Tables::open(directory), None, Vec::new(), LIMITS)?;
        Ok(Self { sql, runtime: sql::runtime()?, schema: catalog::HISTORY })
    }

    /// The tables that the settings have a run's results kept in; those on this machine where there are several.
    pub(crate) fn of(settings: &Settings) -> anyhow::Result<Self> {
        let tables = Tables::open(&settings.store.directory);
        let sql = store::sql_within(LIMITS, settings, tables, None, Vec::new())?;
        let schema = if settings.store.delta { catalog::HISTORY } else { catalog::CASSANDRA };
        Ok(Self { sql, runtime: sql::runtime()?, schema })
    }

    /// All rows of a query as one batch.
    pub(crate) fn rows(&self, query: &str) -> anyhow::Result<RecordBatch> {
        let (batches, _) = self.runtime.block_on(sql::answer(&self.sql, query))?;
        let first = batches.first().context("a query without an answer")?;
        Ok(concat_batches(&first.schema(), &batches)?)
    }

    /// The rows of a query as they come.
    pub(crate) fn stream(&self, query: &str) -> anyhow::Result<Batches<'_>> {
        Ok(Batches { answer: self.runtime.block_on(self.sql.query(query))?, runtime: &self.runtime })
    }

    /// A single number; `None` where there is none.
    pub(crate) fn number(&self, query: &str) -> anyhow::Result<Option<i64>> {
        let rows = self.rows(query)?;
        let numbers = rows.column(0).as_primitive_opt::<Int64Type>();
        Ok(numbers
            .filter(|numbers| numbers.len() == 1 && numbers.is_valid(0))
            .map(|numbers| numbers.value(0)))
    }

    /// What live timing has decided for a universe and variant, in the order of their numbers.
    pub(crate) fn decisions(&self, universe: &str, variant: &str) -> anyhow::Result<Vec<Decision>> {
        let rows = self.rows(&format!(
            "select cast(\"partition\" as bigint), cast(\"offset\" as bigint), detail from {}.events \
             where universe = '{universe}' and variant = '{variant}' and kind = 'decision'",
            self.schema
        ))?;
        let [partitions, offsets] = [0, 1].map(|column| rows.column(column).as_primitive::<Int64Type>());
        let mut decisions = Vec::with_capacity(rows.num_rows());
        for row in 0..rows.num_rows() {
            let partition = u32::try_from(partitions.value(row)).unwrap_or_default();
            let detail = text(&rows, 2, row);
            let decision = Decision::read(partition, offsets.value(row).cast_unsigned(), detail)
                .with_context(|| format!("the stored decision {detail:?} cannot be read"))?;
            decisions.push(decision);
        }
        decisions.sort_by_key(|decision| decision.number);
        decisions.dedup();
        Ok(decisions)
    }
}

/// That a column is this text, in SQL.
pub(crate) fn is(column: &str, text: &str) -> String {
    format!("{column} = '{}'", text.replace('\'', "''"))
}

/// The names of columns, in SQL.
pub(crate) fn quoted<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
}

/// The column of `table` that says when.
pub(crate) fn time_of(table: Table) -> &'static str {
    match table {
        Table::Bars => "close_time",
        Table::Runs => "started",
        _ => "as_of",
    }
}

/// The batches of an answer.
pub(crate) struct Batches<'a> {
    answer: Answer,
    runtime: &'a Runtime,
}

impl Iterator for Batches<'_> {
    type Item = anyhow::Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        self.runtime.block_on(self.answer.next()).map(|batch| Ok(batch?))
    }
}

/// The text in `column` of `row`; empty where there is none.
pub(crate) fn text(rows: &RecordBatch, column: usize, row: usize) -> &str {
    let column = rows.column(column);
    if column.is_null(row) {
        return "";
    }
    match column.as_string_view_opt() {
        Some(texts) => texts.value(row),
        None => column.as_string_opt::<i32>().map_or("", |texts| texts.value(row)),
    }
}
