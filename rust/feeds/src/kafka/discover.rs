//! Finding out which assets a topic has, by reading it once.
//!
//! The names become part of a run's variant, so they must not change from run to run as new messages come: whoever
//! runs the source keeps what was found ([`TopicFacts`]) and hands it in the next time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use silverbullet_market::{Clock, Nanos, SECOND, StopFlag};

use super::batch;
use super::connect::{self, Session};
use super::context::Connection;
use super::message;
use super::pauses::Pauses;
use super::settings::KafkaSettings;
use crate::csv::split_strays;
use crate::error::{FeedError, Result};
use rdkafka::consumer::Consumer;

/// Messages that are read at most to learn the names.
const MOST: u64 = 2_000_000;
/// How long a topic that was empty is listened to after its first message.
const LISTEN: Nanos = 2 * SECOND;
/// How often a person is told that something is waited for.
const SAY: Nanos = 5 * SECOND;

/// What was found out about a topic.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TopicFacts {
    /// Id of the cluster.
    pub cluster: String,
    /// Names of its assets, sorted; empty where they were given.
    pub assets: Vec<String>,
}

/// Connects, waiting for a broker as long as it takes, and reads the topic for its assets where they are `wanted`.
pub(crate) fn facts(
    settings: &KafkaSettings,
    wanted: bool,
    connection: &Arc<Connection>,
    clock: &dyn Clock,
    stop: &StopFlag,
    say: &mut dyn FnMut(&str),
) -> Result<TopicFacts> {
    let consumer = connect::consumer(settings, connection)?;
    let mut pauses = Pauses::new();
    let mut said = String::new();
    let session = loop {
        let wake = || Box::new(|| ()) as Box<dyn Fn() + Send + Sync>;
        match connect::open(&consumer, settings, &BTreeMap::new(), &wake) {
            Ok(session) => break session,
            Err(reason) => {
                if reason != said {
                    say(&format!("waiting for Kafka: {reason}"));
                    said = reason;
                }
                pauses.wait(stop);
            }
        }
        if stop.is_raised() {
            return Err(FeedError::Stopped);
        }
    };
    let cluster = consumer.client().fetch_cluster_id(Duration::from_secs(5)).unwrap_or_default();
    let assets = if wanted { assets(session, settings, clock, stop, say)? } else { Vec::new() };
    Ok(TopicFacts { cluster, assets })
}

fn assets(
    mut session: Session,
    settings: &KafkaSettings,
    clock: &dyn Clock,
    stop: &StopFlag,
    say: &mut dyn FnMut(&str),
) -> Result<Vec<String>> {
    let mut found: BTreeMap<String, u64> = BTreeMap::new();
    let there: u64 = session.marks.iter().map(|marks| marks.high - marks.low).sum();
    if there == 0 && settings.stop_at_end {
        return Err(FeedError::EmptyTopic { topic: settings.topic.clone() });
    }
    if there == 0 {
        say(&format!("topic {} is empty: waiting for the first price", settings.topic));
    }
    let (mut read, mut until, mut said) = (0_u64, None, clock.monotonic());
    let mut ends: Vec<u64> = session.marks.iter().map(|marks| marks.high).collect();
    while read < there.clamp(1, MOST) || (there == 0 && until.is_none_or(|until| clock.monotonic() < until)) {
        if stop.is_raised() {
            return Err(FeedError::Stopped);
        }
        let before = read;
        for (queue, end) in session.queues.iter_mut().zip(&mut ends) {
            queue.take(|message| match message {
                Ok(raw) if there == 0 || raw.offset < *end => {
                    read += 1;
                    names(raw.payload, &mut found);
                }
                // Transactions and compaction leave holes: the end is the end all the same.
                Err(rdkafka::error::RDKafkaErrorCode::PartitionEOF) => *end = 0,
                _ => {}
            });
        }
        if there > 0 && ends.iter().all(|end| *end == 0) {
            break;
        }
        if before == read {
            std::thread::sleep(Duration::from_millis(1));
        } else if there == 0 && until.is_none() {
            until = Some(clock.monotonic() + LISTEN);
        }
        if clock.monotonic() - said > SAY && there > 0 {
            said = clock.monotonic();
            say(&format!(
                "reading {} for its assets: {read} of {} messages",
                settings.topic,
                there.min(MOST)
            ));
        }
    }
    let mut counted: Vec<(String, u64)> = found.into_iter().collect();
    for (name, rows) in split_strays(&mut counted) {
        tracing::warn!(name, rows, "left out: too few messages to be an asset");
    }
    if counted.is_empty() {
        return Err(FeedError::NoUsableMessage { topic: settings.topic.clone(), read });
    }
    Ok(counted.into_iter().map(|(name, _)| name).collect())
}

fn names(payload: &[u8], found: &mut BTreeMap<String, u64>) {
    let mut count = |asset: &[u8]| {
        let name = String::from_utf8_lossy(asset);
        match found.get_mut(name.as_ref()) {
            Some(count) => *count += 1,
            None => drop(found.insert(name.into_owned(), 1)),
        }
    };
    if batch::is_arrow(payload) {
        batch::read(payload, |quote| quote.map_or((), |quote| count(quote.asset)));
    } else {
        message::read(payload, |quote| quote.map_or((), |quote| count(quote.asset)));
    }
}
