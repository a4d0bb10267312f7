//! A sink of rows that somebody listens to.

use silverbullet_engine::checkpoint::Checkpoint;
use silverbullet_engine::durable::rows::Row;
use silverbullet_engine::live::LiveState;
use silverbullet_engine::{CutRequest, Result, RowSink};

/// Tells `hear` of the rows on their way to `sink`.
pub(crate) struct Overheard<F> {
    pub(crate) sink: Box<dyn RowSink>,
    pub(crate) hear: F,
}

impl<F: FnMut(&[Row]) + Send> RowSink for Overheard<F> {
    fn write(&mut self, live: &LiveState, rows: &[Row]) -> Result<()> {
        (self.hear)(rows);
        self.sink.write(live, rows)
    }

    fn cut(&mut self, live: &LiveState, checkpoint: Checkpoint) -> Result<()> {
        self.sink.cut(live, checkpoint)
    }

    fn cut_request(&self) -> Option<CutRequest> {
        self.sink.cut_request()
    }

    fn flush(&mut self) -> Result<()> {
        self.sink.flush()
    }
}
