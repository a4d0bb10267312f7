//! Notices that somebody has set the machine's clock: what is stamped with the time of day jumps then, and an operator
//! has to know why.

use silverbullet_market::{Clock, Event, EventKind, Nanos, SECOND, format_duration};

/// Less than this is a clock that is kept in time.
const LEAST: Nanos = SECOND;

/// How far the time of day was from the monotonic clock when last looked at.
#[derive(Debug)]
pub(crate) struct ClockStep {
    apart: Nanos,
}

impl ClockStep {
    pub(crate) fn new(clock: &dyn Clock) -> Self {
        Self { apart: apart(clock) }
    }

    /// An event where the time of day has jumped since the last look.
    pub(crate) fn look(&mut self, clock: &dyn Clock) -> Option<Event> {
        let now = apart(clock);
        let step = now - std::mem::replace(&mut self.apart, now);
        if step.abs() < LEAST {
            return None;
        }
        let (reason, by) =
            if step < 0 { ("clock stepped back", -step) } else { ("clock stepped forward", step) };
        // To the second: what lies between the two readings is in it, too.
        let by = format_duration((by + SECOND / 2) / SECOND * SECOND);
        let detail = format!("by {by}; bars go by the times of the prices and are not touched");
        tracing::warn!(detail, "{reason}");
        Some(Event { kind: EventKind::Clock, reason, detail, partition: 0, offset: 0 })
    }
}

fn apart(clock: &dyn Clock) -> Nanos {
    clock.utc() - clock.monotonic()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    #[derive(Debug, Default)]
    struct Hands {
        monotonic: AtomicI64,
        utc: AtomicI64,
    }

    impl Clock for Hands {
        fn utc(&self) -> Nanos {
            self.utc.load(Ordering::Relaxed)
        }

        fn monotonic(&self) -> Nanos {
            self.monotonic.load(Ordering::Relaxed)
        }
    }

    #[test]
    fn a_step_is_told_once_and_time_that_passes_is_none() {
        let hands = Hands::default();
        let mut step = ClockStep::new(&hands);
        let mut after = |monotonic, utc| {
            hands.monotonic.fetch_add(monotonic, Ordering::Relaxed);
            hands.utc.fetch_add(utc, Ordering::Relaxed);
            step.look(&hands).map(|event| format!("{}: {}", event.reason, event.detail))
        };
        let rest = "bars go by the times of the prices and are not touched";
        assert_eq!(after(10 * SECOND, 10 * SECOND + SECOND / 2), None);
        assert_eq!(after(SECOND, -3_599 * SECOND), Some(format!("clock stepped back: by 1h; {rest}")));
        assert_eq!(after(SECOND, SECOND), None);
        assert_eq!(after(0, 90 * SECOND), Some(format!("clock stepped forward: by 90s; {rest}")));
    }
}
