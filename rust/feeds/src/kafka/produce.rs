//! Everything a source brings, to a topic.

use std::thread;
use std::time::Duration;

use silverbullet_market::{Event, EventKind, Input, Sink, Source, SourceError, StopFlag, Tick};

use super::deliveries::Deliveries;
use super::producer::{Offered, TopicProducer};
use super::value::ValueWriter;
use crate::error::FeedError;

/// How long to wait where as many messages are on their way as may be.
const PAUSE: Duration = Duration::from_millis(1);

/// Runs `source` into the topic, each price as one message with its asset as the key. `on_event` is told each row
/// that cannot be used, and where prices are missing. Ends with the source, when `stop` is raised, and when the first message has failed; what was
/// sent may then still be on its way.
///
/// # Errors
/// What ended the source early, and what makes it useless to send more. That messages have failed is told by
/// [`TopicProducer::deliveries`], not here.
pub fn publish(
    source: &mut dyn Source,
    producer: &TopicProducer,
    stop: &StopFlag,
    on_event: impl FnMut(&Event),
) -> Result<(), SourceError> {
    let values = ValueWriter::new(&source.description().assets);
    let mut sink =
        PriceSink { deliveries: &producer.deliveries(), producer, values, stop, on_event, refused: None };
    source.run(&mut sink, stop)?;
    match sink.refused {
        Some(error) => Err(SourceError { context: "sending prices".to_owned(), source: Box::new(error) }),
        None => Ok(()),
    }
}

/// Turns ticks into messages.
struct PriceSink<'a, F> {
    producer: &'a TopicProducer,
    deliveries: &'a Deliveries,
    values: ValueWriter,
    stop: &'a StopFlag,
    on_event: F,
    refused: Option<FeedError>,
}

impl<F: FnMut(&Event)> PriceSink<'_, F> {
    #[inline]
    fn send(&mut self, tick: &Tick) {
        let Some((key, value)) = self.values.write(tick) else { return };
        while !self.stop.is_raised() {
            if self.deliveries.has_failed() {
                self.stop.raise();
                return;
            }
            match self.producer.offer(key, value) {
                Ok(Offered::Taken) => return,
                Ok(Offered::Full) => thread::sleep(PAUSE),
                Err(error) => {
                    self.refused = Some(error);
                    self.stop.raise();
                }
            }
        }
    }
}

impl<F: FnMut(&Event)> Sink for PriceSink<'_, F> {
    #[inline]
    fn push(&mut self, input: Input) {
        match input {
            Input::Tick(tick) => self.send(&tick),
            Input::Event(event) | Input::Note(event)
                if matches!(event.kind, EventKind::Quarantined | EventKind::Gap) =>
            {
                (self.on_event)(&event);
            }
            Input::Batch(inputs) => inputs.into_iter().for_each(|input| self.push(input)),
            Input::Event(_) | Input::History(_) | Input::Note(_) | Input::Partition(..) | Input::Close => {}
        }
    }

    fn frame(&mut self) {}
}
