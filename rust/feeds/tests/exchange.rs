//! Recorded frames of exchanges, where they are at hand: `SILVERBULLET_SHARED` or beside the project.
//!
//! Every line of every recording is explained: it is a price, or is counted under a name. The counts stand here as `zcat`
//! and `grep` found them.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test may panic and print")]

mod exchange_reading;

use std::collections::BTreeMap;
use std::path::Path;

use exchange_reading::recordings::{recordings, trade_frames, unpacked};
use exchange_reading::synthetic::{self, Synthetic};
use exchange_reading::{Counts, Line, Reading, lines};
use silverbullet_feeds::exchange::{Binance, Break, Bybit, Coinbase, CoinbaseAdvanced, Kraken, Okx, Venue};
use silverbullet_market::SECOND;

const PROJECT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Reads a recording to its end.
fn read<'v>(path: &Path, venue: &'v mut dyn Venue) -> Reading<'v> {
    let text = unpacked(path);
    let mut reading = Reading::new(venue);
    for line in lines(&text) {
        match line {
            Line::Named(name) => reading.count(name),
            Line::Frame { receipt, frame, protocol: None } => reading.take(receipt, frame),
            Line::Frame { frame, protocol: Some(protocol), .. } => reading.look_at(protocol, frame),
        }
    }
    assert_eq!(reading.counts.values().sum::<usize>(), text.lines().count(), "{}", path.display());
    reading
}

const BTC: &str = "spot_btcusdt_20240808.raw";
const OKX: &str = "OKX.ws.1.0";
const COINBASE: &str = "COINBASE.ws.28.0";
const FAULTY: &str = "negative_trade_stream_spot_trxusdt_20250304.csv";
const CLEAN: &str = "positive_trade_stream_spot_trxusdt_20250304.csv";

const KRAKEN_48: &[(&str, usize)] = &[("kraken-v1", 49), ("opened", 1), ("sent", 1), ("blank", 2)];
const KRAKEN_49: &[(&str, usize)] = &[("kraken-v1", 60), ("opened", 1), ("sent", 1), ("blank", 2)];
const KRAKEN_50: &[(&str, usize)] = &[("kraken-v1", 4_321), ("opened", 1), ("sent", 1), ("blank", 2)];

/// Files of Binance and its copies, and what their lines are.
const BINANCE: [(&str, &[(&str, usize)]); 7] = [
    (BTC, &[("trade", 9_757), ("quote", 28_040), ("order book", 3_451), ("rest", 1)]),
    ("spot_ethusdt_20240808.raw", &[("trade", 6_106), ("quote", 24_077), ("order book", 3_434), ("rest", 1)]),
    ("BINANCE.http.0.0", &[("rest", 4), ("blank", 1)]),
    (
        "BINANCE.ws.1.0",
        &[
            ("quote", 84),
            ("order book", 177),
            ("aggregated trade", 2),
            ("candle", 2),
            ("opened", 1),
            ("blank", 1),
        ],
    ),
    (
        "BINANCE_US.ws.1.0",
        &[("quote", 128), ("order book", 336), ("aggregated trade", 11), ("candle", 5), ("opened", 1)],
    ),
    ("BINANCE_TR.ws.1.0", &[("quote", 47), ("order book", 84), ("candle", 8), ("opened", 1), ("blank", 1)]),
    ("BINANCE_FUTURES.ws.1.0", &[("binance-futures", 1_535), ("opened", 1)]),
];

/// Files of the others.
const OTHERS: [(&str, &[(&str, usize)]); 7] = [
    ("COINBASE.0", &[("rest", 1), ("configuration", 1)]),
    (
        COINBASE,
        &[
            ("trade", 97),
            ("quote", 97),
            ("before the subscription", 20),
            ("order book", 9_729),
            ("answer to a request", 3),
            ("opened", 1),
            ("sent", 3),
            ("blank", 2),
        ],
    ),
    ("KRAKEN.0", &[("rest", 1), ("configuration", 1)]),
    ("KRAKEN.ws.48.0", KRAKEN_48),
    ("KRAKEN.ws.49.0", KRAKEN_49),
    ("KRAKEN.ws.50.0", KRAKEN_50),
    (
        OKX,
        &[
            ("trade", 71),
            ("quote", 28),
            ("before the subscription", 3),
            ("order book", 290),
            ("answer to a request", 18),
            ("opened", 1),
            ("sent", 3),
        ],
    ),
];

fn venue_of(file: &str) -> Box<dyn Venue> {
    match file.split(['.', '_']).next() {
        Some("COINBASE") => Box::new(Coinbase::default()),
        Some("KRAKEN") => Box::new(Kraken),
        Some("OKX") => Box::new(Okx::default()),
        _ => Box::new(Binance::international()),
    }
}

#[test]
fn every_line_of_the_exchange_recordings_is_explained() {
    let Some(recordings) = recordings(PROJECT) else { return };
    let expected: BTreeMap<&str, &[(&str, usize)]> = BINANCE.into_iter().chain(OTHERS).collect();
    let mut names: Vec<&str> = expected.keys().copied().chain([FAULTY, CLEAN]).collect();
    names.sort_unstable();
    assert_eq!(recordings.keys().collect::<Vec<_>>(), names);
    for (file, expected) in expected {
        let mut venue = venue_of(file);
        let reading = read(&recordings[file], &mut *venue);
        assert_eq!(reading.counts, expected.iter().copied().collect::<Counts>(), "{file}");
        assert_eq!((reading.breaks, reading.jumps), (vec![], vec![]), "{file}");
    }
}

#[test]
fn deliberate_faults_in_an_exchange_recording_are_found() {
    let Some(recordings) = recordings(PROJECT) else { return };
    for (file, faulty) in [(CLEAN, false), (FAULTY, true)] {
        let mut venue = Binance::international();
        let mut reading = Reading::new(&mut venue);
        for (receipt, frame) in trade_frames(&recordings[file]) {
            reading.take(receipt, &frame);
        }
        assert_eq!(reading.counts, Counts::from([("trade", 10_000)]), "{file}");
        let breaks =
            [Break::Repeated { number: 348_656_871 }, Break::Missing { from: 348_656_871, to: 348_656_873 }];
        assert_eq!(reading.breaks, if faulty { &breaks[..] } else { &[] }, "{file}");
        let jumps: Vec<i64> =
            reading.jumps.iter().map(|jump| (jump.to - jump.from) / SECOND / 3_600).collect();
        assert_eq!(jumps, if faulty { vec![23] } else { vec![] }, "{file}");
    }
}

#[test]
fn synthetic_frames_of_exchanges_without_a_recording_give_recorded_prices() {
    let Some(recordings) = recordings(PROJECT) else { return };
    for (file, count) in [(COINBASE, 194), (OKX, 99)] {
        let mut venue = venue_of(file);
        let told = read(&recordings[file], &mut *venue).told;
        assert_eq!(told.len(), count, "{file}");
        let venues: [(Box<dyn Venue>, Synthetic); 3] = [
            (Box::new(Kraken), synthetic::KRAKEN),
            (Box::new(Bybit::default()), synthetic::BYBIT),
            (Box::new(CoinbaseAdvanced::default()), synthetic::COINBASE_ADVANCED),
        ];
        for (mut venue, synthetic) in venues {
            let name = format!("{} after {file}", venue.name());
            let mut reading = Reading::new(&mut *venue);
            let mut expected = told.clone();
            for (number, told) in expected.iter_mut().enumerate() {
                reading.take(told.time.unwrap(), &(synthetic.frame)(number, told));
                (synthetic.kept)(number, told);
            }
            assert_eq!(reading.told, expected, "{name}");
            assert_eq!((reading.breaks, reading.jumps), (vec![], vec![]), "{name}");
        }
    }
}
