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

/// Ticks of one partition: times that mostly rise, some of them late, one asset a partition.
fn partition(number: u32, jitters: &[(i64, i64)]) -> Vec<Tick> {
    let mut now = 1_000 + i64::from(number) * 37;
    let of = |(offset, &(step, back)): (u64, &(i64, i64))| {
        now += step;
        let asset = if number.is_multiple_of(2) { 0 } else { 2 };
        Tick { partition: number, ..tick(asset, now - back, 1.0 + offset as f64 / 100.0, offset) }
    };
    (0..).zip(jitters).map(of).collect()
}

/// The final bars, and how many ticks were left out, when partitions are read in this order.
fn read(partitions: &[Vec<Tick>], order: &[usize]) -> (String, usize) {
    let mut assembly = Assembly::new(&universe("250ms"));
    let (mut bars, mut events) = (vec![], 0);
    let mut out = |step: Step| match step {
        Step::Bar(bar) => bars.push(*bar),
        Step::Event(_) => events += 1,
        Step::Gap(_) | Step::Tick(..) => {}
    };
    let mut left: Vec<_> = partitions.iter().map(|ticks| ticks.iter().copied()).collect();
    for number in 0..partitions.len() {
        assembly.partition(number as u32, PartitionState::Active, 0, &mut out);
    }
    let turns = order.iter().copied().chain((0..partitions.len()).cycle().take(4_000));
    for turn in turns {
        if let Some(tick) = left[turn % partitions.len()].next() {
            assembly.tick(tick, &mut out);
        }
    }
    assert!(left.iter_mut().all(|rest| rest.next().is_none()));
    assembly.end(&mut out);
    (format!("{bars:?}"), events)
}

proptest::proptest! {
    #[test]
    fn whatever_order_partitions_are_read_in_the_bars_are_the_same(
        jitters in proptest::collection::vec(
            proptest::collection::vec((0_i64..4_000, proptest::prelude::prop_oneof![8 => 0_i64..200, 2 => 0_i64..9_000, 1 => -90_000_i64..0]), 3..60),
            1..4,
        ),
        order in proptest::collection::vec(0_usize..3, 0..200),
    ) {
        let partitions: Vec<_> = (0..).zip(&jitters).map(|(number, jitters)| partition(number, jitters)).collect();
        // Two partitions of the same asset would share its prices' memory: an asset belongs in one.
        let partitions = &partitions[..partitions.len().min(2)];
        let straight = read(partitions, &[]);
        proptest::prop_assert_eq!(&read(partitions, &order).0, &straight.0);
        proptest::prop_assert_eq!(read(partitions, &order).1, straight.1);
    }

    #[test]
    fn in_whatever_order_prices_of_one_asset_come_from_several_venues_the_bars_are_the_same(
        jitters in proptest::collection::vec(
            proptest::collection::vec((0_i64..2_000, proptest::prelude::prop_oneof![8 => 0_i64..200, 1 => 0_i64..3_000]), 3..60),
            2..4,
        ),
        order in proptest::collection::vec(0_usize..3, 0..200),
    ) {
        let of_venue = |number: u16, jitters: &Vec<_>| {
            let ticks = partition(number.into(), jitters).into_iter();
            ticks.map(|tick| Tick { asset: crate::AssetId(0), venue: number, ..tick }).collect()
        };
        let venues: Vec<Vec<Tick>> = (0..).zip(&jitters).map(|(number, jitters)| of_venue(number, jitters)).collect();
        proptest::prop_assert_eq!(read(&venues, &order), read(&venues, &[]));
    }
}

#[test]
fn bars_wait_for_every_partition_that_is_not_idle() {
    let mut assembly = Assembly::new(&universe("0s"));
    let mut words = vec![];
    let mut out = |step: Step| match step {
        Step::Bar(bar) => words.push(format!("bar {}", bar.number)),
        Step::Event(event) => words.push(format!("{} {}", event.reason, event.offset)),
        Step::Gap(_) | Step::Tick(..) => {}
    };
    for partition in 0..2 {
        assembly.partition(partition, PartitionState::Active, 0, &mut out);
    }
    let at = |partition, millis, offset| Tick { partition, ..tick(0, millis, 1.0, offset) };
    for millis in [900, 1_500, 2_500] {
        assembly.tick(at(0, millis, millis.unsigned_abs()), &mut out);
    }
    assembly.partition(1, PartitionState::Idle, 7, &mut out);
    // Back, and too late for the bars that did not wait for it; those after them wait again.
    for millis in [1_400, 1_600, 1_700, 2_600] {
        assembly.tick(at(1, millis, millis.unsigned_abs()), &mut out);
    }
    assembly.tick(at(0, 3_500, 3_500), &mut out);
    assembly.tick(at(1, 3_100, 3_100), &mut out);
    assembly.partition(0, PartitionState::Ended, 9, &mut out);
    assembly.partition(0, PartitionState::Active, 9, &mut out);
    assembly.partition(0, PartitionState::Active, 9, &mut out);
    assembly.partition(2, PartitionState::Active, 0, &mut out);
    assembly.close(&mut out);
    let expected = [
        "added 0",
        "added 0",
        "idle 7",
        "bar 1",
        "bar 2",
        "active 1400",
        "out of order 1400",
        "out of order 1600",
        "out of order 1700",
        "bar 3",
        "ended 9",
        "active 9",
        "added 0",
        "bar 4",
        "closed 0",
    ];
    assert_eq!(words, expected);
    assert_eq!(assembly.decisions(), 8);
}

#[test]
fn other_assets_tell_how_far_a_partition_is() {
    let mut assembly = Assembly::new(&universe("0s"));
    let mut bars = 0;
    let mut out = |step: Step| bars += i64::from(matches!(step, Step::Bar(_)));
    for partition in 0..2 {
        assembly.partition(partition, PartitionState::Active, 0, &mut out);
    }
    for second in 1..6_i64 {
        assembly.tick(tick(0, second * 1_000, 1.0, second.unsigned_abs()), &mut out);
        let foreign = Tick { partition: 1, ..tick(1, second * 1_000, 1.0, second.unsigned_abs()) };
        assembly.tick(foreign, &mut out);
    }
    assert_eq!(bars, 4);
}
