//! `optimize` for every objective and under constraints, against closed formulas and a fine grid of two assets.

use std::path::Path;

use crate::common::{folder, returns, silverbullet, text, write_prices};
use serde_json::Value;

const BARS: usize = 120;

fn portfolios(folder: &Path, arguments: &[&str]) -> Vec<Value> {
    let output = silverbullet(folder)
        .args(["optimize", "prices.csv", "--format", "json", "--samples", "512"])
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    answer["portfolios"].as_array().unwrap().clone()
}

/// The exit code and what was said.
fn refused(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let output = silverbullet(folder).args(["optimize", "prices.csv"]).args(arguments).output().unwrap();
    (output.status.code().unwrap(), text(&output.stderr))
}

/// The weight of A in the exact portfolio, which the search finds as well.
fn weight_of_a(folder: &Path, arguments: &[&str]) -> f64 {
    let found = portfolios(folder, arguments);
    let methods: Vec<_> = found.iter().map(|one| one["method"].as_str().unwrap()).collect();
    assert_eq!(methods, ["exact", "monte-carlo"], "{arguments:?}");
    for one in &found {
        assert_eq!(one["label"], "ok", "{arguments:?}");
        let [a, b] = ["A", "B"].map(|asset| one["weights"][asset].as_f64().unwrap_or(0.0));
        assert!((a + b - 1.0).abs() < 1e-12, "{arguments:?}: {a} and {b}");
    }
    assert_eq!(found[0]["gap"].as_f64(), Some(0.0));
    let gap = found[1]["gap"].as_f64().unwrap();
    assert!((-1e-9..1e-4).contains(&gap), "{arguments:?}: gap {gap}");
    found[0]["weights"]["A"].as_f64().unwrap_or(0.0)
}

/// Mean of A less that of B, variances of A and B, covariance.
fn moments(returns: &[[f64; 2]]) -> [f64; 4] {
    let count = returns.len() as f64;
    let mean = [0, 1].map(|asset| returns.iter().map(|row| row[asset]).sum::<f64>() / count);
    let product = |i: usize, j: usize| {
        returns.iter().map(|row| (row[i] - mean[i]) * (row[j] - mean[j])).sum::<f64>() / (count - 1.0)
    };
    [mean[0] - mean[1], product(0, 0), product(1, 1), product(0, 1)]
}

/// The least of `risk` over a fine grid of weights of A, and what it is at `weight`.
fn grid(weight: f64, risk: impl Fn(&[f64]) -> f64) -> (f64, f64) {
    let of = |weight: f64| {
        let series: Vec<f64> = returns(BARS).iter().map(|[a, b]| weight * a + (1.0 - weight) * b).collect();
        risk(&series)
    };
    let least = (0..=10_000).map(|step| of(f64::from(step) / 1e4)).fold(f64::INFINITY, f64::min);
    (least, of(weight))
}

#[test]
fn each_objective_is_answered_exactly_and_by_search() {
    let folder = folder();
    write_prices(folder.path(), &returns(BARS));
    let of = |arguments: &[&str]| weight_of_a(folder.path(), arguments);
    let [spread, a, b, c] = moments(&returns(BARS));
    let close = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-6, "{found} {expected}");

    let by_risk = b.sqrt() / (a.sqrt() + b.sqrt());
    close(of(&["--objective", "risk-parity"]), by_risk);
    // Of two assets the most diversified portfolio is that of equal risks, too.
    close(of(&["--objective", "max-diversification"]), by_risk);
    let aversion = 40.0;
    close(
        of(&["--objective", "utility", "--risk-aversion", "40"]),
        (spread / aversion + b - c) / (a + b - 2.0 * c),
    );
    // The means of the two assets are one and two per mille, and some: see `returns`.
    let asked = portfolios(folder.path(), &["--objective", "target-return", "--target-return", "0.0018"]);
    assert!((asked[0]["mean"].as_f64().unwrap() - 0.0018).abs() < 1e-12, "{asked:?}");
    let asked = portfolios(folder.path(), &["--objective", "target-risk", "--target-risk", "0.005"]);
    assert!((asked[0]["risk"].as_f64().unwrap() - 0.005).abs() < 1e-12, "{asked:?}");

    // The worst twelve of 120 bars.
    let cvar = |series: &[f64]| {
        let mut sorted = series.to_vec();
        sorted.sort_by(f64::total_cmp);
        -sorted[..12].iter().sum::<f64>() / 12.0
    };
    let (least, found) = grid(of(&["--objective", "min-cvar", "--cvar-level", "0.9"]), cvar);
    assert!(found <= least * (1.0 + 1e-6), "{found} {least}");
    let drawdown = |series: &[f64]| {
        let (mut sum, mut high, mut worst) = (0.0_f64, 0.0_f64, 0.0_f64);
        for value in series {
            sum += value;
            high = high.max(sum);
            worst = worst.max(high - sum);
        }
        worst
    };
    let (least, found) = grid(of(&["--objective", "min-drawdown"]), drawdown);
    assert!(found <= least * (1.0 + 1e-6), "{found} {least}");
}

#[test]
fn constraints_are_kept() {
    let folder = folder();
    write_prices(folder.path(), &returns(BARS));
    let of = |arguments: &[&str]| {
        weight_of_a(folder.path(), &[&["--objective", "max-sharpe"], arguments].concat())
    };
    let free = of(&[]);
    assert!(free > 0.5, "{free}");
    let limited = of(&["--group", "first=A:0.1..0.3"]);
    assert!((limited - 0.3).abs() < 1e-9, "{limited}");
    let alone = of(&["--max-assets", "1"]);
    assert!(alone == 0.0 || alone == 1.0, "{alone}");
    // A turnover of 0.2 moves a tenth of the portfolio.
    let moved = of(&["--hold", "A=0.2,B=0.8", "--turnover", "0.2"]);
    assert!((moved - 0.3).abs() < 1e-9, "{moved}");
    // Fees that no gain pays for.
    let kept = of(&["--hold", "A=0.2,B=0.8", "--fee", "0.01"]);
    assert!((kept - 0.2).abs() < 1e-6, "{kept}");
}

#[test]
fn what_cannot_be_met_is_said_with_names_and_remedies() {
    let folder = folder();
    write_prices(folder.path(), &returns(BARS));
    let refused = |arguments: &[&str]| refused(folder.path(), arguments);
    let (code, said) = refused(&["--group", "first=A:0.7..1", "--group", "second=B:0.5..1"]);
    assert!(code == 1 && said.contains("\"first\" at least 0.7 and group \"second\" at least 0.5"), "{said}");
    assert!(said.contains("lower the lower limit of group"), "{said}");
    let (code, said) = refused(&["--objective", "target-return", "--target-return", "0.5"]);
    assert!(code == 1 && said.contains("upper bounds of asset B together"), "{said}");
    assert!(said.contains("lower the target return to 2.0"), "{said}");
    let wrong: [(&[&str], &str); 7] = [
        (&["--objective", "utility"], "utility needs --risk-aversion"),
        (&["--objective", "target-risk", "--target-risk", "-1"], "target risk: -1 is not allowed"),
        (&["--objective", "min-cvar", "--cvar-level", "1"], "CVaR level: 1 is not allowed"),
        (&["--objective", "best"], "unknown objective \"best\"; expected one of max-sharpe"),
        (&["--group", "first=Z:0..1"], "--group: no asset \"Z\" takes part; there are A, B"),
        (&["--group", "first=A"], "expected NAME=ASSETS:LEAST..MOST"),
        (&["--turnover", "0.1"], "holdings: at least one is needed"),
    ];
    for (arguments, expected) in wrong {
        let (code, said) = refused(arguments);
        assert!(code == 2 && said.contains(expected), "{arguments:?}: {code}, {said}");
    }
}
