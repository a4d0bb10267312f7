//! Bytes become what Coinbase Advanced sends on one connection.
#![no_main]

use libfuzzer_sys::fuzz_target;
use silverbullet_feeds::exchange::CoinbaseAdvanced;

fuzz_target!(|bytes: &[u8]| silverbullet_fuzz::frames(|| Box::new(CoinbaseAdvanced::default()), bytes));
