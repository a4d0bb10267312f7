//! Pauses between attempts that grow, each drawn from the whole range up to its longest ("full jitter").

use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use silverbullet_market::StopFlag;

/// Longest first and last pause, in milliseconds.
const FIRST: u64 = 250;
const LONGEST: u64 = 5_000;
/// No single sleep is longer, so that a raised stop flag is obeyed soon.
const SLICE: u64 = 50;

/// The pauses of one connection.
pub(crate) struct Pauses {
    attempts: u32,
    random: SmallRng,
}

impl Pauses {
    /// From the shortest on. The order of draws need not differ from run to run: each process has one.
    pub(crate) fn new() -> Self {
        Self { attempts: 0, random: SmallRng::seed_from_u64(u64::from(std::process::id())) }
    }

    /// Begins with the shortest again.
    pub(crate) fn reset(&mut self) {
        self.attempts = 0;
    }

    /// The next pause in milliseconds.
    fn next(&mut self) -> u64 {
        let longest = (FIRST << self.attempts.min(10)).min(LONGEST);
        self.attempts += 1;
        self.random.random_range(longest / 10..=longest)
    }

    /// Sleeps until the next attempt, or until `stop` is raised.
    pub(crate) fn wait(&mut self, stop: &StopFlag) {
        let mut left = self.next();
        while left > 0 && !stop.is_raised() {
            let slice = left.min(SLICE);
            std::thread::sleep(Duration::from_millis(slice));
            left -= slice;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_longest_and_begin_anew() {
        let mut pauses = Pauses::new();
        let first: Vec<u64> = (0..8).map(|_| pauses.next()).collect();
        assert!(first[0] <= FIRST && first.iter().all(|pause| (FIRST / 10..=LONGEST).contains(pause)));
        assert!((0..50).map(|_| pauses.next()).max().is_some_and(|most| most > LONGEST / 2));
        pauses.reset();
        assert!(pauses.next() <= FIRST);
    }
}
