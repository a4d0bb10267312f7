//! Names of markets from the venue's list: it is at the same port, over TLS with the same certificate.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "a test may panic and print")]
#![expect(clippy::disallowed_methods, reason = "real sockets take real time")]

mod common;

use std::time::{Duration, Instant};

use common::{Running, options, quick};
use silverbullet_exchange_replay::{Exchange, Listing, Market, Options};
use silverbullet_feeds::exchange::{ExchangeSettings, NAMES};
use silverbullet_market::{EventKind, SourceStatus};

/// An exchange, and a source that is to look at its list.
struct Scene {
    exchange: Exchange,
    running: Running,
    _runtime: tokio::runtime::Runtime,
    _folder: tempfile::TempDir,
}

fn start(
    venue: &str,
    options: Options,
    assets: &[&str],
    change: impl FnOnce(&mut ExchangeSettings),
) -> Scene {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let exchange = runtime.block_on(Exchange::start(options, ([127, 0, 0, 1], 0).into())).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let ca_file = folder.path().join("ca.pem");
    std::fs::write(&ca_file, exchange.certificate()).unwrap();
    let mut settings = ExchangeSettings {
        url: exchange.url().into(),
        instruments: exchange.list_url(),
        ca_file: Some(ca_file),
        assets: assets.iter().map(|&asset| asset.to_owned()).collect(),
        ..quick(venue)
    };
    change(&mut settings);
    let running = Running::start(settings, Duration::ZERO);
    Scene { exchange, running, _runtime: runtime, _folder: folder }
}

#[test]
fn an_asset_that_a_venue_does_not_trade_is_told_and_the_others_go_on() {
    for venue in NAMES {
        let market = Market::made_up(&["BTC", "ETH"], 20_000, 1);
        let assets = ["BTC", "ETG", "ABROAD", "GONE", "ETH"];
        let scene = start(venue, options(venue, &market, &[]), &assets, |_| {});
        scene.running.until(venue, |seen, state| seen.ticks.len() > 50 && state.status == SourceStatus::Ok);
        let seen = scene.running.end();
        // The places of the assets stay what they were.
        assert!(seen.ticks.iter().all(|tick| matches!(tick.asset.0, 0 | 4)), "{venue}");
        assert!([0, 4].iter().all(|&asset| seen.ticks.iter().any(|tick| tick.asset.0 == asset)), "{venue}");
        let lines: Vec<&str> = seen
            .events
            .iter()
            .filter(|(_, event)| event.reason == "asset not traded")
            .map(|(_, event)| event.detail.as_str())
            .collect();
        assert_eq!(lines.len(), 3, "{venue}: {lines:?}");
        assert!(lines[0].contains("ETG is not traded; near names are ETH"), "{lines:?}");
        assert!(lines[1].contains("but in TRY"), "{lines:?}");
        assert!(lines[2].contains("GONE is not traded, in no currency"), "{lines:?}");
        assert_eq!(seen.count("subscription refused"), 0, "{venue}");
        // It was asked for once, and is no connection for prices.
        assert_eq!(scene.exchange.log().0.len(), 1, "{venue}");
    }
}

#[test]
fn a_market_has_the_name_that_the_list_says_unless_the_settings_say_another() {
    let market = Market::made_up(&["BTC2", "ETH2"], 20_000, 2);
    let mut options = options("okx", &market, &[]);
    let markets = [("BTC", "BTC2-USDT"), ("ETH", "WRONG-USDT")];
    options.listing =
        Listing::Markets(markets.map(|(asset, symbol)| (asset.to_owned(), symbol.to_owned())).into());
    let scene = start("okx", options, &["BTC", "ETH"], |settings| {
        settings.symbols.insert("ETH".into(), "ETH2-USDT".into());
    });
    scene.running.until("both", |seen, _| {
        [0, 1].iter().all(|&asset| seen.ticks.iter().filter(|tick| tick.asset.0 == asset).count() > 20)
    });
    assert_eq!(scene.running.end().count("asset not traded"), 0);
}

#[test]
fn without_a_list_markets_have_their_usual_names_and_an_event_says_so() {
    let cases = [
        (Listing::Status(503), "HTTP 503"),
        (Listing::Text("<html>".into()), "list not understood"),
        (Listing::Endless, "length limit exceeded"),
        (Listing::Silence, "no answer within"),
    ];
    for (listing, words) in cases {
        let market = Market::made_up(&["BTC", "ETH"], 20_000, 3);
        let mut options = options("binance", &market, &[]);
        options.listing = listing;
        let within = if words.contains("within") { "300ms" } else { "15s" };
        let scene =
            start("binance", options, &["BTC", "ETH"], |settings| settings.open_within = within.into());
        scene.running.until(words, |seen, _| seen.ticks.len() > 50);
        let seen = scene.running.end();
        let (_, event) =
            seen.events.iter().find(|(_, event)| event.reason == "instruments not listed").unwrap();
        assert_eq!(event.kind, EventKind::Connection);
        let detail = &event.detail;
        assert!(detail.contains(words) && detail.contains("such as BTCUSDT"), "{detail}");
        assert!(!detail.contains('\n'), "{detail}");
    }
}

#[test]
fn no_list_is_asked_for_where_it_is_off_or_the_address_is_another_one() {
    for instruments in ["off", ""] {
        let market = Market::made_up(&["BTC", "ETH"], 20_000, 4);
        let mut options = options("kraken", &market, &[]);
        options.listing = Listing::Markets(Vec::new());
        let scene =
            start("kraken", options, &["BTC", "ETH"], |settings| settings.instruments = instruments.into());
        scene.running.until("prices", |seen, _| seen.ticks.len() > 50);
        let seen = scene.running.end();
        assert_eq!(seen.count("instruments not listed") + seen.count("asset not traded"), 0);
    }
}

#[test]
fn where_no_asset_is_traded_the_source_says_so_and_waits() {
    let market = Market::made_up(&["BTC"], 1_000, 5);
    let scene = start("bybit", options("bybit", &market, &[]), &["GONE"], |_| {});
    scene.running.until("nothing", |seen, state| {
        let reason = state.reason.as_deref().unwrap_or_default();
        state.status == SourceStatus::Failing
            && reason.contains("none of the assets")
            && seen.count("asset not traded") == 1
    });
    assert!(scene.running.end().ticks.is_empty() && scene.exchange.log().0.is_empty());
}

#[test]
fn it_ends_at_once_while_a_list_is_waited_for() {
    let market = Market::made_up(&["BTC"], 1_000, 6);
    let mut options = options("coinbase", &market, &[]);
    options.listing = Listing::Silence;
    let scene = start("coinbase", options, &["BTC"], |settings| settings.open_within = "60s".into());
    scene.running.until("connecting", |_, state| state.status == SourceStatus::Connecting);
    std::thread::sleep(Duration::from_millis(300));
    let began = Instant::now();
    assert!(scene.running.end().ticks.is_empty());
    assert!(began.elapsed() < Duration::from_millis(500));
}
