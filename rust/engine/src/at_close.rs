//! The newest answers of the objectives that are answered at a bar's close only.

use silverbullet_kernel::Portfolio;
use silverbullet_market::Nanos;

use crate::publication::Answer;

/// Portfolios of one close. Publications carry the newest of them along until the next is there.
#[derive(Debug, Clone, PartialEq)]
pub struct AtClose {
    /// Number of the last bar of their window.
    pub bar: i64,
    /// Its close, nanoseconds UTC.
    pub as_of: Nanos,
    /// The portfolios, in the order of objective and method; the same as the rows stored for the bar, where its
    /// rows are stored. Weights are over the whole universe.
    pub answers: Vec<Answer>,
}

impl AtClose {
    /// `portfolios` over the assets at the positions `eligible` of a universe of `assets`.
    pub(crate) fn new(
        (bar, as_of): (i64, Nanos),
        portfolios: &[Portfolio],
        eligible: &[usize],
        assets: usize,
    ) -> Self {
        let answer = |portfolio: &Portfolio| {
            let mut weights = vec![0.0; assets];
            for (&position, &weight) in eligible.iter().zip(&portfolio.weights) {
                weights[position] = weight;
            }
            Answer {
                objective: portfolio.objective,
                method: portfolio.method,
                label: portfolio.label,
                mean: portfolio.mean,
                risk: portfolio.risk,
                sharpe: portfolio.sharpe,
                gap: portfolio.gap,
                weights,
            }
        };
        let mut answers: Vec<Answer> = portfolios.iter().map(answer).collect();
        answers.sort_by_key(|answer| (answer.objective, answer.method));
        Self { bar, as_of, answers }
    }
}
