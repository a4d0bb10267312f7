//! What the unit tests of this crate start from: settings, a source, a tick.

use std::collections::BTreeMap;

use silverbullet_kernel::Objective;

use crate::clock::Nanos;
use crate::source::SourceDescription;
use crate::tick::{AssetId, Tick};
use crate::universe::UniverseSettings;

/// Settings that leave everything to the source; tests change what they are about.
pub(crate) fn settings() -> UniverseSettings {
    UniverseSettings {
        assets: vec![],
        bar: "auto".into(),
        window: 600,
        estimator: "ledoit-wolf".into(),
        half_life: 150.0,
        risk_free: 0.0,
        lower: 0.0,
        upper: 1.0,
        bounds: BTreeMap::new(),
        objectives: Objective::LIVE.to_vec(),
        risk_aversion: None,
        target_risk: None,
        target_return: None,
        cvar_level: None,
        population: 1024,
        samples: 1024,
        lateness: "250ms".into(),
        stale_after: "1m".into(),
        max_ahead: "1m".into(),
        max_price_ratio: 10.0,
        frontier_every: "1m".into(),
    }
}

/// A source of these assets, without a grid.
pub(crate) fn source(assets: &[&str]) -> SourceDescription {
    SourceDescription {
        name: "test".into(),
        identity: "abc".into(),
        venues: Vec::new(),
        assets: assets.iter().map(|asset| (*asset).to_owned()).collect(),
        grid: None,
        replayable: true,
        seekable: false,
        rows: None,
    }
}

/// A price at a time, and nothing else.
pub(crate) fn tick(asset: u32, event_time: Nanos, price: f64, offset: u64) -> Tick {
    Tick {
        asset: AssetId(asset),
        price,
        bid: None,
        ask: None,
        size: None,
        event_time,
        receipt_time: 0,
        venue: 0,
        sequence: None,
        partition: 0,
        offset,
    }
}
