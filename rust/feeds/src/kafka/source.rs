//! A Kafka topic as a source of ticks.
//!
//! All partitions are assigned, not subscribed to: a universe needs every price, so there is nothing to share with
//! others of a group and nothing is rebalanced. Offsets are kept by whoever takes the ticks, in its checkpoint.
//! Whatever happens to brokers and topic, the source goes on: it reconnects with growing pauses, tells in `events` and
//! by its watch, and takes up each partition where it left it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::Consumer;
use silverbullet_market::{
    Clock, Decision, Event, EventKind, Input, Nanos, PartitionState, SECOND, Sink, Source, SourceDescription,
    SourceError, SourceStatus, SourceWatch, StopFlag, parse_duration,
};

use super::connect::{self, Session};
use super::context::Connection;
use super::discover::{self, TopicFacts};
use super::lanes::{Arrived, Lanes, Partition, Reader};
use super::letters::DeadLetters;
use super::look::Lookout;
use super::merge::{Choice, Lane, choose};
use super::pauses::Pauses;
use super::script::Script;
use super::settings::KafkaSettings;
use crate::clock_step::ClockStep;
use crate::csv::directory::Directory;
use crate::error::{FeedError, Result};

/// Longest sleep while nothing comes: a wake-up that is missed costs no more than this.
const NAP: Duration = Duration::from_micros(500);
/// Turns of lanes between two looks for what has come.
const AT_ONCE: usize = 64;
/// How often events of the client, idle partitions and the lag are looked at.
const LOOK: Nanos = 20_000_000;
/// Inputs handed on between two looks at the clock.
const STRIDE: usize = 1_024;
/// How long a partition that has more to bring is waited for while others could go on.
const PATIENCE: Nanos = SECOND;

/// A topic of prices.
pub struct KafkaSource {
    settings: KafkaSettings,
    idle_after: Nanos,
    clock: Arc<dyn Clock>,
    watch: SourceWatch,
    connection: Arc<Connection>,
    description: SourceDescription,
    facts: TopicFacts,
    /// The assets were named by a person.
    named: bool,
    /// The offset to be handed on next, by partition.
    positions: BTreeMap<u32, u64>,
    /// Where each partition is read to, where the topic is read to its end.
    ends: BTreeMap<u32, u64>,
    /// Decisions of an earlier run that are taken again.
    script: Script,
    /// Whether the machine's clock was set.
    step: ClockStep,
    /// Partitions were told of, once no decision is left to be taken again.
    announced: bool,
}

/// Why reading has ended.
enum Ended {
    /// Everything up to the end, or stopped.
    ForGood,
    /// To be connected to again, for this reason.
    Lost(String),
}

impl KafkaSource {
    /// A source for the assets named; where none is, for those that the topic has. `known` is what an earlier run found
    /// out about the topic: with it nothing is connected to yet. `say` is told what a person waits for.
    ///
    /// # Errors
    /// Wrong settings; [`FeedError::Stopped`] where `stop` is raised while a broker is waited for.
    pub fn open(
        settings: KafkaSettings,
        assets: &[String],
        known: Option<TopicFacts>,
        clock: Arc<dyn Clock>,
        stop: &StopFlag,
        say: &mut dyn FnMut(&str),
    ) -> Result<Self> {
        let idle_after = parse_duration(&settings.idle_after).map_err(|problem| FeedError::Setting {
            name: "kafka.idle_after",
            problem: problem.to_string(),
        })?;
        let watch = SourceWatch::default();
        let connection = Connection::new(Arc::clone(&clock), watch.clone());
        let facts = match known {
            Some(facts) => facts,
            None => discover::facts(&settings, assets, &connection, clock.as_ref(), stop, say)?,
        };
        let named = !assets.is_empty();
        let description = SourceDescription {
            name: "kafka".to_owned(),
            identity: format!("kafka:{}/{}", facts.cluster, settings.topic),
            venues: Vec::new(),
            assets: if named { assets.to_vec() } else { facts.assets.clone() },
            grid: facts.grid,
            replayable: true,
            seekable: true,
            rows: None,
        };
        let step = ClockStep::new(&*clock);
        let (positions, ends, script) = (BTreeMap::new(), BTreeMap::new(), Script::default());
        Ok(Self {
            settings,
            idle_after,
            clock,
            watch,
            connection,
            description,
            facts,
            named,
            positions,
            ends,
            script,
            step,
            announced: false,
        })
    }

    /// What was found out about the topic, to be kept for the next run.
    #[must_use]
    pub fn facts(&self) -> &TopicFacts {
        &self.facts
    }

    fn deliver(&mut self, sink: &mut dyn Sink, stop: &StopFlag) -> Result<()> {
        let letters = DeadLetters::open(&self.settings)?;
        let mut reader = Reader {
            directory: Directory::new(self.description.assets.iter().map(String::as_str)),
            named: self.named,
            keeps_letters: letters.is_some(),
            clock: Arc::clone(&self.clock),
        };
        let mut pauses = Pauses::new();
        while !stop.is_raised() {
            let consumer = connect::consumer(&self.settings, &self.connection)?;
            let this = std::thread::current();
            let wake = || {
                let this = this.clone();
                Box::new(move || this.unpark()) as Box<dyn Fn() + Send + Sync>
            };
            let reason = match connect::open(&consumer, &self.settings, &self.positions, &wake) {
                Ok(session) => {
                    pauses.reset();
                    self.check_cluster(&session)?;
                    match self.read(session, &mut reader, letters.as_ref(), sink, stop) {
                        Ended::ForGood => break,
                        Ended::Lost(reason) => reason,
                    }
                }
                Err(reason) => reason,
            };
            self.connection.lost(reason);
            self.tell(sink);
            pauses.wait(stop);
        }
        Ok(())
    }

    /// Offsets of another cluster's topic of the same name mean nothing here.
    fn check_cluster(&self, session: &Session) -> Result<()> {
        let found = session.consumer.client().fetch_cluster_id(Duration::from_secs(5)).unwrap_or_default();
        let expected = &self.facts.cluster;
        if found.is_empty() || expected.is_empty() || found == *expected {
            return Ok(());
        }
        let (brokers, expected) = (self.settings.brokers.clone(), expected.clone());
        Err(FeedError::OtherCluster { brokers, found, expected })
    }

    /// Reads a session, and notes how far.
    fn read(
        &mut self,
        mut session: Session,
        reader: &mut Reader,
        letters: Option<&DeadLetters>,
        sink: &mut dyn Sink,
        stop: &StopFlag,
    ) -> Ended {
        self.connection.back();
        self.tell(sink);
        let mut lanes = self.begin(&session, sink);
        lanes.begin_with(&session.early, reader);
        let ended = self.read_on(&mut session, &mut lanes, reader, letters, sink, stop);
        for partition in &lanes.partitions {
            if let Some(position) = self.positions.get_mut(&partition.number) {
                *position = partition.next;
            }
        }
        ended
    }

    /// Reads until the end, or until the topic has to be looked for again.
    fn read_on(
        &mut self,
        session: &mut Session,
        lanes: &mut Lanes,
        reader: &mut Reader,
        letters: Option<&DeadLetters>,
        sink: &mut dyn Sink,
        stop: &StopFlag,
    ) -> Ended {
        let Session { consumer, queues, .. } = session;
        let lookout = Lookout::start(consumer, &self.settings.topic, lanes.partitions.len());
        let mut all = 0_u64;
        let mut waited: Option<Nanos> = None;
        let mut looked = self.clock.monotonic() - LOOK;
        loop {
            if stop.is_raised() {
                return Ended::ForGood;
            }
            let any = match lanes.fill(queues, reader) {
                Ok(any) => any,
                Err(error) => return Ended::Lost(format!("{} cannot be read: {error}", self.settings.topic)),
            };
            let now = self.clock.monotonic();
            if now - looked >= LOOK {
                looked = now;
                match consumer.poll(Duration::ZERO) {
                    // None is lost: each partition is taken up again where it was read to.
                    Some(Ok(_)) => {
                        return Ended::Lost("a message came outside the queue of its partition".to_owned());
                    }
                    Some(Err(error)) => self.connection.fail(&error, ""),
                    None => {}
                }
                self.tell(sink);
                self.find_idle(lanes, now, sink);
                self.watch.update(|state| state.lag = Some(lanes.lag()));
                if let Some(reason) = lookout.as_ref().and_then(Lookout::news) {
                    return Ended::Lost(reason);
                }
            }
            let patience = waited.is_some_and(|since| now - since > PATIENCE);
            if !self.script.is_done() && self.script.follow(lanes, sink) {
                continue;
            }
            if !self.announced {
                self.announce(lanes, sink);
            }
            match choose(&lanes.lanes, all, patience) {
                Choice::Take(first, until) => {
                    waited = None;
                    take_several(first, until, lanes, &mut all, letters, sink, stop);
                }
                Choice::WaitFor(_) if any => {}
                Choice::WaitFor(_) => {
                    waited = waited.or(Some(now));
                    std::thread::park_timeout(NAP);
                }
                Choice::Nothing if any => {}
                Choice::Nothing => std::thread::park_timeout(NAP),
            }
            if self.settings.stop_at_end && self.find_ends(lanes, sink) {
                if !self.script.is_all() {
                    sink.push(Input::Close);
                }
                return Ended::ForGood;
            }
        }
    }

    /// Tells how the partitions stand, and what has changed since they were last read.
    fn begin(&mut self, session: &Session, sink: &mut dyn Sink) -> Lanes {
        for &partition in &session.restarted {
            self.positions.remove(&partition);
            self.script.give_up();
            sink.push(Input::Partition(partition, PartitionState::Restarted));
        }
        for note in &session.notes {
            tracing::warn!(note.detail, "{}", note.reason);
            sink.push(Input::Note(Box::new(note.clone())));
        }
        let mut lanes = Lanes::new(session);
        for ((lane, partition), marks) in
            lanes.lanes.iter_mut().zip(&mut lanes.partitions).zip(&session.marks)
        {
            let number = partition.number;
            if !self.script.takes(number) {
                (partition.ended, lane.silent) = (true, true);
                continue;
            }
            if !self.script.finds(number) {
                sink.push(Input::Partition(number, PartitionState::Found));
            }
            self.positions.insert(number, partition.next);
            if self.settings.stop_at_end {
                partition.end = Some(*self.ends.entry(number).or_insert(marks.high));
            }
        }
        self.announced = false;
        self.announce(&lanes, sink);
        lanes
    }

    /// Has bars wait again for every partition, once decisions may be taken that an earlier run has not taken.
    fn announce(&mut self, lanes: &Lanes, sink: &mut dyn Sink) {
        self.announced = self.script.is_over();
        if self.announced {
            for partition in &lanes.partitions {
                sink.push(Input::Partition(partition.number, PartitionState::Active));
            }
        }
    }

    /// Partitions that have been silent for long while others were heard do not hold bars back any more.
    fn find_idle(&self, lanes: &mut Lanes, now: Nanos, sink: &mut dyn Sink) {
        let Some(since) = self.connection.up_since().filter(|_| self.script.is_over()) else { return };
        let newest = lanes.partitions.iter().filter_map(|partition| partition.heard).max();
        for (lane, partition) in lanes.lanes.iter_mut().zip(&mut lanes.partitions) {
            let heard = partition.heard.unwrap_or(Nanos::MIN);
            let others_were_heard = newest.is_some_and(|newest| newest > heard);
            let silent = now - heard.max(since) >= self.idle_after;
            if silent && others_were_heard && !partition.idle && !partition.ended && partition.is_read(lane) {
                (partition.idle, lane.silent) = (true, true);
                sink.push(Input::Partition(partition.number, PartitionState::Idle));
            }
        }
    }

    /// Ends the partitions that are read to where they are to be; true where all are.
    fn find_ends(&self, lanes: &mut Lanes, sink: &mut dyn Sink) -> bool {
        if !self.script.is_done() {
            return false;
        }
        for (lane, partition) in lanes.lanes.iter_mut().zip(&mut lanes.partitions) {
            if !partition.ended && partition.has_reached_its_end(lane) {
                (partition.ended, lane.silent) = (true, true);
                if !self.script.is_all() {
                    sink.push(Input::Partition(partition.number, PartitionState::Ended));
                }
            }
        }
        lanes.partitions.iter().all(|partition| partition.ended)
    }

    /// Tells in `events` what has become of the connection.
    fn tell(&mut self, sink: &mut dyn Sink) {
        if let Some(event) = self.step.look(&*self.clock) {
            sink.push(Input::Note(Box::new(event)));
        }
        for (reason, detail) in self.connection.news() {
            let kind = EventKind::Connection;
            sink.push(Input::Note(Box::new(Event { kind, reason, detail, partition: 0, offset: 0 })));
        }
    }
}

/// Hands on the earliest messages, as many as can be without looking for others: of lane `first` up to the time where
/// another one's head is earlier, then of that one.
fn take_several(
    mut first: usize,
    mut until: Nanos,
    lanes: &mut Lanes,
    all: &mut u64,
    letters: Option<&DeadLetters>,
    sink: &mut dyn Sink,
    stop: &StopFlag,
) {
    for _ in 0..AT_ONCE {
        let (lane, partition) = (&mut lanes.lanes[first], &mut lanes.partitions[first]);
        take(lane, partition, until, all, letters, sink, stop);
        if lane.len() == 0 {
            return;
        }
        let Choice::Take(next, others) = choose(&lanes.lanes, *all, false) else { return };
        (first, until) = (next, others);
    }
}

/// Hands on messages of a lane up to the time where another one's head is earlier.
fn take(
    lane: &mut Lane<Arrived>,
    partition: &mut Partition,
    until: Nanos,
    all: &mut u64,
    letters: Option<&DeadLetters>,
    sink: &mut dyn Sink,
    stop: &StopFlag,
) {
    for _ in 0..STRIDE {
        let Some(arrived) = lane.pop(all) else { break };
        sink.frame();
        sink.push(arrived.input);
        if let (Some(letters), Some(letter)) = (letters, arrived.letter) {
            letters.send(&letter, stop);
        }
        partition.next = arrived.offset + 1;
        if lane.key().is_none_or(|key| key > until) {
            break;
        }
    }
}

impl Source for KafkaSource {
    fn description(&self) -> &SourceDescription {
        &self.description
    }

    fn start_behind(&mut self, offsets: BTreeMap<u32, u64>) {
        self.positions = offsets.into_iter().map(|(partition, offset)| (partition, offset + 1)).collect();
    }

    fn follow(&mut self, decisions: Vec<Decision>, only: bool) {
        self.script = Script::new(decisions, only);
    }

    fn watch(&self) -> Option<SourceWatch> {
        Some(self.watch.clone())
    }

    fn run(&mut self, sink: &mut dyn Sink, stop: &StopFlag) -> Result<(), SourceError> {
        self.watch.update(|state| state.status = SourceStatus::Connecting);
        self.deliver(sink, stop).map_err(|error| SourceError {
            context: format!("reading topic {}", self.settings.topic),
            source: Box::new(error),
        })
    }
}
