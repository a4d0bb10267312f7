//! `/api/v1/events`: what happened to the streams besides ticks, lately.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use silverbullet_engine::live::EventRow;
use utoipa::ToSchema;

use super::{WhichUniverse, fresh};
use crate::parameters::{Asked, parameters};
use crate::problem::Problem;
use crate::service::AppState;
use crate::view::iso_8601;

/// The newest events.
#[derive(Serialize, ToSchema)]
#[schema(as = Events)]
struct EventsView {
    /// Oldest first, 100 of each universe at most.
    events: Vec<EventView>,
}

/// A gap, a reconnection, an input that was left out, or a fallback.
#[derive(Serialize, ToSchema)]
#[schema(as = Event)]
struct EventView {
    /// Universe it concerns.
    universe: String,
    /// Source it came from.
    source: String,
    /// Partition of the queue, or zero.
    partition: u32,
    /// Offset in the partition, or line of the file.
    offset: u64,
    /// `quarantined`, `ignored`, `gap` or `fallback`.
    kind: &'static str,
    /// Event time of the stream when it happened, ISO 8601.
    as_of: String,
    /// Reason and particulars.
    detail: String,
}

impl From<EventRow> for EventView {
    fn from(row: EventRow) -> Self {
        let EventRow { universe, source, partition, offset, kind, as_of, detail } = row;
        Self { universe, source, partition, offset, kind, as_of: iso_8601(as_of), detail }
    }
}

/// The newest events of a universe, or of all where none is named.
#[utoipa::path(
    get,
    path = "/api/v1/events",
    tag = "live",
    params(WhichUniverse),
    responses((status = 200, description = "Events, oldest first", body = EventsView), Problem)
)]
pub(crate) async fn events(
    State(shared): AppState,
    asked: Asked<WhichUniverse>,
) -> Result<Response, Problem> {
    let which = parameters(asked)?;
    let chosen = match which.universe.as_deref() {
        Some(name) => vec![shared.choose(Some(name))?.1],
        None => shared.hubs.iter().collect(),
    };
    let events = chosen.into_iter().flat_map(|hub| hub.live.recent_events()).map(EventView::from).collect();
    Ok(fresh(EventsView { events }))
}
