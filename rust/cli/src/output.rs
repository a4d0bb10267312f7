//! The two streams: results on standard output, what a person is told on standard error.

use std::io::{self, IsTerminal, Write};
use std::path::Path;

use crate::failure::usage;

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

/// Refuses to write the file that is read, by whatever names or links the two are given.
pub(crate) fn refuse_input(flag: &str, output: &Path, input: &Path) -> anyhow::Result<()> {
    if is_same_file(output, input) {
        let output = output.display();
        return Err(usage(format!("{flag}: {output} is the input itself; name another file to write to")));
    }
    Ok(())
}

/// A file that does not exist is the same as no other.
fn is_same_file(a: &Path, b: &Path) -> bool {
    match (a.canonicalize(), b.canonicalize()) {
        (Ok(a), Ok(b)) => a == b || is_same_node(&a, &b),
        _ => false,
    }
}

/// Hard links have paths of their own.
#[cfg(unix)]
fn is_same_node(a: &Path, b: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (a.metadata(), b.metadata()) {
        (Ok(a), Ok(b)) => (a.dev(), a.ino()) == (b.dev(), b.ino()),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_same_node(_: &Path, _: &Path) -> bool {
    false
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
