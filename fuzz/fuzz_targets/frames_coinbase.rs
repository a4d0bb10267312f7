//! Bytes become what Coinbase Exchange sends on one connection.
#![no_main]

use libfuzzer_sys::fuzz_target;
use silverbullet_feeds::exchange::Coinbase;

fuzz_target!(|bytes: &[u8]| silverbullet_fuzz::frames(|| Box::new(Coinbase::default()), bytes));
