//! Prices from a Kafka topic: JSON values or Arrow IPC batches, keyed by asset.
//!
//! ```text
//! broker ──► a queue each partition ──► lane (parsed) ──┐
//!                                                       ├─ earliest head first ──► sink
//!            a queue each partition ──► lane (parsed) ──┘
//! ```

mod batch;
mod connect;
mod context;
mod discover;
mod lanes;
mod letters;
mod look;
mod merge;
mod message;
mod pauses;
mod queue;
mod settings;
mod source;

pub use discover::TopicFacts;
pub use settings::KafkaSettings;
pub use source::KafkaSource;
