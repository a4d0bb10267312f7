//! The contract of a venue.

use std::time::Duration;

use silverbullet_market::Nanos;

use super::continuity::Break;
use super::instruments::Instrument;
use super::text;
pub use crate::csv::judge::Fault;
use crate::csv::reason;

/// What a venue sends of a symbol when it is asked, and was not said just now.
pub(crate) const BEFORE: &str = "before the subscription";

/// What a price comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stream {
    /// A trade.
    Trade,
    /// A change of the best bid or offer.
    Quote,
}

/// How a venue numbers its messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Number {
    /// It does not.
    None,
    /// Each is one more than the one before of the same symbol and stream.
    Next(u64),
    /// Each is more than the one before of the same symbol and stream.
    Rising(u64),
}

impl Number {
    /// The number itself.
    #[must_use]
    pub const fn value(self) -> Option<u64> {
        match self {
            Self::None => None,
            Self::Next(number) | Self::Rising(number) => Some(number),
        }
    }
}

/// One price as a frame says it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Print<'a> {
    /// The venue's own name of what is traded.
    pub symbol: &'a str,
    /// What it comes from.
    pub stream: Stream,
    /// Of a trade its price, of a quote the middle between bid and ask.
    pub price: f64,
    /// Best bid, where it is told.
    pub bid: Option<f64>,
    /// Best ask, where it is told.
    pub ask: Option<f64>,
    /// Amount traded.
    pub size: Option<f64>,
    /// The exchange's time, nanoseconds UTC; `None` where it gives none, and the receipt's is all there is.
    pub time: Option<Nanos>,
    /// Its number.
    pub number: Number,
}

impl<'a> Print<'a> {
    /// A trade whose price and amount have been judged.
    pub(crate) const fn traded(
        symbol: &'a str,
        price: f64,
        size: Option<f64>,
        time: Option<Nanos>,
        number: Number,
    ) -> Self {
        Self { symbol, stream: Stream::Trade, price, bid: None, ask: None, size, time, number }
    }

    /// A quote whose sides have been judged.
    pub(crate) const fn quoted(
        symbol: &'a str,
        bid: f64,
        ask: f64,
        time: Option<Nanos>,
        number: Number,
    ) -> Self {
        let price = bid.midpoint(ask);
        let (bid, ask) = (Some(bid), Some(ask));
        Self { symbol, stream: Stream::Quote, price, bid, ask, size: None, time, number }
    }

    /// A trade, from the texts of its price and amount.
    ///
    /// # Errors
    /// A price or an amount that is none.
    pub(crate) fn trade(
        symbol: &'a str,
        price: &str,
        size: &str,
        time: Option<Nanos>,
        number: Number,
    ) -> Result<Self, Fault> {
        let (price, size) = (text::price(price)?, text::size(size)?);
        Ok(Self::traded(symbol, price, size, time, number))
    }

    /// A quote, from the texts of bid and ask.
    ///
    /// # Errors
    /// A side that is no positive number, as that of an empty book.
    pub(crate) fn quote(
        symbol: &'a str,
        bid: &str,
        ask: &str,
        time: Option<Nanos>,
        number: Number,
    ) -> Result<Self, Fault> {
        let bid = text::positive(bid, reason::INVALID_BID, "bid")?;
        let ask = text::positive(ask, reason::INVALID_ASK, "ask")?;
        Ok(Self::quoted(symbol, bid, ask, time, number))
    }
}

/// What a frame was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// Prices, or what changes those to come.
    Prices,
    /// Something else that was understood, by a name to count it under.
    Other(&'static str),
    /// The venue is about to close the connection: another one is wanted at once.
    Closing,
    /// The venue refuses what was asked for; the frame says why.
    Refused,
}

/// What keeps a connection alive from this side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeepAlive {
    /// How often it is sent.
    pub every: Duration,
    /// The text that is sent.
    pub text: &'static str,
}

/// A venue: where it is, what to send to it, and what its frames mean.
pub trait Venue: Send {
    /// Its name in settings, `ticks` and `events`.
    fn name(&self) -> &'static str;

    /// Where to connect, unless the settings say otherwise.
    fn url(&self) -> &'static str;

    /// Its own name of a market: an asset against the currency that its prices are in.
    fn symbol(&self, asset: &str, quote: &str) -> String;

    /// The currency in which most of its markets are, where no other is asked for.
    fn quote(&self) -> &'static str;

    /// Where its public list of spot instruments is.
    fn instruments(&self) -> &'static str;

    /// The spot markets in that list that can be traded, by the names that [`subscribe`](Self::subscribe) takes.
    ///
    /// # Errors
    /// A list that is not what this venue sends.
    fn read_instruments(&self, list: &str) -> Result<Vec<Instrument>, Fault>;

    /// The frames that ask for the prices of `symbols`, each no more than the venue takes at once.
    fn subscribe(&self, symbols: &[String]) -> Vec<String>;

    /// What has to be sent again and again, where something has to.
    fn keep_alive(&self) -> Option<KeepAlive> {
        None
    }

    /// A connection on which nothing comes for this long is given up.
    fn silence(&self) -> Duration {
        Duration::from_secs(30)
    }

    /// How long a connection may last before another takes its place.
    fn lifetime(&self) -> Option<Duration> {
        None
    }

    /// Symbols that one connection takes.
    fn most_symbols(&self) -> usize {
        1_000
    }

    /// The least time between two frames that are sent to it.
    fn pace(&self) -> Duration {
        Duration::from_millis(100)
    }

    /// So many connections may be opened in such a time.
    fn connects(&self) -> (usize, Duration) {
        (30, Duration::from_secs(60))
    }

    /// Reads a text frame; `out` takes each price in it, and each that cannot be used.
    ///
    /// # Errors
    /// A frame that is not what this venue sends. It changes nothing.
    fn read(&mut self, frame: &str, out: &mut dyn FnMut(Result<Print<'_>, Fault>)) -> Result<Said, Fault>;

    /// What was wrong with the number of a frame since it was asked last, where frames are numbered over all symbols.
    ///
    /// Apart from the prices, for what is missing may have been of any symbol, or of none, while the prices of the frame
    /// at hand are as good as ever: no [`Number`] of a price and no [`Fault`] could say so.
    fn frame_break(&mut self) -> Option<Break> {
        None
    }

    /// Forgets what earlier frames of a connection have told: another one begins.
    fn begin(&mut self) {}
}

#[cfg(test)]
pub(super) mod testing {
    use super::{Said, Stream, Venue};

    /// What a frame was, or why it is none; and each price in it on a line, or why it is none.
    pub(crate) fn read(venue: &mut dyn Venue, frame: &str) -> (Result<Said, &'static str>, Vec<String>) {
        let mut lines = Vec::new();
        let said = venue.read(frame, &mut |print| {
            lines.push(match print {
                Ok(print) if print.stream == Stream::Trade => {
                    let (size, time) = (print.size, print.time);
                    format!("{} {} x {size:?} at {time:?} {:?}", print.symbol, print.price, print.number)
                }
                Ok(print) => {
                    let [bid, ask] = [print.bid, print.ask].map(Option::unwrap_or_default);
                    format!(
                        "{} {bid} {} {ask} at {:?} {:?}",
                        print.symbol, print.price, print.time, print.number
                    )
                }
                Err(fault) => fault.reason.to_owned(),
            });
        });
        (said.map_err(|fault| fault.reason), lines)
    }
}
