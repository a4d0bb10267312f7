use proptest::prelude::*;

use super::*;
use crate::fixtures;

const SECOND: Nanos = 1_000_000_000;

fn tick(event_time: Nanos, price: f64, offset: u64) -> Tick {
    Tick { size: Some(0.1), ..fixtures::tick(0, event_time, price, offset) }
}

fn bars(builder: &mut BarBuilder, until: Nanos) -> Vec<FinalBar> {
    std::iter::from_fn(|| builder.next_final(until))
        .filter_map(|ready| match ready {
            Ready::Bar(bar) => Some(bar),
            Ready::Gap { .. } => None,
        })
        .collect()
}

#[test]
fn a_price_on_the_grid_closes_that_bar() {
    assert_eq!(bar_number(10 * SECOND, SECOND), 10);
    assert_eq!(bar_number(10 * SECOND + 1, SECOND), 11);
    assert_eq!(bar_number(-1, SECOND), 0);
}

#[test]
fn a_bar_without_a_tick_repeats_the_close_with_a_return_of_zero() {
    let mut builder = BarBuilder::new(2, SECOND, 100);
    builder.add(0, &tick(SECOND, 100.0, 1));
    builder.add(0, &tick(3 * SECOND, 110.0, 2));
    let bars = bars(&mut builder, 3 * SECOND);
    assert_eq!(bars.iter().map(|bar| bar.number).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(bars[1].assets[0].close, 100.0);
    assert_eq!(bars[1].assets[0].simple_return, 0.0);
    assert_eq!(bars[1].assets[0].ticks, 0);
    assert!((bars[2].assets[0].simple_return - 0.1).abs() < 1e-15);
    assert!(bars[0].assets[0].simple_return.is_nan());
    assert!(bars[2].assets[1].close.is_nan() && bars[2].assets[1].simple_return.is_nan());
}

#[test]
fn a_tick_for_a_final_bar_is_late() {
    let mut builder = BarBuilder::new(1, SECOND, 100);
    builder.add(0, &tick(SECOND, 1.0, 1));
    assert_eq!(builder.add(0, &tick(2 * SECOND, 2.0, 2)), Placement::Placed);
    assert_eq!(bars(&mut builder, SECOND).len(), 1);
    assert!(builder.is_late(SECOND));
    assert_eq!(builder.add(0, &tick(SECOND, 3.0, 3)), Placement::Late);
    assert_eq!(builder.add(0, &tick(SECOND + 1, 3.0, 4)), Placement::Placed);
}

#[test]
fn no_return_is_formed_across_a_gap() {
    let mut builder = BarBuilder::new(1, SECOND, 5);
    builder.add(0, &tick(SECOND, 1.0, 1));
    assert_eq!(bars(&mut builder, SECOND).len(), 1);
    builder.add(0, &tick(20 * SECOND, 2.0, 2));
    assert_eq!(builder.next_final(20 * SECOND), Some(Ready::Gap { from: 2, to: 20 }));
    let Some(Ready::Bar(bar)) = builder.next_final(20 * SECOND) else { panic!("a bar was due") };
    assert_eq!(bar.number, 20);
    assert!(bar.assets[0].simple_return.is_nan());
}

#[test]
fn history_is_taken_in_order_only() {
    let mut builder = BarBuilder::new(1, SECOND, 5);
    let history = |number, close| HistoryBar { number, closes: vec![Some(close)] };
    assert!(builder.add_history(&history(7, 10.0), Some).is_some());
    assert!(builder.add_history(&history(9, 10.0), Some).is_none());
    let bar = builder.add_history(&history(8, 11.0), Some).unwrap();
    assert!((bar.assets[0].simple_return - 0.1).abs() < 1e-15);
    assert_eq!(builder.add(0, &tick(8 * SECOND, 1.0, 1)), Placement::Late);
}

proptest! {
    #[test]
    fn a_bar_is_a_function_of_the_set_of_its_ticks(
        prices in prop::collection::vec((1_i64..5_000, 1.0_f64..2.0), 1..40),
        shuffle in prop::collection::vec(any::<u64>(), 40),
    ) {
        let ticks: Vec<Tick> = prices
            .iter()
            .enumerate()
            .map(|(line, &(time, price))| tick(time * 1_000_000, price, line as u64))
            .collect();
        let mut shuffled: Vec<(u64, Tick)> = shuffle.iter().copied().zip(ticks.iter().copied()).collect();
        shuffled.sort_by_key(|(key, _)| *key);
        let build = |ticks: &mut dyn Iterator<Item = Tick>| {
            let mut builder = BarBuilder::new(1, SECOND, 100);
            ticks.for_each(|tick| { builder.add(0, &tick); });
            let end = builder.last_close().unwrap();
            format!("{:?}", bars(&mut builder, end))
        };
        prop_assert_eq!(
            build(&mut ticks.iter().copied()),
            build(&mut shuffled.into_iter().map(|(_, tick)| tick))
        );
    }
}
