//! How Cassandra is reached and how rows are written there. Durations are text such as `10s`, as everywhere.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use silverbullet_market::duration::parse_duration;

use super::fault::Fault;

/// The longest time to live that Cassandra takes: 20 years, in seconds.
const MAX_TTL: u64 = 630_720_000;
/// The longest name of a keyspace that Cassandra takes.
const MAX_KEYSPACE: usize = 48;

/// Settings of a connection to Cassandra.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CassandraSettings {
    /// Nodes to begin with, as `HOST` or `HOST:PORT`; the others are learnt from them. A list, or text with commas.
    #[serde(deserialize_with = "nodes")]
    pub nodes: Vec<String>,
    /// The data centre whose nodes are asked; "" is any.
    pub data_centre: String,
    /// The keyspace that holds the tables.
    pub keyspace: String,
    /// How a keyspace that has to be made keeps copies: the map that `CREATE KEYSPACE … WITH replication =` takes.
    #[serde(deserialize_with = "replication")]
    pub replication: BTreeMap<String, String>,
    /// Name of the role.
    pub user: String,
    /// Its password.
    pub password: Password,
    /// Encryption of connections.
    pub tls: TlsSettings,
    /// How many copies must have a write, or answer a read.
    pub consistency: Consistency,
    /// How long rows live after they were written; "forever" keeps them. `runs`, the newest rows, the list of
    /// buckets and `progress` stay.
    #[serde(deserialize_with = "ttl")]
    pub ttl: Option<Duration>,
    /// Batches that are under way at a time.
    pub concurrency: usize,
    /// Most rows of a batch.
    pub batch_rows: usize,
    /// Most bytes of a batch, roughly.
    pub batch_bytes: usize,
    /// How long a node may take to accept a connection.
    #[serde(deserialize_with = "duration")]
    pub connect_timeout: Duration,
    /// How long a request may take.
    #[serde(deserialize_with = "duration")]
    pub request_timeout: Duration,
    /// How often a request is repeated that failed for a reason that may pass.
    pub retries: u32,
    /// The pause before the first repetition; it doubles from one to the next, up to ten seconds.
    #[serde(deserialize_with = "duration")]
    pub retry_pause: Duration,
    /// Decides by how much pauses are spread.
    pub seed: u64,
}

impl Default for CassandraSettings {
    fn default() -> Self {
        Self {
            nodes: Vec::new(),
            data_centre: String::new(),
            keyspace: "silverbullet".to_owned(),
            replication: [("class", "SimpleStrategy"), ("replication_factor", "1")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            user: "silverbullet".to_owned(),
            password: Password("silverbullet".to_owned()),
            tls: TlsSettings::default(),
            consistency: Consistency::LocalQuorum,
            ttl: None,
            concurrency: 32,
            batch_rows: 64,
            batch_bytes: 40 * 1024,
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(10),
            retries: 6,
            retry_pause: Duration::from_millis(50),
            seed: 0,
        }
    }
}

impl CassandraSettings {
    /// Refuses what cannot work, before anything is connected to.
    ///
    /// # Errors
    /// [`Fault::Settings`] with the name of the setting.
    pub fn check(&self) -> Result<(), Fault> {
        let refuse = |name, reason: &str| Err(Fault::Settings { name, reason: reason.to_owned() });
        let letters = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if self.nodes.is_empty() || self.nodes.iter().any(|node| node.trim().is_empty()) {
            return refuse("nodes", "name at least one node, as HOST or HOST:PORT");
        }
        if self.keyspace.is_empty() || self.keyspace.len() > MAX_KEYSPACE || !letters(&self.keyspace) {
            return refuse("keyspace", "a keyspace has 1 to 48 letters, digits and '_'");
        }
        if !self.replication.contains_key("class") {
            return refuse("replication", "it needs a class: SimpleStrategy or NetworkTopologyStrategy");
        }
        if self.ttl.is_some_and(|ttl| ttl.as_secs() == 0 || ttl.as_secs() > MAX_TTL) {
            return refuse("ttl", "rows live between 1s and 7300d, or \"forever\"");
        }
        for (name, value) in [("concurrency", self.concurrency), ("batch_rows", self.batch_rows)] {
            if value == 0 {
                return refuse(name, "it must be at least 1");
            }
        }
        Ok(())
    }
}

/// How connections are encrypted. Without `ca` they are not.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TlsSettings {
    /// File with the certificates, in PEM, that vouch for the nodes.
    pub ca: Option<PathBuf>,
    /// File with the client's own certificate, in PEM, where nodes ask for one.
    pub certificate: Option<PathBuf>,
    /// File with its private key, in PEM.
    pub key: Option<PathBuf>,
}

/// A password, which nothing prints.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Password(String);

impl Password {
    /// The password itself.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for Password {
    fn from(password: String) -> Self {
        Self(password)
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

/// How many copies must have a write, or answer a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the names are Cassandra's own")]
pub enum Consistency {
    One,
    Two,
    Three,
    Quorum,
    All,
    LocalQuorum,
    EachQuorum,
    LocalOne,
}

impl From<Consistency> for scylla::statement::Consistency {
    fn from(consistency: Consistency) -> Self {
        match consistency {
            Consistency::One => Self::One,
            Consistency::Two => Self::Two,
            Consistency::Three => Self::Three,
            Consistency::Quorum => Self::Quorum,
            Consistency::All => Self::All,
            Consistency::LocalQuorum => Self::LocalQuorum,
            Consistency::EachQuorum => Self::EachQuorum,
            Consistency::LocalOne => Self::LocalOne,
        }
    }
}

/// A number or a text, as configuration files and variables have them.
#[derive(Deserialize)]
#[serde(untagged)]
enum Scalar {
    Number(u64),
    Text(String),
}

fn nodes<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Nodes {
        List(Vec<String>),
        Text(String),
    }
    Ok(match Nodes::deserialize(from)? {
        Nodes::List(nodes) => nodes,
        Nodes::Text(text) => {
            text.split(',').map(str::trim).filter(|node| !node.is_empty()).map(str::to_owned).collect()
        }
    })
}

fn replication<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, String>, D::Error> {
    let map = BTreeMap::<String, Scalar>::deserialize(from)?;
    let text = |scalar| match scalar {
        Scalar::Number(number) => number.to_string(),
        Scalar::Text(text) => text,
    };
    Ok(map.into_iter().map(|(name, value)| (name, text(value))).collect())
}

fn duration<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    period(&String::deserialize(from)?).map_err(D::Error::custom)
}

fn ttl<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(from)?;
    if text.trim() == "forever" {
        return Ok(None);
    }
    period(&text).map(Some).map_err(D::Error::custom)
}

fn period(text: &str) -> Result<Duration, String> {
    parse_duration(text).map(|nanos| Duration::from_nanos(nanos.unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_as_people_write_them_and_never_show_the_password() {
        let text = r#"
            nodes = "a:9042, b"
            replication = { class = "NetworkTopologyStrategy", dc1 = 3 }
            password = "hush"
            consistency = "QUORUM"
            ttl = "30d"
            request_timeout = "2s"
            tls = { ca = "ca.pem" }
        "#;
        let settings: CassandraSettings = toml::from_str(text).unwrap();
        settings.check().unwrap();
        assert_eq!(settings.nodes, ["a:9042", "b"]);
        assert_eq!(settings.replication["dc1"], "3");
        assert_eq!(settings.ttl, Some(Duration::from_secs(30 * 86_400)));
        assert_eq!(settings.request_timeout, Duration::from_secs(2));
        assert_eq!(settings.password.reveal(), "hush");
        assert!(!format!("{settings:?}").contains("hush"));
        assert_eq!(toml::from_str::<CassandraSettings>("ttl = \"forever\"").unwrap().ttl, None);
    }

    #[test]
    fn what_cannot_work_is_refused_by_name() {
        assert!(toml::from_str::<CassandraSettings>("node = \"a\"").is_err());
        assert!(toml::from_str::<CassandraSettings>("consistency = \"MOST\"").is_err());
        for (text, name) in [
            ("", "nodes"),
            ("nodes = [\"a\"]\nkeyspace = \"a-b\"", "keyspace"),
            ("nodes = [\"a\"]\nreplication = {}", "replication"),
            ("nodes = [\"a\"]\nttl = \"8000d\"", "ttl"),
            ("nodes = [\"a\"]\nconcurrency = 0", "concurrency"),
        ] {
            let settings: CassandraSettings = toml::from_str(text).unwrap();
            assert!(settings.check().unwrap_err().to_string().contains(&format!("store.cassandra.{name}")));
        }
    }
}
