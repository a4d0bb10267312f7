//! What is known of the returns: prices, closed moments and the open bar of the eligible assets.

use silverbullet_kernel::SymmetricMatrix;
use silverbullet_market::moments::{ClosedMoments, Estimator, RollingMoments, estimate};
use silverbullet_market::{Assembly, FinalBar, Nanos, OrderKey, ReturnWindow, Tick, Universe};

use crate::error::Result;
use crate::publication::NO_VENUE;

/// What a close did to the book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// The same assets are eligible.
    SameAssets,
    /// Other assets are eligible, perhaps none: everything about the old ones is void.
    NewAssets,
}

/// Prices of the universe, and moments with the open bar of its eligible assets.
#[derive(Debug)]
pub(crate) struct Book {
    /// Positions of the eligible assets in the universe, ascending. Vectors below without another word are
    /// over these.
    pub(crate) eligible: Vec<usize>,
    /// Of each asset of the universe: its index among the eligible.
    index: Vec<Option<usize>>,
    /// Last price of each asset of the universe; NaN before the first.
    pub(crate) prices: Vec<f64>,
    keys: Vec<Option<OrderKey>>,
    /// Number of the venue that each one's last price came from; [`NO_VENUE`] before the first.
    pub(crate) venues: Vec<u16>,
    /// Event time of each one's newest tick; [`Nanos::MIN`] before the first.
    pub(crate) tick_times: Vec<Nanos>,
    /// Close of the last final bar of each asset of the universe; NaN before the first.
    pub(crate) closes: Vec<f64>,
    rolling: Option<RollingMoments>,
    pub(crate) closed: ClosedMoments,
    /// Open-bar returns r, and u = r − μ_c.
    pub(crate) open_returns: Vec<f64>,
    pub(crate) deviation: Vec<f64>,
    /// Returns of the last final bar.
    pub(crate) newest: Vec<f64>,
    /// Indices of the eligible assets whose open-bar return has changed since it was last [settled](Self::settle).
    pub(crate) moved: Vec<usize>,
    has_moved: Vec<bool>,
    /// Returns of the bar that leaves the window next.
    pub(crate) oldest: Vec<f64>,
    /// Counts changes of the eligible assets.
    pub(crate) generation: u64,
    candidates: Vec<usize>,
}

impl Book {
    pub(crate) fn new(universe: &Universe) -> Self {
        let assets = universe.assets.len();
        Self {
            eligible: Vec::with_capacity(assets),
            index: vec![None; assets],
            prices: vec![f64::NAN; assets],
            keys: vec![None; assets],
            venues: vec![NO_VENUE; assets],
            tick_times: vec![Nanos::MIN; assets],
            closes: vec![f64::NAN; assets],
            rolling: None,
            closed: ClosedMoments::new(0, universe.estimator),
            open_returns: Vec::with_capacity(assets),
            deviation: Vec::with_capacity(assets),
            newest: Vec::with_capacity(assets),
            moved: Vec::with_capacity(assets),
            has_moved: Vec::with_capacity(assets),
            oldest: Vec::with_capacity(assets),
            generation: 0,
            candidates: Vec::with_capacity(assets),
        }
    }

    /// Goes on from a window and the prices behind it.
    pub(crate) fn resume(&mut self, window: &ReturnWindow, assembly: &Assembly) -> Result<()> {
        for position in 0..self.prices.len() {
            let newest = assembly.newest_price(position);
            self.prices[position] = newest.price;
            self.tick_times[position] = newest.time;
            self.keys[position] = newest.key;
            self.venues[position] = newest.key.map_or(NO_VENUE, |(_, venue, ..)| venue);
            self.closes[position] = newest.close;
        }
        window.eligible_into(&mut self.candidates);
        self.rebuild(window)?;
        self.reopen(window);
        Ok(())
    }

    /// Takes a tick.
    pub(crate) fn tick(&mut self, position: usize, tick: &Tick) {
        let key = Some(tick.order_key());
        if key < self.keys[position] {
            return;
        }
        self.keys[position] = key;
        self.prices[position] = tick.price;
        self.venues[position] = tick.venue;
        self.tick_times[position] = tick.event_time;
        let Some(index) = self.index[position] else { return };
        let now = tick.price / self.closes[position] - 1.0;
        self.open_returns[index] = now;
        self.deviation[index] = now - self.closed.mean[index];
        if !std::mem::replace(&mut self.has_moved[index], true) {
            self.moved.push(index);
        }
    }

    /// Says that what has moved so far is known to all.
    pub(crate) fn settle(&mut self) {
        for &index in &self.moved {
            self.has_moved[index] = false;
        }
        self.moved.clear();
    }

    /// Takes the bar that `window` has just been moved on to.
    pub(crate) fn close(&mut self, window: &ReturnWindow, bar: &FinalBar) -> Result<Change> {
        for (position, asset) in bar.assets.iter().enumerate() {
            self.closes[position] = asset.close;
            if self.keys[position].is_none() {
                self.prices[position] = asset.close;
                self.tick_times[position] = asset.last_tick;
            }
        }
        window.eligible_into(&mut self.candidates);
        let change = if self.candidates == self.eligible && self.rolling.is_some() {
            self.roll(window)?;
            Change::SameAssets
        } else {
            self.rebuild(window)?;
            Change::NewAssets
        };
        self.reopen(window);
        Ok(change)
    }

    /// Forgets all returns, as after a gap. Prices stay.
    pub(crate) fn clear(&mut self) {
        self.eligible.clear();
        self.index.fill(None);
        self.closes.fill(f64::NAN);
        self.rolling = None;
        self.closed = ClosedMoments::new(0, self.closed.estimator);
        self.generation += 1;
        self.open_returns.clear();
        self.deviation.clear();
        self.newest.clear();
        self.moved.clear();
        self.has_moved.clear();
        self.oldest.clear();
    }

    /// What stands in for a singular covariance: Ledoit and Wolf's, summed afresh from the window.
    pub(crate) fn stand_in(&self, window: &ReturnWindow) -> Result<SymmetricMatrix> {
        Ok(estimate(&window.returns_of(&self.eligible), Estimator::LedoitWolf)?.covariance)
    }

    fn roll(&mut self, window: &ReturnWindow) -> Result<()> {
        let Some(rolling) = &mut self.rolling else { return Ok(()) };
        gather(&mut self.newest, window.newest(), &self.eligible);
        rolling.push(&self.newest, Some(&self.oldest))?;
        rolling.write_closed(&mut self.closed)?;
        Ok(())
    }

    fn rebuild(&mut self, window: &ReturnWindow) -> Result<()> {
        let eligible = std::mem::take(&mut self.candidates);
        self.candidates = std::mem::replace(&mut self.eligible, eligible);
        self.generation += 1;
        self.index.fill(None);
        for (index, &position) in self.eligible.iter().enumerate() {
            self.index[position] = Some(index);
        }
        let assets = self.eligible.len();
        self.closed = ClosedMoments::new(assets, self.closed.estimator);
        for vector in [&mut self.open_returns, &mut self.deviation, &mut self.newest, &mut self.oldest] {
            vector.clear();
            vector.resize(assets, 0.0);
        }
        self.moved.clear();
        self.has_moved.clear();
        self.has_moved.resize(assets, false);
        self.rolling = None;
        if assets > 0 {
            let returns = window.returns_of(&self.eligible);
            let mut rolling = RollingMoments::new(assets, returns.rows(), self.closed.estimator)?;
            rolling.rebuild(&returns)?;
            rolling.write_closed(&mut self.closed)?;
            self.rolling = Some(rolling);
        }
        Ok(())
    }

    /// Open-bar returns from the new closes.
    fn reopen(&mut self, window: &ReturnWindow) {
        self.settle();
        for (index, &position) in self.eligible.iter().enumerate() {
            self.open_returns[index] = self.prices[position] / self.closes[position] - 1.0;
        }
        self.closed.deviation_into(&self.open_returns, &mut self.deviation);
        gather(&mut self.oldest, window.oldest(), &self.eligible);
    }
}

fn gather(into: &mut Vec<f64>, from: &[f64], positions: &[usize]) {
    into.clear();
    into.extend(positions.iter().map(|&position| from[position]));
}
