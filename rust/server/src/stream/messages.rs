//! Text messages of the stream.

use serde::Serialize;
use silverbullet_engine::live::LiveState;
use utoipa::ToSchema;

use crate::api::latency::StageView;
use crate::service::Shared;
use crate::store::StoreView;
use crate::view::iso_8601;

/// Sent once at the start: what does not change during a run.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StreamHello)]
pub(crate) struct HelloView<'a> {
    /// `hello`.
    r#type: &'static str,
    /// Name of the universe.
    universe: &'a str,
    /// Hash of settings, seed and source.
    variant: &'a str,
    /// Assets in the order of all weights.
    assets: &'a [String],
    /// Bar interval in nanoseconds.
    interval_ns: i64,
    /// Bars in the window.
    window: usize,
    /// Portfolios in the live population.
    population: usize,
    /// Version of the program.
    version: &'a str,
    /// Id of the run.
    run_id: &'a str,
}

impl<'a> HelloView<'a> {
    pub(crate) fn new(live: &'a LiveState, version: &'a str) -> Self {
        let universe = &live.universe;
        Self {
            r#type: "hello",
            universe: &universe.name,
            variant: &universe.variant,
            assets: &universe.assets,
            interval_ns: universe.interval,
            window: universe.window,
            population: universe.population,
            version,
            run_id: &live.run_id,
        }
    }
}

/// Sent once a second: how a universe fares.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StreamState)]
pub(crate) struct StateView<'a> {
    /// `state`.
    r#type: &'static str,
    /// `starting`, `warming-up`, `live`, `paused`, `ended` or `failed`.
    phase: &'static str,
    /// Name of the source.
    source: &'a str,
    /// Ticks accepted.
    ticks: u64,
    /// Ticks of the second before.
    ticks_per_second: f64,
    /// Publications made.
    publications: u64,
    /// Publications of the second before.
    publications_per_second: f64,
    /// Final bars.
    bars: u64,
    /// Final bars whose rows were handed on.
    stored_bars: u64,
    /// Inputs that could not be used.
    quarantined: u64,
    /// Time since the last input in milliseconds; null before the first.
    last_input_age_ms: Option<u64>,
    /// Latency by stage since the start.
    latency: Vec<StageView>,
    /// How the store fares; null where nothing is kept.
    store: Option<StoreView>,
    /// Time of day, ISO 8601.
    time: String,
}

/// What is counted, at one moment.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counted {
    pub(crate) ticks: u64,
    pub(crate) publications: u64,
}

impl Counted {
    pub(crate) fn of(live: &LiveState) -> Self {
        let summary = live.summary();
        Self { ticks: summary.ticks, publications: summary.publications }
    }
}

impl<'a> StateView<'a> {
    /// How `live` fares, given what was counted `seconds` ago.
    pub(crate) fn new(shared: &Shared, live: &'a LiveState, before: Counted, seconds: f64) -> Self {
        let summary = live.summary();
        let rate = |now: u64, before: u64| {
            if seconds > 0.0 { now.saturating_sub(before) as f64 / seconds } else { 0.0 }
        };
        Self {
            r#type: "state",
            phase: live.phase().name(),
            source: &live.source,
            ticks: summary.ticks,
            ticks_per_second: rate(summary.ticks, before.ticks),
            publications: summary.publications,
            publications_per_second: rate(summary.publications, before.publications),
            bars: summary.bars,
            stored_bars: live.counters.stored_bars.load(std::sync::atomic::Ordering::Acquire),
            quarantined: summary.quarantined,
            last_input_age_ms: crate::view::last_input_age_ms(live, &*shared.clock),
            latency: crate::api::latency::stages(live),
            store: shared.store_state(),
            time: iso_8601(shared.clock.utc()),
        }
    }
}
