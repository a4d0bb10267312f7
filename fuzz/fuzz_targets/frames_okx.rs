//! Bytes become what OKX sends on one connection.
#![no_main]

use libfuzzer_sys::fuzz_target;
use silverbullet_feeds::exchange::Okx;

fuzz_target!(|bytes: &[u8]| silverbullet_fuzz::frames(|| Box::new(Okx::default()), bytes));
