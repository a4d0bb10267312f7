//! The REST resources, one file each: what is asked for, and the one JSON shape it is answered in.

use axum::Json;
use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use crate::problem::Problem;

pub(crate) mod assets;
pub(crate) mod bars;
pub(crate) mod catalog;
pub(crate) mod events;
pub(crate) mod frontier;
pub(crate) mod health;
pub(crate) mod latency;
pub(crate) mod portfolios;
pub(crate) mod runs;
pub(crate) mod sql;
pub(crate) mod status;
pub(crate) mod universes;

/// The parameter most resources take.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct WhichUniverse {
    /// Name of the universe; may be left out where there is one.
    universe: Option<String>,
}

/// What axum makes of a query string.
type Asked<T> = Result<Query<T>, QueryRejection>;

/// The parameters, or what is wrong with them.
fn parameters<T>(asked: Asked<T>) -> Result<T, Problem> {
    asked.map(|Query(parameters)| parameters).map_err(|error| Problem::bad_request(error.body_text()))
}

/// An answer that is out of date as soon as it is given.
fn fresh(body: impl Serialize) -> Response {
    ([(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
}
