//! Finding out which assets a topic has and how its prices are spaced, by reading it once.
//!
//! Both become part of a run's variant, so they must not change from run to run as new messages come: whoever
//! runs the source keeps what was found ([`TopicFacts`]) and hands it in the next time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::Consumer;
use rdkafka::error::RDKafkaErrorCode;
use serde::{Deserialize, Serialize};
use silverbullet_market::{Clock, Nanos, SECOND, StopFlag};

use super::arrow_message;
use super::connect::{self, Session};
use super::context::Connection;
use super::message;
use super::pauses::Pauses;
use super::settings::KafkaSettings;
use crate::csv::grid::GridDetector;
use crate::csv::judge::{Fault, Quote};
use crate::csv::split_strays;
use crate::error::{FeedError, Result};

/// Messages that are read at most to learn the names.
const MOST: u64 = 2_000_000;
/// And where they are named, to learn the spacing.
const SAMPLE: u64 = 20_000;
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
    /// The regular spacing of event times in nanoseconds, where prices have one.
    pub grid: Option<Nanos>,
}

/// Connects, waiting for a broker as long as it takes, and reads the topic for its assets, unless they are `named`, and
/// for the spacing of its prices.
pub(crate) fn facts(
    settings: &KafkaSettings,
    named: &[String],
    connection: &Arc<Connection>,
    clock: &dyn Clock,
    stop: &StopFlag,
    say: &mut dyn FnMut(&str),
) -> Result<TopicFacts> {
    let consumer = connect::consumer(settings, connection)?;
    let mut pauses = Pauses::new();
    let mut said = String::new();
    let session = loop {
        if stop.is_raised() {
            return Err(FeedError::Stopped);
        }
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
    };
    let cluster = consumer.client().fetch_cluster_id(Duration::from_secs(5)).unwrap_or_default();
    let mut survey = Survey::new(&session, if named.is_empty() { MOST } else { SAMPLE });
    if named.is_empty() && survey.there == 0 {
        survey.wait_for_the_first(session, settings, clock, stop, say)?;
    } else {
        survey.read(session, settings, clock, stop, say)?;
    }
    let grid = survey.grid();
    let assets = if named.is_empty() { survey.assets(settings)? } else { Vec::new() };
    Ok(TopicFacts { cluster, assets, grid })
}

/// What has been read so far.
struct Survey {
    found: BTreeMap<String, u64>,
    /// Of each partition.
    grids: Vec<GridDetector>,
    /// Messages in the topic when this began, up to the most that are read.
    there: u64,
    read: u64,
    /// Where each partition ended then; zero once that is reached.
    ends: Vec<u64>,
}

impl Survey {
    fn new(session: &Session, most: u64) -> Self {
        Self {
            found: BTreeMap::new(),
            grids: session.marks.iter().map(|_| GridDetector::default()).collect(),
            there: session.marks.iter().map(|marks| marks.high - marks.low).sum::<u64>().min(most),
            read: 0,
            ends: session.marks.iter().map(|marks| marks.high).collect(),
        }
    }

    /// Reads what is there.
    fn read(
        &mut self,
        mut session: Session,
        settings: &KafkaSettings,
        clock: &dyn Clock,
        stop: &StopFlag,
        say: &mut dyn FnMut(&str),
    ) -> Result<()> {
        let mut said = clock.monotonic();
        while self.read < self.there && self.ends.iter().any(|end| *end > 0) {
            if stop.is_raised() {
                return Err(FeedError::Stopped);
            }
            self.take(&mut session);
            if clock.monotonic() - said > SAY {
                said = clock.monotonic();
                let Self { read, there, .. } = self;
                say(&format!("looking through {}: {read} of {there} messages", settings.topic));
            }
        }
        Ok(())
    }

    /// Listens to an empty topic until prices come, and then for a little while.
    fn wait_for_the_first(
        &mut self,
        mut session: Session,
        settings: &KafkaSettings,
        clock: &dyn Clock,
        stop: &StopFlag,
        say: &mut dyn FnMut(&str),
    ) -> Result<()> {
        if settings.stop_at_end {
            return Err(FeedError::EmptyTopic { topic: settings.topic.clone() });
        }
        say(&format!("topic {} is empty: waiting for the first price", settings.topic));
        self.ends.fill(u64::MAX);
        let mut until = None;
        while until.is_none_or(|until| clock.monotonic() < until) {
            if stop.is_raised() {
                return Err(FeedError::Stopped);
            }
            self.take(&mut session);
            if !self.found.is_empty() && until.is_none() {
                until = Some(clock.monotonic() + LISTEN);
            }
        }
        Ok(())
    }

    fn take(&mut self, session: &mut Session) {
        let before = self.read;
        for ((queue, end), grid) in session.queues.iter_mut().zip(&mut self.ends).zip(&mut self.grids) {
            queue.take(|message| match message {
                Ok(raw) if raw.offset < *end => {
                    self.read += 1;
                    look_at(raw.payload, &mut self.found, grid);
                    // The last one before the end.
                    *end = if raw.offset + 1 == *end { 0 } else { *end };
                }
                // Transactions and compaction leave holes: the end is the end all the same.
                Err(RDKafkaErrorCode::PartitionEOF) if *end != u64::MAX => *end = 0,
                _ => {}
            });
        }
        if before == self.read {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// The spacing that the partitions with enough prices agree on.
    fn grid(&mut self) -> Option<Nanos> {
        let grids = std::mem::take(&mut self.grids).into_iter().filter(|grid| !grid.is_empty());
        let found: Vec<Option<Nanos>> = grids.map(GridDetector::finish).collect();
        let first = found.first().copied().flatten();
        first.filter(|_| found.iter().all(|grid| *grid == first))
    }

    fn assets(self, settings: &KafkaSettings) -> Result<Vec<String>> {
        let mut counted: Vec<(String, u64)> = self.found.into_iter().collect();
        for (name, rows) in split_strays(&mut counted) {
            tracing::warn!(name, rows, "left out: too few messages to be an asset");
        }
        if counted.is_empty() {
            return Err(FeedError::NoUsableMessage { topic: settings.topic.clone(), read: self.read });
        }
        Ok(counted.into_iter().map(|(name, _)| name).collect())
    }
}

/// Counts the names, and takes the times, of a message.
fn look_at(payload: &[u8], found: &mut BTreeMap<String, u64>, grid: &mut GridDetector) {
    let look = |quote: Result<Quote<'_>, Fault>| {
        let Ok(quote) = quote else { return };
        grid.add(quote.event_time);
        let name = String::from_utf8_lossy(quote.asset);
        match found.get_mut(name.as_ref()) {
            Some(count) => *count += 1,
            None => drop(found.insert(name.into_owned(), 1)),
        }
    };
    if arrow_message::is_arrow(payload) {
        arrow_message::read(payload, look);
    } else {
        message::read(payload, look);
    }
}
