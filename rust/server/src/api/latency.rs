//! `/api/v1/latency`: how long ticks spend in each stage of the live loop.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use silverbullet_engine::live::LiveState;
use utoipa::ToSchema;

use super::{WhichUniverse, chosen, fresh};
use crate::parameters::Asked;
use crate::problem::Problem;
use crate::service::AppState;

/// Latency of a universe's live loop.
#[derive(Serialize, ToSchema)]
#[schema(as = Latency)]
struct LatencyView<'a> {
    /// Name of the universe.
    universe: &'a str,
    /// In the order a tick passes them; the last is their sum.
    stages: Vec<StageView>,
}

/// Percentiles of one stage since the start, in nanoseconds.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Stage)]
pub(crate) struct StageView {
    /// `queue`, `compute`, `publish` or `total`.
    stage: &'static str,
    /// Ticks measured.
    count: u64,
    /// Median.
    p50: u64,
    /// 90th percentile.
    p90: u64,
    /// 99th percentile.
    p99: u64,
    /// 99.9th percentile.
    #[serde(rename = "p99.9")]
    p999: u64,
    /// Largest.
    max: u64,
}

/// Each stage with its percentiles.
pub(crate) fn stages(live: &LiveState) -> Vec<StageView> {
    let view = |(stage, latency): silverbullet_engine::live::NamedLatency| StageView {
        stage,
        count: latency.count,
        p50: latency.p50,
        p90: latency.p90,
        p99: latency.p99,
        p999: latency.p999,
        max: latency.max,
    };
    live.latency().into_iter().map(view).collect()
}

/// Percentiles of the time a tick spends in each stage of the live loop.
#[utoipa::path(
    get,
    path = "/api/v1/latency",
    tag = "live",
    params(WhichUniverse),
    responses((status = 200, description = "One object a stage", body = LatencyView), Problem)
)]
pub(crate) async fn latency(
    State(shared): AppState,
    asked: Asked<WhichUniverse>,
) -> Result<Response, Problem> {
    let hub = chosen(&shared, asked)?;
    Ok(fresh(LatencyView { universe: hub.name(), stages: stages(&hub.live) }))
}
