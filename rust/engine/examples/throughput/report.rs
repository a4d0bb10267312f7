//! What is printed, and medians over runs.
#![expect(clippy::print_stdout, reason = "a benchmark prints what it timed")]

use hdrhistogram::Histogram;
use serde_json::json;

use crate::Failure;

/// The percentiles shown.
const QUANTILES: [(&str, f64); 4] = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999)];

/// Latencies of one run, in nanoseconds.
pub(crate) struct Latencies(Histogram<u64>);

impl Latencies {
    pub(crate) fn new() -> Result<Self, Failure> {
        Ok(Self(Histogram::new_with_bounds(1, 60_000_000_000, 3)?))
    }

    pub(crate) fn record(&mut self, nanos: i64) {
        self.0.saturating_record(nanos.max(1).unsigned_abs());
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.len()
    }

    pub(crate) fn median(&self) -> u64 {
        self.0.value_at_quantile(0.5)
    }
}

/// The middle one; zero of none.
pub(crate) fn median(values: Vec<f64>) -> f64 {
    quantile(&values, 0.5)
}

/// The value that this share of all is below; zero of none.
pub(crate) fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let index = (sorted.len() as f64 * share) as usize;
    sorted.get(index.min(sorted.len().saturating_sub(1))).copied().unwrap_or(0.0)
}

/// One turn: the engine, and the loops it is put beside.
pub(crate) struct Turn {
    pub(crate) engine: Latencies,
    pub(crate) empty: Latencies,
    /// The empty loop with work in registers that takes as long as an answer.
    pub(crate) busy: Option<Latencies>,
}

/// Prints the percentiles of the engine beside those of the empty loop: medians over the runs of each, and of what
/// one is above the other in the same turn.
pub(crate) fn latencies(name: &str, particulars: &str, runs: &[Turn]) {
    println!("  {particulars}; microseconds, medians of {} runs", runs.len());
    let busy_title = if runs.iter().any(|turn| turn.busy.is_some()) { "busy loop above empty" } else { "" };
    println!("  {:10} {:>10} {:>10} {:>10} {busy_title:>24}", "", "engine", "empty loop", "excess");
    for (label, quantile) in QUANTILES {
        let micros = |latencies: &Latencies| latencies.0.value_at_quantile(quantile) as f64 / 1e3;
        let engine = median(runs.iter().map(|turn| micros(&turn.engine)).collect());
        let empty = median(runs.iter().map(|turn| micros(&turn.empty)).collect());
        let excess: Vec<f64> = runs.iter().map(|turn| micros(&turn.engine) - micros(&turn.empty)).collect();
        let busy: Vec<f64> = (runs.iter())
            .filter_map(|turn| turn.busy.as_ref().map(|busy| micros(busy) - micros(&turn.empty)))
            .collect();
        let busy_excess = (!busy.is_empty()).then(|| median(busy.clone()));
        let shown = busy_excess.map(|excess| format!("{excess:.1}")).unwrap_or_default();
        println!("  {label:10} {engine:10.1} {empty:10.1} {:10.1} {shown:>24}", median(excess.clone()));
        let line = json!({
            "measurement": name, "quantile": label, "engine_us": engine, "empty_us": empty,
            "excess_us": median(excess.clone()), "each_excess_us": excess,
            "busy_excess_us": busy_excess, "each_busy_excess_us": busy,
        });
        println!("{line}");
    }
}

/// Prints how samples of a rate lie.
pub(crate) fn spread(name: &str, label: &str, unit: &str, samples: &[f64]) {
    let [slow, middle, fast] = [0.1, 0.5, 0.9].map(|share| quantile(samples, share));
    println!("  {label:40} slowest tenth {slow:.3e}, median {middle:.3e}, fastest tenth {fast:.3e} {unit}");
    println!(
        "{}",
        json!({"measurement": name, "what": label, "unit": unit, "p10": slow, "p50": middle, "p90": fast})
    );
}

/// Prints rates: the median over the runs of each row.
pub(crate) fn rates(name: &str, unit: &str, rows: &[(String, Vec<f64>)]) {
    for (label, runs) in rows {
        let rate = median(runs.clone());
        println!("  {label:40} {rate:14.0} {unit}");
        println!(
            "{}",
            json!({"measurement": name, "what": label, "unit": unit, "median": rate, "each": runs})
        );
    }
}
