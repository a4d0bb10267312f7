//! Prices to a Kafka topic and from one, and how a cluster is reached.

mod deliveries;
mod produce;
mod producer;
mod settings;
mod topic;
mod value;

pub use deliveries::{Counts, Deliveries};
pub use produce::publish;
pub use producer::{Offered, TopicProducer};
pub use settings::KafkaSettings;
pub use value::ValueWriter;
