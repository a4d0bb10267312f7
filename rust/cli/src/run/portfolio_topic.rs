//! Publications to a Kafka topic, on a thread of its own: it reads what the engines have published as the page does,
//! and can neither slow nor change them.
//!
//! The newest publication of a universe goes out as soon as it is seen. Those in between are left out, which a
//! reader sees by the gaps in `sequence`. While no broker answers, or too many wait for one, nothing is queued: the
//! newest is all there is to send afterwards.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;
use silverbullet_engine::live::LiveState;
use silverbullet_feeds::kafka::{Deliveries, Offered, TopicProducer};
use silverbullet_feeds::{FeedError, KafkaSettings};
use silverbullet_market::{Clock, Nanos, SECOND};

use crate::failure::usage;
use crate::format;

/// How often the engines are looked at.
const LOOK: Duration = Duration::from_millis(1);
/// How long a broker is asked whether the topic is there, and the pause before it is asked again.
const ASK: Duration = Duration::from_secs(1);
/// Publications on their way at most; one where no broker answers, which shows when one does.
const MOST_PENDING: u32 = 1_000;
/// How long what was sent is waited for at the end.
const LAST_DELIVERIES: Nanos = 5 * SECOND;

/// What a complaint about a missing topic is about.
const TOPIC: &str = "topic";

/// The topic of a run.
pub(crate) struct PortfolioTopic {
    producer: TopicProducer,
    clock: Arc<dyn Clock>,
}

/// What a person should know at the end, once it is known.
pub(crate) type Report = Arc<OnceLock<String>>;

/// The thread that sends.
pub(crate) struct Sending {
    stop: Sender<()>,
    thread: JoinHandle<String>,
    report: Report,
}

impl PortfolioTopic {
    /// The topic that the settings name, if any. Whether it is there is found out later, by the thread: a run
    /// does not wait for a broker.
    pub(crate) fn open(settings: &KafkaSettings, clock: &Arc<dyn Clock>) -> anyhow::Result<Option<Self>> {
        let topic = settings.portfolio_topic.trim();
        if topic.is_empty() {
            return Ok(None);
        }
        if topic == settings.topic.trim() {
            return Err(usage(format!(
                "kafka.portfolio_topic: {topic} is the topic of prices; name another"
            )));
        }
        let producer = TopicProducer::for_latency(settings, topic, MOST_PENDING)
            .map_err(|error| usage(error.to_string()))?;
        Ok(Some(Self { producer, clock: Arc::clone(clock) }))
    }

    /// Sends what `live` publishes from now on.
    pub(crate) fn start(self, live: &[Arc<LiveState>]) -> anyhow::Result<Sending> {
        let universes =
            live.iter().map(|live| Universe { live: Arc::clone(live), seen: 0, last: 0 }).collect();
        let courier = Courier {
            deliveries: self.producer.deliveries(),
            producer: self.producer,
            clock: self.clock,
            universes,
            left_out: 0,
            is_connected: false,
            away_since: None,
            complaint: None,
        };
        let (stop, stopped) = channel();
        let thread = std::thread::Builder::new()
            .name("portfolios".to_owned())
            .spawn(move || courier.run(&stopped))
            .context("the thread of the portfolio topic cannot be started")?;
        Ok(Sending { stop, thread, report: Report::default() })
    }
}

impl Sending {
    /// Where the report will be.
    pub(crate) fn report(&self) -> Report {
        Arc::clone(&self.report)
    }

    /// Sends the last publications and waits, for a bounded time, until what was sent has arrived.
    pub(crate) fn finish(self) {
        drop(self.stop);
        let report =
            self.thread.join().unwrap_or_else(|_| "the thread of the portfolio topic panicked".to_owned());
        // There is one end, so nobody has set it before.
        let _ = self.report.set(report);
    }
}

/// An engine and how much of it was sent.
struct Universe {
    live: Arc<LiveState>,
    /// How many publications there were when it was last looked at.
    seen: u64,
    /// Sequence of the last one sent.
    last: u64,
}

/// Carries publications to the topic.
struct Courier {
    producer: TopicProducer,
    deliveries: Arc<Deliveries>,
    clock: Arc<dyn Clock>,
    universes: Vec<Universe>,
    /// Publications that were followed by newer ones before they could be sent.
    left_out: u64,
    is_connected: bool,
    /// What `left_out` was when the brokers went away.
    away_since: Option<u64>,
    /// What was last said of a problem: about what, and the words.
    complaint: Option<(&'static str, String)>,
}

impl Courier {
    fn run(mut self, stopped: &Receiver<()>) -> String {
        let mut pause = LOOK;
        while stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
            pause = if self.connect(ASK) { LOOK } else { ASK };
            self.send_new();
            self.watch();
        }
        self.finish()
    }

    /// True once the topic has been seen. Says once what is missing.
    fn connect(&mut self, patience: Duration) -> bool {
        if self.is_connected {
            return true;
        }
        match self.producer.check(patience) {
            Ok(()) => self.is_connected = true,
            Err(error) => {
                let about = if matches!(error, FeedError::NoBroker { .. }) { "broker" } else { TOPIC };
                self.complain(about, format!("no portfolio is sent yet: {error}"));
            }
        }
        self.is_connected
    }

    /// Sends the newest publication of each universe that has a new one, as long as there is room.
    fn send_new(&mut self) {
        for at in 0..self.universes.len() {
            let Universe { live, seen, last } = &mut self.universes[at];
            let published = live.latest.published();
            if published == *seen || !self.is_connected || !has_room(&self.deliveries) {
                continue;
            }
            let offered = match silverbullet_server::newest_portfolios(live) {
                Ok(Some((sequence, json))) if sequence > *last => {
                    let offered = self.producer.offer(&live.universe.name, &json);
                    offered.map(|offered| (offered, sequence)).map_err(|error| error.to_string())
                }
                Ok(_) => continue,
                Err(error) => Err(format!("a publication cannot be written as JSON: {error}")),
            };
            match offered {
                Ok((Offered::Taken, sequence)) => {
                    self.left_out += sequence - *last - 1;
                    (*seen, *last) = (published, sequence);
                }
                Ok((Offered::Full, _)) => {}
                Err(problem) => self.complain("sending", problem),
            }
        }
    }

    /// Says when the brokers go away and when they are back, and what cannot be delivered.
    fn watch(&mut self) {
        let (topic, brokers) = (self.producer.topic(), self.producer.brokers());
        match (self.deliveries.is_away(), self.away_since) {
            (true, None) if self.is_connected => {
                self.away_since = Some(self.left_out);
                tracing::warn!(
                    topic,
                    brokers,
                    "no broker answers: of the portfolios only the newest is kept"
                );
            }
            (false, Some(before)) => {
                self.away_since = None;
                let left_out = self.left_out - before;
                tracing::warn!(topic, brokers, left_out, "a broker answers again: portfolios are sent");
            }
            _ => {}
        }
        if let Some(failure) = self.deliveries.failure() {
            self.complain("delivery", format!("a publication was not delivered: {failure}"));
        }
    }

    /// Says a problem, but not one after the other about the same thing.
    fn complain(&mut self, about: &'static str, problem: String) {
        if self.complaint.as_ref().is_none_or(|(before, _)| *before != about) {
            tracing::warn!(topic = self.producer.topic(), "{problem}");
            self.complaint = Some((about, problem));
        }
    }

    /// The last publications, and what has become of all.
    fn finish(mut self) -> String {
        let deadline = self.clock.monotonic() + LAST_DELIVERIES;
        while self.clock.monotonic() < deadline {
            if self.connect(ASK) {
                self.send_new();
                self.watch();
                let all_sent = self.universes.iter().all(|one| one.seen == one.live.latest.published());
                if all_sent && self.deliveries.counts().pending() == 0 {
                    break;
                }
            } else if self.complaint.as_ref().is_some_and(|(about, _)| *about == TOPIC) {
                // A broker has answered, and nobody is going to make the topic now.
                break;
            }
            std::thread::sleep(LOOK);
        }
        self.report()
    }

    fn report(&self) -> String {
        let counts = self.deliveries.counts();
        let mut text = format!(
            "topic {}: {} delivered, {} left out for newer ones",
            self.producer.topic(),
            format::counted(counts.delivered, "publication"),
            format::thousands(self.left_out + self.never_sent()),
        );
        let lost = counts.failed + counts.pending();
        if lost > 0 {
            let reason = self.deliveries.failure().unwrap_or_else(|| "no broker has answered".to_owned());
            text.push_str(&format!(", {} not delivered: {reason}", format::thousands(lost)));
        } else if !self.is_connected {
            let problem = self.complaint.as_ref().map_or("no broker has answered", |(_, words)| words);
            text.push_str(&format!("; {problem}"));
        }
        text
    }

    /// Publications after the last one sent.
    fn never_sent(&self) -> u64 {
        let newest = |one: &Universe| one.live.publication().map_or(0, |publication| publication.sequence);
        self.universes.iter().map(|one| newest(one).saturating_sub(one.last)).sum()
    }
}

/// Whether one more may be on its way.
fn has_room(deliveries: &Deliveries) -> bool {
    !deliveries.is_away() || deliveries.counts().pending() == 0
}
