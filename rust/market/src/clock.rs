//! Time as a parameter: the one place that reads the machine's clocks.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Nanoseconds: since 1970-01-01 UTC for event time, since the start of the process for monotonic time.
pub type Nanos = i64;

/// Nanoseconds in a second.
pub const SECOND: Nanos = 1_000_000_000;

/// Where a component gets its time from. Tests hand in a [`ManualClock`].
pub trait Clock: Send + Sync {
    /// A clock that never goes back; for ages and latencies.
    fn monotonic(&self) -> Nanos;

    /// The time of day in UTC; may be stepped at any moment.
    fn utc(&self) -> Nanos;
}

/// The machine's own clocks.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

static PROCESS_START: OnceLock<Instant> = OnceLock::new();

impl Clock for SystemClock {
    #[inline]
    #[expect(clippy::disallowed_methods, reason = "this is the clock the others are given")]
    fn monotonic(&self) -> Nanos {
        let now = Instant::now();
        let start = *PROCESS_START.get_or_init(|| now);
        i64::try_from(now.duration_since(start).as_nanos()).unwrap_or(i64::MAX)
    }

    #[expect(clippy::disallowed_methods, reason = "this is the clock the others are given")]
    fn utc(&self) -> Nanos {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
    }
}

/// A clock that stands still until it is told to move; both readings are the same.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that shows `now`.
    #[must_use]
    pub const fn new(now: Nanos) -> Self {
        Self(AtomicI64::new(now))
    }

    /// Moves it on (or back).
    pub fn advance(&self, by: Nanos) {
        self.0.fetch_add(by, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn monotonic(&self) -> Nanos {
        self.0.load(Ordering::SeqCst)
    }

    fn utc(&self) -> Nanos {
        self.0.load(Ordering::SeqCst)
    }
}
