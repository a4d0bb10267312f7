//! Exact answers under constraints against grids, other formulations and other methods.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking and prints what it measured, in its helpers too"
)]

#[path = "constrained_common/mod.rs"]
mod common;

use common::{Rules, goals, question};
use silverbullet_kernel::constrained::solve;
use silverbullet_kernel::{Constraints, Goal, Objective, Problem, exact};

/// What a target objective asks of a portfolio beside the constraints.
fn meets(problem: &Problem, constraints: &Constraints, best: &[f64], weights: &[f64], goal: &Goal) -> bool {
    let mean = |weights: &[f64]| problem.evaluate(weights).mean - constraints.fees(weights);
    match goal.objective() {
        // The target binds at the optimum, or the optimum is that without it.
        Objective::TargetReturn => mean(weights) >= mean(best),
        Objective::TargetRisk => problem.evaluate(weights).risk <= problem.evaluate(best).risk,
        _ => true,
    }
}

#[test]
fn nothing_on_a_grid_of_three_assets_is_better() {
    const STEP: f64 = 0.005;
    let mut compared = 0;
    for rules in Rules::ALL {
        for seed in 0..2 {
            let (problem, constraints, scenarios) = question(3, rules, seed);
            for goal in goals(&problem, &constraints, &scenarios) {
                let Some(best) = solve(&problem, &constraints, &goal).unwrap() else { continue };
                let name = format!("{} {rules:?} {seed}", goal.objective());
                assert!(constraints.violation(problem.bounds(), &best.weights) < 1e-9, "{name}: infeasible");
                if !best.label.is_ok() {
                    continue;
                }
                let value = |weights: &[f64]| goal.value(&problem, &constraints, weights).unwrap();
                let (optimum, mut nearest) = (value(&best.weights), f64::NEG_INFINITY);
                for i in -60..=200 {
                    for j in -60..=200 {
                        let (first, second) = (f64::from(i) * STEP, f64::from(j) * STEP);
                        let weights = [first, second, 1.0 - first - second];
                        let feasible = constraints.violation(problem.bounds(), &weights) <= 1e-12;
                        if feasible && meets(&problem, &constraints, &best.weights, &weights, &goal) {
                            nearest = nearest.max(value(&weights));
                        }
                    }
                }
                let slack = 1e-9 * optimum.abs();
                assert!(nearest <= optimum + slack, "{name}: {nearest} on the grid, {optimum} exact");
                // Some point of the grid is near the optimum too: it is no bound of nothing.
                // Shares of risk move by the step times the number of assets.
                let steep = if goal.objective() == Objective::RiskParity { 0.05 } else { 0.0 };
                let close = 0.1 * optimum.abs() + 0.05 * best.risk + steep;
                assert!(nearest >= optimum - close || nearest.is_infinite(), "{name}: {nearest}, {optimum}");
                compared += usize::from(nearest.is_finite());
            }
        }
    }
    assert!(compared > 80, "{compared}");
}

/// A constraint that does not bind, so that the general method answers and not the one for boxes.
fn unbinding(assets: usize) -> Constraints {
    Constraints::none(assets).with_group("all", &(0..assets).collect::<Vec<_>>(), -9.0, 9.0).unwrap()
}

#[test]
fn the_conic_answers_are_those_of_the_active_set_and_the_critical_line() {
    for seed in 0..4 {
        let (problem, none, _) = question(25, Rules::Capped, seed);
        let constraints = unbinding(25);
        for goal in [Goal::max_sharpe(), Goal::min_variance()] {
            let conic = solve(&problem, &constraints, &goal).unwrap().unwrap();
            let active = exact::solve(&problem, goal.objective());
            assert_eq!(conic.label, active.label);
            let gap = goal.gap(&problem, &none, &active.weights, &conic.weights).unwrap();
            assert!(!active.label.is_ok() || gap.abs() < 1e-10, "{}: {gap:e}", goal.objective());
        }
        let frontier = exact::frontier(&problem);
        for point in &frontier.equally_spaced(6)[1..] {
            let found = solve(&problem, &none, &Goal::target_return(point.mean).unwrap()).unwrap().unwrap();
            assert!((found.risk / point.risk - 1.0).abs() < 1e-9, "{} and {}", found.risk, point.risk);
            let found = solve(&problem, &none, &Goal::target_risk(point.risk).unwrap()).unwrap().unwrap();
            assert!((found.mean - point.mean).abs() < 1e-8 * point.risk, "{} {}", found.mean, point.mean);
        }
    }
}

#[test]
fn the_most_diversified_portfolio_is_the_tangency_portfolio_of_the_volatilities() {
    for seed in 0..4 {
        let (problem, none, _) = question(20, Rules::Capped, seed);
        let covariance = problem.covariance();
        let volatility = (0..20).map(|asset| covariance.diagonal(asset).sqrt()).collect();
        let other = Problem::new(volatility, covariance.clone(), 300).unwrap();
        let other = other.with_bounds(problem.bounds().clone()).unwrap();
        let expected = exact::solve(&other, Objective::MaxSharpe);
        let goal = Goal::max_diversification();
        let found = solve(&problem, &none, &goal).unwrap().unwrap();
        let gap = goal.gap(&problem, &none, &expected.weights, &found.weights).unwrap();
        assert!(gap.abs() < 1e-10, "{gap:e}");
    }
}

#[test]
fn equal_shares_of_the_risk_where_they_are_feasible_and_no_answer_where_they_are_not() {
    let (problem, none, _) = question(20, Rules::LongOnly, 0);
    let goal = Goal::risk_parity();
    let found = solve(&problem, &none, &goal).unwrap().unwrap();
    assert!(found.label.is_ok() && found.gap == Some(0.0));
    assert!(goal.value(&problem, &none, &found.weights).unwrap() > -1e-12);
    let narrow = none.with_group("first", &[0], 0.4, 0.5).unwrap();
    assert_eq!(solve(&problem, &narrow, &goal).unwrap(), None);
}

#[test]
fn results_do_not_depend_on_the_unit_of_the_returns() {
    let (problem, constraints, scenarios) = question(10, Rules::All, 5);
    let constraints_at = |scale: f64| {
        let mut scaled = Constraints::none(10).with_gross_limit(1.6).unwrap();
        for group in constraints.groups() {
            let (lower, upper) = group.limits();
            scaled = scaled.with_group(group.name(), group.assets(), lower, upper).unwrap();
        }
        scaled = scaled.with_holdings(constraints.holdings().unwrap().to_vec()).unwrap();
        scaled = scaled.with_turnover_limit(constraints.turnover_limit().unwrap()).unwrap();
        let rates = constraints.fee_rates().unwrap().iter().map(|rate| rate * scale).collect();
        scaled.with_fee_rates(rates).unwrap()
    };
    let scale = 1e-5;
    let mut covariance = problem.covariance().clone();
    covariance.as_mut_slice().iter_mut().for_each(|entry| *entry *= scale * scale);
    let mean = problem.mean().iter().map(|mean| mean * scale).collect();
    let tiny = Problem::new(mean, covariance, 300).unwrap().with_bounds(problem.bounds().clone()).unwrap();
    let rows = scenarios.as_slice().iter().map(|value| value * scale).collect();
    let small = silverbullet_kernel::Scenarios::from_row_major(10, rows).unwrap();
    let (large, little) = (constraints_at(1.0), constraints_at(scale));
    let pairs = goals(&problem, &large, &scenarios).into_iter().zip(goals(&tiny, &little, &small));
    for (one, other) in pairs.filter(|(goal, _)| goal.objective() != Objective::Utility) {
        let [Some(a), Some(b)] =
            [solve(&problem, &large, &one).unwrap(), solve(&tiny, &little, &other).unwrap()]
        else {
            continue;
        };
        let gap = one.gap(&problem, &large, &a.weights, &b.weights).unwrap();
        assert!(a.label == b.label && gap.abs() < 1e-7, "{}: {gap:e}", one.objective());
    }
}
