use super::*;
use crate::csv::reason;
use crate::exchange::text::NOT_UNDERSTOOD;
use crate::exchange::venue::testing::read;

/// Of the recording of May 2022.
const TICKER: &str = r#"{"arg":{"channel":"tickers","instId":"BTC-USDT"},"data":[{"instType":"SPOT","instId":"BTC-USDT","last":"30236","lastSz":"0.0002","askPx":"30228.7","askSz":"1.55896972","bidPx":"30228.6","bidSz":"0.23393","open24h":"29700.4","high24h":"31073","low24h":"28020.3","sodUtc0":"29028.8","sodUtc8":"30337.7","volCcy24h":"525802090.62716611","vol24h":"17602.13085371","ts":"1652459224956"}]}"#;
const TRADE: &str = r#"{"arg":{"channel":"trades","instId":"BTC-USDT"},"data":[{"instId":"BTC-USDT","tradeId":"338476307","px":"30236","sz":"0.0002","side":"buy","ts":"1652459224818"}]}"#;

/// One that has sent the newest trades of before the subscription.
fn begun() -> Okx {
    let mut begun = Kept::default();
    for symbol in ["BTC-USDT", "X"] {
        begun.keep(symbol, ()).unwrap();
    }
    Okx { begun }
}

#[test]
fn prices_of_the_recording_are_read() {
    let quote = "BTC-USDT 30228.6 30228.65 30228.7 at Some(1652459224956000000) None";
    let trade = "BTC-USDT 30236 x Some(0.0002) at Some(1652459224818000000) Rising(338476307)";
    assert_eq!(read(&mut begun(), TICKER), (Ok(Said::Prices), vec![quote.to_owned()]));
    assert_eq!(read(&mut begun(), TRADE), (Ok(Said::Prices), vec![trade.to_owned()]));
}

/// Made from the documentation: none was recorded.
#[test]
fn the_top_of_the_book_and_several_items_are_read() {
    let top = r#"{"arg":{"channel":"bbo-tbt","instId":"BCH-USDT"},"data":[{"asks":[["111.06","55154","0","2"]],"bids":[["111.05","57745","0","2"]],"ts":"1670324386802","seqId":363996337}]}"#;
    assert_eq!(
        read(&mut begun(), top).1,
        ["BCH-USDT 111.05 111.055 111.06 at Some(1670324386802000000) None"]
    );
    let items: Vec<String> = (0..20).map(|id| format!(r#"{{"px":"{id}.5","tradeId":"{id}"}}"#)).collect();
    let trades = format!(r#"{{"data":[{}],"arg":{{"instId":"X","channel":"trades"}}}}"#, items.join(","));
    let expected: Vec<String> = (0..20).map(|id| format!("X {id}.5 x None at None Rising({id})")).collect();
    assert_eq!(read(&mut begun(), &trades), (Ok(Said::Prices), expected));
}

#[test]
fn other_frames_are_named() {
    let other = |name| Ok(Said::Other(name));
    let frames = [
        ("pong", other("pong")),
        (
            r#"{"event":"subscribe","arg":{"channel":"tickers","instId":"BTC-USDT"}}"#,
            other("answer to a request"),
        ),
        (
            r#"{"event":"error","code":"60012","msg":"Illegal request","connId":"a4d3ae55"}"#,
            Ok(Said::Refused),
        ),
        (r#"{"event":"notice","code":"64008","msg":"soon","connId":"a4d3ae55"}"#, Ok(Said::Closing)),
        (r#"{"event":"notice","code":"1","msg":"hello"}"#, other("notice")),
        (
            r#"{"arg":{"channel":"books","instId":"X"},"action":"update","data":[{"asks":[["1","2","0","1"]],"bids":[],"ts":"1652459236119","checksum":6}]}"#,
            other("order book"),
        ),
        (
            r#"{"arg":{"channel":"candle1m","instId":"X"},"data":[["1597026383085","8533.02"]]}"#,
            other("candle"),
        ),
        (
            r#"{"arg":{"channel":"funding-rate","instId":"X"},"data":[{"fundingRate":"0.01"}]}"#,
            other("funding rate"),
        ),
        (r#"{"arg":{"channel":"mark-price","instId":"X"},"data":[{"ts":7}]}"#, other("another channel")),
        (r#"{"arg":{"channel":"tickers","instId":"X"},"data":[]}"#, other("no price")),
    ];
    for (frame, expected) in frames {
        assert_eq!(read(&mut begun(), frame), (expected, vec![]), "{frame}");
    }
}

#[test]
fn what_is_not_understood_is_told_and_gives_no_price() {
    let deep = format!("{}{}", r#"{"data":"#, "[".repeat(100_000));
    let frames = [
        "",
        "ping",
        "pong ",
        "null",
        "[]",
        "{}",
        "7",
        "{\"arg\":",
        &deep,
        r#"{"event":"surprise"}"#,
        r#"{"arg":{"channel":"trades","instId":"X"}}"#,
        r#"{"arg":{"channel":"trades"},"data":[{"px":"1"}]}"#,
        r#"{"arg":{"channel":"trades","instId":"X"},"data":{"px":"1"}}"#,
        r#"{"arg":{"channel":"trades","instId":"X"},"data":[{"px":"1"},{"px":1}]}"#,
        r#"{"arg":{"channel":"trades","instId":"X"},"data":[{"px":"1","ts":1652459224818}]}"#,
        r#"{"arg":{"channel":"trades","instId":"X"},"data":[{"px":"1"}]} more"#,
        r#"{"arg":{"channel":"bbo-tbt","instId":"X"},"data":[{"asks":["1"],"bids":[["1"]]}]}"#,
    ];
    for frame in frames {
        assert_eq!(read(&mut begun(), frame), (Err(NOT_UNDERSTOOD), vec![]), "{:.80}", frame);
    }
}

#[test]
fn an_item_that_is_no_price_is_told_among_those_that_are() {
    let item = |channel: &str, item: &str| {
        let frame = format!(r#"{{"arg":{{"channel":"{channel}","instId":"X"}},"data":[{item}]}}"#);
        let (said, lines) = read(&mut begun(), &frame);
        assert_eq!(said, Ok(Said::Prices));
        lines
    };
    assert_eq!(
        item("trades", r#"{},{"px":"-1"},{"px":"2"}"#),
        [reason::EMPTY_PRICE, reason::PRICE_NOT_POSITIVE, "X 2 x None at None None"]
    );
    assert_eq!(
        item("trades", r#"{"px":"1","sz":"-1"},{"px":"1","ts":"soon"}"#),
        [reason::INVALID_SIZE, reason::UNPARSABLE_TIMESTAMP]
    );
    assert_eq!(
        item("tickers", r#"{"bidPx":"","askPx":"2"},{"bidPx":"1"}"#),
        [reason::INVALID_BID, reason::INVALID_ASK]
    );
    assert_eq!(
        item("bbo-tbt", r#"{"bids":[],"asks":[["2"]]},{"bids":[["1"]],"asks":[[]]}"#),
        [reason::INVALID_BID, reason::INVALID_ASK]
    );
}

#[test]
fn every_symbol_is_asked_for_once_and_kept_alive() {
    assert_eq!(
        begun().subscribe(&["BTC-USDT".to_owned()]),
        [
            r#"{"op":"subscribe","args":[{"channel":"tickers","instId":"BTC-USDT"},{"channel":"trades","instId":"BTC-USDT"}]}"#
        ]
    );
    let symbols: Vec<String> = (0..250).map(|number| format!("\"{number}\\")).collect();
    let frames = begun().subscribe(&symbols);
    let arguments = frames.iter().map(|frame| {
        serde_json::from_str::<serde_json::Value>(frame).unwrap()["args"].as_array().unwrap().len()
    });
    assert_eq!(arguments.collect::<Vec<_>>(), [200, 200, 100]);
    assert_eq!(begun().keep_alive().map(|ping| (ping.every.as_secs(), ping.text)), Some((20, "ping")));
    assert_eq!(begun().silence().as_secs(), 25);
}

#[test]
fn the_first_trade_of_a_symbol_is_of_before_the_subscription() {
    let mut venue = Okx::default();
    for _ in 0..2 {
        let empty = r#"{"arg":{"channel":"trades","instId":"BTC-USDT"},"data":[]}"#;
        assert_eq!(read(&mut venue, empty).0, Ok(Said::Other("no price")));
        assert_eq!(read(&mut venue, TICKER).0, Ok(Said::Prices));
        assert_eq!(read(&mut venue, TRADE), (Ok(Said::Other(BEFORE)), vec![]));
        assert_eq!(read(&mut venue, TRADE).0, Ok(Said::Prices));
        let another = TRADE.replace("BTC-USDT", "ETH-USDT");
        assert_eq!(read(&mut venue, &another).0, Ok(Said::Other(BEFORE)));
        venue.begin();
    }
}
