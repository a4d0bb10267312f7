//! The objectives that are answered at a bar's close only: exactly where there is an exact method, and by a search of
//! the universe's number of samples.
//!
//! A pure function of the window's returns, the settings, the seed and the bar number, for stored rows and for
//! what is shown live alike.

use silverbullet_kernel::constrained::{self, SearchOptions};
use silverbullet_kernel::{Constraints, Error, Fallback, Goal, Label, Objective, Portfolio, Problem};
use silverbullet_market::Universe;
use silverbullet_market::moments::ReturnMatrix;

use crate::error::Result;

/// The portfolios of the close-only objectives of `universe` at `bar`, whose window has `returns`.
///
/// # Errors
/// Where the kernel refuses a question, which a checked universe and valid bars do not bring about.
pub(crate) fn portfolios(
    universe: &Universe,
    problem: &Problem,
    returns: &ReturnMatrix,
    bar: i64,
) -> Result<Vec<Portfolio>> {
    let options = SearchOptions { samples: universe.samples, seed: seed_of(universe.seed, bar) };
    let mut portfolios = Vec::new();
    for objective in universe.close_objectives() {
        let goal = universe.parameters.goal(objective, returns)?;
        portfolios.extend(answers(problem, &goal, &options)?);
    }
    Ok(portfolios)
}

/// The exact answer, where there is one, and the one a search finds. Where a target is out of reach the portfolio
/// nearest to it takes its place, and says so.
fn answers(problem: &Problem, goal: &Goal, options: &SearchOptions) -> Result<Vec<Portfolio>> {
    match solve_and_search(problem, goal, options) {
        Err(Error::Conflict { .. } | Error::Unattainable { .. }) => {}
        answered => return Ok(answered?),
    }
    let nearest = match goal.objective() {
        Objective::TargetReturn => Goal::utility(0.0)?,
        _ => Goal::min_variance(),
    };
    let mut answered = solve_and_search(problem, &nearest, options)?;
    for portfolio in &mut answered {
        portfolio.objective = goal.objective();
        portfolio.gap = None;
        if portfolio.label.is_ok() {
            portfolio.label = Label::Fallback(Fallback::TargetOutOfReach);
        }
    }
    Ok(answered)
}

fn solve_and_search(
    problem: &Problem,
    goal: &Goal,
    options: &SearchOptions,
) -> silverbullet_kernel::Result<Vec<Portfolio>> {
    let none = Constraints::none(problem.assets());
    let best = constrained::solve(problem, &none, goal)?;
    let mut found = constrained::search(problem, &none, goal, options)?;
    if let Some(best) = best.as_ref().filter(|best| best.label.is_ok() && found.label.is_ok()) {
        found.gap = goal.gap(problem, &none, &best.weights, &found.weights);
    }
    Ok([Some(found), best].into_iter().flatten().collect())
}

/// A seed for each bar: the finalizer of splitmix64, which maps different numbers to different ones.
fn seed_of(seed: u64, bar: i64) -> u64 {
    let mut mixed = seed ^ bar.cast_unsigned().wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use silverbullet_kernel::{Method, SymmetricMatrix};

    use super::*;

    fn problem() -> Problem {
        let covariance = SymmetricMatrix::from_row_major(2, vec![4.0, 0.5, 0.5, 1.0]).unwrap();
        Problem::new(vec![0.3, 0.1], covariance, 40).unwrap()
    }

    fn answered(goal: Goal) -> Vec<Portfolio> {
        answers(&problem(), &goal, &SearchOptions { samples: 64, seed: 1 }).unwrap()
    }

    #[test]
    fn a_target_out_of_reach_is_answered_by_what_comes_nearest() {
        for (goal, nearest) in [
            (Goal::target_return(0.5).unwrap(), 0.3),
            (Goal::target_risk(0.1).unwrap(), 0.3 * 0.125 + 0.1 * 0.875),
        ] {
            let portfolios = answered(goal.clone());
            assert_eq!(portfolios.len(), 2);
            for portfolio in portfolios {
                assert_eq!(portfolio.objective, goal.objective());
                assert_eq!(portfolio.label.text(), "fallback: target out of reach");
                assert!((portfolio.mean - nearest).abs() < 1e-4, "{portfolio:?}");
                assert_eq!(portfolio.gap, None);
            }
        }
    }

    #[test]
    fn what_is_within_reach_is_answered_exactly_and_by_search_with_its_gap() {
        let [found, best] = &answered(Goal::risk_parity())[..] else { panic!("two portfolios") };
        assert_eq!((best.method, found.method), (Method::Exact, Method::MonteCarlo));
        assert_eq!((best.label, best.gap), (Label::Ok, Some(0.0)));
        assert!(found.gap.is_some_and(|gap| (-1e-9..1e-3).contains(&gap)), "{found:?}");
    }

    #[test]
    fn no_two_bars_share_a_seed() {
        let seeds: std::collections::BTreeSet<u64> = (-500..500).map(|bar| seed_of(7, bar)).collect();
        assert_eq!(seeds.len(), 1_000);
    }
}
