//! The two streams: results on standard output, what a person is told on standard error.

use std::io::{self, IsTerminal, Write};

/// Writes a result and its line end to standard output.
pub(crate) fn line(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{text}")?;
    stdout.flush()
}

/// Writes a result as it is to standard output.
pub(crate) fn bytes(text: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text)?;
    stdout.flush()
}

/// Tells a person something. There is nobody left to tell where this fails.
pub(crate) fn note(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// True when standard output is a terminal that can be drawn on.
pub(crate) fn on_terminal() -> bool {
    io::stdout().is_terminal() && io::stdin().is_terminal() && !dumb_terminal()
}

/// True when progress may be drawn on standard error.
pub(crate) fn progress_wanted() -> bool {
    io::stderr().is_terminal() && !dumb_terminal()
}

fn dumb_terminal() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

/// A borderless table with a rule under its header, as wide as its contents.
pub(crate) fn table(header: &[&str]) -> comfy_table::Table {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING).set_header(header);
    table
}

/// A field of a CSV row, quoted where it must be.
pub(crate) fn csv_field(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}
