//! What a replay has found, as a table, as JSON and as CSV.

use std::fmt::Write;

use comfy_table::CellAlignment;
use serde::Serialize;

use super::again::Replayed;
use super::compare::{Compared, TableReport};
use super::which::Chosen;
use crate::args::ResultFormat;
use crate::output;

/// How a universe of a run compares.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    run_id: String,
    universe: String,
    variant: String,
    source: String,
    /// The bars that were compared.
    first_bar: i64,
    last_bar: i64,
    /// Stored bars before them that the input does not reach back to.
    bars_out_of_reach: u64,
    pub(super) same: bool,
    tables: Vec<TableReport>,
}

impl Report {
    pub(super) fn new(chosen: &Chosen, replayed: Replayed, compared: Compared) -> Self {
        Self {
            run_id: chosen.run_id.clone(),
            universe: replayed.universe,
            variant: replayed.variant,
            source: chosen.source.clone(),
            first_bar: compared.first,
            last_bar: replayed.last,
            bars_out_of_reach: compared.first.abs_diff(replayed.first),
            same: compared.tables.iter().all(TableReport::is_same),
            tables: compared.tables,
        }
    }
}

/// All of it in one of the formats.
pub(super) fn text(reports: &[Report], format: ResultFormat) -> anyhow::Result<String> {
    match format {
        ResultFormat::Json => Ok(serde_json::to_string(reports)?),
        ResultFormat::Csv => Ok(csv(reports)),
        ResultFormat::Table => reports.iter().map(table).collect(),
    }
}

fn csv(reports: &[Report]) -> String {
    let mut text = "run_id,universe,variant,table,stored,equal,different,missing,extra\n".to_owned();
    for report in reports {
        for table in &report.tables {
            let TableReport { table: name, stored, equal, different, missing, extra, .. } = table;
            let Report { run_id, universe, variant, .. } = report;
            // Writing to a string cannot fail; none of these has a comma in it.
            let _ = writeln!(
                text,
                "{run_id},{universe},{variant},{name},{stored},{equal},{different},{missing},{extra}"
            );
        }
    }
    text
}

fn table(report: &Report) -> anyhow::Result<String> {
    let Report { run_id, universe, variant, source, first_bar, last_bar, .. } = report;
    let mut text = format!(
        "{universe}: run {run_id} of {source}, variant {variant}, bars {first_bar} to {last_bar} made again\n"
    );
    if report.bars_out_of_reach > 0 {
        let bars = report.bars_out_of_reach;
        writeln!(
            text,
            "The input does not reach back to the first {bars} stored bars: they are not compared."
        )?;
    }
    let mut table = output::table(&["table", "stored", "equal", "different", "missing", "extra"]);
    for of in &report.tables {
        let counts = [of.stored, of.equal, of.different, of.missing, of.extra].map(|count| count.to_string());
        table.add_row([of.table.to_owned()].into_iter().chain(counts));
    }
    table.column_iter_mut().skip(1).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    writeln!(text, "{table}")?;
    for of in &report.tables {
        for found in &of.differences {
            let [stored, replayed] =
                [&found.stored, &found.replayed].map(|side| side.as_deref().unwrap_or("none"));
            let column = found.column.as_deref().unwrap_or("row");
            writeln!(text, "{}, {}: {column} is {stored}, replayed {replayed}", of.table, found.row)?;
        }
    }
    let verdict =
        if report.same { "Every row is the same, bit by bit." } else { "The rows are not the same." };
    writeln!(text, "{verdict}")?;
    Ok(text)
}
