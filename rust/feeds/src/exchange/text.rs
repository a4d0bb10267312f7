//! Fields of frames: numbers that are written as texts, and texts that are something else in other frames.

use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use silverbullet_market::Nanos;

use super::venue::Fault;
use crate::csv::judge::{optional, price as judged};
use crate::csv::{TimeUnit, parse_timestamp, reason};

/// A frame that is not JSON, or not of a form the venue sends.
pub(crate) const NOT_UNDERSTOOD: &str = "frame not understood";

/// A text, where the field is one; fields of the same name are arrays in other frames, which are passed over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Text<'a>(pub(crate) Option<&'a str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor).map(Self)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Option<&'de str>;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a text without escapes, or something else")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Some(text))
    }

    // With escapes it has to be put together: no field that is used has any.
    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

/// The first item of an array; those after it are passed over.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct First<T>(pub(crate) Option<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for First<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(FirstVisitor(PhantomData)).map(Self)
    }
}

struct FirstVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for FirstVisitor<T> {
    type Value = Option<T>;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let first = items.next_element()?;
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(first)
    }
}

/// A frame as JSON.
pub(crate) fn parse<'a, T: Deserialize<'a>>(frame: &'a str) -> Result<T, Fault> {
    serde_json::from_str(frame).map_err(|_| not_understood(frame))
}

/// What to say of a frame that is not understood.
#[cold]
pub(crate) fn not_understood(frame: &str) -> Fault {
    Fault::new(NOT_UNDERSTOOD, "frame", frame.as_bytes())
}

/// A name as a JSON text, for what is sent.
pub(crate) fn quoted(name: &str) -> String {
    serde_json::Value::from(name).to_string()
}

/// Names as JSON texts between commas, for what is sent.
pub(crate) fn list(names: &[String]) -> String {
    names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(",")
}

pub(crate) fn price(text: &str) -> Result<f64, Fault> {
    judged(text.as_bytes())
}

pub(crate) fn positive(text: &str, reason: &'static str, what: &str) -> Result<f64, Fault> {
    optional(text.as_bytes(), reason, what, |value| value > 0.0)?.ok_or_else(|| Fault::missing(reason, what))
}

/// An amount; none where the text is empty.
pub(crate) fn size(text: &str) -> Result<Option<f64>, Fault> {
    optional(text.as_bytes(), reason::INVALID_SIZE, "size", |value| value >= 0.0)
}

/// Milliseconds since 1970, or microseconds where the venue was asked for those: they are told apart by their size.
pub(crate) fn since_1970(number: u64) -> Result<Nanos, Fault> {
    /// The year 2286 in milliseconds, and April 1970 in microseconds.
    const MICROSECONDS: u64 = 10_000_000_000_000;
    let scale = if number >= MICROSECONDS { 1_000 } else { 1_000_000 };
    let time =
        i64::try_from(number).ok().filter(|&number| number > 0).and_then(|number| number.checked_mul(scale));
    time.ok_or_else(|| Fault::new(reason::UNPARSABLE_TIMESTAMP, "time", number.to_string().as_bytes()))
}

/// A number that must be more than zero, where a venue sends numbers as such.
pub(crate) fn above_zero(value: f64, reason: &'static str, what: &str) -> Result<f64, Fault> {
    if value.is_finite() && value > 0.0 {
        return Ok(value);
    }
    Err(Fault::new(reason, what, value.to_string().as_bytes()))
}

/// Milliseconds since 1970, written as a text.
pub(crate) fn since_1970_text(text: &str) -> Result<Nanos, Fault> {
    let number =
        text.parse().map_err(|_| Fault::new(reason::UNPARSABLE_TIMESTAMP, "time", text.as_bytes()))?;
    since_1970(number)
}

/// A time as RFC 3339 writes it; that of an empty book lies in 1970 and is none.
pub(crate) fn date_time(text: &str) -> Result<Nanos, Fault> {
    // A bare number would be taken for nanoseconds.
    let written_out = text.as_bytes().get(4) == Some(&b'-');
    let time =
        parse_timestamp(text.as_bytes(), TimeUnit::Nanoseconds).filter(|&time| written_out && time > 0);
    time.ok_or_else(|| Fault::new(reason::UNPARSABLE_TIMESTAMP, "time", text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_taken_and_anything_else_is_passed_over() {
        let read = |json: &str| {
            serde_json::from_str::<Vec<Text<'_>>>(json)
                .unwrap()
                .iter()
                .map(|text| text.0.map(str::to_owned))
                .collect::<Vec<_>>()
        };
        let found = read(r#"["1.5", [["1", "2"], []], {"a": {"b": [1]}}, 7, -7, 1.5, true, null, "\u0041"]"#);
        assert_eq!(found[0].as_deref(), Some("1.5"));
        assert!(found[1..].iter().all(Option::is_none) && found.len() == 9, "{found:?}");
    }

    #[test]
    fn milliseconds_and_microseconds_are_told_apart() {
        assert_eq!(since_1970(1_723_161_255_343).unwrap(), 1_723_161_255_343_000_000);
        assert_eq!(since_1970(1_723_161_255_343_123).unwrap(), 1_723_161_255_343_123_000);
        for wrong in [0, u64::MAX, i64::MAX.unsigned_abs()] {
            assert_eq!(since_1970(wrong).unwrap_err().reason, reason::UNPARSABLE_TIMESTAMP);
        }
    }

    #[test]
    fn a_time_that_is_written_out_lies_after_1970() {
        assert_eq!(date_time("2022-12-25T09:30:59.123456Z").unwrap(), 1_671_960_659_123_456_000);
        assert_eq!(since_1970_text("1652459224956").unwrap(), 1_652_459_224_956_000_000);
        for wrong in ["", "5", "1652459224956", "1970-01-01T00:00:00Z", "1969-12-31T00:00:00Z", "2022-13-25"]
        {
            assert_eq!(date_time(wrong).unwrap_err().reason, reason::UNPARSABLE_TIMESTAMP, "{wrong}");
        }
        for wrong in ["", "0", "-1", "1.5", "2022-12-25T09:30:59Z", "18446744073709551616"] {
            assert_eq!(since_1970_text(wrong).unwrap_err().reason, reason::UNPARSABLE_TIMESTAMP, "{wrong}");
        }
    }

    #[test]
    fn a_number_above_zero_is_neither_zero_nor_infinite() {
        assert_eq!(above_zero(f64::MIN_POSITIVE, reason::INVALID_BID, "bid"), Ok(f64::MIN_POSITIVE));
        for wrong in [0.0, -0.0, -1.0, f64::INFINITY, f64::NAN] {
            assert_eq!(
                above_zero(wrong, reason::INVALID_BID, "bid").unwrap_err().reason,
                reason::INVALID_BID
            );
        }
    }

    #[test]
    fn names_that_are_sent_are_json() {
        let names = ["BTC/USD", "\"", "\\", "\n"].map(str::to_owned);
        let sent: Vec<String> = serde_json::from_str(&format!("[{}]", list(&names))).unwrap();
        assert_eq!(sent, names);
    }

    #[test]
    fn the_first_of_an_array_is_taken() {
        let first = |json: &str| {
            serde_json::from_str::<First<First<u8>>>(json)
                .map(|First(first)| first.and_then(|First(first)| first))
                .ok()
        };
        assert_eq!(
            [first("[]"), first("[[]]"), first("[[1, {}, 300], 7]")],
            [Some(None), Some(None), Some(Some(1))]
        );
        assert_eq!([first("{}"), first("[1]"), first("[[300]]"), first("[[1]")], [None; 4]);
    }
}
