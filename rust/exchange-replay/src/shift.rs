//! Moves the times in a frame: a clock that is wrong.

use jiff::{SignedDuration, Timestamp};

/// The frame with every time in it (13 digits of milliseconds, or RFC 3339) so many hours later.
pub(crate) fn shifted(frame: &str, hours: i64) -> String {
    let bytes = frame.as_bytes();
    let mut out = String::with_capacity(frame.len());
    let mut at = 0;
    while at < bytes.len() {
        let digits = bytes[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (text, length) = match digits {
            13 => (milliseconds(&frame[at..at + 13], hours), 13),
            4 => match frame[at..].find('"') {
                Some(end) => (date_time(&frame[at..at + end], hours), end),
                None => (None, 4),
            },
            // One that is none of these: to its end, so that no part of it is taken for one.
            0 => (None, frame[at..].chars().next().map_or(1, char::len_utf8)),
            other => (None, other),
        };
        match text {
            Some(text) => {
                out.push_str(&text);
                at += length;
            }
            None => {
                let length = if digits > 0 { digits } else { length };
                out.push_str(&frame[at..at + length]);
                at += length;
            }
        }
    }
    out
}

fn milliseconds(text: &str, hours: i64) -> Option<String> {
    Some((text.parse::<i64>().ok()? + hours * 3_600_000).to_string())
}

fn date_time(text: &str, hours: i64) -> Option<String> {
    let time: Timestamp = text.parse().ok()?;
    Some(time.checked_add(SignedDuration::from_hours(hours)).ok()?.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_moved_and_other_numbers_are_not() {
        let frame = r#"{"T":1723161255343,"t":3735683259,"p":"61837.63","time":"2022-12-25T23:30:59.123456Z","y":"2022"}"#;
        let later = r#"{"T":1723164855343,"t":3735683259,"p":"61837.63","time":"2022-12-26T00:30:59.123456Z","y":"2022"}"#;
        assert_eq!(shifted(frame, 1), later);
        assert_eq!(shifted(later, -1), frame);
    }
}
