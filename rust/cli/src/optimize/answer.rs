//! The portfolios and the frontier of one problem.

use silverbullet_kernel::{
    Fallback, FrontierPoint, Label, MonteCarloOptions, Objective, Portfolio, exact, gap, monte_carlo,
};

use super::input::Loaded;

/// What is to be computed.
pub(crate) struct Request<'a> {
    pub(crate) objectives: &'a [Objective],
    pub(crate) points: usize,
    pub(crate) samples: u64,
    pub(crate) seed: u64,
}

/// What was computed.
pub(crate) struct Answer {
    /// For each objective the exact portfolio and then the Monte Carlo one.
    pub(crate) portfolios: Vec<Portfolio>,
    /// Equally spaced in mean.
    pub(crate) frontier: Vec<FrontierPoint>,
    /// Whether the frontier is that of the covariance itself.
    pub(crate) frontier_label: Label,
    /// Portfolios drawn.
    pub(crate) samples: u64,
}

impl Answer {
    /// What there is to say of a frontier that is not that of the covariance itself.
    pub(crate) fn frontier_remark(&self) -> Option<String> {
        match self.frontier_label {
            Label::Ok => None,
            Label::Fallback(Fallback::Singular) => {
                Some("the frontier is that of the shrunk covariance (singular)".to_owned())
            }
            Label::Fallback(reason) => Some(format!("the frontier is a fallback ({})", reason.reason())),
        }
    }
}

/// Solves exactly and by sampling; the distance of the second from the first is its gap.
pub(crate) fn solve(input: &Loaded, request: &Request<'_>) -> anyhow::Result<Answer> {
    let problem = &input.problem;
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let options = MonteCarloOptions {
        samples: request.samples,
        seed: request.seed,
        threads,
        ..MonteCarloOptions::default()
    };
    let sampled = monte_carlo(problem, &options)?;
    let mut portfolios = Vec::with_capacity(2 * request.objectives.len());
    for &objective in request.objectives {
        let best = exact::solve(problem, objective);
        let found = sampled.portfolio(objective).cloned().map(|mut found| {
            if best.label.is_ok() && found.label.is_ok() {
                let [best, achieved] = [&best, &found].map(|of| problem.evaluate(&of.weights));
                found.gap = gap(objective, &best, &achieved, problem.observations());
            }
            found
        });
        portfolios.push(best);
        portfolios.extend(found);
    }
    let frontier = exact::frontier(problem);
    Ok(Answer {
        portfolios,
        frontier: frontier.equally_spaced(request.points),
        frontier_label: frontier.label,
        samples: sampled.samples,
    })
}
