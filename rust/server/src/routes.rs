//! Which path answers what.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use serde::{Deserialize, Serialize};
use silverbullet_engine::live::{LiveState, Phase};
use tower_http::timeout::TimeoutLayer;

use crate::metrics;
use crate::problem::Problem;
use crate::view::PublicationView;

/// Nothing here waits for anything, so a request that takes this long is stuck.
const REQUEST_TIME: Duration = Duration::from_secs(5);

type Engines = Arc<Vec<Arc<LiveState>>>;

pub(crate) fn router(engines: Vec<Arc<LiveState>>) -> Router {
    Router::new()
        .route("/", get(index))
        .route("/api/v1/portfolios/latest", get(latest_portfolios))
        .route("/healthz", get(health))
        .route("/readyz", get(ready))
        .route("/metrics", get(scrape))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(middleware::from_fn(require_local_host))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, REQUEST_TIME))
        .with_state(Arc::new(engines))
}

async fn index() -> Html<&'static str> {
    Html(include_str!("index.html"))
}

#[derive(Deserialize)]
struct WhichUniverse {
    universe: Option<String>,
}

async fn latest_portfolios(
    State(engines): State<Engines>,
    query: Result<Query<WhichUniverse>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(which) = query.map_err(|error| Problem::new(StatusCode::BAD_REQUEST, error.body_text()))?;
    let engine = choose(&engines, which.universe.as_deref())?;
    let name = &engine.universe.name;
    let publication = engine.publication().ok_or_else(|| {
        let detail = format!("universe {name} has no answer yet; it is {}", phase_name(engine.phase()));
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail)
    })?;
    let view = PublicationView::new(name, &engine.universe.assets, &publication);
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(view)).into_response())
}

fn choose<'a>(engines: &'a [Arc<LiveState>], name: Option<&str>) -> Result<&'a LiveState, Problem> {
    let names = || engines.iter().map(|engine| engine.universe.name.as_str()).collect::<Vec<_>>().join(", ");
    match (name, engines) {
        (None, [only]) => Ok(only),
        (None, _) => {
            let detail = format!("say which universe with ?universe=; there are {}", names());
            Err(Problem::new(StatusCode::BAD_REQUEST, detail))
        }
        (Some(name), _) => {
            engines.iter().find(|engine| engine.universe.name == name).map(Arc::as_ref).ok_or_else(|| {
                let detail = format!("there is no universe {name:?}; there are {}", names());
                Problem::new(StatusCode::NOT_FOUND, detail)
            })
        }
    }
}

async fn health() -> Json<BTreeMap<&'static str, &'static str>> {
    Json(BTreeMap::from([("status", "alive")]))
}

#[derive(Serialize)]
struct Readiness<'a> {
    ready: bool,
    universes: BTreeMap<&'a str, Phase>,
}

async fn ready(State(engines): State<Engines>) -> Response {
    let universes: BTreeMap<&str, Phase> =
        engines.iter().map(|engine| (engine.universe.name.as_str(), engine.phase())).collect();
    let ready = universes.values().all(|&phase| phase == Phase::Live);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Readiness { ready, universes })).into_response()
}

async fn scrape(State(engines): State<Engines>) -> Result<Response, Problem> {
    let text = metrics::encode(&engines)
        .map_err(|_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the metrics could not be written"))?;
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static(metrics::CONTENT_TYPE))], text).into_response())
}

async fn not_found(uri: Uri) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, format!("there is nothing at {}; / lists what there is", uri.path()))
}

async fn method_not_allowed(method: Method, uri: Uri) -> Problem {
    let detail = format!("{} takes GET, not {method}", uri.path());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail)
}

/// A page of another site that has its name resolve to this machine would be let in by the browser; its
/// requests still carry that name.
async fn require_local_host(request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    if host.is_none_or(is_local) {
        return next.run(request).await;
    }
    Problem::new(StatusCode::FORBIDDEN, "this server answers to localhost only").into_response()
}

fn is_local(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

pub(crate) fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Starting => "starting",
        Phase::WarmingUp => "warming-up",
        Phase::Live => "live",
        Phase::Ended => "ended",
        Phase::Failed => "failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_answered() {
        for host in ["localhost", "LOCALHOST:8080", "127.0.0.1", "127.0.0.1:80", "[::1]", "[::1]:8080"] {
            assert!(is_local(host), "{host}");
        }
        for host in ["example.org", "example.org:8080", "127.0.0.1.example.org", "10.0.0.1:80", ""] {
            assert!(!is_local(host), "{host}");
        }
    }
}
