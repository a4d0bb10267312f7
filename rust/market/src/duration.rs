//! Durations as people write them: `250ms`, `1s`, `5m`, `1h`, `1d`; and points in time as they read them.

use crate::clock::Nanos;

const UNITS: [(&str, Nanos); 7] = [
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
];

/// Seconds of a year, by which figures per bar become annual ones: 365 days, on each of which is traded.
pub const YEAR_SECONDS: f64 = 365.0 * 86_400.0;

/// Reads a whole number followed by its unit. The message of an error says what was expected.
///
/// # Errors
/// No number, no unit, an unknown unit, or more nanoseconds than fit.
pub fn parse_duration(text: &str) -> Result<Nanos, String> {
    let wrong =
        || format!("{text:?} is not a duration; write a number and ns, us, ms, s, m, h or d, e.g. \"1s\"");
    let text = text.trim();
    let split = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let number: Nanos = text[..split].parse().map_err(|_| wrong())?;
    let unit = text[split..].trim();
    let (_, nanos) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
    number.checked_mul(*nanos).ok_or_else(wrong)
}

/// Writes a duration in the largest unit that divides it.
#[must_use]
pub fn format_duration(nanos: Nanos) -> String {
    if nanos == 0 {
        return "0s".to_owned();
    }
    let (unit, size) = UNITS.iter().rev().find(|(_, size)| nanos % size == 0).unwrap_or(&UNITS[0]);
    format!("{}{unit}", nanos / size)
}

/// Writes nanoseconds since 1970 as RFC 3339 in UTC; the number itself where no calendar has it.
#[must_use]
pub fn format_time(nanos: Nanos) -> String {
    let time = jiff::Timestamp::from_nanosecond(i128::from(nanos));
    time.map_or_else(|_| format!("{nanos} ns since 1970"), |time| time.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_back_as_they_are_written() {
        for (text, nanos) in [
            ("250ms", 250_000_000),
            ("1s", 1_000_000_000),
            ("1d", 86_400_000_000_000),
            ("90s", 90_000_000_000),
        ] {
            assert_eq!(parse_duration(text), Ok(nanos));
            assert_eq!(parse_duration(&format_duration(nanos)), Ok(nanos));
        }
        assert_eq!(format_duration(60_000_000_000), "1m");
        assert_eq!(format_duration(0), "0s");
    }

    #[test]
    fn times_are_written_for_people() {
        assert_eq!(format_time(1_747_008_000_250_000_000), "2025-05-12T00:00:00.25Z");
        assert_eq!(format_time(-1), "1969-12-31T23:59:59.999999999Z");
    }

    #[test]
    fn what_is_not_a_duration_is_named() {
        for text in ["", "1", "s", "1.5s", "-1s", "1 week", "99999999999d"] {
            assert!(parse_duration(text).unwrap_err().contains("duration"), "{text}");
        }
    }
}
