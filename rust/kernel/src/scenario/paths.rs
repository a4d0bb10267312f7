//! What portfolios come to along drawn paths.

use std::ops::Range;

use super::ScenarioSource;
use crate::matrix::dot;
use crate::risk::drawdown_of_path;

/// One portfolio along one path of bars, rebalanced to its weights at each; see [`risk`](crate::risk).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PathOutcome {
    /// The sum of its simple returns.
    pub total: f64,
    /// The largest fall of the running sum.
    pub drawdown: f64,
}

impl ScenarioSource {
    /// What each of `portfolios` (one weight an asset) comes to in `bars` bars of each of `paths` of run `seed`: path
    /// after path, in each one portfolio after the other. A path is the same whatever range it is drawn in.
    #[must_use]
    pub fn outcomes(
        &self,
        portfolios: &[Vec<f64>],
        seed: u64,
        paths: Range<u64>,
        bars: u64,
    ) -> Vec<PathOutcome> {
        let mut outcomes = Vec::new();
        for path in paths {
            let rows = self.draw_path(seed, path, 0..bars);
            outcomes.extend(portfolios.iter().map(|weights| {
                let mut total = 0.0;
                let steps = rows.as_slice().chunks_exact(rows.assets()).map(|row| {
                    total += dot(row, weights);
                    total
                });
                let drawdown = drawdown_of_path(steps);
                PathOutcome { total, drawdown }
            }));
        }
        outcomes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::risk::max_drawdown;
    use crate::scenario::{Bootstrap, Scenarios};

    fn source(scheme: Bootstrap) -> ScenarioSource {
        let returns = (0..80).map(|i| f64::from(i * i * 31 % 101) * 1e-4 - 0.005).collect();
        ScenarioSource::bootstrap(Scenarios::from_row_major(2, returns).unwrap(), scheme).unwrap()
    }

    #[test]
    fn outcomes_are_those_of_the_drawn_paths_in_any_range() {
        let source = source(Bootstrap::Stationary { mean_length: 7 });
        let portfolios = [vec![1.0, 0.0], vec![0.25, 0.75]];
        let whole = source.outcomes(&portfolios, 5, 0..9, 30);
        assert_eq!(whole[6..], source.outcomes(&portfolios, 5, 3..9, 30));
        for (number, outcome) in whole.iter().enumerate() {
            let path = source.draw_path(5, number as u64 / 2, 0..30);
            let returns = path.portfolio(&portfolios[number % 2]);
            assert_eq!(outcome.total, returns.iter().sum::<f64>());
            assert_eq!(outcome.drawdown, max_drawdown(&returns));
        }
    }

    #[test]
    fn paths_are_apart_and_the_first_is_the_run_itself() {
        let source = source(Bootstrap::Block { length: 20 });
        assert_eq!(source.draw_path(1, 0, 0..50), source.draw(1, 0..50));
        assert_ne!(source.draw_path(1, 1, 0..50), source.draw(1, 0..50));
        assert_ne!(source.draw_path(1, 1, 0..50), source.draw_path(1, 2, 0..50));
    }
}
