//! The live view on a terminal: portfolios, weights, prices, rates, latencies, events.
//!
//! It reads what the engines publish ten times a second and draws the whole screen; the terminal library
//! sends only what changed. The terminal is put back whatever ends the view, a panic included.

mod assets;
mod health;
mod page;
mod portfolios;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use silverbullet_engine::live::LiveState;
use silverbullet_market::{Clock, Nanos};

use super::snapshot::{Rates, Snapshot};
use crate::Session;
pub(crate) use page::Page;

/// Time between two pictures.
const PERIOD: Duration = Duration::from_millis(100);

/// Keys typed ahead.
const EVENTS: usize = 64;

/// What a key asks of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Nothing that concerns it.
    Nothing,
    /// A clean end, as the user's own wish: exit code 0.
    Quit,
    /// Ctrl-C: a clean end, exit code 130.
    Interrupt,
}

/// What the view remembers between two pictures.
pub(crate) struct View {
    engines: Vec<Arc<LiveState>>,
    rates: Vec<Rates>,
    http: Option<SocketAddr>,
    selected: usize,
    scroll: usize,
    help: bool,
}

/// What is typed, from a thread that lives as long as the program. The terminal library does not return from a
/// terminal that is gone, so the view must not wait for it: it notices when it cannot draw any more.
fn read_events() -> std::io::Result<Receiver<Event>> {
    let (sender, events) = sync_channel(EVENTS);
    std::thread::Builder::new().name("keys".to_owned()).spawn(move || {
        while let Ok(event) = event::read() {
            if sender.send(event).is_err() {
                break;
            }
        }
    })?;
    Ok(events)
}

impl View {
    pub(crate) fn new(engines: Vec<Arc<LiveState>>, http: Option<SocketAddr>) -> Self {
        Self {
            rates: vec![Rates::default(); engines.len()],
            engines,
            http,
            selected: 0,
            scroll: 0,
            help: false,
        }
    }

    /// Owns the terminal until `ended` says so; `asked` is told of every wish to end.
    pub(crate) fn show(
        mut self,
        session: &Session,
        mut ended: impl FnMut() -> bool,
        mut asked: impl FnMut(Asked),
    ) -> std::io::Result<()> {
        session.log.hold();
        let result = self.draw_until(session, &mut ended, &mut asked);
        ratatui::restore();
        session.log.release();
        result
    }

    fn draw_until(
        &mut self,
        session: &Session,
        ended: &mut impl FnMut() -> bool,
        asked: &mut impl FnMut(Asked),
    ) -> std::io::Result<()> {
        let mut terminal = ratatui::try_init()?;
        let events = read_events()?;
        while !ended() {
            let snapshot = self.snapshot(session.clock.as_ref());
            let page = self.page(&snapshot, session.clock.monotonic() - session.started);
            terminal.draw(|frame| page.draw(frame))?;
            match events.recv_timeout(PERIOD) {
                Ok(Event::Key(key)) => asked(self.key(key)),
                Ok(_) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => asked(Asked::Interrupt),
            }
        }
        Ok(())
    }

    /// Rates of every universe go on while another one is shown.
    fn snapshot(&mut self, clock: &dyn Clock) -> Snapshot {
        let now = clock.monotonic();
        for (index, (engine, rates)) in self.engines.iter().zip(&mut self.rates).enumerate() {
            if index != self.selected {
                let summary = engine.summary();
                rates.add(now, summary.ticks, summary.publications);
            }
        }
        Snapshot::take(&self.engines[self.selected], &mut self.rates[self.selected], now)
    }

    fn page<'a>(&'a self, snapshot: &'a Snapshot, elapsed: Nanos) -> Page<'a> {
        let engine = &self.engines[self.selected];
        Page {
            universes: self.engines.iter().map(|engine| engine.universe.name.as_str()).collect(),
            selected: self.selected,
            universe: &engine.universe,
            source: &engine.source,
            rows: engine.rows,
            snapshot,
            elapsed,
            http: self.http,
            scroll: self.scroll,
            help: self.help,
        }
    }

    /// Acts on a key, and says what of it concerns the run.
    fn key(&mut self, key: KeyEvent) -> Asked {
        if key.kind == KeyEventKind::Release {
            return Asked::Nothing;
        }
        let last = self.engines[self.selected].universe.assets.len().saturating_sub(1);
        match key.code {
            KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => return Asked::Interrupt,
            KeyCode::Esc if self.help => self.help = false,
            KeyCode::Char('q') | KeyCode::Esc => return Asked::Quit,
            KeyCode::Char('?' | 'h') => self.help = !self.help,
            KeyCode::Tab | KeyCode::Right => self.select(1),
            KeyCode::BackTab | KeyCode::Left => self.select(self.engines.len() - 1),
            KeyCode::Down | KeyCode::Char('j') => self.scroll = (self.scroll + 1).min(last),
            KeyCode::Up | KeyCode::Char('k') => self.scroll = self.scroll.saturating_sub(1),
            KeyCode::PageDown => self.scroll = (self.scroll + 10).min(last),
            KeyCode::PageUp => self.scroll = self.scroll.saturating_sub(10),
            KeyCode::Home => self.scroll = 0,
            _ => {}
        }
        Asked::Nothing
    }

    fn select(&mut self, step: usize) {
        self.selected = (self.selected + step) % self.engines.len();
        self.scroll = 0;
    }
}
