use super::*;
use crate::exchange::text::NOT_UNDERSTOOD;
use crate::exchange::venue::testing::read;

/// Made from the documentation: no frame of the second version was recorded.
const TICKER: &str = r#"{"channel":"ticker","type":"update","data":[{"symbol":"BTC/USD","bid":105944.20,"bid_qty":2.5,"ask":105944.30,"ask_qty":3.2,"last":105899.40,"volume":163.28908096,"vwap":105904.39279,"low":104711.0,"high":106613.10,"change":250.0,"change_pct":0.24,"timestamp":"2022-12-25T09:30:59.123456Z"}]}"#;
const TRADES: &str = r#"{"channel":"trade","type":"update","data":[{"symbol":"MATIC/USD","side":"buy","price":0.5147,"qty":6423.46326,"ord_type":"limit","trade_id":4665846,"timestamp":"2023-09-25T07:48:36.925533Z"},{"symbol":"ETH/USD","side":"sell","price":1580,"qty":2,"ord_type":"market","trade_id":7,"timestamp":"2023-09-25T07:49:36.925603Z"}]}"#;

#[test]
fn prices_of_the_documentation_are_read() {
    let quote = "BTC/USD 105944.2 105944.25 105944.3 at Some(1671960659123456000) None";
    let first = "MATIC/USD 0.5147 x Some(6423.46326) at Some(1695628116925533000) Rising(4665846)";
    let second = "ETH/USD 1580 x Some(2.0) at Some(1695628176925603000) Rising(7)";
    assert_eq!(read(&mut Kraken, TICKER), (Ok(Said::Prices), vec![quote.to_owned()]));
    assert_eq!(read(&mut Kraken, TRADES), (Ok(Said::Prices), vec![first.to_owned(), second.to_owned()]));
    let first_quote = TICKER.replace("update", "snapshot");
    assert_eq!(read(&mut Kraken, &first_quote), (Ok(Said::Prices), vec![quote.to_owned()]));
    let before = TRADES.replace("update", "snapshot");
    assert_eq!(read(&mut Kraken, &before), (Ok(Said::Other("snapshot")), vec![]));
}

#[test]
fn a_number_is_the_nearest_double() {
    for price in
        ["0.1", "8.41", "2.2250738585072014e-308", "9007199254740993", "123456789.123456789123", "1e22"]
    {
        let frame =
            format!(r#"{{"channel":"trade","type":"update","data":[{{"symbol":"X","price":{price}}}]}}"#);
        let nearest: f64 = price.parse().unwrap();
        assert_eq!(read(&mut Kraken, &frame).1, [format!("X {nearest} x None at None None")]);
    }
}

#[test]
fn what_is_no_price_is_told_among_those_that_are() {
    let item = |channel: &str, item: &str| {
        let frame = format!(r#"{{"channel":"{channel}","type":"update","data":[{item}]}}"#);
        let (said, lines) = read(&mut Kraken, &frame);
        assert_eq!(said, Ok(Said::Prices));
        lines
    };
    let empty = r#"{"symbol":"X","bid":0,"ask":0,"timestamp":"1970-01-01T00:00:00.000000Z"}"#;
    assert_eq!(item("ticker", empty), [reason::INVALID_BID]);
    assert_eq!(
        item("ticker", r#"{"symbol":"X","bid":1,"ask":0.0},{"symbol":"X","bid":null,"ask":2}"#),
        [reason::INVALID_ASK, reason::INVALID_BID]
    );
    let prices = r#"{"symbol":"X"},{"symbol":"X","price":-1.5},{"symbol":"X","price":2},{"symbol":"X","price":2,"qty":-1}"#;
    let expected =
        [reason::EMPTY_PRICE, reason::PRICE_NOT_POSITIVE, "X 2 x None at None None", reason::INVALID_SIZE];
    assert_eq!(item("trade", prices), expected);
    for time in ["", "5", "1695628116925533000", "1970-01-01T00:00:00Z", "2023-13-01T00:00:00Z"] {
        let price = format!(r#"{{"symbol":"X","price":2,"timestamp":"{time}"}}"#);
        assert_eq!(item("trade", &price), [reason::UNPARSABLE_TIMESTAMP], "{time}");
    }
}

#[test]
fn other_frames_are_named() {
    let other = |name| Ok(Said::Other(name));
    let frames = [
        (r#"{"channel":"heartbeat"}"#, other("heartbeat")),
        (
            r#"{"channel":"status","type":"update","data":[{"api_version":"v2","connection_id":12393906104898154338,"system":"online","version":"2.0.0"}]}"#,
            other("status"),
        ),
        (
            r#"{"method":"subscribe","req_id":1,"result":{"channel":"ticker","event_trigger":"bbo","snapshot":true,"symbol":"BTC/USD"},"success":true,"time_in":"2023-09-25T09:04:31.742599Z","time_out":"2023-09-25T09:04:31.742648Z"}"#,
            other("answer to a request"),
        ),
        (
            r#"{"error":"Currency pair not supported","method":"subscribe","success":false,"symbol":"X/Y"}"#,
            Ok(Said::Refused),
        ),
        (r#"{"method":"pong","req_id":101}"#, other("pong")),
        (
            r#"{"channel":"book","type":"snapshot","data":[{"symbol":"X","bids":[{"price":0.5,"qty":4}],"asks":[],"checksum":2}]}"#,
            other("order book"),
        ),
        (
            r#"{"channel":"ohlc","type":"update","data":[{"symbol":"X","open":1}],"timestamp":"2023-10-04T16:26:30.524394914Z"}"#,
            other("candle"),
        ),
        (
            r#"{"channel":"instrument","type":"snapshot","data":{"assets":[],"pairs":[]}}"#,
            other("another channel"),
        ),
        (r#"{"channel":"ticker","type":"snapshot","data":[]}"#, other("no price")),
        // Of the first version, as recorded in 2021, but for the trade.
        (
            r#"{"connectionID":18239578009413566319,"event":"systemStatus","status":"online","version":"1.8.3"}"#,
            other("kraken-v1"),
        ),
        (r#"{"event":"heartbeat"}"#, other("kraken-v1")),
        (
            r#"[1840,{"b":[["9.586072","0.00000000","1618678163.323225"]],"c":"1921670645"},"book-1000","OMG/USD"]"#,
            other("kraken-v1"),
        ),
        (
            r#"[0,[["5541.20000","0.15850568","1534614057.321597","s","l",""]],"trade","XBT/USD"]"#,
            other("kraken-v1"),
        ),
    ];
    for (frame, expected) in frames {
        assert_eq!(read(&mut Kraken, frame), (expected, vec![]), "{frame}");
    }
}

#[test]
fn what_is_not_understood_is_told_and_gives_no_price() {
    let deep = format!("{}{}", r#"{"data":"#, "[".repeat(100_000));
    let frames = [
        "",
        "null",
        "[]",
        "[[1]]",
        "{}",
        "7",
        "[1",
        "{\"channel\":",
        &deep,
        r#"{"channel":7}"#,
        r#"{"channel":"ticker","type":"update"}"#,
        r#"{"channel":"ticker","data":[{"symbol":"X","bid":1,"ask":2}]}"#,
        r#"{"channel":"ticker","type":"delta","data":[{"symbol":"X","bid":1,"ask":2}]}"#,
        r#"{"channel":"ticker","type":"update","data":[{"bid":1,"ask":2}]}"#,
        r#"{"channel":"ticker","type":"update","data":[{"symbol":"X","bid":"1","ask":"2"}]}"#,
        r#"{"channel":"ticker","type":"update","data":{"symbol":"X","bid":1,"ask":2}}"#,
        r#"{"channel":"trade","type":"update","data":[{"symbol":"X","price":1},{"symbol":"X","price":1e999}]}"#,
        r#"{"channel":"trade","type":"update","data":[{"symbol":"X","price":1,"trade_id":-1}]}"#,
        r#"{"channel":"trade","type":"update","data":[{"symbol":"X","price":1}]} more"#,
    ];
    for frame in frames {
        assert_eq!(read(&mut Kraken, frame), (Err(NOT_UNDERSTOOD), vec![]), "{frame:.80}");
    }
}

#[test]
fn every_symbol_is_asked_for_once() {
    let expected = [
        r#"{"method":"subscribe","params":{"channel":"ticker","symbol":["BTC/USD","ETH/USD"],"event_trigger":"bbo","snapshot":true},"req_id":1}"#,
        r#"{"method":"subscribe","params":{"channel":"trade","symbol":["BTC/USD","ETH/USD"],"snapshot":false},"req_id":2}"#,
    ];
    assert_eq!(Kraken.subscribe(&["BTC/USD", "ETH/USD"].map(str::to_owned)), expected);
    let symbols: Vec<String> = (0..250).map(|number| format!("\"{number}\\")).collect();
    let frames: Vec<serde_json::Value> =
        Kraken.subscribe(&symbols).iter().map(|frame| serde_json::from_str(frame).unwrap()).collect();
    let asked = frames.iter().map(|frame| frame["params"]["symbol"].as_array().unwrap().len());
    assert_eq!(asked.collect::<Vec<_>>(), [100, 100, 100, 100, 50, 50]);
    assert_eq!(Kraken.silence().as_secs(), 5);
}
