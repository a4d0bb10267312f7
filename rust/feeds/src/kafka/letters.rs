//! Messages that cannot be used, sent on as they came to a topic of their own.

use std::time::Duration;

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use silverbullet_market::StopFlag;

use super::settings::KafkaSettings;
use crate::error::{FeedError, Result};

/// How long those under way are waited for at the end.
const PATIENCE: Duration = Duration::from_secs(5);

/// A message that cannot be used.
#[derive(Debug)]
pub(crate) struct Letter {
    pub(crate) key: Vec<u8>,
    pub(crate) payload: Vec<u8>,
    pub(crate) partition: u32,
    pub(crate) offset: u64,
    pub(crate) reason: &'static str,
}

/// Sends them.
pub(crate) struct DeadLetters {
    producer: ThreadedProducer<DefaultProducerContext>,
    topic: String,
    from: String,
}

impl DeadLetters {
    /// To the topic of the settings; `None` where they have none.
    pub(crate) fn open(settings: &KafkaSettings) -> Result<Option<Self>> {
        if settings.dead_letter_topic.is_empty() {
            return Ok(None);
        }
        let mut config = settings.client()?;
        let producer =
            config.set("enable.idempotence", "true").set("linger.ms", "20").create().map_err(|source| {
                FeedError::Kafka { what: "the client for unusable messages".to_owned(), source }
            })?;
        let (topic, from) = (settings.dead_letter_topic.clone(), settings.topic.clone());
        Ok(Some(Self { producer, topic, from }))
    }

    /// Sends `letter` with where it came from and why as headers; waits while too many are under way.
    pub(crate) fn send(&self, letter: &Letter, stop: &StopFlag) {
        loop {
            let (partition, offset) = (letter.partition.to_string(), letter.offset.to_string());
            let header = |key, value| Header { key, value: Some(value) };
            let headers = OwnedHeaders::new()
                .insert(header("reason", letter.reason))
                .insert(header("topic", self.from.as_str()))
                .insert(header("partition", partition.as_str()))
                .insert(header("offset", offset.as_str()));
            let record =
                BaseRecord::to(&self.topic).key(&letter.key).payload(&letter.payload).headers(headers);
            match self.producer.send(record) {
                Ok(()) => return,
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) if !stop.is_raised() => {
                    std::thread::sleep(Duration::from_millis(1));
                }
                Err((error, _)) => {
                    tracing::warn!(%error, topic = self.topic, "an unusable message is not sent on; `events` has it");
                    return;
                }
            }
        }
    }
}

impl Drop for DeadLetters {
    fn drop(&mut self) {
        if let Err(error) = self.producer.flush(PATIENCE) {
            tracing::warn!(%error, topic = self.topic, "unusable messages were not all sent on; `events` has them");
        }
    }
}
