//! What is refused and how it is named; what is degenerate and how it is answered.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

use silverbullet_kernel::constrained::{SearchOptions, search, solve};
use silverbullet_kernel::{
    Bounds, Constraints, Error, Fallback, Fees, Goal, Label, Portfolio, Problem, Scenarios, SymmetricMatrix,
};

fn diagonal(variances: &[f64]) -> SymmetricMatrix {
    SymmetricMatrix::from_lower(variances.len(), |i, j| if i == j { variances[i] } else { 0.0 })
}

fn problem(mean: &[f64], variances: &[f64]) -> Problem {
    Problem::new(mean.to_vec(), diagonal(variances), 100).unwrap()
}

fn scenarios(assets: usize) -> Scenarios {
    let rows = (0..40 * assets).map(|i| ((i * 37 + i / assets * 11) % 101) as f64 / 1e4 - 0.005);
    Scenarios::from_row_major(assets, rows.collect()).unwrap()
}

fn goals(assets: usize) -> Vec<Goal> {
    vec![
        Goal::max_sharpe(),
        Goal::min_variance(),
        Goal::utility(3.0).unwrap(),
        Goal::target_risk(10.0).unwrap(),
        Goal::target_return(-1.0).unwrap(),
        Goal::min_cvar(scenarios(assets), 0.9).unwrap(),
        Goal::min_drawdown(scenarios(assets)).unwrap(),
        Goal::max_diversification(),
        Goal::risk_parity(),
    ]
}

/// Both answers, checked to be usable: feasible, finite, labelled alike.
fn answers(problem: &Problem, constraints: &Constraints, goal: &Goal) -> Vec<Portfolio> {
    let options = SearchOptions { samples: 64, seed: 1 };
    let found = search(problem, constraints, goal, &options).unwrap();
    let best = solve(problem, constraints, goal).unwrap();
    let answers: Vec<Portfolio> = best.into_iter().chain([found]).collect();
    for answer in &answers {
        let name = format!("{} {:?}", goal.objective(), answer.method);
        assert!(constraints.violation(problem.bounds(), &answer.weights) <= 1e-9, "{name}: infeasible");
        assert!(answer.mean.is_finite() && answer.risk.is_finite(), "{name}: {answer:?}");
        assert!(answer.sharpe.is_none_or(f64::is_finite), "{name}");
        assert_eq!(answer.label, answers[0].label, "{name}");
        assert!(answer.label.is_ok() || answer.gap.is_none(), "{name}");
    }
    answers
}

#[test]
fn constraints_that_are_none_are_named() {
    let none = || Constraints::none(3);
    let held = || none().with_holdings(vec![0.5, 0.5, 0.0]).unwrap();
    let fees = Fees { maker: 0.001, taker: 0.002, maker_share: 0.5, holding_bars: 1.0 };
    let cases: Vec<(&str, Result<Constraints, Error>)> = vec![
        ("gross limit: 0.9", none().with_gross_limit(0.9)),
        ("gross limit[0]", none().with_gross_limit(f64::NAN)),
        ("group \"a\": it has no asset", none().with_group("a", &[], 0.0, 1.0)),
        ("group \"a\": lower limit 0.5 is above", none().with_group("a", &[0], 0.5, 0.4)),
        ("group \"a\": there is no asset 3", none().with_group("a", &[0, 3], 0.0, 1.0)),
        ("group \"a\": asset 1 is listed twice", none().with_group("a", &[1, 1], 0.0, 1.0)),
        ("group \"a\": its limits", none().with_group("a", &[1], f64::NAN, 1.0)),
        (
            "group \"a\": another",
            none().with_group("a", &[1], 0.0, 1.0).unwrap().with_group("a", &[2], 0.0, 1.0),
        ),
        ("maximum assets: 0", none().with_max_assets(0)),
        ("minimum position: 1.5", none().with_min_position(1.5)),
        ("minimum position: 0", none().with_min_position(0.0)),
        ("minimum position: NaN", none().with_min_position(f64::NAN)),
        ("holdings: 0.9 is not", none().with_holdings(vec![0.4, 0.5, 0.0])),
        ("holdings: expected 3", none().with_holdings(vec![1.0])),
        ("holdings[1]", none().with_holdings(vec![0.5, f64::INFINITY, 0.5])),
        ("holdings: at least one", none().with_turnover_limit(0.5)),
        ("holdings: at least one", none().with_fees(fees)),
        ("turnover limit: -1", held().with_turnover_limit(-1.0)),
        ("turnover limit: NaN", held().with_turnover_limit(f64::NAN)),
        ("maker share: 1.5", held().with_fees(Fees { maker_share: 1.5, ..fees })),
        ("holding bars: 0", held().with_fees(Fees { holding_bars: 0.0, ..fees })),
        ("fees[0]", held().with_fees(Fees { maker: f64::NAN, ..fees })),
        ("fees: -0.0", held().with_fees(Fees { maker: -0.01, ..fees })),
    ];
    for (start, result) in cases {
        let message = result.unwrap_err().to_string();
        assert!(message.starts_with(start), "{message:?} should start with {start:?}");
    }
}

#[test]
fn wrong_shapes_are_named_where_they_meet_the_problem() {
    let problem = problem(&[0.1, 0.2], &[1.0, 2.0]);
    let says = |constraints: &Constraints, goal: &Goal| {
        let searched = search(&problem, constraints, goal, &SearchOptions::default()).unwrap_err();
        assert_eq!(solve(&problem, constraints, goal).unwrap_err(), searched);
        searched.to_string()
    };
    assert!(says(&Constraints::none(3), &Goal::min_variance()).starts_with("constraints: expected 2"));
    let goal = Goal::min_drawdown(scenarios(3)).unwrap();
    assert!(says(&Constraints::none(2), &goal).starts_with("scenarios: expected 2"));
    let none = SearchOptions { samples: 0, seed: 0 };
    let error = search(&problem, &Constraints::none(2), &Goal::min_variance(), &none).unwrap_err();
    assert!(error.to_string().starts_with("samples"));
}

/// The constraints and the remedy of a conflict.
fn conflict(problem: &Problem, constraints: &Constraints, goal: &Goal) -> (Vec<String>, String) {
    let options = SearchOptions { samples: 64, seed: 0 };
    let error = search(problem, constraints, goal, &options).unwrap_err();
    match error {
        Error::Conflict { constraints, remedy } => (constraints, remedy),
        other => panic!("{other}"),
    }
}

#[test]
fn a_conflict_names_what_is_needed_for_it_and_nothing_else() {
    let problem = problem(&[0.1, 0.2, 0.3, 0.4], &[1.0; 4]);
    let none = || Constraints::none(4);
    let goal = Goal::min_variance();
    let groups = none()
        .with_group("tech", &[0, 1], 0.7, 1.0)
        .and_then(|c| c.with_group("banks", &[2, 3], 0.5, 1.0))
        .and_then(|c| c.with_group("idle", &[1, 2], 0.0, 0.9))
        .and_then(|c| c.with_gross_limit(2.0))
        .unwrap();
    let (names, remedy) = conflict(&problem, &groups, &goal);
    assert_eq!(names, ["group \"tech\" at least 0.7", "group \"banks\" at least 0.5"]);
    assert!(remedy.contains("lower the lower limit of group \"tech\" to 0.5"), "{remedy}");
    assert!(remedy.contains("group \"banks\" to 0.3"), "{remedy}");

    let turnover = none()
        .with_holdings(vec![1.0, 0.0, 0.0, 0.0])
        .and_then(|c| c.with_turnover_limit(0.4))
        .and_then(|c| c.with_group("held", &[0], -1.0, 0.5))
        .unwrap();
    let (names, remedy) = conflict(&problem, &turnover, &goal);
    assert_eq!(names, ["group \"held\" at most 0.5", "turnover limit 0.4"]);
    assert!(remedy.contains("raise the turnover limit to 1.0"), "{remedy}");

    let capped = problem.clone().with_bounds(Bounds::new(vec![0.0; 4], vec![0.3, 0.3, 1.0, 1.0]).unwrap());
    let capped = capped.unwrap();
    let group = none().with_group("first", &[0, 1], 0.8, 1.0).unwrap();
    let (names, remedy) = conflict(&capped, &group, &goal);
    assert_eq!(names, ["group \"first\" at least 0.8", "upper bounds of assets 0, 1"]);
    assert!(remedy.contains("raise the upper bounds of assets 0, 1 by 0.1"), "{remedy}");

    let (names, remedy) = conflict(&problem, &none(), &Goal::target_return(0.5).unwrap());
    assert!(names[0].starts_with("target return 0.5") && names[1].starts_with("lower bounds"), "{names:?}");
    assert!(remedy.contains("lower the target return to 4.0"), "{remedy}");
    let (names, remedy) = conflict(&problem, &none(), &Goal::target_risk(0.4).unwrap());
    assert_eq!(names, ["target risk 0.4"]);
    assert!(remedy.contains("raise the target risk to 5.0"), "{remedy}");
}

#[test]
fn a_choice_of_assets_that_cannot_be_made_is_a_conflict() {
    let problem = problem(&[0.1; 5], &[1.0; 5]);
    let capped = problem.with_bounds(Bounds::new(vec![0.0; 5], vec![0.3; 5]).unwrap()).unwrap();
    let few = Constraints::none(5).with_max_assets(3).unwrap();
    let (names, remedy) = conflict(&capped, &few, &Goal::min_variance());
    assert_eq!(names[0], "maximum assets 3");
    assert!(remedy.contains("allow more assets"), "{remedy}");
    let large = Constraints::none(5).with_min_position(0.6).unwrap();
    let (names, _) = conflict(&capped, &large, &Goal::min_variance());
    assert_eq!(names[0], "minimum position 0.6");
}

#[test]
fn degenerate_problems_are_answered_with_a_label() {
    let label = |problem: &Problem, goal: &Goal| {
        let assets = problem.assets();
        let constraints = Constraints::none(assets).with_gross_limit(1.5).unwrap();
        answers(problem, &constraints, goal)[0].label
    };
    let fallback = Label::Fallback;
    for goal in goals(1) {
        assert_eq!(label(&problem(&[0.1], &[1.0]), &goal), fallback(Fallback::SingleAsset));
    }
    for goal in goals(3) {
        let scenario = matches!(goal.objective().name(), "min-cvar" | "min-drawdown");
        let expected = if scenario { Label::Ok } else { fallback(Fallback::ZeroVariance) };
        let flat = problem(&[0.1, 0.2, 0.3], &[0.0; 3]);
        assert_eq!(label(&flat, &goal), expected, "{}", goal.objective());
        let expected = if scenario { Label::Ok } else { fallback(Fallback::Singular) };
        let riskless = problem(&[0.1, 0.2, 0.3], &[1.0, 0.0, 2.0]);
        assert_eq!(label(&riskless, &goal), expected, "{}", goal.objective());
    }
    let falling = problem(&[-0.1, -0.2], &[1.0, 2.0]);
    assert_eq!(label(&falling, &Goal::max_sharpe()), fallback(Fallback::NoPositiveExcessMean));
}

#[test]
fn duplicates_and_flat_scenarios_are_answered() {
    let twins =
        SymmetricMatrix::from_row_major(3, vec![1.0, 1.0, 0.2, 1.0, 1.0, 0.2, 0.2, 0.2, 2.0]).unwrap();
    let twins = Problem::new(vec![0.1, 0.1, 0.2], twins, 100).unwrap();
    let constraints = Constraints::none(3)
        .with_group("twins", &[0, 1], 0.2, 0.6)
        .and_then(|c| c.with_holdings(vec![0.2, 0.3, 0.5]))
        .and_then(|c| c.with_turnover_limit(0.0))
        .unwrap();
    for goal in goals(3) {
        // Nothing may be traded: what is held is the answer.
        for answer in answers(&twins, &constraints, &goal) {
            let kept =
                answer.weights.iter().zip([0.2, 0.3, 0.5]).all(|(weight, held)| (weight - held).abs() < 1e-9);
            assert!(kept, "{} {:?}", goal.objective(), answer.weights);
        }
        answers(&twins, &Constraints::none(3).with_max_assets(2).unwrap(), &goal);
    }
    let flat = Scenarios::from_row_major(3, vec![0.0; 30]).unwrap();
    for goal in [Goal::min_cvar(flat.clone(), 0.95).unwrap(), Goal::min_drawdown(flat).unwrap()] {
        answers(&twins, &Constraints::none(3), &goal);
    }
}
