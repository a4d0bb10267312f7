//! Exact utility, target return and target risk against an interior-point solver and the frontier, on a thousand
//! random problems, and what is said about targets out of reach.
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
use silverbullet_kernel::exact::{self, Optimum};
use silverbullet_kernel::{Bounds, Error, Fallback, Label, Objective, Problem, SymmetricMatrix};

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

fn feasible(name: &str, problem: &Problem, answer: &Optimum) {
    let violation = problem.bounds().violation(&answer.weights);
    assert!(violation < 1e-12, "{name}: infeasible by {violation:e}");
    assert!(answer.mean.is_finite() && answer.risk.is_finite(), "{name}");
    assert_ne!(answer.label, Label::Fallback(Fallback::NotConverged), "{name}");
}

/// `μ·w − λ/2 wᵀΣw`.
fn value(problem: &Problem, aversion: f64, weights: &[f64]) -> f64 {
    let found = problem.evaluate(weights);
    found.mean - 0.5 * aversion * found.risk * found.risk
}

fn check_utility(name: &str, problem: &Problem, aversion: f64) -> bool {
    let answer = exact::utility(problem, aversion).unwrap();
    feasible(name, problem, &answer);
    if !answer.label.is_ok() {
        return false;
    }
    let best = reference(problem).utility(1.0 / aversion);
    let (ours, theirs) = (value(problem, aversion, &answer.weights), value(problem, aversion, &best.weights));
    let scale = ours.abs().max(0.5 * aversion * answer.risk * answer.risk);
    assert!(ours > theirs - 1e-6 * scale, "{name}: utility {ours:e} against {theirs:e}");
    assert!(!best.solved || ours < theirs + 1e-6 * scale, "{name}: utility {ours:e} too good for {theirs:e}");
    let gap = frank_wolfe_gap(problem, problem.mean(), 1.0 / aversion, &answer.weights);
    assert!(gap * aversion <= 1e-9 * scale, "{name}: certificate {:e} of {scale:e}", gap * aversion);
    best.solved
}

/// That `answer` has the least risk of its mean.
fn check_efficient(name: &str, problem: &Problem, answer: &Optimum) -> bool {
    let best = reference(problem).min_variance_at(answer.mean);
    let risk = problem.evaluate(&best.weights).risk;
    let allowed = 1e-6 * risk.max(1e-4 * median_volatility(problem));
    assert!(answer.risk < risk + allowed, "{name}: risk {:e} against {risk:e}", answer.risk);
    assert!(!best.solved || answer.risk > risk - allowed, "{name}: risk {:e} too good", answer.risk);
    best.solved
}

fn spread(problem: &Problem) -> f64 {
    let most = problem.mean().iter().copied().fold(f64::NEG_INFINITY, f64::max);
    most - problem.mean().iter().copied().fold(f64::INFINITY, f64::min)
}

#[test]
fn a_thousand_random_problems_agree_with_clarabel_and_the_frontier() {
    let mut random = Random(3_026);
    let (mut solved, mut labelled) = (0, 0);
    for number in 0..PROBLEMS {
        let kind = Kind::ALL[number % Kind::ALL.len()];
        let assets = 2 + (78.999 * random.uniform().powi(2)) as usize;
        let bounded = kind != Kind::SingularRiskless && random.below(3) == 0;
        let problem = problem(&mut random, kind, assets, bounded);
        let name = format!("problem {number}, {kind:?}, {assets} assets, bounded {bounded}");
        let frontier = exact::frontier(&problem);
        let (first, last) = (&frontier.corners[0], frontier.corners.last().unwrap());
        let share = random.uniform();
        let size = median_volatility(&problem);
        match number % 3 {
            0 => {
                let aversion = 10f64.powf(random.between(-2.0, 2.0)) * spread(&problem) / (size * size);
                solved += usize::from(check_utility(&name, &problem, aversion));
            }
            1 => {
                let target = first.mean + share * (last.mean - first.mean);
                let answer = exact::target_return(&problem, target).unwrap();
                feasible(&name, &problem, &answer);
                assert_eq!(answer.label, frontier.label, "{name}");
                assert!(answer.mean >= target - 1e-9 * spread(&problem), "{name}: {} {target}", answer.mean);
                labelled += usize::from(!answer.label.is_ok());
                if answer.label.is_ok() {
                    let point = frontier.at_mean(target);
                    let distance = (point.risk - answer.risk).abs();
                    assert!(distance <= 1e-7 * point.risk, "{name}: {distance:e} of {:e}", point.risk);
                    solved += usize::from(check_efficient(&name, &problem, &answer));
                }
            }
            _ => {
                let target = first.risk + share * (last.risk - first.risk);
                let answer = exact::target_risk(&problem, target).unwrap();
                feasible(&name, &problem, &answer);
                assert_eq!(answer.label, frontier.label, "{name}");
                if answer.label.is_ok() {
                    let distance = (answer.risk - target).abs();
                    assert!(distance <= 1e-7 * target, "{name}: risk {:e} for {target:e}", answer.risk);
                    let point = frontier.at_mean(answer.mean);
                    assert!((point.risk / answer.risk - 1.0).abs() < 1e-7, "{name}: not on the frontier");
                    solved += usize::from(check_efficient(&name, &problem, &answer));
                }
            }
        }
    }
    println!("{solved} compared with a solved reference, {labelled} labelled");
    assert!(solved > PROBLEMS / 2 && labelled > 10, "{solved} {labelled}");
}

fn two(mean: [f64; 2], variance: [f64; 2]) -> Problem {
    let matrix = SymmetricMatrix::from_lower(2, |i, j| if i == j { variance[i] } else { 0.0 });
    Problem::new(mean.to_vec(), matrix, 100).unwrap()
}

#[test]
fn known_answers() {
    let problem = two([0.02, 0.01], [0.04, 0.01]);
    // First-order condition: 0.02 − λ 0.04 w = 0.01 − λ 0.01 (1 − w).
    let half = exact::utility(&problem, 1.0).unwrap();
    assert!((half.weights[0] - (0.01 + 0.01) / 0.05).abs() < 1e-14, "{half:?}");
    let level = exact::target_return(&problem, 0.016).unwrap();
    assert!((level.weights[0] - 0.6).abs() < 1e-14 && level.label.is_ok(), "{level:?}");
    // 0.04 w² + 0.01 (1 − w)² = 0.0172 has the solution 0.6 above the least risk.
    let risky = exact::target_risk(&problem, 0.016_f64.sqrt()).unwrap();
    assert!((risky.weights[0] - 0.6).abs() < 1e-13, "{risky:?}");
    // Ends: no aversion, a target below what the least risk has, a risk above what the largest mean has.
    assert_eq!(exact::utility(&problem, 0.0).unwrap().weights, [1.0, 0.0]);
    let least = exact::solve(&problem, Objective::MinVariance).weights;
    assert_eq!(exact::target_return(&problem, -1.0).unwrap().weights, least);
    assert_eq!(exact::target_risk(&problem, 0.9).unwrap().weights, [1.0, 0.0]);
    assert_eq!(exact::target_return(&problem, 0.02).unwrap().weights, [1.0, 0.0]);
    let lowest = exact::solve(&problem, Objective::MinVariance).risk;
    let there = exact::target_risk(&problem, lowest).unwrap().weights;
    assert!((there[0] - least[0]).abs() < 1e-6, "{there:?}");
}

#[test]
fn targets_out_of_reach_name_the_parameter_and_the_range() {
    let problem = two([0.02, 0.01], [0.04, 0.01]);
    let least = exact::solve(&problem, Objective::MinVariance);
    match exact::target_return(&problem, 0.03) {
        Err(Error::Unattainable { parameter: "target_return", value, least: from, most }) => {
            assert_eq!((value, from, most), (0.03, least.mean, 0.02));
        }
        other => panic!("{other:?}"),
    }
    match exact::target_risk(&problem, 0.01) {
        Err(error @ Error::Unattainable { parameter: "target_risk", least: from, most, .. }) => {
            assert_eq!((from, most), (least.risk, 0.2));
            assert!(error.to_string().starts_with("target_risk: 1e-2 is out of reach"), "{error}");
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(exact::target_return(&problem, f64::NAN), Err(Error::NotFinite { .. })));
    assert!(matches!(exact::target_risk(&problem, -1.0), Err(Error::OutOfRange { .. })));
    assert!(matches!(exact::utility(&problem, f64::INFINITY), Err(Error::NotFinite { .. })));
    assert!(matches!(exact::utility(&problem, -1.0), Err(Error::OutOfRange { .. })));
}

#[test]
fn degenerate_problems_are_answered_with_their_labels() {
    let single = Problem::new(vec![0.01], SymmetricMatrix::from_lower(1, |_, _| 4.0), 10).unwrap();
    let label = Label::Fallback(Fallback::SingleAsset);
    assert_eq!(exact::utility(&single, 1.0).unwrap().label, label);
    assert_eq!(exact::target_return(&single, 0.01).unwrap().label, label);
    assert_eq!(exact::target_risk(&single, 2.0).unwrap().weights, [1.0]);
    assert!(exact::target_return(&single, 0.02).is_err() && exact::target_risk(&single, 1.9).is_err());
    let still = two([0.02, 0.01], [0.0, 0.0]);
    let label = Label::Fallback(Fallback::ZeroVariance);
    assert_eq!(exact::target_risk(&still, 0.0).unwrap().label, label);
    let reached = exact::target_return(&still, 0.018).unwrap();
    assert!(reached.label == label && (reached.weights[0] - 0.8).abs() < 1e-12, "{reached:?}");
    assert!(exact::target_return(&still, 0.03).is_err());
    let riskless = two([0.02, 0.01], [1.0, 0.0]);
    let label = Label::Fallback(Fallback::Singular);
    for answer in [
        exact::utility(&riskless, 1.0),
        exact::target_return(&riskless, 0.015),
        exact::target_risk(&riskless, 0.3),
        exact::target_risk(&riskless, 0.0),
    ] {
        assert_eq!(answer.unwrap().label, label);
    }
    assert!((exact::target_return(&riskless, 0.015).unwrap().mean - 0.015).abs() < 1e-15);
    assert!(exact::target_return(&riskless, 0.5).is_err());
}

#[test]
fn where_the_mean_jumps_at_one_risk_tolerance_the_target_is_met_between() {
    // Perfectly correlated: the frontier is a straight line in mean and risk; its portfolios mix two assets.
    let volatility = [1.0, 2.0, 3.0];
    let matrix = SymmetricMatrix::from_lower(3, |i, j| volatility[i] * volatility[j]);
    let problem = Problem::new(vec![0.1, 0.3, 0.4], matrix, 10).unwrap();
    for target in [0.15, 0.25, 0.35] {
        let answer = exact::target_return(&problem, target).unwrap();
        let point = exact::frontier(&problem).at_mean(target);
        assert!((answer.mean - target).abs() < 1e-12, "{answer:?}");
        assert!((answer.risk - point.risk).abs() < 1e-9, "{answer:?} {point:?}");
        let back = exact::target_risk(&problem, answer.risk).unwrap();
        assert!((back.mean - target).abs() < 1e-9, "{back:?}");
    }
    // All the mean is in two equal assets, of which the end of the frontier holds an even mix.
    let matrix = SymmetricMatrix::from_lower(3, |i, j| if i == j { [0.1, 1.0, 1.0][i] } else { 0.0 });
    let tied = Problem::new(vec![0.0, 1.0, 1.0], matrix, 10).unwrap();
    for answer in
        [exact::utility(&tied, 0.0), exact::target_return(&tied, 1.0), exact::target_risk(&tied, 5.0)]
    {
        let weights = answer.unwrap().weights;
        assert!((weights[1] - 0.5).abs() < 1e-12 && weights[0] == 0.0, "{weights:?}");
    }
}

#[test]
fn fixed_weights_leave_one_answer() {
    let bounds = Bounds::new(vec![0.3, 0.7], vec![0.3, 0.7]).unwrap();
    let problem = two([0.02, 0.01], [0.04, 0.01]).with_bounds(bounds).unwrap();
    let only = problem.evaluate(&[0.3, 0.7]);
    assert_eq!(exact::utility(&problem, 2.0).unwrap().weights, [0.3, 0.7]);
    assert_eq!(exact::target_return(&problem, only.mean).unwrap().weights, [0.3, 0.7]);
    assert_eq!(exact::target_risk(&problem, only.risk).unwrap().weights, [0.3, 0.7]);
    assert!(exact::target_return(&problem, 0.0131).is_err());
    assert!(exact::target_risk(&problem, 0.05).is_err());
}
