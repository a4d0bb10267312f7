//! Where commands wait for the hot thread, and what everyone sees of them.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use super::{AHEAD, Command, CommandError, CommandLog, CommandState, Entry, Journal};

/// Commands that may wait.
const MOST_WAITING: usize = 64;
/// Newest commands that are listed.
const MOST_LISTED: usize = 1_000;

/// Told what became of a command, once; on a thread of the engine, so it must not wait for anything.
pub type Reply = Box<dyn FnOnce(Result<Entry, CommandError>) + Send>;

/// What the hot thread finds.
pub(crate) enum Message {
    /// A command to decide.
    Ask(Command, Reply),
    /// A command could not be kept: what was in force without it, and the number of this mishap.
    Restore(Box<CommandState>, u64),
}

/// What everyone sees of the commands of a universe.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CommandView {
    /// What all of them together have led to, as live answers follow it.
    pub state: CommandState,
    /// The newest, oldest first.
    pub journal: VecDeque<Entry>,
    /// Whether they are kept beyond the run.
    pub kept: bool,
}

/// Where commands wait for the hot thread, which looks here with each input and waits for nothing.
#[derive(Default)]
pub struct CommandDesk {
    waiting: AtomicUsize,
    queue: Mutex<VecDeque<Message>>,
    closed: AtomicBool,
    view: Mutex<CommandView>,
    journal: Mutex<Option<Box<dyn Journal>>>,
    /// The last bar whose rows were stored before this run.
    stored: OnceLock<i64>,
}

impl CommandDesk {
    /// Hands a command to the hot thread. `reply` is called in any case: with the entry once it is kept.
    pub fn submit(&self, command: Command, reply: Reply) {
        let mut queue = lock(&self.queue);
        if self.closed.load(Ordering::Acquire) {
            drop(queue);
            return reply(Err(CommandError::Ended));
        }
        if queue.len() >= MOST_WAITING {
            drop(queue);
            return reply(Err(CommandError::Busy));
        }
        queue.push_back(Message::Ask(command, reply));
        self.waiting.store(queue.len(), Ordering::Release);
    }

    /// What is in force and what was commanded.
    #[must_use]
    pub fn view(&self) -> CommandView {
        lock(&self.view).clone()
    }

    /// True where something waits for the hot thread.
    #[inline]
    pub(crate) fn is_waiting(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// The next message, unless somebody is adding one at this moment.
    pub(crate) fn take(&self) -> Option<Message> {
        let mut queue = self.queue.try_lock().ok()?;
        let message = queue.pop_front();
        self.waiting.store(queue.len(), Ordering::Release);
        message
    }

    pub(crate) fn restore(&self, state: CommandState, mishap: u64) {
        let mut queue = lock(&self.queue);
        queue.push_front(Message::Restore(Box::new(state), mishap));
        self.waiting.store(queue.len(), Ordering::Release);
    }

    /// Begins with what earlier runs have left.
    pub(crate) fn open(&self, state: &CommandState, last: Option<i64>, log: CommandLog) {
        let CommandLog { mut entries, journal, stored } = log;
        if let Some(bar) = stored {
            // Opened once, before the engine runs.
            let _ = self.stored.set(bar);
        }
        let mut state = state.clone();
        if let Some(last) = last {
            state.advance(last.saturating_add(AHEAD));
        }
        entries.drain(..entries.len().saturating_sub(MOST_LISTED));
        let mut view = lock(&self.view);
        *view = CommandView { state, journal: entries.into(), kept: journal.is_some() };
        drop(view);
        *lock(&self.journal) = journal;
    }

    /// The first bar that a command may change the rows of.
    pub(crate) fn first_open(&self) -> i64 {
        self.stored.get().map_or(i64::MIN, |bar| bar.saturating_add(1))
    }

    /// The journal, for the one who writes it.
    pub(crate) fn take_journal(&self) -> Option<Box<dyn Journal>> {
        lock(&self.journal).take()
    }

    /// Shows `entry` with those before it; all of them count as in force.
    pub(crate) fn show(&self, entry: &Entry) {
        let mut view = lock(&self.view);
        view.state.add(entry.clone());
        view.state.advance(entry.bar);
        if view.journal.len() == MOST_LISTED {
            view.journal.pop_front();
        }
        view.journal.push_back(entry.clone());
    }

    /// Counts the commands of the bars up to `bar` as in force.
    pub(crate) fn reached(&self, bar: i64) {
        lock(&self.view).state.advance(bar);
    }

    /// Refuses all that wait and all to come.
    pub(crate) fn close(&self) {
        let mut queue = lock(&self.queue);
        self.closed.store(true, Ordering::Release);
        let left = std::mem::take(&mut *queue);
        self.waiting.store(0, Ordering::Release);
        drop(queue);
        for message in left {
            if let Message::Ask(_, reply) = message {
                reply(Err(CommandError::Ended));
            }
        }
    }
}

impl fmt::Debug for CommandDesk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommandDesk").field("waiting", &self.waiting).finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
