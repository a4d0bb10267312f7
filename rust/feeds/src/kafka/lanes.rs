//! Fills the lanes of all partitions: messages become inputs as they are fetched.

use std::sync::Arc;

use rdkafka::Message;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::OwnedMessage;
use silverbullet_market::{AssetId, Clock, Input, Nanos, Tick};

use super::arrow_message;
use super::connect::Session;
use super::context::Listener;
use super::letters::Letter;
use super::merge::Lane;
use super::message;
use super::queue::{Queue, Raw};
use crate::csv::directory::Directory;
use crate::csv::judge::{Fault, Quote, reason};

/// A lane with fewer messages than this is filled.
const LOW: usize = 256;
/// A price of an asset that nobody asked for: it tells the time and nothing else.
const FOREIGN: AssetId = AssetId(u32::MAX);

/// A message on its way.
#[derive(Debug)]
pub(crate) struct Arrived {
    pub(crate) offset: u64,
    pub(crate) input: Input,
    /// The message as it came, where it cannot be used and somebody wants it.
    pub(crate) letter: Option<Box<Letter>>,
}

/// Turns messages into inputs.
pub(crate) struct Reader {
    pub(crate) directory: Directory,
    /// The assets were named by a person: others are none of our business.
    pub(crate) named: bool,
    pub(crate) keeps_letters: bool,
    pub(crate) clock: Arc<dyn Clock>,
}

/// What is known of a partition besides its messages.
#[derive(Debug)]
pub(crate) struct Partition {
    pub(crate) number: u32,
    /// The offset fetched last, plus one.
    fetched: u64,
    /// The offset to be handed on next.
    pub(crate) next: u64,
    /// The end that it is read to, where it is read to one.
    pub(crate) end: Option<u64>,
    /// When it was last heard, on the monotonic clock.
    pub(crate) heard: Option<Nanos>,
    /// The broker has said that there is nothing behind what was fetched.
    at_end: bool,
    pub(crate) idle: bool,
    pub(crate) ended: bool,
}

/// All partitions of a session.
pub(crate) struct Lanes {
    pub(crate) lanes: Vec<Lane<Arrived>>,
    pub(crate) partitions: Vec<Partition>,
}

impl Lanes {
    pub(crate) fn new(session: &Session) -> Self {
        let partition = |marks: &super::connect::Marks| Partition {
            number: marks.partition,
            fetched: marks.start,
            next: marks.start,
            end: None,
            heard: None,
            at_end: marks.start >= marks.high,
            idle: false,
            ended: false,
        };
        let partitions: Vec<_> = session.marks.iter().map(partition).collect();
        Self { lanes: partitions.iter().map(|_| Lane::default()).collect(), partitions }
    }

    /// Takes what has been fetched for the lanes that run low. True where anything was.
    ///
    /// # Errors
    /// What keeps a partition from being read.
    pub(crate) fn fill(
        &mut self,
        queues: &mut [Queue<Listener>],
        reader: &mut Reader,
    ) -> Result<bool, RDKafkaErrorCode> {
        let mut any = false;
        for ((lane, partition), queue) in self.lanes.iter_mut().zip(&mut self.partitions).zip(queues) {
            if lane.len() < LOW && !partition.ended {
                any |= partition.fill(lane, queue, reader)?;
            }
        }
        Ok(any)
    }

    /// Takes the messages that came before the queues were there.
    pub(crate) fn begin_with(&mut self, early: &[OwnedMessage], reader: &mut Reader) {
        let now = reader.clock.monotonic();
        for message in early {
            let number = u32::try_from(message.partition()).unwrap_or(u32::MAX);
            let Some(at) = self.partitions.iter().position(|partition| partition.number == number) else {
                continue;
            };
            let raw = Raw {
                offset: u64::try_from(message.offset()).unwrap_or_default(),
                key: message.key().unwrap_or_default(),
                payload: message.payload().unwrap_or_default(),
            };
            let partition = &mut self.partitions[at];
            if raw.offset < partition.fetched || partition.end.is_some_and(|end| raw.offset >= end) {
                continue;
            }
            (partition.fetched, partition.heard) = (raw.offset + 1, Some(now));
            let (time, arrived) = reader.read(number, &raw, now);
            self.lanes[at].push(time, raw.offset, arrived);
        }
    }

    /// Messages in the topic that are not handed on yet.
    pub(crate) fn lag(&self) -> u64 {
        self.lanes.iter().map(|lane| lane.behind + lane.len() as u64).sum()
    }
}

impl Partition {
    fn fill(
        &mut self,
        lane: &mut Lane<Arrived>,
        queue: &mut Queue<Listener>,
        reader: &mut Reader,
    ) -> Result<bool, RDKafkaErrorCode> {
        let now = reader.clock.monotonic();
        let mut failure = None;
        let (mut first, end) = (true, self.end.unwrap_or(u64::MAX));
        queue.take(|message| match message {
            Ok(raw) if raw.offset >= end => self.at_end = true,
            Ok(raw) => {
                if first {
                    (first, self.at_end, self.heard, self.idle) = (false, false, Some(now), false);
                }
                self.fetched = raw.offset + 1;
                let (time, arrived) = reader.read(self.number, &raw, now);
                lane.push(time, raw.offset, arrived);
            }
            Err(RDKafkaErrorCode::PartitionEOF) => self.at_end = true,
            Err(error) => failure = Some(error),
        });
        let known = queue.end().unwrap_or(0).min(end);
        lane.behind = if self.at_end { 0 } else { known.saturating_sub(self.fetched) };
        lane.silent = self.idle || self.ended;
        match failure {
            Some(error) if is_final(error) => Err(error),
            _ => Ok(!first),
        }
    }

    /// True where everything there is has been handed on.
    pub(crate) fn is_read(&self, lane: &Lane<Arrived>) -> bool {
        lane.len() == 0 && lane.behind == 0
    }

    /// True where everything up to the end it is read to has been handed on.
    pub(crate) fn has_reached_its_end(&self, lane: &Lane<Arrived>) -> bool {
        // Transactions leave holes: the last offsets before the end may never come.
        self.end.is_some_and(|end| self.next >= end || (self.at_end && lane.len() == 0))
    }
}

/// Errors after which a partition has to be looked for again; others pass by themselves.
fn is_final(error: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        error,
        Code::AutoOffsetReset
            | Code::OffsetOutOfRange
            | Code::UnknownPartition
            | Code::UnknownTopic
            | Code::UnknownTopicOrPartition
            | Code::UnknownTopicId
            | Code::TopicAuthorizationFailed
    )
}

impl Reader {
    fn read(&mut self, partition: u32, raw: &Raw<'_>, now: Nanos) -> (Nanos, Arrived) {
        let place = Place { partition, offset: raw.offset, now };
        if arrow_message::is_arrow(raw.payload) {
            return self.read_batch(&place, raw);
        }
        let (time, input) = message::read(raw.payload, |quote| self.input(&place, quote));
        let bad = matches!(input, Input::Event(_));
        (time, Arrived { offset: raw.offset, letter: self.letter(bad, partition, raw, &input), input })
    }

    fn read_batch(&mut self, place: &Place, raw: &Raw<'_>) -> (Nanos, Arrived) {
        let mut inputs = Vec::new();
        let mut first = None;
        arrow_message::read(raw.payload, |quote| {
            let (time, input) = self.input(place, quote);
            first = first.or_else(|| matches!(input, Input::Tick(_)).then_some(time));
            inputs.push(input);
        });
        let bad = inputs.iter().find(|input| matches!(input, Input::Event(_)));
        let letter = bad.and_then(|bad| self.letter(true, place.partition, raw, bad));
        (first.unwrap_or(Nanos::MIN), Arrived { offset: raw.offset, input: Input::Batch(inputs), letter })
    }

    fn input(&mut self, place: &Place, quote: Result<Quote<'_>, Fault>) -> (Nanos, Input) {
        match quote {
            Ok(quote) => match self.directory.find(quote.asset) {
                Some(asset) => (quote.event_time, Input::Tick(place.tick(asset, &quote))),
                None if self.named => (quote.event_time, Input::Tick(place.tick(FOREIGN, &quote))),
                None => place.refuse(Fault::new(reason::UNKNOWN_ASSET, "asset", quote.asset)),
            },
            Err(fault) => place.refuse(fault),
        }
    }

    fn letter(&self, bad: bool, partition: u32, raw: &Raw<'_>, input: &Input) -> Option<Box<Letter>> {
        let Input::Event(event) = input else { return None };
        (bad && self.keeps_letters).then(|| {
            Box::new(Letter {
                key: raw.key.to_vec(),
                payload: raw.payload.to_vec(),
                partition,
                offset: raw.offset,
                reason: event.reason,
            })
        })
    }
}

/// Where a message came from, and when.
struct Place {
    partition: u32,
    offset: u64,
    now: Nanos,
}

impl Place {
    fn tick(&self, asset: AssetId, quote: &Quote<'_>) -> Tick {
        quote.tick(asset, self.now, self.partition, self.offset)
    }

    /// A message without a time is taken at once.
    fn refuse(&self, fault: Fault) -> (Nanos, Input) {
        (Nanos::MIN, fault.quarantined(self.partition, self.offset))
    }
}
