//! How the recording goes: one line that is written over on a terminal, a line a second otherwise.

use std::io::Write;

use silverbullet_feeds::recording::Recorded;
use silverbullet_market::{Nanos, SECOND, SourceState};

use crate::{format, output};

/// To the beginning of the line, and empties it.
const CLEAR: &str = "\r\x1b[K";

/// Writes about the recording as time passes.
pub(crate) struct Progress {
    on_terminal: bool,
    every: Nanos,
    /// When the last line was written, and how many frames there were.
    last: Option<(Nanos, u64)>,
}

impl Progress {
    pub(crate) fn new() -> Self {
        let on_terminal = output::progress_wanted();
        let every = if on_terminal { SECOND / 5 } else { SECOND };
        Self { on_terminal, every, last: None }
    }

    /// Writes a line if one is due at `now`.
    pub(crate) fn show(&mut self, now: Nanos, recorded: &Recorded, source: &SourceState) {
        if let Some(line) = self.due(now, recorded, source) {
            if self.on_terminal {
                let _ = write!(std::io::stderr().lock(), "{CLEAR}{line}");
            } else {
                output::note(&line);
            }
        }
    }

    /// Takes the line away from a terminal.
    pub(crate) fn clear(&self) {
        if self.on_terminal && self.last.is_some() {
            let _ = write!(std::io::stderr().lock(), "{CLEAR}");
        }
    }

    fn due(&mut self, now: Nanos, recorded: &Recorded, source: &SourceState) -> Option<String> {
        let (then, frames_then) = *self.last.get_or_insert((now, recorded.frames));
        if now - then < self.every {
            return None;
        }
        self.last = Some((now, recorded.frames));
        let rate = (recorded.frames - frames_then) as f64 / ((now - then) as f64 / SECOND as f64);
        let mut line = format!("{}, {}/s", sentence(recorded), format::thousands(rate.round() as u64));
        if let Some(reason) = &source.reason {
            line.push_str("; ");
            line.push_str(reason);
        }
        Some(line)
    }
}

/// What has been recorded.
pub(crate) fn sentence(recorded: &Recorded) -> String {
    let Recorded { frames, bytes, files, left_out, .. } = recorded;
    let mut text = format!(
        "recorded {}, {:.1} MiB in {}",
        format::counted(*frames, "frame"),
        *bytes as f64 / f64::from(1 << 20),
        format::counted(*files, "file"),
    );
    if *left_out > 0 {
        text.push_str(&format!(", left out {}: the disk is too slow", format::counted(*left_out, "line")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_a_second_with_what_is_wrong() {
        let mut progress = Progress { on_terminal: false, every: SECOND, last: None };
        let recorded =
            |frames, left_out| Recorded { frames, bytes: 3 << 19, files: 1, left_out, ..Recorded::default() };
        let mut state = SourceState::default();
        assert_eq!(progress.due(5, &recorded(10, 0), &state), None);
        let line = progress.due(2 * SECOND + 5, &recorded(4_010, 0), &state).unwrap();
        assert_eq!(line, "recorded 4,010 frames, 1.5 MiB in 1 file, 2,000/s");
        state.reason = Some("refused".to_owned());
        let line = progress.due(4 * SECOND + 5, &recorded(4_010, 1), &state).unwrap();
        assert!(line.ends_with("left out 1 line: the disk is too slow, 0/s; refused"), "{line}");
    }
}
