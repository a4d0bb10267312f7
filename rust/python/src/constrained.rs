//! Any objective under any constraints: exactly where a method exists, and by search.

use silverbullet_kernel::constrained::{SearchOptions, search, solve};
use silverbullet_kernel::{Constraints, Error, FrontierPoint, Goal, Label, Portfolio, Problem};

/// The best portfolio that a search finds, with its gap from the exact one where there is one.
pub(crate) fn searched(
    problem: &Problem,
    constraints: &Constraints,
    goal: &Goal,
    options: &SearchOptions,
) -> Result<Portfolio, Error> {
    let mut found = search(problem, constraints, goal, options)?;
    let best = solve(problem, constraints, goal)?;
    if let Some(best) = best.filter(|best| best.label.is_ok() && found.label.is_ok()) {
        found.gap = goal.gap(problem, constraints, &best.weights, &found.weights);
    }
    Ok(found)
}

/// Portfolios of the least risk, equally spaced in mean after fees, from that of the least risk to that of the largest
/// mean; by `answer`, and none where it has none.
pub(crate) fn frontier(
    points: usize,
    answer: impl Fn(&Goal) -> Result<Option<Portfolio>, Error>,
) -> Result<(Label, Vec<FrontierPoint>), Error> {
    let (least, most) = (answer(&Goal::min_variance())?, answer(&Goal::utility(0.0)?)?);
    let (Some(least), Some(most)) = (least, most) else { return Ok((Label::Ok, Vec::new())) };
    let label = least.label;
    let (low, high) = (least.mean, most.mean);
    let mut frontier = vec![point(least)];
    for number in 1..points.saturating_sub(1) {
        let mean = low + (high - low) * number as f64 / (points - 1) as f64;
        frontier.extend(answer(&Goal::target_return(mean)?)?.map(point));
    }
    if points > 1 {
        frontier.push(point(most));
    }
    Ok((label, frontier))
}

fn point(portfolio: Portfolio) -> FrontierPoint {
    FrontierPoint { risk: portfolio.risk, mean: portfolio.mean, weights: portfolio.weights }
}
