//! What an exchange's clock shows when something is received here.
//!
//! Some prices carry no time (Binance's best bid and offer). The receipt's would do if all clocks agreed; a recording has one
//! that was 1.27 seconds behind, and then each such price would belong to a bar that prices with a time have long
//! made final. So it is stamped with the receipt's time *by the exchange's clock*: less the least delay of late
//! between the exchange's time and the receipt, which is the difference of the clocks and of the quickest way.

use silverbullet_market::{Nanos, SECOND};

/// The least delay is that of one or two stretches of this length: clocks drift.
const STRETCH: Nanos = 60 * SECOND;
/// A delay that is further than this from the least is taken only once others agree.
const DOUBTFUL: Nanos = 2 * SECOND;
/// So many have to agree.
const AGREEING: u32 = 3;

/// How far the receipt is behind the exchange's clock; negative where that is ahead.
#[derive(Debug, Clone, Default)]
pub(crate) struct VenueTime {
    /// The least delay in the stretch before, and in this one.
    least: Option<(Nanos, Nanos)>,
    began: Nanos,
    /// A delay far from the least, and how many agree with it.
    doubtful: Option<(Nanos, u32)>,
    /// Of the venue's answer to the connection, to the second: better than nothing, until a price has a time.
    hint: Option<Nanos>,
}

impl VenueTime {
    /// Takes note of the time that the venue's answer to a connection bears, which is told in whole seconds.
    pub(crate) fn answered(&mut self, receipt: Nanos, exchange: Nanos) {
        let delay = receipt.saturating_sub(exchange);
        // Within the second that it was cut to, it says nothing. Otherwise a stamp is behind by up to that second, and not
        // ahead: prices with a time that come next would belong to bars that it has made final.
        self.hint = (!(0..=DOUBTFUL).contains(&delay)).then_some(delay);
    }

    /// Takes note of a price with a time.
    pub(crate) fn look(&mut self, receipt: Nanos, exchange: Nanos) {
        let delay = receipt.saturating_sub(exchange);
        let Some((before, now)) = self.least else { return self.begin(receipt, delay) };
        if delay.abs_diff(before.min(now)) > DOUBTFUL.unsigned_abs() {
            return self.doubt(receipt, delay);
        }
        self.doubtful = None;
        self.least = Some(if receipt.saturating_sub(self.began) > STRETCH {
            self.began = receipt;
            (now, delay)
        } else {
            (before, now.min(delay))
        });
    }

    /// The exchange's time at this receipt, as far as it is known.
    pub(crate) fn stamp(&self, receipt: Nanos) -> Nanos {
        let delay = self.least.map(|(before, now)| before.min(now)).or(self.hint);
        receipt.saturating_sub(delay.unwrap_or_default())
    }

    fn begin(&mut self, receipt: Nanos, delay: Nanos) {
        (self.least, self.began, self.doubtful) = (Some((delay, delay)), receipt, None);
    }

    /// One wrong time moves nothing; several that agree do.
    fn doubt(&mut self, receipt: Nanos, delay: Nanos) {
        let agree = match self.doubtful {
            Some((other, count)) if delay.abs_diff(other) <= DOUBTFUL.unsigned_abs() => count + 1,
            _ => 1,
        };
        self.doubtful = Some((delay, agree));
        if agree >= AGREEING {
            self.begin(receipt, delay);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLISECOND: Nanos = SECOND / 1_000;
    const HOUR: Nanos = 3_600 * SECOND;

    #[test]
    fn a_receipt_is_stamped_with_the_clock_of_the_exchange() {
        for ahead in [0, -1_270 * MILLISECOND, HOUR, -HOUR] {
            let mut time = VenueTime::default();
            assert_eq!(time.stamp(5), 5, "nothing is known");
            for (second, way) in (0..).zip([30, 20, 25, 400]) {
                let exchange = second * SECOND;
                time.look(exchange + ahead + way * MILLISECOND, exchange);
            }
            // By the quickest way: it is never stamped before it happened.
            assert_eq!(time.stamp(HOUR + ahead), HOUR - 20 * MILLISECOND, "{ahead}");
        }
    }

    #[test]
    fn one_wrong_time_moves_nothing_and_three_that_agree_do() {
        let mut time = VenueTime::default();
        time.look(SECOND, SECOND);
        time.look(2 * SECOND, HOUR);
        time.look(3 * SECOND, 3 * SECOND);
        time.look(4 * SECOND, HOUR + 4 * SECOND);
        time.look(5 * SECOND, HOUR + 5 * SECOND);
        assert_eq!(time.stamp(6 * SECOND), 6 * SECOND);
        time.look(6 * SECOND, HOUR + 6 * SECOND);
        assert_eq!(time.stamp(7 * SECOND), HOUR + 7 * SECOND);
    }

    #[test]
    fn a_clock_that_drifts_is_followed() {
        let mut time = VenueTime::default();
        // A millisecond a second, for five minutes.
        for second in 0..300 {
            time.look(second * (SECOND + MILLISECOND), second * SECOND);
        }
        let now = 300 * (SECOND + MILLISECOND);
        assert!((time.stamp(now) - 300 * SECOND).abs() < 125 * MILLISECOND);
    }

    #[test]
    fn the_answer_to_the_connection_tells_a_clock_that_is_wrong_by_more_than_it_can_say() {
        let stamp = |receipt: Nanos, date: Nanos| {
            let mut time = VenueTime::default();
            time.answered(receipt, date);
            time.stamp(receipt) - receipt
        };
        assert_eq!(stamp(HOUR + SECOND / 3, HOUR), 0);
        assert_eq!(stamp(2 * HOUR, HOUR), -HOUR);
        assert_eq!(stamp(HOUR, 2 * HOUR), HOUR);
        let mut time = VenueTime::default();
        time.answered(2 * HOUR, HOUR);
        time.look(2 * HOUR, HOUR + SECOND / 4);
        assert_eq!(time.stamp(2 * HOUR), HOUR + SECOND / 4, "a price knows better");
    }
}
