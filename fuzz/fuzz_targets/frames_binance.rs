//! Bytes become what Binance sends on one connection.
#![no_main]

use libfuzzer_sys::fuzz_target;
use silverbullet_feeds::exchange::Binance;

fuzz_target!(|bytes: &[u8]| silverbullet_fuzz::frames(|| Box::new(Binance::international()), bytes));
