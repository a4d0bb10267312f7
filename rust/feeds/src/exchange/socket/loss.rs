//! What each way to lose a connection is called, and what can be done about it.

use silverbullet_market::{Nanos, SECOND};
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::handshake::client::Response;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use crate::exchange::supervise::Loss;

/// Why a socket has failed.
pub(crate) fn of_error(error: Error) -> Loss {
    match error {
        Error::Http(response) => of_answer(&response),
        Error::Capacity(CapacityError::MessageTooLong { size, max_size }) => {
            Loss::new("frame too large", format!("{size} bytes, where {max_size} are the most"))
        }
        Error::Protocol(ProtocolError::NonZeroReservedBits) => Loss::new(
            "compressed frame",
            "the other side compresses (permessage-deflate), which was not asked for",
        ),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)
        | Error::ConnectionClosed
        | Error::AlreadyClosed => Loss::new("connection ended", "the other side ended it without a word"),
        Error::Io(error) => Loss::new("connection lost", error.to_string()),
        Error::Utf8(_) => Loss::new("text not UTF-8", "a frame of text is none"),
        error => Loss::new("protocol broken", error.to_string()),
    }
}

/// The other side has said goodbye.
pub(crate) fn of_close(frame: Option<&CloseFrame>) -> Loss {
    let detail = frame.map_or_else(
        || "without a code".to_owned(),
        |frame| {
            let words: String = frame.reason.chars().take(100).flat_map(char::escape_debug).collect();
            format!("code {}{}{words}", u16::from(frame.code), if words.is_empty() { "" } else { ", " })
        },
    );
    Loss::new("closed by the venue", detail)
}

/// It answers, but not as a WebSocket.
fn of_answer(response: &Response) -> Loss {
    let status = response.status().as_u16();
    let (reason, remedy) = match status {
        418 | 429 => ("too many requests", "other programs on this address may connect to it, too"),
        500..=599 => ("venue not available", "it may be under maintenance"),
        451 | 403 => ("not allowed", "it may not serve this country; name another address or venue"),
        _ => ("not a WebSocket", "check the address"),
    };
    let retry_after = retry_after(response);
    Loss { reason, detail: format!("HTTP {status}; {remedy}"), retry_after }
}

/// How long to wait: so many seconds, or until a time, which is by the other side's clock.
fn retry_after(response: &Response) -> Option<Nanos> {
    let text = |name| response.headers().get(name)?.to_str().ok();
    let wish = text("Retry-After")?.trim();
    if let Ok(seconds) = wish.parse::<u32>() {
        return Some(Nanos::from(seconds) * SECOND);
    }
    let now = text("Date").and_then(http_date)?;
    http_date(wish).map(|until| (until - now).max(0))
}

/// A time as HTTP writes it, nanoseconds UTC.
pub(crate) fn http_date(text: &str) -> Option<Nanos> {
    let time = jiff::fmt::rfc2822::parse(text.trim()).ok()?.timestamp();
    i64::try_from(time.as_nanosecond()).ok()
}

#[cfg(test)]
mod tests {
    use tokio_tungstenite::tungstenite::http::Response as Builder;

    use super::*;

    fn answer(status: u16, headers: &[(&str, &str)]) -> Loss {
        let builder = Builder::builder().status(status);
        let builder = headers.iter().fold(builder, |builder, (name, value)| builder.header(*name, *value));
        of_error(Error::Http(Box::new(builder.body(None).unwrap())))
    }

    #[test]
    fn an_answer_that_is_no_websocket_has_a_name_by_its_status() {
        let reasons = [418, 429, 500, 503, 403, 451, 404, 200, 301].map(|status| answer(status, &[]).reason);
        let [many, down, not] = ["too many requests", "venue not available", "not allowed"];
        let none = "not a WebSocket";
        assert_eq!(reasons, [many, many, down, down, not, not, none, none, none]);
        assert_eq!(answer(429, &[]).retry_after, None);
    }

    #[test]
    fn a_wish_to_be_left_alone_is_understood_in_both_forms() {
        let now = ("Date", "Sun, 06 Nov 1994 08:49:37 GMT");
        let wait = |wish, headers: &[(&str, &str)]| {
            answer(429, &[headers, &[("Retry-After", wish)]].concat()).retry_after.map(|wait| wait / SECOND)
        };
        assert_eq!(wait("120", &[]), Some(120));
        assert_eq!(wait("Sun, 06 Nov 1994 08:50:00 GMT", &[now]), Some(23));
        assert_eq!(wait("Sun, 06 Nov 1994 08:00:00 GMT", &[now]), Some(0));
        assert_eq!(wait("Sun, 06 Nov 1994 08:50:00 GMT", &[]), None);
        assert_eq!([wait("-5", &[now]), wait("soon", &[now]), wait("", &[now])], [None; 3]);
        assert_eq!(http_date(now.1), Some(784_111_777 * SECOND));
    }

    #[test]
    fn a_goodbye_is_told_in_the_words_of_the_venue() {
        let frame =
            |code: u16, reason: &str| CloseFrame { code: code.into(), reason: reason.to_owned().into() };
        assert_eq!(of_close(Some(&frame(1001, "bye\n"))).detail, "code 1001, bye\\n");
        assert_eq!(of_close(Some(&frame(1000, ""))).detail, "code 1000");
        assert_eq!(of_close(None).detail, "without a code");
    }
}
