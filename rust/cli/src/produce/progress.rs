//! What is said of the sending while it goes on.

use silverbullet_feeds::kafka::{Counts, Deliveries};
use silverbullet_market::{Nanos, SECOND};

use crate::format;
use crate::status_line::StatusLine;

/// Writes about the sending as time passes.
pub(crate) struct Progress {
    rows: Option<u64>,
    brokers: String,
    line: StatusLine,
    away_since: Option<Nanos>,
}

impl Progress {
    /// Of `rows` rows, where that is known, sent to `brokers`.
    pub(crate) fn new(rows: Option<u64>, brokers: &str) -> Self {
        Self { rows, brokers: brokers.to_owned(), line: StatusLine::new(), away_since: None }
    }

    /// Writes a line if one is due at `now`.
    /// `trouble` is what is wrong with the source, if anything.
    pub(crate) fn show(&mut self, now: Nanos, deliveries: &Deliveries, bad_rows: u64, trouble: Option<&str>) {
        if let Some(mut line) = self.due(now, deliveries.counts(), deliveries.is_away(), bad_rows) {
            if let Some(trouble) = trouble {
                line.push_str("; ");
                line.push_str(trouble);
            }
            self.line.write(&line);
        }
    }

    /// Takes the line away from a terminal.
    pub(crate) fn clear(&self) {
        self.line.clear();
    }

    fn due(&mut self, now: Nanos, counts: Counts, is_away: bool, bad_rows: u64) -> Option<String> {
        self.away_since = if is_away { self.away_since.or(Some(now)) } else { None };
        let rate = self.line.due(now, counts.delivered)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_a_second_with_the_rate_since_the_last_one() {
        let mut progress = Progress {
            rows: Some(4_000),
            brokers: "a:1".to_owned(),
            line: StatusLine::of_a_file(),
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
