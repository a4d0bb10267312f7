//! `/api/v1/assets`: what is known of each asset now.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use silverbullet_engine::publication::Publication;
use silverbullet_engine::scene::SceneAsset;
use silverbullet_market::Nanos;
use utoipa::ToSchema;

use super::{WhichUniverse, chosen, fresh};
use crate::hub::Hub;
use crate::parameters::Asked;
use crate::problem::Problem;
use crate::service::{AppState, no_answer_yet};
use crate::view::{finite, iso_8601};

/// The assets of a universe. Mean and volatility are per bar, with the open bar.
#[derive(Serialize, ToSchema)]
#[schema(as = Assets)]
struct AssetsView<'a> {
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
    /// In the order of all weights.
    assets: Vec<AssetView<'a>>,
}

/// What is known of one asset.
#[derive(Serialize, ToSchema)]
#[schema(as = Asset)]
struct AssetView<'a> {
    /// Name of the asset.
    asset: &'a str,
    /// Last price; null before the first.
    price: Option<f64>,
    /// Mean simple return; null while the window is not full.
    mean: Option<f64>,
    /// Standard deviation of the returns; null while the window is not full.
    volatility: Option<f64>,
    /// Event time of its last tick, ISO 8601; null before the first.
    last_tick: Option<String>,
    /// No tick for longer than the universe allows.
    stale: bool,
    /// Whether it takes part in the portfolios.
    eligible: bool,
}

/// The assets of a universe with price, mean and volatility.
#[utoipa::path(
    get,
    path = "/api/v1/assets",
    tag = "live",
    params(WhichUniverse),
    responses((status = 200, description = "One object an asset", body = AssetsView), Problem)
)]
pub(crate) async fn assets(
    State(shared): AppState,
    asked: Asked<WhichUniverse>,
) -> Result<Response, Problem> {
    let hub = chosen(&shared, asked)?;
    let publication = hub.live.publication().ok_or_else(|| no_answer_yet(&hub.live))?;
    let drawn = hub.scene(&shared.meters).await;
    let moments = drawn.as_ref().map_or(&[][..], |drawn| &drawn.scene.assets);
    Ok(fresh(view(hub, &publication, moments)))
}

fn view<'a>(hub: &'a Hub, publication: &Publication, moments: &[SceneAsset]) -> AssetsView<'a> {
    let universe = &hub.live.universe;
    let asset = |(position, name): (usize, &'a String)| {
        let moments = moments.iter().find(|asset| asset.position == position);
        let last_tick = publication.tick_times.get(position).copied().filter(|&at| at != Nanos::MIN);
        AssetView {
            asset: name,
            price: publication.prices.get(position).copied().and_then(finite),
            mean: moments.and_then(|asset| finite(asset.mean)),
            volatility: moments.and_then(|asset| finite(asset.volatility)),
            last_tick: last_tick.map(iso_8601),
            stale: last_tick
                .is_none_or(|at| publication.event_time.saturating_sub(at) > universe.stale_after),
            eligible: publication.eligible.get(position).copied().unwrap_or(false),
        }
    };
    AssetsView {
        universe: &universe.name,
        variant: &universe.variant,
        sequence: publication.sequence,
        bar: publication.bar,
        as_of: iso_8601(publication.event_time),
        assets: universe.assets.iter().enumerate().map(asset).collect(),
    }
}
