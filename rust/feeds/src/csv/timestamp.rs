//! Times as files write them: ISO 8601 text, or a number since 1970 in seconds to nanoseconds.
//!
//! Everything is integer arithmetic: a time in a file is the same number of nanoseconds on every machine.
//! Digits beyond the nanosecond are cut off. A naive time is UTC, a leap second is the second before it.

use serde::{Deserialize, Serialize};
use silverbullet_market::{Nanos, SECOND};

/// What a numeric timestamp counts, since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TimeUnit {
    /// Seconds.
    #[serde(rename = "s")]
    Seconds,
    /// Milliseconds.
    #[serde(rename = "ms")]
    Milliseconds,
    /// Microseconds.
    #[serde(rename = "us")]
    Microseconds,
    /// Nanoseconds.
    #[serde(rename = "ns")]
    Nanoseconds,
}

impl TimeUnit {
    pub(crate) const ALL: [Self; 4] =
        [Self::Seconds, Self::Milliseconds, Self::Microseconds, Self::Nanoseconds];

    /// The usual abbreviation: `s`, `ms`, `us`, `ns`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Seconds => "s",
            Self::Milliseconds => "ms",
            Self::Microseconds => "us",
            Self::Nanoseconds => "ns",
        }
    }

    /// Number of decimal digits between the unit and the nanosecond.
    const fn digits(self) -> u32 {
        match self {
            Self::Seconds => 9,
            Self::Milliseconds => 6,
            Self::Microseconds => 3,
            Self::Nanoseconds => 0,
        }
    }

    /// The unit in which a number of this size is a time from March 1973 to the year 5138. Seconds are right from
    /// 1970 on: what is too small for a millisecond of 1973 is a second.
    pub(crate) const fn of_magnitude(number: u64) -> Self {
        match number {
            0..100_000_000_000 => Self::Seconds,
            100_000_000_000..100_000_000_000_000 => Self::Milliseconds,
            100_000_000_000_000..100_000_000_000_000_000 => Self::Microseconds,
            _ => Self::Nanoseconds,
        }
    }
}

/// Nanoseconds UTC, or `None` for what is not a time or lies outside of 1678 to 2261.
pub(crate) fn parse(text: &[u8], unit: TimeUnit) -> Option<Nanos> {
    if text.get(4) == Some(&b'-') { iso(text) } else { epoch(text, unit) }
}

/// The same where a number tells its unit by its size.
#[cfg(any(feature = "kafka", test))]
pub(crate) fn parse_by_size(text: &[u8]) -> Option<Nanos> {
    if text.get(4) == Some(&b'-') {
        return iso(text);
    }
    let number = number(text)?;
    number.in_unit(number.suggested_unit())
}

/// The unit a numeric timestamp suggests by its size; `None` for text.
pub(crate) fn suggested_unit(text: &[u8]) -> Option<TimeUnit> {
    if text.get(4) == Some(&b'-') {
        return None;
    }
    Some(number(text)?.suggested_unit())
}

/// A decimal number taken apart.
struct Number<'a> {
    negative: bool,
    whole: u64,
    fraction: &'a [u8],
    /// The value, where it was written with an exponent.
    exponential: Option<f64>,
}

impl Number<'_> {
    fn suggested_unit(&self) -> TimeUnit {
        TimeUnit::of_magnitude(self.exponential.map_or(self.whole, |value| value.abs() as u64))
    }

    fn in_unit(&self, unit: TimeUnit) -> Option<Nanos> {
        let scale = 10_i64.pow(unit.digits());
        if let Some(value) = self.exponential {
            let nanos = value * scale as f64;
            return (nanos.abs() < i64::MAX as f64).then_some(nanos as Nanos);
        }
        let whole = i64::try_from(self.whole).ok()?.checked_mul(scale)?;
        let nanos = whole.checked_add(scaled_fraction(self.fraction, unit.digits()))?;
        Some(if self.negative { -nanos } else { nanos })
    }
}

fn number(text: &[u8]) -> Option<Number<'_>> {
    let (negative, rest) = match text.split_first()? {
        (b'-', rest) => (true, rest),
        (b'+', rest) => (false, rest),
        _ => (false, text),
    };
    let (whole, rest) = digits(rest)?;
    let (fraction, rest) = match rest.split_first() {
        Some((b'.', after)) => after.split_at(after.iter().take_while(|b| b.is_ascii_digit()).count()),
        _ => (&rest[..0], rest),
    };
    let exponential = match rest.first() {
        None => None,
        Some(b'e' | b'E') => Some(fast_float2::parse::<f64, _>(text).ok().filter(|v| v.is_finite())?),
        Some(_) => return None,
    };
    Some(Number { negative, whole, fraction, exponential })
}

/// At least one leading digit as a number, and what follows.
fn digits(text: &[u8]) -> Option<(u64, &[u8])> {
    let count = text.iter().take_while(|b| b.is_ascii_digit()).count();
    if count == 0 {
        return None;
    }
    let (digits, rest) = text.split_at(count);
    let digit = |byte: &u8| u64::from(byte - b'0');
    // Nineteen digits are below 2^64.
    let value = if count <= 19 {
        digits.iter().fold(0, |sum, byte| 10 * sum + digit(byte))
    } else {
        digits.iter().try_fold(0_u64, |sum, byte| sum.checked_mul(10)?.checked_add(digit(byte)))?
    };
    Some((value, rest))
}

fn epoch(text: &[u8], unit: TimeUnit) -> Option<Nanos> {
    number(text)?.in_unit(unit)
}

/// The first `places` digits of a fraction as a whole number.
fn scaled_fraction(fraction: &[u8], places: u32) -> Nanos {
    (0..places as usize).fold(0, |sum, i| sum * 10 + fraction.get(i).map_or(0, |b| Nanos::from(b - b'0')))
}

fn iso(text: &[u8]) -> Option<Nanos> {
    let (date, rest) = text.split_at_checked(10)?;
    let days = days(date)?;
    let (seconds, fraction, zone) = match rest.split_first() {
        None => (0, 0, rest),
        Some((b'T' | b't' | b' ', time)) => time_of_day(time)?,
        Some(_) => return None,
    };
    let seconds = days * 86_400 + seconds - zone_offset(zone)?;
    seconds.checked_mul(SECOND)?.checked_add(fraction)
}

/// Days since 1970 of `YYYY-MM-DD`, by the civil-calendar arithmetic of eras of 400 years that begin in March
/// (H. Hinnant, "chrono-compatible low-level date algorithms").
fn days(date: &[u8]) -> Option<i64> {
    if date[4] != b'-' || date[7] != b'-' {
        return None;
    }
    let year = two(date, 0)? * 100 + two(date, 2)?;
    let (month, day) = (two(date, 5)?, two(date, 8)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return None,
    };
    if day < 1 || day > length {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

/// Two digits at `at` as a number.
fn two(text: &[u8], at: usize) -> Option<i64> {
    let (a, b) = (text.get(at)?, text.get(at + 1)?);
    (a.is_ascii_digit() && b.is_ascii_digit()).then(|| i64::from(a - b'0') * 10 + i64::from(b - b'0'))
}

/// `HH:MM[:SS[.fraction]]`: seconds of the day, nanoseconds, and the text that follows.
fn time_of_day(text: &[u8]) -> Option<(i64, Nanos, &[u8])> {
    let (hour, minute) = (two(text, 0)?, two(text, 3)?);
    if text[2] != b':' || hour > 23 || minute > 59 {
        return None;
    }
    let until_minute = hour * 3_600 + minute * 60;
    let rest = &text[5..];
    if rest.first() != Some(&b':') {
        return Some((until_minute, 0, rest));
    }
    let second = two(rest, 1)?;
    if second > 60 {
        return None;
    }
    let (seconds, rest) = (until_minute + second.min(59), &rest[3..]);
    if rest.first() != Some(&b'.') {
        return Some((seconds, 0, rest));
    }
    let count = rest[1..].iter().take_while(|b| b.is_ascii_digit()).count();
    if count == 0 {
        return None;
    }
    let (fraction, rest) = rest[1..].split_at(count);
    Some((seconds, scaled_fraction(fraction, 9), rest))
}

/// Seconds east of UTC of nothing, `Z`, `+HH`, `+HHMM` or `+HH:MM`.
fn zone_offset(text: &[u8]) -> Option<i64> {
    let (sign, rest) = match text.split_first() {
        None => return Some(0),
        Some((b'Z' | b'z', rest)) => return rest.is_empty().then_some(0),
        Some((b'+', rest)) => (1, rest),
        Some((b'-', rest)) => (-1, rest),
        Some(_) => return None,
    };
    let minutes = match rest.len() {
        2 => 0,
        4 => two(rest, 2)?,
        5 if rest[2] == b':' => two(rest, 3)?,
        _ => return None,
    };
    let hours = two(rest, 0)?;
    (hours <= 25 && minutes <= 59).then_some(sign * (hours * 3_600 + minutes * 60))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MIDNIGHT: Nanos = 1_747_008_000 * SECOND;

    fn seconds(text: &str) -> Option<Nanos> {
        parse(text.as_bytes(), TimeUnit::Seconds)
    }

    #[test]
    fn iso_forms() {
        for text in [
            "2025-05-12T00:00:00Z",
            "2025-05-12 00:00:00Z",
            "2025-05-12t00:00:00z",
            "2025-05-12T00:00:00",
            "2025-05-12 00:00",
            "2025-05-12",
            "2025-05-12T00:00:00.000000000Z",
            "2025-05-12T02:00:00+02:00",
            "2025-05-11 19:30:00-0430",
            "2025-05-12T09:00:00+09",
        ] {
            assert_eq!(seconds(text), Some(MIDNIGHT), "{text}");
        }
        assert_eq!(seconds("2025-05-12T00:00:00.1234567891Z"), Some(MIDNIGHT + 123_456_789));
        assert_eq!(seconds("2016-12-31T23:59:60Z"), seconds("2016-12-31T23:59:59Z"));
        assert_eq!(seconds("1969-12-31T23:59:59.5Z"), Some(-SECOND / 2));
        assert_eq!(seconds("2024-02-29"), Some(1_709_164_800 * SECOND));
    }

    #[test]
    fn what_is_not_a_time() {
        for text in [
            "",
            "-",
            "+",
            ".",
            ".5",
            "abc",
            "NaN",
            "inf",
            "2025-02-29",
            "2025-13-01",
            "2025-00-10",
            "2025-01-00",
            "2025-05-12T24:00:00",
            "2025-05-12T10:60:00",
            "2025-05-12T10:00:61",
            "2025-05-12T10:00:00.Z",
            "2025-05-12T10:00:00X",
            "2025-05-12X10:00:00",
            "2025-05-12T",
            "2025-05-1",
            "2025-5-12",
            "1747008000x",
            "1747008000.5.5",
            "9999-01-01",
            "99999999999999999999",
            "1e400",
            "2025-05-12T10:00:00+2",
            "12/05/2025",
            "2025-05-12T10:00:00ZZ",
            "--5",
        ] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_in_each_unit_are_exact() {
        let parse = |text: &str, unit| super::parse(text.as_bytes(), unit);
        assert_eq!(parse("1747008000", TimeUnit::Seconds), Some(MIDNIGHT));
        assert_eq!(parse("1747008000.123456789", TimeUnit::Seconds), Some(MIDNIGHT + 123_456_789));
        assert_eq!(parse("1747008000123", TimeUnit::Milliseconds), Some(MIDNIGHT + 123_000_000));
        assert_eq!(parse("1747008000123.25", TimeUnit::Milliseconds), Some(MIDNIGHT + 123_250_000));
        assert_eq!(parse("1747008000123456", TimeUnit::Microseconds), Some(MIDNIGHT + 123_456_000));
        assert_eq!(parse("1747008000123456789", TimeUnit::Nanoseconds), Some(MIDNIGHT + 123_456_789));
        assert_eq!(parse("-1.5", TimeUnit::Seconds), Some(-3 * SECOND / 2));
        assert_eq!(parse("1.747008e9", TimeUnit::Seconds), Some(MIDNIGHT));
        assert_eq!(parse("1747008000123456789", TimeUnit::Seconds), None);
    }

    #[test]
    fn the_unit_is_seen_from_the_size_also_before_2001() {
        for (text, unit) in [
            ("1747008000", TimeUnit::Seconds),
            ("946684800", TimeUnit::Seconds),
            ("86400", TimeUnit::Seconds),
            ("946684800000", TimeUnit::Milliseconds),
            ("1747008000000.5", TimeUnit::Milliseconds),
            ("946684800000000", TimeUnit::Microseconds),
            ("946684800000000000", TimeUnit::Nanoseconds),
            ("1.747008e+18", TimeUnit::Nanoseconds),
        ] {
            assert_eq!(suggested_unit(text.as_bytes()), Some(unit), "{text}");
            assert_eq!(parse_by_size(text.as_bytes()), super::parse(text.as_bytes(), unit), "{text}");
        }
        assert_eq!(parse_by_size(b"2025-05-12T00:00:00Z"), Some(MIDNIGHT));
        assert_eq!(parse_by_size(b"rubbish"), None);
        // The most digits that fit, and one too many.
        assert_eq!(
            number(b"9999999999999999999").map(|number| number.whole),
            Some(9_999_999_999_999_999_999)
        );
        assert_eq!(number(b"18446744073709551615").map(|number| number.whole), Some(u64::MAX));
        assert!(number(b"18446744073709551616").is_none());
        assert_eq!(suggested_unit(b"2025-05-12"), None);
        assert_eq!(suggested_unit(b"rubbish"), None);
    }

    proptest! {
        #[test]
        fn any_time_is_read_as_jiff_writes_it(nanos in -9_000_000_000_000_000_000_i64..9_000_000_000_000_000_000) {
            let text = jiff::Timestamp::from_nanosecond(i128::from(nanos)).unwrap().to_string();
            prop_assert_eq!(seconds(&text), Some(nanos), "{}", text);
        }

        #[test]
        fn any_bytes_are_a_time_or_not(text in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = parse(&text, TimeUnit::Nanoseconds);
            let _ = suggested_unit(&text);
        }

        #[test]
        fn near_times_are_a_time_or_not(text in "[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.+Z-]{0,20}") {
            let _ = parse(text.as_bytes(), TimeUnit::Seconds);
        }
    }
}
