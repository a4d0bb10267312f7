//! What was sent and what became of it, as one result.

use silverbullet_feeds::kafka::Counts;

use super::arguments::CountFormat;
use crate::{format, output};

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
        match format {
            CountFormat::Human => output::line(&self.sentence())?,
            CountFormat::Json => {
                let counts: Vec<String> =
                    named.iter().map(|(name, count)| format!("\"{name}\":{count}")).collect();
                output::line(&format!("{{{},\"seconds\":{:.3}}}", counts.join(","), self.seconds))?;
            }
            CountFormat::Csv => {
                output::line(&format!("{},seconds", named.map(|(name, _)| name).join(",")))?;
                let counts = named.map(|(_, count)| count.to_string()).join(",");
                output::line(&format!("{counts},{:.3}", self.seconds))?;
            }
            CountFormat::Table => {
                let [a, b, c, d, e] = named;
                let mut table = output::table(&[a.0, b.0, c.0, d.0, e.0, "seconds"]);
                let mut row: Vec<String> = named.iter().map(|(_, count)| format::thousands(*count)).collect();
                row.push(format!("{:.3}", self.seconds));
                table.add_row(row);
                output::line(&table.to_string())?;
            }
        }
        Ok(())
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
