//! The newest value, for any number of readers, from one writer that never waits.
//!
//! A few slots, each behind its own lock. The writer takes any slot that is free and not the one readers
//! look at, and then points to it; readers hold a slot's lock only while they copy out of it. Where readers
//! hold every other slot the writer leaves the value out: it is conflated, not waited for.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

/// More slots than readers that copy at the very same moment; beyond that values are conflated.
const SLOTS: usize = 8;

/// The newest `T` from one writer to many readers.
#[derive(Debug)]
pub struct Latest<T> {
    slots: [Mutex<T>; SLOTS],
    current: AtomicUsize,
    published: AtomicU64,
    conflated: AtomicU64,
}

impl<T: Clone> Latest<T> {
    /// Every slot starts as `initial`.
    #[must_use]
    pub fn new(initial: &T) -> Self {
        Self {
            slots: std::array::from_fn(|_| Mutex::new(initial.clone())),
            current: AtomicUsize::new(0),
            published: AtomicU64::new(0),
            conflated: AtomicU64::new(0),
        }
    }
}

impl<T> Latest<T> {
    /// Publishes what `fill` writes into a slot. Never blocks and, if `fill` does not, never allocates.
    /// Only one thread may write.
    pub fn publish(&self, fill: impl FnOnce(&mut T)) {
        let current = self.current.load(Ordering::Relaxed);
        for step in 1..SLOTS {
            let slot = (current + step) % SLOTS;
            let mut guard = match self.slots[slot].try_lock() {
                Ok(guard) => guard,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => continue,
            };
            fill(&mut guard);
            // Before the lock is given back, so that no reader sees this value and then an older one.
            self.current.store(slot, Ordering::Release);
            drop(guard);
            self.published.fetch_add(1, Ordering::Release);
            return;
        }
        self.conflated.fetch_add(1, Ordering::Relaxed);
    }

    /// Calls `read` with the newest value; `None` before the first one.
    pub fn read<R>(&self, read: impl FnOnce(&T) -> R) -> Option<R> {
        if self.published() == 0 {
            return None;
        }
        let slot = self.current.load(Ordering::Acquire);
        let guard: MutexGuard<'_, T> = self.slots[slot].lock().unwrap_or_else(PoisonError::into_inner);
        Some(read(&guard))
    }

    /// How many values were published: a cheap way to see whether there is a new one.
    #[must_use]
    pub fn published(&self) -> u64 {
        self.published.load(Ordering::Acquire)
    }

    /// How many values were left out because readers held every slot.
    #[must_use]
    pub fn conflated(&self) -> u64 {
        self.conflated.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_sees_nothing_and_then_the_newest() {
        let latest = Latest::new(&0);
        assert_eq!(latest.read(|value| *value), None);
        for value in 1..=20 {
            latest.publish(|slot| *slot = value);
        }
        assert_eq!(latest.read(|value| *value), Some(20));
        assert_eq!(latest.published(), 20);
    }

    #[test]
    fn a_reader_that_holds_on_does_not_stop_the_writer() {
        let latest = Latest::new(&0);
        latest.publish(|slot| *slot = 1);
        latest.read(|held| {
            for value in 2..100 {
                latest.publish(|slot| *slot = value);
            }
            assert_eq!(*held, 1);
        });
        assert_eq!(latest.read(|value| *value), Some(99));
        assert_eq!(latest.conflated(), 0);
    }

    #[test]
    fn readers_on_other_threads_never_see_a_torn_value() {
        let latest = Latest::new(&[0_u64; 64]);
        std::thread::scope(|scope| {
            let readers: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        let mut last = 0;
                        while last < 20_000 {
                            let seen = latest.read(|value| *value).unwrap_or([0; 64]);
                            assert!(seen.iter().all(|&word| word == seen[0]));
                            last = last.max(seen[0]);
                        }
                    })
                })
                .collect();
            let mut value = 0;
            while !readers.iter().all(|reader| reader.is_finished()) {
                value += 1;
                latest.publish(|slot| *slot = [value; 64]);
            }
        });
    }
}
