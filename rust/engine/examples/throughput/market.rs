//! A universe and prices that are already in memory.

use silverbullet_engine::{Publication, Trigger};
use silverbullet_kernel::Objective;
use silverbullet_market::{
    AssetId, HistoryBar, Input, SECOND, SourceDescription, Tick, Universe, UniverseSettings,
};

use crate::Failure;

/// What is asked of an engine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) assets: usize,
    pub(crate) portfolios: usize,
    pub(crate) window: usize,
    /// Ticks a second of event time.
    pub(crate) rate: u64,
}

impl Size {
    pub(crate) fn description(&self) -> SourceDescription {
        SourceDescription {
            name: "memory".into(),
            identity: "throughput".into(),
            venues: Vec::new(),
            assets: (0..self.assets).map(|asset| format!("A{asset}")).collect(),
            grid: None,
            replayable: true,
            seekable: false,
            rows: None,
        }
    }

    pub(crate) fn universe(&self, objectives: &[Objective]) -> Result<Universe, Failure> {
        Ok(Universe::resolve("bench", &self.settings(objectives), &self.description(), 0)?)
    }

    pub(crate) fn settings(&self, objectives: &[Objective]) -> UniverseSettings {
        UniverseSettings {
            assets: vec![],
            bar: "1s".into(),
            window: self.window,
            estimator: "ledoit-wolf".into(),
            half_life: 150.0,
            risk_free: 0.0,
            lower: 0.0,
            upper: 1.0,
            bounds: std::collections::BTreeMap::new(),
            objectives: objectives.to_vec(),
            risk_aversion: None,
            target_risk: None,
            target_return: None,
            cvar_level: None,
            population: self.portfolios,
            samples: 1,
            lateness: "0s".into(),
            stale_after: "1m".into(),
            max_ahead: "1m".into(),
            max_price_ratio: 10.0,
            frontier_every: "1m".into(),
        }
    }
}

/// An endless stream of ticks that each move a price, after a full window of history.
pub(crate) struct Prices {
    size: Size,
    state: u64,
    prices: Vec<f64>,
    ticks: u64,
}

impl Prices {
    pub(crate) fn new(size: Size) -> Self {
        Self { size, state: 1, prices: (0..size.assets).map(|asset| 10.0 + asset as f64).collect(), ticks: 0 }
    }

    /// The history; to be had before the first tick.
    pub(crate) fn history(&mut self) -> Vec<Input> {
        let bar = |prices: &mut Self, number| {
            let common = prices.uniform();
            for asset in 0..prices.size.assets {
                let own = prices.uniform();
                prices.prices[asset] *= 1.0 + 2e-4 * (common + own + 1e-4 * asset as f64);
            }
            let closes = prices.prices.iter().map(|&price| Some(price)).collect();
            Input::History(Box::new(HistoryBar { number, closes }))
        };
        (1..=self.size.window as i64 + 1).map(|number| bar(self, number)).collect()
    }

    /// The next tick, received at `received`.
    pub(crate) fn next(&mut self, received: i64) -> Tick {
        let asset = ((self.uniform() + 0.5) * self.size.assets as f64) as usize % self.size.assets;
        self.prices[asset] *= 1.0 + 1e-5 * self.uniform();
        let event_time = self.start() + (self.ticks as i64) * (SECOND / self.size.rate as i64);
        self.ticks += 1;
        Tick {
            asset: AssetId(asset as u32),
            price: self.prices[asset],
            bid: None,
            ask: None,
            size: None,
            event_time,
            receipt_time: received,
            venue: 0,
            sequence: None,
            partition: 0,
            offset: self.ticks,
        }
    }

    /// How many ticks there had been when the one that `publication` answers came, itself included; `None` where
    /// it answers none.
    pub(crate) fn number_of(&self, publication: &Publication) -> Option<u64> {
        let passed = publication.event_time - self.start();
        matches!(publication.trigger, Trigger::Tick(_))
            .then(|| passed.unsigned_abs() / (SECOND.unsigned_abs() / self.size.rate) + 1)
    }

    fn start(&self) -> i64 {
        (self.size.window as i64 + 1) * SECOND + 1
    }

    fn uniform(&mut self) -> f64 {
        self.state =
            self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 11) as f64 / (1_u64 << 53) as f64 - 0.5
    }
}
