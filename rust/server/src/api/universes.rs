//! `/api/v1/universes`: what runs, with its settings and counts.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use silverbullet_engine::live::LiveState;
use silverbullet_kernel::Objective;
use silverbullet_market::{Clock, format_duration};
use utoipa::ToSchema;

use super::fresh;
use crate::service::AppState;

/// All universes.
#[derive(Serialize, ToSchema)]
#[schema(as = Universes)]
struct UniversesView<'a> {
    /// In the order they were started in.
    universes: Vec<UniverseView<'a>>,
}

/// A universe: its settings and what was counted so far.
#[derive(Serialize, ToSchema)]
#[schema(as = Universe)]
struct UniverseView<'a> {
    /// Its name.
    universe: &'a str,
    /// Hash of settings, seed and source.
    variant: &'a str,
    /// Name of its source.
    source: &'a str,
    /// `starting`, `warming-up`, `live`, `paused`, `ended` or `failed`.
    phase: &'static str,
    /// Assets in the order of all weights.
    assets: &'a [String],
    /// Bar interval in nanoseconds.
    interval_ns: i64,
    /// Bar interval as a person writes it.
    interval: String,
    /// Bars in the window.
    window: usize,
    /// How moments are estimated.
    estimator: &'static str,
    /// What is answered.
    #[schema(value_type = Vec<String>)]
    objectives: &'a [Objective],
    /// Portfolios in the live population.
    population: usize,
    /// Risk-free rate per bar.
    risk_free: f64,
    /// Seed of everything random.
    seed: u64,
    /// Id of the run.
    run_id: &'a str,
    /// Ticks accepted.
    ticks: u64,
    /// Final bars.
    bars: u64,
    /// Final bars whose rows were handed on.
    stored_bars: u64,
    /// Publications made.
    publications: u64,
    /// Inputs that could not be used.
    quarantined: u64,
    /// Raw input records of the source.
    frames: u64,
    /// Time since the last input in milliseconds; null before the first.
    last_input_age_ms: Option<u64>,
    /// Rows the source will bring, where known.
    rows: Option<u64>,
}

/// Every universe with its settings and counts.
#[utoipa::path(
    get,
    path = "/api/v1/universes",
    tag = "server",
    responses((status = 200, description = "One object a universe", body = UniversesView))
)]
pub(crate) async fn universes(State(shared): AppState) -> Response {
    let universes = shared.hubs.iter().map(|hub| view(&hub.live, &*shared.clock)).collect();
    fresh(UniversesView { universes })
}

fn view<'a>(live: &'a LiveState, clock: &dyn Clock) -> UniverseView<'a> {
    let (universe, summary) = (&live.universe, live.summary());
    UniverseView {
        universe: &universe.name,
        variant: &universe.variant,
        source: &live.source,
        phase: live.phase().name(),
        assets: &universe.assets,
        interval_ns: universe.interval,
        interval: format_duration(universe.interval),
        window: universe.window,
        estimator: universe.estimator.name(),
        objectives: &universe.objectives,
        population: universe.population,
        risk_free: universe.risk_free,
        seed: universe.seed,
        run_id: &live.run_id,
        ticks: summary.ticks,
        bars: summary.bars,
        stored_bars: live.counters.stored_bars.load(std::sync::atomic::Ordering::Acquire),
        publications: summary.publications,
        quarantined: summary.quarantined,
        frames: summary.frames,
        last_input_age_ms: crate::view::last_input_age_ms(live, clock),
        rows: live.rows,
    }
}
