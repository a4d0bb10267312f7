use std::collections::BTreeMap;

use super::*;
use crate::exchange::Binance;

const HOUR: Nanos = 3_600 * SECOND;

fn intake() -> Intake {
    let assets = ["BTC", "ETH"].map(str::to_owned);
    let symbols =
        Symbols::new(&Binance::international(), &assets, &vec![true; assets.len()], "USDT", &BTreeMap::new())
            .unwrap();
    Intake::new("binance", symbols, 1_000)
}

fn at(utc: Nanos) -> Receipt {
    Receipt { monotonic: utc, utc }
}

fn trade(symbol: &str, number: u64, milliseconds: Nanos) -> String {
    format!(
        r#"{{"stream":"x@trade","data":{{"e":"trade","E":{milliseconds},"s":"{symbol}","t":{number},"p":"2.5","q":"1","T":{milliseconds},"m":true,"M":true}}}}"#
    )
}

fn quote(symbol: &str, number: u64) -> String {
    format!(r#"{{"stream":"x","data":{{"u":{number},"s":"{symbol}","b":"2","B":"1","a":"3","A":"1"}}}}"#)
}

/// An input in short: of a tick its asset, time and number, of an event its kind and reason.
fn short(input: &Input) -> String {
    match input {
        Input::Tick(tick) => {
            let number = tick.sequence.map_or_else(String::new, |number| format!(" #{number}"));
            format!("{} {}{number}", tick.asset.0, tick.event_time)
        }
        Input::Event(event) | Input::Note(event) => format!("{}: {}", event.kind.name(), event.reason),
        other => format!("{other:?}"),
    }
}

fn take(intake: &mut Intake, receipt: Nanos, frame: &str) -> Vec<String> {
    let mut lines = Vec::new();
    intake.read(&mut Binance::international(), at(receipt), frame, &mut |input| lines.push(short(&input)));
    intake.admit_all(&mut |input| lines.push(short(&input)));
    lines
}

#[test]
fn a_price_becomes_a_tick_of_its_asset_with_a_place_of_its_own() {
    let mut intake = intake();
    let mut ticks = Vec::new();
    for frame in [trade("ETHUSDT", 7, 50), quote("BTCUSDT", 9)] {
        intake.read(&mut Binance::international(), at(60_000_000), &frame, &mut |_| {});
        intake.admit_all(&mut |input| ticks.push(input));
    }
    let tick = Tick {
        asset: AssetId(1),
        price: 2.5,
        bid: None,
        ask: None,
        size: Some(1.0),
        event_time: 50_000_000,
        receipt_time: 60_000_000,
        venue: 0,
        sequence: Some(7),
        partition: 0,
        offset: 1_000,
    };
    // The quote has no time: it is stamped by the exchange's clock, 10 ms behind.
    let (bid, ask) = (Some(2.0), Some(3.0));
    let (asset, sequence, offset) = (AssetId(0), Some(9), 1_001);
    let quote = Tick { asset, bid, ask, size: None, sequence, offset, ..tick };
    assert_eq!(ticks, [Input::Tick(tick), Input::Tick(quote)]);
}

#[test]
fn numbers_that_are_not_as_expected_are_told_and_nothing_is_taken_twice() {
    let mut intake = intake();
    let steps: [(u64, &[&str]); 6] = [
        (5, &["0 1000000 #5"]),
        (6, &["0 1000000 #6"]),
        (6, &["ignored: number repeated"]),
        (9, &["gap: numbers missing", "0 1000000 #9"]),
        (7, &["ignored: number went back"]),
        (10, &["0 1000000 #10"]),
    ];
    for (number, expected) in steps {
        assert_eq!(take(&mut intake, SECOND, &trade("BTCUSDT", number, 1)), expected, "{number}");
        // Quotes have numbers of their own, which need not follow each other.
        assert_eq!(take(&mut intake, SECOND, &quote("BTCUSDT", 1)).len(), 1);
    }
}

#[test]
fn what_cannot_be_used_is_told_with_its_reason() {
    let mut intake = intake();
    let cases = [
        ("{", "quarantined: frame not understood"),
        (&*trade("BTCUSDT", 1, 1).replace("2.5", "-2.5"), "quarantined: price not positive"),
        (&*trade("DOGEUSDT", 1, 1), "ignored: unknown symbol"),
    ];
    for (frame, expected) in cases {
        assert_eq!(take(&mut intake, 0, frame), [expected]);
    }
    // Once is enough of a symbol nobody asked for.
    assert_eq!(take(&mut intake, 0, &trade("DOGEUSDT", 2, 1)), Vec::<String>::new());
    for number in 0..100 {
        take(&mut intake, 0, &trade(&format!("A{number}"), 1, 1));
    }
    assert_eq!((intake.unknown(), intake.unknown.0.len()), (102, MOST_UNKNOWN));
}

#[test]
fn a_clock_that_jumps_is_told() {
    let mut intake = intake();
    take(&mut intake, HOUR, &trade("BTCUSDT", 1, HOUR / 1_000_000));
    let jumped = take(&mut intake, HOUR + SECOND, &trade("BTCUSDT", 2, 2 * HOUR / 1_000_000));
    assert_eq!(jumped, ["clock: clock of the exchange jumped".to_owned(), format!("0 {} #2", 2 * HOUR)]);
}

#[test]
fn of_two_connections_each_price_is_taken_once() {
    let mut intake = intake();
    let mut venue = Binance::international();
    let mut held = Vec::new();
    // The second connection begins with 3 and comes to 7, the first ends with 5.
    for number in 1..=5 {
        assert_eq!(take(&mut intake, SECOND, &trade("BTCUSDT", number, 1)).len(), 1);
        assert_eq!(take(&mut intake, SECOND, &quote("BTCUSDT", 10 * number)).len(), 1);
    }
    for number in 3..=7 {
        for frame in [trade("BTCUSDT", number, 1), quote("BTCUSDT", 10 * number)] {
            intake.read(&mut venue, at(2 * SECOND), &frame, &mut |_| {});
            held.extend_from_slice(intake.prices());
        }
    }
    let mut numbers = Vec::new();
    intake.admit_held(&held, &mut |input| match input {
        Input::Tick(tick) => numbers.push(tick.sequence.unwrap()),
        other => panic!("{other:?}"),
    });
    assert_eq!(numbers, [6, 60, 7, 70]);
}

#[test]
fn held_prices_without_a_number_are_told_apart_by_their_time() {
    let mut intake = intake();
    let price = |second: Nanos| Price {
        asset: AssetId(0),
        stream: Stream::Trade,
        price: 1.0,
        bid: None,
        ask: None,
        size: None,
        time: Some(second),
        number: Number::None,
        receipt: at(second),
    };
    let mut times = Vec::new();
    intake.admit(&price(5), &mut |_| {});
    let held: Vec<Price> = (3..=7).map(price).collect();
    intake.admit_held(&held, &mut |input| match input {
        Input::Tick(tick) => times.push(tick.event_time),
        other => panic!("{other:?}"),
    });
    assert_eq!(times, [6, 7]);
}

#[test]
fn a_connection_that_is_behind_the_one_before_repeats_without_a_word_for_a_while() {
    let mut intake = intake();
    for number in 1..=9 {
        take(&mut intake, SECOND, &trade("BTCUSDT", number, 1));
    }
    intake.take_over(2 * SECOND);
    for number in 4..=9 {
        assert_eq!(take(&mut intake, 3 * SECOND, &trade("BTCUSDT", number, 1)), Vec::<String>::new());
    }
    assert_eq!(take(&mut intake, 3 * SECOND, &trade("BTCUSDT", 10, 1)), ["0 1000000 #10"]);
    assert_eq!(take(&mut intake, 8 * SECOND, &trade("BTCUSDT", 10, 1)), ["ignored: number repeated"]);
}

#[test]
fn among_several_venues_each_has_its_number_and_its_partition_and_the_rule_makes_the_price() {
    let best = Rc::new(RefCell::new(Best::new(2, 2, SECOND)));
    let mut intakes = [0, 1].map(|number| intake().among(number, Some(Rc::clone(&best))));
    let mut ticks = Vec::new();
    let quotes = [(0, "2", "6"), (1, "3", "9"), (0, "1", "5")];
    for (number, (venue, bid, ask)) in (1..).zip(quotes) {
        let frame =
            format!(r#"{{"data":{{"u":{number},"s":"BTCUSDT","b":"{bid}","B":"1","a":"{ask}","A":"1"}}}}"#);
        let intake: &mut Intake = &mut intakes[venue];
        intake.read(&mut Binance::international(), at(number * 1_000), &frame, &mut |_| {});
        intake.admit_all(&mut |input| match input {
            Input::Tick(tick) => ticks.push((tick.venue, tick.partition, tick.offset, tick.price)),
            other => panic!("{other:?}"),
        });
    }
    assert_eq!(ticks, [(0, 0, 1_000, 4.0), (1, 1, 1_000, 4.5), (0, 0, 1_001, 4.0)]);
    assert_eq!([intakes[0].heard(), intakes[1].heard()], [3_000, 2_000]);
    let Input::Note(note) = intakes[1].note(EventKind::Connection, "reason", "detail") else { panic!() };
    assert_eq!((note.partition, note.detail.as_str()), (1, "binance: detail"));
    // A trade before any quote has no price.
    let frame = trade("ETHUSDT", 7, 50);
    intakes[0].read(&mut Binance::international(), at(4_000), &frame, &mut |_| {});
    intakes[0].admit_all(&mut |input| panic!("{input:?}"));
}
