//! How fast recorded or simulated time passes.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use crate::error::FeedError;

/// Pace of event time against the wall clock.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Speed {
    /// So many seconds of event time in a second: 1 is real time, 60 an hour a minute. Positive and finite.
    RealTime(f64),
    /// As fast as the receiver takes it.
    Max,
}

impl Default for Speed {
    fn default() -> Self {
        Self::RealTime(1.0)
    }
}

impl Speed {
    /// Real time times `multiplier`.
    ///
    /// # Errors
    /// [`FeedError::Speed`] unless `multiplier` is positive and finite.
    pub fn real_time(multiplier: f64) -> Result<Self, FeedError> {
        if multiplier.is_finite() && multiplier > 0.0 {
            Ok(Self::RealTime(multiplier))
        } else {
            Err(FeedError::Speed { found: multiplier.to_string() })
        }
    }
}

impl FromStr for Speed {
    type Err = FeedError;

    fn from_str(text: &str) -> Result<Self, FeedError> {
        let text = text.trim();
        if text.eq_ignore_ascii_case("max") {
            return Ok(Self::Max);
        }
        let wrong = || FeedError::Speed { found: text.to_owned() };
        Self::real_time(text.parse().map_err(|_| wrong())?).map_err(|_| wrong())
    }
}

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RealTime(multiplier) => write!(f, "{multiplier}"),
            Self::Max => f.write_str("max"),
        }
    }
}

impl Serialize for Speed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Speed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SpeedVisitor)
    }
}

/// Takes both `speed = 60` and `speed = "max"`.
struct SpeedVisitor;

impl Visitor<'_> for SpeedVisitor {
    type Value = Speed;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a positive number or \"max\"")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Speed, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_f64<E: de::Error>(self, multiplier: f64) -> Result<Speed, E> {
        Speed::real_time(multiplier).map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, multiplier: i64) -> Result<Speed, E> {
        self.visit_f64(multiplier as f64)
    }

    fn visit_u64<E: de::Error>(self, multiplier: u64) -> Result<Speed, E> {
        self.visit_f64(multiplier as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_max_are_speeds() {
        assert_eq!("1".parse::<Speed>().unwrap(), Speed::RealTime(1.0));
        assert_eq!("60".parse::<Speed>().unwrap(), Speed::RealTime(60.0));
        assert_eq!("0.5".parse::<Speed>().unwrap(), Speed::RealTime(0.5));
        assert_eq!(" MAX ".parse::<Speed>().unwrap(), Speed::Max);
    }

    #[test]
    fn others_are_refused_with_what_was_found() {
        for text in ["", "0", "-1", "nan", "inf", "fast", "60x"] {
            let message = text.parse::<Speed>().unwrap_err().to_string();
            assert!(message.contains(&format!("`{text}`")) && message.contains("max"), "{message}");
        }
    }

    #[test]
    fn settings_may_say_it_as_a_number_or_as_text() {
        assert_eq!(serde_json::from_str::<Speed>("60").unwrap(), Speed::RealTime(60.0));
        assert_eq!(serde_json::from_str::<Speed>("\"max\"").unwrap(), Speed::Max);
        assert_eq!(serde_json::to_string(&Speed::RealTime(60.0)).unwrap(), "\"60\"");
        assert!(serde_json::from_str::<Speed>("-1").is_err());
    }
}
