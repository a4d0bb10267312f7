//! `optimize` on recorded prices against Clarabel, which shares no code with the kernel.

use std::collections::BTreeMap;

use serde_json::Value;

use super::clarabel_reference::Reference;
use super::{WEEK, json, recorded, silverbullet};

/// Prices by minute, each in the order of the assets' names; read without the project's own parser.
fn prices(csv: &str) -> (Vec<String>, Vec<Vec<f64>>) {
    let mut by_time: BTreeMap<&str, BTreeMap<&str, f64>> = BTreeMap::new();
    for line in csv.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        by_time.entry(fields[0]).or_default().insert(fields[1], fields[2].parse().unwrap());
    }
    let names = by_time.values().next().unwrap().keys().map(|name| (*name).to_owned()).collect();
    (names, by_time.into_values().map(|row| row.into_values().collect()).collect())
}

/// Mean and row-major sample covariance of the simple returns, by the definitions.
fn moments(prices: &[Vec<f64>]) -> (Vec<f64>, Vec<f64>) {
    let returns: Vec<Vec<f64>> = prices
        .windows(2)
        .map(|pair| pair[1].iter().zip(&pair[0]).map(|(now, before)| now / before - 1.0).collect())
        .collect();
    let (bars, assets) = (returns.len() as f64, prices[0].len());
    let mean: Vec<f64> = (0..assets).map(|i| returns.iter().map(|row| row[i]).sum::<f64>() / bars).collect();
    let mut covariance = vec![0.0; assets * assets];
    for i in 0..assets {
        for j in 0..assets {
            let products = returns.iter().map(|row| (row[i] - mean[i]) * (row[j] - mean[j]));
            covariance[i * assets + j] = products.sum::<f64>() / (bars - 1.0);
        }
    }
    (mean, covariance)
}

struct Expected {
    assets: usize,
    mean: Vec<f64>,
    covariance: Vec<f64>,
    observations: f64,
}

impl Expected {
    fn of(prices: &[Vec<f64>]) -> Self {
        let (mean, covariance) = moments(prices);
        Self { assets: mean.len(), mean, covariance, observations: prices.len() as f64 - 1.0 }
    }

    fn reference<'a>(&'a self, lower: &'a [f64], upper: &'a [f64]) -> Reference<'a> {
        Reference { mean: &self.mean, covariance: &self.covariance, lower, upper, risk_free: 0.0 }
    }

    fn evaluate(&self, weights: &[f64]) -> (f64, f64) {
        let mean = weights.iter().zip(&self.mean).map(|(weight, mean)| weight * mean).sum();
        let row = |i: usize| {
            (0..self.assets).map(|j| self.covariance[i * self.assets + j] * weights[j]).sum::<f64>()
        };
        (mean, (0..self.assets).map(|i| weights[i] * row(i)).sum::<f64>().sqrt())
    }

    /// What a risk may be off by: 1e-6 of max(risk, 1e-4 × median volatility).
    fn allowance(&self, risk: f64) -> f64 {
        let mut volatility: Vec<f64> =
            (0..self.assets).map(|i| self.covariance[i * self.assets + i].sqrt()).collect();
        volatility.sort_by(f64::total_cmp);
        1e-6 * risk.max(1e-4 * volatility[self.assets / 2])
    }
}

fn exact<'a>(answer: &'a Value, objective: &str) -> &'a Value {
    let portfolios = answer["portfolios"].as_array().unwrap();
    portfolios.iter().find(|row| row["objective"] == objective && row["method"] == "exact").unwrap()
}

/// Compares one answer of `optimize` with Clarabel's. Returns the label of its max-Sharpe portfolio.
fn compare(answer: &Value, prices: &[Vec<f64>]) -> String {
    let expected = Expected::of(prices);
    let (lower, upper) = (vec![0.0; expected.assets], vec![1.0; expected.assets]);
    let reference = expected.reference(&lower, &upper);
    let least = reference.min_variance();
    let (_, risk) = expected.evaluate(&least.weights);
    assert!(least.solved);
    let found = exact(answer, "min-variance");
    assert_eq!(found["label"], "ok");
    assert!((found["risk"].as_f64().unwrap() - risk).abs() <= expected.allowance(risk), "{found} {risk}");
    let sharpest = exact(answer, "max-sharpe");
    let label = sharpest["label"].as_str().unwrap().to_owned();
    if expected.mean.iter().all(|&mean| mean <= 0.0) {
        assert_eq!(label, "fallback: no positive excess mean");
        assert!(sharpest["gap"].is_null());
    } else {
        assert_eq!(label, "ok");
        let best = reference.max_sharpe();
        let (mean, risk) = expected.evaluate(&best.weights);
        let sharpe = mean / risk;
        let allowed = 1e-6 * sharpe.abs().max(1.0 / expected.observations.sqrt());
        assert!((sharpest["sharpe"].as_f64().unwrap() - sharpe).abs() <= allowed, "{sharpest} {sharpe}");
    }
    let frontier = answer["frontier"].as_array().unwrap();
    assert_eq!(frontier.len(), 20);
    for point in frontier.iter().step_by(4) {
        let at = reference.min_variance_at(point["mean"].as_f64().unwrap());
        let (_, risk) = expected.evaluate(&at.weights);
        assert!(
            (point["risk"].as_f64().unwrap() - risk).abs() <= 2.0 * expected.allowance(risk),
            "{point} {risk}"
        );
    }
    label
}

#[test]
fn the_whole_week_agrees_with_clarabel() {
    let Some(path) = recorded(WEEK) else { return };
    let answer = json(&silverbullet(&["optimize", path.to_str().unwrap(), "--format", "json"]));
    let (names, prices) = prices(&std::fs::read_to_string(&path).unwrap());
    assert_eq!(answer["moments"]["bars"], 10_079);
    assert_eq!(exact(&answer, "max-sharpe")["weights"].as_object().unwrap().keys().collect::<Vec<_>>(), {
        names.iter().collect::<Vec<_>>()
    });
    assert_eq!(compare(&answer, &prices), "ok");
}

#[test]
fn windows_of_a_thousand_minutes_agree_with_clarabel_falling_markets_among_them() {
    let Some(path) = recorded(WEEK) else { return };
    let folder = tempfile::tempdir().unwrap();
    let csv = std::fs::read_to_string(&path).unwrap();
    let (header, rows) = csv.split_once('\n').unwrap();
    let rows: Vec<&str> = rows.lines().collect();
    let (_, prices) = prices(&csv);
    let mut labels = BTreeMap::<String, usize>::new();
    for start in (0..prices.len() - 1_001).step_by(500) {
        let part = folder.path().join(format!("{start}.csv"));
        std::fs::write(&part, format!("{header}\n{}\n", rows[16 * start..16 * (start + 1_001)].join("\n")))
            .unwrap();
        let answer = json(&silverbullet(&["optimize", part.to_str().unwrap(), "--format", "json"]));
        *labels.entry(compare(&answer, &prices[start..start + 1_001])).or_default() += 1;
    }
    assert!(labels["ok"] >= 10, "{labels:?}");
    assert!(labels.contains_key("fallback: no positive excess mean"), "{labels:?}");
}
