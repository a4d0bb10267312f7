//! Portfolios as every interface shows them: one JSON shape, kept here and nowhere else.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use silverbullet_engine::live::LiveState;
use silverbullet_engine::publication::{Answer, Publication};
use silverbullet_kernel::{Label, Method, Objective, Portfolio};
use silverbullet_market::Clock;
use utoipa::ToSchema;

/// One portfolio as JSON: `{objective, method, mean, risk, sharpe, gap, label, weights: {asset: weight}}`.
/// Mean, risk and Sharpe are per bar; a number that is not finite becomes `null`.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Portfolio)]
pub struct PortfolioView<'a> {
    /// What it was chosen for.
    #[schema(value_type = String, example = "max-sharpe")]
    pub objective: Objective,
    /// How it was found.
    #[schema(value_type = String, example = "exact")]
    pub method: Method,
    /// Expected simple return per bar.
    #[schema(value_type = Option<f64>)]
    pub mean: f64,
    /// Standard deviation per bar.
    #[schema(value_type = Option<f64>)]
    pub risk: f64,
    /// Sharpe ratio per bar.
    pub sharpe: Option<f64>,
    /// Stated distance from the optimum.
    pub gap: Option<f64>,
    /// One-way turnover from the weights held; left out where none were told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turnover: Option<f64>,
    /// Whether this answers the question asked: `ok`, or `fallback` with its reason.
    #[schema(value_type = String, example = "ok")]
    pub label: Label,
    /// The bar whose close it answers; left out where it answers this very moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bar: Option<i64>,
    /// Weights by asset.
    #[schema(value_type = BTreeMap<String, f64>)]
    pub weights: Weights<'a>,
}

/// Weights as an object from asset to weight, in universe order.
#[derive(Debug, Clone)]
pub struct Weights<'a>(Vec<(&'a str, f64)>);

impl<'a> Weights<'a> {
    /// One weight an asset, in this order.
    #[must_use]
    pub fn new(assets: impl IntoIterator<Item = &'a str>, weights: &[f64]) -> Self {
        Self(assets.into_iter().zip(weights.iter().copied()).collect())
    }
}

impl Serialize for Weights<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (asset, weight) in &self.0 {
            map.serialize_entry(asset, weight)?;
        }
        map.end()
    }
}

impl<'a> PortfolioView<'a> {
    /// A portfolio over `assets`, one weight each.
    #[must_use]
    pub fn of_portfolio(portfolio: &Portfolio, assets: &[&'a str]) -> Self {
        Self {
            objective: portfolio.objective,
            method: portfolio.method,
            mean: portfolio.mean,
            risk: portfolio.risk,
            sharpe: portfolio.sharpe,
            gap: portfolio.gap,
            turnover: None,
            label: portfolio.label,
            bar: None,
            weights: Weights::new(assets.iter().copied(), &portfolio.weights),
        }
    }

    /// A live answer over the assets that take part, and any that still has a weight from before.
    fn of_answer(
        (answer, bar): (&Answer, Option<i64>),
        publication: &Publication,
        assets: &'a [String],
    ) -> Self {
        let shown = assets
            .iter()
            .zip(answer.weights.iter().zip(&publication.eligible))
            .filter(|(_, (weight, eligible))| **eligible || **weight != 0.0)
            .map(|(asset, (weight, _))| (asset.as_str(), *weight))
            .collect();
        Self {
            objective: answer.objective,
            method: answer.method,
            mean: answer.mean,
            risk: answer.risk,
            sharpe: answer.sharpe,
            gap: answer.gap,
            turnover: publication.turnover(&answer.weights),
            label: answer.label,
            bar,
            weights: Weights(shown),
        }
    }
}

/// A publication as JSON: `{universe, sequence, as_of, portfolios}`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Publication)]
pub(crate) struct PublicationView<'a> {
    /// Name of the universe.
    universe: &'a str,
    /// Counts the run's publications from 1.
    sequence: u64,
    /// Event time of what it answers, ISO 8601.
    as_of: String,
    /// What was answered: with this moment, and, with its bar, what is answered at a bar's close only.
    portfolios: Vec<PortfolioView<'a>>,
}

impl<'a> PublicationView<'a> {
    pub(crate) fn new(universe: &'a str, assets: &'a [String], publication: &Publication) -> Self {
        Self {
            universe,
            sequence: publication.sequence,
            as_of: iso_8601(publication.event_time),
            portfolios: publication
                .listed()
                .map(|answer| PortfolioView::of_answer(answer, publication, assets))
                .collect(),
        }
    }
}

/// The newest publication of an engine with its sequence number, as `GET /api/v1/portfolios/latest` answers it, for
/// whoever sends it elsewhere; `None` before the first.
///
/// # Errors
/// None that is known: every part of it can be written as JSON.
pub fn newest_portfolios(live: &LiveState) -> serde_json::Result<Option<(u64, Vec<u8>)>> {
    let Some(publication) = live.publication() else { return Ok(None) };
    let view = PublicationView::new(&live.universe.name, &live.universe.assets, &publication);
    Ok(Some((publication.sequence, serde_json::to_vec(&view)?)))
}

/// Nanoseconds since 1970 as ISO 8601 in UTC with nine decimals. Every `i64` of nanoseconds is a date from
/// 1677 to 2262.
pub(crate) fn iso_8601(nanos: i64) -> String {
    jiff::Timestamp::from_nanosecond(i128::from(nanos))
        .map_or_else(|_| String::new(), |time| format!("{time:.9}"))
}

/// Milliseconds since the engine took its last input; `None` before the first.
pub(crate) fn last_input_age_ms(live: &LiveState, clock: &dyn Clock) -> Option<u64> {
    let age = clock.monotonic().saturating_sub(live.last_input()?).max(0);
    Some(age.unsigned_abs() / 1_000_000)
}

/// A finite number, or nothing.
pub(crate) fn finite(number: f64) -> Option<f64> {
    number.is_finite().then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use silverbullet_engine::AtClose;

    #[test]
    fn time_is_iso_8601_in_utc_to_the_nanosecond() {
        assert_eq!(iso_8601(0), "1970-01-01T00:00:00.000000000Z");
        assert_eq!(iso_8601(1_747_008_000_000_000_001), "2025-05-12T00:00:00.000000001Z");
        assert!(iso_8601(i64::MIN).starts_with("1677") && iso_8601(i64::MAX).starts_with("2262"));
    }

    #[test]
    fn what_a_close_was_answered_with_says_of_which_bar_it_is() {
        let mut publication = Publication::with_capacity(1, 1);
        (publication.answered, publication.eligible) = (1, vec![true]);
        let answers = publication.answers.clone();
        publication.at_close = Some(std::sync::Arc::new(AtClose { bar: 71, as_of: 0, answers }));
        let assets = ["BTC".to_owned()];
        let json = serde_json::to_value(PublicationView::new("default", &assets, &publication)).unwrap();
        assert_eq!(json["portfolios"].as_array().unwrap().len(), 2);
        assert!(json["portfolios"][0].get("bar").is_none());
        assert_eq!(json["portfolios"][1]["bar"], 71);
    }

    #[test]
    fn an_answer_shows_who_takes_part_in_universe_order_and_nothing_that_is_not_a_number() {
        let assets: Vec<String> = ["XRP", "ADA", "BTC", "ETH"].map(String::from).to_vec();
        let mut publication = Publication::with_capacity(4, 1);
        publication.answered = 1;
        publication.eligible = vec![true, false, true, false];
        publication.answers[0].weights = vec![0.25, 0.5, 0.25, 0.0];
        let json = serde_json::to_string(&PublicationView::new("default", &assets, &publication)).unwrap();
        let expected = concat!(
            r#"{"universe":"default","sequence":0,"as_of":"1970-01-01T00:00:00.000000000Z","portfolios":["#,
            r#"{"objective":"max-sharpe","method":"exact","mean":null,"risk":null,"sharpe":null,"gap":null,"#,
            r#""label":"ok","weights":{"XRP":0.25,"ADA":0.5,"BTC":0.25}}]}"#
        );
        assert_eq!(json, expected);
    }
}
