//! Whether a clock has jumped: this side's against the exchange's.

use silverbullet_market::{Nanos, SECOND};

/// What no network and no quiet market explains.
const MOST: u64 = 60 * SECOND.unsigned_abs();

/// Receipt less the exchange's time, before and after; either may be negative, for clocks differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Jump {
    /// Before, nanoseconds.
    pub from: Nanos,
    /// Now, nanoseconds.
    pub to: Nanos,
}

/// How long after the exchange's time prices were received of late.
///
/// Only a change is judged: that two clocks differ is normal, and so is that they drift. A single wrong stamp is told
/// twice, when it comes and when the next one is right again, for that it was single is not known before.
#[derive(Debug, Default)]
pub struct Skew(Option<Nanos>);

impl Skew {
    /// Takes note of a price that was received at `receipt`; tells where that is more than a minute from what it was.
    pub fn look(&mut self, receipt: Nanos, exchange: Nanos) -> Option<Jump> {
        let to = receipt.saturating_sub(exchange);
        let from = self.0.replace(to)?;
        (from.abs_diff(to) > MOST).then_some(Jump { from, to })
    }

    /// Forgets what it has seen.
    pub fn clear(&mut self) {
        self.0 = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Nanos = 60 * SECOND;

    #[test]
    fn a_jump_is_told_there_and_back() {
        let mut skew = Skew::default();
        let jump = |from, to| Some(Jump { from, to });
        // Receipt, the exchange's time.
        let steps = [
            (0, 5 * MINUTE, None),
            (SECOND, 5 * MINUTE, None),
            (SECOND + MINUTE, 5 * MINUTE, None),
            (2 * SECOND + 2 * MINUTE, 5 * MINUTE, jump(SECOND - 4 * MINUTE, 2 * SECOND - 3 * MINUTE)),
            (3 * MINUTE, 5 * MINUTE, None),
            (3 * MINUTE, 7 * MINUTE, jump(-2 * MINUTE, -4 * MINUTE)),
            (Nanos::MAX, Nanos::MIN, jump(-4 * MINUTE, Nanos::MAX)),
            (Nanos::MIN, Nanos::MAX, jump(Nanos::MAX, Nanos::MIN)),
        ];
        for (receipt, exchange, expected) in steps {
            assert_eq!(skew.look(receipt, exchange), expected, "{receipt} {exchange}");
        }
        skew.clear();
        assert_eq!(skew.look(0, 0), None);
    }
}
