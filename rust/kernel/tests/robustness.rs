//! Whatever is asked, the kernel neither panics nor answers with a NaN: it gives feasible weights, or an error
//! that names the parameter.
//!
//! `SILVERBULLET_FUZZ_PROBLEMS` sets how many random problems are asked, `SILVERBULLET_FUZZ_FIRST` the first
//! seed. A failure prints its seed; with that as first seed and a count of one it is asked alone.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test fails by panicking and prints what it found"
)]

mod robustness_common;

use std::collections::BTreeMap;
use std::panic::catch_unwind;

use robustness_common::{Bytes, Check, Seeded, question};

/// Problems in `make test`; `make soak-fuzz` asks a million.
const PROBLEMS: u64 = 20_000;
/// Kinds of failure that are printed.
const SHOWN: usize = 40;

fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |value| value.parse().expect("a number"))
}

/// A panic is a failure like any other: the remaining problems are asked all the same.
fn guarded(ask: impl FnOnce() -> Check + std::panic::UnwindSafe) -> Check {
    catch_unwind(ask).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
        Err(format!("panic: {}", text.unwrap_or_default()))
    })
}

/// The failure without its numbers: what counts as the same kind.
fn kind(fault: &str) -> String {
    let words = fault.split([':', '[']).take(3).collect::<Vec<_>>().join(":");
    words.chars().map(|letter| if letter.is_ascii_digit() { '#' } else { letter }).take(60).collect()
}

#[test]
fn every_problem_gets_feasible_weights_or_an_error_that_names_the_cause() {
    let first = setting("SILVERBULLET_FUZZ_FIRST", 0);
    let problems = setting("SILVERBULLET_FUZZ_PROBLEMS", PROBLEMS);
    let threads = std::thread::available_parallelism().map_or(1, |count| count.get() as u64);
    let asked: Vec<_> = std::thread::scope(|scope| {
        let workers: Vec<_> =
            (0..threads).map(|thread| scope.spawn(move || ask(first, problems, thread, threads))).collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    let mut kinds: BTreeMap<String, (u64, u64, String)> = BTreeMap::new();
    for (seed, fault) in asked.into_iter().flatten() {
        let entry = kinds.entry(kind(&fault)).or_insert_with(|| (0, seed, fault.clone()));
        entry.0 += 1;
        if seed < entry.1 {
            (entry.1, entry.2) = (seed, fault);
        }
    }
    println!("{problems} problems, {} failures", kinds.values().map(|kind| kind.0).sum::<u64>());
    for (count, seed, fault) in kinds.values().take(SHOWN) {
        println!("{count} times, first with seed {seed}: {fault}");
    }
    assert!(kinds.is_empty(), "{} kinds of failure", kinds.len());
}

/// Every `threads`-th problem from the `thread`-th on; the failures with their seeds.
fn ask(first: u64, problems: u64, thread: u64, threads: u64) -> Vec<(u64, String)> {
    (first + thread..first + problems)
        .step_by(threads as usize)
        .filter_map(|seed| guarded(|| question(&mut Seeded::new(seed))).err().map(|fault| (seed, fault)))
        .collect()
}

#[test]
fn bytes_that_end_early_are_a_problem_like_any_other() {
    for length in 0..64 {
        let bytes: Vec<u8> = (0..length).map(|place| (place as u8).wrapping_mul(37) ^ length as u8).collect();
        guarded(|| question(&mut Bytes(&bytes))).unwrap();
    }
}
