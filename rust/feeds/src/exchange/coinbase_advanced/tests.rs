use super::*;
use crate::csv::reason;
use crate::exchange::venue::testing::read;

fn trade(number: u32, time: &str) -> String {
    format!(
        r#"{{"trade_id":"{number}","product_id":"ETH-USD","price":"1260.01","size":"0.{number}","side":"BUY","time":"{time}"}}"#
    )
}

fn trades(sequence: u64, kind: &str, entries: &[String]) -> String {
    let entries = entries.join(",");
    format!(
        r#"{{"channel":"market_trades","client_id":"","timestamp":"2023-02-09T20:30:37.167359596Z","sequence_num":{sequence},"events":[{{"type":"{kind}","trades":[{entries}]}}]}}"#
    )
}

fn ticker(sequence: u64, kind: &str) -> String {
    format!(
        r#"{{"channel":"ticker","client_id":"","timestamp":"2023-02-09T20:30:37.167359596Z","sequence_num":{sequence},"events":[{{"type":"{kind}","tickers":[{{"type":"ticker","product_id":"BTC-USD","price":"21932.98","volume_24_h":"16038.28770938","best_bid":"21931.98","best_bid_quantity":"8000.21","best_ask":"21933.98","best_ask_quantity":"8038.07770938"}}]}}]}}"#
    )
}

fn heartbeat(sequence: u64) -> String {
    format!(
        r#"{{"channel":"heartbeats","client_id":"","timestamp":"2023-06-23T20:31:26.122969572Z","sequence_num":{sequence},"events":[{{"current_time":"2023-06-23 20:31:56.121961769 +0000 UTC m=+91717.525857105","heartbeat_counter":"3049"}}]}}"#
    )
}

fn new() -> CoinbaseAdvanced {
    CoinbaseAdvanced::default()
}

#[test]
fn a_ticker_is_a_quote_at_the_time_of_its_frame() {
    let quote = "BTC-USD 21931.98 21932.98 21933.98 at Some(1675974637167359596) None";
    assert_eq!(read(&mut new(), &ticker(3, "update")), (Ok(Said::Prices), vec![quote.to_owned()]));
}

#[test]
fn trades_of_a_frame_are_told_as_they_were_made() {
    // More of them than have room in place, newest first, two at a time.
    let entries: Vec<String> = (10..40)
        .rev()
        .map(|number| trade(number, &format!("2019-08-14T20:42:{}.265Z", 10 + number / 2)))
        .collect();
    let (said, told) = read(&mut new(), &trades(1, "update", &entries));
    let expected = (10..40).map(|number| {
        let time = (1_565_815_330 + number / 2) * 1_000_000_000_i64 + 265_000_000;
        format!("ETH-USD 1260.01 x Some({:?}) at Some({time}) Rising({number})", number as f64 / 100.0)
    });
    assert_eq!((said, told), (Ok(Said::Prices), expected.collect()));
}

#[test]
fn a_snapshot_is_of_before() {
    let entries = [trade(1, "2019-08-14T20:42:27.265Z")];
    for frame in [ticker(0, "snapshot"), trades(0, "snapshot", &entries)] {
        assert_eq!(read(&mut new(), &frame), (Ok(Said::Other(BEFORE)), vec![]), "{frame}");
    }
    assert_eq!(read(&mut new(), &trades(0, "update", &[])), (Ok(Said::Other("no price")), vec![]));
}

#[test]
fn events_of_a_frame_are_judged_each_by_its_own_kind_wherever_it_stands() {
    let [new_one, old_one] = [2, 1].map(|number| trade(number, "1970-01-01T00:00:01Z"));
    let frame = format!(
        r#"{{"events":[{{"trades":[{new_one}],"type":"update"}},{{"trades":[{old_one}],"type":"snapshot"}}],"channel":"market_trades"}}"#
    );
    let trade = "ETH-USD 1260.01 x Some(0.2) at Some(1000000000) Rising(2)";
    assert_eq!(read(&mut new(), &frame), (Ok(Said::Prices), vec![trade.to_owned()]));
}

#[test]
fn a_break_in_the_numbers_of_the_frames_is_told_once() {
    let mut venue = new();
    let entries = [trade(1, "2019-08-14T20:42:27.265Z")];
    let steps = [
        (heartbeat(7), None),
        (ticker(8, "snapshot"), None),
        (trades(9, "update", &entries), None),
        (ticker(12, "update"), Some(Break::Missing { from: 9, to: 12 })),
        (heartbeat(12), Some(Break::Repeated { number: 12 })),
        (r#"{"type":"error","message":"no \"X\""}"#.to_owned(), None),
        (trades(3, "update", &entries), Some(Break::Backwards { from: 12, to: 3 })),
        (heartbeat(4), None),
    ];
    for (frame, expected) in steps {
        venue.read(&frame, &mut |print| assert!(print.is_ok())).unwrap();
        assert_eq!([venue.frame_break(), venue.frame_break()], [expected, None], "{frame}");
    }
    // Not asked in between: the newest is kept. Another connection has other numbers.
    for sequence in [6, 8, 9] {
        venue.read(&heartbeat(sequence), &mut |_| ()).unwrap();
    }
    assert_eq!(venue.frame_break(), Some(Break::Missing { from: 6, to: 8 }));
    venue.begin();
    venue.read(&heartbeat(0), &mut |_| ()).unwrap();
    assert_eq!(venue.frame_break(), None);
}

#[test]
fn a_price_that_cannot_be_used_is_told_with_its_reason_and_the_others_with_it() {
    let fine = trade(2, "2019-08-14T20:42:28.265Z");
    let cases = [
        (trade(1, "2019-08-14T20:42:27.265Z").replace("1260.01", "0"), reason::PRICE_NOT_POSITIVE),
        (trade(1, "2019-08-14T20:42:27.265Z").replace("0.1\"", "-1\""), reason::INVALID_SIZE),
        (trade(1, "2019-08-14").replace("price", "prize"), reason::EMPTY_PRICE),
        (trade(1, "yesterday"), reason::UNPARSABLE_TIMESTAMP),
        (trade(1, "2019-08-14").replace("product_id", "product"), NOT_UNDERSTOOD),
    ];
    for (wrong, reason) in cases {
        let (said, told) = read(&mut new(), &trades(1, "update", &[wrong, fine.clone()]));
        assert_eq!((said, told.len()), (Ok(Said::Prices), 2));
        assert_eq!(told.iter().filter(|told| *told == reason).count(), 1, "{told:?}");
    }
    for (side, reason) in [("21931.98", reason::INVALID_BID), ("21933.98", reason::INVALID_ASK)] {
        let frame = ticker(1, "update").replace(side, "0");
        assert_eq!(read(&mut new(), &frame), (Ok(Said::Prices), vec![reason.to_owned()]));
    }
}

#[test]
fn everything_else_has_a_name_or_is_not_understood() {
    let subscriptions =
        r#"{"channel":"subscriptions","sequence_num":0,"events":[{"subscriptions":{"ticker":["BTC-USD"]}}]}"#;
    let book = r#"{"channel":"l2_data","sequence_num":0,"events":[{"type":"snapshot","product_id":"BTC-USD","updates":[{"side":"bid","price_level":"21921.73","new_quantity":"0.06317902"}]}]}"#;
    let named = [
        (heartbeat(0), Said::Other("heartbeat")),
        (subscriptions.to_owned(), Said::Other("answer to a request")),
        (book.to_owned(), Said::Other("order book")),
        (r#"{"type":"error","message":"no"}"#.to_owned(), Said::Refused),
    ];
    for (frame, said) in named {
        assert_eq!(read(&mut new(), &frame), (Ok(said), vec![]), "{frame}");
    }
    let broken = ticker(1, "update").replace("}]}]}", "}]}]");
    for frame in ["", "{", "{}", r#"{"channel":"user"}"#, r#"{"channel":"ticker","events":{}}"#, &broken] {
        let mut venue = new();
        let (said, told) = read(&mut venue, frame);
        assert_eq!((said, told, venue.newest), (Err(NOT_UNDERSTOOD), vec![], None), "{frame}");
    }
}

#[test]
fn each_channel_is_asked_for_in_a_frame_of_its_own() {
    let frames = new().subscribe(&["BTC-USD".to_owned(), "ETH-USD".to_owned()]);
    let expected = [
        r#"{"type":"subscribe","channel":"heartbeats"}"#,
        r#"{"type":"subscribe","channel":"ticker","product_ids":["BTC-USD","ETH-USD"]}"#,
        r#"{"type":"subscribe","channel":"market_trades","product_ids":["BTC-USD","ETH-USD"]}"#,
    ];
    assert_eq!(frames, expected);
}
