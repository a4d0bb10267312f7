//! Tables in two places: one that is away keeps the other from nothing, and gets everything once it is back.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(unreachable_pub, reason = "shared by the test files")]
mod common;

use std::path::Path;
use std::sync::Arc;

use common::memory::{Memory, undisturbed};
use common::{checkpoint, hand_over, live, options, rows_of, run, run_row, source, universe, wait_until};
use silverbullet_engine::RowSink;
use silverbullet_market::{SECOND, SystemClock};
use silverbullet_store::{Error, Place, RunRow, Status, Store, StoreOptions, Table};

/// Two places, and a store with them.
struct Two {
    near: Arc<Memory>,
    far: Arc<Memory>,
}

impl Two {
    fn new() -> Self {
        Self { near: Arc::default(), far: Arc::default() }
    }

    fn open(&self, options: StoreOptions) -> Arc<Store> {
        let place = |name: &str, memory: &Arc<Memory>| {
            let backend = Arc::clone(memory);
            Place { name: name.to_owned(), backend }
        };
        let places = vec![place("near", &self.near), place("far", &self.far)];
        Store::with_places(options, Arc::new(SystemClock), places).unwrap()
    }
}

/// Few rows go to the tables at a time, so that what waits is many times that.
fn small(directory: &Path) -> StoreOptions {
    StoreOptions { flush_rows: 20, patience: 3_600 * SECOND, ..options(directory) }
}

fn parcels(directory: &Path) -> usize {
    let universe = universe("a");
    let state = directory.join("state").join(&universe.name).join(&universe.variant);
    std::fs::read_dir(state.join("spool")).unwrap().count()
}

#[test]
fn while_one_place_is_away_the_other_gets_everything_and_the_rows_wait_for_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let (two, universe) = (Two::new(), universe("a"));
    two.far.set_away(true);
    let store = two.open(small(folder.path()));
    store.resume(&universe).unwrap();
    let mut writer = store.writer(&universe, &source("a", true), "run").unwrap();
    run(&mut writer, &universe, None, 60, 4, true).unwrap();
    wait_until(&store, |store| store.state().places[0].pending_rows == 0);
    assert_eq!(two.near.everything(), undisturbed(60));
    wait_until(&store, |store| store.state().places[1].retries > 0);
    let state = store.state();
    assert_eq!(state.status, Status::Failing);
    let said = "results cannot be stored in far: ";
    assert!(state.reason.as_ref().is_some_and(|reason| reason.starts_with(said)), "{state:?}");
    let [near, far] = state.places.as_slice() else { panic!("{state:?}") };
    assert_eq!((near.reason.as_ref(), far.reason.as_ref()), (None, state.reason.as_ref()));
    assert_eq!((far.pending_rows, far.since), (state.pending_rows, state.since));
    assert_eq!(parcels(folder.path()), 15);
    assert!(two.far.everything().iter().all(|(_, rows)| rows.is_empty()));

    two.far.set_away(false);
    store.close().unwrap();
    assert_eq!(two.far.everything(), undisturbed(60));
    assert_eq!(two.near.everything(), undisturbed(60), "doubled");
    assert_eq!(parcels(folder.path()), 0);
}

#[test]
fn places_that_come_and_go_and_new_starts_leave_the_rows_of_an_undisturbed_run() {
    let folder = tempfile::tempdir().unwrap();
    let (two, universe) = (Two::new(), universe("a"));
    let away = [(true, false), (false, true), (true, true), (false, true), (false, false)];
    for (part, (near, far)) in (1..).zip(away) {
        two.near.set_away(near);
        two.far.set_away(far);
        let store = two.open(small(folder.path()));
        let from = store.resume(&universe).unwrap();
        assert_eq!(from.as_ref().map_or(0, |from| from.inputs), 20 * (part - 1));
        let mut writer = store.writer(&universe, &source("a", true), "run").unwrap();
        run(&mut writer, &universe, from.as_ref(), 20 * part as i64, 4, part == 5).unwrap();
        // In the middle of it they change places.
        two.near.set_away(far);
        two.far.set_away(near);
        if part == 5 {
            store.close().unwrap();
            continue;
        }
        // Either may have had it all before, so it may or may not succeed.
        let _ = store.flush();
        store.abandon();
        let _ = store.close();
    }
    assert_eq!(two.near.everything(), undisturbed(100));
    assert_eq!(two.far.everything(), undisturbed(100));
    assert_eq!(parcels(folder.path()), 0);
}

#[test]
fn a_table_that_fails_keeps_the_others_of_its_place_from_nothing_but_decisions_come_first() {
    for (fails, written) in [(Table::Portfolios, 4), (Table::Events, 0)] {
        let folder = tempfile::tempdir().unwrap();
        let (two, universe) = (Two::new(), universe("a"));
        two.far.kept().failing.insert(fails);
        let store = two.open(options(folder.path()));
        store.resume(&universe).unwrap();
        let mut writer = store.writer(&universe, &source("a", true), "run").unwrap();
        run(&mut writer, &universe, None, 12, 4, true).unwrap();
        assert!(store.flush().is_err_and(|error| error.to_string().contains(fails.name())));
        let filled = two.far.everything().iter().filter(|(_, rows)| !rows.is_empty()).count();
        assert_eq!(filled, written, "{fails:?}");
        assert!(parcels(folder.path()) > 0);
        two.far.set_away(false);
        store.flush().unwrap();
        store.close().unwrap();
        assert_eq!(two.far.everything(), undisturbed(12), "{fails:?}");
        assert_eq!(two.near.everything(), undisturbed(12), "{fails:?}");
    }
}

#[test]
fn a_run_reaches_each_place_once_however_often_another_fails() {
    let folder = tempfile::tempdir().unwrap();
    let (two, universe) = (Two::new(), universe("a"));
    two.far.set_away(true);
    let store = two.open(small(folder.path()));
    store.start_run(run_row(&universe));
    wait_until(&store, |_| two.far.kept().failures > 2);
    assert_eq!((two.near.rows(Table::Runs).len(), two.far.rows(Table::Runs).len()), (1, 0));
    assert_eq!(store.state().places[0].commits, 1);
    store.end_run(RunRow { rows_out: Some(7), ..run_row(&universe) });
    two.far.set_away(false);
    store.close().unwrap();
    for memory in [&two.near, &two.far] {
        assert!(memory.rows(Table::Runs)[0].contains("rows_out=7"));
    }
}

#[test]
fn rows_given_up_for_one_place_are_in_the_other_and_one_event_in_each_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let (two, universe) = (Two::new(), universe("a"));
    let bounded = StoreOptions { memory_bytes: 200_000, spool_bytes: 1, ..small(folder.path()) };
    let store = two.open(bounded);
    let mut writer = store.writer(&universe, &source("a", false), "run").unwrap();
    two.far.set_away(true);
    for bar in 1..=200 {
        writer.write(&live(&universe), &rows_of(bar)).unwrap();
        writer.cut(&live(&universe), checkpoint(&universe, bar, false)).unwrap();
        writer.flush().unwrap();
        wait_until(&store, |store| store.state().places[0].pending_rows == 0);
    }
    let given_up = store.state().dropped_rows;
    assert!(given_up > 0);
    two.far.set_away(false);
    store.close().unwrap();
    for memory in [&two.near, &two.far] {
        let gaps = memory.rows(Table::Events);
        let says = format!("{given_up} rows were given up");
        assert!(gaps.len() == 1 && gaps[0].contains(&says), "{gaps:?}");
        assert!(gaps[0].contains("; they are missing only in far"), "{gaps:?}");
    }
    assert_eq!(two.near.rows(Table::Bars).len(), 600);
    let far: usize = two.far.everything().iter().map(|(_, rows)| rows.len()).sum();
    let near: usize = two.near.everything().iter().map(|(_, rows)| rows.len()).sum();
    assert_eq!(near - far, given_up as usize);
}

#[test]
fn events_are_counted_on_from_the_place_that_has_most_and_commands_take_effect_behind_what_any_has() {
    let (two, universe) = (Two::new(), universe("a"));
    for (place, last) in [(&two.near, 6), (&two.far, 12)] {
        let folder = tempfile::tempdir().unwrap();
        let backend = Arc::clone(place);
        let store = Store::with_backend(options(folder.path()), Arc::new(SystemClock), backend).unwrap();
        let mut writer = store.writer(&universe, &source("a", false), "run").unwrap();
        hand_over(&mut writer, &universe, None, last, 4, false).unwrap();
        store.close().unwrap();
    }
    // The state of a new data directory knows nothing of either.
    let folder = tempfile::tempdir().unwrap();
    let store = two.open(options(folder.path()));
    let mut writer = store.writer(&universe, &source("a", false), "run").unwrap();
    assert_eq!(store.commands(&universe).unwrap().stored, Some(12));
    hand_over(&mut writer, &universe, Some(&checkpoint(&universe, 12, false)), 24, 4, false).unwrap();
    store.close().unwrap();
    assert_eq!((two.near.rows(Table::Events).len(), two.far.rows(Table::Events).len()), (6, 8));
}

#[test]
fn a_place_that_never_answers_keeps_neither_the_other_nor_the_end_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let (two, universe) = (Two::new(), universe("a"));
    two.far.kept().silent = true;
    let store = two.open(small(folder.path()));
    store.resume(&universe).unwrap();
    let mut writer = store.writer(&universe, &source("a", true), "run").unwrap();
    run(&mut writer, &universe, None, 30, 4, true).unwrap();
    wait_until(&store, |store| store.state().places[0].pending_rows == 0);
    store.abandon();
    assert!(matches!(store.close(), Err(Error::Unfinished { .. })));
    assert_eq!(two.near.everything(), undisturbed(30));
    assert_eq!(parcels(folder.path()), 8);
}

#[test]
fn without_a_place_there_is_no_store() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::with_places(options(folder.path()), Arc::new(SystemClock), Vec::new());
    assert!(matches!(store.err(), Some(Error::Nowhere)));
}
