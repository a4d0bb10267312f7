//! Sends messages to one topic: each once and in the order of its key, whatever has to be sent again on the way.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::{BaseRecord, ThreadedProducer};

use super::deliveries::{Context, Deliveries, reason};
use super::settings::KafkaSettings;
use super::topic;
use crate::error::{FeedError, Result};

/// What is set where `kafka.properties` does not say otherwise, under any of the names a property has.
const USUAL: [(&[&str], &str); 3] = [
    (&["acks", "request.required.acks"], "all"),
    (&["compression.type", "compression.codec"], "lz4"),
    // The partition that Java's clients choose for the key.
    (&["partitioner"], "murmur2_random"),
];

/// What became of a message that was offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Offered {
    /// It is on its way.
    Taken,
    /// Too many are on their way; offer it again later.
    Full,
}

/// A producer of one topic. Deliveries are seen to by a thread of its own. What is still on its way when this is
/// dropped is given up: wait for [`Counts::pending`](super::Counts::pending) to be zero first.
pub struct TopicProducer {
    producer: ThreadedProducer<Context>,
    config: ClientConfig,
    topic: String,
    brokers: String,
    deliveries: Arc<Deliveries>,
}

impl TopicProducer {
    /// A producer for many messages at a time: they wait for each other for a moment, and up to half a million may be
    /// on their way. One that is not delivered within a minute has failed.
    ///
    /// # Errors
    /// Settings that are refused. That there are brokers and the topic is seen by [`check`](Self::check).
    pub fn for_throughput(settings: &KafkaSettings, topic: &str) -> Result<Self> {
        let own: [(&[&str], &str); 3] = [
            (&["linger.ms", "queue.buffering.max.ms"], "20"),
            (&["queue.buffering.max.messages"], "500000"),
            // A killed broker is back in 8 to 15 s.
            (&["message.timeout.ms", "delivery.timeout.ms"], "60000"),
        ];
        Self::new(settings, topic, &own)
    }

    /// A producer that sends at once, of which at most `pending` messages may be on their way. They wait for
    /// brokers that are away for as long as it takes.
    ///
    /// # Errors
    /// Settings that are refused.
    pub fn for_latency(settings: &KafkaSettings, topic: &str, pending: u32) -> Result<Self> {
        let pending = pending.to_string();
        let own: [(&[&str], &str); 3] = [
            (&["linger.ms", "queue.buffering.max.ms"], "0"),
            (&["queue.buffering.max.messages"], &pending),
            (&["message.timeout.ms", "delivery.timeout.ms"], "0"),
        ];
        Self::new(settings, topic, &own)
    }

    fn new(settings: &KafkaSettings, topic: &str, own: &[(&[&str], &str)]) -> Result<Self> {
        let mut config = settings.client()?;
        config.set("enable.idempotence", "true");
        for (names, value) in USUAL.iter().chain(own) {
            if let (Some(name), true) = (names.first(), names.iter().all(|name| config.get(name).is_none())) {
                config.set(*name, *value);
            }
        }
        let deliveries = Arc::<Deliveries>::default();
        let producer = config.create_with_context(Context(Arc::clone(&deliveries))).map_err(|error| {
            FeedError::Kafka { doing: "setting up a producer".to_owned(), problem: error.to_string() }
        })?;
        let brokers = settings.brokers.trim().to_owned();
        Ok(Self { producer, config, topic: topic.to_owned(), brokers, deliveries })
    }

    /// Sees to it that a broker answers and has the topic; waits for at most `timeout`.
    ///
    /// # Errors
    /// [`FeedError::NoBroker`] and [`FeedError::NoTopic`].
    pub fn check(&self, timeout: Duration) -> Result<()> {
        let no_broker = || FeedError::NoBroker {
            brokers: self.brokers.clone(),
            seconds: timeout.as_secs(),
            problem: self.deliveries.problem(),
        };
        if topic::exists(&self.producer, &self.topic, timeout).ok_or_else(no_broker)? {
            return Ok(());
        }
        Err(FeedError::NoTopic { topic: self.topic.clone(), brokers: self.brokers.clone() })
    }

    /// Makes the topic, with as many copies as the brokers usually keep. One that is there already stays as it is.
    ///
    /// # Errors
    /// What the brokers say against it.
    pub fn create_topic(&self, partitions: i32, timeout: Duration) -> Result<()> {
        topic::create(&self.config, &self.topic, partitions, timeout).map_err(|problem| FeedError::Kafka {
            doing: format!("making the topic `{}`", self.topic),
            problem,
        })
    }

    /// Hands a message over. Never waits.
    ///
    /// # Errors
    /// What makes it useless to try again, such as a fatal error of an earlier message.
    #[inline]
    pub fn offer(&self, key: &str, value: &[u8]) -> Result<Offered> {
        // Without a time of its own a message is stamped by the present time: retention deletes by this stamp.
        let record = BaseRecord::to(&self.topic).key(key).payload(value);
        self.deliveries.add_sent();
        let Err((error, _)) = self.producer.send(record) else { return Ok(Offered::Taken) };
        self.deliveries.take_back();
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull) {
            return Ok(Offered::Full);
        }
        Err(FeedError::Kafka { doing: format!("sending to `{}`", self.topic), problem: reason(&error) })
    }

    /// What has become of the messages, for whoever wants to watch.
    #[must_use]
    pub fn deliveries(&self) -> Arc<Deliveries> {
        Arc::clone(&self.deliveries)
    }

    /// The topic's name.
    #[must_use]
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// Where the cluster was looked for.
    #[must_use]
    pub fn brokers(&self) -> &str {
        &self.brokers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(properties: &[(&str, &str)]) -> KafkaSettings {
        let mut settings = KafkaSettings::new("127.0.0.1:1", "price");
        settings.properties =
            properties.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        settings
    }

    #[test]
    fn each_message_arrives_once_and_properties_tune_the_rest() {
        let plain = TopicProducer::for_throughput(&settings(&[]), "price").unwrap();
        assert_eq!(plain.config.get("enable.idempotence"), Some("true"));
        assert_eq!((plain.config.get("acks"), plain.config.get("linger.ms")), (Some("all"), Some("20")));
        let tuned = [("compression.codec", "zstd"), ("delivery.timeout.ms", "3000")];
        let tuned = TopicProducer::for_throughput(&settings(&tuned), "price").unwrap();
        assert_eq!(tuned.config.get("compression.type"), None);
        assert_eq!(tuned.config.get("message.timeout.ms"), None);
        assert_eq!(tuned.config.get("delivery.timeout.ms"), Some("3000"));
    }

    #[test]
    fn what_the_client_library_refuses_is_said() {
        let refused = |name, value| {
            TopicProducer::for_throughput(&settings(&[(name, value)]), "price").err().unwrap().to_string()
        };
        assert!(refused("acks", "1").contains("acks"), "{}", refused("acks", "1"));
        assert!(refused("no.such.property", "1").contains("no.such.property"));
    }

    #[test]
    fn without_a_broker_nothing_is_there_and_a_bounded_number_waits() {
        let producer = TopicProducer::for_latency(&settings(&[]), "portfolio", 2).unwrap();
        let error = producer.check(Duration::from_millis(300)).unwrap_err();
        assert!(matches!(&error, FeedError::NoBroker { .. }), "{error}");
        let message = error.to_string();
        assert!(message.contains("127.0.0.1:1") && message.contains("--brokers"), "{message}");
        assert_eq!(producer.offer("a", b"1").unwrap(), Offered::Taken);
        assert_eq!(producer.offer("a", b"2").unwrap(), Offered::Taken);
        assert_eq!(producer.offer("a", b"3").unwrap(), Offered::Full);
        assert_eq!(producer.deliveries().counts().pending(), 2);
    }
}
