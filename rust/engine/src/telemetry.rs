//! Latency by stage: recorded on the hot thread by one push, counted elsewhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::live::{LiveState, NamedLatency, StageLatency};
use crate::publication::Stamps;

/// Stamps under way; what does not fit is left out and counted.
const RING: usize = 1 << 16;
/// How often the ring is emptied.
const PERIOD: Duration = Duration::from_millis(20);
/// Percentiles are formed anew every so many periods.
const PERIODS_A_VIEW: u32 = 10;
/// Longest latency told apart: a minute, in nanoseconds, to three digits.
const LONGEST: u64 = 60_000_000_000;

/// A stage's name, and how its latency is read off the stamps.
type Stage = (&'static str, fn(&Stamps) -> i64);

/// The stages in the order a tick passes them.
const STAGES: [Stage; 4] = [
    ("queue", |stamps| stamps.dequeued - stamps.received),
    ("compute", |stamps| stamps.computed - stamps.dequeued),
    ("publish", |stamps| stamps.published - stamps.computed),
    ("total", |stamps| stamps.published - stamps.received),
];

/// The hot thread's end.
#[derive(Debug)]
pub(crate) struct Recorder {
    ring: rtrb::Producer<Stamps>,
    lost: Arc<AtomicU64>,
}

impl Recorder {
    pub(crate) fn record(&mut self, stamps: Stamps) {
        if self.ring.push(stamps).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The other end: owns the histograms.
pub(crate) struct Telemetry {
    ring: rtrb::Consumer<Stamps>,
    lost: Arc<AtomicU64>,
    histograms: Vec<Histogram<u64>>,
}

/// Both ends.
pub(crate) fn channel() -> (Recorder, Telemetry) {
    let (producer, consumer) = rtrb::RingBuffer::new(RING);
    let lost = Arc::new(AtomicU64::new(0));
    // The arguments are constants within the library's limits; without histograms nothing is shown.
    let histograms = STAGES.iter().filter_map(|_| Histogram::new_with_bounds(1, LONGEST, 3).ok()).collect();
    let telemetry = Telemetry { ring: consumer, lost: Arc::clone(&lost), histograms };
    (Recorder { ring: producer, lost }, telemetry)
}

impl Telemetry {
    /// Runs until `ended` is raised, and then once more.
    pub(crate) fn run(mut self, live: &LiveState, ended: &AtomicBool) {
        loop {
            let last = ended.load(Ordering::Acquire);
            for _ in 0..PERIODS_A_VIEW {
                self.drain();
                if last || ended.load(Ordering::Acquire) {
                    break;
                }
                std::thread::park_timeout(PERIOD);
            }
            live.set_latency(self.view());
            if last {
                break;
            }
        }
        let lost = self.lost.load(Ordering::Relaxed);
        if lost > 0 {
            tracing::warn!(lost, "latency samples left out because too many came at once");
        }
    }

    fn drain(&mut self) {
        while let Ok(stamps) = self.ring.pop() {
            for (histogram, (_, stage)) in self.histograms.iter_mut().zip(STAGES) {
                histogram.saturating_record(stage(&stamps).max(0).unsigned_abs());
            }
        }
    }

    fn view(&self) -> Vec<NamedLatency> {
        let latency = |histogram: &Histogram<u64>| StageLatency {
            count: histogram.len(),
            p50: histogram.value_at_quantile(0.5),
            p90: histogram.value_at_quantile(0.9),
            p99: histogram.value_at_quantile(0.99),
            p999: histogram.value_at_quantile(0.999),
            max: histogram.max(),
        };
        STAGES
            .iter()
            .zip(&self.histograms)
            .map(|((name, _), histogram)| (*name, latency(histogram)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_are_read_off_the_stamps() {
        let stamps = Stamps { received: 100, dequeued: 150, computed: 350, published: 360 };
        assert_eq!(STAGES.map(|(_, stage)| stage(&stamps)), [50, 200, 10, 260]);
    }

    #[test]
    fn what_is_recorded_is_counted() {
        let (mut recorder, mut telemetry) = channel();
        for step in 1..=100 {
            recorder.record(Stamps { received: 0, dequeued: step, computed: 2 * step, published: 3 * step });
        }
        telemetry.drain();
        let view = telemetry.view();
        assert_eq!(view[3].0, "total");
        assert_eq!((view[3].1.count, view[3].1.max), (100, 300));
        assert!(view.iter().all(|(_, stage)| stage.p50 <= stage.p99));
    }
}
