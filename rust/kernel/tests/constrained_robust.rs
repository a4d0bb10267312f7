//! Random questions of every kind under random constraints: each is answered feasibly, or refused with a
//! conflict; never a panic, never a number that is not one.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking and prints what it measured, in its helpers too"
)]

#[path = "common/problems.rs"]
mod problems;

use problems::{Kind, Random, problem};
use silverbullet_kernel::constrained::{SearchOptions, search, solve};
use silverbullet_kernel::{Constraints, Error, Goal, Portfolio, Problem, Scenarios};

const QUESTIONS: usize = 400;

fn constraints(random: &mut Random, assets: usize) -> Constraints {
    let mut rules = Constraints::none(assets);
    if random.below(3) == 0 {
        rules = rules.with_gross_limit(random.between(1.0, 2.0)).unwrap();
    }
    for number in 0..random.below(4) {
        let members: Vec<usize> = (0..assets).filter(|_| random.below(2) == 0).collect();
        let (a, b) = (random.between(-0.2, 0.8), random.between(0.0, 0.6));
        if !members.is_empty() {
            rules = rules.with_group(format!("group {number}"), &members, a, a + b * b).unwrap();
        }
    }
    if random.below(3) == 0 {
        let draws: Vec<f64> = (0..assets).map(|_| random.uniform() * random.uniform() + 1e-3).collect();
        let sum: f64 = draws.iter().sum();
        rules = rules.with_holdings(draws.iter().map(|draw| draw / sum).collect()).unwrap();
        if random.below(2) == 0 {
            rules = rules.with_turnover_limit(random.between(0.0, 1.5)).unwrap();
        }
        if random.below(2) == 0 {
            rules = rules.with_fee_rates(vec![random.between(0.0, 0.05); assets]).unwrap();
        }
    }
    if random.below(6) == 0 {
        rules = rules.with_max_assets(1 + random.below(assets)).unwrap();
    }
    if random.below(6) == 0 {
        rules = rules.with_min_position(random.between(0.01, 0.3)).unwrap();
    }
    rules
}

fn goal(random: &mut Random, problem: &Problem) -> Goal {
    let assets = problem.assets();
    let scenarios = |random: &mut Random| {
        let size = problem.covariance().trace().sqrt();
        let rows = (0..30 * assets).map(|_| size * random.normal()).collect();
        Scenarios::from_row_major(assets, rows).unwrap()
    };
    let typical = (problem.covariance().trace() / assets as f64).sqrt();
    let mean = problem.mean().iter().sum::<f64>() / assets as f64;
    match random.below(9) {
        0 => Goal::max_sharpe(),
        1 => Goal::min_variance(),
        2 => Goal::utility(random.between(0.0, 5.0) / typical).unwrap(),
        3 => Goal::target_risk(random.between(0.2, 2.0) * typical).unwrap(),
        4 => Goal::target_return(mean + random.between(-0.5, 0.3) * typical).unwrap(),
        5 => Goal::min_cvar(scenarios(random), 0.9).unwrap(),
        6 => Goal::min_drawdown(scenarios(random)).unwrap(),
        7 => Goal::max_diversification(),
        _ => Goal::risk_parity(),
    }
}

fn check(name: &str, problem: &Problem, rules: &Constraints, answer: &Portfolio) {
    let violation = rules.violation(problem.bounds(), &answer.weights);
    assert!(violation <= 1e-9, "{name} {:?}: violation {violation:e}", answer.method);
    assert!(answer.mean.is_finite() && answer.risk.is_finite(), "{name}: {answer:?}");
    assert!(answer.sharpe.is_none_or(f64::is_finite), "{name}: {answer:?}");
}

#[test]
fn every_question_is_answered_or_refused_with_a_reason() {
    let mut random = Random(99);
    let (mut answered, mut refused, mut worst) = (0, 0, 0.0_f64);
    for number in 0..QUESTIONS {
        let kind = Kind::ALL[number % Kind::ALL.len()];
        let assets = 1 + random.below(12);
        let bounded = kind != Kind::SingularRiskless && random.below(2) == 0;
        let problem = problem(&mut random, kind, assets.max(2), bounded);
        let rules = constraints(&mut random, problem.assets());
        let goal = goal(&mut random, &problem);
        let name = format!("question {number}, {kind:?}, {}", goal.objective());
        let options = SearchOptions { samples: 64, seed: number as u64 };
        match search(&problem, &rules, &goal, &options) {
            Ok(found) => {
                check(&name, &problem, &rules, &found);
                answered += 1;
                let Ok(Some(best)) = solve(&problem, &rules, &goal) else { continue };
                check(&name, &problem, &rules, &best);
                if best.label.is_ok() && found.label.is_ok() && !rules.is_combinatorial() {
                    let gap = goal.gap(&problem, &rules, &best.weights, &found.weights);
                    assert!(gap.is_none_or(|gap| gap >= -1e-9), "{name}: gap {gap:?}");
                    worst = worst.max(gap.unwrap_or(0.0));
                }
            }
            Err(Error::Conflict { constraints, remedy }) => {
                assert!(!constraints.is_empty() && !remedy.is_empty(), "{name}");
                assert!(solve(&problem, &rules, &goal).is_err() || rules.is_combinatorial(), "{name}");
                refused += 1;
            }
            Err(other) => panic!("{name}: {other}"),
        }
    }
    println!("{answered} answered, {refused} refused, largest gap {worst:e}");
    // With 64 samples; thirty scenarios have sharp kinks.
    assert!(worst < 0.05, "{worst:e}");
    assert!(answered > QUESTIONS / 3 && refused > QUESTIONS / 20, "{answered} {refused}");
}
