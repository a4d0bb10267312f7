//! Measures how fast a file goes to a Kafka topic, without the scan before: to_kafka FILE HOST:PORT TOPIC

use std::sync::Arc;
use std::time::Duration;

use silverbullet_feeds::kafka::{TopicProducer, publish};
use silverbullet_feeds::{CsvOptions, CsvSource, KafkaSettings, Speed};
use silverbullet_market::{Clock, SECOND, StopFlag, SystemClock};

#[expect(clippy::print_stdout, reason = "the figures are what it is for")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, brokers, topic] = &arguments[..] else {
        return Err("usage: to_kafka FILE HOST:PORT TOPIC".into());
    };
    let options = CsvOptions { speed: Speed::Max, ..CsvOptions::default() };
    let mut source = CsvSource::open(file, options, Arc::new(SystemClock))?;
    let producer = TopicProducer::for_throughput(&KafkaSettings::new(brokers, topic), topic)?;
    producer.check(Duration::from_secs(10))?;
    let started = SystemClock.monotonic();
    publish(&mut source, &producer, &StopFlag::default(), |_| {})?;
    let deliveries = producer.deliveries();
    let sent = SystemClock.monotonic();
    while deliveries.counts().pending() > 0 {
        std::thread::sleep(Duration::from_millis(1));
    }
    let rate = |until| deliveries.counts().sent as f64 / ((until - started) as f64 / SECOND as f64);
    let delivered = SystemClock.monotonic();
    println!("{:?}: {:.0} sent a second, {:.0} delivered", deliveries.counts(), rate(sent), rate(delivered));
    Ok(())
}
