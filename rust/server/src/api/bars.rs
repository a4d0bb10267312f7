//! `/api/v1/bars`: final bars from the tables.

use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use silverbullet_market::Universe;
use utoipa::{IntoParams, ToSchema};

use super::fresh;
use crate::parameters::{Asked, parameters, within};
use crate::problem::Problem;
use crate::service::AppState;
use crate::sql::literal;

/// Bars where no limit is given, and the most.
const LIMIT: usize = 500;
const MOST: usize = 10_000;
/// Rows of an answer at most, over all assets.
const MOST_ROWS: usize = 200_000;

/// Which bars.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct WhichBars {
    /// Name of the universe; may be left out where there is one.
    universe: Option<String>,
    /// Name of an asset; all of them where none is given.
    asset: Option<String>,
    /// Earliest close, ISO 8601.
    from: Option<String>,
    /// Latest close, ISO 8601.
    to: Option<String>,
    /// Newest bars of each asset, 1 to 10,000; 500 by default, and 200,000 rows over all assets at most.
    limit: Option<usize>,
}

/// Final bars.
#[derive(Serialize, ToSchema)]
#[schema(as = Bars)]
struct BarsView<'a> {
    /// Name of the universe.
    universe: &'a str,
    /// Newest last; those of one bar in the order of their names.
    bars: Vec<BarView>,
}

/// A final bar of an asset: (open, close].
#[derive(Serialize, Deserialize, ToSchema)]
#[schema(as = Bar)]
struct BarView {
    /// Its number: its close divided by the interval.
    bar: i64,
    /// Name of the asset.
    asset: String,
    /// Its begin, ISO 8601; a price at this time belongs to the bar before.
    open_time: String,
    /// Its end, ISO 8601; a price at this time belongs to this bar.
    close_time: String,
    /// First price.
    open: f64,
    /// Highest price.
    high: f64,
    /// Lowest price.
    low: f64,
    /// Last price.
    close: f64,
    /// Traded quantity, where the source has one.
    volume: Option<f64>,
    /// Ticks in the bar; 0 where the previous close stands in.
    ticks: i64,
}

/// Final bars of a universe's running variant, newest last.
#[utoipa::path(
    get,
    path = "/api/v1/bars",
    tag = "tables",
    params(WhichBars),
    responses((status = 200, description = "One object a bar and asset", body = BarsView), Problem)
)]
pub(crate) async fn bars(State(shared): AppState, asked: Asked<WhichBars>) -> Result<Response, Problem> {
    let which = parameters(asked)?;
    let (_, hub) = shared.choose(which.universe.as_deref())?;
    let query = query(&hub.live.universe, &which)?;
    let mut bars: Vec<BarView> = shared.desk()?.rows(&query).await?;
    bars.reverse();
    Ok(fresh(BarsView { universe: hub.name(), bars }))
}

/// The query, newest first. What a client wrote stands in it as a name that is known, a number, or a time that
/// was read and written anew.
fn query(universe: &Universe, which: &WhichBars) -> Result<String, Problem> {
    let limit = within("limit", which.limit.unwrap_or(LIMIT), MOST)?;
    let mut conditions = vec![
        format!("variant = {}", literal(&universe.variant)),
        format!("universe = {}", literal(&universe.name)),
    ];
    let mut assets = universe.assets.len();
    if let Some(asset) = &which.asset {
        let Some(known) = universe.assets.iter().find(|known| *known == asset) else {
            let all = universe.assets.join(", ");
            let detail = format!("universe {} has no asset {asset:?}; it has {all}", universe.name);
            return Err(Problem::new(axum::http::StatusCode::NOT_FOUND, detail));
        };
        conditions.push(format!("asset = {}", literal(known)));
        assets = 1;
    }
    for (name, time, comparison) in [("from", &which.from, ">="), ("to", &which.to, "<=")] {
        if let Some(text) = time {
            conditions.push(format!("close_time {comparison} to_timestamp_micros({})", micros(name, text)?));
        }
    }
    let rows = limit.saturating_mul(assets).min(MOST_ROWS);
    Ok(format!(
        "SELECT bar, asset, open_time, close_time, \"open\", high, low, \"close\", volume, ticks FROM bars \
         WHERE {} ORDER BY bar DESC, asset DESC LIMIT {rows}",
        conditions.join(" AND ")
    ))
}

fn micros(name: &str, text: &str) -> Result<i64, Problem> {
    text.parse::<jiff::Timestamp>().map(|time| time.as_microsecond()).map_err(|_| {
        let detail = format!("{name}={text:?} is not a time; write it as 2025-05-12T00:00:00Z");
        Problem::bad_request(detail)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_written_anew() {
        assert_eq!(micros("from", "1970-01-01T00:00:01.000001Z").unwrap(), 1_000_001);
        assert_eq!(micros("from", "1970-01-01T01:00:00+01:00").unwrap(), 0);
        for text in ["", "yesterday", "0) OR (1=1", "1747008000"] {
            assert!(micros("to", text).is_err(), "{text}");
        }
    }
}
