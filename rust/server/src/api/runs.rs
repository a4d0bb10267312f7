//! `/api/v1/runs`: starts of the program and of jobs.

use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

use super::fresh;
use crate::parameters::{Asked, parameters, within};
use crate::problem::Problem;
use crate::service::AppState;

/// Runs where no limit is given, and the most.
const LIMIT: usize = 100;
const MOST: usize = 10_000;

/// Which runs.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct WhichRuns {
    /// Newest runs, 1 to 10,000; 100 by default.
    limit: Option<usize>,
}

/// Runs.
#[derive(Serialize, ToSchema)]
#[schema(as = Runs)]
struct RunsView {
    /// Rows of the table `runs`, newest first.
    #[schema(value_type = Vec<Object>)]
    runs: Vec<Box<RawValue>>,
}

/// Starts of the program and of jobs, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/runs",
    tag = "tables",
    params(WhichRuns),
    responses((status = 200, description = "One object a run and universe", body = RunsView), Problem)
)]
pub(crate) async fn runs(State(shared): AppState, asked: Asked<WhichRuns>) -> Result<Response, Problem> {
    let limit = within("limit", parameters(asked)?.limit.unwrap_or(LIMIT), MOST)?;
    let query = format!("SELECT * FROM runs ORDER BY started DESC, run_id DESC, universe LIMIT {limit}");
    let runs = shared.desk()?.rows(&query).await?;
    Ok(fresh(RunsView { runs }))
}
