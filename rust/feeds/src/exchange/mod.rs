//! What exchanges say: one small file a venue, behind one trait, without any network.
//!
//! A [`Venue`] knows its address, what to send to be given prices, and what its frames mean. Frames are read with
//! borrowed fields and without allocation. What becomes of the prices (which asset a symbol is, whether one is missing)
//! is not its business: a [`Continuity`] looks whether the numbers that a venue gives its messages are what they should be,
//! a [`Skew`] whether its clock or ours has jumped.
//!
//! No exchange was reached from where this was tested: Binance, Coinbase Exchange and OKX are read as real recordings have
//! them; Kraken v2, Bybit and Coinbase Advanced as their documentation has them, and are unproven against the venue.

mod binance;
mod bybit;
mod coinbase;
mod coinbase_advanced;
mod continuity;
mod few;
mod kept;
mod kraken;
mod okx;
mod skew;
mod text;
mod venue;

pub use binance::Binance;
pub use bybit::Bybit;
pub use coinbase::Coinbase;
pub use coinbase_advanced::CoinbaseAdvanced;
pub use continuity::{Break, Continuity};
pub use kraken::Kraken;
pub use okx::Okx;
pub use skew::{Jump, Skew};
pub use venue::{Fault, KeepAlive, Number, Print, Said, Stream, Venue};
