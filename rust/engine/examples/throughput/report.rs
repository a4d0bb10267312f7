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
}

/// The middle one; zero of none.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// Prints the percentiles of the engine beside those of the empty loop: medians over the runs of each, and of what
/// one is above the other in the same turn.
pub(crate) fn latencies(name: &str, particulars: &str, runs: &[(Latencies, Latencies)]) {
    println!("  {particulars}; microseconds, medians of {} runs", runs.len());
    println!("  {:10} {:>10} {:>10} {:>10}", "", "engine", "empty loop", "excess");
    for (label, quantile) in QUANTILES {
        let micros = |latencies: &Latencies| latencies.0.value_at_quantile(quantile) as f64 / 1e3;
        let engine = median(runs.iter().map(|(engine, _)| micros(engine)).collect());
        let empty = median(runs.iter().map(|(_, empty)| micros(empty)).collect());
        let excess = median(runs.iter().map(|(engine, empty)| micros(engine) - micros(empty)).collect());
        println!("  {label:10} {engine:10.1} {empty:10.1} {excess:10.1}");
        let line = json!({
            "measurement": name, "quantile": label, "engine_us": engine, "empty_us": empty, "excess_us": excess,
            "each_excess_us": runs.iter().map(|(engine, empty)| micros(engine) - micros(empty)).collect::<Vec<_>>(),
        });
        println!("{line}");
    }
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
