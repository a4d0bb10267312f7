//! Prices from a Kafka topic and to one: JSON values or Arrow IPC batches, keyed by asset.
//!
//! ```text
//! broker ──► a queue each partition ──► lane (parsed) ──┐
//!                                                       ├─ earliest head first ──► sink
//!            a queue each partition ──► lane (parsed) ──┘
//! ```

mod arrow_message;
mod connect;
mod context;
mod deliveries;
mod discover;
mod lanes;
mod letters;
mod look;
mod merge;
mod message;
mod pauses;
mod produce;
mod producer;
mod queue;
mod script;
mod settings;
mod source;
mod topic;
mod value;

pub use deliveries::{Counts, Deliveries};
pub use discover::TopicFacts;
pub use produce::publish;
pub use producer::{Offered, TopicProducer};
pub use settings::{KafkaSettings, is_secret};
pub use source::KafkaSource;
pub use value::ValueWriter;
