//! Bytes become what Kraken sends on one connection.
#![no_main]

use libfuzzer_sys::fuzz_target;
use silverbullet_feeds::exchange::Kraken;

fuzz_target!(|bytes: &[u8]| silverbullet_fuzz::frames(|| Box::new(Kraken), bytes));
