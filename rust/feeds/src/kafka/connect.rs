//! From settings to a consumer that stands where it is to go on: partitions, offsets, what has changed meanwhile.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::Offset;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::OwnedMessage;
use silverbullet_market::{Event, EventKind};

use super::context::{Connection, Listener};
use super::queue::Queue;
use super::settings::KafkaSettings;
use crate::error::{FeedError, Result};

/// How long a broker may take to answer a question.
const ANSWER: Duration = Duration::from_secs(5);

/// Looks at the common queue that find nothing before it counts as empty.
const LOOKS: u32 = 10;

/// A consumer with a queue for each partition.
pub(crate) struct Session {
    pub(crate) consumer: Arc<BaseConsumer<Listener>>,
    pub(crate) queues: Vec<Queue<Listener>>,
    /// Where each partition begins and ends now, in the order of `queues`.
    pub(crate) marks: Vec<Marks>,
    /// What is to be told of it.
    pub(crate) notes: Vec<Event>,
    /// Partitions whose offsets begin anew.
    pub(crate) restarted: Vec<u32>,
    /// Messages that came before the partitions had queues of their own: the first ones, in order.
    pub(crate) early: Vec<OwnedMessage>,
}

/// Of one partition: where it is read from, and its offsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Marks {
    pub(crate) partition: u32,
    pub(crate) start: u64,
    pub(crate) low: u64,
    pub(crate) high: u64,
}

/// Makes the client; nothing is connected to yet.
///
/// # Errors
/// Where a property is refused by the library.
pub(crate) fn consumer(
    settings: &KafkaSettings,
    connection: &Arc<Connection>,
) -> Result<Arc<BaseConsumer<Listener>>> {
    let mut config = settings.client()?;
    let usual = [
        ("group.id", "silverbullet"),
        // Of a partition so many are fetched ahead; what is behind them waits in the topic.
        ("queued.min.messages", "50000"),
        ("queued.max.messages.kbytes", "16384"),
        ("fetch.queue.backoff.ms", "5"),
        ("fetch.error.backoff.ms", "100"),
        ("statistics.interval.ms", "1000"),
        ("topic.metadata.refresh.interval.ms", "10000"),
    ];
    for (name, value) in usual {
        if !settings.properties.contains_key(name) {
            config.set(name, value);
        }
    }
    config.set("enable.auto.commit", "false").set("enable.auto.offset.store", "false");
    config.set("enable.partition.eof", "true").set("auto.offset.reset", "error");
    let consumer = config.create_with_context(Listener(Arc::clone(connection)));
    consumer.map(Arc::new).map_err(|error| FeedError::Kafka {
        doing: "making the client".to_owned(),
        problem: error.to_string(),
    })
}

/// The partitions of the topic.
///
/// # Errors
/// What to tell a person: no broker answers, or there is no such topic.
pub(crate) fn partitions(
    consumer: &BaseConsumer<Listener>,
    settings: &KafkaSettings,
) -> std::result::Result<Vec<u32>, String> {
    // Errors of the whole client are told by its callbacks, which run in here.
    drop(consumer.poll(Duration::ZERO));
    let metadata = consumer.fetch_metadata(Some(&settings.topic), ANSWER).map_err(|error| {
        for _ in 0..LOOKS {
            drop(consumer.poll(Duration::ZERO));
        }
        let brokers = &settings.brokers;
        // One that asks for TLS hangs up on whoever does not speak it, without a word.
        let silent = || format!("{error}; one that asks for TLS or a password needs [kafka.properties]");
        let cause = consumer.context().0.cause().unwrap_or_else(silent);
        format!("no broker answers at {brokers} ({cause}); start it, or name another with --brokers")
    })?;
    let topic = metadata.topics().iter().find(|topic| topic.name() == settings.topic);
    let partitions = topic.map_or(&[][..], |topic| topic.partitions());
    if partitions.is_empty() {
        let (topic, brokers) = (&settings.topic, &settings.brokers);
        return Err(format!(
            "there is no topic {topic} at {brokers}; create it, as with setup/kafka/bin/kafka-topics.sh \
             --bootstrap-server {brokers} --create --topic {topic} --partitions 4, or name another with --topic"
        ));
    }
    let mut numbers: Vec<u32> =
        partitions.iter().filter_map(|partition| u32::try_from(partition.id()).ok()).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// Assigns all partitions, each from the position given or its beginning.
///
/// # Errors
/// What to tell a person.
pub(crate) fn open(
    consumer: &Arc<BaseConsumer<Listener>>,
    settings: &KafkaSettings,
    positions: &BTreeMap<u32, u64>,
    wake: &dyn Fn() -> Box<dyn Fn() + Send + Sync>,
) -> std::result::Result<Session, String> {
    let numbers = partitions(consumer, settings)?;
    let told = |error: KafkaError| format!("the offsets of {} cannot be read: {error}", settings.topic);
    let (mut marks, mut notes, mut restarted) = (Vec::new(), Vec::new(), Vec::new());
    let mut assignment = TopicPartitionList::new();
    for partition in numbers {
        let number = partition.cast_signed();
        let (low, high) = consumer.fetch_watermarks(&settings.topic, number, ANSWER).map_err(told)?;
        let (low, high) = (u64::try_from(low).unwrap_or(0), u64::try_from(high).unwrap_or(0));
        let wanted = positions.get(&partition).copied();
        let (start, note) = place(partition, wanted, low, high);
        if wanted.is_some_and(|wanted| wanted > high) {
            restarted.push(partition);
        }
        notes.extend(note);
        let offset = Offset::Offset(start.cast_signed());
        assignment.add_partition_offset(&settings.topic, number, offset).map_err(told)?;
        marks.push(Marks { partition, start, low, high });
    }
    consumer.assign(&assignment).map_err(told)?;
    let split = |mark: &Marks| Queue::split(consumer, &settings.topic, mark.partition, wake());
    let queues: Option<Vec<_>> = marks.iter().map(split).collect();
    let queues = queues.ok_or_else(|| format!("{} cannot be assigned", settings.topic))?;
    let early = early(consumer);
    Ok(Session { consumer: Arc::clone(consumer), queues, marks, notes, restarted, early })
}

/// What was fetched between the assignment and the split of its queues lies in the common queue, and is the beginning of
/// what was asked for. Nothing is added to it any more.
fn early(consumer: &BaseConsumer<Listener>) -> Vec<OwnedMessage> {
    let mut messages = Vec::new();
    let mut nothing = 0;
    while nothing < LOOKS {
        match consumer.poll(Duration::ZERO) {
            Some(Ok(message)) => messages.push(message.detach()),
            Some(Err(_)) => {}
            // Also where an event of another kind was taken.
            None => nothing += 1,
        }
    }
    messages
}

/// Where to begin in a partition that has offsets from `low` to before `high`, and what there is to say of it.
fn place(partition: u32, wanted: Option<u64>, low: u64, high: u64) -> (u64, Option<Event>) {
    let event = |reason, detail, offset| Event { kind: EventKind::Gap, reason, detail, partition, offset };
    match wanted {
        None => (low, None),
        Some(wanted) if wanted > high => {
            let detail = format!(
                "partition {partition} ends at offset {high}, before {wanted}, where it was read up to: the topic was made \
                 anew, and is read from its beginning"
            );
            (low, Some(event("offsets begin anew", detail, wanted)))
        }
        Some(wanted) if wanted < low => {
            let detail = format!(
                "partition {partition} begins at offset {low}: those from {wanted} on were deleted before they were read"
            );
            (low, Some(event("messages are gone", detail, wanted)))
        }
        Some(wanted) => (wanted, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_that_is_not_there_any_more_is_told() {
        assert_eq!(place(0, None, 5, 9), (5, None));
        assert_eq!(place(0, Some(7), 5, 9), (7, None));
        assert_eq!(place(0, Some(9), 5, 9), (9, None));
        let (start, event) = place(1, Some(3), 5, 9);
        assert_eq!((start, event.unwrap().reason), (5, "messages are gone"));
        let (start, event) = place(1, Some(10), 0, 9);
        assert_eq!((start, event.unwrap().reason), (0, "offsets begin anew"));
    }
}
