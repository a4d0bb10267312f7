//! From frames to inputs: which asset a price is of, whether its number is the one expected, and what time it bears.
//!
//! No connection and no clock is needed for it: the same frames with the same receipts give the same inputs, so that what
//! was recorded can be read again.

use std::cell::RefCell;
use std::rc::Rc;

use silverbullet_market::{AssetId, Event, EventKind, Input, Nanos, SECOND, Tick, format_time};

use super::best::Best;
use super::continuity::{Break, Series};
use super::skew::{Jump, Skew};
use super::symbols::Symbols;
use super::venue::{Fault, Number, Print, Said, Stream, Venue};
use super::venue_time::VenueTime;

/// Symbols nobody asked for are told by name, up to so many.
const MOST_UNKNOWN: usize = 16;

/// For so long another connection may repeat what one before it has said: servers of a venue are not at the same place.
const REPEATING: Nanos = 5 * SECOND;

/// When a frame was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// On the monotonic clock.
    pub monotonic: Nanos,
    /// Nanoseconds UTC.
    pub utc: Nanos,
}

/// A price of one of the assets.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Price {
    asset: AssetId,
    stream: Stream,
    price: f64,
    bid: Option<f64>,
    ask: Option<f64>,
    size: Option<f64>,
    time: Option<Nanos>,
    number: Number,
    receipt: Receipt,
}

/// What is known of one asset's trades, or quotes.
#[derive(Debug, Clone, Copy, Default)]
struct Known {
    series: Series,
    /// The newest time handed on.
    newest: Nanos,
}

/// Reads the frames of one venue.
pub(crate) struct Intake {
    venue: &'static str,
    symbols: Symbols,
    /// Of each asset its trades, and its quotes.
    known: Vec<[Known; 2]>,
    skew: Skew,
    time: VenueTime,
    /// Number of the venue, where there are several: prices and events of each are a partition of their own.
    number: u16,
    /// Makes one price of those of all venues.
    best: Option<Rc<RefCell<Best>>>,
    /// When the last price handed on was received.
    heard: Nanos,
    /// Until then (monotonic) what has come before is passed over without a word.
    repeating: Nanos,
    /// Place of the next input. It goes on from the time of the start, so that no other run has the same.
    offset: u64,
    /// Names nobody asked for, and how many prices came under any.
    unknown: (Vec<String>, u64),
    prices: Vec<Price>,
    faults: Vec<Fault>,
}

impl Intake {
    /// For these symbols of `venue`; `start` is the time of the first input, which offsets go on from.
    pub(crate) fn new(venue: &'static str, symbols: Symbols, start: Nanos) -> Self {
        let known = vec![[Known::default(); 2]; symbols.names().len()];
        Self {
            venue,
            symbols,
            known,
            skew: Skew::default(),
            time: VenueTime::default(),
            number: 0,
            best: None,
            heard: Nanos::MIN,
            repeating: Nanos::MIN,
            offset: start.max(0).unsigned_abs(),
            unknown: (Vec::new(), 0),
            prices: Vec::with_capacity(64),
            faults: Vec::new(),
        }
    }

    /// The same as the venue with this number among several, whose prices `best` makes one of.
    pub(crate) fn among(self, number: u16, best: Option<Rc<RefCell<Best>>>) -> Self {
        Self { number, best, ..self }
    }

    /// When the last price that was handed on was received, on the monotonic clock; [`Nanos::MIN`] before the first.
    pub(crate) fn heard(&self) -> Nanos {
        self.heard
    }

    /// The venue's name.
    pub(crate) fn venue(&self) -> &'static str {
        self.venue
    }

    /// Takes note of the time that the venue's answer to a connection bears.
    pub(crate) fn answered(&mut self, receipt: Receipt, exchange: Nanos) {
        self.time.answered(receipt.utc, exchange);
    }

    /// Reads a frame. What cannot be used goes to `out` at once, the prices are [kept](Self::prices) until they are
    /// admitted. `None` of a frame that is not understood.
    pub(crate) fn read(
        &mut self,
        venue: &mut dyn Venue,
        receipt: Receipt,
        frame: &str,
        out: &mut dyn FnMut(Input),
    ) -> Option<Said> {
        let Self { symbols, prices, faults, unknown, .. } = self;
        prices.clear();
        let said = venue.read(frame, &mut |print| match print {
            Ok(print) => match symbols.asset(print.symbol) {
                Some(asset) => prices.push(Price::of(asset, &print, receipt)),
                None => faults.extend(not_asked_for(print.symbol, unknown)),
            },
            Err(fault) => faults.push(fault),
        });
        let said = match said {
            Ok(said) => Some(said),
            Err(fault) => {
                self.faults.push(fault);
                None
            }
        };
        if !self.faults.is_empty() {
            self.tell_faults(out);
        }
        if let Some(found) = venue.frame_break() {
            self.tell_break(found, "frames", out);
        }
        said
    }

    /// A frame that is no text, which no venue sends.
    pub(crate) fn binary(&mut self, length: usize, out: &mut dyn FnMut(Input)) {
        out(self.event(EventKind::Quarantined, "frame not understood", format!("{length} bytes, no text")));
    }

    /// The prices of the frame read last.
    pub(crate) fn prices(&self) -> &[Price] {
        &self.prices
    }

    /// Hands on the prices of the frame read last.
    pub(crate) fn admit_all(&mut self, out: &mut dyn FnMut(Input)) {
        let mut prices = std::mem::take(&mut self.prices);
        for price in prices.drain(..) {
            self.admit(&price, out);
        }
        self.prices = prices;
    }

    /// Another connection takes over: what it says of what one before it has said is passed over for a while.
    pub(crate) fn take_over(&mut self, now: Nanos) {
        self.repeating = now + REPEATING;
    }

    /// Hands on what another connection has said while this one's prices were taken: none of these a second time.
    pub(crate) fn admit_held(&mut self, held: &[Price], out: &mut dyn FnMut(Input)) {
        for price in held {
            if !self.has_come(price) {
                self.admit(price, out);
            }
        }
    }

    /// Whether this, or a later one of the same asset and kind, has come; those without a number are told apart by their
    /// time.
    fn has_come(&self, price: &Price) -> bool {
        let Known { series, newest } =
            &self.known[price.asset.index()][usize::from(price.stream == Stream::Quote)];
        match price.number.value() {
            Some(number) => series.has_passed(number),
            None => self.stamp(price) <= *newest,
        }
    }

    /// An event of the connection, with the place of the next input.
    pub(crate) fn note(&self, kind: EventKind, reason: &'static str, detail: &str) -> Input {
        let detail = format!("{}: {detail}", self.venue);
        Input::Note(Box::new(Event {
            kind,
            reason,
            detail,
            partition: self.number.into(),
            offset: self.offset,
        }))
    }

    /// Prices between these times (UTC) are missing.
    pub(crate) fn gap(&self, from: Nanos, to: Nanos, why: &str) -> Input {
        let seconds = (to - from) as f64 / SECOND as f64;
        let (from, to) = (format_time(from), format_time(to));
        let detail = format!(
            "no price from {from} to {to} ({seconds:.3} s): {why}; a return across it is of that time"
        );
        self.note(EventKind::Gap, "prices missing", &detail)
    }

    fn stamp(&self, price: &Price) -> Nanos {
        price.time.unwrap_or_else(|| self.time.stamp(price.receipt.utc))
    }

    fn admit(&mut self, price: &Price, out: &mut dyn FnMut(Input)) {
        if price.receipt.monotonic < self.repeating && self.has_come(price) {
            return;
        }
        let place = usize::from(price.stream == Stream::Quote);
        if let Some(found) = self.known[price.asset.index()][place].series.look(price.number)
            && !self.takes(price, found, out)
        {
            return;
        }
        if let Some(time) = price.time {
            self.time.look(price.receipt.utc, time);
            if let Some(jump) = self.skew.look(price.receipt.utc, time) {
                self.tell_jump(jump, out);
            }
        }
        let event_time = self.stamp(price);
        let newest = &mut self.known[price.asset.index()][place].newest;
        *newest = event_time.max(*newest);
        let mut tick = Tick {
            asset: price.asset,
            price: price.price,
            bid: price.bid,
            ask: price.ask,
            size: price.size,
            event_time,
            receipt_time: price.receipt.monotonic,
            venue: self.number,
            sequence: price.number.value(),
            partition: self.number.into(),
            offset: self.offset,
        };
        self.heard = self.heard.max(price.receipt.monotonic);
        if let Some(best) = &self.best
            && !best.borrow_mut().price(&mut tick)
        {
            return;
        }
        out(Input::Tick(tick));
        self.offset += 1;
    }

    /// Tells what is wrong with a price's number; whether the price is taken all the same.
    #[cold]
    fn takes(&mut self, price: &Price, found: Break, out: &mut dyn FnMut(Input)) -> bool {
        let stream = if price.stream == Stream::Quote { "quotes" } else { "trades" };
        let what = format!("{stream} of {}", self.symbols.names()[price.asset.index()]);
        self.tell_break(found, &what, out);
        !matches!(found, Break::Repeated { .. } | Break::Backwards { .. })
    }

    #[cold]
    fn tell_break(&mut self, found: Break, what: &str, out: &mut dyn FnMut(Input)) {
        let (kind, reason, detail) = match found {
            Break::Repeated { number } => {
                (EventKind::Ignored, "number repeated", format!("{what}: {number} came twice"))
            }
            Break::Backwards { from, to } => {
                (EventKind::Ignored, "number went back", format!("{what}: {to} came after {from}"))
            }
            Break::Anew { from, to } => {
                (EventKind::Gap, "numbers begin anew", format!("{what}: {to} after {from}, and rising"))
            }
            Break::Missing { from, to } => {
                let count = to - from - 1;
                (EventKind::Gap, "numbers missing", format!("{what}: {count} between {from} and {to}"))
            }
        };
        out(self.event(kind, reason, detail));
    }

    #[cold]
    fn tell_jump(&mut self, jump: Jump, out: &mut dyn FnMut(Input)) {
        let [from, to] = [jump.from, jump.to].map(|delay| delay as f64 / SECOND as f64);
        let detail = format!("its prices came {from:.3} s after their time before, and {to:.3} s now");
        out(self.note(EventKind::Clock, "clock of the exchange jumped", &detail));
    }

    #[cold]
    fn tell_faults(&mut self, out: &mut dyn FnMut(Input)) {
        for fault in std::mem::take(&mut self.faults) {
            let kind = if fault.reason == UNKNOWN { EventKind::Ignored } else { EventKind::Quarantined };
            out(self.event(kind, fault.reason, fault.detail));
        }
    }

    /// An event that takes a place among the inputs.
    fn event(&mut self, kind: EventKind, reason: &'static str, detail: String) -> Input {
        let (detail, offset) = (format!("{}: {detail}", self.venue), self.offset);
        self.offset += 1;
        Input::Event(Box::new(Event { kind, reason, detail, partition: self.number.into(), offset }))
    }

    /// Prices that came under names nobody asked for.
    pub(crate) fn unknown(&self) -> u64 {
        self.unknown.1
    }
}

const UNKNOWN: &str = "unknown symbol";

/// A fault the first time that a symbol nobody asked for comes; after that it is counted.
#[cold]
fn not_asked_for(symbol: &str, (names, count): &mut (Vec<String>, u64)) -> Option<Fault> {
    *count += 1;
    if names.len() >= MOST_UNKNOWN || names.iter().any(|name| name == symbol) {
        return None;
    }
    names.push(symbol.to_owned());
    Some(Fault::new(UNKNOWN, "symbol", symbol.as_bytes()))
}

impl Price {
    fn of(asset: AssetId, print: &Print<'_>, receipt: Receipt) -> Self {
        let &Print { stream, price, bid, ask, size, time, number, .. } = print;
        Self { asset, stream, price, bid, ask, size, time, number, receipt }
    }
}

#[cfg(test)]
mod tests;
