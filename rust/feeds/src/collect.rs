//! Runs a source into memory: for a calculation over a whole file, and for tests.

use silverbullet_market::{Event, HistoryBar, Input, Sink, Source, SourceError, StopFlag, Tick};

/// Everything a source produced, in its order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Collected {
    /// Bars of history.
    pub history: Vec<HistoryBar>,
    /// Prices.
    pub ticks: Vec<Tick>,
    /// What could not be used, and why.
    pub events: Vec<Event>,
    /// Number of raw records, whatever became of them.
    pub frames: u64,
}

impl Sink for Collected {
    fn push(&mut self, input: Input) {
        match input {
            Input::Tick(tick) => self.ticks.push(tick),
            Input::History(bar) => self.history.push(*bar),
            Input::Event(event) | Input::Note(event) => self.events.push(*event),
            Input::Batch(inputs) => inputs.into_iter().for_each(|input| self.push(input)),
            Input::Partition(..) | Input::Close => {}
        }
    }

    fn frame(&mut self) {
        self.frames += 1;
    }
}

/// Runs `source` to its end and keeps what it produced. A source without an end needs a limit.
///
/// # Errors
/// What ended the source early.
pub fn collect_ticks(source: &mut dyn Source) -> Result<Collected, SourceError> {
    let mut collected = Collected::default();
    source.run(&mut collected, &StopFlag::default())?;
    Ok(collected)
}
