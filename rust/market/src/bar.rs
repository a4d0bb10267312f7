//! Bars by previous tick on a fixed grid, built from ticks in whatever order they come.
//!
//! A bar is (open, close]: a price stamped on the grid closes that bar, and its number is its close divided
//! by the interval. It is a function of the *set* of its ticks: its close is the tick with the greatest
//! [`order_key`](crate::Tick::order_key), its volume is summed in whole units of 1e-9. An asset without a
//! tick in the bar keeps its previous close.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::clock::Nanos;
use crate::tick::{HistoryBar, OrderKey, Tick};

/// Volume is summed in units of which so many make one, as integers, so that the order of the ticks cannot show.
const VOLUME_UNITS: f64 = 1e9;

/// The number of the bar that an event time falls into: (open, close].
#[must_use]
#[inline]
pub fn bar_number(event_time: Nanos, interval: Nanos) -> i64 {
    event_time.div_euclid(interval) + i64::from(event_time.rem_euclid(interval) != 0)
}

/// One asset's part of a final bar.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AssetBar {
    /// First price; the previous close where there was no tick.
    pub open: f64,
    /// Highest price.
    pub high: f64,
    /// Lowest price.
    pub low: f64,
    /// Last price; NaN for an asset that never had one.
    pub close: f64,
    /// Sum of the sizes, where ticks carried any.
    pub volume: Option<f64>,
    /// Ticks in the bar.
    pub ticks: u64,
    /// Simple return from the previous bar's close; NaN where there is none to start from.
    pub simple_return: f64,
    /// Event time of the asset's newest tick so far.
    pub last_tick: Nanos,
}

impl AssetBar {
    const NONE: Self = Self {
        open: f64::NAN,
        high: f64::NAN,
        low: f64::NAN,
        close: f64::NAN,
        volume: None,
        ticks: 0,
        simple_return: f64::NAN,
        last_tick: Nanos::MIN,
    };
}

/// A bar that no tick changes any more.
#[derive(Debug, Clone, PartialEq)]
pub struct FinalBar {
    /// Close time divided by the interval.
    pub number: i64,
    /// Its close, nanoseconds UTC.
    pub close_time: Nanos,
    /// One entry an asset of the universe.
    pub assets: Vec<AssetBar>,
}

/// What [`BarBuilder::next_final`] found.
#[derive(Debug, Clone, PartialEq)]
pub enum Ready {
    /// The next bar in order.
    Bar(FinalBar),
    /// More bars than the limit passed without any tick, so that no return is formed across them. The
    /// bars from `from` up to but not including `to` do not exist.
    Gap {
        /// First bar without a tick.
        from: i64,
        /// First bar with a tick again.
        to: i64,
    },
}

/// What is known of one asset's price by now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NewestPrice {
    /// Last price; NaN before the first.
    pub price: f64,
    /// Event time of its newest tick; [`Nanos::MIN`] before the first.
    pub time: Nanos,
    /// Which tick it came from, where that one's bar is still open: a tick of a final bar cannot come again.
    pub key: Option<OrderKey>,
    /// Close of the last final bar; NaN before the first.
    pub close: f64,
}

/// Whether a tick found its bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// It counts.
    Placed,
    /// Its bar is final already.
    Late,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct OpenAsset {
    first: OrderKey,
    last: OrderKey,
    open: f64,
    high: f64,
    low: f64,
    close: f64,
    volume: i128,
    sized: bool,
    ticks: u64,
}

impl OpenAsset {
    fn first_tick(tick: &Tick) -> Self {
        let key = tick.order_key();
        let mut asset = Self {
            first: key,
            last: key,
            open: tick.price,
            high: tick.price,
            low: tick.price,
            close: tick.price,
            volume: 0,
            sized: false,
            ticks: 0,
        };
        asset.count(tick);
        asset
    }

    fn count(&mut self, tick: &Tick) {
        self.ticks += 1;
        if let Some(size) = tick.size {
            self.sized = true;
            self.volume = self.volume.saturating_add((size * VOLUME_UNITS).round() as i128);
        }
    }

    fn add(&mut self, tick: &Tick) {
        let key = tick.order_key();
        if key < self.first {
            (self.first, self.open) = (key, tick.price);
        }
        if key > self.last {
            (self.last, self.close) = (key, tick.price);
        }
        self.high = self.high.max(tick.price);
        self.low = self.low.min(tick.price);
        self.count(tick);
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct OpenBar {
    number: i64,
    assets: Vec<Option<OpenAsset>>,
}

/// Builds the bars of one universe.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BarBuilder {
    interval: Nanos,
    gap_limit: i64,
    /// Bars with a tick that are not final, by number.
    open: VecDeque<OpenBar>,
    /// Emptied bars, to be used again.
    #[serde(skip)]
    spare: Vec<OpenBar>,
    /// Number of the first bar that is not final; `None` until one is.
    next: Option<i64>,
    previous: Vec<AssetBar>,
}

impl BarBuilder {
    /// For `assets` assets; more than `gap_limit` bars without any tick are a gap.
    #[must_use]
    pub fn new(assets: usize, interval: Nanos, gap_limit: i64) -> Self {
        Self {
            interval,
            gap_limit,
            open: VecDeque::new(),
            spare: Vec::new(),
            next: None,
            previous: vec![AssetBar::NONE; assets],
        }
    }

    /// Counts a tick of the asset at `position` towards its bar.
    pub fn add(&mut self, position: usize, tick: &Tick) -> Placement {
        let number = bar_number(tick.event_time, self.interval);
        if self.next.is_some_and(|next| number < next) {
            return Placement::Late;
        }
        let index = self.find_or_open(number);
        match &mut self.open[index].assets[position] {
            Some(asset) => asset.add(tick),
            empty => *empty = Some(OpenAsset::first_tick(tick)),
        }
        Placement::Placed
    }

    /// True when a tick at `event_time` would come too late for its bar.
    #[must_use]
    pub fn is_late(&self, event_time: Nanos) -> bool {
        self.next.is_some_and(|next| bar_number(event_time, self.interval) < next)
    }

    /// Takes a bar of history as final. Returns it with its returns, or `None` where it does not follow
    /// the one before.
    pub fn add_history(
        &mut self,
        history: &HistoryBar,
        member: impl Fn(usize) -> Option<usize>,
    ) -> Option<FinalBar> {
        if self.next.is_some_and(|next| next != history.number) || !self.open.is_empty() {
            return None;
        }
        let close_time = history.number * self.interval;
        let mut bar = OpenBar { number: history.number, assets: vec![None; self.previous.len()] };
        for (id, close) in history.closes.iter().enumerate() {
            if let (Some(position), Some(price)) = (member(id), *close) {
                let key = (close_time, 0, 0, 0, 0);
                bar.assets[position] = Some(OpenAsset {
                    first: key,
                    last: key,
                    open: price,
                    high: price,
                    low: price,
                    close: price,
                    volume: 0,
                    sized: false,
                    ticks: 1,
                });
            }
        }
        Some(self.close(history.number, Some(bar)))
    }

    /// The next bar whose close lies at or before `until`, or the gap before it. Call it until `None`.
    pub fn next_final(&mut self, until: Nanos) -> Option<Ready> {
        let filled = self.open.front().map(|bar| bar.number);
        let next = self.next.or(filled)?;
        if let Some(to) = filled.filter(|&number| number - next > self.gap_limit) {
            // Another partition may yet bring a tick for a bar in between.
            if (to - 1) * self.interval > until {
                return None;
            }
            self.next = Some(to);
            self.previous.fill(AssetBar::NONE);
            return Some(Ready::Gap { from: next, to });
        }
        if next * self.interval > until {
            return None;
        }
        let bar = if filled == Some(next) { self.open.pop_front() } else { None };
        Some(Ready::Bar(self.close(next, bar)))
    }

    /// Number of the first bar that is not final; `None` before the first.
    #[must_use]
    pub fn next(&self) -> Option<i64> {
        self.next
    }

    /// Close time of the newest bar with a tick: what the end of a file closes.
    #[must_use]
    pub fn last_close(&self) -> Option<Nanos> {
        self.open.back().map(|bar| bar.number * self.interval)
    }

    /// The newest price of the asset at `position`, open bars included.
    #[must_use]
    pub fn newest_price(&self, position: usize) -> NewestPrice {
        let previous = &self.previous[position];
        let open = self.open.iter().rev().find_map(|bar| bar.assets[position].as_ref());
        let close = previous.close;
        match open {
            Some(asset) => {
                NewestPrice { price: asset.close, time: asset.last.0, key: Some(asset.last), close }
            }
            None => NewestPrice { price: close, time: previous.last_tick, key: None, close },
        }
    }

    /// True when this was made with these arguments.
    pub(crate) fn is_for(&self, assets: usize, interval: Nanos, gap_limit: i64) -> bool {
        (self.previous.len(), self.interval, self.gap_limit) == (assets, interval, gap_limit)
    }

    fn find_or_open(&mut self, number: i64) -> usize {
        let after = self.open.iter().rposition(|bar| bar.number <= number);
        match after {
            Some(index) if self.open[index].number == number => index,
            _ => {
                let index = after.map_or(0, |index| index + 1);
                let mut bar = self
                    .spare
                    .pop()
                    .unwrap_or_else(|| OpenBar { number, assets: vec![None; self.previous.len()] });
                bar.number = number;
                self.open.insert(index, bar);
                index
            }
        }
    }

    /// Makes a bar final, from its ticks and the previous closes.
    fn close(&mut self, number: i64, bar: Option<OpenBar>) -> FinalBar {
        self.next = Some(number + 1);
        for (position, previous) in self.previous.iter_mut().enumerate() {
            let ticked = bar.as_ref().and_then(|bar| bar.assets[position].as_ref());
            *previous = close_asset(previous, ticked);
        }
        if let Some(mut bar) = bar {
            bar.assets.fill(None);
            self.spare.push(bar);
        }
        FinalBar { number, close_time: number * self.interval, assets: self.previous.clone() }
    }
}

fn close_asset(previous: &AssetBar, ticked: Option<&OpenAsset>) -> AssetBar {
    let before = previous.close;
    match ticked {
        Some(asset) => AssetBar {
            open: asset.open,
            high: asset.high,
            low: asset.low,
            close: asset.close,
            volume: asset.sized.then_some(asset.volume as f64 / VOLUME_UNITS),
            ticks: asset.ticks,
            simple_return: asset.close / before - 1.0,
            last_tick: asset.last.0,
        },
        None => AssetBar {
            open: before,
            high: before,
            low: before,
            close: before,
            volume: None,
            ticks: 0,
            simple_return: if before.is_nan() { f64::NAN } else { 0.0 },
            last_tick: previous.last_tick,
        },
    }
}

#[cfg(test)]
mod tests;
