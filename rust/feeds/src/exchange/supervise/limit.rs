//! How many connections may be opened in a time: venues lock those out who open more.

use std::collections::VecDeque;

use silverbullet_market::Nanos;

/// The newest connections, no more than are allowed.
#[derive(Debug)]
pub(super) struct Limit {
    most: usize,
    window: Nanos,
    taken: VecDeque<Nanos>,
}

impl Limit {
    /// So many in such a time.
    pub(super) fn new((most, window): (usize, Nanos)) -> Self {
        Self { most: most.max(1), window, taken: VecDeque::new() }
    }

    /// When another one is allowed that is wanted at `at`.
    pub(super) fn free_at(&self, at: Nanos) -> Nanos {
        match self.taken.front() {
            Some(&first) if self.taken.len() == self.most => at.max(first + self.window),
            _ => at,
        }
    }

    /// Takes one; false where none is allowed now.
    pub(super) fn take(&mut self, now: Nanos) -> bool {
        if now < self.free_at(now) {
            return false;
        }
        if self.taken.len() == self.most {
            self.taken.pop_front();
        }
        self.taken.push_back(now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_are_allowed_in_any_stretch_of_time() {
        let mut limit = Limit::new((3, 10));
        let taken: Vec<Nanos> = (0..30).filter(|&now| limit.take(now)).collect();
        assert_eq!(taken, [0, 1, 2, 10, 11, 12, 20, 21, 22]);
        assert_eq!((limit.free_at(25), limit.free_at(31)), (30, 31));
    }
}
