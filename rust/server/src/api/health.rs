//! `/healthz`, `/readyz` and `/metrics`: for whoever watches over the process.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::metrics;
use crate::problem::Problem;
use crate::service::AppState;

/// The process lives.
#[derive(Serialize, ToSchema)]
#[schema(as = Health)]
pub(crate) struct HealthView {
    /// `alive`.
    status: &'static str,
}

/// 200 while the process can answer at all.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "operations",
    responses((status = 200, description = "The process lives", body = HealthView))
)]
pub(crate) async fn health() -> Json<HealthView> {
    Json(HealthView { status: "alive" })
}

/// Whether everything works.
#[derive(Serialize, ToSchema)]
#[schema(as = Readiness)]
struct ReadinessView<'a> {
    /// Every universe is live and everything is kept.
    ready: bool,
    /// The phase of each universe.
    universes: BTreeMap<&'a str, &'static str>,
    /// Why it is not ready; empty where it is.
    reasons: Vec<String>,
}

/// 200 while every universe is live and the store keeps up or catches up; 503 with the reasons otherwise.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "operations",
    responses(
        (status = 200, description = "Everything works", body = ReadinessView),
        (status = 503, description = "Something does not; the reasons say what", body = ReadinessView),
    )
)]
pub(crate) async fn ready(State(shared): AppState) -> Response {
    let reasons = shared.reasons();
    let status = if reasons.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let view = ReadinessView { ready: reasons.is_empty(), universes: shared.phases(), reasons };
    (status, Json(view)).into_response()
}

/// Counts and latencies as OpenMetrics text.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "operations",
    responses(
        (status = 200, description = "OpenMetrics text", body = String, content_type = metrics::CONTENT_TYPE),
        Problem,
    )
)]
pub(crate) async fn scrape(State(shared): AppState) -> Result<Response, Problem> {
    let text = metrics::encode(&shared.registry)
        .map_err(|_| Problem::internal("the metrics could not be written"))?;
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static(metrics::CONTENT_TYPE))], text).into_response())
}
