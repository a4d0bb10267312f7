//! What a view shows of one engine at one moment, and how fast its counts grow.

use std::collections::VecDeque;

use silverbullet_engine::live::{EventRow, LiveState, NamedLatency, Phase, Summary};
use silverbullet_engine::publication::Publication;
use silverbullet_market::{Nanos, SECOND};

/// Rates are means over this long.
const RATE_SPAN: Nanos = 2 * SECOND;

/// One engine at one moment.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    pub(crate) phase: Phase,
    pub(crate) publication: Option<Publication>,
    pub(crate) summary: Summary,
    pub(crate) refreshes: u64,
    pub(crate) latency: Vec<NamedLatency>,
    pub(crate) events: Vec<EventRow>,
    pub(crate) ticks_per_second: f64,
    pub(crate) publications_per_second: f64,
}

impl Snapshot {
    /// Reads everything; `rates` belong to the same engine.
    pub(crate) fn take(live: &LiveState, rates: &mut Rates, now: Nanos) -> Self {
        let summary = live.summary();
        rates.add(now, summary.ticks, summary.publications);
        let (ticks_per_second, publications_per_second) = rates.per_second();
        Self {
            phase: live.phase(),
            publication: live.publication(),
            refreshes: live.counters.refreshes.load(std::sync::atomic::Ordering::Relaxed),
            latency: live.latency(),
            events: live.recent_events(),
            summary,
            ticks_per_second,
            publications_per_second,
        }
    }
}

/// Counts of the last seconds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rates(VecDeque<(Nanos, u64, u64)>);

impl Rates {
    /// Adds a reading and forgets those that are too old, all but the last of them.
    pub(crate) fn add(&mut self, now: Nanos, ticks: u64, publications: u64) {
        self.0.push_back((now, ticks, publications));
        while self.0.get(1).is_some_and(|&(at, ..)| at <= now - RATE_SPAN) {
            self.0.pop_front();
        }
    }

    /// Ticks and publications a second.
    pub(crate) fn per_second(&self) -> (f64, f64) {
        match (self.0.front(), self.0.back()) {
            (Some(first), Some(last)) if last.0 > first.0 => {
                let seconds = (last.0 - first.0) as f64 / SECOND as f64;
                ((last.1 - first.1) as f64 / seconds, (last.2 - first.2) as f64 / seconds)
            }
            _ => (0.0, 0.0),
        }
    }
}

/// The name of a phase as people read it.
pub(crate) const fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Starting => "starting",
        Phase::WarmingUp => "warming up",
        Phase::Live => "live",
        Phase::Paused => "paused",
        Phase::Ended => "ended",
        Phase::Failed => "failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_means_over_the_last_two_seconds() {
        let mut rates = Rates::default();
        assert_eq!(rates.per_second(), (0.0, 0.0));
        for half_second in 0..20 {
            let ticks = if half_second < 10 { 0 } else { (half_second as u64 - 10) * 50 };
            rates.add(half_second * SECOND / 2, ticks, ticks / 2);
        }
        assert_eq!(rates.per_second(), (100.0, 50.0));
        assert!(rates.0.len() <= 6);
    }
}
