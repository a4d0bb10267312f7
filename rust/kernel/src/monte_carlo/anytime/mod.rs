//! Search at any time: small chunks of samples and small batches of refinement in turn, until a budget is spent or
//! the search knows that it is near enough.
//!
//! ```
//! use silverbullet_kernel::{Budget, Objective, Problem, SearchOptions, SymmetricMatrix, search};
//!
//! let covariance = SymmetricMatrix::from_lower(2, |row, column| if row == column { 4e-4 } else { 1e-4 });
//! let problem = Problem::new(vec![1e-3, 1e-3], covariance, 250)?;
//! let found = search(&problem, &SearchOptions::default(), Budget::Samples(10_000))?;
//! let best = found.portfolio(Objective::MaxSharpe).unwrap();
//! assert!((best.weights[0] - 0.5).abs() < 1e-2);
//! assert!(found.bound(Objective::MaxSharpe).is_some_and(|gap| gap <= 1e-4));
//! # Ok::<(), silverbullet_kernel::Error>(())
//! ```
//!
//! What is found is a function of the problem, the options and the number of evaluations. A run under a time budget
//! counts them, and [`Budget::Evaluations`] of that count makes it again to the same bits.

mod answer;
mod draws;
mod meter;
mod path;
mod run;

use std::fmt;
use std::time::Duration;

use super::finish::last_resort;
use crate::batch::ScaledProblem;
use crate::error::Result;
use crate::portfolio::{FrontierPoint, Objective, Portfolio};
use crate::problem::Problem;
use crate::refine::PaddedProblem;
use crate::sampler::SamplerKind;
use meter::Meter;
use run::Run;

/// How long to search.
pub enum Budget<'a> {
    /// At most so many samples; then the refinement of what was found is brought to its end.
    Samples(u64),
    /// At most so many evaluations, samples and moves of refinement together, give or take one batch.
    Evaluations(u64),
    /// Until `clock`, which says how much time has passed since whatever moment, has moved by `limit`. What is
    /// under way is finished first: the first chunk of samples, and then some tens of microseconds at fifty assets.
    Time {
        /// The time to search for, from the first reading on.
        limit: Duration,
        /// Read before the first sample and after each batch.
        clock: &'a mut dyn FnMut() -> Duration,
    },
}

impl fmt::Debug for Budget<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Samples(samples) => f.debug_tuple("Samples").field(samples).finish(),
            Self::Evaluations(evaluations) => f.debug_tuple("Evaluations").field(evaluations).finish(),
            Self::Time { limit, .. } => f.debug_struct("Time").field("limit", limit).finish_non_exhaustive(),
        }
    }
}

/// What to search for, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchOptions {
    /// The run's seed.
    pub seed: u64,
    /// Which of the seed's streams to draw from, for example the number of a bar.
    pub stream: u64,
    /// What the samples are drawn from.
    pub sampler: SamplerKind,
    /// The search stops when it knows that no gap is larger than this; zero never stops it.
    pub tolerance: f64,
    /// Points of the frontier to search for, equally spaced in mean; with none the frontier consists of the
    /// efficient ones of the portfolios found.
    pub frontier_points: usize,
    /// How far the risk of a point may be above the least risk at its mean, relative to it.
    pub frontier_tolerance: f64,
}

impl Default for SearchOptions {
    fn default() -> Self {
        Self {
            seed: 0,
            stream: 0,
            sampler: SamplerKind::Auto,
            tolerance: 1e-4,
            frontier_points: 0,
            frontier_tolerance: 2e-3,
        }
    }
}

/// Why a search came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Everything asked for is within its tolerance, by the search's own bounds, or is a labelled fallback.
    Certified,
    /// The budget was spent.
    Budget,
}

/// What a search has found.
#[derive(Debug, Clone, PartialEq)]
pub struct Search {
    /// The best portfolio for each of [`Objective::LIVE`], in that order. The gap is left open: it takes the
    /// exact optimum, which the search must not see.
    pub portfolios: Vec<Portfolio>,
    /// For each portfolio an upper bound on its [`gap`](fn@crate::gap) from first-order conditions, without any exact
    /// solution; `None` for fallbacks and where there is none yet.
    pub bounds: Vec<Option<f64>>,
    /// The efficient frontier by rising mean.
    pub frontier: Vec<FrontierPoint>,
    /// The most that the risk of a point of the frontier can be above the least at its mean, relative to it; `None`
    /// where no points were asked for, or there is no bound yet.
    pub frontier_bound: Option<f64>,
    /// Portfolios drawn.
    pub samples: u64,
    /// Portfolios drawn and moves made.
    pub evaluations: u64,
    /// Why it stopped.
    pub stop: Stop,
}

impl Search {
    /// The best portfolio for `objective`.
    #[must_use]
    pub fn portfolio(&self, objective: Objective) -> Option<&Portfolio> {
        self.portfolios.iter().find(|portfolio| portfolio.objective == objective)
    }

    /// An upper bound on the gap of the best portfolio for `objective`.
    #[must_use]
    pub fn bound(&self, objective: Objective) -> Option<f64> {
        let place = self.portfolios.iter().position(|portfolio| portfolio.objective == objective)?;
        self.bounds.get(place).copied().flatten()
    }
}

/// Searches until `budget` is spent, or until the search knows that it is near enough.
///
/// # Errors
/// A budget of no sample or no evaluation. No time at all still draws one chunk of samples. A valid but degenerate problem is answered with a label.
pub fn search(problem: &Problem, options: &SearchOptions, budget: Budget<'_>) -> Result<Search> {
    let mut meter = Meter::new(budget)?;
    let own = ScaledProblem::new(problem);
    let (found, riskless) = attempt(problem, &own, options, &mut meter, None);
    if !riskless {
        return Ok(found);
    }
    // Where there is a portfolio without risk, the shrunk covariance stands in, or one that is shrunk enough.
    let shrunk = ScaledProblem::with_covariance(problem, &problem.shrunk_covariance());
    let (found, riskless) = attempt(problem, &shrunk, options, &mut meter, Some(&found));
    if !riskless {
        return Ok(found);
    }
    Ok(attempt(problem, &last_resort(problem), options, &mut meter, Some(&found)).0)
}

/// The answer under the covariance of `scaled`, and whether that leaves a portfolio without risk. It starts from what
/// was `found` under another one that did.
fn attempt(
    problem: &Problem,
    scaled: &ScaledProblem,
    options: &SearchOptions,
    meter: &mut Meter<'_>,
    found: Option<&Search>,
) -> (Search, bool) {
    let padded = PaddedProblem::new(scaled);
    let mut run = Run::new(problem, scaled, &padded, options);
    if let Some(found) = found {
        run.start_from(found);
    }
    let stop = run.finish(meter);
    let riskless = run.riskless();
    (run.answer(stop, found.is_some(), meter), riskless)
}
