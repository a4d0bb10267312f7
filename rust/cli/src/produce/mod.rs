//! The command `produce`: the prices of a file or another source, to a Kafka topic.

mod arguments;
mod progress;
mod total;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use anyhow::{Context, bail};
use silverbullet_feeds::FeedError;
use silverbullet_feeds::kafka::{TopicProducer, publish};
use silverbullet_market::{Event, EventKind, Nanos, SECOND, Source, SourceWatch, StopFlag};

use crate::failure::{self, INTERRUPTED, usage};
use crate::run::interrupt::Interrupt;
use crate::settings::Settings;
use crate::{Session, output, source, status_line};
pub(crate) use arguments::ProduceArguments;
use progress::Progress;
use total::Total;

/// How long the first answer of a broker is waited for.
const FIRST_ANSWER: Duration = Duration::from_secs(10);
/// How long deliveries are waited for after Ctrl-C.
const LAST_DELIVERIES: Nanos = 10 * SECOND;
/// How often the counts are looked at.
const LOOK: Duration = Duration::from_millis(20);

/// What the thread that sends lets others see.
#[derive(Debug, Default)]
struct Shared {
    bad_rows: AtomicU64,
    is_connected: AtomicBool,
}

/// Sends what the source brings to its end, or until the user stops it.
pub(crate) fn produce(
    arguments: &ProduceArguments,
    settings: &Settings,
    session: &Session,
) -> anyhow::Result<ExitCode> {
    let interrupt = Interrupt::install()?;
    let producer = TopicProducer::for_throughput(&settings.kafka, settings.kafka.topic.trim())
        .map_err(|error| usage(error.to_string()))?;
    let producer = Arc::new(producer);
    let stop = interrupt.stop();
    let source = match &arguments.csv {
        Some(file) => source::open_whole(file, settings, arguments.pace(), session)?,
        None => source::open_to_send(settings, session, &stop)?,
    };
    let watched = source.watch();
    let shared = Arc::<Shared>::default();
    let mut progress = Progress::new(source.description().rows, producer.brokers());
    let finished = spawn(arguments, source, &producer, &shared, stop)?;
    let watch =
        Watch { producer: &producer, shared: &shared, source: watched, session, interrupt: &interrupt };
    let started = session.clock.monotonic();
    let outcome = watch.sending(&finished, &mut progress);
    watch.deliveries(&mut progress);
    progress.clear();
    let total = Total {
        counts: producer.deliveries().counts(),
        bad_rows: shared.bad_rows.load(Ordering::Acquire),
        seconds: (session.clock.monotonic() - started) as f64 / SECOND as f64,
    };
    if outcome.is_ok() || total.counts.sent > 0 {
        total.print(arguments.format)?;
    }
    let complete = outcome.and_then(|()| all_delivered(&producer));
    if !interrupt.happened() {
        return complete.map(|()| ExitCode::SUCCESS);
    }
    if let Err(error) = complete {
        output::note(&format!("error: {}", failure::message(&error)));
    }
    Ok(ExitCode::from(INTERRUPTED))
}

/// The thread that reads and sends.
fn spawn(
    arguments: &ProduceArguments,
    mut source: Box<dyn Source>,
    producer: &Arc<TopicProducer>,
    shared: &Arc<Shared>,
    stop: StopFlag,
) -> anyhow::Result<Receiver<anyhow::Result<()>>> {
    let (report, finished) = sync_channel(1);
    let (producer, shared) = (Arc::clone(producer), Arc::clone(shared));
    let partitions = arguments.create_topic.then_some(arguments.partitions);
    let name = arguments.source_name();
    let is_csv = source.description().name == "csv";
    let mut send = move || -> anyhow::Result<()> {
        connect(&producer, partitions)?;
        shared.is_connected.store(true, Ordering::Release);
        publish(source.as_mut(), &producer, &stop, |event| {
            if event.kind == EventKind::Quarantined {
                shared.bad_rows.fetch_add(1, Ordering::AcqRel);
            }
            status_line::say(&told(&name, is_csv, event));
        })?;
        Ok(())
    };
    std::thread::Builder::new()
        .name("source".to_owned())
        // Nobody listens any more where the user did not want to wait for a broker.
        .spawn(move || drop(report.send(send())))
        .context("the thread that sends cannot be started")?;
    Ok(finished)
}

/// What a person is told of an event. Only a file has lines, elsewhere the detail says where it was.
fn told(name: &str, is_csv: bool, event: &Event) -> String {
    let Event { reason, detail, offset, .. } = event;
    if is_csv { format!("{name}, line {offset}: {reason}, {detail}") } else { format!("{reason}: {detail}") }
}

/// Sees to it that the topic is there.
fn connect(producer: &TopicProducer, partitions: Option<i32>) -> anyhow::Result<()> {
    match (producer.check(FIRST_ANSWER), partitions) {
        (Err(FeedError::NoTopic { .. }), Some(partitions)) => {
            Ok(producer.create_topic(partitions, FIRST_ANSWER)?)
        }
        (Err(FeedError::NoTopic { topic, brokers }), None) => {
            bail!("there is no topic `{topic}` at {brokers}; --create-topic makes it")
        }
        (checked, _) => Ok(checked?),
    }
}

/// An error where not everything that was sent has arrived.
fn all_delivered(producer: &TopicProducer) -> anyhow::Result<()> {
    let deliveries = producer.deliveries();
    let counts = deliveries.counts();
    if counts.failed > 0 {
        let reason = deliveries.failure().unwrap_or_default();
        let remedy = "see that the brokers run (kafka-status.sh), then send them again";
        bail!("{} prices were not delivered: {reason}; {remedy}", counts.failed);
    }
    if counts.pending() > 0 {
        bail!("{} prices were sent, but no broker has said that they arrived", counts.pending());
    }
    Ok(())
}

/// Looks on while prices are sent.
struct Watch<'a> {
    producer: &'a TopicProducer,
    shared: &'a Shared,
    /// Where the source tells how it fares.
    source: Option<SourceWatch>,
    session: &'a Session,
    interrupt: &'a Interrupt,
}

impl Watch<'_> {
    /// Until everything is sent, or nothing more will be.
    fn sending(
        &self,
        finished: &Receiver<anyhow::Result<()>>,
        progress: &mut Progress,
    ) -> anyhow::Result<()> {
        loop {
            match finished.recv_timeout(LOOK) {
                Ok(outcome) => return outcome,
                Err(RecvTimeoutError::Disconnected) => bail!("sending ended without a result"),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if self.shared.is_connected.load(Ordering::Acquire) {
                self.show(progress);
            } else if self.interrupt.happened() {
                // Nothing was sent that could be waited for.
                return Ok(());
            }
        }
    }

    /// Until what was sent is delivered or given up; for a bounded time once the user wants to stop.
    fn deliveries(&self, progress: &mut Progress) {
        let mut asked_at = None;
        while self.producer.deliveries().counts().pending() > 0 {
            let now = self.session.clock.monotonic();
            if self.interrupt.happened() && now - *asked_at.get_or_insert(now) > LAST_DELIVERIES {
                return;
            }
            std::thread::sleep(LOOK);
            self.show(progress);
        }
    }

    fn show(&self, progress: &mut Progress) {
        let bad_rows = self.shared.bad_rows.load(Ordering::Acquire);
        let trouble = self.source.as_ref().and_then(|source| source.state().reason);
        let now = self.session.clock.monotonic();
        progress.show(now, &self.producer.deliveries(), bad_rows, trouble.as_deref());
    }
}
