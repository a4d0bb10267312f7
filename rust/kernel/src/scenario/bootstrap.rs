//! Which bars of a window a bootstrap draws.
//!
//! Plain: each row a bar of its own, uniform and independent (Efron 1979). Block: runs of a fixed length that begin
//! anywhere and wrap round the end (circular block bootstrap, Politis & Romano 1992), which keep dependence from bar
//! to bar. Stationary: runs of geometric length (Politis & Romano 1994).

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::random::{PortfolioStream, RunKey};

/// How bars are drawn from a window of history, with replacement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bootstrap {
    /// Bar by bar.
    #[default]
    Plain,
    /// In circular blocks of a fixed length; a length of one is the plain bootstrap.
    Block {
        /// Bars in a block, at least one.
        length: usize,
    },
    /// In circular blocks of geometric length.
    Stationary {
        /// Mean number of bars in a block, at least one.
        mean_length: usize,
    },
}

impl Bootstrap {
    /// Refuses blocks without a bar and windows that a 32-bit word cannot number.
    pub(crate) fn require_valid(self, bars: usize) -> Result<()> {
        let (parameter, length) = match self {
            Self::Plain => ("block length", 1),
            Self::Block { length } => ("block length", length),
            Self::Stationary { mean_length } => ("mean block length", mean_length),
        };
        let expected = "a number of bars from 1 to 4294967295";
        for (parameter, count) in [(parameter, length), ("window", bars)] {
            if count == 0 || u32::try_from(count).is_err() {
                return Err(Error::OutOfRange { parameter, value: count as f64, expected });
            }
        }
        Ok(())
    }

    /// Calls `visit` with the bar that stands in each of `rows`. What stands in a row is a function of `run` and
    /// its number alone: each block, and each row that may begin one, has a stream of its own.
    pub(crate) fn for_each(self, run: RunKey, rows: Range<u64>, bars: usize, mut visit: impl FnMut(usize)) {
        let begins = |row: u64, mean_length: usize| {
            let mut stream = PortfolioStream::new(run, row);
            let restart = stream.below(mean_length) == 0 || row == 0;
            restart.then(|| stream.below(bars))
        };
        let (mut first, mut start) = (rows.start, 0);
        if let Self::Stationary { mean_length } = self {
            // The block that reaches into the range began before it.
            while first > 0 && begins(first, mean_length).is_none() {
                first -= 1;
            }
            start = begins(first, mean_length).unwrap_or(0);
        }
        for row in rows {
            match self {
                Self::Plain => visit(PortfolioStream::new(run, row).below(bars)),
                Self::Block { length } => {
                    let length = length as u64;
                    if row == first || row.is_multiple_of(length) {
                        start = PortfolioStream::new(run, row / length).below(bars);
                    }
                    visit(advance(start, row % length, bars));
                }
                Self::Stationary { mean_length } => {
                    if let Some(begin) = begins(row, mean_length) {
                        (first, start) = (row, begin);
                    }
                    visit(advance(start, row - first, bars));
                }
            }
        }
    }
}

fn advance(start: usize, steps: u64, bars: usize) -> usize {
    ((start as u64 + steps % bars as u64) % bars as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Purpose;

    const SCHEMES: [Bootstrap; 3] =
        [Bootstrap::Plain, Bootstrap::Block { length: 7 }, Bootstrap::Stationary { mean_length: 5 }];

    fn bars(scheme: Bootstrap, rows: Range<u64>, bars: usize) -> Vec<usize> {
        let mut drawn = Vec::new();
        scheme.for_each(RunKey::new(3, 1, Purpose::Bootstrap), rows, bars, |bar| drawn.push(bar));
        drawn
    }

    #[test]
    fn any_range_of_rows_is_part_of_the_whole() {
        for scheme in SCHEMES {
            let whole = bars(scheme, 0..200, 30);
            for (from, to) in [(0, 1), (13, 14), (14, 60), (199, 200), (50, 50)] {
                assert_eq!(bars(scheme, from as u64..to as u64, 30), whole[from..to], "{scheme:?}");
            }
        }
    }

    #[test]
    fn blocks_run_on_and_wrap_round() {
        let drawn = bars(Bootstrap::Block { length: 7 }, 0..70, 10);
        for (row, pair) in drawn.windows(2).enumerate() {
            assert!((row + 1) % 7 == 0 || pair[1] == (pair[0] + 1) % 10);
        }
        let mut whole = bars(Bootstrap::Block { length: 10 }, 0..10, 10);
        whole.sort_unstable();
        assert!(whole.into_iter().eq(0..10));
    }

    #[test]
    fn every_bar_is_as_likely_as_any_other() {
        for scheme in SCHEMES {
            let mut counts = [0_u32; 10];
            bars(scheme, 0..50_000, 10).into_iter().for_each(|bar| counts[bar] += 1);
            assert!(counts.iter().all(|&count| count.abs_diff(5_000) < 600), "{scheme:?}: {counts:?}");
        }
    }

    #[test]
    fn stationary_blocks_have_their_mean_length() {
        let drawn = bars(Bootstrap::Stationary { mean_length: 5 }, 0..50_000, 1_000);
        let breaks = drawn.windows(2).filter(|pair| pair[1] != (pair[0] + 1) % 1_000).count();
        assert!(breaks.abs_diff(10_000) < 400, "{breaks}");
    }
}
