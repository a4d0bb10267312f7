//! Prices on a grid of times: one every 1/R s, sent when due, or a backlog at once.
//!
//! Assets take turns, so that each one's prices are due on a grid of its own. A message carries when it was due, not
//! when it was sent: what the producer is late is part of everybody's latency, and is reported.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hdrhistogram::Histogram;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext};
use rdkafka::{ClientConfig, ClientContext};
use serde_json::{Value, json};
use silverbullet_market::{Nanos, SECOND};

use crate::Outcome;
use crate::arguments::Arguments;
use crate::market::{ASSETS, Uniform, history, name, rounded, write_message};
use crate::report::{percentiles, utc};

/// Spacing of a backlog's times: all of them lie within a bar.
const BACKLOG_SPACING: Nanos = 10_000;

/// Counts deliveries.
#[derive(Default)]
struct Deliveries {
    delivered: AtomicU64,
    failed: AtomicU64,
}

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let counter = if result.is_ok() { &self.delivered } else { &self.failed };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// Sends `--messages` prices, `--rate` a second or as many as the broker takes.
pub(crate) fn run(arguments: &Arguments) -> Outcome<Value> {
    let messages: u64 = arguments.number("messages")?;
    let rate: i64 = arguments.number_or("rate", 0)?;
    let topic = arguments.text("topic")?;
    let producer = producer(arguments.text("brokers")?, rate > 0)?;
    // Connected before the first price is due.
    producer.client().fetch_metadata(Some(topic), Duration::from_secs(20))?;
    let count = i64::try_from(messages)?;
    let (start, spacing) = if rate > 0 {
        (utc() + SECOND / 10, SECOND / rate)
    } else {
        (utc() - count * BACKLOG_SPACING, BACKLOG_SPACING)
    };
    let names: [String; ASSETS] = std::array::from_fn(name);
    let mut prices = history().pop().ok_or("no history")?;
    let mut random = Uniform(2);
    let mut late = Histogram::<u64>::new_with_bounds(1, 60_000_000_000, 3)?;
    let mut message = String::new();
    for number in 0..count {
        let due = start + number * spacing;
        let asset = usize::try_from(number)? % ASSETS;
        prices[asset] = rounded(prices[asset] * (1.0 + 1e-3 * random.next()));
        write_message(&mut message, due, &names[asset], prices[asset])?;
        if rate > 0 {
            wait_until(due, &producer);
            late.saturating_record((utc() - due).max(1).unsigned_abs());
        }
        send(&producer, BaseRecord::to(topic).key(names[asset].as_str()).payload(message.as_str()))?;
    }
    producer.flush(Duration::from_secs(60))?;
    let seconds = (utc() - start) as f64 / SECOND as f64;
    let deliveries = producer.context();
    let (delivered, failed) =
        (deliveries.delivered.load(Ordering::Relaxed), deliveries.failed.load(Ordering::Relaxed));
    if delivered != messages || failed > 0 {
        return Err(format!("{delivered} of {messages} messages were delivered, {failed} failed").into());
    }
    Ok(json!({ "messages": delivered, "seconds": seconds, "late": percentiles(&late) }))
}

fn producer(brokers: &str, paced: bool) -> Outcome<BaseProducer<Deliveries>> {
    let mut settings = ClientConfig::new();
    settings.set("bootstrap.servers", brokers).set("acks", "all");
    if paced {
        // Several prices in a request, more where the broker falls behind: with a request a price it would saturate two
        // cores, and everybody's tails would be its queue.
        settings.set("max.in.flight.requests.per.connection", "5");
        settings.set("linger.ms", "1").set("socket.nagle.disable", "true");
    } else {
        settings
            .set("enable.idempotence", "true")
            .set("linger.ms", "20")
            .set("batch.num.messages", "50000")
            .set("queue.buffering.max.messages", "500000");
    }
    Ok(settings.create_with_context(Deliveries::default())?)
}

/// Sleeps until a time, and lets deliveries be counted meanwhile.
fn wait_until(due: Nanos, producer: &BaseProducer<Deliveries>) {
    producer.poll(Duration::ZERO);
    let left = due - utc();
    if left > 0 {
        std::thread::sleep(Duration::from_nanos(left.unsigned_abs()));
    }
}

/// Waits where the queue is full.
fn send(producer: &BaseProducer<Deliveries>, mut record: BaseRecord<'_, str, str>) -> Outcome {
    loop {
        match producer.send(record) {
            Ok(()) => return Ok(()),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                record = back;
                producer.poll(Duration::from_millis(10));
            }
            Err((error, _)) => return Err(error.into()),
        }
    }
}
