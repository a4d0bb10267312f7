//! A source that somebody else's feed is put into, batch by batch.
//!
//! ```text
//!  client ──Arrow batches──► Inlet: read, judge ──bounded channel──► the source's thread ──► sink
//! ```
//! A batch is acknowledged once it is in the channel. While the channel is full, whoever puts waits: nothing is left out and
//! nothing piles up. What was put is gone with the process, so that the source is not replayable: a client puts again what was
//! not acknowledged.

mod inlet;

use std::sync::Arc;
use std::time::Duration;

use silverbullet_market::{
    Clock, Input, Sink, Source, SourceDescription, SourceError, SourceState, SourceStatus, SourceWatch,
    StopFlag,
};
use tokio::sync::mpsc;

pub use self::inlet::{Inlet, Kind, PutError, Taken};

/// Batches that wait for the sink; more make who puts them wait.
const WAITING: usize = 16;
/// How often the source looks whether it is to stop while nothing comes.
const LOOK: Duration = Duration::from_millis(50);
/// What the source says until the first batch.
const NOTHING_YET: &str = "nothing was put yet: send batches to `ticks` or `bars` by DoPut";

/// What was read of one batch.
#[derive(Debug)]
struct Load {
    /// Rows, whatever became of them.
    rows: usize,
    inputs: Vec<Input>,
}

/// Prices that are put into an [`Inlet`].
#[derive(Debug)]
pub struct PutSource {
    description: SourceDescription,
    loads: mpsc::Receiver<Load>,
    watch: SourceWatch,
}

impl PutSource {
    /// A source of these assets, and where their prices are put. Other assets are quarantined.
    #[must_use]
    pub fn new(assets: Vec<String>, clock: Arc<dyn Clock>) -> (Self, Inlet) {
        let (sender, loads) = mpsc::channel(WAITING);
        let inlet = Inlet::new(&assets, sender, clock);
        let description = SourceDescription {
            name: "flight".to_owned(),
            identity: format!("flight:{}", assets.join(",")),
            venues: Vec::new(),
            assets,
            grid: None,
            replayable: false,
            seekable: false,
            rows: None,
        };
        let watch = SourceWatch::default();
        watch.update(|state| {
            *state = SourceState {
                status: SourceStatus::Connecting,
                reason: Some(NOTHING_YET.to_owned()),
                ..SourceState::default()
            };
        });
        (Self { description, loads, watch }, inlet)
    }

    async fn bring(&mut self, sink: &mut dyn Sink, stop: &StopFlag) {
        let mut waits_for_first = true;
        while !stop.is_raised() {
            let load = match tokio::time::timeout(LOOK, self.loads.recv()).await {
                Ok(Some(load)) => load,
                Ok(None) => return,
                Err(_) => continue,
            };
            if std::mem::take(&mut waits_for_first) {
                self.watch.update(|state| *state = SourceState::default());
            }
            for _ in 0..load.rows {
                sink.frame();
            }
            for input in load.inputs {
                sink.push(input);
            }
        }
    }
}

impl Source for PutSource {
    fn description(&self) -> &SourceDescription {
        &self.description
    }

    fn watch(&self) -> Option<SourceWatch> {
        Some(self.watch.clone())
    }

    /// Ends when it is stopped, or when no [`Inlet`] is left and all is taken.
    fn run(&mut self, sink: &mut dyn Sink, stop: &StopFlag) -> Result<(), SourceError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let runtime = runtime.map_err(|error| SourceError {
            context: "waiting for what is put".to_owned(),
            source: Box::new(error),
        })?;
        runtime.block_on(self.bring(sink, stop));
        // Who puts from now on is told that nobody takes it.
        self.loads.close();
        Ok(())
    }
}

#[cfg(test)]
mod tests;
