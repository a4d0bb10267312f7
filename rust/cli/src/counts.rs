//! Counts as the one result of a command, printed as asked.

use clap::ValueEnum;

use crate::{format, output};

/// How a command prints what it has counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CountFormat {
    /// A sentence
    Human,
    /// One object
    Json,
    /// One row under a header
    Csv,
    /// A table
    Table,
}

/// Prints the counts by their names, and the time that was taken; for a person as this sentence.
pub(crate) fn print(
    named: &[(&str, u64)],
    seconds: f64,
    sentence: &str,
    format: CountFormat,
) -> anyhow::Result<()> {
    let names: Vec<&str> = named.iter().map(|(name, _)| *name).chain(["seconds"]).collect();
    match format {
        CountFormat::Human => output::line(sentence)?,
        CountFormat::Json => {
            let counts: Vec<String> =
                named.iter().map(|(name, count)| format!("\"{name}\":{count}")).collect();
            output::line(&format!("{{{},\"seconds\":{seconds:.3}}}", counts.join(",")))?;
        }
        CountFormat::Csv => {
            output::line(&names.join(","))?;
            let counts: Vec<String> = named.iter().map(|(_, count)| count.to_string()).collect();
            output::line(&format!("{},{seconds:.3}", counts.join(",")))?;
        }
        CountFormat::Table => {
            let mut table = output::table(&names);
            let mut row: Vec<String> = named.iter().map(|(_, count)| format::thousands(*count)).collect();
            row.push(format!("{seconds:.3}"));
            table.add_row(row);
            output::line(&table.to_string())?;
        }
    }
    Ok(())
}
