//! A universe: named assets with bar interval, window, estimator, bounds and what else shapes the answers.
//!
//! [`UniverseSettings`] are what a person writes; [`Universe::resolve`] checks them against a source and
//! gives the settings everything downstream works with, and their [`variant`](Universe::variant).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use silverbullet_kernel::{Bounds, Objective};

use crate::clock::Nanos;
use crate::duration::{format_duration, parse_duration};
use crate::goals::{GoalParameters, optional};
use crate::moments::Estimator;
use crate::source::SourceDescription;

/// Hexadecimal digits of a variant: enough that two settings of one person never meet.
const VARIANT_DIGITS: usize = 12;
/// Longer bars are a mistake, and multiples of them may not fit their type.
const LONGEST_BAR: Nanos = 366 * 86_400 * crate::clock::SECOND;
/// From steps of this length on, markets that close for a weekend skip some of them.
const CALENDAR_STEP: Nanos = 3_600 * crate::clock::SECOND;
/// More assets than this make a tick's O(N²) work leave the microseconds.
const MOST_ASSETS: usize = 2_000;

/// A universe as a person writes it. Every field has its default in the program's `default.toml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UniverseSettings {
    /// Names of the assets; empty takes every asset of the source.
    pub assets: Vec<String>,
    /// Bar interval such as `1s`; `auto` takes a file's own grid, and `1s` where there is none.
    pub bar: String,
    /// Number of final bars the moments are formed from.
    pub window: usize,
    /// `sample`, `ledoit-wolf` or `exponential`.
    pub estimator: String,
    /// Half-life in bars of the `exponential` estimator.
    pub half_life: f64,
    /// Risk-free rate per bar.
    pub risk_free: f64,
    /// Least weight of every asset that has no bounds of its own.
    pub lower: f64,
    /// Most weight of every asset that has no bounds of its own.
    pub upper: f64,
    /// Bounds of single assets: name = [lower, upper].
    pub bounds: BTreeMap<String, [f64; 2]>,
    /// Objectives to answer: those of [`Objective::LIVE`] with each tick, all at each bar's close.
    pub objectives: Vec<Objective>,
    /// Risk aversion of `utility`, per unit of return per bar. The fields of what objectives need are left out of
    /// the written settings where they are not set, so that they change no other universe's variant.
    #[serde(default, deserialize_with = "optional", skip_serializing_if = "Option::is_none")]
    pub risk_aversion: Option<f64>,
    /// Most risk of `target-risk`, per bar.
    #[serde(default, deserialize_with = "optional", skip_serializing_if = "Option::is_none")]
    pub target_risk: Option<f64>,
    /// Least mean of `target-return`, per bar.
    #[serde(default, deserialize_with = "optional", skip_serializing_if = "Option::is_none")]
    pub target_return: Option<f64>,
    /// Level of `min-cvar`; 0.95 counts the worst twentieth of the bars.
    #[serde(default, deserialize_with = "optional", skip_serializing_if = "Option::is_none")]
    pub cvar_level: Option<f64>,
    /// Portfolios in the live population.
    pub population: usize,
    /// Portfolios sampled for each stored Monte Carlo row.
    pub samples: u64,
    /// How late a tick may come and still count for its bar.
    pub lateness: String,
    /// An asset without a tick for this long is stale from the next bar on.
    pub stale_after: String,
    /// A tick further ahead of the stream than this needs others to confirm it.
    pub max_ahead: String,
    /// A price this many times above or below the last one needs others to confirm it.
    pub max_price_ratio: f64,
    /// How often an exact frontier is stored.
    pub frontier_every: String,
}

/// Why settings do not make a universe. Each message names the setting and the remedy.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("universe {universe}: {setting}: {problem}")]
pub struct UniverseError {
    /// Name of the universe.
    pub universe: String,
    /// Name of the setting.
    pub setting: &'static str,
    /// What is wrong with it and what would be right.
    pub problem: String,
}

/// A checked universe over the assets of one source.
#[derive(Debug, Clone, PartialEq)]
pub struct Universe {
    /// Its name.
    pub name: String,
    /// Hash of settings, seed and source: results of different ones never meet under one key.
    pub variant: String,
    /// Asset names, in the order of every weight vector.
    pub assets: Vec<String>,
    /// Position of each of the source's assets among `assets`, by [`AssetId`](crate::AssetId).
    pub members: Vec<Option<usize>>,
    /// Bar interval.
    pub interval: Nanos,
    /// Bars in the window.
    pub window: usize,
    /// How moments are estimated.
    pub estimator: Estimator,
    /// Risk-free rate per bar.
    pub risk_free: f64,
    /// Weight bounds of each asset.
    pub lower: Vec<f64>,
    /// Weight bounds of each asset.
    pub upper: Vec<f64>,
    /// Objectives to answer.
    pub objectives: Vec<Objective>,
    /// What those of them that have parameters are asked with.
    pub parameters: GoalParameters,
    /// Portfolios in the live population.
    pub population: usize,
    /// Portfolios sampled for each stored Monte Carlo row.
    pub samples: u64,
    /// Seed of everything random.
    pub seed: u64,
    /// How late a tick may come.
    pub lateness: Nanos,
    /// Age at which an asset is stale.
    pub stale_after: Nanos,
    /// How far ahead a tick may be unconfirmed.
    pub max_ahead: Nanos,
    /// How far a price may move unconfirmed.
    pub max_price_ratio: f64,
    /// A frontier is stored at every bar whose number this divides.
    pub frontier_bars: i64,
}

impl Universe {
    /// Checks `settings` against what the source offers.
    ///
    /// # Errors
    /// A setting that cannot be met, named with what would be right.
    pub fn resolve(
        name: &str,
        settings: &UniverseSettings,
        source: &SourceDescription,
        seed: u64,
    ) -> Result<Self, UniverseError> {
        let fail = |setting, problem| UniverseError { universe: name.to_owned(), setting, problem };
        let duration = |setting, text: &str| parse_duration(text).map_err(|problem| fail(setting, problem));
        let (assets, members) = choose_assets(settings, source).map_err(|problem| fail("assets", problem))?;
        let interval = match settings.bar.as_str() {
            "auto" => source.grid.unwrap_or(crate::clock::SECOND),
            text => duration("bar", text)?,
        };
        check_numbers(settings, interval).map_err(|(setting, problem)| fail(setting, problem))?;
        let parameters =
            GoalParameters::resolve(settings).map_err(|(setting, problem)| fail(setting, problem))?;
        let (lower, upper) = bounds_of(settings, &assets).map_err(|problem| fail("bounds", problem))?;
        let estimator = Estimator::from_settings(&settings.estimator, settings.half_life)
            .map_err(|p| fail("estimator", p))?;
        let lateness = duration("lateness", &settings.lateness)?;
        let frontier_every = duration("frontier_every", &settings.frontier_every)?;
        let stale_after = duration("stale_after", &settings.stale_after)?.max(5 * interval);
        // A stream whose own grid is wider than the bars is not ahead of itself, and where a step takes hours
        // or days, nights, weekends and holidays are no outage.
        let step = interval.max(source.grid.unwrap_or(0).min(LONGEST_BAR));
        let spacing = if step < CALENDAR_STEP { 2 * step } else { 5 * step };
        let max_ahead = duration("max_ahead", &settings.max_ahead)?.min(LONGEST_BAR).max(spacing);
        let resolved = UniverseSettings {
            assets: assets.clone(),
            bar: format_duration(interval),
            lateness: format_duration(lateness),
            stale_after: format_duration(stale_after),
            max_ahead: format_duration(max_ahead),
            frontier_every: format_duration(frontier_every),
            risk_aversion: parameters.risk_aversion,
            target_risk: parameters.target_risk,
            target_return: parameters.target_return,
            cvar_level: parameters.cvar_level,
            ..settings.clone()
        };
        Ok(Self {
            name: name.to_owned(),
            variant: variant_of(&resolved, seed, &source.identity),
            members,
            interval,
            window: settings.window,
            estimator,
            risk_free: settings.risk_free,
            lower,
            upper,
            objectives: settings.objectives.clone(),
            parameters,
            population: settings.population,
            samples: settings.samples,
            seed,
            lateness,
            stale_after,
            max_ahead,
            max_price_ratio: settings.max_price_ratio,
            frontier_bars: (frontier_every / interval).max(1),
            assets,
        })
    }

    /// The objectives that are answered with each tick, in the order of the settings.
    pub fn live_objectives(&self) -> impl Iterator<Item = Objective> + '_ {
        self.objectives.iter().copied().filter(|objective| Objective::LIVE.contains(objective))
    }

    /// The objectives that are answered at each bar's close only.
    pub fn close_objectives(&self) -> impl Iterator<Item = Objective> + '_ {
        self.objectives.iter().copied().filter(|objective| !Objective::LIVE.contains(objective))
    }

    /// Bounds over some of the assets, by position.
    ///
    /// # Errors
    /// Where no weights of those assets alone meet their bounds.
    pub fn bounds_for(&self, eligible: &[usize]) -> silverbullet_kernel::Result<Bounds> {
        let pick = |of: &[f64]| eligible.iter().map(|&asset| of[asset]).collect();
        Bounds::new(pick(&self.lower), pick(&self.upper))
    }
}

type Members = (Vec<String>, Vec<Option<usize>>);

fn choose_assets(settings: &UniverseSettings, source: &SourceDescription) -> Result<Members, String> {
    let assets = if settings.assets.is_empty() { source.assets.clone() } else { settings.assets.clone() };
    if assets.is_empty() {
        return Err("the source has no asset; list some, or choose another source".to_owned());
    }
    if assets.len() > MOST_ASSETS {
        return Err(format!("{} assets; at most {MOST_ASSETS} are supported", assets.len()));
    }
    let mut sorted: Vec<_> = assets.iter().collect();
    sorted.sort_unstable();
    if let Some(twice) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(format!("{} stands there twice", twice[0]));
    }
    if let Some(missing) = assets.iter().find(|asset| !source.assets.contains(asset)) {
        let offered = source.assets.join(", ");
        return Err(format!("the source {} has no asset {missing}; it has {offered}", source.name));
    }
    let members = source.assets.iter().map(|asset| assets.iter().position(|mine| mine == asset)).collect();
    Ok((assets, members))
}

fn check_numbers(settings: &UniverseSettings, interval: Nanos) -> Result<(), (&'static str, String)> {
    let found = |what: &dyn std::fmt::Display, expected: &str| format!("{what} is not allowed; {expected}");
    if interval < 1_000_000 {
        return Err(("bar", found(&format_duration(interval), "the shortest bar is 1ms")));
    }
    if interval > LONGEST_BAR {
        return Err((
            "bar",
            found(&format_duration(interval), "the longest bar is 366d; choose one with --bar"),
        ));
    }
    if !(2..=100_000).contains(&settings.window) {
        return Err(("window", found(&settings.window, "it is a number of bars from 2 to 100000")));
    }
    if !settings.risk_free.is_finite() {
        return Err(("risk_free", found(&settings.risk_free, "it is a rate per bar, such as 0.0")));
    }
    if !(1..=10_000_000).contains(&settings.population) {
        return Err(("population", found(&settings.population, "it is a number from 1 to 10000000")));
    }
    if !(1..=1_000_000_000).contains(&settings.samples) {
        return Err(("samples", found(&settings.samples, "it is a number from 1 to 1000000000")));
    }
    if settings.max_price_ratio.is_nan() || settings.max_price_ratio <= 1.0 {
        return Err(("max_price_ratio", found(&settings.max_price_ratio, "it is a factor above 1")));
    }
    if settings.objectives.is_empty() {
        return Err(("objectives", "none is listed; list max-sharpe, min-variance or others".to_owned()));
    }
    let twice =
        |objective: &Objective| settings.objectives.iter().filter(|other| *other == objective).count() > 1;
    if let Some(objective) = settings.objectives.iter().find(|objective| twice(objective)) {
        return Err(("objectives", format!("{objective} is listed twice; list it once")));
    }
    Ok(())
}

fn bounds_of(settings: &UniverseSettings, assets: &[String]) -> Result<(Vec<f64>, Vec<f64>), String> {
    if let Some(unknown) = settings.bounds.keys().find(|name| !assets.contains(name)) {
        return Err(format!("{unknown} is not an asset of this universe"));
    }
    let pair =
        |asset: &String| settings.bounds.get(asset).copied().unwrap_or([settings.lower, settings.upper]);
    let lower: Vec<f64> = assets.iter().map(|asset| pair(asset)[0]).collect();
    let upper: Vec<f64> = assets.iter().map(|asset| pair(asset)[1]).collect();
    Bounds::new(lower.clone(), upper.clone()).map_err(|error| error.to_string())?;
    Ok((lower, upper))
}

/// The settings as resolved, the seed and the source, hashed: not the name, and nothing that only changes
/// how results are shown.
fn variant_of(resolved: &UniverseSettings, seed: u64, source: &str) -> String {
    let mut hasher = blake3::Hasher::new();
    let canonical = serde_json::to_string(&(resolved, seed, source)).unwrap_or_default();
    hasher.update(canonical.as_bytes());
    hasher.finalize().to_hex()[..VARIANT_DIGITS].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{self, settings};

    fn source() -> SourceDescription {
        SourceDescription { grid: Some(60_000_000_000), ..fixtures::source(&["ADA", "BTC", "ETH"]) }
    }

    fn resolve(settings: &UniverseSettings) -> Result<Universe, UniverseError> {
        Universe::resolve("default", settings, &source(), 0)
    }

    #[test]
    fn the_default_takes_all_assets_and_the_grid_of_the_source() {
        let universe = resolve(&settings()).unwrap();
        assert_eq!(universe.assets, ["ADA", "BTC", "ETH"]);
        assert_eq!(universe.interval, 60_000_000_000);
        assert_eq!(universe.variant.len(), VARIANT_DIGITS);
    }

    #[test]
    fn a_weekend_is_not_far_ahead_of_daily_prices() {
        let days = |grid: i64| SourceDescription { grid: Some(grid * 86_400 * crate::SECOND), ..source() };
        let ahead = |source: &SourceDescription| {
            Universe::resolve("default", &settings(), source, 0).unwrap().max_ahead
        };
        assert_eq!(ahead(&days(1)), 5 * 86_400 * crate::SECOND);
        assert_eq!(ahead(&source()), 120 * crate::SECOND);
    }

    #[test]
    fn members_follow_the_order_of_the_settings() {
        let universe =
            resolve(&UniverseSettings { assets: vec!["ETH".into(), "ADA".into()], ..settings() }).unwrap();
        assert_eq!(universe.members, [Some(1), None, Some(0)]);
    }

    #[test]
    fn every_setting_seed_and_source_makes_its_own_variant() {
        let base = resolve(&settings()).unwrap().variant;
        let window = resolve(&UniverseSettings { window: 300, ..settings() }).unwrap().variant;
        let seed = Universe::resolve("default", &settings(), &source(), 1).unwrap().variant;
        let other = SourceDescription { identity: "abd".into(), ..source() };
        let input = Universe::resolve("default", &settings(), &other, 0).unwrap().variant;
        let written = UniverseSettings { max_ahead: "120s".into(), bar: "60s".into(), ..settings() };
        assert_eq!(base, resolve(&written).unwrap().variant, "the same settings in other words");
        let named = Universe::resolve("other", &settings(), &source(), 0).unwrap().variant;
        assert!(base != window && base != seed && base != input);
        assert_eq!(base, named);
    }

    #[test]
    fn settings_that_leave_a_new_one_out_keep_their_variant() {
        // As it was before objectives had parameters: results stored then must be found again.
        assert_eq!(resolve(&settings()).unwrap().variant, "7e09f170b2fa");
        let unused = UniverseSettings { target_risk: Some(0.5), cvar_level: Some(0.9), ..settings() };
        assert_eq!(resolve(&unused).unwrap().variant, "7e09f170b2fa");
        let cvar = |level| {
            let objectives = vec![Objective::MinCvar];
            resolve(&UniverseSettings { objectives, cvar_level: level, ..settings() }).unwrap().variant
        };
        assert_eq!(cvar(None), cvar(Some(0.95)), "the usual level, said or not");
        assert_ne!(cvar(None), cvar(Some(0.9)));
    }

    #[test]
    fn each_wrong_setting_is_named() {
        let wrong = [
            ("assets", UniverseSettings { assets: vec!["DOGE".into()], ..settings() }),
            ("assets", UniverseSettings { assets: vec!["BTC".into(), "BTC".into()], ..settings() }),
            ("bar", UniverseSettings { bar: "fast".into(), ..settings() }),
            ("bar", UniverseSettings { bar: "30000d".into(), ..settings() }),
            ("window", UniverseSettings { window: 1, ..settings() }),
            ("objectives", UniverseSettings { objectives: vec![Objective::MaxSharpe; 2], ..settings() }),
            ("estimator", UniverseSettings { estimator: "magic".into(), ..settings() }),
            ("bounds", UniverseSettings { upper: 0.2, ..settings() }),
            ("bounds", UniverseSettings { bounds: [("XRP".into(), [0.0, 1.0])].into(), ..settings() }),
            ("max_price_ratio", UniverseSettings { max_price_ratio: 0.5, ..settings() }),
            ("objectives", UniverseSettings { objectives: vec![], ..settings() }),
            ("target_risk", UniverseSettings { objectives: vec![Objective::TargetRisk], ..settings() }),
        ];
        for (setting, settings) in wrong {
            assert_eq!(resolve(&settings).unwrap_err().setting, setting);
        }
    }
}
