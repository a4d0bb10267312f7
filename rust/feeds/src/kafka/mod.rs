//! Prices from a Kafka topic.

mod settings;

pub use settings::KafkaSettings;
