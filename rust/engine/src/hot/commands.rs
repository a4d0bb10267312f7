//! The hot thread's part of commands: it gives each its number and its bar, and follows it at once.
//!
//! Without a command all this is one relaxed load an input and a look at a flag a tick.

use std::sync::Arc;

use silverbullet_market::{EventKind, Universe};

use super::HotLoop;
use crate::commands::{AHEAD, Command, CommandError, CommandState, Entry, Message, Reply};
use crate::durable::DurableInput;
use crate::durable::commands::{SOURCE, Taken};
use crate::error::Result;
use crate::live::{EventRow, Phase};

/// What commands have led to, as live answers follow it.
#[derive(Debug)]
pub(crate) struct Commanded {
    /// Commands of a bar are in it from two bars before on: from when they were given it.
    state: CommandState,
    /// Commands that could not be kept so far, after each of which the state was restored.
    mishaps: u64,
    /// The universe with the bounds in force.
    pub(crate) universe: Universe,
    pub(crate) paused: bool,
}

impl Commanded {
    /// Goes on with `state` after the final bar `last`.
    pub(crate) fn new(universe: &Universe, mut state: CommandState, last: Option<i64>) -> Self {
        if let Some(last) = last {
            state.advance(last.saturating_add(AHEAD));
        }
        let mut commanded = Self { state, mishaps: 0, universe: universe.clone(), paused: false };
        commanded.follow(universe);
        commanded
    }

    /// Takes bounds and pause from the state; the weights held, where there are some. True where bounds are others.
    fn follow(&mut self, settings: &Universe) -> bool {
        let terms = self.state.terms(settings);
        let changed = self.universe.lower != terms.lower || self.universe.upper != terms.upper;
        (self.universe.lower, self.universe.upper) = (terms.lower, terms.upper);
        self.paused = terms.paused;
        changed
    }

    /// The weights held, in universe order.
    fn holdings(&self) -> Option<Arc<[f64]>> {
        let held = self.state.terms(&self.universe).holdings?;
        Some(held.0.into_iter().map(|(_, weight)| weight).collect())
    }
}

impl HotLoop {
    /// Takes the commands that wait.
    #[inline]
    pub(crate) fn take_commands(&mut self) -> Result<()> {
        if self.live.commands.is_waiting() { self.take_waiting() } else { Ok(()) }
    }

    #[cold]
    fn take_waiting(&mut self) -> Result<()> {
        while let Some(message) = self.live.commands.take() {
            match message {
                Message::Ask(command, reply) => self.decide(command, reply)?,
                Message::Restore(state, mishap) => {
                    let last = self.progress.last_bar();
                    self.commanded.state = *state;
                    self.commanded.mishaps = mishap;
                    if let Some(last) = last {
                        self.commanded.state.advance(last.saturating_add(AHEAD));
                    }
                    self.follow_commands()?;
                }
            }
        }
        Ok(())
    }

    /// Gives a command its number and its bar, and hands it to the durable path, which keeps it and replies.
    fn decide(&mut self, command: Command, reply: Reply) -> Result<()> {
        let outcome = self.entry_of(command);
        let taken = outcome.as_ref().ok().cloned();
        let mishaps = self.commanded.mishaps;
        match &self.durable {
            Some(durable) => {
                durable.hand_over(DurableInput::Command(Box::new(Taken { outcome, mishaps, reply })));
            }
            // Nothing is kept in this run: there is nobody else to tell.
            None => {
                if let Ok(entry) = &outcome {
                    self.live.commands.show(entry);
                }
                reply(outcome);
            }
        }
        let Some(entry) = taken else { return Ok(()) };
        self.show_command(&entry);
        self.commanded.state.add(entry);
        if let Some(last) = self.progress.last_bar() {
            self.commanded.state.advance(last.saturating_add(AHEAD));
        }
        self.follow_commands()
    }

    fn entry_of(&self, command: Command) -> std::result::Result<Entry, CommandError> {
        let Commanded { state, .. } = &self.commanded;
        let universe = &self.live.universe;
        let last = self.progress.last_bar().ok_or_else(|| CommandError::NoBarYet(universe.name.clone()))?;
        state.check(universe, &command)?;
        // Where a run repeats what was stored and commanded before, a new command changes no stored row and
        // overtakes no old command.
        let bar = last.saturating_add(AHEAD).max(state.last_bar()).max(self.live.commands.first_open());
        Ok(Entry { sequence: state.sequence + 1, bar, taken: self.clock.utc(), command })
    }

    fn show_command(&self, entry: &Entry) {
        self.live.show_event(EventRow {
            universe: self.live.universe.name.clone(),
            source: SOURCE.to_owned(),
            partition: 0,
            offset: entry.sequence,
            kind: EventKind::Command.name(),
            as_of: self.assembly.newest_time().unwrap_or_default(),
            detail: entry.to_json(),
        });
    }

    /// Follows commands of earlier runs whose time has come with the final bar `last`; true where bounds are others,
    /// so that whatever was found under the old ones is void.
    pub(crate) fn commands_due(&mut self, last: i64) -> bool {
        let bar = last.saturating_add(AHEAD);
        if !self.commanded.state.is_due(bar) {
            return false;
        }
        self.commanded.state.advance(bar);
        self.enforce()
    }

    /// Enforces what is commanded now, between two closes.
    fn follow_commands(&mut self) -> Result<()> {
        let was_paused = self.commanded.paused;
        let others = self.enforce();
        if others {
            self.answerer.reset(&self.commanded.universe, &self.book.eligible);
            self.population = None;
            self.condition_number = None;
        }
        if (others || was_paused) && !self.commanded.paused {
            self.answer_at_close()?;
            self.request_refresh();
            self.ask_closes();
        }
        Ok(())
    }

    /// What earlier runs have left in force.
    pub(crate) fn begin_commanded(&mut self) {
        self.draft.holdings = self.commanded.holdings();
        self.uncarried = true;
        if self.commanded.paused {
            self.show_phase(Phase::Paused);
        }
    }

    /// Everything but the answers themselves.
    fn enforce(&mut self) -> bool {
        let was_paused = self.commanded.paused;
        let others = self.commanded.follow(&self.live.universe);
        self.draft.holdings = self.commanded.holdings();
        self.uncarried = true;
        if others {
            // A population on its way was drawn under the old bounds.
            self.book.generation += 1;
        }
        match (was_paused, self.commanded.paused) {
            (false, true) => self.show_phase(Phase::Paused),
            (true, false) if self.progress.last_bar().is_some() => self.show_phase(Phase::WarmingUp),
            (true, false) => self.show_phase(Phase::Starting),
            _ => {}
        }
        others
    }

    fn show_phase(&mut self, phase: Phase) {
        self.phase = phase;
        self.live.set_phase(phase);
    }
}
