//! What the fuzz targets of the exchanges share; the checks are those of their test of robustness.

use silverbullet_feeds::exchange::Venue;

#[path = "../../rust/feeds/tests/exchange_robustness_common/mod.rs"]
#[allow(dead_code, reason = "what is held for long is looked at by the test")]
mod exchange_robustness_common;

/// Gives `bytes` to a connection as frames, one a line; panics where a promise is not kept.
pub fn frames(new: fn() -> Box<dyn Venue>, bytes: &[u8]) {
    if let Err(fault) = exchange_robustness_common::check(new, bytes) {
        panic!("{fault}");
    }
}
