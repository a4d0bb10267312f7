//! The two frames that come by the thousand, read as they are always written: fields in their order, nothing between them.
//!
//! That takes a fraction of the time that any JSON does. Whatever is written otherwise is none of these, and is read as
//! JSON; a test holds both to the same.

use super::Event;
use crate::exchange::text::Text;

/// A trade or the best bid and offer of a combined stream; `None` of anything else.
#[inline]
pub(super) fn event(frame: &str) -> Option<Event<'_>> {
    let mut rest = Rest(frame.as_bytes(), frame);
    rest.tag("{\"stream\":\"")?;
    rest.text()?;
    rest.tag(",\"data\":{\"")?;
    match rest.0.first()? {
        b'u' => quote(rest),
        b'e' => trade(rest),
        _ => None,
    }
}

fn quote(mut rest: Rest<'_>) -> Option<Event<'_>> {
    rest.tag("u\":")?;
    let update = Some(rest.number()?);
    rest.tag(",\"s\":\"")?;
    let symbol = Some(rest.text()?);
    rest.tag(",\"b\":\"")?;
    let bid = Text(Some(rest.text()?));
    rest.tag(",\"B\":\"")?;
    rest.text()?;
    rest.tag(",\"a\":\"")?;
    let ask = Text(Some(rest.text()?));
    rest.tag(",\"A\":\"")?;
    rest.text()?;
    rest.end("}}")?;
    Some(Event { symbol, update, bid, ask, ..Event::default() })
}

fn trade(mut rest: Rest<'_>) -> Option<Event<'_>> {
    rest.tag("e\":\"trade\",\"E\":")?;
    let event_time = Some(rest.number()?);
    rest.tag(",\"s\":\"")?;
    let symbol = Some(rest.text()?);
    rest.tag(",\"t\":")?;
    let trade = Some(rest.number()?);
    rest.tag(",\"p\":\"")?;
    let price = Text(Some(rest.text()?));
    rest.tag(",\"q\":\"")?;
    let quantity = Text(Some(rest.text()?));
    rest.tag(",\"T\":")?;
    let trade_time = Some(rest.number()?);
    rest.tag(",\"m\":")?;
    rest.truth()?;
    rest.tag(",\"M\":")?;
    rest.truth()?;
    rest.end("}}")?;
    let kind = Some("trade");
    Some(Event { kind, symbol, event_time, trade_time, trade, price, quantity, ..Event::default() })
}

/// What is left of a frame: its bytes, and the same as a text.
struct Rest<'a>(&'a [u8], &'a str);

impl<'a> Rest<'a> {
    #[inline]
    fn skip(&mut self, count: usize) -> Option<()> {
        (self.0, self.1) = (self.0.get(count..)?, self.1.get(count..)?);
        Some(())
    }

    #[inline]
    fn tag(&mut self, tag: &str) -> Option<()> {
        self.0.starts_with(tag.as_bytes()).then(|| self.skip(tag.len()))?
    }

    fn end(&self, tag: &str) -> Option<()> {
        (self.1 == tag).then_some(())
    }

    /// A text up to its closing quote, of characters that stand for themselves.
    #[inline]
    fn text(&mut self) -> Option<&'a str> {
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'@' | b'_' | b'-');
        let length = self.0.iter().take_while(|byte| plain(byte)).count();
        let text = self.1.get(..length)?;
        (self.0.get(length) == Some(&b'"')).then_some(())?;
        self.skip(length + 1)?;
        Some(text)
    }

    /// A whole number, as JSON has them: without a sign, a zero in front, a fraction.
    #[inline]
    fn number(&mut self) -> Option<u64> {
        /// One more might not fit.
        const MOST: usize = 19;
        let digits = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let zeros = self.0.first() == Some(&b'0') && digits > 1;
        if digits == 0 || digits > MOST || zeros {
            return None;
        }
        let number = self.0[..digits].iter().fold(0, |number, &digit| number * 10 + u64::from(digit - b'0'));
        self.skip(digits)?;
        Some(number)
    }

    fn truth(&mut self) -> Option<()> {
        if self.tag("true").is_some() { Some(()) } else { self.tag("false") }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Combined;
    use super::*;

    const QUOTE: &str = r#"{"stream":"btcusdt@bookTicker","data":{"u":50093239212,"s":"BTCUSDT","b":"61837.63000000","B":"3.78826000","a":"61837.64000000","A":"1.54698000"}}"#;
    const TRADE: &str = r#"{"stream":"btcusdt@trade","data":{"e":"trade","E":1723161255343,"s":"BTCUSDT","t":3735683259,"p":"61837.63000000","q":"0.02000000","T":1723161255342,"m":true,"M":false}}"#;

    /// As JSON.
    fn slowly(frame: &str) -> Option<Event<'_>> {
        serde_json::from_str::<Combined<'_>>(frame).ok()?.data
    }

    #[test]
    fn what_always_comes_is_read_as_json_reads_it() {
        for frame in [QUOTE, TRADE] {
            assert!(event(frame).is_some() && event(frame) == slowly(frame), "{frame}");
            for end in 0..frame.len() {
                assert_eq!(event(&frame[..end]), None, "{end}");
            }
        }
    }

    #[test]
    fn what_is_written_otherwise_is_left_to_json() {
        for (from, to) in [
            (":50093239212", ": 50093239212"),
            (":50093239212", ":050093239212"),
            (":50093239212", ":-1"),
            (":50093239212", ":99999999999999999999"),
            (":50093239212", ":"),
            ("BTCUSDT\"", "BTC\\u0055SDT\""),
            ("BTCUSDT\"", "BTCÜSDT\""),
            ("BTCUSDT\"", "BTCUSDT"),
            ("\"1.54698000\"", "1.54698000"),
            ("}}", "},\"x\":1}"),
            ("}}", "}} "),
            ("}}", "}}}"),
        ] {
            let frame = QUOTE.replace(from, to);
            assert!(frame != QUOTE && event(&frame).is_none(), "{frame}");
        }
        assert_eq!(event(&TRADE.replace("\"m\":true", "\"m\":null")), None);
    }

    proptest! {
        /// A character of a frame is another one, or is left out: it is no such frame, or JSON reads the same.
        #[test]
        fn it_never_reads_what_json_does_not(
            trade in any::<bool>(), at in 0..200_usize, to in "[ -~]?[0-9\"]?",
        ) {
            let frame = if trade { TRADE } else { QUOTE };
            let at = at % frame.len();
            let changed = format!("{}{to}{}", &frame[..at], &frame[at + 1..]);
            if let Some(event) = event(&changed) {
                prop_assert_eq!(Some(event), slowly(&changed), "{}", changed);
            }
        }
    }
}
