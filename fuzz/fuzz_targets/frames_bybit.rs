//! Bytes become what Bybit sends on one connection.
#![no_main]

use libfuzzer_sys::fuzz_target;
use silverbullet_feeds::exchange::Bybit;

fuzz_target!(|bytes: &[u8]| silverbullet_fuzz::frames(|| Box::new(Bybit::default()), bytes));
