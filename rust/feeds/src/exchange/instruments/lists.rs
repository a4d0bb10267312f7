//! What the list of instruments of each venue looks like. Only spot markets that can be traded are taken.
//!
//! All forms are those of the venues' documentation; no venue was asked. What is not used of an entry is passed over,
//! and an entry without a field that is needed is no market.
//!
//! - Binance, Binance US: <https://developers.binance.com/docs/binance-spot-api-docs/rest-api/general-endpoints>
//! - Coinbase Exchange: <https://docs.cdp.coinbase.com/exchange/reference/exchangerestapi_getproducts>
//! - Coinbase Advanced: <https://docs.cdp.coinbase.com/api-reference/advanced-trade-api/rest-api/public/list-public-products>
//! - Kraken: <https://docs.kraken.com/api/docs/rest-api/get-tradable-asset-pairs>
//! - OKX: <https://www.okx.com/docs-v5/en/#public-data-rest-api-get-instruments>
//! - Bybit: <https://bybit-exchange.github.io/docs/v5/market/instrument>

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Instrument;
use crate::exchange::venue::Fault;

/// A list that is not JSON, or not of the form that the venue documents.
const NOT_UNDERSTOOD: &str = "list not understood";

fn parse<'a, T: Deserialize<'a>>(list: &'a str) -> Result<T, Fault> {
    serde_json::from_str(list).map_err(|error| Fault {
        reason: NOT_UNDERSTOOD,
        detail: format!("{error} in {}", Fault::new(NOT_UNDERSTOOD, "", list.as_bytes()).detail.trim()),
    })
}

fn instrument(asset: String, quote: String, symbol: String) -> Instrument {
    Instrument { asset, quote, symbol }
}

fn all(list: impl Iterator<Item = Instrument>) -> Vec<Instrument> {
    list.filter(|found| ![&found.asset, &found.quote, &found.symbol].into_iter().any(String::is_empty))
        .collect()
}

/// Of Binance: `{"symbols":[{…}]}`.
pub(crate) fn binance(list: &str) -> Result<Vec<Instrument>, Fault> {
    #[derive(Deserialize)]
    struct List {
        symbols: Vec<Symbol>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    struct Symbol {
        symbol: String,
        status: String,
        base_asset: String,
        quote_asset: String,
        is_spot_trading_allowed: bool,
    }
    impl Default for Symbol {
        fn default() -> Self {
            let [symbol, status, base_asset, quote_asset] = [(); 4].map(|()| String::new());
            Self { symbol, status, base_asset, quote_asset, is_spot_trading_allowed: true }
        }
    }
    let List { symbols } = parse(list)?;
    let open = symbols.into_iter().filter(|found| found.status == "TRADING" && found.is_spot_trading_allowed);
    Ok(all(open.map(|found| instrument(found.base_asset, found.quote_asset, found.symbol))))
}

/// Of Coinbase Exchange: an array of products.
pub(crate) fn coinbase(list: &str) -> Result<Vec<Instrument>, Fault> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Product {
        id: String,
        base_currency: String,
        quote_currency: String,
        status: String,
        trading_disabled: bool,
    }
    let products: Vec<Product> = parse(list)?;
    let open = products.into_iter().filter(|found| found.status == "online" && !found.trading_disabled);
    Ok(all(open.map(|found| instrument(found.base_currency, found.quote_currency, found.id))))
}

/// Of Coinbase Advanced: `{"products":[{…}]}`, futures among them.
pub(crate) fn coinbase_advanced(list: &str) -> Result<Vec<Instrument>, Fault> {
    #[derive(Deserialize)]
    struct List {
        products: Vec<Product>,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Product {
        product_id: String,
        base_currency_id: String,
        quote_currency_id: String,
        product_type: String,
        status: Option<String>,
        is_disabled: Option<bool>,
        trading_disabled: Option<bool>,
    }
    let List { products } = parse(list)?;
    let open = products.into_iter().filter(|found| {
        let is_closed = found.is_disabled == Some(true) || found.trading_disabled == Some(true);
        !is_closed
            && found.product_type == "SPOT"
            && matches!(found.status.as_deref(), None | Some("" | "online"))
    });
    Ok(all(open.map(|found| instrument(found.base_currency_id, found.quote_currency_id, found.product_id))))
}

/// Of Kraken: `{"error":[],"result":{NAME:{…}}}`. Its WebSocket's second version says BTC and DOGE where the list says XBT
/// and XDG.
pub(crate) fn kraken(list: &str) -> Result<Vec<Instrument>, Fault> {
    #[derive(Deserialize)]
    struct List {
        #[serde(default)]
        error: Vec<String>,
        result: Option<BTreeMap<String, Pair>>,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Pair {
        wsname: String,
        status: Option<String>,
    }
    let List { error, result } = parse(list)?;
    let Some(pairs) = result else {
        return Err(Fault::new("list refused", "error", error.join(", ").as_bytes()));
    };
    let usual = |name: &str| match name {
        "XBT" => "BTC".to_owned(),
        "XDG" => "DOGE".to_owned(),
        other => other.to_owned(),
    };
    let open =
        pairs.into_values().filter(|pair| pair.status.as_deref().is_none_or(|status| status == "online"));
    Ok(all(open.filter_map(|pair| {
        let (asset, quote) = pair.wsname.split_once('/')?;
        let (asset, quote) = (usual(asset), usual(quote));
        let symbol = format!("{asset}/{quote}");
        Some(instrument(asset, quote, symbol))
    })))
}

/// Of OKX: `{"code":"0","msg":"","data":[{…}]}`.
pub(crate) fn okx(list: &str) -> Result<Vec<Instrument>, Fault> {
    #[derive(Deserialize)]
    struct List {
        code: String,
        #[serde(default)]
        msg: String,
        #[serde(default)]
        data: Vec<Entry>,
    }
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    struct Entry {
        inst_type: String,
        inst_id: String,
        base_ccy: String,
        quote_ccy: String,
        state: String,
    }
    let List { code, msg, data } = parse(list)?;
    if code != "0" {
        return Err(Fault::new("list refused", "error", format!("{code} {msg}").as_bytes()));
    }
    let open = data.into_iter().filter(|found| found.inst_type == "SPOT" && found.state == "live");
    Ok(all(open.map(|found| instrument(found.base_ccy, found.quote_ccy, found.inst_id))))
}

/// Of Bybit: `{"retCode":0,"retMsg":"OK","result":{"category":"spot","list":[{…}]}}`.
pub(crate) fn bybit(list: &str) -> Result<Vec<Instrument>, Fault> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct List {
        ret_code: i64,
        #[serde(default)]
        ret_msg: String,
        #[serde(default)]
        result: Found,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Found {
        category: String,
        list: Vec<Entry>,
    }
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    struct Entry {
        symbol: String,
        base_coin: String,
        quote_coin: String,
        status: String,
    }
    let List { ret_code, ret_msg, result } = parse(list)?;
    if ret_code != 0 {
        return Err(Fault::new("list refused", "error", format!("{ret_code} {ret_msg}").as_bytes()));
    }
    if result.category != "spot" {
        return Err(Fault::new(NOT_UNDERSTOOD, "category", result.category.as_bytes()));
    }
    let open = result.list.into_iter().filter(|found| found.status == "Trading");
    Ok(all(open.map(|found| instrument(found.base_coin, found.quote_coin, found.symbol))))
}

#[cfg(test)]
mod tests;
