//! How something long goes: one line that is written over on a terminal, a line a second otherwise.

use std::io::Write;

use silverbullet_market::{Nanos, SECOND};

use crate::output;

/// To the beginning of the line, and empties it.
const CLEAR: &str = "\r\x1b[K";

/// The line, and when another one is due.
pub(crate) struct StatusLine {
    on_terminal: bool,
    every: Nanos,
    /// When the last line was due, and the count then.
    last: Option<(Nanos, u64)>,
}

impl StatusLine {
    /// On standard error, whatever that is.
    pub(crate) fn new() -> Self {
        let on_terminal = output::progress_wanted();
        Self { on_terminal, every: if on_terminal { SECOND / 5 } else { SECOND }, last: None }
    }

    /// A line a second, as in a file.
    #[cfg(test)]
    pub(crate) fn of_a_file() -> Self {
        Self { on_terminal: false, every: SECOND, last: None }
    }

    /// Where a line is due at `now`, by how much the count has grown a second since the one before.
    pub(crate) fn due(&mut self, now: Nanos, count: u64) -> Option<f64> {
        let (then, before) = *self.last.get_or_insert((now, count));
        if now - then < self.every {
            return None;
        }
        self.last = Some((now, count));
        Some((count - before) as f64 / ((now - then) as f64 / SECOND as f64))
    }

    /// Writes the line.
    pub(crate) fn write(&self, line: &str) {
        if self.on_terminal {
            let _ = write!(std::io::stderr().lock(), "{CLEAR}{line}");
        } else {
            output::note(line);
        }
    }

    /// Takes the line away from a terminal.
    pub(crate) fn clear(&self) {
        if self.on_terminal && self.last.is_some() {
            let _ = write!(std::io::stderr().lock(), "{CLEAR}");
        }
    }
}

/// Tells a person something, above the line of a terminal.
pub(crate) fn say(text: &str) {
    let clear = if output::progress_wanted() { CLEAR } else { "" };
    output::note(&format!("{clear}{text}"));
}
