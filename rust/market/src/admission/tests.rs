use super::*;
use crate::clock::SECOND;
use crate::tick::AssetId;

fn tick(seconds: i64, price: f64, offset: u64) -> Tick {
    Tick {
        asset: AssetId(0),
        price,
        bid: None,
        ask: None,
        size: None,
        event_time: seconds * SECOND,
        receipt_time: 0,
        venue: 0,
        sequence: None,
        partition: 0,
        offset,
    }
}

/// Offers all ticks, of one asset, and tells line by line what became of them, in the order decided.
fn decide(ticks: &[Tick], late_before: i64) -> Vec<(u64, &'static str)> {
    let mut admission = Admission::new(1, 60 * SECOND, 10.0);
    let mut decided = vec![];
    let mut out = |admitted: Admitted| {
        decided.push(match admitted {
            Admitted::Tick(_, tick) => (tick.offset, "tick"),
            Admitted::Event(event) => (event.offset, event.reason),
        });
    };
    let mut is_late = |time: Nanos| time < late_before * SECOND;
    for &tick in ticks {
        admission.offer(0, tick, &mut is_late, &mut out);
    }
    admission.end(&mut is_late, &mut out);
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
