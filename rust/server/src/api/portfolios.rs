//! `/api/v1/portfolios/latest`: the newest publication.

use axum::extract::State;
use axum::response::Response;

use super::{Asked, WhichUniverse, fresh, parameters};
use crate::problem::Problem;
use crate::service::{AppState, no_answer_yet};
use crate::view::PublicationView;

/// The newest portfolios of a universe.
#[utoipa::path(
    get,
    path = "/api/v1/portfolios/latest",
    tag = "live",
    params(WhichUniverse),
    responses((status = 200, description = "The newest publication", body = PublicationView), Problem)
)]
pub(crate) async fn latest_portfolios(
    State(shared): AppState,
    asked: Asked<WhichUniverse>,
) -> Result<Response, Problem> {
    let which = parameters(asked)?;
    let (_, hub) = shared.choose(which.universe.as_deref())?;
    let live = &hub.live;
    let publication = live.publication().ok_or_else(|| no_answer_yet(live))?;
    Ok(fresh(PublicationView::new(hub.name(), &live.universe.assets, &publication)))
}
