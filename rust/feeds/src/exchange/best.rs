//! The price of an asset as several exchanges have it: the middle between the best bid and the best offer of those whose
//! quotes are fresh.
//!
//! Ages come from when quotes were received, for the clocks of exchanges differ: the same frames with the same receipts give
//! the same prices. Where two exchanges disagree the best bid may be above the best offer; the middle is between them all the
//! same.

use silverbullet_market::{Nanos, Tick};

/// The last quote of an asset at an exchange.
#[derive(Debug, Clone, Copy)]
struct Quote {
    bid: f64,
    ask: f64,
    receipt: Nanos,
}

/// The last quotes of all assets at all exchanges.
#[derive(Debug)]
pub(crate) struct Best {
    /// A quote counts for so long.
    within: Nanos,
    /// Of each asset one an exchange.
    quotes: Vec<Vec<Option<Quote>>>,
}

impl Best {
    /// For so many assets and exchanges; a quote counts for `within`.
    pub(crate) fn new(assets: usize, venues: usize, within: Nanos) -> Self {
        Self { within, quotes: vec![vec![None; venues]; assets] }
    }

    /// Gives a tick the price that all exchanges make together; false where there is none yet. A trade is no offer: it keeps
    /// its size, and changes no price.
    pub(crate) fn price(&mut self, tick: &mut Tick) -> bool {
        let of_asset = &mut self.quotes[tick.asset.index()];
        let is_quote = if let (Some(bid), Some(ask)) = (tick.bid, tick.ask) {
            let own = &mut of_asset[usize::from(tick.venue)];
            if own.is_none_or(|own| own.receipt <= tick.receipt_time) {
                *own = Some(Quote { bid, ask, receipt: tick.receipt_time });
            }
            true
        } else {
            false
        };
        let fresh =
            of_asset.iter().flatten().filter(|quote| tick.receipt_time - quote.receipt <= self.within);
        let best = fresh.fold(None, |best: Option<(f64, f64)>, quote| {
            Some(best.map_or((quote.bid, quote.ask), |(bid, ask)| (bid.max(quote.bid), ask.min(quote.ask))))
        });
        let Some((bid, ask)) = best else { return false };
        tick.price = bid.midpoint(ask);
        if is_quote {
            (tick.bid, tick.ask) = (Some(bid), Some(ask));
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use silverbullet_market::{AssetId, SECOND};

    use super::*;

    fn tick(venue: u16, receipt: Nanos, bid: Option<f64>, ask: Option<f64>) -> Tick {
        Tick {
            asset: AssetId(0),
            price: 999.0,
            bid,
            ask,
            size: Some(3.0),
            event_time: 0,
            receipt_time: receipt,
            venue,
            sequence: None,
            partition: u32::from(venue),
            offset: 0,
        }
    }

    /// Bid, price and ask after a quote.
    fn quoted(best: &mut Best, venue: u16, receipt: Nanos, bid: f64, ask: f64) -> (f64, f64, f64) {
        let mut tick = tick(venue, receipt, Some(bid), Some(ask));
        assert!(best.price(&mut tick));
        (tick.bid.unwrap(), tick.price, tick.ask.unwrap())
    }

    #[test]
    fn the_best_bid_and_the_best_offer_make_the_price() {
        let mut best = Best::new(1, 3, SECOND);
        assert_eq!(quoted(&mut best, 0, 0, 100.0, 104.0), (100.0, 102.0, 104.0));
        assert_eq!(quoted(&mut best, 1, 10, 99.0, 103.0), (100.0, 101.5, 103.0));
        assert_eq!(quoted(&mut best, 2, 20, 101.0, 110.0), (101.0, 102.0, 103.0));
        // A better one that is withdrawn is withdrawn.
        assert_eq!(quoted(&mut best, 2, 30, 90.0, 110.0), (100.0, 101.5, 103.0));
    }

    #[test]
    fn a_quote_counts_for_as_long_as_is_said_and_no_longer() {
        let mut best = Best::new(1, 2, SECOND);
        quoted(&mut best, 0, 0, 100.0, 104.0);
        assert_eq!(quoted(&mut best, 1, SECOND, 90.0, 110.0), (100.0, 102.0, 104.0));
        assert_eq!(quoted(&mut best, 1, SECOND + 1, 90.0, 110.0), (90.0, 100.0, 110.0));
    }

    #[test]
    fn what_comes_late_of_the_same_exchange_does_not_take_the_place_of_what_is_newer() {
        let mut best = Best::new(1, 2, SECOND);
        quoted(&mut best, 0, 10, 100.0, 104.0);
        assert_eq!(quoted(&mut best, 0, 5, 90.0, 91.0), (100.0, 102.0, 104.0));
    }

    #[test]
    fn a_trade_bears_the_price_of_the_quotes_and_its_own_size() {
        let mut best = Best::new(1, 2, SECOND);
        assert!(!best.price(&mut tick(0, 0, None, None)));
        quoted(&mut best, 1, 0, 100.0, 104.0);
        let mut trade = tick(0, 1, None, None);
        assert!(best.price(&mut trade));
        assert_eq!((trade.price, trade.bid, trade.ask, trade.size), (102.0, None, None, Some(3.0)));
    }

    #[test]
    fn offers_that_cross_have_a_middle_too() {
        let mut best = Best::new(1, 2, SECOND);
        quoted(&mut best, 0, 0, 100.0, 101.0);
        assert_eq!(quoted(&mut best, 1, 0, 103.0, 104.0), (103.0, 102.0, 101.0));
    }
}
