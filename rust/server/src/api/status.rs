//! `/api/v1/status`: how the server fares as a whole.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::fresh;
use crate::service::AppState;
use crate::store::StoreView;
use crate::view::iso_8601;

/// How the server fares.
#[derive(Serialize, ToSchema)]
#[schema(as = Status)]
struct StatusView<'a> {
    /// Version of the program.
    version: &'a str,
    /// Time of day of its start, ISO 8601.
    started: String,
    /// Seconds since then.
    uptime_s: f64,
    /// Whether every universe is live and everything is kept.
    ready: bool,
    /// Why it is not ready; empty where it is.
    reasons: Vec<String>,
    /// How the store fares; null where nothing is kept.
    store: Option<StoreView>,
    /// The phase of each universe.
    universes: BTreeMap<&'a str, &'static str>,
}

/// How the server, its store and its universes fare.
#[utoipa::path(
    get,
    path = "/api/v1/status",
    tag = "server",
    responses((status = 200, description = "Readiness with its reasons", body = StatusView))
)]
pub(crate) async fn status(State(shared): AppState) -> Response {
    let reasons = shared.reasons();
    let up = shared.clock.monotonic().saturating_sub(shared.started_monotonic).max(0).unsigned_abs();
    fresh(StatusView {
        version: &shared.version,
        started: iso_8601(shared.started),
        uptime_s: std::time::Duration::from_nanos(up).as_secs_f64(),
        ready: reasons.is_empty(),
        reasons,
        store: shared.store_state(),
        universes: shared.phases(),
    })
}
