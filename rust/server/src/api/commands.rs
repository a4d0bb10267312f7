//! `/api/v1/universes/{name}/commands`: what a person changes while a universe runs.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use serde_json::Value;
use silverbullet_engine::commands::Entry;
use silverbullet_engine::{Command, CommandError, LiveState};
use tokio::sync::oneshot;
use utoipa::ToSchema;

use super::fresh;
use crate::problem::Problem;
use crate::service::AppState;
use crate::view::iso_8601;

/// What was commanded, and what it has led to.
#[derive(Serialize, ToSchema)]
#[schema(as = Commands)]
struct CommandsView<'a> {
    /// Name of the universe.
    universe: &'a str,
    /// Hash of settings, seed and source; commands do not change it.
    variant: &'a str,
    /// Number of the newest command; 0 before the first.
    sequence: u64,
    /// Whether commands are kept beyond this run.
    kept: bool,
    /// Whether portfolios are paused.
    paused: bool,
    /// Least and most weight of each asset, as in force.
    #[schema(value_type = BTreeMap<String, [f64; 2]>)]
    bounds: BTreeMap<&'a str, [f64; 2]>,
    /// The weights held; empty where none were told.
    holdings: BTreeMap<String, f64>,
    /// The newest thousand, oldest first: number, first bar whose rows follow it, time of day, command.
    #[schema(value_type = Vec<Object>)]
    commands: Vec<Value>,
}

/// A command that is kept and in force.
#[derive(Serialize, ToSchema)]
#[schema(as = CommandTaken)]
struct TakenView {
    /// Its number, counted from 1 for each universe and variant.
    sequence: u64,
    /// The first bar whose stored rows follow it; live answers follow at once.
    bar: i64,
}

/// The commands of a universe: those in force and their journal.
#[utoipa::path(
    get,
    path = "/api/v1/universes/{name}/commands",
    tag = "live",
    params(("name" = String, Path, description = "Name of the universe")),
    responses((status = 200, description = "In force, and the journal", body = CommandsView), Problem)
)]
pub(crate) async fn commands(State(shared): AppState, Path(name): Path<String>) -> Result<Response, Problem> {
    let (_, hub) = shared.choose(Some(&name))?;
    Ok(fresh(view(&hub.live)))
}

/// Changes bounds or holdings, or pauses or resumes the portfolios of a universe while it runs.
///
/// `bounds` changes those of the assets it names; `{}` takes all commanded ones back. `holdings` are weights that sum
/// to 1, against which turnover is measured; `{}` takes them back. The answer comes once the command is kept: from then
/// on nothing loses it, and every run repeats it at the same bar.
#[utoipa::path(
    post,
    path = "/api/v1/universes/{name}/commands",
    tag = "live",
    params(("name" = String, Path, description = "Name of the universe")),
    request_body(
        content = Object,
        content_type = "application/json",
        description = "A command: `bounds` with `bounds`, `holdings` with `holdings`, `pause` or `resume`",
        example = json!({"command": "bounds", "bounds": {"BTC": [0.0, 0.3]}})
    ),
    responses((status = 200, description = "It is kept and in force", body = TakenView), Problem)
)]
pub(crate) async fn command(
    State(shared): AppState,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let (_, hub) = shared.choose(Some(&name))?;
    let command = Command::from_json(&body).map_err(problem)?;
    let (told, answer) = oneshot::channel();
    // Whoever asked may be gone by then; the command counts all the same.
    hub.live.commands.submit(command, Box::new(move |outcome| drop(told.send(outcome))));
    let outcome = answer.await.unwrap_or(Err(CommandError::Ended));
    let Entry { sequence, bar, .. } = outcome.map_err(problem)?;
    Ok(fresh(TakenView { sequence, bar }))
}

fn problem(error: CommandError) -> Problem {
    let detail = error.to_string();
    match error {
        CommandError::Malformed(_) => Problem::bad_request(detail),
        CommandError::Refused(_) => Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail),
        CommandError::Ended => Problem::new(StatusCode::CONFLICT, detail),
        CommandError::NoBarYet(_) | CommandError::Busy | CommandError::NotKept(_) => {
            Problem::not_now(StatusCode::SERVICE_UNAVAILABLE, detail)
        }
    }
}

fn view(live: &LiveState) -> CommandsView<'_> {
    let universe = &live.universe;
    let seen = live.commands.view();
    let pair = |(position, asset): (usize, &'_ String)| {
        let own = [universe.lower[position], universe.upper[position]];
        seen.state.bounds.get(asset).copied().unwrap_or(own)
    };
    let bounds = universe.assets.iter().enumerate().map(|asset| (asset.1.as_str(), pair(asset)));
    CommandsView {
        universe: &universe.name,
        variant: &universe.variant,
        sequence: seen.state.sequence,
        kept: seen.kept,
        paused: seen.state.paused,
        bounds: bounds.collect(),
        holdings: seen.state.holdings.clone(),
        commands: seen.journal.iter().map(entry_view).collect(),
    }
}

fn entry_view(entry: &Entry) -> Value {
    let mut value: Value = serde_json::from_str(&entry.to_json()).unwrap_or_default();
    value["taken"] = Value::from(iso_8601(entry.taken));
    value
}
