//! What a person should know at the end of a run: no portfolio and why, and the rows that did not count.

use std::path::Path;
use std::sync::atomic::Ordering;

use silverbullet_engine::live::{LiveState, Phase};

use crate::format;

/// From this share of the rows on, those that did not count are worth a warning.
const MANY: f64 = 0.01;
/// The reason of rows that came after later ones, as the market crate names it.
const OUT_OF_ORDER: &str = "out of order";

/// True once `engine` has answered for assets with a full window. Before that it publishes prices and labels.
pub(crate) fn was_live(engine: &LiveState) -> bool {
    engine.phase() == Phase::Live
        || engine.counters.refreshes.load(Ordering::Relaxed) > 0
        || engine.publication().is_some_and(|publication| publication.eligible.contains(&true))
}

/// One line each; none after a run without anything special.
pub(crate) fn remarks(engine: &LiveState, output: Option<&Path>) -> Vec<String> {
    let name = &engine.universe.name;
    let mut lines = Vec::new();
    if !was_live(engine) && engine.phase() != Phase::Failed {
        lines.push(format!("warning: {name}: no portfolio: {}", why_never_live(engine)));
    }
    let summary = engine.summary();
    let left_out = [("quarantined", engine.quarantine_reasons()), ("ignored", summary.ignored)];
    for (kind, reasons) in &left_out {
        for (reason, count) in reasons {
            lines.push(format!("{name}: {kind}: {} × {reason}", format::thousands(*count)));
        }
    }
    let counts = left_out.iter().flat_map(|(_, reasons)| reasons);
    let total: u64 = counts.clone().map(|(_, count)| count).sum();
    if total == 0 {
        return lines;
    }
    match output {
        Some(path) => lines.push(format!("{name}: {} lists each with its line", path.display())),
        None => lines.push(format!("{name}: --output FILE lists each with its line")),
    }
    let share = total as f64 / summary.frames.max(1) as f64;
    if share > MANY {
        let most = counts.max_by_key(|(_, count)| **count).map(|(reason, _)| reason.as_str());
        lines.push(format!(
            "warning: {name}: {} of the rows did not count{}",
            format::percent(share, 1),
            if most == Some(OUT_OF_ORDER) {
                ", mostly because they are out of order; sort the file by time"
            } else {
                ""
            }
        ));
    }
    lines
}

/// What kept the window from filling.
fn why_never_live(engine: &LiveState) -> String {
    let (summary, window) = (engine.summary(), engine.universe.window as u64);
    let bars = summary.bars;
    if summary.ticks == 0 {
        return "no row was accepted as a tick".to_owned();
    }
    // A window of so many returns takes one close more.
    if bars <= window {
        let advice = if bars > 2 {
            format!("take --window below {bars} or a longer input")
        } else {
            "take a shorter --bar or a longer input".to_owned()
        };
        let (window, bars) = (format::counted(window, "bar"), format::counted(bars, "bar"));
        return format!("the window of {window} was never full ({bars}); {advice}");
    }
    if engine.recent_events().iter().any(|event| event.kind == "gap") {
        let window = format::counted(window, "bar");
        return format!("the window of {window} was not full after the last gap; take fewer --window bars");
    }
    "no asset had a price in all and a tick in half of the bars of a window; take a longer --bar".to_owned()
}
