//! What a message says: JSON `{"timestamp","asset","price"[,"bid","ask","size","sequence"]}`, in any order.
//!
//! Plain objects of texts and numbers are read by a scan over the bytes, without allocation; whatever is written in
//! another way (escapes, nested values of other fields) goes through a JSON parser, to the same result. Numbers may
//! be written as texts. A numeric timestamp tells its unit by its size, each for itself.

use std::borrow::Cow;

use serde_json::Value;

use crate::csv::judge::{Fault, Quote, optional, price, reason, sequence};
use crate::csv::parse_timestamp_by_size;

/// A value that is not JSON, or not an object.
pub(crate) const NOT_JSON: &str = "not JSON";

/// The fields of a message as they were written; empty where they are not there.
#[derive(Debug, Default, Clone, Copy)]
struct Fields<'a> {
    timestamp: &'a [u8],
    asset: &'a [u8],
    price: &'a [u8],
    bid: &'a [u8],
    ask: &'a [u8],
    size: &'a [u8],
    sequence: &'a [u8],
}

impl<'a> Fields<'a> {
    fn set(&mut self, name: &[u8], value: &'a [u8]) {
        match name {
            b"timestamp" => self.timestamp = value,
            b"asset" => self.asset = value,
            b"price" => self.price = value,
            b"bid" => self.bid = value,
            b"ask" => self.ask = value,
            b"size" => self.size = value,
            b"sequence" => self.sequence = value,
            _ => {}
        }
    }
}

/// Calls `take` with what the payload says, or why it cannot be used.
pub(crate) fn read<R>(payload: &[u8], take: impl FnOnce(Result<Quote<'_>, Fault>) -> R) -> R {
    if let Some(fields) = scan(payload) {
        return take(judge(&fields));
    }
    let Ok(Value::Object(object)) = serde_json::from_slice::<Value>(payload) else {
        return take(Err(Fault::new(NOT_JSON, "value", payload)));
    };
    let texts: Vec<(&str, Cow<'_, str>)> =
        object.iter().filter_map(|(name, value)| Some((name.as_str(), text_of(value)?))).collect();
    let mut fields = Fields::default();
    for (name, text) in &texts {
        fields.set(name.as_bytes(), text.as_bytes());
    }
    take(judge(&fields))
}

fn text_of(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::Null => None,
        other => Some(Cow::Owned(other.to_string())),
    }
}

#[inline]
fn judge<'a>(fields: &Fields<'a>) -> Result<Quote<'a>, Fault> {
    if fields.timestamp.is_empty() {
        return Err(Fault::missing(reason::EMPTY_TIMESTAMP, "timestamp"));
    }
    let event_time = parse_timestamp_by_size(fields.timestamp)
        .ok_or_else(|| Fault::new(reason::UNPARSABLE_TIMESTAMP, "timestamp", fields.timestamp))?;
    if fields.asset.is_empty() {
        return Err(Fault::missing(reason::EMPTY_ASSET, "asset"));
    }
    if !fields.asset.is_ascii() && std::str::from_utf8(fields.asset).is_err() {
        return Err(Fault::new(reason::INVALID_UTF8, "asset", fields.asset));
    }
    let mut quote = Quote {
        event_time,
        asset: fields.asset,
        price: price(fields.price)?,
        bid: None,
        ask: None,
        size: None,
        sequence: None,
    };
    quote.bid = optional(fields.bid, reason::INVALID_BID, "bid", |value| value > 0.0)?;
    quote.ask = optional(fields.ask, reason::INVALID_ASK, "ask", |value| value > 0.0)?;
    quote.size = optional(fields.size, reason::INVALID_SIZE, "size", |value| value >= 0.0)?;
    quote.sequence = sequence(fields.sequence)?;
    Ok(quote)
}

/// The fields of a plain object; `None` for anything that is written in another way.
fn scan(payload: &[u8]) -> Option<Fields<'_>> {
    let mut fields = Fields::default();
    let mut rest = after(payload, b'{')?;
    loop {
        let (name, behind) = text(rest)?;
        let value = blanks(after(behind, b':')?);
        let (value, behind) = if value.first() == Some(&b'"') { text(value)? } else { number(value)? };
        fields.set(name, value);
        rest = blanks(behind);
        match rest.split_first()? {
            (b',', behind) => rest = behind,
            (b'}', behind) if blanks(behind).is_empty() => return Some(fields),
            _ => return None,
        }
    }
}

#[inline]
fn blanks(bytes: &[u8]) -> &[u8] {
    match bytes.first() {
        Some(b' ' | b'\n' | b'\r' | b'\t') => bytes.trim_ascii_start(),
        _ => bytes,
    }
}

#[inline]
fn after(bytes: &[u8], expected: u8) -> Option<&[u8]> {
    blanks(bytes).split_first().filter(|(first, _)| **first == expected).map(|(_, rest)| rest)
}

#[inline]
fn text(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let inner = after(bytes, b'"')?;
    // The end, or an escape, or a control character, which JSON does not allow. Texts are short: no search pays.
    let end = inner.iter().position(|&byte| matches!(byte, b'"' | b'\\' | 0..b' '))?;
    (inner[end] == b'"').then(|| (&inner[..end], &inner[end + 1..]))
}

#[inline]
fn number(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let of_number = |byte: &&u8| matches!(byte, b'0'..=b'9' | b'.' | b'-' | b'+' | b'e' | b'E');
    let length = bytes.iter().take_while(of_number).count();
    let first = bytes.first()?;
    (length > 0 && (first.is_ascii_digit() || *first == b'-')).then(|| bytes.split_at(length))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Told = (i64, String, f64, Option<f64>, Option<u64>);

    fn told(payload: &str) -> Result<Told, &'static str> {
        read(payload.as_bytes(), |quote| {
            let quote = quote.map_err(|fault| fault.reason)?;
            let asset = String::from_utf8_lossy(quote.asset).into_owned();
            Ok((quote.event_time, asset, quote.price, quote.bid, quote.sequence))
        })
    }

    #[test]
    fn the_fields_stand_in_any_order_and_others_are_passed_over() {
        let expected = Ok((1_747_008_000_000_000_000, "BTC".to_owned(), 104_105.1, Some(104_105.0), Some(7)));
        for payload in [
            r#"{"timestamp":"2025-05-12T00:00:00Z","asset":"BTC","price":104105.1,"bid":104105.0,"sequence":7}"#,
            r#" { "price" : "104105.1" , "x":null, "asset":"BTC","sequence":7,"timestamp":1747008000000,"bid":1.04105e5 } "#,
            r#"{"asset":"\u0042TC","timestamp":1747008000,"deep":{"price":[1,2]},"price":104105.1,"bid":104105,"sequence":"7"}"#,
        ] {
            assert_eq!(told(payload), expected, "{payload}");
        }
        assert!(scan(br#"{"asset":"BTC","price":1.5}"#).is_some());
        assert!(scan(br#"{"asset":"B\tTC","price":1.5}"#).is_none());
    }

    #[test]
    fn what_cannot_be_used_is_told_by_its_reason() {
        for (payload, reason) in [
            ("", NOT_JSON),
            ("BTC 5", NOT_JSON),
            ("[1]", NOT_JSON),
            (r#"{"asset":"BTC","price":1.5}x"#, NOT_JSON),
            (r#"{"asset":"BTC","price":1.5}"#, reason::EMPTY_TIMESTAMP),
            (r#"{"timestamp":"soon","asset":"BTC","price":1.5}"#, reason::UNPARSABLE_TIMESTAMP),
            (r#"{"timestamp":1747008000,"price":1.5}"#, reason::EMPTY_ASSET),
            (r#"{"timestamp":1747008000,"asset":"BTC"}"#, reason::EMPTY_PRICE),
            (r#"{"timestamp":1747008000,"asset":"BTC","price":null}"#, reason::EMPTY_PRICE),
            (r#"{"timestamp":1747008000,"asset":"BTC","price":true}"#, reason::UNPARSABLE_PRICE),
            (r#"{"timestamp":1747008000,"asset":"BTC","price":0}"#, reason::PRICE_NOT_POSITIVE),
            (r#"{"timestamp":1747008000,"asset":"BTC","price":"inf"}"#, reason::PRICE_NOT_FINITE),
            (r#"{"timestamp":1747008000,"asset":"BTC","price":1,"size":-1}"#, reason::INVALID_SIZE),
            (r#"{"timestamp":1747008000,"asset":"BTC","price":1,"sequence":1.5}"#, reason::INVALID_SEQUENCE),
        ] {
            assert_eq!(told(payload).unwrap_err(), reason, "{payload}");
        }
        assert_eq!(read(b"\xff{", |quote| quote.unwrap_err().reason), NOT_JSON);
    }

    proptest! {
        #[test]
        fn the_scan_and_the_parser_agree(
            time in 1_000_000_000_000_000_000_i64..2_000_000_000_000_000_000,
            asset in "[A-Z/ é\\\\\"]{1,8}",
            price in 1e-9_f64..1e9,
            bid in proptest::option::of(1e-9_f64..1e9),
        ) {
            let written = serde_json::json!({"timestamp": time, "asset": asset, "price": price, "bid": bid}).to_string();
            prop_assert_eq!(told(&written), Ok((time, asset, price, bid, None)));
        }

        #[test]
        fn any_bytes_are_a_message_or_not(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            read(&bytes, |_| ());
        }

        #[test]
        fn nearly_json_is_a_message_or_not(text in r#"\{("[a-z]{0,5}" ?: ?["0-9.eE,+-]{0,9},?){0,4}\}?"#) {
            read(text.as_bytes(), |quote| if quote.is_ok() {
                prop_assert!(serde_json::from_str::<Value>(&text).is_ok());
                Ok(())
            } else { Ok(()) })?;
        }
    }
}
