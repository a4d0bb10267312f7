//! When each price came out of the topic, between the source and the engine: what of its way lies before the engine.

use std::fs;

use silverbullet_market::{Clock, Input, Nanos, Sink, SystemClock};

use crate::Outcome;
use crate::report::utc;

/// Hands everything on, and notes each price's times.
pub(crate) struct Receipts<'a, S> {
    sink: &'a mut S,
    /// When each was due, when the source took its messages, and when it handed on this one.
    times: Vec<[Nanos; 3]>,
}

impl<'a, S: Sink> Receipts<'a, S> {
    pub(crate) fn new(sink: &'a mut S, messages: u64) -> Self {
        Self { sink, times: Vec::with_capacity(usize::try_from(messages).unwrap_or_default()) }
    }

    /// Writes the times of all but the first `skip`: three numbers of 64 bits each, the smallest byte first.
    pub(crate) fn write(&self, skip: u64, file: &str) -> Outcome {
        let times = self.times.iter().skip(usize::try_from(skip)?).flatten();
        fs::write(file, times.flat_map(|time| time.to_le_bytes()).collect::<Vec<u8>>())?;
        Ok(())
    }
}

impl<S: Sink> Sink for Receipts<'_, S> {
    fn push(&mut self, input: Input) {
        if let Input::Tick(tick) = &input {
            let now = utc();
            self.times.push([tick.event_time, now - (SystemClock.monotonic() - tick.receipt_time), now]);
        }
        self.sink.push(input);
    }

    fn frame(&mut self) {
        self.sink.frame();
    }

    fn hurries(&self) -> bool {
        self.sink.hurries()
    }
}
