//! What exchanges say and how they are reached: one small file a venue, behind one trait, and one [source](ExchangeSource)
//! for all of them.
//!
//! A [`Venue`] knows its address, what to send to be given prices, and what its frames mean, without any network. Frames are read with
//! borrowed fields and without allocation. What becomes of the prices is the same for all: which asset a symbol is, whether
//! a number is missing, what time a price bears ([`Continuity`] and [`Skew`] show how that is judged). Supervision of the
//! connections is a state machine of facts and times, which the sockets obey. Several venues may be one source: a rule says
//! which of their prices make the price of an asset.
//!
//! No exchange was reached from where this was tested: Binance, Coinbase Exchange and OKX are read as real recordings have
//! them; Kraken v2, Bybit and Coinbase Advanced as their documentation has them, and are unproven against the venue.

mod best;
mod binance;
mod board;
mod bybit;
mod coinbase;
mod coinbase_advanced;
mod continuity;
mod desk;
mod few;
mod instruments;
pub(crate) mod intake;
mod kept;
mod kraken;
mod line;
mod mix;
mod okx;
mod outlet;
mod policy;
mod pump;
pub(crate) mod reader;
mod settings;
mod site;
mod skew;
mod socket;
mod source;
mod supervise;
pub(crate) mod symbols;
mod text;
mod told;
mod venue;
mod venue_time;
mod waited;

pub use binance::Binance;
pub use bybit::Bybit;
pub use coinbase::Coinbase;
pub use coinbase_advanced::CoinbaseAdvanced;
pub use continuity::{Break, Continuity};
pub use instruments::Instrument;
pub use intake::Receipt;
pub use kraken::Kraken;
pub use okx::Okx;
pub use settings::{ExchangeSettings, VenueSettings};
pub use skew::{Jump, Skew};
pub use socket::{Address, ByteStream, Connect, Network, Opening, Refusal};
pub use source::ExchangeSource;
pub use told::{Beginning, Connection, Step, Tap, Told};
pub use venue::{Fault, KeepAlive, Number, Print, Said, Stream, Venue};

use crate::error::Result;
use settings::refuse;

/// The venues there are, by the names that [`named`] knows.
pub const NAMES: [&str; 7] =
    ["binance", "binance-us", "coinbase", "coinbase-advanced", "kraken", "okx", "bybit"];

/// A venue by its name, as it is before the first frame of a connection.
#[must_use]
pub fn named(name: &str) -> Option<Box<dyn Venue>> {
    maker(name).map(|make| make())
}

/// What makes the venue of this name.
pub(crate) fn maker(name: &str) -> Option<fn() -> Box<dyn Venue>> {
    Some(match name {
        "binance" => || Box::new(Binance::international()),
        "binance-us" => || Box::new(Binance::united_states()),
        "coinbase" => || Box::new(Coinbase::default()),
        "coinbase-advanced" => || Box::new(CoinbaseAdvanced::default()),
        "kraken" => || Box::new(Kraken),
        "okx" => || Box::new(Okx::default()),
        "bybit" => || Box::new(Bybit::default()),
        _ => return None,
    })
}

/// What makes the venue that a setting names.
///
/// # Errors
/// There is none of this name.
fn known(setting: &'static str, name: &str) -> Result<fn() -> Box<dyn Venue>> {
    match maker(name) {
        Some(make) => Ok(make),
        None => refuse(setting, format!("{name:?} is none of the exchanges: {}", NAMES.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_venue_is_found_by_its_own_name() {
        for name in NAMES {
            assert_eq!(named(name).map(|venue| venue.name()), Some(name));
        }
        assert!(named("").is_none() && named("BINANCE").is_none());
    }
}
