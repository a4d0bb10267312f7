//! What a row says, or why it cannot be used. Judges each row by itself: what needs the rows before it (out of
//! order, duplicate, absurdly far) is the engine's.

use silverbullet_market::{AssetId, Event, EventKind, Input, Nanos, Tick};

use super::columns::Columns;
use super::rows::{Flaw, Row};
use super::timestamp::{self, TimeUnit};

/// The reasons a row is quarantined for: the names under which they are counted.
pub mod reason {
    /// More or fewer fields than the header.
    pub const COLUMN_COUNT: &str = "wrong column count";
    /// A quote that is not closed.
    pub const OPEN_QUOTE: &str = "unclosed quote";
    /// A line too long to be a price.
    pub const TOO_LONG: &str = "row too long";
    /// A used field that is not UTF-8.
    pub const INVALID_UTF8: &str = "invalid UTF-8";
    /// Nothing where the time should be.
    pub const EMPTY_TIMESTAMP: &str = "empty timestamp";
    /// A time in no known form, or out of range.
    pub const UNPARSABLE_TIMESTAMP: &str = "unparsable timestamp";
    /// Nothing where the name should be.
    pub const EMPTY_ASSET: &str = "empty asset";
    /// A name that is not in the source's directory.
    pub const UNKNOWN_ASSET: &str = "unknown asset";
    /// Nothing where the price should be.
    pub const EMPTY_PRICE: &str = "empty price";
    /// A price that is not a number.
    pub const UNPARSABLE_PRICE: &str = "unparsable price";
    /// NaN, or infinite.
    pub const PRICE_NOT_FINITE: &str = "price not finite";
    /// Zero or less.
    pub const PRICE_NOT_POSITIVE: &str = "price not positive";
    /// A bid that is there and not a positive number.
    pub const INVALID_BID: &str = "invalid bid";
    /// An ask that is there and not a positive number.
    pub const INVALID_ASK: &str = "invalid ask";
    /// A size that is there and not a number from zero.
    pub const INVALID_SIZE: &str = "invalid size";
    /// A sequence that is there and not a whole number from zero.
    pub const INVALID_SEQUENCE: &str = "invalid sequence";
}

/// A row that can be used.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Quote<'a> {
    pub(crate) event_time: Nanos,
    pub(crate) asset: &'a [u8],
    pub(crate) price: f64,
    pub(crate) bid: Option<f64>,
    pub(crate) ask: Option<f64>,
    pub(crate) size: Option<f64>,
    pub(crate) sequence: Option<u64>,
}

impl Quote<'_> {
    /// The tick that it is: of `asset`, received at `receipt_time`, from this place in the input.
    #[inline]
    pub(crate) fn tick(&self, asset: AssetId, receipt_time: Nanos, partition: u32, offset: u64) -> Tick {
        Tick {
            asset,
            price: self.price,
            bid: self.bid,
            ask: self.ask,
            size: self.size,
            event_time: self.event_time,
            receipt_time,
            venue: 0,
            sequence: self.sequence,
            partition,
            offset,
        }
    }
}

/// Why a row, or a price in a frame of an exchange, cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The name under which it is counted.
    pub reason: &'static str,
    /// What was found instead.
    pub detail: String,
}

impl Fault {
    /// `what` was found to be `found`.
    #[cold]
    pub(crate) fn new(reason: &'static str, what: &str, found: &[u8]) -> Self {
        Self { reason, detail: format!("{what} `{}`", shown(found)) }
    }
}

impl Fault {
    /// `what` is not there.
    #[cold]
    pub(crate) fn missing(reason: &'static str, what: &str) -> Self {
        Self { reason, detail: format!("no {what}") }
    }

    /// The event that keeps what was found at this place in the input.
    #[cold]
    pub(crate) fn quarantined(self, partition: u32, offset: u64) -> Input {
        let Self { reason, detail } = self;
        Input::Event(Box::new(Event { kind: EventKind::Quarantined, reason, detail, partition, offset }))
    }
}

/// Bytes as a short printable text.
fn shown(bytes: &[u8]) -> String {
    const MOST: usize = 80;
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(4 * MOST)]);
    let mut shown: String = text.chars().take(MOST).flat_map(char::escape_debug).collect();
    if text.chars().nth(MOST).is_some() {
        shown.push('…');
    }
    shown
}

/// Reads rows; remembers the last timestamp, since many rows share one.
pub(crate) struct Judge {
    columns: Columns,
    unit: TimeUnit,
    has_options: bool,
    last_text: Vec<u8>,
    last_time: Nanos,
}

impl Judge {
    pub(crate) fn new(columns: Columns, unit: TimeUnit) -> Self {
        let has_options = columns.used().count() > 3;
        Self { columns, unit, has_options, last_text: Vec::new(), last_time: 0 }
    }

    /// What `row` says.
    #[inline]
    pub(crate) fn judge<'a>(&mut self, row: &Row<'a>) -> Result<Quote<'a>, Fault> {
        self.check_shape(row)?;
        let event_time = self.time(row.field(self.columns.timestamp))?;
        let asset = row.field(self.columns.asset);
        if asset.is_empty() {
            return Err(Fault { reason: reason::EMPTY_ASSET, detail: "no asset name".to_owned() });
        }
        let price = price(row.field(self.columns.price))?;
        let mut quote = Quote { event_time, asset, price, bid: None, ask: None, size: None, sequence: None };
        if self.has_options {
            self.read_options(row, &mut quote)?;
        }
        Ok(quote)
    }

    #[inline]
    fn check_shape(&self, row: &Row<'_>) -> Result<(), Fault> {
        if let Some(flaw) = row.flaw {
            let reason = match flaw {
                Flaw::OpenQuote => reason::OPEN_QUOTE,
                Flaw::TooLong => reason::TOO_LONG,
            };
            return Err(Fault::new(reason, "row", row.text()));
        }
        if row.len() != self.columns.width {
            return Err(self.wrong_count(row));
        }
        if row.text().is_ascii() {
            return Ok(());
        }
        match self.columns.used().find(|&column| std::str::from_utf8(row.field(column)).is_err()) {
            Some(column) => Err(Fault::new(reason::INVALID_UTF8, "field", row.field(column))),
            None => Ok(()),
        }
    }

    #[cold]
    fn wrong_count(&self, row: &Row<'_>) -> Fault {
        let what = format!("{} fields instead of {}, row", row.len(), self.columns.width);
        Fault::new(reason::COLUMN_COUNT, &what, row.text())
    }

    #[inline]
    fn time(&mut self, text: &[u8]) -> Result<Nanos, Fault> {
        if text.is_empty() {
            return Err(Fault { reason: reason::EMPTY_TIMESTAMP, detail: "no timestamp".to_owned() });
        }
        if text != self.last_text {
            self.last_time = timestamp::parse(text, self.unit)
                .ok_or_else(|| Fault::new(reason::UNPARSABLE_TIMESTAMP, "timestamp", text))?;
            self.last_text.clear();
            self.last_text.extend_from_slice(text);
        }
        Ok(self.last_time)
    }

    fn read_options(&self, row: &Row<'_>, quote: &mut Quote<'_>) -> Result<(), Fault> {
        let text = |column: Option<usize>| row.field(column.unwrap_or(usize::MAX));
        let (bid, ask, size) = (text(self.columns.bid), text(self.columns.ask), text(self.columns.size));
        quote.bid = optional(bid, reason::INVALID_BID, "bid", |value| value > 0.0)?;
        quote.ask = optional(ask, reason::INVALID_ASK, "ask", |value| value > 0.0)?;
        quote.size = optional(size, reason::INVALID_SIZE, "size", |value| value >= 0.0)?;
        quote.sequence = sequence(text(self.columns.sequence))?;
        Ok(())
    }
}

#[inline]
pub(crate) fn price(text: &[u8]) -> Result<f64, Fault> {
    if text.is_empty() {
        return Err(Fault { reason: reason::EMPTY_PRICE, detail: "no price".to_owned() });
    }
    let price: f64 =
        fast_float2::parse(text).map_err(|_| Fault::new(reason::UNPARSABLE_PRICE, "price", text))?;
    if !price.is_finite() {
        return Err(Fault::new(reason::PRICE_NOT_FINITE, "price", text));
    }
    if price <= 0.0 {
        return Err(Fault::new(reason::PRICE_NOT_POSITIVE, "price", text));
    }
    Ok(price)
}

pub(crate) fn optional(
    text: &[u8],
    reason: &'static str,
    what: &str,
    is_fine: impl Fn(f64) -> bool,
) -> Result<Option<f64>, Fault> {
    if text.is_empty() {
        return Ok(None);
    }
    match fast_float2::parse::<f64, _>(text) {
        Ok(value) if value.is_finite() && is_fine(value) => Ok(Some(value)),
        _ => Err(Fault::new(reason, what, text)),
    }
}

/// A whole number; also one written as `12.0`, as tables with missing values write them.
pub(crate) fn sequence(text: &[u8]) -> Result<Option<u64>, Fault> {
    if text.is_empty() {
        return Ok(None);
    }
    let digits = text.strip_suffix(b".0").unwrap_or(text);
    let number = if digits.iter().all(u8::is_ascii_digit) {
        std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok())
    } else {
        None
    };
    number.map(Some).ok_or_else(|| Fault::new(reason::INVALID_SEQUENCE, "sequence", text))
}
