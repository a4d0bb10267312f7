//! What can be set on the simulator.

use serde::{Deserialize, Serialize};
use silverbullet_market::{Nanos, SECOND};

use super::profile::BUILT_IN;
use crate::csv::{TimeUnit, parse_timestamp};
use crate::error::{FeedError, Result};

/// More assets than this are refused.
const MOST_ASSETS: usize = 2_000;

/// A year of trading that never closes, in seconds.
pub(crate) const YEAR_SECONDS: f64 = 365.0 * 86_400.0;

/// Settings of the simulator. The default is a busy crypto market of 16 assets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SimulatorSettings {
    /// How many assets, or which.
    pub assets: SimulatedAssets,
    /// Average number of ticks a second, over all assets.
    pub rate: f64,
    /// Factor on every asset's volatility; 1 leaves the annual 40 to 120 % of the built-in assets.
    pub volatility: f64,
    /// Share of an average asset's variance that the common factor explains, 0 to 0.95. Assets differ around it.
    pub factor_share: f64,
    /// Average number of jumps an asset makes in a day, half of them with the whole market. They come on top of the
    /// volatility.
    pub jumps_per_day: f64,
    /// When event time begins.
    pub start: SimulatorStart,
}

impl Default for SimulatorSettings {
    fn default() -> Self {
        Self {
            assets: SimulatedAssets::Count(BUILT_IN.len()),
            rate: 200.0,
            volatility: 1.0,
            factor_share: 0.68,
            jumps_per_day: 2.0,
            start: SimulatorStart::Now,
        }
    }
}

/// Which assets are simulated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SimulatedAssets {
    /// So many: the built-in ones first, then `SIM17`, `SIM18`, …
    Count(usize),
    /// Those of these names, in this order. Built-in names have their own price and volatility, the others draw theirs.
    Names(Vec<String>),
}

/// When simulated time begins. In text: `now`, or an ISO 8601 time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum SimulatorStart {
    /// When the simulator is made.
    Now,
    /// At this time, nanoseconds UTC.
    At(Nanos),
}

impl TryFrom<String> for SimulatorStart {
    type Error = FeedError;

    fn try_from(text: String) -> Result<Self> {
        if text == "now" {
            return Ok(Self::Now);
        }
        let is_text = text.as_bytes().get(4) == Some(&b'-');
        match parse_timestamp(text.as_bytes(), TimeUnit::Seconds) {
            Some(time) if is_text => Ok(Self::At(time)),
            _ => Err(FeedError::Setting {
                name: "start",
                problem: format!("`{text}` is neither `now` nor a time like 2025-05-12T00:00:00Z"),
            }),
        }
    }
}

impl From<SimulatorStart> for String {
    fn from(start: SimulatorStart) -> Self {
        match start {
            SimulatorStart::Now => "now".to_owned(),
            SimulatorStart::At(time) => jiff::Timestamp::from_nanosecond(i128::from(time))
                .map_or_else(|_| time.to_string(), |time| time.to_string()),
        }
    }
}

impl SimulatorSettings {
    /// Refuses what makes no sense, by name.
    pub(crate) fn check(&self) -> Result<()> {
        check_range("rate", self.rate, 0.001, 1e6, "ticks a second")?;
        check_range("volatility", self.volatility, 0.01, 100.0, "times the usual")?;
        check_range("factor_share", self.factor_share, 0.0, 0.95, "of the variance")?;
        check_range("jumps_per_day", self.jumps_per_day, 0.0, 1_000.0, "a day")?;
        if let SimulatorStart::At(time) = self.start
            && !(0..250 * 365 * 86_400 * SECOND).contains(&time)
        {
            return Err(wrong("start", "must lie between 1970 and 2219".to_owned()));
        }
        let names = match &self.assets {
            SimulatedAssets::Count(count) if (1..=MOST_ASSETS).contains(count) => return Ok(()),
            SimulatedAssets::Names(names) if (1..=MOST_ASSETS).contains(&names.len()) => names,
            _ => return Err(wrong("assets", format!("must be 1 to {MOST_ASSETS}"))),
        };
        for (position, name) in names.iter().enumerate() {
            if name.is_empty() || name.trim() != name {
                return Err(wrong("assets", format!("`{name}` is not a name; leave out the blanks")));
            }
            if names[..position].contains(name) {
                return Err(wrong("assets", format!("`{name}` is named twice")));
            }
        }
        Ok(())
    }

    /// The names, in order.
    pub(crate) fn names(&self) -> Vec<String> {
        match &self.assets {
            SimulatedAssets::Names(names) => names.clone(),
            SimulatedAssets::Count(count) => (0..*count)
                .map(|i| {
                    BUILT_IN.get(i).map_or_else(|| format!("SIM{}", i + 1), |known| known.name.to_owned())
                })
                .collect(),
        }
    }
}

pub(crate) fn wrong(name: &'static str, problem: String) -> FeedError {
    FeedError::Setting { name, problem }
}

fn check_range(name: &'static str, value: f64, low: f64, high: f64, unit: &str) -> Result<()> {
    if (low..=high).contains(&value) {
        return Ok(());
    }
    Err(wrong(name, format!("{value} is out of range; {low} to {high} {unit}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<SimulatorSettings, String> {
        let settings: SimulatorSettings = serde_json::from_str(text).map_err(|e| e.to_string())?;
        settings.check().map_err(|e| e.to_string())?;
        Ok(settings)
    }

    #[test]
    fn settings_are_read_and_written() {
        assert_eq!(read("{}").unwrap(), SimulatorSettings::default());
        assert_eq!(read(r#"{"assets": 20}"#).unwrap().names()[15..17], ["LAYER", "SIM17"]);
        let settings = read(r#"{"assets": ["ETH", "X"], "start": "2025-05-12T00:00:00Z"}"#).unwrap();
        assert_eq!(settings.start, SimulatorStart::At(1_747_008_000 * SECOND));
        assert_eq!(read(&serde_json::to_string(&settings).unwrap()).unwrap(), settings);
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_name() {
        for (text, name) in [
            (r#"{"rate": 0}"#, "rate"),
            (r#"{"rate": 1e9}"#, "rate"),
            (r#"{"volatility": -1}"#, "volatility"),
            (r#"{"factor_share": 1}"#, "factor_share"),
            (r#"{"jumps_per_day": -1}"#, "jumps_per_day"),
            (r#"{"assets": 0}"#, "assets"),
            (r#"{"assets": []}"#, "assets"),
            (r#"{"assets": ["A", "A"]}"#, "`A` is named twice"),
            (r#"{"assets": [""]}"#, "assets"),
            (r#"{"start": "yesterday"}"#, "`yesterday` is neither"),
            (r#"{"start": "1747008000"}"#, "neither"),
            (r#"{"start": "1900-01-01"}"#, "start"),
            (r#"{"speed": 1}"#, "speed"),
        ] {
            let message = read(text).unwrap_err();
            assert!(message.contains(name), "{text}: {message}");
        }
    }
}
