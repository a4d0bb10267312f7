//! Bytes become a question to the kernel, sound or unsound; the checks are those of its test of robustness.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[allow(dead_code, unused_imports, reason = "the seeded source is the test's")]
#[path = "../../rust/kernel/tests/robustness_common/mod.rs"]
mod robustness_common;

fuzz_target!(|bytes: &[u8]| {
    if let Err(fault) = robustness_common::question(&mut robustness_common::Bytes(bytes)) {
        panic!("{fault}");
    }
});
