//! The market of the benchmark: 16 assets, a window of closed bars, one open bar, and the messages' form.
//!
//! The bar is so long that a run lies within it: its end would draw another population, which Flink's job does not.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};
use silverbullet_engine::LivePopulation;
use silverbullet_kernel::{Bounds, Objective, Population, PopulationOptions, Problem};
use silverbullet_market::moments::{ClosedMoments, RollingMoments};
use silverbullet_market::{
    Assembly, HistoryBar, Nanos, ReturnWindow, SECOND, SourceDescription, Step, Universe, UniverseSettings,
};

use crate::Outcome;
use crate::arguments::Arguments;

/// Assets, as many as [`name`]s.
pub(crate) const ASSETS: usize = 16;
const WINDOW: usize = 600;
const SEED: u64 = 0;
/// Lengths of the open bar to choose from: their ends meet only after weeks.
const BARS: [i64; 3] = [24, 7, 5];

/// Name of an asset.
pub(crate) fn name(asset: usize) -> String {
    format!("A{asset:02}")
}

/// Uniform numbers in [-0.5, 0.5) from a fixed recurrence (splitmix64).
pub(crate) struct Uniform(pub(crate) u64);

impl Uniform {
    pub(crate) fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64 - 0.5
    }
}

/// A price as it is sent: six decimals.
pub(crate) fn rounded(price: f64) -> f64 {
    (price * 1e6).round() / 1e6
}

/// Writes the value of a message.
pub(crate) fn write_message(out: &mut String, timestamp: Nanos, asset: &str, price: f64) -> Outcome {
    out.clear();
    write!(out, "{{\"timestamp\": {timestamp}, \"asset\": \"{asset}\", \"price\": {price}}}")?;
    Ok(())
}

/// The bar, in hours, that at `now` has the longest to go.
fn open_bar(now: Nanos) -> i64 {
    let left = |hours: &i64| {
        let bar = hours * 3_600 * SECOND;
        bar - now % bar
    };
    BARS.into_iter().max_by_key(left).unwrap_or(BARS[0])
}

/// The window's closes, W + 1 bars of every asset. They do not depend on when they are asked for.
pub(crate) fn history() -> Vec<[f64; ASSETS]> {
    let mut random = Uniform(1);
    let mut prices: [f64; ASSETS] = std::array::from_fn(|asset| 10.0 + asset as f64);
    let mut bars = Vec::with_capacity(WINDOW + 1);
    for _ in 0..=WINDOW {
        let common = random.next();
        for (asset, price) in prices.iter_mut().enumerate() {
            *price *= 1.0 + 4e-3 * (common + 1.5 * random.next() + 4e-3 * asset as f64);
        }
        bars.push(prices.map(rounded));
    }
    bars
}

/// The universe with `bar` such as `1s`, or else one bar around `now`, and history up to its open bar.
pub(crate) fn universe(
    source: &SourceDescription,
    population: usize,
    bar: Option<&str>,
    now: Nanos,
) -> Outcome<(Universe, Vec<HistoryBar>)> {
    let settings = UniverseSettings {
        assets: (0..ASSETS).map(name).collect(),
        bar: bar.map_or_else(|| format!("{}h", open_bar(now)), str::to_owned),
        window: WINDOW,
        estimator: "ledoit-wolf".into(),
        half_life: 150.0,
        risk_free: 0.0,
        lower: 0.0,
        upper: 1.0,
        bounds: std::collections::BTreeMap::new(),
        objectives: Objective::LIVE.to_vec(),
        risk_aversion: None,
        target_risk: None,
        target_return: None,
        cvar_level: None,
        population,
        samples: 1,
        lateness: "250ms".into(),
        stale_after: "1m".into(),
        max_ahead: "1m".into(),
        max_price_ratio: 10.0,
        frontier_every: "1m".into(),
    };
    let universe = Universe::resolve("bench", &settings, source, SEED)?;
    let last = now.div_euclid(universe.interval);
    let numbers = last - i64::try_from(WINDOW)?..=last;
    let index = |name: &String| (0..ASSETS).find(|&asset| self::name(asset) == *name);
    let bars = numbers.zip(history()).map(|(number, closes)| HistoryBar {
        number,
        closes: source.assets.iter().map(|name| index(name).map(|asset| closes[asset])).collect(),
    });
    Ok((universe, bars.collect()))
}

/// A source that has the assets, for those who read the topic by themselves.
pub(crate) fn plain_source() -> SourceDescription {
    SourceDescription {
        name: "bench".into(),
        identity: "bench".into(),
        venues: Vec::new(),
        assets: (0..ASSETS).map(name).collect(),
        grid: None,
        replayable: true,
        seekable: false,
        rows: None,
    }
}

/// What the engine knows when the open bar begins, by the same steps.
pub(crate) struct Market {
    pub(crate) closes: Vec<f64>,
    pub(crate) closed: ClosedMoments,
    pub(crate) population: LivePopulation,
}

impl Market {
    /// Forms the moments and draws the population of so many portfolios.
    pub(crate) fn form(population: usize, now: Nanos) -> Outcome<Self> {
        let (universe, history) = universe(&plain_source(), population, None, now)?;
        let mut assembly = Assembly::new(&universe);
        let mut window = ReturnWindow::new(ASSETS, universe.window, universe.stale_after);
        let mut last = None;
        for bar in &history {
            assembly.history(bar, &mut |step| {
                if let Step::Bar(bar) = step {
                    window.push(&bar);
                    last = Some(bar);
                }
            });
        }
        let last = last.ok_or("no bar of history was taken")?;
        let returns = window.returns_of(&(0..ASSETS).collect::<Vec<_>>());
        let mut rolling = RollingMoments::new(ASSETS, returns.rows(), universe.estimator)?;
        rolling.rebuild(&returns)?;
        let mut closed = ClosedMoments::new(ASSETS, universe.estimator);
        rolling.write_closed(&mut closed)?;
        let problem = Problem::new(closed.mean.clone(), closed.covariance.clone(), closed.observations)?
            .with_bounds(Bounds::long_only(ASSETS))?
            .with_risk_free(universe.risk_free)?;
        let options =
            PopulationOptions { size: population, seed: universe.seed, stream: last.number.cast_unsigned() };
        let drawn = Population::draw(&problem, &options)?;
        let closes = last.assets.iter().map(|asset| asset.close).collect();
        let population = LivePopulation::new(drawn, &closed, universe.risk_free);
        Ok(Self { closes, closed, population })
    }
}

/// Writes moments.json and weights.f32 (asset by asset, little-endian) into `--out`.
pub(crate) fn dump(arguments: &Arguments) -> Outcome<Value> {
    let population = arguments.number("population")?;
    let market = Market::form(population, crate::report::utc())?;
    let folder = Path::new(arguments.text("out")?);
    std::fs::create_dir_all(folder)?;
    let drawn = market.population.drawn();
    let weights: Vec<u8> =
        (0..ASSETS).flat_map(|asset| drawn.column(asset)).flat_map(|weight| weight.to_le_bytes()).collect();
    std::fs::write(folder.join("weights.f32"), weights)?;
    let base: Vec<&[f64]> = market.closed.base.as_slice().chunks_exact(ASSETS).collect();
    let moments = json!({
        "assets": plain_source().assets,
        "closes": market.closes,
        "mean": market.closed.mean,
        "base": base,
        "mean_coefficient": market.closed.mean_coefficient,
        "rank_one_coefficient": market.closed.rank_one_coefficient,
        "risk_free": 0.0,
        "population": population,
    });
    std::fs::write(folder.join("moments.json"), format!("{moments}\n"))?;
    Ok(json!({ "dumped": folder, "population": population }))
}
