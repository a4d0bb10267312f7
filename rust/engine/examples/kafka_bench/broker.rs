//! A consumer over all partitions of a topic, from their beginning; it belongs to no group and commits nothing.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use crate::Outcome;
use crate::arguments::Arguments;

/// No message for so long: something is broken.
const PATIENCE: Duration = Duration::from_secs(60);

/// A consumer of `--topic` at `--brokers`.
pub(crate) struct Reader {
    consumer: BaseConsumer,
    heard: Instant,
}

impl Reader {
    /// Assigns all partitions. Nothing is fetched before the first call of [`next`](Self::next).
    pub(crate) fn open(arguments: &Arguments) -> Outcome<Self> {
        let topic = arguments.text("topic")?;
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", arguments.text("brokers")?)
            .set("group.id", "bare")
            .set("enable.auto.commit", "false")
            // Its default, a second, is what a full queue would cost while a backlog is read.
            .set("fetch.queue.backoff.ms", "5")
            .create()?;
        let metadata = consumer.fetch_metadata(Some(topic), Duration::from_secs(20))?;
        let partitions = metadata.topics().first().map_or(0, |topic| topic.partitions().len());
        if partitions == 0 {
            return Err(format!("there is no topic {topic}").into());
        }
        let mut list = TopicPartitionList::new();
        for partition in 0..i32::try_from(partitions)? {
            list.add_partition_offset(topic, partition, Offset::Beginning)?;
        }
        consumer.assign(&list)?;
        Ok(Self { consumer, heard: now() })
    }

    /// The next message of whichever partition has one.
    pub(crate) fn next(&mut self) -> Outcome<BorrowedMessage<'_>> {
        loop {
            if let Some(message) = self.consumer.poll(Duration::from_millis(100)) {
                // Looking at the clock with every message would cost a reader that only counts.
                self.heard =
                    if message.as_ref().is_ok_and(|m| m.offset() % 1_000 == 0) { now() } else { self.heard };
                return Ok(message?);
            }
            if self.heard.elapsed() > PATIENCE {
                return Err(format!("no message for {} s", PATIENCE.as_secs()).into());
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "how long nothing came, in a program that measures time")]
fn now() -> Instant {
    Instant::now()
}
