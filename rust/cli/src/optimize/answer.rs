//! The portfolios and the frontier of one problem.

use silverbullet_kernel::constrained::{self, SearchOptions};
use silverbullet_kernel::{
    Constraints, Error, Fallback, FrontierPoint, Goal, Label, MonteCarlo, MonteCarloOptions, Objective,
    Portfolio, Problem, exact, gap, monte_carlo,
};

use super::input::Loaded;
use super::question::named;
use crate::format;
use crate::output;

/// Returns above which an objective over scenarios takes seconds.
const MANY_RETURNS: usize = 20_000;

/// What is to be computed.
pub(crate) struct Request<'a> {
    pub(crate) goals: &'a [Goal],
    pub(crate) constraints: &'a Constraints,
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
    let mut portfolios = Vec::with_capacity(2 * request.goals.len());
    for goal in request.goals {
        tell_of_long_work(input, goal);
        let live = Objective::LIVE.contains(&goal.objective()) && request.constraints.is_empty();
        if live {
            portfolios.extend(within_bounds(problem, &sampled, goal.objective()));
        } else {
            let answers = constrained(problem, request, goal);
            portfolios.extend(answers.map_err(|error| named(&error, &input.assets))?);
        }
    }
    let (frontier, frontier_label) = if request.constraints.is_empty() {
        let frontier = exact::frontier(problem);
        (frontier.equally_spaced(request.points), frontier.label)
    } else {
        let frontier = constrained_frontier(problem, request.constraints, request.points);
        frontier.map_err(|error| named(&error, &input.assets))?
    };
    Ok(Answer { portfolios, frontier, frontier_label, samples: sampled.samples })
}

/// Says what takes more than a moment: what is measured over thousands of bars, one by one.
fn tell_of_long_work(input: &Loaded, goal: &Goal) {
    let over_bars = matches!(goal.objective(), Objective::MinCvar | Objective::MinDrawdown);
    let bars = input.moments.observations;
    if over_bars && bars * input.assets.len() > MANY_RETURNS {
        let bars = format::counted(bars as u64, "bar");
        output::note(&format!("{} over {bars}: this takes some seconds", goal.objective()));
    }
}

/// The exact portfolio and the sampled one, under bounds alone.
fn within_bounds(
    problem: &Problem,
    sampled: &MonteCarlo,
    objective: Objective,
) -> impl Iterator<Item = Portfolio> {
    let best = exact::solve(problem, objective);
    let found = sampled.portfolio(objective).cloned().map(|mut found| {
        if best.label.is_ok() && found.label.is_ok() {
            let [best, achieved] = [&best, &found].map(|of| problem.evaluate(&of.weights));
            found.gap = gap(objective, &best, &achieved, problem.observations());
        }
        found
    });
    std::iter::once(best).chain(found)
}

/// The exact portfolio, where there is an exact method, and the one a search finds, under all constraints.
fn constrained(problem: &Problem, request: &Request<'_>, goal: &Goal) -> Result<Vec<Portfolio>, Error> {
    let constraints = request.constraints;
    let best = constrained::solve(problem, constraints, goal)?;
    let options = SearchOptions { samples: request.samples, seed: request.seed };
    let mut found = constrained::search(problem, constraints, goal, &options)?;
    if let Some(best) = best.as_ref().filter(|best| best.label.is_ok() && found.label.is_ok()) {
        found.gap = goal.gap(problem, constraints, &best.weights, &found.weights);
    }
    Ok(best.into_iter().chain([found]).collect())
}

/// Portfolios of the least risk, equally spaced in mean after fees, from that of the least risk to that of the
/// largest mean. None where no exact method exists.
fn constrained_frontier(
    problem: &Problem,
    constraints: &Constraints,
    points: usize,
) -> Result<(Vec<FrontierPoint>, Label), Error> {
    let solve = |goal: &Goal| constrained::solve(problem, constraints, goal);
    let (least, most) = (solve(&Goal::min_variance())?, solve(&Goal::utility(0.0)?)?);
    let (Some(least), Some(most)) = (least, most) else { return Ok((Vec::new(), Label::Ok)) };
    let label = least.label;
    let point = |one: Portfolio| FrontierPoint { risk: one.risk, mean: one.mean, weights: one.weights };
    let step = (most.mean - least.mean) / (points.max(2) - 1) as f64;
    let mut frontier = vec![point(least.clone())];
    for number in 1..points.max(2) - 1 {
        let target = Goal::target_return(least.mean + step * number as f64)?;
        frontier.extend(solve(&target)?.map(point));
    }
    frontier.push(point(most));
    Ok((frontier, label))
}
