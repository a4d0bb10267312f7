//! A reader of the engine's answers, as a trading program or the page is one: it looks, and where there is nothing
//! new it sleeps. One that never slept would take a whole core from those it measures.
//!
//! An answer counts from when it was published, as it says itself. One that was replaced between two looks counts from
//! when the one that replaced it was published: later than it was.

use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use silverbullet_engine::LiveState;
use silverbullet_market::{Clock, Nanos, SECOND, StopFlag, SystemClock};

use crate::Outcome;
use crate::market::ASSETS;
use crate::report::{Meter, utc};

/// Asked for between two looks; the system adds some microseconds where it was told not to put off timers.
const NAP: Duration = Duration::from_micros(40);
/// The same where only the last answer is waited for.
const LONG_NAP: Duration = Duration::from_micros(200);
/// A price is counted before its answer is there: so many looks in vain end the reading.
const QUIET: u32 = 1_000;

/// Records when the answer to each price of a grid was published.
///
/// A publication says when each asset's newest price was due. Where two of an asset came between two looks, the older
/// one has been answered, too, by the newer one's answer: each asset's prices are due on a grid, so it is known which
/// these were, and each is recorded with the time of the answer read. No price is left out because it waited in a crowd.
pub(crate) struct Paced {
    messages: u64,
    skip: u64,
    spacing: Nanos,
    /// When each asset's newest price was due; `None` before the first look at one.
    newest: Vec<Option<Nanos>>,
    /// When a price was due and when its answer was published.
    answered: Vec<(Nanos, Nanos)>,
}

impl Paced {
    /// For `messages` prices at `rate` a second, the first `skip` of which are not recorded.
    pub(crate) fn new(messages: u64, skip: u64, rate: i64) -> Self {
        let capacity = usize::try_from(messages).unwrap_or_default();
        Self {
            messages,
            skip,
            spacing: SECOND / rate.max(1),
            newest: vec![None; ASSETS],
            answered: Vec::with_capacity(capacity),
        }
    }

    /// Looks until every price is answered, or `stop` is raised.
    pub(crate) fn watch(mut self, live: &LiveState, stop: &StopFlag) -> Outcome<Self> {
        #[cfg(target_os = "linux")]
        rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1))?;
        let mut published = live.latest.published();
        let start: Vec<Nanos> = tick_times(live);
        let mut quiet = 0;
        loop {
            let ended = taken(live) >= self.messages || stop.is_raised();
            let now_published = live.latest.published();
            if now_published == published {
                if ended && quiet > QUIET {
                    return Ok(self);
                }
                quiet += u32::from(ended);
                thread::sleep(NAP);
                continue;
            }
            published = now_published;
            let Some(publication) = live.publication() else { continue };
            let times = publication.tick_times;
            let published = utc() - (SystemClock.monotonic() - publication.stamps.published);
            for (asset, (&time, &before)) in times.iter().zip(&start).enumerate() {
                if time > before {
                    self.see(asset, time, published);
                }
            }
        }
    }

    fn see(&mut self, asset: usize, due: Nanos, published: Nanos) {
        let period = self.spacing * ASSETS as Nanos;
        let mut next = self.newest[asset].map_or(due, |newest| newest + period);
        while next <= due {
            self.answered.push((next, published));
            next += period;
        }
        self.newest[asset] = Some(due);
    }

    /// The latencies of all prices but the first `skip`.
    ///
    /// The first prices of an asset may have gone by unseen while everything warmed up; which ones are to be recorded
    /// is counted from the end.
    pub(crate) fn meter(self, stamps: Option<&str>) -> Outcome<Meter> {
        let mut meter = Meter::new(0, stamps)?;
        let last = self.answered.iter().map(|&(due, _)| due).max().unwrap_or_default();
        let recorded = i64::try_from(self.messages - self.skip)?;
        for (due, published) in self.answered {
            if due > last - recorded * self.spacing {
                meter.record(due, published);
            }
        }
        Ok(meter)
    }
}

/// Messages that the engine is done with.
fn taken(live: &LiveState) -> u64 {
    live.counters.ticks.load(Ordering::Acquire) + live.counters.quarantined.load(Ordering::Acquire)
}

fn tick_times(live: &LiveState) -> Vec<Nanos> {
    live.publication().map_or_else(Vec::new, |publication| publication.tick_times)
}

/// Waits until `messages` prices are answered, or `stop` is raised; measures only how long that took.
pub(crate) fn count_to(messages: u64, live: &LiveState, stop: &StopFlag) -> Outcome<Meter> {
    let mut meter = Meter::new(0, None)?;
    while meter.seen() < messages && !stop.is_raised() {
        let taken = taken(live);
        if taken > meter.seen() {
            meter.count_all(taken, utc());
        }
        thread::sleep(LONG_NAP);
    }
    Ok(meter)
}
