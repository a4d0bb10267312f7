//! Times the exact solvers on one core. Every figure is measured in this run, on synthetic markets of a factor
//! model whose seeds are fixed.
//!
//! `cargo run --release --example exact -- [--json] [warm] [line] [single]` prints tables, or one JSON object; without
//! a name, all three parts.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement prints, reads the clock and stops at the first fault"
)]
mod line;
mod market;
mod single;
mod warm;

use serde_json::{Map, Value};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let json = arguments.iter().any(|argument| argument == "--json");
    let parts: Vec<&str> = arguments.iter().map(String::as_str).filter(|part| *part != "--json").collect();
    let mut results = Map::new();
    for (name, run) in
        [("warm", warm::run as fn(bool) -> Value), ("line", line::run), ("single", single::run)]
    {
        if parts.is_empty() || parts.contains(&name) {
            results.insert(name.into(), run(!json));
        }
    }
    if json {
        println!("{:#}", Value::Object(results));
    }
}

/// Microseconds as a person reads them.
fn readable(microseconds: f64) -> String {
    match microseconds {
        t if t < 1e3 => format!("{t:.2} µs"),
        t if t < 1e6 => format!("{:.2} ms", t / 1e3),
        t => format!("{:.2} s", t / 1e6),
    }
}

/// The value below which the given share of `sorted` lies; NaN of nothing.
fn percentile(sorted: &[f64], share: f64) -> f64 {
    match sorted.len() {
        0 => f64::NAN,
        count => sorted[(share * (count - 1) as f64).round() as usize],
    }
}
