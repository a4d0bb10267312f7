//! How a Kafka cluster is reached: what the program needs to know by itself, and the rest as the client library takes it.

use std::collections::BTreeMap;

use rdkafka::ClientConfig;
use serde::{Deserialize, Serialize};

use crate::error::{FeedError, Result};

/// Words in the names of properties whose values nobody may read.
const SECRET: [&str; 4] = ["password", "secret", "key.pem", "oauthbearer.config"];
/// What a secret is shown as.
const HIDDEN: &str = "(hidden)";
/// Properties that the program depends on and sets by itself.
const OWN: [&str; 6] = [
    "bootstrap.servers",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.partition.eof",
    "auto.offset.reset",
    "enable.idempotence",
];

/// A Kafka cluster and the topics on it. Times are durations such as `5s`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KafkaSettings {
    /// Where to connect first: `host:port`, several separated by commas.
    pub brokers: String,
    /// The topic that prices come from.
    pub topic: String,
    /// End when everything up to the end that the topic has at the start is stored.
    pub stop_at_end: bool,
    /// A partition without a price for this long, of which everything is read, does not hold bars back any more.
    pub idle_after: String,
    /// Topic that messages which cannot be used are sent to as they came; empty for none.
    pub dead_letter_topic: String,
    /// Topic that publications are sent to, keyed by universe; empty for none.
    pub portfolio_topic: String,
    /// Properties of the client library (librdkafka) by their own names, such as `security.protocol`.
    pub properties: BTreeMap<String, String>,
}

impl KafkaSettings {
    /// A cluster reached through `brokers`, with the usual settings.
    #[must_use]
    pub fn new(brokers: &str, topic: &str) -> Self {
        Self {
            brokers: brokers.to_owned(),
            topic: topic.to_owned(),
            stop_at_end: false,
            idle_after: "5s".to_owned(),
            dead_letter_topic: String::new(),
            portfolio_topic: String::new(),
            properties: BTreeMap::new(),
        }
    }

    /// What every client of this cluster starts from. TLS and SASL come through `properties`.
    ///
    /// # Errors
    /// [`FeedError::Setting`] where a name is missing, or a property is one that the program sets by itself.
    pub fn client(&self) -> Result<ClientConfig> {
        let missing = |name, problem: &str| Err(FeedError::Setting { name, problem: problem.to_owned() });
        if self.brokers.trim().is_empty() {
            return missing("kafka.brokers", "name where to connect, as in --brokers 127.0.0.1:9092");
        }
        if self.topic.trim().is_empty() {
            return missing("kafka.topic", "name the topic, as in --topic price");
        }
        if let Some(own) = self.properties.keys().find(|name| OWN.contains(&name.as_str())) {
            let problem = format!("{own} is set by the program itself; leave it out");
            return Err(FeedError::Setting { name: "kafka.properties", problem });
        }
        let mut config = ClientConfig::new();
        // Quick to come back: an exchange does not wait. Properties below may say otherwise.
        config.set("client.id", "silverbullet").set("reconnect.backoff.ms", "50");
        config.set("reconnect.backoff.max.ms", "2000").set("log.connection.close", "false");
        for (name, value) in &self.properties {
            config.set(name, value);
        }
        config.set("bootstrap.servers", self.brokers.trim());
        Ok(config)
    }

    /// The same with secrets made unreadable: for whatever is shown or stored.
    #[must_use]
    pub fn redacted(&self) -> Self {
        let mut shown = self.clone();
        for (name, value) in &mut shown.properties {
            if SECRET.iter().any(|word| name.contains(word)) {
                HIDDEN.clone_into(value);
            }
        }
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_go_to_the_client_and_those_of_the_program_are_refused() {
        let mut settings = KafkaSettings::new("127.0.0.1:9092", "price");
        settings.properties.insert("security.protocol".into(), "SASL_SSL".into());
        let client = settings.client().unwrap();
        assert_eq!(client.get("security.protocol"), Some("SASL_SSL"));
        assert_eq!(client.get("bootstrap.servers"), Some("127.0.0.1:9092"));
        settings.properties.insert("bootstrap.servers".into(), "elsewhere:1".into());
        assert!(settings.client().unwrap_err().to_string().contains("bootstrap.servers"));
        assert!(KafkaSettings::new(" ", "price").client().unwrap_err().to_string().contains("--brokers"));
        assert!(KafkaSettings::new("a:1", "").client().unwrap_err().to_string().contains("--topic"));
    }

    #[test]
    fn secrets_are_not_shown() {
        let mut settings = KafkaSettings::new("127.0.0.1:9092", "price");
        for name in ["sasl.password", "ssl.key.password", "ssl.key.pem", "sasl.username"] {
            settings.properties.insert(name.into(), "hush".into());
        }
        let shown = settings.redacted().properties;
        let readable: Vec<_> = shown.iter().filter(|(_, value)| *value == "hush").collect();
        assert_eq!(readable.len(), 1);
        assert_eq!(shown["sasl.username"], "hush");
    }
}
