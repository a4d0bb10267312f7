//! What the thread that reads frames asks the system's allocator for, once every symbol has been seen: nothing.
//!
//! In a program of its own, because the allocator is one for all threads: it counts for the thread that is told to.
#![expect(unsafe_code, reason = "an allocator cannot be written without")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use silverbullet_feeds::exchange::{
    Binance, Bybit, Coinbase, CoinbaseAdvanced, Continuity, Kraken, Okx, Said, Skew, Venue,
};

thread_local! {
    /// Allocations and releases of this thread since it began to count; none while it does not.
    static COUNT: Cell<Option<u64>> = const { Cell::new(None) };
}

/// The system's allocator, with a count.
struct Counting;

fn count() {
    let _ = COUNT.try_with(|count| count.set(count.get().map(|count| count + 1)));
}

// SAFETY: everything is passed on to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps to what the trait asks of it.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count();
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations and releases of what is done.
fn counted(done: impl FnOnce()) -> u64 {
    COUNT.set(Some(0));
    done();
    COUNT.replace(None).unwrap()
}

/// Frames of a venue, with a price at least in each.
type Frames = (Box<dyn Venue>, &'static [&'static str]);

fn venues() -> [Frames; 6] {
    [
        (
            Box::new(Binance::international()),
            &[
                r#"{"stream":"btcusdt@bookTicker","data":{"u":50093239212,"s":"BTCUSDT","b":"61837.63000000","B":"3.78826000","a":"61837.64000000","A":"1.54698000"}}"#,
                r#"{"stream":"btcusdt@trade","data":{"e":"trade","E":1723161255343,"s":"BTCUSDT","t":3735683259,"p":"61837.63000000","q":"0.02000000","T":1723161255342,"m":true,"M":true}}"#,
                r#"{"e":"trade","E":1723161255343,"s":"BTCUSDT","t":3735683260,"p":"61837.63000000","q":"0.02000000","T":1723161255342,"m":true,"M":true}"#,
            ],
        ),
        (
            Box::new(Bybit::default()),
            &[
                r#"{"topic":"orderbook.1.BTCUSDT","ts":1672304484978,"type":"snapshot","data":{"s":"BTCUSDT","b":[["16493.50","0.006"]],"a":[["16611.00","0.029"]],"u":18521,"seq":7961638724},"cts":1672304484976}"#,
                r#"{"topic":"orderbook.1.BTCUSDT","ts":1672304484979,"type":"delta","data":{"s":"BTCUSDT","b":[["16493.60","0.006"]],"a":[],"u":18522,"seq":7961638725},"cts":1672304484977}"#,
                r#"{"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":1672304486868,"data":[{"T":1672304486865,"s":"BTCUSDT","S":"Buy","v":"0.001","p":"16578.50","L":"PlusTick","i":"20f43950-d8dd-5b31-9112-a178eb6023af","BT":false},{"T":1672304486866,"s":"BTCUSDT","S":"Sell","v":"2","p":"16578"}]}"#,
            ],
        ),
        (
            Box::new(Coinbase::default()),
            &[
                r#"{"type":"match","trade_id":82008,"maker_order_id":"f71dd5c4-b316-4869-83db-ff328a7379a6","taker_order_id":"d30ea30a-c805-4f05-ba7e-28020dfc52b3","side":"sell","size":"335","price":"0.5762","product_id":"SKL-GBP","sequence":27883501,"time":"2021-04-17T16:43:37.270697Z"}"#,
                r#"{"type":"ticker","sequence":27883501,"product_id":"SKL-GBP","price":"0.5762","open_24h":"0.5102","volume_24h":"3480196.10000000","best_bid":"0.5742","best_ask":"0.5771","side":"buy","time":"2021-04-17T16:43:37.270697Z","trade_id":82008,"last_size":"335"}"#,
            ],
        ),
        (
            Box::new(CoinbaseAdvanced::default()),
            &[
                r#"{"channel":"ticker","client_id":"","timestamp":"2023-02-09T20:30:37.167359596Z","sequence_num":0,"events":[{"type":"update","tickers":[{"type":"ticker","product_id":"BTC-USD","price":"21932.98","volume_24_h":"16038.28770938","best_bid":"21931.98","best_bid_quantity":"8000.21","best_ask":"21933.98","best_ask_quantity":"8038.07770938"}]}]}"#,
                r#"{"channel":"market_trades","client_id":"","timestamp":"2023-02-09T20:19:35.39625135Z","sequence_num":1,"events":[{"type":"update","trades":[{"trade_id":"12","product_id":"ETH-USD","price":"1260.01","size":"0.3","side":"BUY","time":"2019-08-14T20:42:27.265Z"},{"trade_id":"11","product_id":"ETH-USD","price":"1260","size":"0.3","side":"BUY","time":"2019-08-14T20:42:27.265Z"}]}]}"#,
            ],
        ),
        (
            Box::new(Kraken),
            &[
                r#"{"channel":"ticker","type":"update","data":[{"symbol":"BTC/USD","bid":105944.2,"bid_qty":2.5,"ask":105944.3,"ask_qty":3.2,"last":105899.4,"volume":158.09050797,"timestamp":"2022-12-25T09:30:59.123456Z"}]}"#,
                r#"{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"sell","price":105944.2,"qty":40.0,"ord_type":"market","trade_id":4665906,"timestamp":"2023-09-25T07:49:37.708706Z"},{"symbol":"BTC/USD","side":"sell","price":105944.1,"qty":1.0,"ord_type":"market","trade_id":4665907,"timestamp":"2023-09-25T07:49:37.708706Z"}]}"#,
            ],
        ),
        (
            Box::new(Okx::default()),
            &[
                r#"{"arg":{"channel":"tickers","instId":"BTC-USDT"},"data":[{"instType":"SPOT","instId":"BTC-USDT","last":"30236","lastSz":"0.0002","askPx":"30228.7","askSz":"1.55896972","bidPx":"30228.6","bidSz":"0.23393","ts":"1652459224956"}]}"#,
                r#"{"arg":{"channel":"trades","instId":"BTC-USDT"},"data":[{"instId":"BTC-USDT","tradeId":"338476307","px":"30236","sz":"0.0002","side":"buy","ts":"1652459224818"}]}"#,
                r#"{"arg":{"channel":"bbo-tbt","instId":"BTC-USDT"},"data":[{"asks":[["30228.7","55154","0","2"]],"bids":[["30228.6","57745","0","2"]],"ts":"1670324386802","seqId":363996337}]}"#,
            ],
        ),
    ]
}

/// Reads all frames; gives how many prices were in them.
fn read(venue: &mut dyn Venue, frames: &[&str], continuity: &mut Continuity, skew: &mut Skew) -> usize {
    let mut prices = 0;
    for frame in frames {
        let said = venue.read(frame, &mut |print| {
            let print = print.unwrap();
            continuity.look(&print);
            print.time.map(|time| skew.look(1_700_000_000_000_000_000, time));
            prices += 1;
        });
        assert!(
            matches!(said, Ok(Said::Prices | Said::Other("before the subscription"))),
            "{said:?}: {frame}"
        );
        venue.frame_break();
    }
    prices
}

#[test]
fn a_frame_with_prices_of_an_exchange_allocates_nothing() {
    for (mut venue, frames) in venues() {
        let (mut continuity, mut skew) = (Continuity::default(), Skew::default());
        // Names are kept: by the venue the first time, and where that price is of before, by the judge the second.
        for _ in 0..2 {
            read(&mut *venue, frames, &mut continuity, &mut skew);
        }
        let mut prices = 0;
        let count = counted(|| prices = read(&mut *venue, frames, &mut continuity, &mut skew));
        assert!(prices >= frames.len(), "{}: {prices} prices", venue.name());
        assert_eq!(count, 0, "{}", venue.name());
    }
    assert_eq!(counted(|| drop(std::hint::black_box(vec![1]))), 2, "what is done is counted");
}
