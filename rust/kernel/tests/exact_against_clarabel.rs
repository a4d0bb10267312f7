//! The exact solvers against an interior-point solver and against the conditions of optimality, on a
//! thousand random problems.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking and prints what it measured, in its helpers too"
)]

#[path = "common/clarabel.rs"]
mod clarabel_reference;
#[path = "common/problems.rs"]
mod problems;

use clarabel_reference::Reference;
use problems::{Kind, Random, frank_wolfe_gap, median_volatility, problem};
use silverbullet_kernel::{Fallback, Label, Objective, Portfolio, Problem, exact};

const PROBLEMS: usize = 1_000;

fn reference(problem: &Problem) -> Reference<'_> {
    Reference {
        mean: problem.mean(),
        covariance: problem.covariance().as_slice(),
        lower: problem.bounds().lower(),
        upper: problem.bounds().upper(),
        risk_free: problem.risk_free(),
    }
}

/// The label a problem must get, from its kind and Clarabel's least risk; `None` in the grey zone.
fn expected_label(problem: &Problem, objective: Objective, least_risk: f64) -> Option<Label> {
    let excess: Vec<f64> = problem.mean().iter().map(|m| m - problem.risk_free()).collect();
    let summit = problem.bounds().greedy_fill(&excess);
    let most: f64 = summit.iter().zip(&excess).map(|(w, e)| w * e).sum();
    if objective == Objective::MaxSharpe && most <= 0.0 {
        return Some(Label::Fallback(Fallback::NoPositiveExcessMean));
    }
    let relative = least_risk / median_volatility(problem);
    match relative {
        r if r < 1e-7 => Some(Label::Fallback(Fallback::Singular)),
        r if r > 1e-5 => Some(Label::Ok),
        _ => None,
    }
}

fn check_risk(name: &str, problem: &Problem, answer: &Portfolio, least_risk: f64, solved: bool) {
    let allowed = 1e-6 * least_risk.max(1e-4 * median_volatility(problem));
    let excess = answer.risk - least_risk;
    assert!(excess < allowed, "{name}: risk {:e} against {least_risk:e}", answer.risk);
    assert!(!solved || excess > -allowed, "{name}: risk {:e} is too good for {least_risk:e}", answer.risk);
    let gap = frank_wolfe_gap(problem, problem.mean(), 0.0, &answer.weights);
    assert!(gap <= allowed * answer.risk.max(allowed), "{name}: certificate {gap:e}");
}

fn check_sharpe(name: &str, problem: &Problem, answer: &Portfolio, reference: f64, solved: bool) {
    let sharpe = answer.sharpe.unwrap();
    let allowed = 1e-6 * reference.abs().max(1.0 / (problem.observations() as f64).sqrt());
    assert!(sharpe > reference - allowed, "{name}: Sharpe {sharpe} against {reference}");
    assert!(!solved || sharpe < reference + allowed, "{name}: Sharpe {sharpe} too good for {reference}");
    let excess: Vec<f64> = problem.mean().iter().map(|m| m - problem.risk_free()).collect();
    let tolerance = answer.risk * answer.risk / (answer.mean - problem.risk_free());
    let gap = frank_wolfe_gap(problem, &excess, tolerance, &answer.weights);
    assert!(gap <= 1e-9 * answer.risk * answer.risk, "{name}: certificate {gap:e}");
}

#[test]
fn a_thousand_random_problems_agree_with_clarabel() {
    let mut random = Random(2_026);
    let (mut unsolved, mut labelled) = (0, [0; 3]);
    for number in 0..PROBLEMS {
        let kind = Kind::ALL[number % Kind::ALL.len()];
        let assets = 2 + (98.999 * random.uniform().powi(2)) as usize;
        let bounded = kind != Kind::SingularRiskless && random.below(3) == 0;
        let problem = problem(&mut random, kind, assets, bounded);
        let name = format!("problem {number}, {kind:?}, {assets} assets, bounded {bounded}");
        let least = reference(&problem).min_variance();
        unsolved += usize::from(!least.solved);
        let least_risk = problem.evaluate(&least.weights).risk;
        for objective in Objective::LIVE {
            let answer = exact::solve(&problem, objective);
            assert!(problem.bounds().violation(&answer.weights) < 1e-12, "{name}: infeasible");
            if let Some(label) = expected_label(&problem, objective, least_risk) {
                assert_eq!(answer.label, label, "{name}, {objective}, least risk {least_risk:e}");
            }
            match answer.label {
                Label::Fallback(Fallback::Singular) => labelled[1] += 1,
                Label::Fallback(Fallback::NotConverged) => panic!("{name}: not converged"),
                Label::Fallback(_) => labelled[2] += 1,
                Label::Ok if objective == Objective::MinVariance => {
                    check_risk(&name, &problem, &answer, least_risk, least.solved);
                    labelled[0] += 1;
                }
                Label::Ok => {
                    let best = reference(&problem).max_sharpe();
                    unsolved += usize::from(!best.solved);
                    let sharpe = problem.evaluate(&best.weights).sharpe.unwrap();
                    check_sharpe(&name, &problem, &answer, sharpe, best.solved);
                    labelled[0] += 1;
                }
            }
        }
    }
    println!("Clarabel left {unsolved} unsolved; ok, singular, other: {labelled:?}");
    assert!(labelled.iter().all(|&count| count > 50), "{labelled:?}");
    assert!(unsolved < PROBLEMS / 5, "Clarabel left {unsolved} unsolved");
}

#[test]
fn the_frontier_has_the_least_risk_at_every_mean() {
    let mut random = Random(7);
    for number in 0..54 {
        let kind = Kind::ALL[number % Kind::ALL.len()];
        if kind == Kind::SingularRiskless {
            continue;
        }
        let assets = 2 + random.below(if number % 5 == 0 { 80 } else { 30 });
        let problem = problem(&mut random, kind, assets, number % 2 == 0);
        let frontier = exact::frontier(&problem);
        let name = format!("frontier {number}, {kind:?}, {assets} assets");
        if kind == Kind::FewSamples && !frontier.label.is_ok() {
            continue; // Now and then the sample holds a riskless portfolio.
        }
        assert!(frontier.label.is_ok(), "{name}");
        let least_risk = frontier.corners[0].risk;
        for (index, point) in frontier.equally_spaced(20).iter().enumerate() {
            assert!(problem.bounds().violation(&point.weights) < 1e-12, "{name}: infeasible");
            let best = reference(&problem).min_variance_at(point.mean);
            let risk = problem.evaluate(&best.weights).risk;
            let allowed = 1e-6 * risk.max(1e-4 * median_volatility(&problem));
            assert!(point.risk < risk + allowed, "{name}, point {index}: {:e} against {risk:e}", point.risk);
            assert!(!best.solved || point.risk > risk - allowed, "{name}, point {index}: too good");
            assert!(point.risk >= least_risk * (1.0 - 1e-12));
        }
    }
}
