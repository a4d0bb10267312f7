//! What is said of a recording while it goes on, and at its end.

use silverbullet_feeds::recording::Recorded;
use silverbullet_market::{Nanos, SourceState};

use crate::format;
use crate::status_line::StatusLine;

/// Writes about the recording as time passes.
pub(crate) struct Progress(StatusLine);

impl Progress {
    pub(crate) fn new() -> Self {
        Self(StatusLine::new())
    }

    /// Writes a line if one is due at `now`.
    pub(crate) fn show(&mut self, now: Nanos, recorded: &Recorded, source: &SourceState) {
        if let Some(line) = self.due(now, recorded, source) {
            self.0.write(&line);
        }
    }

    /// Takes the line away from a terminal.
    pub(crate) fn clear(&self) {
        self.0.clear();
    }

    fn due(&mut self, now: Nanos, recorded: &Recorded, source: &SourceState) -> Option<String> {
        let rate = self.0.due(now, recorded.frames)?;
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
    use silverbullet_market::SECOND;

    use super::*;

    #[test]
    fn a_line_a_second_with_what_is_wrong() {
        let mut progress = Progress(StatusLine::of_a_file());
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
