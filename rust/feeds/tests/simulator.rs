//! The simulated market: repeatable, and with the statistics it promises.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test may panic and print"
)]

mod common;

use std::sync::Arc;

use common::{ManualSleeper, Stopwatch, clock};
use nalgebra::{DMatrix, SymmetricEigen};
use proptest::prelude::*;
use silverbullet_feeds::{
    Collected, SimulatedAssets, Simulator, SimulatorSettings, SimulatorStart, Speed, collect_ticks,
};
use silverbullet_market::{ManualClock, Nanos, SECOND, Source, StopFlag};

const START: Nanos = 1_747_008_000 * SECOND + 123_456_789;

fn settings() -> SimulatorSettings {
    SimulatorSettings { start: SimulatorStart::At(START), ..SimulatorSettings::default() }
}

fn simulator(settings: SimulatorSettings, seed: u64, bars: usize, limit: u64) -> Simulator {
    Simulator::new(settings, seed, SECOND, bars, clock()).unwrap().with_speed(Speed::Max).with_limit(limit)
}

fn run(seed: u64, bars: usize, limit: u64) -> Collected {
    collect_ticks(&mut simulator(settings(), seed, bars, limit)).unwrap()
}

#[test]
fn the_same_seed_and_start_give_the_same_market() {
    let first = run(5, 50, 5_000);
    assert_eq!(run(5, 50, 5_000), first);
    let mut again = simulator(settings(), 5, 50, 5_000);
    assert_eq!(collect_ticks(&mut again).unwrap(), first);
    assert_eq!(collect_ticks(&mut again).unwrap(), first, "a second run of the same one");
    assert_ne!(run(6, 50, 5_000).ticks, first.ticks);
    assert_eq!(run(5, 3, 5_000).ticks, first.ticks, "the length of the history changes no tick");
}

#[test]
fn the_speed_changes_no_tick() {
    let clock = Arc::new(ManualClock::new(0));
    let mut paced = Simulator::new(settings(), 5, SECOND, 0, clock.clone())
        .unwrap()
        .with_speed(Speed::RealTime(3.0))
        .with_sleeper(ManualSleeper::new(&clock))
        .with_limit(300);
    let mut found = collect_ticks(&mut paced).unwrap();
    for tick in &mut found.ticks {
        let due = (tick.event_time - START + START % 1_000) as f64 / 3.0;
        assert!((tick.receipt_time as f64 - due).abs() < 2.0, "{} {due}", tick.receipt_time);
        tick.receipt_time = 7;
    }
    assert_eq!(found.ticks, run(5, 0, 300).ticks);
}

/// What the market is made of may not change unnoticed: stored results are keyed by its identity.
#[test]
fn the_first_ticks_are_pinned() {
    let ticks = run(0, 0, 1_000).ticks;
    let mut hasher = blake3::Hasher::new();
    for tick in &ticks {
        hasher.update(&tick.price.to_bits().to_le_bytes()).update(&tick.event_time.to_le_bytes());
        hasher.update(&tick.size.unwrap().to_bits().to_le_bytes());
    }
    assert_eq!(hasher.finalize().to_hex()[..16], *"5fa3b09f8c04ece9");
}

#[test]
fn history_is_contiguous_and_ends_before_the_first_tick() {
    for (interval, start) in [(SECOND, START), (60 * SECOND, START), (SECOND, 1_747_008_000 * SECOND)] {
        let settings = SimulatorSettings { start: SimulatorStart::At(start), ..settings() };
        let mut source = Simulator::new(settings, 1, interval, 600, clock()).unwrap();
        source = source.with_speed(Speed::Max).with_limit(2_000);
        let found = collect_ticks(&mut source).unwrap();
        let last = start / interval;
        let numbers: Vec<i64> = found.history.iter().map(|bar| bar.number).collect();
        assert_eq!(numbers, (last - 599..=last).collect::<Vec<_>>());
        assert!(found.ticks[0].event_time > last * interval && last * interval <= start);
        assert!(found.history.iter().flat_map(|b| &b.closes).all(|c| c.is_some_and(|c| c > 0.0)));
        // Prices go on where history ended: within ten standard deviations of the time between.
        for (asset, close) in found.history[599].closes.iter().enumerate() {
            let tick = found.ticks.iter().find(|t| t.asset.index() == asset).unwrap();
            let years = (tick.event_time - last * interval) as f64 / 1e9 / 31_536_000.0;
            let change = (tick.price / close.unwrap()).ln().abs();
            assert!(change < 10.0 * 1.2 * years.sqrt() + 1e-5, "asset {asset}: {change} in {years} years");
        }
    }
}

#[test]
fn ticks_are_in_order_positive_and_numbered() {
    let found = run(9, 0, 50_000);
    let mut sequences = [0; 16];
    for (number, tick) in found.ticks.iter().enumerate() {
        assert_eq!(tick.offset, number as u64 + 1);
        sequences[tick.asset.index()] += 1;
        assert_eq!(tick.sequence, Some(sequences[tick.asset.index()]));
        assert_eq!(tick.event_time % 1_000, 0, "whole microseconds");
        let (bid, ask, size) = (tick.bid.unwrap(), tick.ask.unwrap(), tick.size.unwrap());
        assert!(bid > 0.0 && bid < tick.price && tick.price < ask && size > 0.0, "{tick:?}");
        assert!(ask / bid < 1.01, "{tick:?}");
    }
    assert!(found.ticks.is_sorted_by_key(|tick| tick.event_time));
    assert_eq!(found.frames, 50_000);
    let (most, least) = (sequences.iter().max().unwrap(), sequences.iter().min().unwrap());
    assert!(*least > 500 && most > &(2 * least), "{sequences:?}");
}

#[test]
fn ticks_come_at_the_rate_asked_for_in_bursts() {
    let ticks = run(2, 0, 200_000).ticks;
    let seconds = ((ticks[199_999].event_time - START) / SECOND) as usize;
    let mut counts = vec![0.0; seconds];
    for tick in &ticks {
        if let Some(count) = counts.get_mut(((tick.event_time - START) / SECOND) as usize) {
            *count += 1.0;
        }
    }
    let mean = counts.iter().sum::<f64>() / seconds as f64;
    let variance = counts.iter().map(|c| (c - mean) * (c - mean)).sum::<f64>() / seconds as f64;
    assert!((mean / 200.0 - 1.0).abs() < 0.05, "{mean} ticks a second");
    // 1/(1 − 0.6)² = 6.25 over long intervals, a little less over a second.
    assert!((4.0..8.0).contains(&(variance / mean)), "variance to mean {}", variance / mean);
}

/// Correlations of simple returns, `bars` by assets.
fn correlations(prices: &[Vec<f64>]) -> DMatrix<f64> {
    let assets = prices[0].len();
    let mut returns =
        DMatrix::from_fn(prices.len() - 1, assets, |t, i| prices[t + 1][i] / prices[t][i] - 1.0);
    for mut column in returns.column_iter_mut() {
        let mean = column.mean();
        column.add_scalar_mut(-mean);
        let norm = column.norm();
        column /= norm;
    }
    returns.transpose() * returns
}

/// Least, middle and greatest correlation, and the first eigenvalue's share.
fn summary(prices: &[Vec<f64>]) -> [f64; 4] {
    let matrix = correlations(prices);
    let assets = matrix.nrows();
    let mut pairs: Vec<f64> =
        (0..assets).flat_map(|i| (0..i).map(move |j| (i, j))).map(|at| matrix[at]).collect();
    pairs.sort_by(f64::total_cmp);
    let share = SymmetricEigen::new(matrix).eigenvalues.max() / assets as f64;
    [pairs[0], pairs[pairs.len() / 2], pairs[pairs.len() - 1], share]
}

/// Closes of 1-second bars by previous tick, from the first second in which every asset has a price.
fn bars(found: &Collected) -> Vec<Vec<f64>> {
    let mut last: Vec<f64> = found.history.last().unwrap().closes.iter().map(|c| c.unwrap()).collect();
    let mut closes = Vec::new();
    let mut number = START / SECOND;
    for tick in &found.ticks {
        while tick.event_time > (number + 1) * SECOND {
            closes.push(last.clone());
            number += 1;
        }
        last[tick.asset.index()] = tick.price;
    }
    closes
}

#[test]
fn correlations_are_those_of_a_market_with_one_strong_factor() {
    for seed in 0..4 {
        let found = run(seed, 2_000, 400_000);
        let history: Vec<Vec<f64>> =
            found.history.iter().map(|bar| bar.closes.iter().map(|c| c.unwrap()).collect()).collect();
        for (name, prices) in [("history", history), ("ticks", bars(&found))] {
            let [least, middle, most, share] = summary(&prices);
            println!("{seed} {name} {least:.3} {middle:.3} {most:.3} {share:.3}");
            assert!(least > 0.12 && most < 0.92, "{name}: {least} to {most}");
            assert!((0.5..0.8).contains(&middle), "{name}: {middle}");
            assert!((0.55..0.76).contains(&share), "{name}: {share}");
        }
    }
}

#[test]
fn volatility_is_that_of_the_settings() {
    for scale in [1.0, 3.0] {
        let settings = SimulatorSettings { volatility: scale, jumps_per_day: 0.0, ..settings() };
        let mut source = Simulator::new(settings, 3, 60 * SECOND, 20_000, clock()).unwrap().with_limit(0);
        let history = collect_ticks(&mut source).unwrap().history;
        for (asset, low, high) in [(0, 0.36, 0.44), (1, 0.58, 0.72), (15, 1.08, 1.32)] {
            let returns =
                history.windows(2).map(|w| w[1].closes[asset].unwrap() / w[0].closes[asset].unwrap() - 1.0);
            let variance = returns.map(|r| r * r).sum::<f64>() / 19_999.0;
            let annual = (variance * 525_600.0).sqrt() / scale;
            assert!((low..high).contains(&annual), "asset {asset}: {annual}");
        }
    }
}

#[test]
fn jumps_make_the_tails_fat() {
    let kurtosis = |jumps_per_day| {
        let settings = SimulatorSettings { jumps_per_day, ..settings() };
        let mut source = Simulator::new(settings, 3, SECOND, 20_000, clock()).unwrap().with_limit(0);
        let history = collect_ticks(&mut source).unwrap().history;
        let returns: Vec<f64> =
            history.windows(2).map(|w| w[1].closes[1].unwrap() / w[0].closes[1].unwrap() - 1.0).collect();
        let moment = |power| returns.iter().map(|r| r.powi(power)).sum::<f64>() / returns.len() as f64;
        moment(4) / (moment(2) * moment(2))
    };
    let (without, with) = (kurtosis(0.0), kurtosis(50.0));
    assert!(without < 6.0 && with > 12.0, "{without} {with}");
}

#[test]
fn now_is_resolved_and_part_of_the_identity() {
    let at = |utc: Nanos, seed| {
        Simulator::new(SimulatorSettings::default(), seed, SECOND, 5, Arc::new(ManualClock::new(utc)))
            .unwrap()
    };
    let now = at(START, 0);
    assert_eq!(now.start(), START - 789);
    let described = now.description();
    assert_eq!((described.grid, described.replayable, described.rows), (None, true, None));
    let pinned = Simulator::new(settings(), 0, 60 * SECOND, 9, clock()).unwrap();
    assert_eq!(pinned.description().identity, described.identity);
    assert_ne!(at(START + SECOND, 0).description().identity, described.identity);
    assert_ne!(at(START, 1).description().identity, described.identity);
    assert_ne!(now.with_limit(3).description().identity, pinned.description().identity);
}

#[test]
fn a_raised_flag_ends_the_market() {
    let stop = StopFlag::default();
    stop.raise();
    let mut watch = Stopwatch::new(&clock());
    Simulator::new(settings(), 0, SECOND, 5, clock()).unwrap().run(&mut watch, &stop).unwrap();
    assert!(watch.pushed_at.is_empty());
}

#[test]
fn senseless_shapes_are_refused() {
    let refused =
        |interval, bars| Simulator::new(settings(), 0, interval, bars, clock()).err().unwrap().to_string();
    assert!(refused(0, 5).contains("bar: an interval of 0 ns"));
    assert!(refused(SECOND, usize::MAX).contains("window: "));
    assert!(refused(86_400 * SECOND, 100_000).contains("reach back beyond 1970"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_settings_give_usable_ticks(
        seed in any::<u64>(),
        assets in 1_usize..40,
        rate in 0.001_f64..1e6,
        volatility in 0.01_f64..100.0,
        factor_share in 0.0_f64..0.95,
        jumps_per_day in 0.0_f64..1_000.0,
    ) {
        let assets = SimulatedAssets::Count(assets);
        let settings = SimulatorSettings { assets, rate, volatility, factor_share, jumps_per_day, ..settings() };
        let found = collect_ticks(&mut simulator(settings, seed, 20, 500)).unwrap();
        for tick in &found.ticks {
            prop_assert!(tick.price.is_finite() && tick.bid > Some(0.0) && tick.bid < tick.ask, "{:?}", tick);
        }
        prop_assert!(found.ticks.is_sorted_by_key(|tick| tick.event_time));
        prop_assert!(found.history.iter().flat_map(|b| &b.closes).all(|c| c.is_some_and(f64::is_normal)));
    }
}
