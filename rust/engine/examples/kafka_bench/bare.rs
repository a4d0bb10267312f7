//! The least a consumer can do: take a message, and read when it was due (or only count).

use rdkafka::message::Message;
use serde_json::{Value, json};
use silverbullet_market::Nanos;

use crate::Outcome;
use crate::arguments::Arguments;
use crate::broker::Reader;
use crate::report::{Meter, utc};

/// Reads `--messages` messages.
pub(crate) fn run(arguments: &Arguments) -> Outcome<Value> {
    let messages: u64 = arguments.number("messages")?;
    let mut meter = Meter::new(arguments.number_or("skip", 0)?, arguments.get("stamps"))?;
    let count_only = arguments.get("count-only").is_some();
    let mut reader = Reader::open(arguments)?;
    crate::report::ready()?;
    while meter.seen() < messages {
        let message = reader.next()?;
        if count_only {
            // Two looks at the clock in all: it must not be what is measured.
            let ends = meter.seen() == 0 || meter.seen() + 1 == messages;
            meter.count(if ends { utc() } else { 0 });
            continue;
        }
        let now = utc();
        let payload = message.payload().unwrap_or_default();
        let due = timestamp_of(payload).ok_or("a message that kafka_bench did not write")?;
        meter.record(due, now);
    }
    meter.report(json!({}))
}

/// When the price in a message was due; `None` for what `produce` did not write.
fn timestamp_of(message: &[u8]) -> Option<Nanos> {
    let digits = message.strip_prefix(b"{\"timestamp\": ")?;
    let end = digits.iter().position(|byte| !byte.is_ascii_digit())?;
    std::str::from_utf8(&digits[..end]).ok()?.parse().ok()
}
