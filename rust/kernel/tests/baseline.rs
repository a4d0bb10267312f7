//! Baselines against another library's answers, and on degenerate problems.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use serde::Deserialize;
use silverbullet_kernel::baseline::{self, Baseline, BaselinePortfolio};
use silverbullet_kernel::{Bounds, Fallback, Label, Method, Problem, SymmetricMatrix};

#[derive(Deserialize)]
struct Case {
    kind: String,
    covariance: Vec<f64>,
    weights: Vec<f64>,
}

fn problem(covariance: Vec<f64>) -> Problem {
    let assets = covariance.len().isqrt();
    let matrix = SymmetricMatrix::from_row_major(assets, covariance).unwrap();
    Problem::new((0..assets).map(|asset| 0.001 * asset as f64).collect(), matrix, 100).unwrap()
}

/// Feasible, evaluated under the problem's own moments, and without a gap.
fn check(problem: &Problem, found: &BaselinePortfolio, label: Label) {
    assert!(Bounds::long_only(problem.assets()).violation(&found.weights) < 1e-12, "{found:?}");
    assert_eq!((found.method, found.gap, found.label), (Method::Baseline, None, label), "{found:?}");
    let own = problem.evaluate(&found.weights);
    assert_eq!((found.mean, found.risk, found.sharpe), (own.mean, own.risk, own.sharpe));
}

#[test]
fn hierarchical_risk_parity_is_that_of_pyportfolioopt() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("vectors/hrp.json")).unwrap();
    assert_eq!(cases.len(), 20);
    for case in cases {
        let problem = problem(case.covariance);
        let found = baseline::hierarchical_risk_parity(&problem);
        check(&problem, &found, Label::Ok);
        for (weight, expected) in found.weights.iter().zip(&case.weights) {
            assert!((weight / expected - 1.0).abs() < 1e-10, "{}: {weight} {expected}", case.kind);
        }
    }
}

#[test]
fn the_rules_follow_their_definitions() {
    let problem = problem(vec![0.04, 0.01, 0.0, 0.01, 0.01, 0.0, 0.0, 0.0, 0.16]);
    let [equal, inverse, parity] = baseline::all(&problem);
    for found in [&equal, &inverse, &parity] {
        check(&problem, found, Label::Ok);
    }
    assert_eq!(equal.weights, [1.0 / 3.0; 3]);
    for (weight, expected) in inverse.weights.iter().zip([2.0 / 7.0, 4.0 / 7.0, 1.0 / 7.0]) {
        assert!((weight - expected).abs() < 1e-15);
    }
    let given = baseline::given(&problem, &[2e300, 1e300, 1e300]).unwrap();
    check(&problem, &given, Label::Ok);
    assert_eq!((given.baseline, given.weights), (Baseline::Given, vec![0.5, 0.25, 0.25]));
    let short = baseline::given(&problem, &[2.0, -1.0, 1.0]).unwrap();
    assert_eq!(short.weights, [1.0, -0.5, 0.5]);
}

#[test]
fn weights_that_cannot_be_normalised_are_refused() {
    let problem = problem(vec![0.04, 0.0, 0.0, 0.01]);
    let says = |weights: &[f64]| baseline::given(&problem, weights).unwrap_err().to_string();
    assert!(says(&[1.0]).starts_with("given weights: expected 2"));
    assert!(says(&[1.0, f64::INFINITY]).starts_with("given weights[1]"));
    for weights in [[0.0, 0.0], [1.0, -1.0], [-2.0, 1.0]] {
        assert!(says(&weights).starts_with("given weights"));
    }
}

#[test]
fn degenerate_problems_are_labelled() {
    let singular = Label::Fallback(Fallback::Singular);
    let cases = [
        (vec![0.0; 9], Label::Fallback(Fallback::ZeroVariance)),
        (vec![0.0, 0.0, 0.0, 0.04], singular),
        (vec![1e-30, 0.0, 0.0, 0.04], singular),
        (vec![0.04; 9], Label::Ok),
        (vec![1e-320, 0.0, 0.0, 1e-320], Label::Ok),
    ];
    for (covariance, label) in cases {
        let problem = problem(covariance);
        let [equal, inverse, parity] = baseline::all(&problem);
        check(&problem, &equal, Label::Ok);
        check(&problem, &inverse, label);
        check(&problem, &parity, label);
    }
    let one = problem(vec![0.0]);
    for found in baseline::all(&one) {
        check(&one, &found, Label::Fallback(Fallback::SingleAsset));
    }
}
