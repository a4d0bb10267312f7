//! Rows as JSON lines: one object a row, its table first.

use std::io::{BufWriter, Write};

use super::rows::{Attributed, Row};
use super::writer::RowSink;
use crate::error::Result;
use crate::live::LiveState;

/// Bytes gathered before they are written.
const BUFFER: usize = 1 << 20;

/// Writes each row as one line of JSON.
pub struct JsonLines<W: Write + Send> {
    output: BufWriter<W>,
}

impl<W: Write + Send> JsonLines<W> {
    /// Into `output`, which need not be buffered.
    pub fn new(output: W) -> Self {
        Self { output: BufWriter::with_capacity(BUFFER, output) }
    }
}

impl<W: Write + Send> RowSink for JsonLines<W> {
    fn write(&mut self, live: &LiveState, rows: &[Row]) -> Result<()> {
        for row in rows {
            let line = Attributed {
                row,
                universe: &live.universe.name,
                variant: &live.universe.variant,
                run_id: &live.run_id,
            };
            serde_json::to_writer(&mut self.output, &line)?;
            self.output.write_all(b"\n")?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(self.output.flush()?)
    }
}
