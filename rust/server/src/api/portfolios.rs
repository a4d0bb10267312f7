//! `/api/v1/portfolios/latest`: the newest publication.

use axum::extract::State;
use axum::response::Response;

use super::{WhichUniverse, chosen, fresh};
use crate::parameters::Asked;
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
    let hub = chosen(&shared, asked)?;
    let live = &hub.live;
    let publication = live.publication().ok_or_else(|| no_answer_yet(live))?;
    Ok(fresh(PublicationView::new(hub.name(), &live.universe.assets, &publication)))
}
