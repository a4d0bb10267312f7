//! Whether the event times of a file lie on a regular grid, as those of 1-minute prices do.
//!
//! Looks at the differences between consecutive distinct times. The grid is the most frequent difference, when it
//! is at least a second, makes up at least half of them, and divides the others: then it is the largest interval
//! that divides them all. One in a hundred may be off the grid: a single mistyped time must not turn
//! 1-minute prices into 1-second bars full of zeros.

use std::collections::BTreeMap;

use silverbullet_market::{Nanos, SECOND};

/// With more distinct differences than this the times are irregular.
const MOST_DISTINCT: usize = 4_096;

/// Collects differences.
#[derive(Debug, Default)]
pub(crate) struct GridDetector {
    last_time: Option<Nanos>,
    last_step: Nanos,
    repeats: u64,
    counts: BTreeMap<Nanos, u64>,
    irregular: bool,
}

impl GridDetector {
    /// Takes the time of the next row.
    #[inline]
    pub(crate) fn add(&mut self, time: Nanos) {
        let Some(last) = self.last_time.replace(time) else { return };
        if last == time {
            return;
        }
        let step = time.saturating_sub(last).saturating_abs();
        if step == self.last_step {
            self.repeats += 1;
        } else {
            self.count_step();
            self.last_step = step;
            self.repeats = 1;
        }
    }

    fn count_step(&mut self) {
        if self.repeats == 0 || self.irregular {
            return;
        }
        *self.counts.entry(self.last_step).or_default() += self.repeats;
        self.irregular = self.counts.len() > MOST_DISTINCT;
    }

    /// True where there are too few times to tell.
    #[cfg(feature = "kafka")]
    pub(crate) fn is_empty(&self) -> bool {
        self.counts.is_empty() && self.repeats == 0
    }

    /// The grid, if there is one.
    pub(crate) fn finish(mut self) -> Option<Nanos> {
        self.count_step();
        if self.irregular {
            return None;
        }
        let total: u64 = self.counts.values().sum();
        let (&grid, &count) = self.counts.iter().max_by_key(|&(step, count)| (*count, -step))?;
        if grid < SECOND || 2 * count < total {
            return None;
        }
        let off: u64 = self.counts.iter().filter(|&(step, _)| step % grid != 0).map(|(_, count)| count).sum();
        (100 * off <= total).then_some(grid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(times: impl IntoIterator<Item = Nanos>) -> Option<Nanos> {
        let mut detector = GridDetector::default();
        for time in times {
            detector.add(time);
        }
        detector.finish()
    }

    fn seconds(times: &[i64]) -> Option<Nanos> {
        grid(times.iter().map(|t| t * SECOND)).map(|grid| grid / SECOND)
    }

    #[test]
    fn minute_prices_lie_on_a_grid_also_with_gaps_and_rows_out_of_order() {
        assert_eq!(seconds(&[0, 0, 60, 60, 120, 120, 180]), Some(60));
        assert_eq!(seconds(&[0, 60, 120, 180, 86_400, 86_460]), Some(60));
        assert_eq!(seconds(&[0, 60, 120, 60, 120, 180, 240]), Some(60));
    }

    #[test]
    fn irregular_or_fast_times_do_not() {
        assert_eq!(seconds(&[]), None);
        assert_eq!(seconds(&[5]), None);
        assert_eq!(seconds(&[0, 60, 150, 210, 240]), None);
        assert_eq!(seconds(&[0, 120, 300, 360, 540]), None);
        assert_eq!(grid((0..100).map(|i| i * SECOND / 4)), None);
        assert_eq!(
            grid((0..20_000).scan(0, |t, i| {
                *t += SECOND + i * i;
                Some(*t)
            })),
            None
        );
    }

    #[test]
    fn one_stray_time_in_many_does_not_hide_the_grid() {
        let with_strays =
            |strays: i64| grid((0..1_000).map(|i| i * 60 * SECOND + i64::from(i < strays) * 7 * SECOND));
        assert_eq!(grid((0..1_000).map(|i| i * 60 * SECOND + i64::from(i == 500) * 7)), Some(60 * SECOND));
        assert_eq!(with_strays(1), Some(60 * SECOND));
        assert_eq!(grid((0..20).map(|i| i * 60 * SECOND + i64::from(i == 10))), None);
    }
}
