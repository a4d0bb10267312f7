//! Lets event time pass at a given speed. Knows nothing of files or simulators.
//!
//! An event is due at `anchor + (event time − anchor's event time) / speed` on the monotonic clock, so that
//! waits do not add up to a drift. Where event time leaps further than the allowed jump, forwards or back, the
//! pace starts afresh from there without waiting: one row with a wrong year must not stop a stream for years.

use std::sync::Arc;

use silverbullet_market::{Clock, Nanos, SECOND, StopFlag};

use crate::speed::Speed;

/// No single sleep is longer, so that a raised stop flag is obeyed soon.
const SLICE: Nanos = 50_000_000;

/// The least jump in event time that is not waited for.
const LEAST_JUMP: Nanos = 3_600 * SECOND;

/// Puts the calling thread to sleep. Tests hand in one that moves a manual clock.
pub trait Sleeper: Send + Sync {
    /// Sleeps for about `duration` nanoseconds.
    fn sleep(&self, duration: Nanos);
}

/// Sleeps for real.
#[derive(Debug, Clone, Copy, Default)]
pub struct ThreadSleeper;

impl Sleeper for ThreadSleeper {
    fn sleep(&self, duration: Nanos) {
        std::thread::sleep(std::time::Duration::from_nanos(duration.unsigned_abs()));
    }
}

/// Where in wall time a point of event time lies.
#[derive(Clone, Copy)]
struct Anchor {
    event: Nanos,
    wall: Nanos,
}

/// Holds events back until they are due.
pub(crate) struct Pacer {
    speed: Speed,
    clock: Arc<dyn Clock>,
    sleeper: Arc<dyn Sleeper>,
    jump: Nanos,
    anchor: Option<Anchor>,
    newest: Nanos,
}

impl Pacer {
    /// A pacer that waits through gaps of up to an hour, or ten times the regular `spacing` of the events.
    pub(crate) fn new(
        speed: Speed,
        spacing: Option<Nanos>,
        clock: Arc<dyn Clock>,
        sleeper: Arc<dyn Sleeper>,
    ) -> Self {
        let jump = LEAST_JUMP.max(spacing.unwrap_or(0).saturating_mul(10));
        Self { speed, clock, sleeper, jump, anchor: None, newest: 0 }
    }

    /// Says that `event` is now.
    pub(crate) fn start_at(&mut self, event: Nanos) {
        self.anchor = Some(Anchor { event, wall: self.clock.monotonic() });
        self.newest = event;
    }

    /// Waits until `event` is due and returns when that was on the monotonic clock; `None` when `stop` was raised. What comes
    /// late, because the source or its receiver was held up, was due all the same when it was: latencies measured from
    /// then do not hide it.
    #[inline]
    pub(crate) fn wait(&mut self, event: Nanos, stop: &StopFlag) -> Option<Nanos> {
        if stop.is_raised() {
            return None;
        }
        match self.speed {
            Speed::Max => Some(self.clock.monotonic()),
            Speed::RealTime(multiplier) => self.wait_at(event, multiplier, stop),
        }
    }

    fn wait_at(&mut self, event: Nanos, multiplier: f64, stop: &StopFlag) -> Option<Nanos> {
        let leaps = event.saturating_sub(self.newest).saturating_abs() > self.jump;
        let anchor = match self.anchor {
            Some(anchor) if !leaps => anchor,
            _ => {
                self.start_at(event);
                return Some(self.clock.monotonic());
            }
        };
        self.newest = self.newest.max(event);
        // One that is out of order was due with those before it. Far enough for 292 years of nanoseconds; the cast saturates.
        let after = (self.newest.saturating_sub(anchor.event) as f64 / multiplier) as Nanos;
        let due = anchor.wall.saturating_add(after);
        loop {
            let now = self.clock.monotonic();
            if now >= due {
                return Some(due);
            }
            self.sleeper.sleep((due - now).min(SLICE));
            if stop.is_raised() {
                return None;
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Mutex;

    use silverbullet_market::ManualClock;

    use super::*;

    /// Moves the clock instead of sleeping, keeps what it was asked for and may raise a flag when it has slept.
    pub(crate) struct ManualSleeper {
        pub(crate) clock: Arc<ManualClock>,
        pub(crate) slept: Mutex<Vec<Nanos>>,
        pub(crate) stop_after: Option<(Nanos, StopFlag)>,
    }

    impl ManualSleeper {
        pub(crate) fn new(clock: &Arc<ManualClock>) -> Arc<Self> {
            Arc::new(Self { clock: Arc::clone(clock), slept: Mutex::default(), stop_after: None })
        }
    }

    impl Sleeper for ManualSleeper {
        fn sleep(&self, duration: Nanos) {
            self.clock.advance(duration);
            self.slept.lock().unwrap().push(duration);
            if let Some((at, stop)) = &self.stop_after
                && self.clock.monotonic() >= *at
            {
                stop.raise();
            }
        }
    }

    fn pacer(speed: Speed, spacing: Option<Nanos>) -> (Pacer, Arc<ManualClock>, Arc<ManualSleeper>) {
        let clock = Arc::new(ManualClock::new(1_000));
        let sleeper = ManualSleeper::new(&clock);
        let pacer = Pacer::new(
            speed,
            spacing,
            Arc::<ManualClock>::clone(&clock),
            Arc::<ManualSleeper>::clone(&sleeper),
        );
        (pacer, clock, sleeper)
    }

    #[test]
    fn events_are_due_relative_to_the_first_one() {
        let (mut pacer, _, sleeper) = pacer(Speed::RealTime(2.0), None);
        let stop = StopFlag::default();
        let first = 1_747_008_000 * SECOND;
        assert_eq!(pacer.wait(first, &stop), Some(1_000));
        assert_eq!(pacer.wait(first + SECOND, &stop), Some(1_000 + SECOND / 2));
        assert_eq!(pacer.wait(first + 3 * SECOND, &stop), Some(1_000 + 3 * SECOND / 2));
        let slept = sleeper.slept.lock().unwrap();
        assert!(slept.iter().all(|&s| s <= SLICE) && slept.len() >= 30, "{slept:?}");
    }

    #[test]
    fn an_event_that_is_due_or_late_is_not_held_back() {
        let (mut pacer, clock, sleeper) = pacer(Speed::RealTime(1.0), None);
        let stop = StopFlag::default();
        pacer.wait(10 * SECOND, &stop);
        clock.advance(5 * SECOND);
        // Two seconds after the first one: the stall of five is not hidden. One out of order is due with it.
        assert_eq!(pacer.wait(12 * SECOND, &stop), Some(1_000 + 2 * SECOND));
        assert_eq!(pacer.wait(9 * SECOND, &stop), Some(1_000 + 2 * SECOND));
        assert!(sleeper.slept.lock().unwrap().is_empty());
    }

    #[test]
    fn max_speed_never_sleeps() {
        let (mut pacer, _, sleeper) = pacer(Speed::Max, None);
        for event in [0, SECOND, 1_000 * SECOND] {
            assert_eq!(pacer.wait(event, &StopFlag::default()), Some(1_000));
        }
        assert!(sleeper.slept.lock().unwrap().is_empty());
    }

    #[test]
    fn a_leap_in_time_starts_afresh_in_both_directions() {
        let (mut pacer, _, sleeper) = pacer(Speed::RealTime(1.0), None);
        let stop = StopFlag::default();
        let first = 1_747_008_000 * SECOND;
        pacer.wait(first, &stop);
        pacer.wait(first + 75 * 365 * 86_400 * SECOND, &stop);
        pacer.wait(first + SECOND, &stop);
        assert!(sleeper.slept.lock().unwrap().is_empty());
        pacer.wait(first + 2 * SECOND, &stop);
        assert_eq!(sleeper.slept.lock().unwrap().iter().sum::<Nanos>(), SECOND);
    }

    #[test]
    fn daily_prices_are_waited_for() {
        let day = 86_400 * SECOND;
        let (mut pacer, _, sleeper) = pacer(Speed::RealTime(86_400.0), Some(day));
        pacer.wait(0, &StopFlag::default());
        pacer.wait(3 * day, &StopFlag::default());
        assert_eq!(sleeper.slept.lock().unwrap().iter().sum::<Nanos>(), 3 * SECOND);
    }

    #[test]
    fn a_raised_flag_ends_the_wait_within_a_slice() {
        let clock = Arc::new(ManualClock::new(0));
        let stop = StopFlag::default();
        let sleeper = Arc::new(ManualSleeper {
            clock: Arc::clone(&clock),
            slept: Mutex::default(),
            stop_after: Some((SECOND, stop.clone())),
        });
        let mut pacer = Pacer::new(Speed::RealTime(1.0), None, Arc::<ManualClock>::clone(&clock), sleeper);
        pacer.wait(0, &stop);
        assert_eq!(pacer.wait(1_000 * SECOND, &stop), None);
        assert!(clock.monotonic() <= SECOND + SLICE, "{}", clock.monotonic());
        assert_eq!(pacer.wait(0, &stop), None);
    }
}
