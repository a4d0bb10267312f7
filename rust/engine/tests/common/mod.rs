//! A universe and a stream of ticks for tests: correlated prices, bursts, late ticks, an asset that joins.

use std::collections::BTreeMap;

use silverbullet_kernel::Objective;
use silverbullet_market::{AssetId, SourceDescription, Tick, Universe, UniverseSettings};

pub const SECOND: i64 = 1_000_000_000;

/// Numbers in [0, 1) from a fixed recurrence (splitmix64).
pub struct Uniform(pub u64);

impl Uniform {
    pub fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

pub fn description(assets: usize) -> SourceDescription {
    SourceDescription {
        name: "test".into(),
        identity: "fixed".into(),
        venues: Vec::new(),
        assets: (0..assets).map(|asset| format!("A{asset}")).collect(),
        grid: None,
        replayable: true,
        seekable: false,
        rows: None,
    }
}

pub fn settings() -> UniverseSettings {
    UniverseSettings {
        assets: vec![],
        bar: "1s".into(),
        window: 40,
        estimator: "ledoit-wolf".into(),
        half_life: 10.0,
        risk_free: 0.0,
        lower: 0.0,
        upper: 1.0,
        bounds: BTreeMap::new(),
        objectives: Objective::LIVE.to_vec(),
        risk_aversion: None,
        target_risk: None,
        target_return: None,
        cvar_level: None,
        population: 512,
        samples: 512,
        lateness: "250ms".into(),
        stale_after: "1m".into(),
        max_ahead: "1m".into(),
        max_price_ratio: 10.0,
        frontier_every: "10s".into(),
    }
}

pub fn universe(assets: usize, settings: &UniverseSettings) -> Universe {
    Universe::resolve("test", settings, &description(assets), 0).unwrap()
}

/// About four ticks a second and asset for `seconds`, a few of them late; the last asset joins half-way.
pub fn ticks(assets: u32, seconds: i64) -> Vec<Tick> {
    ticks_at(4, assets, seconds)
}

/// The same with up to `rate` ticks a second and asset.
pub fn ticks_at(rate: i64, assets: u32, seconds: i64) -> Vec<Tick> {
    let mut random = Uniform(11);
    let mut prices: Vec<f64> = (0..assets).map(|asset| 10.0 * f64::from(asset + 1)).collect();
    let mut ticks = vec![];
    for step in 0..seconds * rate {
        let common = 2e-4 * (random.next() - 0.495);
        for asset in 0..assets {
            let joined = asset + 1 < assets || step > seconds * rate / 2;
            let own = 2e-4 * (random.next() - 0.49) * (1.0 + f64::from(asset) / 4.0);
            prices[asset as usize] *= 1.0 + common + own;
            if !joined || random.next() < 0.2 {
                continue;
            }
            let late = if random.next() < 0.05 { 150_000_000 } else { 0 };
            let event_time =
                1_000 * SECOND + step * SECOND / rate + (random.next() * 8e8) as i64 / rate - late;
            ticks.push(tick(asset, event_time, prices[asset as usize], ticks.len() as u64));
        }
    }
    ticks
}

pub fn tick(asset: u32, event_time: i64, price: f64, offset: u64) -> Tick {
    Tick {
        asset: AssetId(asset),
        price,
        bid: None,
        ask: None,
        size: Some(1.0),
        event_time,
        receipt_time: 0,
        venue: 0,
        sequence: None,
        partition: 0,
        offset,
    }
}
