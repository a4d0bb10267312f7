//! The right answer after the last message of a topic: what the others' last answers are compared with.
//!
//! A slow and obvious way: each asset's last price, and every portfolio evaluated afresh from these.

use rdkafka::message::Message;
use serde_json::{Value, json};

use crate::Outcome;
use crate::arguments::Arguments;
use crate::broker::Reader;
use crate::market::{ASSETS, Market, name};
use crate::report::utc;

/// Reads `--messages` messages and evaluates a population of `--population`.
pub(crate) fn run(arguments: &Arguments) -> Outcome<Value> {
    let messages: u64 = arguments.number("messages")?;
    let mut last: [Option<(i64, f64)>; ASSETS] = [None; ASSETS];
    let mut reader = Reader::open(arguments)?;
    for _ in 0..messages {
        let message = reader.next()?;
        let value: Value = serde_json::from_slice(message.payload().unwrap_or_default())?;
        let field = |name: &str| value.get(name).ok_or_else(|| format!("a message without {name}"));
        let named = field("asset")?.as_str().unwrap_or_default();
        let asset = (0..ASSETS).find(|&asset| name(asset) == named).ok_or("an unknown asset")?;
        let time = field("timestamp")?.as_i64().ok_or("a timestamp that is no whole number")?;
        let price = field("price")?.as_f64().ok_or("a price that is no number")?;
        if last[asset].is_none_or(|(before, _)| before < time) {
            last[asset] = Some((time, price));
        }
    }
    let mut market = Market::form(arguments.number("population")?, utc())?;
    let returns: Vec<f64> = last
        .iter()
        .zip(&market.closes)
        .map(|(last, close)| last.map_or(0.0, |(_, price)| price / close - 1.0))
        .collect();
    Ok(json!({ "messages": messages, "best": best(&mut market, &returns)? }))
}

/// The leaders, evaluated and with their weights.
fn best(market: &mut Market, returns: &[f64]) -> Outcome<Value> {
    let population = &mut market.population;
    population.start_open_bar(returns);
    // A tick that changes nothing, for the ranking.
    let leaders = population.tick(&[0], returns, &[0.0; ASSETS]);
    let describe = |portfolio: usize| -> Outcome<Value> {
        let (mean, variance) = population.moments_of(portfolio);
        let mut weights = vec![0.0; ASSETS];
        population.drawn().weights_of(portfolio, &mut weights)?;
        Ok(json!({ "portfolio": portfolio, "mean": mean, "variance": variance, "weights": weights }))
    };
    Ok(
        json!({ "max_sharpe": describe(leaders.max_sharpe)?, "min_variance": describe(leaders.min_variance)? }),
    )
}
