//! x
use rdkafka::message::Message;
use serde::Deserialize;
use silverbullet_market::*;

use crate::Outcome;
use crate::arguments::Arguments;
use crate::broker::Reader;
use crate::market::plain_source;

pub(crate) struct StandIn {
    description: SourceDescription,
    reader: Reader,
    messages: u64,
}
#[derive(Deserialize)]
struct M<'a> {
    timestamp: i64,
    asset: &'a str,
    price: f64,
}
impl StandIn {
    pub(crate) fn open(a: &Arguments) -> Outcome<Self> {
        Ok(Self { description: plain_source(), reader: Reader::open(a)?, messages: a.number("messages")? })
    }
}
impl Source for StandIn {
    fn description(&self) -> &SourceDescription {
        &self.description
    }
    fn run(&mut self, sink: &mut dyn Sink, stop: &StopFlag) -> std::result::Result<(), SourceError> {
        for _ in 0..self.messages {
            if stop.is_raised() {
                break;
            }
            let m = self.reader.next().unwrap();
            let v: M = serde_json::from_slice(m.payload().unwrap()).unwrap();
            let asset = AssetId(v.asset[1..].parse().unwrap());
            sink.frame();
            sink.push(Input::Tick(Tick {
                asset,
                price: v.price,
                bid: None,
                ask: None,
                size: None,
                event_time: v.timestamp,
                receipt_time: SystemClock.monotonic(),
                venue: 0,
                sequence: None,
                partition: m.partition() as u32,
                offset: m.offset() as u64,
            }));
        }
        while !stop.is_raised() {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        Ok(())
    }
}
