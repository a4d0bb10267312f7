//! The WebSocket: everything of one universe as it changes, each client at its own pace.
//!
//! A client is sent what is newest when it is ready for it, and nothing is queued for it: one message is
//! under way at a time. Who takes nothing for [`TAKING`] is closed.

mod client;
mod messages;
mod pulse;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use tokio::sync::watch;
use utoipa::IntoParams;

use self::client::Client;
pub(crate) use self::messages::{HelloView, StateView};
pub(crate) use self::pulse::{Pulse, beat};
use crate::parameters::{Asked, parameters, within};
use crate::problem::Problem;
use crate::service::{AppState, Shared};

/// Clients at a time.
pub(crate) const CLIENTS: usize = 64;
/// A message that is not taken within this time closes the connection.
const TAKING: Duration = Duration::from_secs(10);
/// Bytes gathered before they are written; small, since each message is written out at once.
const WRITE_BUFFER: usize = 16 << 10;
/// Bytes that may wait to be written for one client: more than the longest message there can be.
const MOST_BUFFERED: usize = 8 << 20;
/// Clients have nothing to say but pings, pongs and goodbye.
const LONGEST_RECEIVED: usize = 4 << 10;
/// Updates a second where none are asked for, and the most.
const RATE: u32 = 30;
const MOST_RATE: u32 = 60;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct StreamQuery {
    /// Name of the universe; may be left out where there is one.
    universe: Option<String>,
    /// Most updates a second, 1 to 60; 30 by default.
    rate: Option<u32>,
}

/// A WebSocket with what changes in a universe, newest first and nothing queued.
///
/// Text messages are JSON: `hello` once, then `state` once a second. Binary messages are Arrow IPC streams of
/// one record batch each; the schema's metadata has `table`, `universe`, `sequence`, `bar` and `as_of`.
/// `live.portfolios` and `live.prices` come with every update, `live.cloud` (every so many-th point where
/// there are more than 65,536), `live.frontier` and `live.assets` at most 15 times a second. A client that
/// takes nothing for 10 s is closed; at most 64 are served.
#[utoipa::path(
    get,
    path = "/api/v1/stream",
    tag = "live",
    params(StreamQuery),
    responses(
        (status = 101, description = "Goes on as a WebSocket; text messages", content(
            (HelloView = "hello"), (StateView = "state")
        )),
        Problem,
    )
)]
pub(crate) async fn stream(
    State(shared): AppState,
    asked: Asked<StreamQuery>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let query = parameters(asked)?;
    let (place, hub) = shared.choose(query.universe.as_deref())?;
    let rate = within("rate", query.rate.unwrap_or(RATE), MOST_RATE)?;
    let upgrade = upgrade.map_err(|error| Problem::new(StatusCode::UPGRADE_REQUIRED, error.body_text()))?;
    let Ok(permit) = Arc::clone(&shared.clients).try_acquire_owned() else {
        let detail = format!("{CLIENTS} clients are served already; close one, or come back");
        return Err(Problem::not_now(StatusCode::SERVICE_UNAVAILABLE, detail));
    };
    let client = Client::new(Arc::clone(&shared), Arc::clone(hub), place, rate);
    let upgrade = upgrade
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(MOST_BUFFERED)
        .max_message_size(LONGEST_RECEIVED)
        .max_frame_size(LONGEST_RECEIVED);
    Ok(upgrade.on_upgrade(move |socket| async move {
        client.serve(socket).await;
        drop(permit);
    }))
}

/// Waits for the order to stop.
pub(crate) async fn stopped(mut stopping: watch::Receiver<bool>) {
    // An error says that the sender is gone, and then nothing will stop in order any more.
    let _ = stopping.wait_for(|stop| *stop).await;
}

/// Waits until no client is left.
pub(crate) async fn all_gone(shared: &Shared) {
    let all = u32::try_from(CLIENTS).unwrap_or(u32::MAX);
    // The semaphore is never closed.
    let _ = shared.clients.acquire_many(all).await;
}
