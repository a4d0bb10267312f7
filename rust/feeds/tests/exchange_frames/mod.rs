//! Frames of each venue, as a recording or its documentation has them.

use silverbullet_feeds::exchange::{Binance, Bybit, Coinbase, CoinbaseAdvanced, Kraken, Okx, Venue};

/// A venue, and what it says.
pub(crate) struct Frames {
    /// A connection to it.
    pub(crate) new: fn() -> Box<dyn Venue>,
    /// Frames with a price at least in each, that of what was before the subscription among them.
    pub(crate) prices: &'static [&'static str],
    /// Others: answers, heartbeats, and what changes a price or is none.
    #[allow(dead_code, reason = "not every test needs them")]
    pub(crate) others: &'static [&'static str],
}

/// Each parser once: both addresses of Binance have the same.
pub(crate) const VENUES: [Frames; 6] = [
    Frames {
        new: || Box::new(Binance::international()),
        prices: &[
            r#"{"stream":"btcusdt@bookTicker","data":{"u":50093239212,"s":"BTCUSDT","b":"61837.63000000","B":"3.78826000","a":"61837.64000000","A":"1.54698000"}}"#,
            r#"{"stream":"btcusdt@trade","data":{"e":"trade","E":1723161255343,"s":"BTCUSDT","t":3735683259,"p":"61837.63000000","q":"0.02000000","T":1723161255342,"m":true,"M":true}}"#,
            r#"{"e":"trade","E":1723161255343,"s":"BTCUSDT","t":3735683260,"p":"61837.63000000","q":"0.02000000","T":1723161255342,"m":true,"M":true}"#,
        ],
        others: &[
            r#"{"result":null,"id":1}"#,
            r#"{"error":{"code":2,"msg":"Invalid request"},"id":1}"#,
            r#"{"e":"serverShutdown","E":1770123456789}"#,
            r#"{"stream":"btcusdt@depth","data":{"e":"depthUpdate","E":1672515782136,"s":"BTCUSDT","U":157,"u":160,"b":[["0.0024","10"]],"a":[["0.0026","100"]]}}"#,
        ],
    },
    Frames {
        new: || Box::new(Bybit::default()),
        prices: &[
            r#"{"topic":"orderbook.1.BTCUSDT","ts":1672304484978,"type":"snapshot","data":{"s":"BTCUSDT","b":[["16493.50","0.006"]],"a":[["16611.00","0.029"]],"u":18521,"seq":7961638724},"cts":1672304484976}"#,
            r#"{"topic":"orderbook.1.BTCUSDT","ts":1672304484979,"type":"delta","data":{"s":"BTCUSDT","b":[["16493.60","0.006"]],"a":[],"u":18522,"seq":7961638725},"cts":1672304484977}"#,
            r#"{"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":1672304486868,"data":[{"T":1672304486865,"s":"BTCUSDT","S":"Buy","v":"0.001","p":"16578.50","L":"PlusTick","i":"20f43950-d8dd-5b31-9112-a178eb6023af","BT":false},{"T":1672304486866,"s":"BTCUSDT","S":"Sell","v":"2","p":"16578"}]}"#,
        ],
        others: &[
            r#"{"success":true,"ret_msg":"subscribe","conn_id":"2324d924","req_id":"1","op":"subscribe"}"#,
            r#"{"success":false,"ret_msg":"error:handler not found","op":"subscribe"}"#,
            r#"{"success":true,"ret_msg":"pong","conn_id":"0970e817","req_id":"","op":"ping"}"#,
            r#"{"topic":"tickers.BTCUSDT","type":"delta","data":{"symbol":"BTCUSDT","bid1Price":"17215.50","ask1Price":"17216.00"},"cs":24987956059,"ts":1673272861686}"#,
            r#"{"topic":"orderbook.1.BTCUSDT","ts":1672304484980,"type":"delta","data":{"s":"BTCUSDT","b":[["16493.60","0"]],"a":[],"u":18523,"seq":7961638726},"cts":1672304484978}"#,
        ],
    },
    Frames {
        new: || Box::new(Coinbase::default()),
        prices: &[
            r#"{"type":"match","trade_id":82008,"maker_order_id":"f71dd5c4-b316-4869-83db-ff328a7379a6","taker_order_id":"d30ea30a-c805-4f05-ba7e-28020dfc52b3","side":"sell","size":"335","price":"0.5762","product_id":"SKL-GBP","sequence":27883501,"time":"2021-04-17T16:43:37.270697Z"}"#,
            r#"{"type":"ticker","sequence":27883501,"product_id":"SKL-GBP","price":"0.5762","open_24h":"0.5102","volume_24h":"3480196.10000000","best_bid":"0.5742","best_ask":"0.5771","side":"buy","time":"2021-04-17T16:43:37.270697Z","trade_id":82008,"last_size":"335"}"#,
        ],
        others: &[
            r#"{"type":"heartbeat","sequence":90,"last_trade_id":20,"product_id":"BTC-USD","time":"2014-11-07T08:19:28.464459Z"}"#,
            r#"{"type":"subscriptions","channels":[{"name":"ticker","product_ids":["SKL-GBP"]}]}"#,
            r#"{"type":"error","message":"Failed to subscribe","reason":"X is not a product"}"#,
            r#"{"type":"last_match","trade_id":82007,"size":"1","price":"0.5","product_id":"SKL-GBP","sequence":27883500,"time":"2021-04-17T16:43:36.270697Z"}"#,
            r#"{"type":"l2update","product_id":"SKL-GBP","changes":[["sell","0.5767","0.0"]],"time":"2021-04-17T16:44:07.859760Z"}"#,
        ],
    },
    Frames {
        new: || Box::new(CoinbaseAdvanced::default()),
        prices: &[
            r#"{"channel":"ticker","client_id":"","timestamp":"2023-02-09T20:30:37.167359596Z","sequence_num":0,"events":[{"type":"update","tickers":[{"type":"ticker","product_id":"BTC-USD","price":"21932.98","volume_24_h":"16038.28770938","best_bid":"21931.98","best_bid_quantity":"8000.21","best_ask":"21933.98","best_ask_quantity":"8038.07770938"}]}]}"#,
            r#"{"channel":"market_trades","client_id":"","timestamp":"2023-02-09T20:19:35.39625135Z","sequence_num":1,"events":[{"type":"update","trades":[{"trade_id":"12","product_id":"ETH-USD","price":"1260.01","size":"0.3","side":"BUY","time":"2019-08-14T20:42:27.265Z"},{"trade_id":"11","product_id":"ETH-USD","price":"1260","size":"0.3","side":"BUY","time":"2019-08-14T20:42:27.265Z"}]}]}"#,
        ],
        others: &[
            r#"{"channel":"heartbeats","client_id":"","timestamp":"2023-06-23T20:31:26.122969572Z","sequence_num":2,"events":[{"current_time":"2023-06-23 20:31:56.121961769 +0000 UTC","heartbeat_counter":"3049"}]}"#,
            r#"{"channel":"subscriptions","client_id":"","timestamp":"2023-06-23T20:31:26.122969572Z","sequence_num":3,"events":[{"subscriptions":{"heartbeats":["heartbeats"]}}]}"#,
            r#"{"type":"error","message":"authentication failure"}"#,
            r#"{"channel":"market_trades","client_id":"","timestamp":"2023-02-09T20:19:35.39625135Z","sequence_num":5,"events":[{"type":"snapshot","trades":[{"trade_id":"9","product_id":"ETH-USD","price":"1260","size":"0.3","time":"2019-08-14T20:42:27.265Z"}]},{"type":"update","trades":[]}]}"#,
        ],
    },
    Frames {
        new: || Box::new(Kraken),
        prices: &[
            r#"{"channel":"ticker","type":"update","data":[{"symbol":"BTC/USD","bid":105944.2,"bid_qty":2.5,"ask":105944.3,"ask_qty":3.2,"last":105899.4,"volume":158.09050797,"timestamp":"2022-12-25T09:30:59.123456Z"}]}"#,
            r#"{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"sell","price":105944.2,"qty":40.0,"ord_type":"market","trade_id":4665906,"timestamp":"2023-09-25T07:49:37.708706Z"},{"symbol":"BTC/USD","side":"sell","price":105944.1,"qty":1.0,"ord_type":"market","trade_id":4665907,"timestamp":"2023-09-25T07:49:37.708706Z"}]}"#,
        ],
        others: &[
            r#"{"channel":"heartbeat"}"#,
            r#"{"channel":"status","type":"update","data":[{"system":"online","api_version":"v2"}]}"#,
            r#"{"method":"subscribe","result":{"channel":"ticker","symbol":"BTC/USD"},"success":true,"req_id":1}"#,
            r#"{"error":"Currency pair not supported","method":"subscribe","success":false,"req_id":1}"#,
            r#"{"method":"pong","req_id":101}"#,
            r#"{"channel":"trade","type":"snapshot","data":[{"symbol":"BTC/USD","price":105944.2,"qty":40.0,"trade_id":4665905,"timestamp":"2023-09-25T07:49:36.708706Z"}]}"#,
            r#"{"event":"heartbeat"}"#,
            r#"[340,["5541.2","0.1"],"trade","XBT/USD"]"#,
        ],
    },
    Frames {
        new: || Box::new(Okx::default()),
        prices: &[
            r#"{"arg":{"channel":"tickers","instId":"BTC-USDT"},"data":[{"instType":"SPOT","instId":"BTC-USDT","last":"30236","lastSz":"0.0002","askPx":"30228.7","askSz":"1.55896972","bidPx":"30228.6","bidSz":"0.23393","ts":"1652459224956"}]}"#,
            r#"{"arg":{"channel":"trades","instId":"BTC-USDT"},"data":[{"instId":"BTC-USDT","tradeId":"338476307","px":"30236","sz":"0.0002","side":"buy","ts":"1652459224818"}]}"#,
            r#"{"arg":{"channel":"bbo-tbt","instId":"BTC-USDT"},"data":[{"asks":[["30228.7","55154","0","2"]],"bids":[["30228.6","57745","0","2"]],"ts":"1670324386802","seqId":363996337}]}"#,
        ],
        others: &[
            r#"pong"#,
            r#"{"event":"subscribe","arg":{"channel":"tickers","instId":"BTC-USDT"}}"#,
            r#"{"event":"error","code":"60012","msg":"Illegal request","connId":"a4d3ae55"}"#,
            r#"{"event":"notice","code":"64008","msg":"soon","connId":"a4d3ae55"}"#,
            r#"{"arg":{"channel":"books","instId":"BTC-USDT"},"action":"update","data":[{"asks":[["1","2","0","1"]],"bids":[],"ts":"1652459236119","checksum":6}]}"#,
        ],
    },
];
