//! Several places for the rows of one engine.

use super::cut::CutRequest;
use super::rows::Row;
use super::writer::RowSink;
use crate::checkpoint::Checkpoint;
use crate::error::Result;
use crate::live::LiveState;

/// Hands everything to each of its sinks in turn. A cut that one of them asks for is given to all.
pub struct FanOutRows(pub Vec<Box<dyn RowSink>>);

impl RowSink for FanOutRows {
    fn write(&mut self, live: &LiveState, rows: &[Row]) -> Result<()> {
        self.0.iter_mut().try_for_each(|sink| sink.write(live, rows))
    }

    fn cut(&mut self, live: &LiveState, checkpoint: Checkpoint) -> Result<()> {
        let Some((last, others)) = self.0.split_last_mut() else { return Ok(()) };
        others.iter_mut().try_for_each(|sink| sink.cut(live, checkpoint.clone()))?;
        last.cut(live, checkpoint)
    }

    fn cut_request(&self) -> Option<CutRequest> {
        let requests: Vec<_> = self.0.iter().filter_map(|sink| sink.cut_request()).collect();
        (!requests.is_empty()).then(|| CutRequest::any_of(requests))
    }

    fn flush(&mut self) -> Result<()> {
        self.0.iter_mut().try_for_each(|sink| sink.flush())
    }
}
