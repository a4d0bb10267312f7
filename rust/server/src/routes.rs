//! Which path answers what.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{Method, StatusCode, Uri};
use axum::middleware;
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::{
    assets, bars, catalog, commands, events, frontier, health, latency, portfolios, runs, sql, status,
    universes,
};
use crate::problem::Problem;
use crate::service::Shared;
use crate::{docs, guard, page, stream};

/// Longest body of a request, in bytes.
pub(crate) const BODY: usize = 64 << 10;

/// The router, which also writes the OpenAPI document: what is not documented is not served.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    let (router, document) = documented().split_for_parts();
    docs::keep(&shared, document, &shared.version);
    router
        .fallback(page::page)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(BODY))
        .layer(middleware::from_fn(guard::from_here_only))
        .layer(middleware::from_fn(guard::with_headers))
        .with_state(shared)
}

fn documented() -> OpenApiRouter<Arc<Shared>> {
    // What asks the tables has their limits.
    let slow = OpenApiRouter::new()
        .routes(routes!(bars::bars))
        .routes(routes!(runs::runs))
        .routes(routes!(sql::sql));
    let quick = OpenApiRouter::new()
        .routes(routes!(portfolios::latest_portfolios))
        .routes(routes!(frontier::latest_frontier))
        .routes(routes!(assets::assets))
        .routes(routes!(events::events))
        .routes(routes!(latency::latency))
        .routes(routes!(stream::stream))
        .routes(routes!(catalog::catalog))
        .routes(routes!(universes::universes))
        .routes(routes!(commands::commands, commands::command))
        .routes(routes!(status::status))
        .routes(routes!(health::health))
        .routes(routes!(health::ready))
        .routes(routes!(health::scrape))
        .routes(routes!(docs::document))
        .routes(routes!(docs::docs))
        .routes(routes!(docs::file))
        .layer(middleware::from_fn(guard::within_time));
    OpenApiRouter::with_openapi(docs::Head::openapi()).merge(quick).merge(slow)
}

async fn method_not_allowed(method: Method, uri: Uri) -> Problem {
    let right = match uri.path() {
        "/api/v1/sql" => "POST",
        path if path.ends_with("/commands") => "GET or POST",
        _ => "GET",
    };
    let detail = format!("{} takes {right}, not {method}", uri.path());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail)
}
