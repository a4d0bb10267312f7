//! Several exchanges as one source: what each rule makes of their prices, and what becomes of it when one of them dies.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "a test may panic and print")]
#![expect(clippy::disallowed_methods, reason = "real sockets take real time")]

mod common;

use std::time::Duration;

use common::{Running, options, quick};
use silverbullet_exchange_replay::{Exchange, Fault, Market};
use silverbullet_feeds::exchange::{ExchangeSettings, VenueSettings};
use silverbullet_market::{PartitionState, SourceStatus};

/// An exchange that dies with its runtime.
struct Played {
    exchange: Exchange,
    runtime: tokio::runtime::Runtime,
}

impl Played {
    fn start(venue: &str, market: &Market, faults: &[Fault]) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let options = options(venue, market, faults);
        let exchange = runtime.block_on(Exchange::start(options, ([127, 0, 0, 1], 0).into())).unwrap();
        Self { exchange, runtime }
    }

    /// Its connections are cut, and nobody listens any more.
    fn die(self) {
        drop(self.exchange);
        self.runtime.shutdown_timeout(Duration::from_secs(1));
    }
}

/// Prices of two exchanges: BTC and ETH at both, dearer at the second, whose offers are wider.
struct Scene {
    first: Played,
    second: Played,
    running: Running,
    _folder: tempfile::TempDir,
}

const FIRST: [(&str, u32, u32); 2] = [("BTC", 100, 104), ("ETH", 10, 14)];
const SECOND: [(&str, u32, u32); 2] = [("BTC", 101, 110), ("ETH", 11, 20)];

fn start(change: impl FnOnce(&mut ExchangeSettings)) -> Scene {
    start_with(&[], change)
}

/// With these things going wrong at the second.
fn start_with(faults: &[Fault], change: impl FnOnce(&mut ExchangeSettings)) -> Scene {
    let first = Played::start("okx", &Market::flat(&FIRST, 60_000), &[]);
    let second = Played::start("bybit", &Market::flat(&SECOND, 60_000), faults);
    let folder = tempfile::tempdir().unwrap();
    let ca_file = folder.path().join("ca.pem");
    let certificates = [&first, &second].map(|played| played.exchange.certificate().to_owned());
    std::fs::write(&ca_file, certificates.concat()).unwrap();
    let at = |played: &Played| VenueSettings {
        url: played.exchange.url().into(),
        instruments: played.exchange.list_url(),
        ..VenueSettings::default()
    };
    let mut settings = ExchangeSettings {
        at: [("okx".to_owned(), at(&first)), ("bybit".to_owned(), at(&second))].into(),
        ca_file: Some(ca_file),
        idle_after: "400ms".into(),
        ..quick("okx,bybit")
    };
    change(&mut settings);
    let running = Running::start(settings, Duration::ZERO);
    Scene { first, second, running, _folder: folder }
}

/// Waits until so many prices of each exchange have come.
fn until_both(scene: &Scene, count: usize) {
    scene.running.until("prices of both", |seen, state| {
        let of = |venue| seen.ticks.iter().filter(|tick| tick.venue == venue).count();
        of(0) > count && of(1) > count && state.status == SourceStatus::Ok
    });
}

#[test]
fn every_price_counts_where_the_freshest_is_wanted_and_each_exchange_is_a_partition() {
    let scene = start(|_| {});
    until_both(&scene, 100);
    let state = scene.running.watch.state();
    let names: Vec<&str> = state.venues.iter().map(|venue| venue.name.as_str()).collect();
    assert_eq!(names, ["okx", "bybit"]);
    let seen = scene.running.end();
    for (venue, market) in [(0, FIRST), (1, SECOND)] {
        let ticks: Vec<_> = seen.ticks.iter().filter(|tick| tick.venue == venue).collect();
        assert!(ticks.iter().all(|tick| tick.partition == u32::from(venue)));
        let offsets: Vec<u64> = ticks.iter().map(|tick| tick.offset).collect();
        assert!(offsets.windows(2).all(|pair| pair[1] == pair[0] + 1), "offsets of its own");
        for tick in &ticks {
            let (_, bid, ask) = market[tick.asset.index()];
            let (bid, ask) = (f64::from(bid), f64::from(ask));
            let expected = if tick.bid.is_some() { f64::midpoint(bid, ask) } else { bid };
            assert_eq!(tick.price, expected, "{tick:?}");
        }
    }
}

#[test]
fn the_best_bid_and_offer_of_both_make_the_price_until_one_is_stale() {
    let scene = start(|settings| {
        settings.rule = "best".into();
        settings.fresh_within = "300ms".into();
    });
    until_both(&scene, 200);
    let before = scene.running.seen().ticks.len();
    // Once quotes of both are there, both make the price of what either of them says.
    let of_both = |asset: u32| if asset == 0 { (101.0, 104.0) } else { (11.0, 14.0) };
    let seen = scene.running.seen();
    let began = seen.ticks.iter().position(|tick| tick.venue == 1 && tick.asset.0 == 1 && tick.bid.is_some());
    let first = seen.ticks.iter().position(|tick| tick.venue == 0 && tick.asset.0 == 1 && tick.bid.is_some());
    let from = began.max(first).unwrap() + 20;
    for tick in &seen.ticks[from..before] {
        let (bid, ask) = of_both(tick.asset.0);
        assert_eq!(tick.price, f64::midpoint(bid, ask), "{tick:?}");
        assert!(tick.bid.is_none_or(|found| (found, tick.ask.unwrap()) == (bid, ask)), "{tick:?}");
    }
    let trades: Vec<_> = seen.ticks[from..].iter().filter(|tick| tick.bid.is_none()).collect();
    assert!(trades.len() > 10 && trades.iter().all(|tick| tick.size == Some(0.5)), "trades keep their size");
    scene.second.die();
    scene.running.until("the price of the first alone", |seen, _| {
        seen.ticks.len() > before && seen.ticks.last().is_some_and(|tick| matches!(tick.price, 102.0 | 12.0))
    });
    let seen = scene.running.end();
    assert_eq!(seen.ticks.last().unwrap().venue, 0);
}

#[test]
fn each_asset_comes_from_its_exchange_where_exchanges_are_named() {
    let scene = start(|settings| {
        settings.rule = "venues".into();
        settings.venues = [("ETH".to_owned(), "bybit".to_owned())].into();
    });
    until_both(&scene, 100);
    let seen = scene.running.end();
    assert!(seen.ticks.iter().all(|tick| u32::from(tick.venue) == tick.asset.0));
    // No other market was asked for.
    let log = scene.second.exchange.log();
    let frames = scene.second.exchange.frames();
    assert!(log.frames().iter().all(|&(place, _)| frames[place].contains("ETHUSDT")));
}

#[test]
fn one_that_dies_is_named_and_the_other_goes_on() {
    let scene = start(|_| {});
    until_both(&scene, 100);
    let before = scene.running.seen().ticks.len();
    scene.second.die();
    scene.running.until("told", |seen, state| {
        let [first, second] = &state.venues[..] else { panic!("{state:?}") };
        let is_idle = seen.partitions.iter().any(|&(place, partition, what)| {
            place >= before && partition == 1 && what == PartitionState::Idle
        });
        first.status == SourceStatus::Ok && second.status == SourceStatus::Failing && is_idle
    });
    let state = scene.running.watch.state();
    assert_eq!(state.status, SourceStatus::Failing);
    let reason = state.reason.unwrap();
    assert!(reason.starts_with("bybit: ") && !reason.contains("okx"), "{reason}");
    let after = scene.running.seen().ticks.len();
    scene.running.until("the other goes on", |seen, _| seen.ticks.len() > after + 200);
    let seen = scene.running.end();
    assert!(seen.ticks[after + 50..].iter().all(|tick| tick.venue == 0));
    // Events name it, in its partition.
    let (_, lost) = seen.events.iter().find(|(place, _)| *place >= before).unwrap();
    assert!(lost.detail.starts_with("bybit: ") && lost.partition == 1, "{lost:?}");
    assert!(scene.first.exchange.log().0.len() == 1, "the first was left alone");
}

#[test]
fn one_that_was_lost_comes_back_and_only_its_own_losses_are_counted() {
    let scene = start_with(&[Fault::Reset, Fault::Http(503, 1)], |_| {});
    scene.running.until("lost", |_, state| state.venues[1].losses == 1);
    scene.running.until("back", |seen, state| {
        state.status == SourceStatus::Ok && seen.ticks.last().is_some_and(|tick| tick.venue == 1)
    });
    let state = scene.running.watch.state();
    assert_eq!((state.venues[0].losses, state.venues[1].losses, state.losses), (0, 1, 1));
    let seen = scene.running.end();
    let gaps: Vec<_> = seen.events.iter().filter(|(_, event)| event.reason == "prices missing").collect();
    let [(_, gap)] = &gaps[..] else { panic!("{gaps:?}") };
    assert!(gap.detail.starts_with("bybit: ") && gap.partition == 1, "{gap:?}");
    // It was lost in the midst, and is heard of until now.
    let places: Vec<usize> =
        (0..).zip(&seen.ticks).filter(|(_, tick)| tick.venue == 1).map(|(at, _)| at).collect();
    let told = seen.partitions.iter().filter(|(_, partition, _)| *partition == 1);
    let lost = told.clone().any(|&(at, ..)| places[0] < at && at < places[places.len() - 1]);
    assert!(lost, "{:?}", seen.partitions);
}
