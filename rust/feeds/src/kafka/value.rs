//! Writes a price as the JSON value of a message, by hand into one buffer: this is what takes time at full speed.
//!
//! `{"timestamp":"2025-05-12T00:00:00Z","asset":"BTC","price":104105.1}`, then `bid`, `ask`, `size` and `sequence`
//! where the tick has them. The time is ISO 8601 in UTC with as many decimals, of 0, 3, 6 and 9, as it takes to be
//! exact; numbers are the shortest that read back as the same.

use jiff::Timestamp;
use jiff::tz::Offset;
use serde::Serialize;
use silverbullet_market::{Nanos, SECOND, Tick};

/// An asset as it stands in messages.
#[derive(Debug)]
struct Asset {
    /// The key.
    name: String,
    /// The part of the value between the time and the price.
    json: Vec<u8>,
}

/// Writes values one after the other into the same memory.
#[derive(Debug)]
pub struct ValueWriter {
    assets: Vec<Asset>,
    buffer: Vec<u8>,
    /// The whole second of the last time, and its text: many prices share one.
    second: Option<i64>,
    second_text: [u8; 19],
}

impl ValueWriter {
    /// For ticks whose asset is a position in `assets`.
    #[must_use]
    pub fn new(assets: &[String]) -> Self {
        let asset = |name: &String| {
            let mut json = b"\",\"asset\":".to_vec();
            push(&mut json, name);
            json.extend_from_slice(b",\"price\":");
            Asset { name: name.clone(), json }
        };
        let assets = assets.iter().map(asset).collect();
        Self { assets, buffer: Vec::with_capacity(256), second: None, second_text: [b'0'; 19] }
    }

    /// Key and value of the message for `tick`; `None` where its asset is not in the list.
    #[inline]
    pub fn write(&mut self, tick: &Tick) -> Option<(&str, &[u8])> {
        let Self { assets, buffer, second, second_text } = self;
        let asset = assets.get(tick.asset.index())?;
        buffer.clear();
        buffer.extend_from_slice(b"{\"timestamp\":\"");
        let whole = tick.event_time.div_euclid(SECOND);
        if *second != Some(whole) {
            *second_text = date_and_time(whole);
            *second = Some(whole);
        }
        buffer.extend_from_slice(second_text);
        push_fraction(buffer, tick.event_time.rem_euclid(SECOND));
        buffer.push(b'Z');
        buffer.extend_from_slice(&asset.json);
        push(buffer, &tick.price);
        for (name, number) in [(",\"bid\":", tick.bid), (",\"ask\":", tick.ask), (",\"size\":", tick.size)] {
            if let Some(number) = number {
                buffer.extend_from_slice(name.as_bytes());
                push(buffer, &number);
            }
        }
        if let Some(sequence) = tick.sequence {
            buffer.extend_from_slice(b",\"sequence\":");
            push(buffer, &sequence);
        }
        buffer.push(b'}');
        Some((&asset.name, buffer))
    }
}

/// Appends text or a number as JSON.
#[inline]
fn push<T: Serialize + ?Sized>(buffer: &mut Vec<u8>, value: &T) {
    // Writing to memory cannot fail, nor can text and numbers.
    let _ = serde_json::to_writer(buffer, value);
}

/// `2025-05-12T00:00:00` of whole seconds since 1970. All that fit an `i64` of nanoseconds lie between 1677 and 2262.
fn date_and_time(second: i64) -> [u8; 19] {
    let time = Offset::UTC.to_datetime(Timestamp::from_second(second).unwrap_or_default());
    let mut text = *b"0000-00-00T00:00:00";
    let year = i32::from(time.year());
    put_two(&mut text, 0, year / 100);
    put_two(&mut text, 2, year % 100);
    let rest = [time.month(), time.day(), time.hour(), time.minute(), time.second()];
    for (place, number) in [5, 8, 11, 14, 17].into_iter().zip(rest) {
        put_two(&mut text, place, i32::from(number));
    }
    text
}

fn put_two(text: &mut [u8; 19], place: usize, number: i32) {
    text[place] = b'0' + (number / 10) as u8;
    text[place + 1] = b'0' + (number % 10) as u8;
}

/// `.123` of nanoseconds below a second; nothing of none.
#[inline]
fn push_fraction(buffer: &mut Vec<u8>, nanos: Nanos) {
    if nanos == 0 {
        return;
    }
    let mut digits = [b'0'; 9];
    let mut left = nanos;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (left % 10) as u8;
        left /= 10;
    }
    let length = match nanos {
        whole if whole % 1_000_000 == 0 => 3,
        whole if whole % 1_000 == 0 => 6,
        _ => 9,
    };
    buffer.push(b'.');
    buffer.extend_from_slice(&digits[..length]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;
    use silverbullet_market::AssetId;

    use super::*;

    const MIDNIGHT: Nanos = 1_747_008_000 * SECOND;

    fn tick(event_time: Nanos, price: f64) -> Tick {
        Tick {
            asset: AssetId(0),
            price,
            bid: None,
            ask: None,
            size: None,
            event_time,
            receipt_time: 0,
            venue: 0,
            sequence: None,
            partition: 0,
            offset: 0,
        }
    }

    fn written(assets: &[&str], tick: &Tick) -> (String, String) {
        let assets: Vec<String> = assets.iter().map(|&name| name.to_owned()).collect();
        let mut writer = ValueWriter::new(&assets);
        let (key, value) = writer.write(tick).unwrap();
        (key.to_owned(), String::from_utf8(value.to_vec()).unwrap())
    }

    #[test]
    fn a_value_has_what_the_tick_has_and_nothing_else() {
        let plain = tick(MIDNIGHT, 104_105.1);
        let (key, value) = written(&["BTC"], &plain);
        assert_eq!(key, "BTC");
        assert_eq!(value, r#"{"timestamp":"2025-05-12T00:00:00Z","asset":"BTC","price":104105.1}"#);
        let full = Tick {
            bid: Some(1.4),
            ask: Some(1.6),
            size: Some(0.0),
            sequence: Some(u64::MAX),
            ..tick(MIDNIGHT + 123_000_000, 1.5)
        };
        assert_eq!(
            written(&["BTC"], &full).1,
            concat!(
                r#"{"timestamp":"2025-05-12T00:00:00.123Z","asset":"BTC","price":1.5,"#,
                r#""bid":1.4,"ask":1.6,"size":0.0,"sequence":18446744073709551615}"#
            )
        );
    }

    #[test]
    fn times_are_exact_to_the_nanosecond() {
        for (nanos, text) in [
            (MIDNIGHT + 120_000_000, "2025-05-12T00:00:00.120Z"),
            (MIDNIGHT + 1_000, "2025-05-12T00:00:00.000001Z"),
            (MIDNIGHT + 1, "2025-05-12T00:00:00.000000001Z"),
            (-500_000_000, "1969-12-31T23:59:59.500Z"),
            (0, "1970-01-01T00:00:00Z"),
            // Python's datetime says so.
            (951_782_399 * SECOND, "2000-02-28T23:59:59Z"),
            (951_782_400 * SECOND, "2000-02-29T00:00:00Z"),
        ] {
            let value: Value = serde_json::from_str(&written(&["A"], &tick(nanos, 1.0)).1).unwrap();
            assert_eq!(value["timestamp"], text);
        }
    }

    #[test]
    fn one_writer_follows_times_to_and_fro() {
        let mut writer = ValueWriter::new(&["A".to_owned()]);
        for (seconds, text) in [(0, "00:00:00Z"), (1, "00:00:01Z"), (0, "00:00:00Z"), (61, "00:01:01Z")] {
            let (_, value) = writer.write(&tick(MIDNIGHT + seconds * SECOND, 1.0)).unwrap();
            let value = std::str::from_utf8(value).unwrap();
            assert!(value.contains(&format!("2025-05-12T{text}")), "{value}");
        }
    }

    #[test]
    fn an_asset_that_is_not_there_is_no_message() {
        assert_eq!(ValueWriter::new(&[]).write(&tick(0, 1.0)), None);
    }

    #[test]
    fn names_of_any_kind_are_the_key_as_they_are_and_escaped_in_the_value() {
        for name in
            ["E\"T", "a\\b", "tab\there", "line\nend", "\u{1}", "Ünïcødé 日本 🚀", "</script>", "a b,c"]
        {
            let (key, value) = written(&[name], &tick(MIDNIGHT, 1.0));
            assert_eq!(key, name);
            assert!(!value.contains('\n'), "{value}");
            let value: Value = serde_json::from_str(&value).unwrap();
            assert_eq!(value["asset"], name);
        }
    }

    #[test]
    fn numbers_are_the_shortest_that_read_back() {
        for (number, text) in [
            (0.1, "0.1"),
            (3.0, "3.0"),
            (1e-7, "1e-7"),
            (0.1 + 0.2, "0.30000000000000004"),
            (5e-324, "5e-324"),
        ] {
            let value = written(&["A"], &tick(0, number)).1;
            assert!(value.ends_with(&format!("\"price\":{text}}}")), "{value}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_as_the_same(
            time in any::<i64>(),
            name in ".+",
            price in proptest::num::f64::POSITIVE,
            bid in proptest::option::of(proptest::num::f64::POSITIVE),
            sequence in any::<Option<u64>>(),
        ) {
            let tick = Tick { bid, sequence, ..tick(time, price) };
            let (key, value) = written(&[&name], &tick);
            let value: Value = serde_json::from_str(&value).unwrap();
            let text = value["timestamp"].as_str().unwrap();
            let read: Timestamp = text.parse().unwrap();
            prop_assert_eq!(read.as_nanosecond(), i128::from(time));
            prop_assert_eq!(crate::csv::parse_timestamp(text.as_bytes(), crate::TimeUnit::Seconds), Some(time));
            prop_assert_eq!(&key, &name);
            prop_assert_eq!(value["asset"].as_str(), Some(name.as_str()));
            prop_assert_eq!(value["price"].as_f64(), Some(price));
            prop_assert_eq!(value.get("bid").and_then(Value::as_f64), bid);
            prop_assert_eq!(value.get("sequence").and_then(Value::as_u64), sequence);
        }
    }
}
