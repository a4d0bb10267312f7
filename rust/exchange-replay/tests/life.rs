//! A source over its life: renewal without loss, a slow consumer, an end from any state, and a real recording.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "a test may panic and print")]
#![expect(clippy::disallowed_methods, reason = "real sockets take real time")]

mod common;

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use common::{ASSETS, Running, Scene, assert_delivered, options, quick};
use silverbullet_exchange_replay::{Fault, Market, Options, Venue, recorded_frames};
use silverbullet_feeds::exchange::ExchangeSettings;
use silverbullet_market::{EventKind, SourceStatus};

#[test]
fn a_connection_is_renewed_without_a_price_lost_or_doubled() {
    for venue in ["binance", "okx"] {
        let market = Market::made_up(&ASSETS, 20_000, 5);
        let settings = ExchangeSettings { lifetime: "600ms".into(), ..quick(venue) };
        // The new connection is ahead of the old one, then behind it.
        let faults = [Fault::Late, Fault::None, Fault::Late, Fault::None];
        let scene = Scene::start(venue, options(venue, &market, &faults), settings, Duration::ZERO);
        scene.running.until("four connections", |seen, _| seen.count("renewed") >= 3);
        let (seen, log, told) = scene.end();
        assert_delivered(venue, &seen, &told);
        // Whatever was published from the first price on has come.
        let places: Vec<usize> = log.frames().into_iter().map(|(place, _)| place).collect();
        assert!(places.windows(2).all(|pair| pair[1] == pair[0] + 1), "{venue}: a frame was not delivered");
        assert_eq!(seen.reasons(EventKind::Gap), Vec::<&str>::new());
        assert_eq!(seen.reasons(EventKind::Ignored), Vec::<&str>::new());
        assert!(log.0[..3].iter().all(|connection| connection.goodbye), "{venue}: left without a goodbye");
    }
}

#[test]
fn a_consumer_that_is_too_slow_is_told_and_keeps_the_newest() {
    let market = Market::made_up(&ASSETS, 20_000, 6);
    let settings = ExchangeSettings { queue: 64, ..quick("binance") };
    let options = options("binance", &market, &[Fault::Burst]);
    let scene = Scene::start("binance", options, settings, Duration::from_millis(3));
    scene.running.until("too slow", |_, state| {
        state.status == SourceStatus::Failing
            && state.reason.as_deref().is_some_and(|reason| reason.contains("faster than they are taken"))
    });
    scene.running.until("told", |seen, _| seen.count("consumer behind") > 0);
    let (seen, log, _) = scene.end();
    // The connection lives on all the while, and nothing but prices is left out.
    assert_eq!((log.0.len(), seen.count("events left out")), (1, 0));
    let numbers: Vec<u64> = seen
        .ticks
        .iter()
        .filter(|tick| tick.bid.is_some() && tick.asset.0 == 0)
        .map(|tick| tick.sequence.unwrap())
        .collect();
    assert!(numbers.is_sorted() && numbers.len() > 20, "{numbers:?}");
    let detail = &seen.events.iter().find(|(_, event)| event.reason == "consumer behind").unwrap().1.detail;
    assert!(detail.contains("left out, all but the newest of each asset"), "{detail}");
}

#[test]
fn it_ends_within_a_second_from_any_state() {
    let deaf = TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = {
        let gone = TcpListener::bind("127.0.0.1:0").unwrap();
        gone.local_addr().unwrap()
    };
    let deaf_url = format!("wss://localhost:{}/", deaf.local_addr().unwrap().port());
    let gone_url = format!("wss://localhost:{}/", nobody.port());
    let slow = ExchangeSettings { first_pause: "60s".into(), ..quick("kraken") };
    let cases = [
        // TLS is never answered.
        ("handshake", ExchangeSettings { url: deaf_url, ..quick("kraken") }, SourceStatus::Connecting),
        ("waiting", ExchangeSettings { url: gone_url, ..slow.clone() }, SourceStatus::Failing),
        ("name", ExchangeSettings { url: "wss://nobody.invalid/".into(), ..slow }, SourceStatus::Failing),
    ];
    for (what, settings, status) in cases {
        let running = Running::start(settings, Duration::ZERO);
        running.until(what, |_, state| state.status == status);
        std::thread::sleep(Duration::from_millis(100));
        let state = running.watch.state();
        assert_eq!(state.status, status, "{what}");
        // One clear line, with what can be done.
        if let Some(reason) = state.reason {
            assert!(reason.contains("check the network") && !reason.contains('\n'), "{reason}");
        }
        let seen = running.end();
        assert!(seen.ticks.is_empty(), "{what}");
    }
}

#[test]
fn a_certificate_that_nobody_trusts_is_refused() {
    let market = Market::made_up(&ASSETS, 100, 1);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let options = options("kraken", &market, &[]);
    let exchange = runtime
        .block_on(silverbullet_exchange_replay::Exchange::start(options, ([127, 0, 0, 1], 0).into()))
        .unwrap();
    // Another one's certificate.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    let other = runtime
        .block_on(silverbullet_exchange_replay::Exchange::start(
            common::options("kraken", &market, &[]),
            ([127, 0, 0, 1], 0).into(),
        ))
        .unwrap();
    std::fs::write(&file, other.certificate()).unwrap();
    let settings = ExchangeSettings { url: exchange.url().into(), ca_file: Some(file), ..quick("kraken") };
    let running = Running::start(settings, Duration::ZERO);
    running.until("refused", |seen, state| {
        seen.count("TLS failed") > 2
            && state.reason.as_deref().is_some_and(|reason| reason.contains("exchange.ca_file"))
    });
    assert!(running.end().ticks.is_empty());
}

fn recordings() -> Option<PathBuf> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let folder =
        std::env::var_os("SILVERBULLET_SHARED").map_or_else(beside, PathBuf::from).join("data/websocket");
    if !folder.exists() {
        eprintln!("skipped: no recorded data at {}", folder.display());
        return None;
    }
    Some(folder)
}

#[test]
fn recordings_of_coinbase_and_okx_are_played_to_their_end() {
    let Some(folder) = recordings() else { return };
    for (name, file, prices) in [("coinbase", "COINBASE.ws.28.0.gz", 194), ("okx", "OKX.ws.1.0.gz", 99)] {
        let frames = recorded_frames(&folder.join("cryptofeed-2021-2023").join(file)).unwrap();
        let symbols: BTreeSet<String> = frames.iter().map(|frame| frame.channel.0.clone()).collect();
        let symbols: Vec<String> = symbols.into_iter().collect();
        let settings = ExchangeSettings {
            assets: symbols.clone(),
            symbols: symbols.iter().map(|symbol| (symbol.clone(), symbol.clone())).collect(),
            ..quick(name)
        };
        let count = frames.len();
        let mut options = Options::of_frames(name.parse().unwrap(), frames, Duration::from_millis(2));
        options.heartbeat = Duration::from_millis(100);
        let scene = Scene::start(name, options, settings, Duration::ZERO);
        scene.until_delivered(name, 0, count - symbols.len());
        std::thread::sleep(Duration::from_millis(200));
        let (seen, _, told) = scene.end_of(&symbols);
        assert_delivered(name, &seen, &told);
        // As they are counted where recordings are read without a network; the first are those before the subscription there.
        assert!((prices - 5..=count).contains(&seen.ticks.len()), "{name}: {} of {count}", seen.ticks.len());
        assert_eq!(seen.ticks.len(), told.len(), "{name}");
        assert_eq!(seen.reasons(EventKind::Quarantined), Vec::<&str>::new(), "{name}");
    }
}

#[test]
fn the_recording_of_binance_is_played_to_its_end() {
    let Some(folder) = recordings().map(|folder| folder.join("binance-spot-2024")) else { return };
    let files =
        ["spot_btcusdt_20240808.raw.gz", "spot_ethusdt_20240808.raw.gz"].map(|file| folder.join(file));
    let files: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
    let market = Market::recorded(&files).unwrap();
    // As `zcat` and `grep` count them: 9,757 + 6,106 trades, 28,040 + 24,077 quotes.
    assert_eq!(market.0.len(), 67_980);
    let mut options = Options::new(Venue::Binance, &market, Duration::from_micros(30));
    options.heartbeat = Duration::from_millis(100);
    let scene = Scene::start("binance", options, quick("binance"), Duration::ZERO);
    let began = Instant::now();
    scene.running.until("the end", |seen, _| {
        seen.ticks.last().is_some_and(|tick| seen.ticks.len() > 1_000 && tick.sequence.is_some())
            && began.elapsed() > Duration::from_secs(4)
    });
    let (seen, log, told) = scene.end();
    assert_delivered("the recording", &seen, &told);
    assert_eq!(log.0.len(), 1);
    // It was joined in its first moments.
    assert!(seen.ticks.len() > 40_000, "{}", seen.ticks.len());
    assert_eq!(seen.reasons(EventKind::Gap), Vec::<&str>::new());
    assert_eq!(seen.reasons(EventKind::Clock), Vec::<&str>::new());
    assert_eq!(seen.reasons(EventKind::Quarantined), Vec::<&str>::new());
    // Quotes have no time of the exchange's: they are stamped between trades all the same, though years have passed.
    let times: Vec<i64> = seen.ticks.iter().map(|tick| tick.event_time).collect();
    let span = times.iter().max().unwrap() - times.iter().min().unwrap();
    assert!(span < 660_000_000_000, "{span}");
}
