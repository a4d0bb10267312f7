//! Lines instead of the live view: one a second, and one as soon as there is the first live answer.

use std::sync::Arc;

use silverbullet_engine::live::LiveState;
use silverbullet_kernel::Method;
use silverbullet_market::{Clock, Nanos, SECOND};

use super::remarks::was_live;
use super::snapshot::{Rates, Snapshot, phase_name};
use crate::format;

/// Writes about the engines as time passes.
pub(crate) struct Plain {
    engines: Vec<Arc<LiveState>>,
    rates: Vec<Rates>,
    answered: Vec<bool>,
    started: Nanos,
    next: Nanos,
}

impl Plain {
    pub(crate) fn new(engines: Vec<Arc<LiveState>>, started: Nanos, clock: &dyn Clock) -> Self {
        let now = clock.monotonic();
        let mut rates = Rates::default();
        rates.add(now, 0, 0);
        Self {
            rates: vec![rates; engines.len()],
            answered: vec![false; engines.len()],
            engines,
            started,
            next: now + SECOND,
        }
    }

    /// The lines that are due, none most of the time.
    pub(crate) fn due(&mut self, now: Nanos) -> Vec<String> {
        let mut lines = Vec::new();
        for (engine, answered) in self.engines.iter().zip(&mut self.answered) {
            if !*answered && was_live(engine) {
                *answered = true;
                let seconds = (now - self.started) as f64 / SECOND as f64;
                lines.push(format!(
                    "{}: first live answer {seconds:.2} s after the start",
                    engine.universe.name
                ));
            }
        }
        if now >= self.next {
            self.next = now + SECOND;
            for (engine, rates) in self.engines.iter().zip(&mut self.rates) {
                lines.push(status(engine, &Snapshot::take(engine, rates, now), now - self.started));
            }
        }
        lines
    }
}

fn status(engine: &LiveState, snapshot: &Snapshot, elapsed: Nanos) -> String {
    let summary = &snapshot.summary;
    let mut line = format!(
        "{} {}: {}, {} ({:.0}/s), {}, {} quarantined",
        format::elapsed(elapsed),
        engine.universe.name,
        phase_name(snapshot.phase),
        format::counted(summary.ticks, "tick"),
        snapshot.ticks_per_second,
        format::counted(summary.bars, "bar"),
        format::thousands(summary.quarantined),
    );
    if let Some(rows) = engine.rows.filter(|&rows| rows > 0) {
        line.push_str(&format!(", {:.0} % of the input", summary.frames as f64 / rows as f64 * 100.0));
    }
    let Some(publication) = &snapshot.publication else { return line };
    let exact =
        publication.listed().map(|(answer, _)| answer).filter(|answer| answer.method == Method::Exact);
    for answer in exact {
        let heaviest = answer.weights.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
        let heaviest = heaviest.map_or_else(String::new, |(asset, weight)| {
            format!(", most {} {}", engine.universe.assets[asset], format::percent(*weight, 1))
        });
        line.push_str(&format!(
            " | {} Sharpe {} risk {}{heaviest}",
            answer.objective,
            format::number(answer.sharpe, 4),
            format::basis_points(answer.risk),
        ));
        if !answer.label.is_ok() {
            line.push_str(&format!(" ({})", answer.label));
        }
    }
    line
}
