//! `/api/v1/frontier/latest`: the efficient frontier with the open bar.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use silverbullet_kernel::Method;
use utoipa::ToSchema;

use super::{WhichUniverse, chosen, fresh};
use crate::parameters::Asked;
use crate::problem::Problem;
use crate::service::{AppState, no_answer_yet};
use crate::view::{Weights, iso_8601};

/// The efficient frontier of a universe. All numbers are per bar.
#[derive(Serialize, ToSchema)]
#[schema(as = Frontier)]
struct FrontierView<'a> {
    /// Name of the universe.
    universe: &'a str,
    /// Hash of settings, seed and source.
    variant: &'a str,
    /// Sequence of the publication it belongs to.
    sequence: u64,
    /// Number of the last final bar in the window.
    bar: i64,
    /// Event time of that publication, ISO 8601.
    as_of: String,
    /// How it was found.
    #[schema(value_type = String, example = "exact")]
    method: Method,
    /// Whether it is that of the moments themselves.
    #[schema(value_type = String, example = "ok")]
    label: String,
    /// By rising mean.
    frontier: Vec<PointView<'a>>,
}

/// An efficient portfolio.
#[derive(Serialize, ToSchema)]
#[schema(as = FrontierPoint)]
struct PointView<'a> {
    /// Standard deviation.
    risk: f64,
    /// Expected simple return.
    mean: f64,
    /// Weights by asset.
    #[schema(value_type = BTreeMap<String, f64>)]
    weights: Weights<'a>,
}

/// The newest efficient frontier of a universe, with the open bar, worked out at most 15 times a second.
#[utoipa::path(
    get,
    path = "/api/v1/frontier/latest",
    tag = "live",
    params(WhichUniverse),
    responses((status = 200, description = "The frontier by rising mean", body = FrontierView), Problem)
)]
pub(crate) async fn latest_frontier(
    State(shared): AppState,
    asked: Asked<WhichUniverse>,
) -> Result<Response, Problem> {
    let hub = chosen(&shared, asked)?;
    let universe = &hub.live.universe;
    let drawn = hub.scene(&shared.meters).await.ok_or_else(|| no_answer_yet(&hub.live))?;
    let scene = &drawn.scene;
    let taking_part: Vec<_> = scene.assets.iter().map(|asset| asset.position).collect();
    let point = |point: &'_ silverbullet_kernel::FrontierPoint| {
        let chosen =
            |of: &[f64]| taking_part.iter().filter_map(|&at| of.get(at).copied()).collect::<Vec<_>>();
        let names = taking_part.iter().filter_map(|&at| universe.assets.get(at)).map(String::as_str);
        PointView {
            risk: point.risk,
            mean: point.mean,
            weights: Weights::new(names, &chosen(&point.weights)),
        }
    };
    Ok(fresh(FrontierView {
        universe: &universe.name,
        variant: &universe.variant,
        sequence: scene.sequence,
        bar: scene.bar,
        as_of: iso_8601(scene.event_time),
        method: Method::Exact,
        label: scene.label.to_string(),
        frontier: scene.frontier.iter().map(point).collect(),
    }))
}
