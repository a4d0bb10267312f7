//! What a consumer has measured, as JSON.

use std::io::Write;
use std::path::PathBuf;

use hdrhistogram::Histogram;
use serde_json::{Value, json};
use silverbullet_market::{Clock, Nanos, SECOND, SystemClock};

use crate::Outcome;

/// Latencies above an hour count as an hour.
const LONGEST: u64 = 3_600_000_000_000;

/// Latencies and times of one consumer.
pub(crate) struct Meter {
    skip: u64,
    seen: u64,
    first: Nanos,
    last: Nanos,
    latency: Histogram<u64>,
    /// Where each message's times are written: when it was due and when it was answered.
    stamps: Option<(PathBuf, Vec<u8>)>,
}

impl Meter {
    /// The first `skip` messages warm up and are not recorded. With a file the times of those that are go into it: pairs of
    /// numbers of 64 bits, the smallest byte first.
    pub(crate) fn new(skip: u64, stamps: Option<&str>) -> Outcome<Self> {
        let latency = Histogram::new_with_bounds(1, LONGEST, 3)?;
        let stamps = stamps.map(|file| (PathBuf::from(file), Vec::new()));
        Ok(Self { skip, seen: 0, first: 0, last: 0, latency, stamps })
    }

    /// A message that was due at `due` is answered by `now`.
    pub(crate) fn record(&mut self, due: Nanos, now: Nanos) {
        self.count(now);
        if self.seen > self.skip {
            self.latency.saturating_record(now.saturating_sub(due).max(1).unsigned_abs());
            if let Some((_, stamps)) = &mut self.stamps {
                stamps.extend([due, now].iter().flat_map(|time| time.to_le_bytes()));
            }
        }
    }

    /// A message is there, without a look at when it was due.
    pub(crate) fn count(&mut self, now: Nanos) {
        self.count_all(self.seen + 1, now);
    }

    /// So many messages are there by now.
    pub(crate) fn count_all(&mut self, seen: u64, now: Nanos) {
        if self.seen == 0 {
            self.first = now;
        }
        self.seen = seen;
        self.last = now;
    }

    /// Messages so far.
    pub(crate) fn seen(&self) -> u64 {
        self.seen
    }

    /// Everything, with the fields of `more`.
    pub(crate) fn report(&self, more: Value) -> Outcome<Value> {
        if let Some((file, stamps)) = &self.stamps {
            std::fs::write(file, stamps)?;
        }
        let mut report = json!({
            "messages": self.seen,
            "first_utc": self.first,
            "seconds": (self.last - self.first) as f64 / SECOND as f64,
            "peak_rss_kb": peak_resident(),
            "latency": percentiles(&self.latency),
        });
        if let (Some(report), Value::Object(more)) = (report.as_object_mut(), more) {
            report.extend(more);
        }
        Ok(report)
    }
}

/// Count, percentiles and maximum.
pub(crate) fn percentiles(histogram: &Histogram<u64>) -> Value {
    json!({
        "count": histogram.len(),
        "p50": histogram.value_at_quantile(0.5),
        "p90": histogram.value_at_quantile(0.9),
        "p99": histogram.value_at_quantile(0.99),
        "p99.9": histogram.value_at_quantile(0.999),
        "max": histogram.max(),
    })
}

/// Tells whoever started this that it waits for messages now.
pub(crate) fn ready() -> Outcome {
    let mut out = std::io::stdout().lock();
    writeln!(out, "ready")?;
    out.flush()?;
    Ok(())
}

/// UTC, nanoseconds since 1970.
pub(crate) fn utc() -> Nanos {
    SystemClock.utc()
}

/// The most memory this process has had, in kB; nothing where the system does not tell.
fn peak_resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches("kB").trim().parse().ok()
}
