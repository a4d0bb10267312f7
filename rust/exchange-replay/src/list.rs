//! The list of instruments, which a venue has on the web: at the port that prices come from here.
//!
//! SYNTHETIC: in the form of each venue's documentation. Beside the markets that are played there is one that cannot be traded
//! and one in another currency.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::venue::Venue;

/// No request of an honest client has a longer head.
const LONGEST_HEAD: usize = 16 * 1024;
const NOT_FOUND: u16 = 404;

/// What is answered to whoever asks for the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listing {
    /// These assets with the venue's names of their markets.
    Markets(Vec<(String, String)>),
    /// An error with this status.
    Status(u16),
    /// Some other text.
    Text(String),
    /// Nothing, on a connection that stays open.
    Silence,
    /// A list without an end.
    Endless,
}

/// Reads the head of a request: everything up to the empty line, and what came with it.
pub(crate) async fn head<S: AsyncRead + Unpin>(stream: &mut S) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(1_024);
    while !head.windows(4).any(|bytes| bytes == b"\r\n\r\n") {
        if stream.read_buf(&mut head).await? == 0 || head.len() > LONGEST_HEAD {
            return Err(std::io::ErrorKind::InvalidData.into());
        }
    }
    Ok(head)
}

/// Whether this is the head of one who wants a WebSocket.
pub(crate) fn wants_websocket(head: &[u8]) -> bool {
    String::from_utf8_lossy(head).to_ascii_lowercase().contains("upgrade: websocket")
}

/// Answers a request for the list, and ends the connection.
pub(crate) async fn answer<S: AsyncWrite + Unpin>(
    mut stream: S,
    head: &[u8],
    venue: Venue,
    listing: &Listing,
) -> std::io::Result<()> {
    let head = String::from_utf8_lossy(head);
    let path = head.split_whitespace().nth(1).unwrap_or_default();
    let is_there = path.split('?').next() == Some(path_of(venue));
    let (status, body) = match listing {
        _ if !is_there => (NOT_FOUND, String::new()),
        Listing::Markets(markets) => (200, text(venue, markets)),
        Listing::Text(text) => (200, text.clone()),
        Listing::Status(status) => (*status, String::new()),
        Listing::Silence => {
            tokio::time::sleep(Duration::from_secs(3_600)).await;
            return Ok(());
        }
        Listing::Endless => return endless(stream).await,
    };
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 {status} as told\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}

async fn endless<S: AsyncWrite + Unpin>(mut stream: S) -> std::io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await?;
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
    loop {
        stream.write_all(chunk.as_bytes()).await?;
    }
}

/// Where the list of a venue is.
pub(crate) fn path_of(venue: Venue) -> &'static str {
    match venue {
        Venue::Binance => "/api/v3/exchangeInfo",
        Venue::Coinbase => "/products",
        Venue::CoinbaseAdvanced => "/api/v3/brokerage/market/products",
        Venue::Kraken => "/0/public/AssetPairs",
        Venue::Okx => "/api/v5/public/instruments",
        Venue::Bybit => "/v5/market/instruments-info",
    }
}

/// The list as the venue would say it.
fn text(venue: Venue, markets: &[(String, String)]) -> String {
    let quote = venue.quote();
    let mut entries: Vec<String> =
        markets.iter().map(|(asset, symbol)| entry(venue, asset, quote, symbol, true)).collect();
    entries.push(entry(venue, "GONE", quote, &venue.symbol("GONE"), false));
    entries.push(entry(venue, "ABROAD", "TRY", "ABROAD/TRY", true));
    let entries = entries.join(",");
    match venue {
        Venue::Binance => format!(r#"{{"timezone":"UTC","rateLimits":[],"symbols":[{entries}]}}"#),
        Venue::Coinbase => format!("[{entries}]"),
        Venue::CoinbaseAdvanced => format!(r#"{{"products":[{entries}],"num_products":3}}"#),
        Venue::Kraken => format!(r#"{{"error":[],"result":{{{entries}}}}}"#),
        Venue::Okx => format!(r#"{{"code":"0","data":[{entries}],"msg":""}}"#),
        Venue::Bybit => {
            format!(
                r#"{{"retCode":0,"retMsg":"OK","result":{{"category":"spot","list":[{entries}]}},"time":1}}"#
            )
        }
    }
}

fn entry(venue: Venue, asset: &str, quote: &str, symbol: &str, is_open: bool) -> String {
    let word = |open: &'static str, closed: &'static str| if is_open { open } else { closed };
    match venue {
        Venue::Binance => {
            let status = word("TRADING", "BREAK");
            format!(
                r#"{{"symbol":"{symbol}","status":"{status}","baseAsset":"{asset}","quoteAsset":"{quote}","isSpotTradingAllowed":true,"filters":[]}}"#
            )
        }
        Venue::Coinbase => {
            let status = word("online", "delisted");
            format!(
                r#"{{"id":"{symbol}","base_currency":"{asset}","quote_currency":"{quote}","status":"{status}","trading_disabled":false}}"#
            )
        }
        Venue::CoinbaseAdvanced => {
            let disabled = !is_open;
            format!(
                r#"{{"product_id":"{symbol}","base_currency_id":"{asset}","quote_currency_id":"{quote}","product_type":"SPOT","status":"online","trading_disabled":{disabled}}}"#
            )
        }
        Venue::Kraken => {
            let (status, symbol) =
                (word("online", "delisted"), symbol.replace("BTC", "XBT").replace("DOGE", "XDG"));
            format!(
                r#""{asset}{quote}":{{"altname":"{asset}{quote}","wsname":"{symbol}","status":"{status}"}}"#
            )
        }
        Venue::Okx => {
            let state = word("live", "suspend");
            format!(
                r#"{{"instType":"SPOT","instId":"{symbol}","baseCcy":"{asset}","quoteCcy":"{quote}","state":"{state}"}}"#
            )
        }
        Venue::Bybit => {
            let status = word("Trading", "PreLaunch");
            format!(
                r#"{{"symbol":"{symbol}","baseCoin":"{asset}","quoteCoin":"{quote}","status":"{status}"}}"#
            )
        }
    }
}
