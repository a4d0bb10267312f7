//! Answering the newest of the ticks that wait, against answering each.

use silverbullet_market::{HistoryBar, ManualClock};

use super::*;
use crate::fixtures as common;

fn hot_loop(universe: &Universe, answer: Answering) -> HotLoop {
    let start = Checkpoint::new(universe);
    let live = LiveState::new(universe.clone(), "test", "run", None, answer::most_answers(universe));
    let live = Arc::new(live);
    let (recorder, _) = crate::telemetry::channel();
    let (desk, mut refresher) = crate::refresh::desk(&live.scenery, &Arc::default());
    let mut hot = HotLoop::new(live, Arc::new(ManualClock::new(0)), desk, recorder, &start).unwrap();
    hot.answer(answer);
    for number in 900..=1_000 {
        let price =
            |asset: i64| 10.0 * (asset + 1) as f64 * (1.0 + 1e-3 * ((number * (asset + 3)) % 7) as f64);
        let closes = (0..universe.assets.len() as i64).map(|asset| Some(price(asset))).collect();
        hot.input(Input::History(Box::new(HistoryBar { number, closes }))).unwrap();
    }
    let closed = hot.book.closed.clone();
    let problem =
        silverbullet_kernel::Problem::new(closed.mean.clone(), closed.covariance.clone(), universe.window)
            .unwrap();
    let options = silverbullet_kernel::PopulationOptions { size: 128, seed: 0, stream: 0 };
    let drawn = silverbullet_kernel::Population::draw(&problem, &options).unwrap();
    refresher.hand_over(crate::refresh::Ready {
        generation: hot.book.generation,
        bar: hot.bar,
        population: Some(LivePopulation::new(drawn, &closed, 0.0)),
        condition_number: None,
    });
    hot
}

/// Feeds `ticks` in batches of these sizes, in turns, as if each had been found waiting at once.
fn feed(hot: &mut HotLoop, ticks: &[Tick], sizes: &[usize], mut after: impl FnMut(&HotLoop, usize)) {
    let (mut fed, mut round) = (0, 0);
    while fed < ticks.len() {
        let batch = sizes[round % sizes.len()].min(ticks.len() - fed);
        hot.look();
        for tick in &ticks[fed..fed + batch] {
            hot.input(Input::Tick(*tick)).unwrap();
        }
        hot.answer_newest();
        (fed, round) = (fed + batch, round + 1);
        after(hot, fed);
    }
}

fn same(a: f64, b: f64, scale: f64) {
    assert!((a - b).abs() <= 1e-9 * scale, "{a:e} and {b:e}");
}

fn assert_same_answers(newest: &Publication, every: &Publication) {
    assert_eq!((newest.trigger, newest.event_time, newest.bar), (every.trigger, every.event_time, every.bar));
    assert_eq!(
        (&newest.prices, &newest.closes, newest.answered),
        (&every.prices, &every.closes, every.answered)
    );
    for (mine, theirs) in newest.portfolios().iter().zip(every.portfolios()) {
        assert_eq!(
            (mine.objective, mine.method, mine.label),
            (theirs.objective, theirs.method, theirs.label)
        );
        same(mine.mean, theirs.mean, theirs.risk);
        same(mine.risk, theirs.risk, theirs.risk);
        mine.weights.iter().zip(&theirs.weights).for_each(|(mine, theirs)| same(*mine, *theirs, 1.0));
    }
}

#[test]
fn the_newest_of_a_batch_is_answered_as_if_all_had_been() {
    let universe = common::universe(5, &common::settings());
    let ticks = common::ticks_at(40, 5, 40);
    let mut published = Vec::new();
    let mut every = hot_loop(&universe, Answering::Every);
    feed(&mut every, &ticks, &[1], |hot, _| published.push(hot.live.publication().unwrap()));
    let mut newest = hot_loop(&universe, Answering::Newest);
    let (mut compared, mut taken) = (0, 0);
    feed(&mut newest, &ticks, &[1, 7, 40, 2, 300], |hot, fed| {
        assert_same_answers(&hot.live.publication().unwrap(), &published[fed - 1]);
        compared += 1;
        taken = fed;
    });
    assert!(compared > 50 && taken == ticks.len(), "{compared} of {taken}");
    assert_eq!(newest.live.summary().bars, every.live.summary().bars);
}

#[test]
fn every_tick_is_either_answered_or_counted_as_skipped() {
    let universe = common::universe(5, &common::settings());
    let ticks = common::ticks_at(20, 5, 30);
    let mut hot = hot_loop(&universe, Answering::Newest);
    let (mut seen, mut told) = (hot.live.summary().publications, 0);
    feed(&mut hot, &ticks, &[5], |hot, fed| {
        let publication = hot.live.publication().unwrap();
        // Where a bar closed in between, its own publication has told of those before it.
        if publication.sequence == seen + 1 && fed % 5 == 0 {
            assert_eq!(publication.skipped, 4);
            told += 1;
        }
        seen = publication.sequence;
    });
    let summary = hot.live.summary();
    assert!(told > 100 && summary.skipped > 1_000, "{told} {summary:?}");
    assert_eq!(summary.publications + summary.skipped, summary.ticks + summary.bars);
}

#[test]
fn a_bar_close_is_published_whatever_waits() {
    let universe = common::universe(5, &common::settings());
    let ticks = common::ticks_at(20, 5, 30);
    let mut hot = hot_loop(&universe, Answering::Newest);
    let before = hot.live.summary();
    feed(&mut hot, &ticks, &[usize::MAX], |_, _| {});
    let summary = hot.live.summary();
    // The closes, and the one tick that is the newest of all.
    assert_eq!(summary.publications - before.publications, summary.bars - before.bars + 1);
    assert!(summary.bars > 100);
}

#[test]
fn a_source_that_keeps_pace_gets_every_tick_answered() {
    let universe = common::universe(5, &common::settings());
    let ticks = common::ticks_at(4, 5, 30);
    let mut hot = hot_loop(&universe, Answering::Newest);
    feed(&mut hot, &ticks, &[1], |hot, _| assert_eq!(hot.draft.skipped, 0));
    assert_eq!(hot.live.summary().skipped, 0);
}
