//! How the sending goes: one line that is written over on a terminal, a line a second otherwise.

use std::io::Write;

use silverbullet_feeds::kafka::{Counts, Deliveries};
use silverbullet_market::{Nanos, SECOND};

use crate::{format, output};

/// To the beginning of the line, and empties it.
const CLEAR: &str = "\r\x1b[K";

/// Writes about the sending as time passes.
pub(crate) struct Progress {
    rows: Option<u64>,
    brokers: String,
    on_terminal: bool,
    every: Nanos,
    /// When the last line was written, and how many were delivered then.
    last: Option<(Nanos, u64)>,
    away_since: Option<Nanos>,
}

impl Progress {
    /// Of `rows` rows, where that is known, sent to `brokers`.
    pub(crate) fn new(rows: Option<u64>, brokers: &str) -> Self {
        let on_terminal = output::progress_wanted();
        let every = if on_terminal { SECOND / 5 } else { SECOND };
        Self { rows, brokers: brokers.to_owned(), on_terminal, every, last: None, away_since: None }
    }

    /// Writes a line if one is due at `now`.
    /// `trouble` is what is wrong with the source, if anything.
    pub(crate) fn show(&mut self, now: Nanos, deliveries: &Deliveries, bad_rows: u64, trouble: Option<&str>) {
        if let Some(mut line) = self.due(now, deliveries.counts(), deliveries.is_away(), bad_rows) {
            if let Some(trouble) = trouble {
                line.push_str("; ");
                line.push_str(trouble);
            }
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

    fn due(&mut self, now: Nanos, counts: Counts, is_away: bool, bad_rows: u64) -> Option<String> {
        self.away_since = if is_away { self.away_since.or(Some(now)) } else { None };
        let (then, delivered_then) = *self.last.get_or_insert((now, counts.delivered));
        if now - then < self.every {
            return None;
        }
        self.last = Some((now, counts.delivered));
        let rate = (counts.delivered - delivered_then) as f64 / ((now - then) as f64 / SECOND as f64);
        let of = self.rows.map_or_else(String::new, |rows| format!(" of {}", format::thousands(rows)));
        let mut line = format!(
            "sent {}{of}, delivered {} ({}/s), failed {}, bad rows {}",
            format::thousands(counts.sent),
            format::thousands(counts.delivered),
            format::thousands(rate.round() as u64),
            format::thousands(counts.failed),
            format::thousands(bad_rows),
        );
        if let Some(since) = self.away_since {
            line.push_str(&format!("; {} has not answered for {} s", self.brokers, (now - since) / SECOND));
        }
        Some(line)
    }
}

/// Tells a person something, above the line of a terminal.
pub(crate) fn say(text: &str) {
    let clear = if output::progress_wanted() { CLEAR } else { "" };
    output::note(&format!("{clear}{text}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_a_second_with_the_rate_since_the_last_one() {
        let mut progress = Progress {
            rows: Some(4_000),
            brokers: "a:1".to_owned(),
            on_terminal: false,
            every: SECOND,
            last: None,
            away_since: None,
        };
        let counts = |sent, delivered| Counts { sent, delivered, failed: 0 };
        assert_eq!(progress.due(5, counts(10, 0), false, 0), None);
        assert_eq!(progress.due(SECOND, counts(1_000, 500), false, 0), None);
        let line = progress.due(2 * SECOND + 5, counts(3_000, 2_000), false, 1).unwrap();
        assert_eq!(line, "sent 3,000 of 4,000, delivered 2,000 (1,000/s), failed 0, bad rows 1");
        assert_eq!(progress.due(2 * SECOND + 10, counts(3_000, 2_000), true, 1), None);
        let line = progress.due(5 * SECOND + 10, counts(3_000, 2_000), true, 1).unwrap();
        assert!(line.ends_with("(0/s), failed 0, bad rows 1; a:1 has not answered for 3 s"), "{line}");
        let line = progress.due(7 * SECOND, counts(3_000, 3_000), false, 1).unwrap();
        assert!(!line.contains("has not answered"), "{line}");
    }
}
