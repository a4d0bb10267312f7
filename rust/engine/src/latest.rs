//! The newest publication, for any number of readers, from one writer that never waits.
//!
//! A few slots of atomic words, which the writer fills in turn. Each begins with a stamp: twice the number of the
//! publication it holds, less one while that is being written (a sequence lock: Boehm, "Can seqlocks get along with
//! programming language memory models?", 2012). A reader copies the words of the newest one and looks at the stamp
//! before and after: where both are that of the publication it went for, it has that one whole, otherwise it starts
//! anew with the newest there is by then. So nobody waits for anybody: the writer not at all, and a reader is only
//! sent back by a writer that has gone through all other slots while it copied one.

use std::sync::atomic::{AtomicU64, Ordering, fence};

use crate::publication::Publication;
use crate::publication::words;

/// Publications that can follow while a reader copies one.
const SLOTS: usize = 8;

/// One publication: a stamp and its words. In cache lines of its own, so that readers of one slot do not disturb the
/// writer at the next.
#[derive(Debug)]
#[repr(align(128))]
struct Slot {
    stamp: AtomicU64,
    words: Box<[AtomicU64]>,
}

/// The newest publication from one writer to many readers.
#[derive(Debug)]
pub struct Latest {
    assets: usize,
    answers: usize,
    slots: [Slot; SLOTS],
    published: Published,
}

/// In a cache line of its own: readers look at it all the time.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Published(AtomicU64);

impl Latest {
    /// For publications of `assets` assets and up to `answers` portfolios.
    #[must_use]
    pub fn new(assets: usize, answers: usize) -> Self {
        let zero = |_| AtomicU64::new(0);
        let slot = |_| Slot {
            stamp: AtomicU64::new(0),
            words: (0..words::count(assets, answers)).map(zero).collect(),
        };
        Self { assets, answers, slots: std::array::from_fn(slot), published: Published::default() }
    }

    /// Publishes. Neither waits nor allocates. Only one thread may write; what does not fit the size that this was made
    /// for is left out.
    pub fn publish(&self, publication: &Publication) {
        let number = self.published.0.load(Ordering::Relaxed) + 1;
        let slot = self.slot(number);
        slot.stamp.store(2 * number - 1, Ordering::Relaxed);
        // The words must not be seen to change before the stamp.
        fence(Ordering::Release);
        words::write(publication, &slot.words);
        slot.stamp.store(2 * number, Ordering::Release);
        self.published.0.store(number, Ordering::Release);
    }

    /// Copies the newest one into `into`, without allocating where that is of the right size. False before the first.
    pub fn read_into(&self, into: &mut Publication) -> bool {
        loop {
            let number = self.published();
            if number == 0 {
                return false;
            }
            let slot = self.slot(number);
            if slot.stamp.load(Ordering::Acquire) == 2 * number {
                words::read(&slot.words, into);
                // The stamp must not be looked at before the words.
                fence(Ordering::Acquire);
                if slot.stamp.load(Ordering::Relaxed) == 2 * number {
                    return true;
                }
            }
            std::hint::spin_loop();
        }
    }

    /// A copy of the newest one; `None` before the first.
    #[must_use]
    pub fn read(&self) -> Option<Publication> {
        if self.published() == 0 {
            return None;
        }
        let mut publication = self.room();
        self.read_into(&mut publication).then_some(publication)
    }

    /// An empty publication of the right size.
    #[must_use]
    pub fn room(&self) -> Publication {
        Publication::with_capacity(self.assets, self.answers)
    }

    /// How many were published: a cheap way to see whether there is a new one.
    #[must_use]
    pub fn published(&self) -> u64 {
        self.published.0.load(Ordering::Acquire)
    }

    #[expect(clippy::cast_possible_truncation, reason = "a remainder below the number of slots")]
    fn slot(&self, number: u64) -> &Slot {
        &self.slots[(number % SLOTS as u64) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A publication whose every number tells which one it is.
    fn numbered(number: u64, assets: usize, answers: usize) -> Publication {
        let mut publication = Publication::with_capacity(assets, answers);
        publication.sequence = number;
        publication.event_time = number.cast_signed();
        publication.skipped = number;
        publication.prices.fill(number as f64);
        publication.closes.fill(number as f64);
        publication.tick_times.fill(number.cast_signed());
        publication.answered = answers;
        for answer in &mut publication.answers {
            (answer.mean, answer.risk) = (number as f64, number as f64);
            answer.weights.fill(number as f64);
        }
        publication
    }

    #[test]
    fn a_reader_sees_nothing_and_then_the_newest() {
        let latest = Latest::new(3, 2);
        assert_eq!(latest.read(), None);
        for number in 1..=20 {
            latest.publish(&numbered(number, 3, 2));
        }
        assert_eq!(latest.read(), Some(numbered(20, 3, 2)));
        assert_eq!(latest.published(), 20);
    }

    #[test]
    fn readers_on_other_threads_never_see_a_torn_publication() {
        let (assets, answers) = (50, 4);
        let latest = Latest::new(assets, answers);
        std::thread::scope(|scope| {
            let readers: Vec<_> = (0..3)
                .map(|_| {
                    scope.spawn(|| {
                        let (mut last, mut seen) = (0, latest.room());
                        while last < 100_000 {
                            if latest.read_into(&mut seen) {
                                let whole = seen == numbered(seen.sequence, assets, answers);
                                assert!(whole, "publication {} is torn", seen.sequence);
                                assert!(seen.sequence >= last, "{} after {last}", seen.sequence);
                                last = seen.sequence;
                            }
                        }
                    })
                })
                .collect();
            let mut publication = numbered(0, assets, answers);
            let mut number = 0;
            while !readers.iter().all(|reader| reader.is_finished()) {
                number += 1;
                publication.copy_from(&numbered(number, assets, answers));
                latest.publish(&publication);
            }
        });
    }
}
