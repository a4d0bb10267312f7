//! What was sent and what became of it, as one result.

use silverbullet_feeds::kafka::Counts;

use crate::counts::{self, CountFormat};
use crate::format;

/// The counts at the end.
pub(crate) struct Total {
    pub(crate) counts: Counts,
    pub(crate) bad_rows: u64,
    /// From the first look for a broker to the last delivery.
    pub(crate) seconds: f64,
}

impl Total {
    /// Prints it as asked.
    pub(crate) fn print(&self, format: CountFormat) -> anyhow::Result<()> {
        let Counts { sent, delivered, failed } = self.counts;
        let named = [
            ("sent", sent),
            ("delivered", delivered),
            ("failed", failed),
            // Sent, but nobody knows whether it arrived: the user did not want to wait any longer.
            ("unknown", self.counts.pending()),
            ("bad_rows", self.bad_rows),
        ];
        counts::print(&named, self.seconds, &self.sentence(), format)
    }

    fn sentence(&self) -> String {
        let count = format::thousands;
        let Counts { sent, delivered, failed } = self.counts;
        let mut text =
            format!("sent {}, delivered {}, failed {}", count(sent), count(delivered), count(failed));
        if self.counts.pending() > 0 {
            text.push_str(&format!(", unknown {}", count(self.counts.pending())));
        }
        let rate = (delivered as f64 / self.seconds.max(1e-9)).round() as u64;
        let seconds = self.seconds;
        text.push_str(&format!(", bad rows {}, {seconds:.1} s ({}/s)", count(self.bad_rows), count(rate)));
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unknown_is_said_where_there_is_any() {
        let total = |delivered| Total {
            counts: Counts { sent: 10_000, delivered, failed: 1 },
            bad_rows: 2,
            seconds: 2.0,
        };
        assert_eq!(
            total(9_999).sentence(),
            "sent 10,000, delivered 9,999, failed 1, bad rows 2, 2.0 s (5,000/s)"
        );
        assert!(total(9_000).sentence().contains("failed 1, unknown 999, bad rows 2"));
    }
}
