//! The REST resources, one file each: what is asked for, and the one JSON shape it is answered in.

use std::sync::Arc;

use axum::Json;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use crate::hub::Hub;
use crate::parameters::{Asked, parameters};
use crate::problem::Problem;
use crate::service::Shared;

pub(crate) mod assets;
pub(crate) mod bars;
pub(crate) mod catalog;
pub(crate) mod commands;
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

/// The universe that is asked about.
fn chosen(shared: &Shared, asked: Asked<WhichUniverse>) -> Result<&Arc<Hub>, Problem> {
    let which = parameters(asked)?;
    shared.choose(which.universe.as_deref()).map(|(_, hub)| hub)
}

/// An answer that is out of date as soon as it is given.
fn fresh(body: impl Serialize) -> Response {
    ([(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
}
