//! What distinguishes the simulated assets from each other.

use super::random::Random;
use super::settings::SimulatorSettings;

/// Constant properties of a built-in asset.
pub(crate) struct BuiltIn {
    pub(crate) name: &'static str,
    price: f64,
    volatility: f64,
    relative_share: f64,
    sharpe: f64,
    activity: f64,
}

const fn built_in(name: &'static str, rest: [f64; 5]) -> BuiltIn {
    let [price, volatility, relative_share, sharpe, activity] = rest;
    BuiltIn { name, price, volatility, relative_share, sharpe, activity }
}

/// Start price, annual volatility, factor share against the average, annual Sharpe ratio, activity.
pub(crate) const BUILT_IN: [BuiltIn; 16] = [
    built_in("BTC", [104_072.7, 0.40, 1.14, 1.1, 3.0]),
    built_in("ETH", [2_513.48, 0.65, 1.22, 0.6, 2.6]),
    built_in("BNB", [651.36, 0.42, 1.05, 0.9, 1.2]),
    built_in("SOL", [173.11, 0.72, 1.20, 0.8, 2.0]),
    built_in("XRP", [2.3661, 0.70, 1.10, 0.3, 1.6]),
    built_in("ADA", [0.8049, 0.78, 1.24, -0.2, 1.1]),
    built_in("AVAX", [24.776, 0.84, 1.22, -0.4, 0.9]),
    built_in("LINK", [17.104, 0.82, 1.25, 0.2, 0.9]),
    built_in("LTC", [100.08, 0.68, 1.08, -0.1, 0.8]),
    built_in("BCH", [407.93, 0.66, 0.92, 0.4, 0.7]),
    built_in("ETC", [19.963, 0.70, 1.15, -0.5, 0.7]),
    built_in("XLM", [0.30623, 0.74, 1.12, -0.3, 0.8]),
    built_in("XMR", [332.02, 0.60, 0.40, 1.4, 0.7]),
    built_in("SUI", [4.0164, 0.98, 1.02, 0.5, 1.2]),
    built_in("ENA", [0.4081, 1.15, 0.94, -0.6, 0.9]),
    built_in("LAYER", [1.1825, 1.20, 0.45, -0.9, 0.8]),
];

/// What an asset's price process is made with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Profile {
    /// The price at the start.
    pub(crate) price: f64,
    /// Standard deviation of the log return over a year.
    pub(crate) volatility: f64,
    /// Share of the variance that is the common factor's.
    pub(crate) factor_share: f64,
    /// Expected log growth in a year, before the variance is taken off.
    pub(crate) drift: f64,
    /// Relative frequency of its ticks.
    pub(crate) activity: f64,
}

/// The profile of each name.
pub(crate) fn profiles(settings: &SimulatorSettings, seed: u64) -> Vec<Profile> {
    let profile = |(number, name): (usize, String)| {
        let mut random = Random::new(seed, "profile", number as u64);
        let known = BUILT_IN.iter().find(|known| known.name == name);
        let [price, volatility, relative_share, sharpe, activity] = known.map_or_else(
            || {
                [
                    libm::exp(random.between(-1.0, 6.0)),
                    random.between(0.4, 1.2),
                    random.between(0.75, 1.25),
                    random.between(-1.0, 1.5),
                    random.between(0.6, 2.0),
                ]
            },
            |k| [k.price, k.volatility, k.relative_share, k.sharpe, k.activity],
        );
        let volatility = volatility * settings.volatility;
        let factor_share = (settings.factor_share * relative_share).min(0.95);
        Profile { price, volatility, factor_share, drift: sharpe * volatility, activity }
    };
    settings.names().into_iter().enumerate().map(profile).collect()
}
