//! The whole frontier, corner by corner.

use std::time::Instant;

use serde_json::{Value, json};
use silverbullet_kernel::{Bounds, exact};

use crate::market::Model;
use crate::readable;

/// Repetitions, of which the median counts.
const REPETITIONS: usize = 3;

pub(crate) fn run(print: bool) -> Value {
    if print {
        println!("Critical line, whole frontier");
        println!(
            "  {:>6} {:>6} {:<22} {:>8} {:>11} {:>12}  label",
            "assets", "bars", "bounds", "corners", "most held", "time"
        );
    }
    let mut results = Vec::new();
    for (assets, bars) in [(500, 750), (500, 250), (2_000, 3_000), (2_000, 500)] {
        let problem = Model::problem(1, assets, bars, 1.0);
        let even = 1.0 / assets as f64;
        let capped = Bounds::new(vec![0.0; assets], vec![10.0 * even; assets]).unwrap();
        let tight = Bounds::new(vec![0.2 * even; assets], vec![3.0 * even; assets]).unwrap();
        for (name, bounds) in
            [("long only", Bounds::long_only(assets)), ("0 to 10/N", capped), ("0.2/N to 3/N", tight)]
        {
            let problem = problem.clone().with_bounds(bounds).unwrap();
            let mut times = [0.0; REPETITIONS];
            let mut frontier = None;
            for time in &mut times {
                let begin = Instant::now();
                frontier = Some(exact::frontier(&problem));
                *time = begin.elapsed().as_secs_f64() * 1e6;
            }
            times.sort_unstable_by(f64::total_cmp);
            let (time, frontier) = (times[REPETITIONS / 2], frontier.unwrap());
            let above = |weights: &[f64]| {
                weights.iter().zip(problem.bounds().lower()).filter(|(weight, lower)| weight > lower).count()
            };
            let held = frontier.corners.iter().map(|corner| above(&corner.weights)).max().unwrap_or(0);
            let corners = frontier.corners.len();
            if print {
                println!(
                    "  {assets:>6} {bars:>6} {name:<22} {corners:>8} {held:>11} {:>12}  {}",
                    readable(time),
                    frontier.label
                );
            }
            results.push(json!({
                "assets": assets, "bars": bars, "bounds": name, "corners": corners,
                "most_held": held, "time_us": time, "label": frontier.label.text(),
            }));
        }
    }
    json!(results)
}
