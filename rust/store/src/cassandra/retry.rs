//! Asking again what failed for a reason that may pass: after pauses that double, spread so that clients do not come
//! back in step.

use std::time::Duration;

use super::fault::Fault;
use super::settings::CassandraSettings;

/// The longest pause.
const LONGEST: Duration = Duration::from_secs(10);

/// The repetitions of one request.
#[derive(Debug)]
pub(crate) struct Attempts {
    retries: u32,
    pause: Duration,
    random: u64,
    made: u32,
}

impl Attempts {
    /// None made yet. `number` tells requests apart.
    pub(crate) fn new(settings: &CassandraSettings, number: u64) -> Self {
        let random = mixed(settings.seed ^ mixed(number));
        Self { retries: settings.retries, pause: settings.retry_pause, random, made: 0 }
    }

    /// Repetitions so far.
    pub(crate) fn made(&self) -> u32 {
        self.made
    }

    /// Waits until the request may be repeated; `fault` where that is of no use, or was done often enough.
    pub(crate) async fn wait(&mut self, fault: Fault) -> Result<(), Fault> {
        if !fault.may_pass() || self.made >= self.retries {
            return Err(fault);
        }
        let pause = self.next();
        tracing::debug!(%fault, ?pause, "Cassandra is asked again");
        tokio::time::sleep(pause).await;
        Ok(())
    }

    /// Counts a repetition and says how long to wait for it: between half and all of the doubled pause.
    fn next(&mut self) -> Duration {
        let full = self.pause.saturating_mul(1 << self.made.min(16)).min(LONGEST);
        self.made += 1;
        self.random = mixed(self.random);
        full / 2 + (full / 2).mul_f64((self.random >> 11) as f64 / (1_u64 << 53) as f64)
    }
}

/// A step of SplitMix64.
fn mixed(state: u64) -> u64 {
    let state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let state = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    state ^ (state >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_are_spread_and_have_an_end() {
        let settings = CassandraSettings { retry_pause: Duration::from_millis(100), ..Default::default() };
        let (mut one, mut other) = (Attempts::new(&settings, 1), Attempts::new(&settings, 2));
        let mut differ = false;
        for attempt in 0..12 {
            let full = Duration::from_millis(100 << attempt).min(LONGEST);
            let (pause, second) = (one.next(), other.next());
            assert!(pause >= full / 2 && pause <= full, "{pause:?} of {full:?}");
            differ |= pause != second;
        }
        assert!(differ);
    }

    #[tokio::test]
    async fn only_what_may_pass_is_repeated_and_not_for_ever() {
        let settings =
            CassandraSettings { retries: 2, retry_pause: Duration::ZERO, ..CassandraSettings::default() };
        let slow = || Fault::Overloaded { action: "write".to_owned(), message: "timed out".to_owned() };
        let mut attempts = Attempts::new(&settings, 0);
        assert!(attempts.wait(slow()).await.is_ok() && attempts.wait(slow()).await.is_ok());
        assert!(attempts.wait(slow()).await.is_err());
        assert_eq!(attempts.made(), 2);
        let wrong = Fault::Credentials { user: "a".to_owned() };
        assert!(Attempts::new(&settings, 0).wait(wrong).await.is_err());
    }
}
