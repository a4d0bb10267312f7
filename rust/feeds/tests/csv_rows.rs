//! What becomes of each row of a CSV file: a tick, or an event with its line and reason; never an end.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test may panic and print"
)]

mod common;

use std::io::Write;

use common::{at_max, file, open, read, read_with};
use proptest::prelude::*;
use silverbullet_feeds::csv::reason;
use silverbullet_feeds::{CsvOptions, TimeUnit, collect_ticks};
use silverbullet_market::{EventKind, SECOND, Source};

const MIDNIGHT: i64 = 1_747_008_000 * SECOND;

/// Good rows on lines 2, 3 and 5, `row` on line 4.
fn around(row: &[u8]) -> Vec<u8> {
    let mut content = b"timestamp,asset,price,bid,ask,size,sequence\n".to_vec();
    content.extend_from_slice(b"2025-05-12T00:00:00Z,BTC,100,99,101,2,1\n2025-05-12T00:00:00Z,BTC,101,,,,\n");
    content.extend_from_slice(row);
    content.extend_from_slice(b"\n2025-05-12T00:01:00Z,BTC,102,99,101,0,12.0\n");
    content
}

fn check_bad(row: &[u8], reason: &str, detail: &str) {
    let (source, found) = read(around(row));
    let name = String::from_utf8_lossy(row);
    let events: Vec<_> = found.events.iter().map(|e| (e.kind, e.reason, e.offset, e.partition)).collect();
    assert_eq!(events, [(EventKind::Quarantined, reason, 4, 0)], "{name}");
    assert!(found.events[0].detail.contains(detail), "{name}: {}", found.events[0].detail);
    assert_eq!(found.ticks.iter().map(|t| t.offset).collect::<Vec<_>>(), [2, 3, 5], "{name}");
    assert_eq!((found.frames, source.summary().rows), (4, 4), "{name}");
    assert_eq!(source.summary().ticks, [3], "{name}");
}

#[test]
fn each_kind_of_bad_row_becomes_an_event() {
    let t = "2025-05-12T00:00:30Z";
    for (row, reason, detail) in [
        (format!("{t},BTC,abc,,,,"), reason::UNPARSABLE_PRICE, "`abc`"),
        (format!("{t},BTC,\"1,5\",,,,"), reason::UNPARSABLE_PRICE, "`1,5`"),
        (format!("{t},BTC,0x10,,,,"), reason::UNPARSABLE_PRICE, "`0x10`"),
        (format!("{t},BTC,,,,,"), reason::EMPTY_PRICE, "no price"),
        (format!("{t},BTC,  ,,,,"), reason::EMPTY_PRICE, "no price"),
        (format!("{t},BTC,-5,,,,"), reason::PRICE_NOT_POSITIVE, "`-5`"),
        (format!("{t},BTC,0,,,,"), reason::PRICE_NOT_POSITIVE, "`0`"),
        (format!("{t},BTC,NaN,,,,"), reason::PRICE_NOT_FINITE, "`NaN`"),
        (format!("{t},BTC,-inf,,,,"), reason::PRICE_NOT_FINITE, "`-inf`"),
        (format!("{t},BTC,1e999,,,,"), reason::PRICE_NOT_FINITE, "`1e999`"),
        (format!("{t},BTC"), reason::COLUMN_COUNT, "2 fields instead of 7"),
        (format!("{t},BTC,1,2,3,4,5,6"), reason::COLUMN_COUNT, "8 fields instead of 7"),
        ("rubbish".to_owned(), reason::COLUMN_COUNT, "`rubbish`"),
        (format!("{t},XYZ,5,,,,"), reason::UNKNOWN_ASSET, "`XYZ`"),
        (format!("{t},btc,5,,,,"), reason::UNKNOWN_ASSET, "`btc`"),
        (format!("{t},,5,,,,"), reason::EMPTY_ASSET, "no asset"),
        (",BTC,5,,,,".to_owned(), reason::EMPTY_TIMESTAMP, "no timestamp"),
        ("yesterday,BTC,5,,,,".to_owned(), reason::UNPARSABLE_TIMESTAMP, "`yesterday`"),
        ("2025-02-30,BTC,5,,,,".to_owned(), reason::UNPARSABLE_TIMESTAMP, "`2025-02-30`"),
        (format!("{t},BTC,5,x,,,"), reason::INVALID_BID, "`x`"),
        (format!("{t},BTC,5,,-1,,"), reason::INVALID_ASK, "`-1`"),
        (format!("{t},BTC,5,,,inf,"), reason::INVALID_SIZE, "`inf`"),
        (format!("{t},BTC,5,,,,1.5"), reason::INVALID_SEQUENCE, "`1.5`"),
        (format!("{t},BTC,5,,,,-1"), reason::INVALID_SEQUENCE, "`-1`"),
        (format!("{t},\"BTC,5,,,,"), reason::OPEN_QUOTE, "BTC"),
    ] {
        check_bad(row.as_bytes(), reason, detail);
    }
    check_bad(b"2025-05-12T00:00:30Z,B\xff\xfe,5,,,,", reason::INVALID_UTF8, "\u{fffd}");
    check_bad(b"2025-05-12T00:00:30Z,BTC,5\xc3,,,,", reason::INVALID_UTF8, "5\u{fffd}");
    check_bad("x".repeat(100_000).as_bytes(), reason::TOO_LONG, "xxx");
}

#[test]
fn an_absurd_but_finite_price_is_a_tick_here() {
    let (_, found) = read(around(b"2025-05-12T00:00:30Z,BTC,1e300,,,,"));
    assert!(found.events.is_empty());
    assert_eq!((found.ticks[2].price, found.ticks[2].offset), (1e300, 4));
}

#[test]
fn every_field_arrives() {
    let (source, found) = read(around(b""));
    let tick = found.ticks[0];
    assert_eq!((tick.price, tick.bid, tick.ask, tick.size), (100.0, Some(99.0), Some(101.0), Some(2.0)));
    assert_eq!((tick.event_time, tick.receipt_time, tick.sequence, tick.venue), (MIDNIGHT, 7, Some(1), 0));
    let tick = found.ticks[1];
    assert_eq!((tick.bid, tick.ask, tick.size, tick.sequence), (None, None, None, None));
    let last = found.ticks[2];
    assert_eq!((last.size, last.sequence, last.offset), (Some(0.0), Some(12), 5));
    assert_eq!(found.frames, 3, "a blank line is no row");
    assert_eq!(source.description().rows, Some(3));
}

#[test]
fn carriage_returns_quotes_and_a_byte_order_mark_are_fine() {
    let content = "\u{feff}Price,\"Symbol\",note,TS\r\n\r\n100.5,\"BTC\",\"a\nb\",1747008000\r\n\
                   \r\n\"101\",BTC,\"x, \"\"y\"\"\",1747008060\r\n";
    let (_, found) = read(content);
    assert_eq!(found.events, []);
    let ticks: Vec<_> = found.ticks.iter().map(|t| (t.offset, t.price, t.event_time)).collect();
    assert_eq!(ticks, [(3, 100.5, MIDNIGHT), (6, 101.0, MIDNIGHT + 60 * SECOND)]);
}

#[test]
fn text_that_is_not_utf8_does_no_harm_in_a_column_nobody_reads() {
    let (_, found) = read(b"timestamp,asset,price,note\n1747008000,BTC,1,caf\xe9\n1747008001,BTC,1,\n");
    assert_eq!((found.ticks.len(), found.events.len()), (2, 0));
}

#[test]
fn gzip_and_zstd_are_told_by_their_first_bytes() {
    let plain = around(b"bad");
    let mut gzip = Vec::new();
    // Two members, as `cat a.gz b.gz` makes them.
    for part in [&plain[..60], &plain[60..]] {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(part).unwrap();
        gzip.extend(encoder.finish().unwrap());
    }
    let zstd = zstd::encode_all(plain.as_slice(), 3).unwrap();
    let (source, expected) = read(&plain);
    for packed in [gzip, zstd] {
        let (other, found) = read(packed);
        assert_eq!(found, expected);
        assert_eq!(other.description(), source.description(), "the digest is that of the content");
    }
}

#[test]
fn units_are_told_from_the_file_also_before_2001() {
    for (unit, scale, name) in [
        (TimeUnit::Seconds, 1, "s"),
        (TimeUnit::Milliseconds, 1_000, "ms"),
        (TimeUnit::Microseconds, 1_000_000, "us"),
        (TimeUnit::Nanoseconds, SECOND, "ns"),
    ] {
        for first in [1_747_008_000_i64, 946_684_800, 315_532_800] {
            let rows: String = (0..5).map(|i| format!("{},BTC,1\n", (first + 60 * i) * scale)).collect();
            let (source, found) = read(format!("timestamp,asset,price\n12,BTC,1\n{rows}"));
            assert_eq!(source.summary().unit, Some(unit), "{name} {first}");
            assert_eq!(found.ticks[1].event_time, first * SECOND, "{name} {first}");
        }
    }
    let given = CsvOptions { unit: Some(TimeUnit::Milliseconds), ..at_max() };
    let (_, found) = read_with("time,asset,price\n1000.5,BTC,1\n2000,BTC,1\n", given);
    assert_eq!(found.ticks[0].event_time, SECOND + SECOND / 2000);
    let (source, _) = read(around(b""));
    assert_eq!(source.summary().unit, None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn whatever_the_bytes_every_row_is_accounted_for(
        pieces in proptest::collection::vec(
            prop_oneof![
                Just(b"2025-05-12T00:00:00Z,BTC,1.5\n".to_vec()),
                Just(b"1747008000,ETH,2\r\n".to_vec()),
                Just(b"\"".to_vec()),
                Just(b"\n".to_vec()),
                proptest::collection::vec(any::<u8>(), 0..30),
            ],
            0..40,
        ),
    ) {
        let scratch = file([b"timestamp,asset,price\n".to_vec(), pieces.concat()].concat());
        if let Ok(mut source) = open(&scratch.path, at_max()) {
            let found = collect_ticks(&mut source).unwrap();
            let summary = source.summary();
            prop_assert_eq!(found.frames, (found.ticks.len() + found.events.len()) as u64);
            prop_assert_eq!(found.frames, summary.rows);
            prop_assert_eq!(found.ticks.len() as u64, summary.ticks.iter().sum::<u64>());
            let unknown = found.events.iter().filter(|e| e.reason == reason::UNKNOWN_ASSET).count() as u64;
            prop_assert_eq!(unknown, summary.left_out.iter().map(|(_, rows)| rows).sum::<u64>());
            prop_assert_eq!(found.events.len() as u64, summary.bad_rows + unknown);
        }
    }

    #[test]
    fn a_file_of_any_bytes_is_opened_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let scratch = file(bytes);
        let _ = open(&scratch.path, at_max());
    }
}
