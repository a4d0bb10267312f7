//! A source that takes messages from a topic as they come, for as long as `silverbullet_feeds` has none for Kafka.
//!
//! It checks nothing and merges nothing, so figures measured with it are the engine's, not the product's.

use rdkafka::message::Message;
use serde::Deserialize;
use silverbullet_market::{
    AssetId, Clock, Input, Sink, Source, SourceDescription, SourceError, StopFlag, SystemClock, Tick,
};

use crate::Outcome;
use crate::arguments::Arguments;
use crate::broker::Reader;
use crate::market::plain_source;

/// Reads `--messages` messages.
pub(crate) struct StandIn {
    description: SourceDescription,
    reader: Reader,
    messages: u64,
}

#[derive(Deserialize)]
struct Price<'a> {
    timestamp: i64,
    asset: &'a str,
    price: f64,
}

impl StandIn {
    /// Connects.
    pub(crate) fn open(arguments: &Arguments) -> Outcome<Self> {
        let (reader, messages) = (Reader::open(arguments)?, arguments.number("messages")?);
        Ok(Self { description: plain_source(), reader, messages })
    }

    fn tick(&mut self) -> Outcome<Tick> {
        let message = self.reader.next()?;
        let price: Price<'_> = serde_json::from_slice(message.payload().unwrap_or_default())?;
        let names = price.asset.strip_prefix('A').ok_or("an unknown asset")?;
        Ok(Tick {
            asset: AssetId(names.parse()?),
            price: price.price,
            bid: None,
            ask: None,
            size: None,
            event_time: price.timestamp,
            receipt_time: SystemClock.monotonic(),
            venue: 0,
            sequence: None,
            partition: u32::try_from(message.partition())?,
            offset: u64::try_from(message.offset())?,
        })
    }
}

impl Source for StandIn {
    fn description(&self) -> &SourceDescription {
        &self.description
    }

    fn run(&mut self, sink: &mut dyn Sink, stop: &StopFlag) -> Result<(), SourceError> {
        for _ in 0..self.messages {
            if stop.is_raised() {
                return Ok(());
            }
            let tick = self.tick().map_err(|error| SourceError {
                context: "reading the topic".into(),
                source: error.to_string().into(),
            })?;
            sink.frame();
            sink.push(Input::Tick(tick));
        }
        Ok(())
    }
}
