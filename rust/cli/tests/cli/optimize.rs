//! `optimize` against figures worked out here by closed formulas.

use crate::common::{folder, returns, silverbullet, text, write_prices};
use serde_json::Value;

/// Mean and sample covariance of two assets by the two-pass formulas.
fn moments(returns: &[[f64; 2]]) -> ([f64; 2], [[f64; 2]; 2]) {
    let count = returns.len() as f64;
    let mean = [0, 1].map(|asset| returns.iter().map(|row| row[asset]).sum::<f64>() / count);
    let covariance = [0, 1].map(|a| {
        [0, 1].map(|b| {
            returns.iter().map(|row| (row[a] - mean[a]) * (row[b] - mean[b])).sum::<f64>() / (count - 1.0)
        })
    });
    (mean, covariance)
}

fn close(actual: &Value, expected: f64, tolerance: f64) {
    let actual = actual.as_f64().unwrap();
    assert!((actual - expected).abs() <= tolerance * expected.abs(), "{actual} is not {expected}");
}

fn optimize(folder: &std::path::Path, arguments: &[&str]) -> (Value, String) {
    let output = silverbullet(folder)
        .args(["optimize", "prices.csv", "--format", "json"])
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    (serde_json::from_slice(&output.stdout).unwrap(), text(&output.stderr))
}

#[test]
fn two_assets_agree_with_the_closed_formulas() {
    let folder = folder();
    let returns = returns(120);
    write_prices(folder.path(), &returns);
    let (mean, covariance) = moments(&returns);
    let [[a, c], [_, b]] = covariance;
    let (answer, told) = optimize(folder.path(), &[]);
    assert!(told.contains("bar 1m (the grid of the file)") && told.contains("all 120 of 120 bars"), "{told}");

    let portfolios = answer["portfolios"].as_array().unwrap();
    let names: Vec<_> = portfolios
        .iter()
        .map(|one| (one["objective"].as_str().unwrap(), one["method"].as_str().unwrap()))
        .collect();
    let expected = [
        ("max-sharpe", "exact"),
        ("max-sharpe", "monte-carlo"),
        ("min-variance", "exact"),
        ("min-variance", "monte-carlo"),
    ];
    assert_eq!(names, expected);

    // The tangency portfolio is proportional to the inverse covariance times the mean.
    let tangency = [b * mean[0] - c * mean[1], a * mean[1] - c * mean[0]];
    let least = [b - c, a - c];
    for (portfolio, raw) in [(&portfolios[0], tangency), (&portfolios[2], least)] {
        assert!(raw.iter().all(|&weight| weight > 0.0), "the example is meant to be inside the bounds");
        let weights = raw.map(|weight| weight / (raw[0] + raw[1]));
        let expected_mean = weights[0] * mean[0] + weights[1] * mean[1];
        let risk =
            (weights[0] * weights[0] * a + 2.0 * weights[0] * weights[1] * c + weights[1] * weights[1] * b)
                .sqrt();
        close(&portfolio["weights"]["A"], weights[0], 1e-7);
        close(&portfolio["weights"]["B"], weights[1], 1e-7);
        close(&portfolio["mean"], expected_mean, 1e-9);
        close(&portfolio["risk"], risk, 1e-9);
        close(&portfolio["sharpe"], expected_mean / risk, 1e-9);
        assert_eq!((portfolio["label"].as_str(), portfolio["gap"].as_f64()), (Some("ok"), Some(0.0)));
    }
    for sampled in [&portfolios[1], &portfolios[3]] {
        let gap = sampled["gap"].as_f64().unwrap();
        assert!((-1e-9..1e-6).contains(&gap), "{gap}");
    }
}

#[test]
fn the_frontier_is_equally_spaced_in_mean_and_moments_are_said() {
    let folder = folder();
    write_prices(folder.path(), &returns(120));
    let (answer, _) = optimize(folder.path(), &[]);
    let frontier = answer["frontier"].as_array().unwrap();
    assert_eq!(frontier.len(), 20);
    let means: Vec<f64> = frontier.iter().map(|point| point["mean"].as_f64().unwrap()).collect();
    let step = (means[19] - means[0]) / 19.0;
    assert!(step > 0.0 && means.windows(2).all(|pair| (pair[1] - pair[0] - step).abs() < 1e-9 * means[19]));
    assert_eq!(frontier[0]["weights"], answer["portfolios"][2]["weights"]);
    let keys: Vec<_> = answer["moments"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(answer["moments"]["estimator"], "sample");
    assert_eq!((answer["moments"]["bars"].as_u64(), keys.len()), (Some(120), 3));
    assert!(answer["moments"]["condition_number"].as_f64().unwrap() > 1.0);
}

#[test]
fn flags_choose_window_bar_estimator_and_objective() {
    let folder = folder();
    let all = returns(120);
    write_prices(folder.path(), &all);
    let (last, told) =
        optimize(folder.path(), &["--window", "50", "--objective", "min-variance", "--points", "5"]);
    assert!(told.contains("the last 50 of 120 bars"), "{told}");
    assert_eq!((last["moments"]["bars"].as_u64(), last["frontier"].as_array().unwrap().len()), (Some(50), 5));
    assert_eq!(last["portfolios"].as_array().unwrap().len(), 2);
    let (_, [[a, c], [_, b]]) = moments(&all[70..]);
    close(&last["portfolios"][0]["risk"], ((a * b - c * c) / (a + b - 2.0 * c)).sqrt(), 1e-9);

    let (wide, told) = optimize(folder.path(), &["--bar", "5m", "--estimator", "ledoit-wolf"]);
    assert!(told.contains("bar 5m (the file has a price every 1m)"), "{told}");
    assert_eq!(
        (wide["moments"]["bars"].as_u64(), wide["moments"]["estimator"].as_str()),
        (Some(24), Some("ledoit-wolf"))
    );
}

#[test]
fn the_same_command_gives_the_same_bytes() {
    let folder = folder();
    write_prices(folder.path(), &returns(60));
    let run = |format: &str, seed: &str| {
        let output = silverbullet(folder.path())
            .args(["optimize", "prices.csv", "--seed", seed, "--format", format])
            .output()
            .unwrap();
        text(&output.stdout)
    };
    for format in ["json", "csv", "table"] {
        assert_eq!(run(format, "3"), run(format, "3"));
    }
    let csv = run("csv", "3");
    assert!(csv.starts_with("kind,objective,method,mean,risk,sharpe,gap,label,A,B\n"), "{csv}");
    assert_eq!(csv.lines().count(), 1 + 4 + 20);
    let table = run("table", "3");
    assert!(
        table.contains("bars a year") && table.contains("max-sharpe") && table.contains("condition number")
    );
    assert!(table.lines().all(|line| line.chars().count() <= 110 && line == line.trim_end()), "{table}");
}

#[test]
fn what_is_left_out_is_said_and_the_rest_is_answered() {
    let folder = folder();
    let path = write_prices(folder.path(), &returns(60));
    let mut csv = std::fs::read(&path).unwrap();
    for minute in 55..61 {
        csv.extend(format!("{},LATE,{}\n", 1_747_008_000 + 60 * minute, 10 + minute).bytes());
    }
    csv.extend(b"1747011600,A,minus\n1747011600,A,-4\n1747011600\n");
    std::fs::write(&path, csv).unwrap();
    let (answer, told) = optimize(folder.path(), &[]);
    assert!(told.contains("left out: LATE"), "{told}");
    assert!(told.lines().filter(|line| line.starts_with("quarantined: ")).count() >= 2, "{told}");
    assert_eq!(
        answer["portfolios"][0]["weights"].as_object().unwrap().keys().collect::<Vec<_>>(),
        ["A", "B"]
    );
}

#[test]
fn a_picture_has_the_assets_in_it() {
    let folder = folder();
    write_prices(folder.path(), &returns(60));
    optimize(folder.path(), &["--plot", "frontier.svg"]);
    let svg = std::fs::read_to_string(folder.path().join("frontier.svg")).unwrap();
    assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
    assert!(svg.matches("<circle").count() > 3_000 && svg.contains("polyline"));
    for part in ["Efficient portfolios of prices.csv", "max-sharpe", "min-variance", "\nA\n", "\nB\n"] {
        assert!(svg.contains(part), "{part}");
    }
}

#[test]
fn a_file_sorted_by_asset_is_the_same_as_one_sorted_by_time() {
    let folder = folder();
    let path = write_prices(folder.path(), &returns(120));
    let (by_time, _) = optimize(folder.path(), &["--bar", "1m"]);
    let text = std::fs::read_to_string(&path).unwrap();
    let (header, rows) = text.split_once('\n').unwrap();
    let mut rows: Vec<&str> = rows.lines().collect();
    rows.sort_by_key(|row| row.split(',').nth(1).unwrap().to_owned());
    std::fs::write(&path, format!("{header}\n{}\n", rows.join("\n"))).unwrap();
    let (by_asset, told) = optimize(folder.path(), &["--bar", "1m"]);
    assert!(told.contains("not in the order of time at 1 place; sorted by event time"), "{told}");
    assert!(!told.contains("quarantined"), "{told}");
    assert_eq!(by_asset, by_time);
}

#[test]
fn an_answer_that_cannot_be_given_comes_with_what_was_left_out_and_fitting_advice() {
    let folder = folder();
    let path = write_prices(folder.path(), &returns(40));
    let mut csv = std::fs::read_to_string(&path).unwrap();
    csv.push_str("1747010400,A,-1\n");
    std::fs::write(&path, csv).unwrap();
    let fails = |arguments: &[&str]| {
        let output =
            silverbullet(folder.path()).args(["optimize", "prices.csv"]).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        text(&output.stderr)
    };
    let sparse = fails(&["--bar", "10s"]);
    assert!(sparse.contains("quarantined: 1 × price not positive"), "{sparse}");
    assert!(sparse.contains("bars have a tick); the bar is 10s: take a longer --bar"), "{sparse}");
    let short = fails(&["--bar", "1h"]);
    assert!(
        short.contains("at least 2 bars are needed, got 1; the bar is 1h: take a shorter --bar"),
        "{short}"
    );
}

#[test]
fn a_frontier_of_the_shrunk_covariance_says_so() {
    let folder = folder();
    // Two returns of two assets: a covariance of rank one.
    write_prices(folder.path(), &returns(2));
    let output = silverbullet(folder.path()).args(["optimize", "prices.csv"]).output().unwrap();
    let remark = "the frontier is that of the shrunk covariance (singular)";
    assert!(text(&output.stderr).contains(remark), "{}", text(&output.stderr));
    assert!(text(&output.stdout).trim_end().ends_with(remark), "{}", text(&output.stdout));
}
