//! The durable path's part of commands: they are kept before anybody is told, and rows follow them from their bar on.

use std::sync::Arc;
use std::time::Duration;

use silverbullet_market::EventKind;

use super::rows::{StoredEvent, Time};
use crate::commands::{CommandError, CommandState, Entry, Journal, Reply, Terms};
use crate::live::LiveState;

/// The source that the events of commands name.
pub(crate) const SOURCE: &str = "command";
/// Pauses between attempts to keep a command; after the last it is given up.
const PAUSES: [Duration; 3] =
    [Duration::from_millis(10), Duration::from_millis(100), Duration::from_millis(400)];

/// What the hot thread has decided, and whoever is to be told.
pub struct Taken {
    pub(crate) outcome: std::result::Result<Entry, CommandError>,
    /// Commands that could not be kept, as far as the hot thread knew.
    pub(crate) mishaps: u64,
    pub(crate) reply: Reply,
}

impl std::fmt::Debug for Taken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Taken").field("outcome", &self.outcome).finish_non_exhaustive()
    }
}

/// Commands on their way through the sequencer.
pub(crate) struct Commands {
    live: Arc<LiveState>,
    state: CommandState,
    terms: Arc<Terms>,
    journal: Option<Box<dyn Journal>>,
    mishaps: u64,
    /// No bar has come yet, nor has there been one before.
    first: bool,
}

impl Commands {
    /// Goes on with `state` after the final bar `last`.
    pub(crate) fn new(live: Arc<LiveState>, state: CommandState, last: Option<i64>) -> Self {
        let terms = Arc::new(state.terms(&live.universe));
        let journal = live.commands.take_journal();
        Self { live, state, terms, journal, mishaps: 0, first: last.is_none() }
    }

    /// Keeps a command and tells so. One that cannot be kept is not in force: the hot thread is told what was before,
    /// and what it decided until it hears of it counts for nothing either.
    pub(crate) fn take(&mut self, taken: Taken) {
        let Taken { outcome, mishaps, reply } = taken;
        let entry = match outcome {
            Ok(entry) => entry,
            Err(error) => return reply(Err(error)),
        };
        if mishaps != self.mishaps {
            return reply(Err(CommandError::NotKept("the one before it could not be".to_owned())));
        }
        if let Err(error) = self.keep(&entry) {
            tracing::error!(universe = self.live.universe.name, %error, "a command cannot be kept");
            self.mishaps += 1;
            self.live.commands.restore(self.state.clone(), self.mishaps);
            return reply(Err(CommandError::NotKept(error.to_string())));
        }
        self.state.add(entry.clone());
        self.live.commands.show(&entry);
        reply(Ok(entry));
    }

    fn keep(&mut self, entry: &Entry) -> std::io::Result<()> {
        let Some(journal) = &mut self.journal else { return Ok(()) };
        let line = entry.to_line();
        for pause in PAUSES {
            if journal.append(&line).is_ok() {
                return Ok(());
            }
            std::thread::sleep(pause);
        }
        journal.append(&line)
    }

    /// What the rows of `bar` follow, and the events that come before them, at the bar's close.
    pub(crate) fn at(&mut self, bar: i64, close: i64) -> (Arc<Terms>, Vec<StoredEvent>) {
        if !self.state.is_due(bar) {
            self.first = false;
            return (Arc::clone(&self.terms), Vec::new());
        }
        // A command is given a later bar than the first. What is older was taken in a run that this one does not repeat,
        // of a source that cannot be had again: it is in force, and that run has told of it.
        let before = if std::mem::take(&mut self.first) { self.state.advance(bar - 1) } else { Vec::new() };
        tracing::debug!(universe = self.live.universe.name, bar, carried_over = before.len(), "commands");
        let entries = self.state.advance(bar);
        self.live.commands.reached(bar);
        self.terms = Arc::new(self.state.terms(&self.live.universe));
        let event = |entry: Entry| StoredEvent {
            source: SOURCE.to_owned(),
            partition: 0,
            offset: entry.sequence,
            kind: EventKind::Command.name(),
            as_of: Some(Time(close)),
            detail: entry.to_json(),
        };
        (Arc::clone(&self.terms), entries.into_iter().map(event).collect())
    }

    /// For a checkpoint.
    pub(crate) fn state(&self) -> CommandState {
        self.state.clone()
    }
}
