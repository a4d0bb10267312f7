use super::*;
use crate::clock::SECOND;
use crate::fixtures;
use crate::universe::UniverseSettings;

fn universe(lateness: &str) -> Universe {
    let settings = UniverseSettings {
        assets: vec!["ETH".into(), "BTC".into()],
        bar: "1s".into(),
        window: 10,
        estimator: "sample".into(),
        lateness: lateness.into(),
        ..fixtures::settings()
    };
    Universe::resolve("test", &settings, &fixtures::source(&["BTC", "DOGE", "ETH"]), 0).unwrap()
}

fn tick(asset: u32, millis: i64, price: f64, offset: u64) -> Tick {
    fixtures::tick(asset, millis * SECOND / 1_000, price, offset)
}

/// Each step as a short word: `bar 3`, `tick 17`, or an event's reason.
fn words(assembly: &mut Assembly, ticks: &[Tick], end: bool) -> Vec<String> {
    let mut words = vec![];
    let mut out = |step: Step| {
        words.push(match step {
            Step::Bar(bar) => format!("bar {}", bar.number),
            Step::Tick(_, tick) => format!("tick {}", tick.offset),
            Step::Gap(event) | Step::Event(event) => event.reason.to_owned(),
        });
    };
    ticks.iter().for_each(|&tick| assembly.tick(tick, &mut out));
    if end {
        assembly.end(&mut out);
    }
    words
}

#[test]
fn a_bar_is_final_before_the_tick_that_made_it_so_and_the_end_closes_the_last() {
    let ticks =
        [tick(0, 900, 1.0, 1), tick(2, 1_000, 2.0, 2), tick(0, 1_100, 1.0, 3), tick(0, 1_250, 1.0, 4)];
    let words = words(&mut Assembly::new(&universe("250ms")), &ticks, true);
    assert_eq!(words, ["tick 1", "tick 2", "tick 3", "bar 1", "tick 4", "bar 2"]);
}

#[test]
fn a_late_tick_within_the_allowance_still_counts() {
    let mut assembly = Assembly::new(&universe("250ms"));
    let ticks = [
        tick(0, 900, 1.0, 1),
        tick(0, 901, 1.5, 2),
        tick(0, 1_100, 1.0, 3),
        tick(0, 950, 3.0, 4),
        tick(0, 1_300, 1.0, 5),
        tick(0, 960, 3.0, 6),
    ];
    let mut closes = vec![];
    for tick in ticks {
        assembly.tick(tick, &mut |step| {
            if let Step::Bar(bar) = step {
                closes.push(bar.assets[1].close);
            }
        });
    }
    assert_eq!(closes, [3.0]);
}

#[test]
fn without_lateness_ticks_of_one_time_share_their_bar() {
    let ticks =
        [tick(0, 1_000, 1.0, 1), tick(2, 1_000, 2.0, 2), tick(0, 2_000, 1.0, 3), tick(2, 2_000, 2.0, 4)];
    let words = words(&mut Assembly::new(&universe("0s")), &ticks, true);
    assert_eq!(words, ["tick 1", "tick 2", "bar 1", "tick 3", "tick 4", "bar 2"]);
}

#[test]
fn other_assets_are_none_of_its_business() {
    assert!(words(&mut Assembly::new(&universe("0s")), &[tick(1, 1_000, 1.0, 1)], true).is_empty());
}

#[test]
fn ticks_held_after_an_outage_find_their_bars_and_mark_the_gap() {
    let mut ticks: Vec<Tick> = (1..=3).map(|step| tick(0, step * 400, 1.0, step as u64)).collect();
    ticks.extend((0..4).map(|step| tick(0, 500_400 + step * 1_000, 1.0, 10 + step as u64)));
    let words = words(&mut Assembly::new(&universe("250ms")), &ticks, false);
    assert_eq!(
        words,
        [
            "tick 1", "tick 2", "tick 3", "bar 1", "bar 2", "gap", "tick 10", "bar 501", "tick 11",
            "bar 502", "tick 12", "bar 503", "tick 13"
        ]
    );
}

#[test]
fn history_fills_bars_and_ticks_follow_it() {
    let mut assembly = Assembly::new(&universe("250ms"));
    let mut returns = vec![];
    for (number, price) in [(5, 100.0), (6, 110.0)] {
        let history = HistoryBar { number, closes: vec![Some(price), None, Some(2.0)] };
        assembly.history(&history, &mut |step| {
            if let Step::Bar(bar) = step {
                returns.push(bar.assets[1].simple_return);
            }
        });
    }
    assert!(returns[0].is_nan() && (returns[1] - 0.1).abs() < 1e-15);
    assert_eq!(
        words(&mut assembly, &[tick(0, 6_000, 1.0, 1), tick(0, 6_001, 111.0, 2)], false),
        ["out of order", "tick 2"]
    );
}

/// The steps of each tick and of the end, in words that show every bit of the bars. With `cut`, the assembly is
/// written down and read again before that tick.
fn traced(ticks: &[Tick], cut: Option<usize>) -> Vec<String> {
    let mut assembly = Assembly::new(&universe("250ms"));
    let mut traced = vec![];
    let mut out = |step: Step| {
        traced.push(match step {
            Step::Bar(bar) => {
                let bits = |asset: &crate::AssetBar| {
                    (asset.close.to_bits(), asset.simple_return.to_bits(), asset.volume, asset.last_tick)
                };
                format!("bar {} {:?}", bar.number, bar.assets.iter().map(bits).collect::<Vec<_>>())
            }
            other => format!("{other:?}"),
        });
    };
    for (number, &tick) in ticks.iter().enumerate() {
        if cut == Some(number) {
            let bytes = postcard::to_stdvec(&assembly).unwrap();
            assembly = postcard::from_bytes(&bytes).unwrap();
            assert!(assembly.is_for(&universe("250ms")) && !assembly.is_for(&universe("251ms")));
        }
        assembly.tick(tick, &mut out);
    }
    assembly.end(&mut out);
    traced
}

#[test]
fn read_again_after_any_tick_it_goes_on_to_the_same_bits() {
    let mut ticks: Vec<Tick> = (1..40).map(|step| tick(0, step * 400, 1.0 / step as f64, 3)).collect();
    // A duplicate, a price in doubt three times, ticks held far ahead, and an asset that joins late.
    ticks.insert(20, ticks[12]);
    (0..3).for_each(|step| ticks.insert(24 + step, tick(0, 9_900, 99.0 + step as f64, 7)));
    (0..2).for_each(|step| ticks.insert(30 + step, tick(2, 900_000 + 7 * step as i64, 5.0, 8)));
    ticks.extend((0..3).map(|step| Tick { size: Some(0.1), ..tick(2, 16_000 + 300 * step, 2.0, 9) }));
    ticks.extend((0..9).map(|step| tick(0, 700_000 + 650 * step, 1.0, 10)));
    let undisturbed = traced(&ticks, None);
    for reason in ["duplicate", "price absurdly far", "too far ahead", "gap"] {
        assert!(undisturbed.iter().any(|step| step.contains(reason)), "{reason} did not come up");
    }
    for cut in 0..ticks.len() {
        assert_eq!(traced(&ticks, Some(cut)), undisturbed, "read again before tick {cut}");
    }
}
