//! The OpenAPI document and a page to read it, made of nothing from elsewhere.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use utoipa::OpenApi;

use crate::problem::Problem;
use crate::service::{AppState, Shared};

/// What the document says before the routes.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "SilverBullet",
        description = "A live portfolio optimiser. Mean, risk, volatility and Sharpe ratio are per bar; times are \
                       ISO 8601 in UTC; what is not answered is told as problem details (RFC 9457)."
    ),
    servers((url = "/", description = "This server")),
    tags(
        (name = "live", description = "What the engines know now"),
        (name = "tables", description = "What is kept, by SQL"),
        (name = "server", description = "What runs"),
        (name = "operations", description = "For whoever watches over the process"),
        (name = "documentation", description = "This document"),
    )
)]
pub(crate) struct Head;

/// Files of the page: name, type, text.
const FILES: [(&str, &str, &str); 2] = [
    ("docs.js", "text/javascript; charset=utf-8", include_str!("docs/docs.js")),
    ("docs.css", "text/css; charset=utf-8", include_str!("docs/docs.css")),
];

/// Keeps `document` to be served.
pub(crate) fn keep(shared: &Shared, mut document: utoipa::openapi::OpenApi, version: &str) {
    version.clone_into(&mut document.info.version);
    match serde_json::to_vec(&document) {
        // There is one router, so nothing was kept before.
        Ok(bytes) => drop(shared.document.set(bytes.into())),
        Err(error) => tracing::error!(%error, "the OpenAPI document could not be written"),
    }
}

/// The OpenAPI 3.1 document.
#[utoipa::path(
    get,
    path = "/api/v1/openapi.json",
    tag = "documentation",
    responses((status = 200, description = "This document", body = Object), Problem)
)]
pub(crate) async fn document(State(shared): AppState) -> Result<Response, Problem> {
    let document: Bytes = shared
        .document
        .get()
        .cloned()
        .ok_or_else(|| Problem::internal("the document could not be written"))?;
    Ok(([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-cache")], document)
        .into_response())
}

/// This document to read and to try.
#[utoipa::path(
    get,
    path = "/api/v1/docs",
    tag = "documentation",
    responses((status = 200, description = "A page", body = String, content_type = "text/html"))
)]
pub(crate) async fn docs() -> Response {
    let headers = [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CACHE_CONTROL, "no-cache")];
    (headers, include_str!("docs/docs.html")).into_response()
}

/// Script and style of that page.
#[utoipa::path(
    get,
    path = "/api/v1/docs/{file}",
    tag = "documentation",
    params(("file" = String, Path, description = "`docs.js` or `docs.css`", example = "docs.js")),
    responses((status = 200, description = "The file", body = String, content_type = "text/javascript"), Problem)
)]
pub(crate) async fn file(Path(file): Path<String>) -> Result<Response, Problem> {
    let known = FILES.iter().find(|(name, ..)| *name == file);
    let (_, kind, text) = known.ok_or_else(|| {
        Problem::new(StatusCode::NOT_FOUND, format!("there is no {file:?} in the documentation"))
    })?;
    Ok(([(header::CONTENT_TYPE, *kind), (header::CACHE_CONTROL, "no-cache")], *text).into_response())
}
