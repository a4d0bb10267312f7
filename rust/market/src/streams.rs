//! The partitions (or venues) an input is made of, each with a time of its own.
//!
//! Every partition is judged by what came in it alone, and *merged time* is the least of the times of those that
//! prices come from. So whatever order partitions are read in, the same ticks count and the same bars result; only
//! where a partition is idle, time decides, and that is told as a decision.

use serde::{Deserialize, Serialize};

use crate::admission::Clock;
use crate::clock::Nanos;
use crate::tick::PartitionState;

/// One partition.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Stream {
    pub(crate) partition: u32,
    /// Greatest event time of its ticks that were placed into bars; [`Nanos::MIN`] before the first.
    pub(crate) placed: Nanos,
    pub(crate) state: State,
    /// What of it is in doubt, and where it stands.
    pub(crate) clock: Clock,
}

/// As [`PartitionState`], but for what passes at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum State {
    Active,
    Idle,
    Ended,
}

/// All of them, in the order of their numbers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Streams {
    streams: Vec<Stream>,
    /// Where the last one looked for is: the next tick's is mostly the same.
    #[serde(skip)]
    at: usize,
    assets: usize,
    max_ahead: Nanos,
    /// Never goes back.
    merged: Nanos,
}

impl Streams {
    pub(crate) fn new(assets: usize, max_ahead: Nanos) -> Self {
        Self { streams: Vec::new(), at: 0, assets, max_ahead, merged: Nanos::MIN }
    }

    pub(crate) fn is_for(&self, assets: usize) -> bool {
        self.assets == assets
    }

    /// The partition with this number, which is active from now on where it was not known.
    #[inline]
    pub(crate) fn of(&mut self, partition: u32) -> &mut Stream {
        if self.streams.get(self.at).is_none_or(|stream| stream.partition != partition) {
            self.at = self.find(partition);
        }
        &mut self.streams[self.at]
    }

    #[cold]
    fn find(&mut self, partition: u32) -> usize {
        self.streams.binary_search_by_key(&partition, |stream| stream.partition).unwrap_or_else(|at| {
            let clock = Clock::new(self.assets, self.max_ahead);
            self.streams.insert(at, Stream { partition, placed: Nanos::MIN, state: State::Active, clock });
            at
        })
    }

    /// True where this partition has been told of, or has brought something.
    pub(crate) fn knows(&self, partition: u32) -> bool {
        self.streams.binary_search_by_key(&partition, |stream| stream.partition).is_ok()
    }

    /// True where there are more partitions than one.
    #[inline]
    pub(crate) fn are_several(&self) -> bool {
        self.streams.len() > 1
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Stream> {
        self.streams.iter_mut()
    }

    /// Says how a partition stands; true where that is news.
    pub(crate) fn set(&mut self, partition: u32, state: PartitionState) -> bool {
        let stream = self.of(partition);
        let next = match state {
            PartitionState::Found | PartitionState::Active | PartitionState::Restarted => State::Active,
            PartitionState::Idle => State::Idle,
            PartitionState::Ended => State::Ended,
        };
        std::mem::replace(&mut stream.state, next) != next
    }

    /// Everything up to here has come, from wherever prices come: the least time of the active partitions, or the
    /// greatest of all where none is active. [`Nanos::MIN`] while an active one has brought nothing.
    pub(crate) fn merge(&mut self) -> Nanos {
        let active = self.streams.iter().filter(|stream| stream.state == State::Active);
        let least = active.map(|stream| stream.placed).min();
        let merged = least.or_else(|| self.streams.iter().map(|stream| stream.placed).max());
        self.merged = self.merged.max(merged.unwrap_or(Nanos::MIN));
        self.merged
    }

    /// Time has reached `time` in all partitions that there are, as after history.
    pub(crate) fn seed(&mut self, time: Nanos) {
        self.of(0);
        for stream in &mut self.streams {
            stream.placed = stream.placed.max(time);
            stream.clock.seed(time);
        }
    }

    /// The greatest event time that counts, over all partitions.
    pub(crate) fn newest(&self) -> Option<Nanos> {
        self.streams.iter().filter_map(|stream| stream.clock.time()).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn streams(placed: &[Nanos]) -> Streams {
        let mut streams = Streams::new(1, 60);
        for (partition, &placed) in (0..).zip(placed) {
            streams.of(partition).placed = placed;
        }
        streams
    }

    #[test]
    fn merged_time_is_the_least_of_the_active_ones_and_never_goes_back() {
        let mut streams = streams(&[30, 10, 20]);
        assert_eq!(streams.merge(), 10);
        assert!(streams.set(1, PartitionState::Idle) && !streams.set(1, PartitionState::Idle));
        assert_eq!(streams.merge(), 20);
        assert!(streams.set(1, PartitionState::Active));
        assert_eq!(streams.merge(), 20);
        streams.of(1).placed = 40;
        streams.of(2).placed = 50;
        assert_eq!(streams.merge(), 30);
    }

    #[test]
    fn where_none_is_active_nothing_is_waited_for() {
        let mut streams = streams(&[30, 10]);
        streams.set(0, PartitionState::Ended);
        streams.set(1, PartitionState::Idle);
        assert_eq!(streams.merge(), 30);
    }

    #[test]
    fn a_partition_that_has_brought_nothing_is_waited_for() {
        let mut streams = streams(&[30]);
        streams.set(7, PartitionState::Active);
        assert_eq!(streams.merge(), Nanos::MIN);
        streams.set(7, PartitionState::Idle);
        assert_eq!(streams.merge(), 30);
    }
}
