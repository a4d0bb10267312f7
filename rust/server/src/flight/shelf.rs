//! Where answers are kept for those who have tickets: so many, so much memory, so long.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use silverbullet_market::{Clock, Nanos};
use tonic::Status;

use super::budget::{Budget, Room};
use super::snapshot::Snapshot;
use super::ticket::Ticket;
use super::wire::{Line, Pieces};

/// What is kept at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// Answers.
    pub answers: usize,
    /// Bytes of all of them, those included that are being formed or sent.
    pub memory: usize,
    /// How long after it was given out, or renewed, a ticket is good.
    pub time: Duration,
    /// How long a reader may take nothing.
    pub patience: Duration,
}

impl Default for Keep {
    fn default() -> Self {
        Self {
            answers: 1_024,
            memory: 1 << 30,
            time: Duration::from_secs(300),
            patience: Duration::from_secs(60),
        }
    }
}

/// Answers by their numbers.
pub(crate) struct Shelf {
    keep: Keep,
    budget: Arc<Budget>,
    clock: Arc<dyn Clock>,
    /// Says of a ticket whether this start of the program gave it out.
    start: u64,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    next: u64,
    answers: BTreeMap<u64, Answer>,
}

struct Answer {
    snapshot: Arc<Snapshot>,
    /// Monotonic.
    expires: Nanos,
}

impl Shelf {
    pub(crate) fn new(keep: Keep, clock: Arc<dyn Clock>) -> Self {
        let start = clock.utc().unsigned_abs();
        Self { keep, budget: Budget::new(keep.memory), clock, start, kept: Mutex::default() }
    }

    /// A line to a reader.
    pub(crate) fn line(&self) -> (Line, Pieces) {
        Pieces::new(self.keep.patience)
    }

    /// Room for an answer that is being formed.
    pub(crate) fn room(&self) -> Room {
        self.budget.room()
    }

    /// Makes `room` larger. Where memory is short, answers that were read by everyone go first.
    pub(crate) fn grow(&self, room: &mut Room, bytes: usize) -> Result<(), Status> {
        if bytes > self.keep.memory {
            return Err(self.no_memory());
        }
        let mut kept = self.kept();
        loop {
            if room.grow(bytes) {
                return Ok(());
            }
            if !kept.give_way() {
                return Err(self.no_memory());
            }
        }
    }

    fn no_memory(&self) -> Status {
        Status::resource_exhausted(format!(
            "the answers kept for readers may hold {} MiB together, and this one does not fit beside the {} MiB \
             held: narrow it, aggregate, or read or cancel others first",
            self.keep.memory >> 20,
            self.budget.held() >> 20
        ))
    }

    /// Keeps an answer; gives its number.
    pub(crate) fn put(&self, snapshot: Arc<Snapshot>) -> Result<u64, Status> {
        let mut kept = self.kept();
        while kept.answers.len() >= self.keep.answers {
            if !kept.give_way() {
                return Err(Status::resource_exhausted(format!(
                    "{} answers are kept for their readers: read or cancel some first",
                    self.keep.answers
                )));
            }
        }
        let number = kept.next;
        kept.next += 1;
        kept.answers.insert(number, Answer { snapshot, expires: self.expiry() });
        Ok(number)
    }

    /// The answer a ticket is for.
    pub(crate) fn get(&self, ticket: Ticket) -> Result<Arc<Snapshot>, Status> {
        let kept = self.kept();
        let answer = kept.answers.get(&ticket.number).filter(|_| ticket.start == self.start);
        let answer = answer.filter(|answer| ticket.share < answer.snapshot.shares()).ok_or_else(gone)?;
        Ok(Arc::clone(&answer.snapshot))
    }

    /// A ticket is good for as long again as a new one.
    pub(crate) fn renew(&self, ticket: Ticket) -> Result<(), Status> {
        let expires = self.expiry();
        let mut kept = self.kept();
        let answer = kept.answers.get_mut(&ticket.number).filter(|_| ticket.start == self.start);
        answer.ok_or_else(gone)?.expires = expires;
        Ok(())
    }

    /// Keeps an answer no longer; whether it was there.
    pub(crate) fn cancel(&self, ticket: Ticket) -> bool {
        ticket.start == self.start && self.kept().answers.remove(&ticket.number).is_some()
    }

    /// The ticket of a share.
    pub(crate) fn ticket(&self, number: u64, share: usize) -> Ticket {
        Ticket { start: self.start, number, share }
    }

    /// When a ticket given out now ends, UTC.
    pub(crate) fn expiry_utc(&self) -> Nanos {
        self.clock.utc().saturating_add(self.nanos())
    }

    fn expiry(&self) -> Nanos {
        self.clock.monotonic().saturating_add(self.nanos())
    }

    fn nanos(&self) -> Nanos {
        i64::try_from(self.keep.time.as_nanos()).unwrap_or(i64::MAX)
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        let now = self.clock.monotonic();
        // Nobody panics between two changes.
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.answers.retain(|_, answer| answer.expires > now);
        kept
    }

    /// Lets go what nobody may ask for any longer.
    pub(crate) fn sweep(&self) {
        drop(self.kept());
    }
}

impl Kept {
    /// Lets the oldest answer go that everyone has read; whether there was one.
    fn give_way(&mut self) -> bool {
        let read = self.answers.iter().find(|(_, answer)| answer.snapshot.is_read());
        let number = read.map(|(number, _)| *number);
        number.and_then(|number| self.answers.remove(&number)).is_some()
    }
}

fn gone() -> Status {
    Status::not_found("this ticket is not good any longer: ask for the flight again (GetFlightInfo)")
}
