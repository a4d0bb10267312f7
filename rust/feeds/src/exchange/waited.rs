//! Whether bars wait for the prices of one exchange among several: while they come, and for a little longer.
//!
//! Its first price has bars wait for it, and so does the next one after a silence: that is the engine's to see. What is told
//! is the silence.

use silverbullet_market::{Input, Nanos, PartitionState};

/// One exchange, as far as bars wait for it.
#[derive(Debug)]
pub(crate) struct Waited {
    partition: u32,
    /// A silence of this length is one.
    after: Nanos,
    /// When it was told that it is silent, while it is.
    idle_since: Option<Nanos>,
}

impl Waited {
    /// For the exchange with this partition.
    pub(crate) fn new(partition: u32, after: Nanos) -> Self {
        Self { partition, after, idle_since: None }
    }

    /// Looks at when its last price came ([`Nanos::MIN`] before the first) and whether it can be heard at all; what is to be
    /// told of that.
    pub(crate) fn look(&mut self, now: Nanos, heard: Nanos, is_lost: bool) -> Option<Input> {
        if self.idle_since.is_some_and(|since| heard >= since) {
            self.idle_since = None;
        }
        let is_silent = is_lost || now.saturating_sub(heard) >= self.after;
        if !is_silent || self.idle_since.is_some() {
            return None;
        }
        self.idle_since = Some(now);
        Some(Input::Partition(self.partition, PartitionState::Idle))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_silence_is_told_once() {
        let mut waited = Waited::new(3, 10);
        let idle = Some(Input::Partition(3, PartitionState::Idle));
        assert_eq!(waited.look(100, Nanos::MIN, false), idle);
        assert_eq!(waited.look(101, Nanos::MIN, false), None);
        assert_eq!(waited.look(112, 105, false), None);
        assert_eq!(waited.look(115, 105, false), idle);
        assert_eq!(waited.look(200, 105, false), None);
    }

    #[test]
    fn one_that_is_lost_is_not_waited_for_at_all() {
        let mut waited = Waited::new(0, 1_000);
        assert_eq!(waited.look(100, 99, false), None);
        assert!(waited.look(101, 99, true).is_some());
        assert_eq!(waited.look(102, 99, true), None);
        // It is back.
        assert_eq!(waited.look(104, 103, false), None);
        assert!(waited.look(105, 103, true).is_some());
    }
}
