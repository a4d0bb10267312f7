//! Everything that can go wrong, at every venue: it is told by its name, prices come again in time, and each that was
//! delivered has come once.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]
#![expect(clippy::disallowed_methods, reason = "real sockets take real time")]

mod common;

use std::time::{Duration, Instant};

use common::{ASSETS, Scene, Seen, assert_delivered, options, quick};
use silverbullet_exchange_replay::{Fault, Log, Market};
use silverbullet_market::{EventKind, SourceStatus};

/// What is told of a fault.
struct Expected {
    /// Connections that the scene takes.
    connections: usize,
    /// What is told at least once.
    reasons: &'static [&'static str],
    /// Whether prices are missing.
    gap: bool,
}

const fn told(connections: usize, gap: bool, reasons: &'static [&'static str]) -> Expected {
    Expected { connections, reasons, gap }
}

fn expected(fault: Fault, venue: &str) -> Expected {
    let has_notice = matches!(venue, "binance" | "binance-us" | "okx");
    let counts_trades = matches!(venue, "binance" | "binance-us" | "coinbase" | "coinbase-advanced");
    match fault {
        Fault::Silence | Fault::HalfOpen => told(2, true, &["silent", "reconnected"]),
        Fault::Reset => told(2, true, &["connection lost", "reconnected"]),
        Fault::Close(_) => told(2, true, &["closed by the venue", "reconnected"]),
        Fault::Compressed => told(2, true, &["compressed frame", "reconnected"]),
        Fault::Oversized => told(2, true, &["frame too large", "reconnected"]),
        Fault::Shutdown if has_notice => told(2, false, &["closing"]),
        Fault::Shutdown => told(2, true, &["closed by the venue", "reconnected"]),
        Fault::Extension => told(2, false, &["extension not asked for", "connected"]),
        Fault::Http(429, _) => told(2, false, &["too many requests", "connected"]),
        Fault::Http(..) => told(2, false, &["venue not available", "connected"]),
        Fault::Refused => told(2, false, &["subscription refused", "refused", "reconnected"]),
        Fault::WrongJson => told(1, false, &["frame not understood"]),
        Fault::Skewed(_) => told(1, false, &["clock of the exchange jumped"]),
        Fault::Skipped if counts_trades => told(1, false, &["numbers missing"]),
        Fault::Repeated if venue != "bybit" => told(1, false, &["number repeated"]),
        Fault::None
        | Fault::Late
        | Fault::Drip
        | Fault::Fragmented
        | Fault::Burst
        | Fault::Skipped
        | Fault::Repeated => told(1, false, &[]),
    }
}

/// Plays a fault and looks at what comes.
fn play(venue: &'static str, fault: Fault, market: &Market) {
    let what = format!("{} at {venue}", fault.name());
    let Expected { connections, reasons, gap } = expected(fault, venue);
    let scene = Scene::start(venue, options(venue, market, &[fault]), quick(venue), Duration::ZERO);
    let began = Instant::now();
    let frames = if fault == Fault::Burst { 2_100 } else { 150 };
    scene.until_delivered(&what, connections - 1, frames);
    if fault == Fault::Shutdown {
        // Both connections are read for a while, where the venue has said that it would close.
        scene.running.until(&what, |seen, _| seen.count("closed by the venue") + seen.count("renewed") > 0);
    }
    let lasted = began.elapsed();
    scene.running.until(&what, |_, state| state.status == SourceStatus::Ok && state.reason.is_none());
    let (seen, log, told) = scene.end();
    assert!(lasted < Duration::from_secs(8), "{what}: {lasted:?}");
    for reason in reasons {
        assert!(seen.count(reason) > 0, "{what}: no {reason:?} in {:?}", seen.events);
    }
    assert_gaps(&what, &seen, gap);
    let undoubled = without_doubles(seen, fault);
    assert_delivered(&what, &undoubled, &told);
    assert_log(&what, venue, fault, &undoubled, &log);
}

/// A stretch without prices is told once, and before the first price after it.
fn assert_gaps(what: &str, seen: &Seen, gap: bool) {
    let gaps: Vec<usize> =
        seen.events.iter().filter(|(_, event)| event.reason == "prices missing").map(|&(at, _)| at).collect();
    assert_eq!(gaps.len(), usize::from(gap), "{what}: {:?}", seen.events);
    if let [at] = gaps[..] {
        let lost = seen.events.iter().position(|(_, event)| event.reason == "reconnected").unwrap();
        assert_eq!(seen.events[lost].0, at, "{what}: a price came between");
    }
}

/// A repeated frame without a number cannot be told from another that says the same; the engine passes over what is the same in
/// every field.
fn without_doubles(mut seen: Seen, fault: Fault) -> Seen {
    if fault == Fault::Repeated {
        seen.ticks.dedup_by(|later, tick| {
            let same =
                (later.price, later.size, later.event_time) == (tick.price, tick.size, tick.event_time);
            later.sequence.is_none() && later.asset == tick.asset && later.bid == tick.bid && same
        });
    }
    seen
}

fn assert_log(what: &str, venue: &str, fault: Fault, seen: &Seen, log: &Log) {
    let last = log.0.last().unwrap();
    assert!(last.goodbye, "{what}: it ended without a goodbye");
    assert!(last.requests > 0, "{what}: nothing was asked for");
    if fault == Fault::WrongJson {
        assert_eq!(seen.count("frame not understood"), 4, "{what}: {:?}", seen.events);
    }
    if let Fault::Skewed(hours) = fault {
        // A price without the exchange's time has it all the same, soon after.
        let newest = seen.ticks.last().unwrap().event_time - seen.ticks[0].event_time;
        let off = newest - hours * 3_600_000_000_000;
        assert!((0..20_000_000_000).contains(&off), "{what}: {off}");
    }
    if matches!(fault, Fault::Http(..)) {
        assert!(log.0[0].turned_away, "{what}");
    }
    let quarantined = seen.reasons(EventKind::Quarantined).len();
    assert_eq!(quarantined > 0, fault == Fault::WrongJson, "{what}: {:?}", seen.events);
    assert!(seen.frames as usize >= seen.ticks.len(), "{what} {venue}");
}

fn play_all(venue: &'static str) {
    let market = &Market::made_up(&ASSETS, 20_000, 3);
    // Most of it is waiting.
    std::thread::scope(|scope| {
        for faults in Fault::ALL.chunks(4) {
            scope.spawn(move || {
                for &fault in faults {
                    play(venue, fault, market);
                }
            });
        }
    });
}

#[test]
fn binance_recovers_from_everything() {
    play_all("binance");
}

#[test]
fn binance_us_recovers_from_everything() {
    play_all("binance-us");
}

#[test]
fn coinbase_recovers_from_everything() {
    play_all("coinbase");
}

#[test]
fn coinbase_advanced_recovers_from_everything() {
    play_all("coinbase-advanced");
}

#[test]
fn kraken_recovers_from_everything() {
    play_all("kraken");
}

#[test]
fn okx_recovers_from_everything() {
    play_all("okx");
}

#[test]
fn bybit_recovers_from_everything() {
    play_all("bybit");
}
