//! Which exchange, which assets, and how it is reached.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use silverbullet_market::{Nanos, parse_duration};

use super::policy::Policy;
use super::venue::Venue;
use crate::error::{FeedError, Result};

/// An exchange and what is wanted of it. Times are durations such as `5s`; an empty text stands for the venue's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExchangeSettings {
    /// One of [`NAMES`](super::NAMES), or several, separated by commas.
    pub venue: String,
    /// Where to connect, where it is not the venue's own address: another region, a proxy, a replay.
    pub url: String,
    /// Names of the assets, as BTC; an [`AssetId`](silverbullet_market::AssetId) is a position in this list.
    pub assets: Vec<String>,
    /// The currency that prices are in.
    pub quote: String,
    /// What the venue calls the market of an asset, where that is not put together as usual.
    pub symbols: BTreeMap<String, String>,
    /// Where the venue's list of instruments is, which says what its markets are called: empty for the venue's own address
    /// (and for none where `url` names another place), `off` for none.
    pub instruments: String,
    /// What makes the price of an asset that several venues have: `freshest` takes every price, so that the newest is the
    /// last; `best` the middle between the best bid and the best offer of the venues with fresh quotes; `venues` the prices
    /// of one venue an asset.
    pub rule: String,
    /// With `best`: how long a quote is fresh.
    pub fresh_within: String,
    /// With `venues`: the venue of an asset; the first of the source's where none is said.
    pub venues: BTreeMap<String, String>,
    /// Whether prices in different currencies, such as USD and USDT, may be mixed as if they were of the same.
    pub mix_quotes: bool,
    /// Of several venues, one that is silent for this long does not hold bars back.
    pub idle_after: String,
    /// What is said of a venue by its name, and comes before what is said of all.
    pub at: BTreeMap<String, VenueSettings>,
    /// A file of certificates (PEM) that are trusted beside those of the system.
    pub ca_file: Option<PathBuf>,
    /// Inputs that may wait for whoever takes them.
    pub queue: usize,
    /// A connection that is not open after this long is given up.
    pub open_within: String,
    /// One on which nothing comes for this long is given up.
    pub silence: String,
    /// The longest that the first pause before another attempt may be; it doubles with each that fails.
    pub first_pause: String,
    /// The longest that any pause may be.
    pub longest_pause: String,
    /// Prices have to come for this long before pauses are short again.
    pub healthy_after: String,
    /// A connection is replaced after this long, where the venue ends it after some time.
    pub lifetime: String,
    /// For this long an old connection and its replacement are both read.
    pub overlap: String,
}

/// What one venue among several has of its own; an empty text stands for what is said of all.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VenueSettings {
    /// Where to connect.
    pub url: String,
    /// The currency that prices are in.
    pub quote: String,
    /// What it calls the market of an asset.
    pub symbols: BTreeMap<String, String>,
    /// Where its list of instruments is, or `off`.
    pub instruments: String,
}

impl Default for ExchangeSettings {
    fn default() -> Self {
        Self {
            venue: "binance".to_owned(),
            url: String::new(),
            assets: Vec::new(),
            quote: String::new(),
            symbols: BTreeMap::new(),
            instruments: String::new(),
            rule: "freshest".to_owned(),
            fresh_within: String::new(),
            venues: BTreeMap::new(),
            mix_quotes: false,
            idle_after: String::new(),
            at: BTreeMap::new(),
            ca_file: None,
            queue: 65_536,
            open_within: String::new(),
            silence: String::new(),
            first_pause: String::new(),
            longest_pause: String::new(),
            healthy_after: String::new(),
            lifetime: String::new(),
            overlap: String::new(),
        }
    }
}

impl ExchangeSettings {
    /// A venue by its name and the assets that are wanted, with the usual settings.
    #[must_use]
    pub fn new(venue: &str, assets: &[String]) -> Self {
        Self { venue: venue.to_owned(), assets: assets.to_vec(), ..Self::default() }
    }

    /// Times of the venue, but for those that the settings say.
    pub(crate) fn policy(&self, venue: &dyn Venue) -> Result<Policy> {
        let mut policy = Policy::of(venue);
        let times = [
            ("exchange.open_within", &self.open_within, &mut policy.open_within),
            ("exchange.silence", &self.silence, &mut policy.silence),
            ("exchange.first_pause", &self.first_pause, &mut policy.first_pause),
            ("exchange.longest_pause", &self.longest_pause, &mut policy.longest_pause),
            ("exchange.healthy_after", &self.healthy_after, &mut policy.healthy_after),
            ("exchange.overlap", &self.overlap, &mut policy.overlap),
        ];
        for (name, text, time) in times {
            if let Some(given) = duration(name, text)? {
                *time = given;
            }
        }
        if let Some(lifetime) = duration("exchange.lifetime", &self.lifetime)? {
            policy.lifetime = Some(lifetime);
        }
        if self.queue == 0 {
            return refuse("exchange.queue", "no price fits in a queue of 0; the usual is 65536");
        }
        // What keeps a connection alive must come before it is taken for dead.
        policy.keep_alive = policy.keep_alive.map(|every| every.min(policy.silence * 4 / 5));
        Ok(policy)
    }
}

/// The refusal of what a setting says.
pub(crate) fn refuse<T>(name: &'static str, problem: impl Into<String>) -> Result<T> {
    Err(FeedError::Setting { name, problem: problem.into() })
}

/// A duration that a setting says; `None` where it says nothing.
pub(crate) fn duration(name: &'static str, text: &str) -> Result<Option<Nanos>> {
    if text.is_empty() {
        return Ok(None);
    }
    let problem = match parse_duration(text) {
        Ok(time) if time > 0 => return Ok(Some(time)),
        Ok(_) => format!("{text} is no time to wait"),
        Err(problem) => problem,
    };
    refuse(name, problem)
}

#[cfg(test)]
mod tests {
    use silverbullet_market::SECOND;

    use super::*;
    use crate::exchange::{Binance, Kraken, Okx};

    #[test]
    fn what_is_not_said_is_as_the_venue_has_it() {
        let settings = ExchangeSettings::default();
        let policy = settings.policy(&Kraken).unwrap();
        assert_eq!((policy.silence, policy.keep_alive, policy.lifetime), (5 * SECOND, None, None));
        let policy = settings.policy(&Binance::international()).unwrap();
        assert_eq!(policy.lifetime, Some((23 * 60 + 50) * 60 * SECOND));
        assert_eq!((policy.first_pause, policy.longest_pause), (SECOND / 4, 60 * SECOND));
    }

    #[test]
    fn what_is_said_counts() {
        let settings = ExchangeSettings {
            silence: "500ms".into(),
            lifetime: "1h".into(),
            longest_pause: "2s".into(),
            ..ExchangeSettings::default()
        };
        let policy = settings.policy(&Okx::default()).unwrap();
        assert_eq!((policy.silence, policy.keep_alive), (SECOND / 2, Some(SECOND * 2 / 5)));
        assert_eq!((policy.lifetime, policy.longest_pause), (Some(3_600 * SECOND), 2 * SECOND));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (text, queue, expected) in
            [("soon", 1, "exchange.silence"), ("0s", 1, "no time to wait"), ("5s", 0, "exchange.queue")]
        {
            let settings = ExchangeSettings { silence: text.into(), queue, ..ExchangeSettings::default() };
            let message = settings.policy(&Kraken).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }

    #[test]
    fn unknown_keys_are_refused_and_missing_ones_are_not() {
        let read = |text: &str| serde_json::from_str::<ExchangeSettings>(text);
        assert_eq!(read(r#"{"venue": "okx"}"#).unwrap(), ExchangeSettings::new("okx", &[]));
        assert!(read(r#"{"vanue": "okx"}"#).is_err());
    }
}
