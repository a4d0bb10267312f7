use super::*;
use crate::clock::SECOND;
use crate::fixtures;

fn tick(seconds: i64, price: f64, offset: u64) -> Tick {
    fixtures::tick(0, seconds * SECOND, price, offset)
}

/// Offers all ticks, of one asset, and tells line by line what became of them, in the order decided.
fn decide(ticks: &[Tick], late_before: i64) -> Vec<(u64, &'static str)> {
    let mut admission = Admission::new(1, 10.0);
    let mut clock = Clock::new(1, 60 * SECOND);
    let mut decided = vec![];
    let mut out = |admitted: Admitted| {
        decided.push(match admitted {
            Admitted::Tick(_, tick) => (tick.offset, "tick"),
            Admitted::Event(event) => (event.offset, event.reason),
        });
    };
    let mut is_late = |time: Nanos| time < late_before * SECOND;
    for &tick in ticks {
        admission.offer(&mut clock, 0, tick, &mut is_late, &mut out);
    }
    admission.end(&mut clock, &mut is_late, &mut out);
    decided
}

fn steady(from: u64) -> Vec<Tick> {
    (from..from + 3).map(|line| tick(line as i64, 100.0 + line as f64, line)).collect()
}

#[test]
fn good_ticks_all_count() {
    assert_eq!(decide(&steady(0), 0), [(0, "tick"), (1, "tick"), (2, "tick")]);
}

#[test]
fn the_few_ticks_of_a_short_stream_count_at_its_end() {
    assert_eq!(decide(&steady(0)[..1], 0), [(0, "tick")]);
}

#[test]
fn a_tick_a_day_ahead_is_contradicted_by_the_next() {
    let mut ticks = steady(0);
    ticks.push(tick(86_400, 100.0, 3));
    ticks.extend(steady(4));
    let decided = decide(&ticks, 0);
    assert_eq!(decided[3..5], [(3, "too far ahead"), (4, "tick")]);
    assert_eq!(decided.iter().filter(|(_, what)| *what == "tick").count(), 6);
}

#[test]
fn a_tick_a_day_ahead_at_the_head_or_the_end_moves_nothing() {
    let mut ticks = vec![tick(86_400, 100.0, 9)];
    ticks.extend(steady(0));
    ticks.push(tick(86_400, 100.0, 10));
    let decided = decide(&ticks, 0);
    assert_eq!(decided, [(9, "too far ahead"), (0, "tick"), (1, "tick"), (2, "tick"), (10, "too far ahead")]);
}

#[test]
fn an_outage_is_believed_once_three_ticks_agree() {
    let mut ticks = steady(0);
    ticks.extend((0..4).map(|step| tick(5_000 + step, 101.0, 10 + step as u64)));
    let decided = decide(&ticks, 0);
    assert_eq!(decided[3..], [(10, "tick"), (11, "tick"), (12, "tick"), (13, "tick")]);
}

#[test]
fn a_repeated_message_is_ignored_and_a_late_one_quarantined() {
    let mut ticks = steady(10);
    ticks.push(Tick { offset: 20, ..ticks[2] });
    ticks.push(tick(5, 100.0, 21));
    let decided = decide(&ticks, 8);
    assert_eq!(decided[3..], [(20, "duplicate"), (21, "out of order")]);
}

#[test]
fn a_price_far_away_is_quarantined_until_three_agree() {
    let mut ticks = steady(0);
    ticks.push(tick(3, 1e300, 3));
    ticks.push(tick(4, -1.0, 4));
    ticks.push(tick(5, f64::NAN, 5));
    ticks.extend((6..10).map(|line| tick(line, 0.01 + line as f64 * 1e-5, line as u64)));
    let decided = decide(&ticks, 0);
    let expected = [
        (3, "price absurdly far"),
        (4, "price not positive"),
        (5, "price not finite"),
        (6, "price absurdly far"),
        (7, "price absurdly far"),
        (8, "tick"),
        (9, "tick"),
    ];
    assert_eq!(decided[3..], expected);
}

#[test]
fn every_tick_is_decided_exactly_once() {
    let times = [1, 2, 90_000, 3, 200, 201, 4, 500, 90_001, 501, 502, 503];
    let ticks: Vec<Tick> =
        times.iter().enumerate().map(|(line, &time)| tick(time, 100.0, line as u64)).collect();
    let mut lines: Vec<u64> = decide(&ticks, 0).into_iter().map(|(line, _)| line).collect();
    lines.sort_unstable();
    assert_eq!(lines, (0..12).collect::<Vec<u64>>());
}

#[test]
fn a_wrong_time_that_all_assets_of_a_bar_share_moves_nothing() {
    let mut ticks = steady(0);
    ticks.extend((0..16).map(|asset| Tick { price: 100.0 + asset as f64, ..tick(86_400, 0.0, 10 + asset) }));
    ticks.extend(steady(30));
    let decided = decide(&ticks, 0);
    assert_eq!(decided.iter().filter(|(_, what)| *what == "too far ahead").count(), 16);
    assert_eq!(decided[19..], [(30, "tick"), (31, "tick"), (32, "tick")]);
}

#[test]
fn an_outage_of_all_assets_is_over_at_their_second_time() {
    let mut ticks = steady(0);
    for time in [5_000, 5_060] {
        let each = |asset: u64| Tick { price: 100.0 + asset as f64, ..tick(time, 0.0, time as u64 + asset) };
        ticks.extend((0..4).map(each));
    }
    let decided = decide(&ticks, 0);
    assert!(decided.iter().all(|(_, what)| *what == "tick"), "{decided:?}");
    assert_eq!(decided.len(), 11);
}

#[test]
fn a_stream_that_is_sparse_by_nature_counts_whole() {
    let ticks: Vec<Tick> = (0..50).map(|line| tick(line * 7_200, 100.0 + line as f64, line as u64)).collect();
    let decided = decide(&ticks, 0);
    assert_eq!(decided.len(), 50);
    assert!(decided.iter().all(|(_, what)| *what == "tick"), "{decided:?}");
}

#[test]
fn a_tick_far_behind_is_out_of_order_even_while_no_bar_is_final() {
    let mut ticks = steady(86_400);
    ticks.push(tick(0, 100.0, 1));
    assert_eq!(decide(&ticks, 0)[3], (1, "out of order"));
}

#[test]
fn times_at_the_ends_of_the_clock_are_quarantined() {
    let mut ticks = steady(0);
    ticks.push(Tick { event_time: Nanos::MAX, ..tick(0, 100.0, 10) });
    ticks.push(Tick { event_time: Nanos::MIN, ..tick(0, 100.0, 11) });
    let decided = decide(&ticks, 0);
    assert_eq!(decided[3..], [(10, "event time absurdly far"), (11, "event time absurdly far")]);
}

#[test]
fn a_message_is_the_same_by_its_sequence_or_by_every_field() {
    let numbered = |sequence, price, offset| Tick { sequence: Some(sequence), ..tick(3, price, offset) };
    let mut ticks = steady(0);
    ticks.extend([numbered(7, 101.0, 10), numbered(7, 102.0, 11), numbered(8, 101.0, 12)]);
    ticks.extend([tick(3, 101.0, 13), tick(3, 101.0, 14), tick(3, 101.5, 15)]);
    let decided = decide(&ticks, 0);
    let expected =
        [(10, "tick"), (11, "duplicate"), (12, "tick"), (13, "tick"), (14, "duplicate"), (15, "tick")];
    assert_eq!(decided[3..], expected);
}

proptest::proptest! {
    #[test]
    fn any_times_are_decided_exactly_once_each(
        times in proptest::collection::vec(proptest::num::i64::ANY, 0..80),
        scale in 0_u32..60,
    ) {
        let ticks: Vec<Tick> = times
            .iter()
            .enumerate()
            .map(|(line, &time)| Tick { event_time: time >> scale, ..tick(0, 100.0, line as u64) })
            .collect();
        let mut lines: Vec<u64> = decide(&ticks, i64::MIN / SECOND).into_iter().map(|(line, _)| line).collect();
        lines.sort_unstable();
        proptest::prop_assert_eq!(lines, (0..ticks.len() as u64).collect::<Vec<_>>());
    }
}
