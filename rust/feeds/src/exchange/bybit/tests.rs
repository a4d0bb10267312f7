use super::*;
use crate::exchange::text::NOT_UNDERSTOOD;
use crate::exchange::venue::testing::read;

// All frames are made from the documentation: none was recorded.
const SNAPSHOT: &str = r#"{"topic":"orderbook.1.BTCUSDT","ts":1672304484978,"type":"snapshot","data":{"s":"BTCUSDT","b":[["16493.50","0.006"]],"a":[["16611.00","0.029"]],"u":18521,"seq":7961638724},"cts":1672304484976}"#;
const TRADES: &str = r#"{"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":1672304486868,"data":[{"T":1672304486865,"s":"BTCUSDT","S":"Buy","v":"0.001","p":"16578.50","L":"PlusTick","i":"20f43950-d8dd-5b31-9112-a178eb6023af","BT":false,"seq":1783284617},{"T":1672304486866,"s":"BTCUSDT","S":"Sell","v":"2","p":"16578","i":"2290000000061666327"},{"T":1672304486867,"s":"BTCUSDT","v":"500","p":"16000","BT":true}]}"#;
const TICKER: &str = r#"{"topic":"tickers.BTCUSDT","type":"snapshot","data":{"symbol":"BTCUSDT","tickDirection":"PlusTick","lastPrice":"17216.00","openInterest":"68744.761","bid1Price":"17215.50","bid1Size":"84.489","ask1Price":"17216.00","ask1Size":"83.020"},"cs":24987956059,"ts":1673272861686}"#;

/// A change of the book, or of a ticker.
fn told(topic: &str, kind: &str, data: &str) -> String {
    format!(r#"{{"topic":"{topic}.X","type":"{kind}","ts":1700000000000,"data":{{{data}}}}}"#)
}

fn book(kind: &str, data: &str) -> String {
    told("orderbook.1", kind, data)
}

/// Reads frames one after another: each must give what stands beside it.
fn follow(venue: &mut Bybit, steps: &[(String, &str)]) {
    for (frame, expected) in steps {
        let expected = match *expected {
            "" | reason::INVALID_BID | reason::INVALID_ASK | reason::INVALID_SIZE => (*expected).to_owned(),
            quote => format!("X {quote} at Some(1700000000000000000) None"),
        };
        assert_eq!(read(venue, frame).1.join(", "), expected, "{frame}");
    }
}

#[test]
fn prices_of_the_documentation_are_read() {
    let mut venue = Bybit::default();
    let quote = "BTCUSDT 16493.5 16552.25 16611 at Some(1672304484976000000) Rising(7961638724)";
    assert_eq!(read(&mut venue, SNAPSHOT), (Ok(Said::Prices), vec![quote.to_owned()]));
    let trades = [
        "BTCUSDT 16578.5 x Some(0.001) at Some(1672304486865000000) None",
        "BTCUSDT 16578 x Some(2.0) at Some(1672304486866000000) None",
    ];
    assert_eq!(read(&mut venue, TRADES), (Ok(Said::Prices), trades.map(str::to_owned).to_vec()));
    let quote = "BTCUSDT 17215.5 17215.75 17216 at Some(1673272861686000000) None";
    assert_eq!(read(&mut venue, TICKER), (Ok(Said::Prices), vec![quote.to_owned()]));
}

#[test]
fn a_change_of_one_side_leaves_the_other() {
    let steps = [
        (book("delta", r#""b":[["9","1"]],"a":[]"#), reason::INVALID_ASK),
        (book("snapshot", r#""b":[["10","1"]],"a":[["12","1"]],"u":1"#), "10 11 12"),
        (book("delta", r#""b":[["11","1"],["10","0"]],"a":[],"u":2"#), "11 11.5 12"),
        (book("delta", r#""b":[["11","0"],["8","1"]],"u":3"#), "8 10 12"),
        (book("delta", r#""a":[["14.0","2"]],"u":4"#), "8 11 14"),
        // The removal of one that has been replaced.
        (book("delta", r#""a":[["12","0"]],"u":5"#), "8 11 14"),
        (book("delta", r#""a":[["14","0"]],"u":6"#), reason::INVALID_ASK),
        (book("delta", r#""b":[["9","1"]],"u":7"#), reason::INVALID_ASK),
        (book("delta", r#""a":[["13","1"],["11","1"]],"u":8"#), "9 10 11"),
        (book("snapshot", r#""b":[],"a":[["12","1"]],"u":9"#), reason::INVALID_BID),
        (book("delta", r#""b":[["10","1"]],"u":10"#), "10 11 12"),
        (book("delta", r#""b":[["9","1"],["11","1"],["8","1"]],"u":11"#), "11 11.5 12"),
    ];
    follow(&mut Bybit::default(), &steps);
}

#[test]
fn changes_of_a_ticker_leave_what_they_do_not_name() {
    let ticker = |kind: &str, data: &str| told("tickers", kind, data);
    let steps = [
        (ticker("snapshot", r#""bid1Price":"10","ask1Price":"12""#), "10 11 12"),
        (ticker("delta", r#""bid1Price":"11""#), "11 11.5 12"),
        (ticker("delta", r#""bid1Size":"7""#), ""),
        // The book of the same symbol is another matter.
        (book("delta", r#""b":[["3","1"]]"#), reason::INVALID_ASK),
        (ticker("delta", r#""ask1Price":"13""#), "11 12 13"),
        (ticker("delta", r#""bid1Price":"""#), reason::INVALID_BID),
        (ticker("delta", r#""ask1Price":"14""#), reason::INVALID_BID),
        (ticker("snapshot", r#""bid1Price":"10""#), reason::INVALID_ASK),
    ];
    follow(&mut Bybit::default(), &steps);
}

#[test]
fn a_side_that_cannot_be_read_is_not_known_any_more() {
    let steps = [
        (book("snapshot", r#""b":[["10","1"]],"a":[["12","1"]]"#), "10 11 12"),
        (book("delta", r#""b":[["dear","1"]]"#), reason::INVALID_BID),
        (book("delta", r#""a":[["14","1"]]"#), reason::INVALID_BID),
        (book("delta", r#""b":[["10","1"]]"#), "10 12 14"),
        (book("delta", r#""a":[["-1","1"]]"#), reason::INVALID_ASK),
        (book("delta", r#""a":[["14","much"]]"#), reason::INVALID_SIZE),
        (book("delta", r#""a":[["14",""]]"#), reason::INVALID_SIZE),
        (book("delta", r#""a":[["14","1"]]"#), "10 12 14"),
    ];
    follow(&mut Bybit::default(), &steps);
}

#[test]
fn what_is_not_understood_changes_nothing() {
    let mut venue = Bybit::default();
    follow(&mut venue, &[(book("snapshot", r#""b":[["10","1"]],"a":[["12","1"]]"#), "10 11 12")]);
    let deep = format!("{}{}", r#"{"data":"#, "[".repeat(100_000));
    let frames = [
        String::new(),
        "pong".to_owned(),
        "null".to_owned(),
        "[]".to_owned(),
        "{}".to_owned(),
        "7".to_owned(),
        deep,
        book("delta", r#""b":[[1,2]]"#),
        book("delta", r#""b":[["1"]]"#),
        book("delta", r#""b":[["1","2","3"]]"#),
        book("delta", r#""b":"1""#),
        book("delta", r#""b":[["1","1"]],"u":"7""#),
        book("delta", r#""b":[["1","1"]],"a":[[[[]]]]"#),
        book("delta", ""),
        book("change", r#""b":[["1","1"]]"#),
        book("delta", r#""b":[["1","1"]]"#).replace(".X", "."),
        book("delta", r#""b":[["1","1"]]"#) + "more",
        told("publicTrade", "snapshot", r#""p":"1""#),
        told("tickers", "delta", r#""bid1Price":1"#),
        r#"{"topic":"publicTrade.X","type":"snapshot","data":[{"p":"1","v":"1"},{"p":1,"v":"1"}]}"#
            .to_owned(),
        r#"{"topic":"publicTrade.X","type":"snapshot","data":[{"v":"1"}]}"#.to_owned(),
        r#"{"topic":"orderbook.1.X","type":"delta","data":[]}"#.to_owned(),
        r#"{"topic":"tickers.X","type":"delta"}"#.to_owned(),
    ];
    for frame in frames {
        assert_eq!(read(&mut venue, &frame), (Err(NOT_UNDERSTOOD), vec![]), "{frame:.80}");
    }
    follow(&mut venue, &[(book("delta", r#""a":[["14","1"]]"#), "10 12 14")]);
}

#[test]
fn another_connection_begins_with_nothing() {
    let mut venue = Bybit::default();
    follow(&mut venue, &[(book("snapshot", r#""b":[["10","1"]],"a":[["12","1"]]"#), "10 11 12")]);
    venue.begin();
    follow(&mut venue, &[(book("delta", r#""b":[["11","1"]]"#), reason::INVALID_ASK)]);
}

#[test]
fn other_frames_are_named() {
    let mut venue = Bybit::default();
    assert_eq!(read(&mut venue, SNAPSHOT).0, Ok(Said::Prices));
    let other = |name| Ok(Said::Other(name));
    let frames = [
        (SNAPSHOT, other("unchanged")),
        (
            r#"{"success":true,"ret_msg":"subscribe","conn_id":"2324d924","req_id":"1","op":"subscribe"}"#,
            other("answer to a request"),
        ),
        (r#"{"success":true,"ret_msg":"pong","conn_id":"0970e817","op":"ping"}"#, other("pong")),
        (
            r#"{"req_id":"1","op":"pong","args":["1675418560633"],"conn_id":"cfcb4ocsvfriu23r3er0"}"#,
            other("pong"),
        ),
        (
            r#"{"success":false,"ret_msg":"error:handler not found","conn_id":"2324d924","req_id":"","op":"subscribe"}"#,
            Ok(Said::Refused),
        ),
        (
            r#"{"topic":"orderbook.50.X","type":"delta","ts":1,"data":{"s":"X","b":[["1","2"]],"a":[]}}"#,
            other("order book"),
        ),
        (
            r#"{"topic":"kline.5.X","type":"snapshot","ts":1,"data":[{"start":1672324800000,"open":"1"}]}"#,
            other("candle"),
        ),
        (
            r#"{"topic":"allLiquidation.X","type":"snapshot","ts":1,"data":[{"p":"1","v":"2"}]}"#,
            other("another channel"),
        ),
        (
            r#"{"topic":"tickers.X","ts":1673853746003,"type":"snapshot","cs":2588407389,"data":{"symbol":"X","lastPrice":"21109.77"}}"#,
            other("daily statistics"),
        ),
        (r#"{"topic":"publicTrade.X","type":"snapshot","ts":1,"data":[]}"#, other("no price")),
    ];
    for (frame, expected) in frames {
        assert_eq!(read(&mut venue, frame), (expected, vec![]), "{frame}");
    }
    // The same number after a restart of the venue, but another price.
    let restarted = SNAPSHOT.replace("16493.50", "16500");
    assert_eq!(read(&mut venue, &restarted).0, Ok(Said::Prices));
}

#[test]
fn ten_topics_are_asked_for_at_once() {
    let venue = Bybit::default();
    let expected = r#"{"op":"subscribe","args":["orderbook.1.BTCUSDT","publicTrade.BTCUSDT"],"req_id":"1"}"#;
    assert_eq!(venue.subscribe(&["BTCUSDT".to_owned()]), [expected]);
    let symbols: Vec<String> = (0..12).map(|number| format!("\"{number}\\")).collect();
    let frames: Vec<serde_json::Value> =
        venue.subscribe(&symbols).iter().map(|frame| serde_json::from_str(frame).unwrap()).collect();
    let asked = frames.iter().map(|frame| frame["args"].as_array().unwrap().len());
    assert_eq!(asked.collect::<Vec<_>>(), [10, 10, 4]);
    let ping = venue.keep_alive().unwrap();
    assert_eq!((ping.every.as_secs(), ping.text), (20, r#"{"op":"ping"}"#));
}
