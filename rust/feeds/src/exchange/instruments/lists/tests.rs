//! SYNTHETIC: short lists in the form of each venue's documentation.

use crate::exchange::named;

/// Asset, currency and name of each market in a list of `venue`.
fn read(venue: &str, list: &str) -> Vec<String> {
    let found = named(venue).unwrap().read_instruments(list).unwrap();
    found.iter().map(|found| format!("{} {} {}", found.asset, found.quote, found.symbol)).collect()
}

#[test]
fn binance_lists_what_is_trading_on_the_spot_market() {
    let list = r#"{"timezone":"UTC","serverTime":1565246363776,"rateLimits":[],"symbols":[
        {"symbol":"ETHBTC","status":"TRADING","baseAsset":"ETH","baseAssetPrecision":8,"quoteAsset":"BTC",
         "isSpotTradingAllowed":true,"filters":[{"filterType":"PRICE_FILTER"}],"permissions":["SPOT","MARGIN"]},
        {"symbol":"BTCUSDT","status":"TRADING","baseAsset":"BTC","quoteAsset":"USDT","isSpotTradingAllowed":true},
        {"symbol":"LUNAUSDT","status":"BREAK","baseAsset":"LUNA","quoteAsset":"USDT","isSpotTradingAllowed":true},
        {"symbol":"ABCUSDT","status":"TRADING","baseAsset":"ABC","quoteAsset":"USDT","isSpotTradingAllowed":false}]}"#;
    for venue in ["binance", "binance-us"] {
        assert_eq!(read(venue, list), ["ETH BTC ETHBTC", "BTC USDT BTCUSDT"]);
    }
}

#[test]
fn coinbase_lists_what_is_online() {
    let list = r#"[{"id":"BTC-USD","base_currency":"BTC","quote_currency":"USD","quote_increment":"0.01","status":"online",
        "status_message":"","trading_disabled":false,"fx_stablecoin":false,"auction_mode":false},
        {"id":"ETH-EUR","base_currency":"ETH","quote_currency":"EUR","status":"online","trading_disabled":true},
        {"id":"REP-USD","base_currency":"REP","quote_currency":"USD","status":"delisted","trading_disabled":false}]"#;
    assert_eq!(read("coinbase", list), ["BTC USD BTC-USD"]);
}

#[test]
fn coinbase_advanced_lists_spot_products_that_are_not_disabled() {
    let list = r#"{"products":[{"product_id":"BTC-USD","price":"140.21","base_increment":"0.00000001","is_disabled":false,
        "status":"online","trading_disabled":false,"product_type":"SPOT","quote_currency_id":"USD",
        "base_currency_id":"BTC","alias_to":["BTC-USDC"],"view_only":true},
        {"product_id":"ETH-USD","product_type":"SPOT","quote_currency_id":"USD","base_currency_id":"ETH","is_disabled":true},
        {"product_id":"BIT-28JUL23-CDE","product_type":"FUTURE","quote_currency_id":"USD","base_currency_id":""}],
        "num_products":3}"#;
    assert_eq!(read("coinbase-advanced", list), ["BTC USD BTC-USD"]);
}

#[test]
fn kraken_lists_pairs_by_the_names_of_its_second_websocket() {
    let list = r#"{"error":[],"result":{
        "ETHUSDT":{"altname":"ETHUSDT","wsname":"ETH/USDT","base":"XETH","quote":"USDT","status":"online"},
        "XDGUSD":{"altname":"XDGUSD","wsname":"XDG/USD","base":"XXDG","quote":"ZUSD","status":"online"},
        "XETHXXBT":{"altname":"ETHXBT","wsname":"ETH/XBT","base":"XETH","quote":"XXBT","fees":[[0,0.26]]},
        "XREPZUSD":{"altname":"REPUSD","wsname":"REP/USD","status":"delisted"},
        "XXBTZUSD":{"altname":"XBTUSD","wsname":"XBT/USD","aclass_base":"currency","base":"XXBT","status":"online"},
        "ZEURZUSD.d":{"altname":"EURUSD.d","status":"online"}}}"#;
    let expected = ["ETH USDT ETH/USDT", "DOGE USD DOGE/USD", "ETH BTC ETH/BTC", "BTC USD BTC/USD"];
    assert_eq!(read("kraken", list), expected);
}

#[test]
fn okx_lists_live_spot_instruments() {
    let list = r#"{"code":"0","data":[{"alias":"","baseCcy":"BTC","category":"1","instId":"BTC-USDT","instType":"SPOT",
        "quoteCcy":"USDT","state":"live","tickSz":"0.1"},
        {"baseCcy":"OLD","instId":"OLD-USDT","instType":"SPOT","quoteCcy":"USDT","state":"suspend"},
        {"baseCcy":"","instId":"BTC-USDT-SWAP","instType":"SWAP","quoteCcy":"","state":"live"}],"msg":""}"#;
    assert_eq!(read("okx", list), ["BTC USDT BTC-USDT"]);
}

#[test]
fn bybit_lists_spot_symbols_that_are_trading() {
    let list = r#"{"retCode":0,"retMsg":"OK","result":{"category":"spot","list":[
        {"symbol":"BTCUSDT","baseCoin":"BTC","quoteCoin":"USDT","innovation":"0","status":"Trading",
         "lotSizeFilter":{"basePrecision":"0.000001"}},
        {"symbol":"NEWUSDT","baseCoin":"NEW","quoteCoin":"USDT","status":"PreLaunch"}]},"retExtInfo":{},"time":1672712468011}"#;
    assert_eq!(read("bybit", list), ["BTC USDT BTCUSDT"]);
}

#[test]
fn what_is_no_list_is_refused_with_its_words() {
    let cases = [
        ("binance", "<html>", "list not understood"),
        ("binance", r#"{"code":-1121,"msg":"Invalid symbol."}"#, "list not understood"),
        ("coinbase", r#"{"message":"NotFound"}"#, "list not understood"),
        ("coinbase-advanced", "[]", "list not understood"),
        ("kraken", r#"{"error":["EService:Unavailable"]}"#, "list refused"),
        ("okx", r#"{"code":"50011","msg":"Too Many Requests","data":[]}"#, "list refused"),
        ("bybit", r#"{"retCode":10001,"retMsg":"params error","result":{}}"#, "list refused"),
        ("bybit", r#"{"retCode":0,"result":{"category":"linear","list":[]}}"#, "list not understood"),
    ];
    for (venue, list, reason) in cases {
        let fault = named(venue).unwrap().read_instruments(list).unwrap_err();
        assert_eq!(fault.reason, reason, "{venue} {list}");
        assert!(!fault.detail.contains('\n') && fault.detail.len() < 300, "{}", fault.detail);
    }
    assert!(
        named("kraken")
            .unwrap()
            .read_instruments(r#"{"error":["EService:Unavailable"]}"#)
            .unwrap_err()
            .detail
            .contains("EService")
    );
}
