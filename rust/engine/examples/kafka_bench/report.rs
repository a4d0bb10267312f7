//! What a consumer has measured, as JSON.

use std::io::Write;

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
}

impl Meter {
    /// The first `skip` messages warm up and are not recorded.
    pub(crate) fn new(skip: u64) -> Outcome<Self> {
        let latency = Histogram::new_with_bounds(1, LONGEST, 3)?;
        Ok(Self { skip, seen: 0, first: 0, last: 0, latency })
    }

    /// A message that was due at `due` is answered by `now`.
    pub(crate) fn record(&mut self, due: Nanos, now: Nanos) {
        self.count(now);
        if self.seen > self.skip {
            self.latency.saturating_record(now.saturating_sub(due).max(1).unsigned_abs());
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
    pub(crate) fn report(&self, more: Value) -> Value {
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
        report
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
