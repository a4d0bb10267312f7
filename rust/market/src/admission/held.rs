//! Ticks in doubt for being far ahead of the stream, and when they are believed.

use serde::{Deserialize, Serialize};

use crate::clock::Nanos;
use crate::tick::Tick;

use super::CONFIRMATIONS;

/// Ticks held at most, or this many for each asset.
const MOST: usize = 64;
const MOST_EACH: usize = 4;

/// A tick with the position of its asset.
pub(super) type Placed = (usize, Tick);

/// Ticks held, in the order they came.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Held {
    ticks: Vec<Placed>,
    most: usize,
}

/// Held ticks that are believed, and those among them that are not.
#[derive(Debug)]
pub(super) struct Belief {
    pub(super) wrong: Vec<Placed>,
    pub(super) right: Vec<Placed>,
    /// The spacing of a stream that is sparse by nature, where that is what was found.
    pub(super) spacing: Option<Nanos>,
}

impl Held {
    pub(super) fn new(assets: usize) -> Self {
        let most = MOST.max(MOST_EACH * assets);
        Self { ticks: Vec::with_capacity(most), most }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ticks.is_empty()
    }

    /// Holds one more, and gives up the oldest where there is no room.
    pub(super) fn push(&mut self, placed: Placed) -> Option<Placed> {
        let oldest = (self.ticks.len() == self.most).then(|| self.ticks.remove(0));
        self.ticks.push(placed);
        oldest
    }

    /// Takes all of them out.
    pub(super) fn take(&mut self) -> std::vec::Drain<'_, Placed> {
        self.ticks.drain(..)
    }

    /// True when the newest of them, enough in number, do not contradict each other.
    pub(super) fn is_consistent(&self, max_ahead: Nanos) -> bool {
        self.ticks.len() - self.run_start(max_ahead) >= CONFIRMATIONS
    }

    /// Takes all of them out once the newest confirm each other: ticks near each other at two times at least,
    /// or at three times one after the other.
    pub(super) fn believe(&mut self, max_ahead: Nanos) -> Option<Belief> {
        let start = self.run_start(max_ahead);
        let run = &self.ticks[start..];
        let last = &run[run.len().checked_sub(CONFIRMATIONS)?..];
        let (least, most) = range(last);
        let near = least < most && most - least <= max_ahead;
        let times = distinct_times(run);
        if !near && times.len() < CONFIRMATIONS {
            return None;
        }
        let spacing = spacing(&times).filter(|&(least, _)| least > max_ahead).map(|(_, most)| most);
        let latest = range(run).0 + max_ahead;
        let (mut right, mut wrong) = (Vec::new(), Vec::new());
        for (index, placed) in self.ticks.drain(..).enumerate() {
            let fits = index >= start || placed.1.event_time <= latest;
            if fits { right.push(placed) } else { wrong.push(placed) }
        }
        Some(Belief { wrong, right, spacing })
    }

    /// Where the longest run of the newest begins in which none goes back in time by more than `max_ahead`.
    fn run_start(&self, max_ahead: Nanos) -> usize {
        let mut least = Nanos::MAX - max_ahead;
        let mut start = self.ticks.len();
        while start > 0 && self.ticks[start - 1].1.event_time <= least + max_ahead {
            start -= 1;
            least = least.min(self.ticks[start].1.event_time);
        }
        start
    }
}

fn range(ticks: &[Placed]) -> (Nanos, Nanos) {
    let times = ticks.iter().map(|(_, tick)| tick.event_time);
    times.fold((Nanos::MAX, Nanos::MIN), |(least, most), time| (least.min(time), most.max(time)))
}

fn distinct_times(ticks: &[Placed]) -> Vec<Nanos> {
    let mut times: Vec<Nanos> = ticks.iter().map(|(_, tick)| tick.event_time).collect();
    times.sort_unstable();
    times.dedup();
    times
}

/// The shortest and the longest distance between times that follow each other.
fn spacing(times: &[Nanos]) -> Option<(Nanos, Nanos)> {
    let gaps = || times.windows(2).map(|pair| pair[1] - pair[0]);
    Some((gaps().min()?, gaps().max()?))
}
