//! What to do about a connection to an exchange: a state machine that is told facts and the time, and answers with
//! actions. It does nothing itself, and knows neither sockets nor clocks.
//!
//! ```text
//!            ┌──────────────── wait (full jitter) ◄───────────────┐
//!            ▼                                                    │
//!  ──► connect ──► open ──► subscribe, keep alive ──► silent, reset, closed, refused
//!                   │ a day, or the venue says it is about to close
//!                   └──► connect a replacement ──► both are read ──► switch, close the old one
//! ```
//! Pauses are short again only after prices have come for a while: a venue that takes connections and drops them is not
//! hammered.

mod conn;
mod facts;
mod limit;

use std::collections::VecDeque;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use silverbullet_market::{EventKind, Nanos, SourceStatus, format_duration};

use self::conn::{Conn, Stage};
pub(crate) use self::facts::{Action, Fact, Id, Loss};
use self::limit::Limit;
use super::policy::Policy;

/// Watches over the connections to a venue: the one that prices are taken from, and its replacement at times.
#[derive(Debug)]
pub(crate) struct Supervisor {
    policy: Policy,
    random: SmallRng,
    limit: Limit,
    /// Frames that ask for prices.
    frames: usize,
    next_id: Id,
    /// Attempts that have failed since prices came for a while.
    attempts: u32,
    main: Option<Conn>,
    replacement: Option<Conn>,
    /// When to connect, where there is nothing to read.
    connect_at: Nanos,
    /// When to connect to a replacement, where the main one has to be replaced.
    replace_at: Option<Nanos>,
    /// When prices ended, and why, while they have not come again.
    gap: Option<(Nanos, &'static str)>,
    /// Whether there ever was a connection.
    was_open: bool,
    losses: u64,
    actions: VecDeque<Action>,
}

impl Supervisor {
    /// Connects at once. `frames` ask for the prices; pauses are drawn from `seed`.
    pub(crate) fn new(policy: Policy, frames: usize, seed: u64, now: Nanos) -> Self {
        let limit = Limit::new(policy.connects);
        Self {
            policy,
            random: SmallRng::seed_from_u64(seed),
            limit,
            frames,
            next_id: 0,
            attempts: 0,
            main: None,
            replacement: None,
            connect_at: now,
            replace_at: None,
            gap: None,
            was_open: false,
            losses: 0,
            actions: VecDeque::new(),
        }
    }

    /// The next thing to do.
    pub(crate) fn action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// How often an open connection was lost.
    pub(crate) fn losses(&self) -> u64 {
        self.losses
    }

    /// True where the first price of this connection is news.
    pub(crate) fn awaits_price(&self, id: Id) -> bool {
        self.conn(id).is_some_and(|conn| conn.priced.is_none())
    }

    /// Something came on a connection, whatever it was.
    pub(crate) fn heard(&mut self, id: Id, now: Nanos) {
        if let Some(conn) = self.conn_mut(id) {
            conn.heard = now;
        }
    }

    /// Takes note of a fact. One about a connection that was given up is none any more.
    pub(crate) fn fact(&mut self, id: Id, fact: Fact, now: Nanos) {
        let is_main = self.main.as_ref().is_some_and(|main| main.id == id);
        let Some(conn) = self.conn_mut(id) else { return };
        if !matches!(fact, Fact::Lost(_)) {
            conn.heard = now;
        }
        match fact {
            Fact::Opened => self.opened(id, is_main, now),
            Fact::Priced => self.priced(id, is_main, now),
            Fact::Closing => {
                self.tell("closing", "the venue is about to close the connection".to_owned());
                if is_main && self.replacement.is_none() {
                    self.replace_at = Some(now);
                }
                self.due(now);
            }
            Fact::Refused(words) => {
                conn.refused = true;
                self.refused(id, is_main, &words);
            }
            Fact::Lost(loss) if is_main => self.lost(loss, now),
            Fact::Lost(loss) => self.lost_replacement(&loss, now),
        }
    }

    /// Does what time has made due.
    pub(crate) fn due(&mut self, now: Nanos) {
        self.give_up_main(now);
        self.give_up_replacement(now);
        self.keep_up(now);
        if self.renewal_at().is_some_and(|at| now >= at) {
            self.tell("renewal", "the connection is replaced before the venue ends it".to_owned());
            self.replace_at = Some(now);
        }
        if self.replacement.as_ref().is_some_and(|new| self.is_overlapped(new, now)) {
            self.switch();
        }
        self.connect(now);
    }

    /// When [`due`](Self::due) has something to do next, unless a fact comes before.
    pub(crate) fn wake_at(&self) -> Nanos {
        let policy = &self.policy;
        let conns = self.main.iter().chain(&self.replacement).map(|conn| conn.wake_at(policy, self.frames));
        let mut wake = conns.min().unwrap_or(Nanos::MAX);
        if self.main.is_none() {
            wake = wake.min(self.limit.free_at(self.connect_at));
        }
        wake = wake.min(self.renewal_at().unwrap_or(Nanos::MAX));
        if let (Some(at), None) = (self.replace_at, &self.replacement) {
            wake = wake.min(self.limit.free_at(at));
        }
        if let Some(priced) = self.replacement.as_ref().and_then(|new| new.priced) {
            wake = wake.min(priced + policy.overlap);
        }
        wake
    }

    /// All is to end.
    pub(crate) fn stop(&mut self) {
        for conn in self.main.take().into_iter().chain(self.replacement.take()) {
            let open = conn.stage == Stage::Open;
            self.actions.push_back(if open { Action::Close(conn.id) } else { Action::Drop(conn.id) });
        }
    }

    /// When the main connection has lasted for as long as it may, unless it is being replaced.
    fn renewal_at(&self) -> Option<Nanos> {
        let main = self.main.as_ref().filter(|main| main.stage == Stage::Open)?;
        let lifetime =
            self.policy.lifetime.filter(|_| self.replacement.is_none() && self.replace_at.is_none())?;
        Some(main.since.saturating_add(lifetime))
    }

    fn refused(&mut self, id: Id, is_main: bool, words: &str) {
        let what = format!("{words}; check the names of the assets and the quote currency");
        if is_main && self.awaits_price(id) {
            let shown = format!("subscription refused: {what}");
            self.actions.push_back(Action::Show(SourceStatus::Failing, Some(shown)));
        }
        self.tell("subscription refused", what);
    }

    fn opened(&mut self, id: Id, is_main: bool, now: Nanos) {
        let Some(conn) = self.conn_mut(id) else { return };
        conn.open(now);
        if is_main {
            let what = if std::mem::replace(&mut self.was_open, true) { "reconnected" } else { "connected" };
            self.tell(what, "prices are asked for".to_owned());
        }
        self.due(now);
    }

    fn priced(&mut self, id: Id, is_main: bool, now: Nanos) {
        let Some(conn) = self.conn_mut(id) else { return };
        if conn.priced.replace(now).is_some() {
            return;
        }
        if is_main {
            if let Some((from, why)) = self.gap.take() {
                self.actions.push_back(Action::Gap { from, to: now, why });
            }
            self.actions.push_back(Action::Show(SourceStatus::Ok, None));
        }
    }

    /// The main connection is no more: its replacement takes over, or another attempt is made after a pause.
    fn lost(&mut self, loss: Loss, now: Nanos) {
        let Some(main) = self.main.take() else { return };
        let was_replaced = self.replace_at.take().is_some() && main.priced.is_some();
        self.losses += u64::from(main.stage == Stage::Open);
        if main.priced.is_some_and(|since| main.heard - since >= self.policy.healthy_after) {
            self.attempts = 0;
        }
        if main.priced.is_some() && self.gap.is_none() {
            self.gap = Some((main.heard, loss.reason));
        }
        self.actions.push_back(Action::Drop(main.id));
        if let Some(new) = self.replacement.take() {
            self.tell(loss.reason, format!("{}; its replacement takes over", loss.detail));
            self.take_over(new);
            return;
        }
        // Where the venue had said that it would close, it expects to be connected to again at once.
        let pause = if was_replaced { 0 } else { self.pause(&loss) };
        self.connect_at = now + pause;
        self.tell_loss(&loss, pause);
        self.connect(now);
    }

    fn tell_loss(&mut self, loss: &Loss, pause: Nanos) {
        let again = format!("tried again in {}", in_milliseconds(pause));
        self.tell(loss.reason, format!("{}; {again}", loss.detail));
        let shown = format!("{}: {}; {again}", loss.reason, loss.detail);
        self.actions.push_back(Action::Show(SourceStatus::Failing, Some(shown)));
    }

    /// The replacement could not be had: the main connection goes on, and another attempt is made after a pause.
    fn lost_replacement(&mut self, loss: &Loss, now: Nanos) {
        let Some(new) = self.replacement.take() else { return };
        self.actions.push_back(Action::Drop(new.id));
        let pause = self.pause(loss);
        self.replace_at = Some(now + pause);
        let again = format!("a replacement is tried again in {}", in_milliseconds(pause));
        self.tell(loss.reason, format!("{}; {again}", loss.detail));
    }

    /// How long to wait now, drawn from the whole range up to what is longest for this attempt.
    fn pause(&mut self, loss: &Loss) -> Nanos {
        let Policy { first_pause, longest_pause, longest_wish, .. } = self.policy;
        let longest = first_pause.saturating_mul(1 << self.attempts.min(30)).min(longest_pause);
        self.attempts += 1;
        let drawn = self.random.random_range(0..=longest.max(0));
        drawn.max(loss.retry_after.unwrap_or_default().min(longest_wish))
    }

    /// Gives up a main connection that says nothing, or does not open, or refuses what it is asked.
    fn give_up_main(&mut self, now: Nanos) {
        if let Some(loss) = self.main.as_ref().and_then(|main| main.give_up(&self.policy, now)) {
            self.lost(loss, now);
        }
    }

    fn give_up_replacement(&mut self, now: Nanos) {
        if let Some(loss) = self.replacement.as_ref().and_then(|new| new.give_up(&self.policy, now)) {
            self.lost_replacement(&loss, now);
        }
    }

    /// Sends what is to be sent by now.
    fn keep_up(&mut self, now: Nanos) {
        for conn in self.main.iter_mut().chain(&mut self.replacement) {
            if conn.stage != Stage::Open || now < conn.send_at {
                continue;
            }
            if conn.asked < self.frames {
                self.actions.push_back(Action::Subscribe(conn.id, conn.asked));
                conn.asked += 1;
            } else if conn.keep_alive_due(&self.policy).is_some_and(|at| now >= at) {
                self.actions.push_back(Action::KeepAlive(conn.id));
                conn.kept_alive = now;
            } else {
                continue;
            }
            conn.send_at = now + self.policy.pace;
        }
    }

    fn is_overlapped(&self, new: &Conn, now: Nanos) -> bool {
        new.priced.is_some_and(|since| now - since >= self.policy.overlap)
    }

    fn switch(&mut self) {
        let Some(new) = self.replacement.take() else { return };
        if let Some(old) = self.main.take() {
            self.actions.push_back(Action::Close(old.id));
        }
        self.take_over(new);
        self.tell("renewed", "prices come from the new connection".to_owned());
    }

    /// The replacement is the main connection from now on. What it has brought already is not missing.
    fn take_over(&mut self, new: Conn) {
        self.replace_at = None;
        let mut state = SourceStatus::Connecting;
        if let Some(since) = new.priced {
            state = SourceStatus::Ok;
            if let Some((from, why)) = self.gap.take().filter(|&(from, _)| from < since) {
                self.actions.push_back(Action::Gap { from, to: since, why });
            }
        }
        self.actions.push_back(Action::Switch(new.id));
        self.actions.push_back(Action::Show(state, None));
        self.main = Some(new);
    }

    /// Connects where that is due and the venue allows it.
    fn connect(&mut self, now: Nanos) {
        if self.main.is_none() && now >= self.connect_at && self.limit.take(now) {
            self.main = Some(self.attempt(now));
            if !self.was_open && self.attempts == 0 {
                self.actions.push_back(Action::Show(SourceStatus::Connecting, None));
            }
        }
        let wanted = self.main.is_some() && self.replacement.is_none();
        if wanted && self.replace_at.is_some_and(|at| now >= at) && self.limit.take(now) {
            self.replacement = Some(self.attempt(now));
        }
    }

    fn attempt(&mut self, now: Nanos) -> Conn {
        let id = self.next_id;
        self.next_id += 1;
        self.actions.push_back(Action::Connect(id));
        Conn::new(id, now)
    }

    fn tell(&mut self, reason: &'static str, detail: String) {
        self.actions.push_back(Action::Tell(EventKind::Connection, reason, detail));
    }

    fn conn(&self, id: Id) -> Option<&Conn> {
        self.main.iter().chain(&self.replacement).find(|conn| conn.id == id)
    }

    fn conn_mut(&mut self, id: Id) -> Option<&mut Conn> {
        self.main.iter_mut().chain(&mut self.replacement).find(|conn| conn.id == id)
    }
}

/// To the millisecond: what lies beyond is of no interest to anybody who waits.
fn in_milliseconds(pause: Nanos) -> String {
    const MILLISECOND: Nanos = 1_000_000;
    format_duration((pause / MILLISECOND).max(1) * MILLISECOND)
}

#[cfg(test)]
mod tests;
