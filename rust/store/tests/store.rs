//! The store through its interface: what goes in comes out, once, whatever happens in between.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(unreachable_pub, reason = "shared by the test files")]
mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{everything, live, open, options, rows, run, run_to, runtime, source, universe, wait_until};
use silverbullet_engine::RowSink;
use silverbullet_market::SECOND;
use silverbullet_store::{Error, Status, StoreOptions, Table};

/// What a run that nothing happened to leaves, of `last` bars.
fn undisturbed(last: i64) -> Vec<(Table, Vec<String>)> {
    let folder = tempfile::tempdir().unwrap();
    run_to(options(folder.path()), &universe("a"), last, 4, true);
    everything(folder.path())
}

fn state_folder(directory: &Path) -> PathBuf {
    let universe = universe("a");
    directory.join("state").join(&universe.name).join(&universe.variant)
}

fn spooled(directory: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(state_folder(directory).join("spool"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

/// Leaves `last` bars in the spool and nothing in the tables, as a process that was killed.
fn leave_in_spool(directory: &Path, last: i64, complete: bool) {
    let universe = universe("a");
    let store = open(options(directory));
    assert!(store.resume(&universe).unwrap().is_none());
    let mut writer = store.writer(&universe, &source("a", true), "run").unwrap();
    let live = live(&universe);
    for bar in 1..=last {
        writer.write(&live, &common::rows_of(bar)).unwrap();
        let complete = complete && bar == last;
        writer.cut(&live, common::checkpoint(&universe, bar, complete)).unwrap();
    }
    store.abandon();
    assert!(matches!(store.close(), Err(Error::Unfinished { .. })));
}

#[test]
fn what_is_written_is_read_bit_for_bit_in_the_columns_of_the_schema() {
    let folder = tempfile::tempdir().unwrap();
    run_to(options(folder.path()), &universe("a"), 30, 4, true);
    let counts: Vec<_> = everything(folder.path()).iter().map(|(_, rows)| rows.len()).collect();
    assert_eq!(counts, [10, 60, 12, 90, 90]);
    let first = &rows(folder.path(), Table::Portfolios)[0];
    for exact in [
        format!("mean={:?}", 1.0 / (3.0 + 1.0 + 5.0 * 0.1)),
        format!("{{XRP: {:?}, ADA: {:?}, BTC: -0.0}}", 1.0 / (3.0 + 1.0 + 0.1), f64::MIN_POSITIVE),
        "as_of=2023-11-14T22:13:21.123456Z".to_owned(),
        "sharpe=null".to_owned(),
        format!("universe=default variant={} ", universe("a").variant),
    ] {
        assert!(first.contains(&exact), "{exact} is not in {first}");
    }
    runtime().block_on(async {
        let tables = silverbullet_store::Tables::open(folder.path());
        for table in Table::RESULTS {
            let snapshot = tables.snapshot(table).await.unwrap().unwrap();
            let found = common::provider(&snapshot).schema();
            let expected = table.schema();
            for (found, expected) in found.fields().iter().zip(expected.fields()) {
                assert_eq!((found.name(), found.data_type()), (expected.name(), expected.data_type()));
            }
            let application = format!("default/{}", universe("a").variant);
            let last = if table == Table::Events { 10 } else { 30 };
            assert_eq!(snapshot.stored(&application).await.unwrap(), Some(last));
            assert_eq!(snapshot.stored("default/another").await.unwrap(), None);
        }
        assert!(tables.snapshot(Table::Backtests).await.unwrap().is_none());
    });
}

#[test]
fn a_complete_run_again_adds_no_row_and_other_variants_stand_beside() {
    let folder = tempfile::tempdir().unwrap();
    run_to(options(folder.path()), &universe("a"), 30, 4, true);
    let before = everything(folder.path());
    let store = open(options(folder.path()));
    assert!(store.resume(&universe("a")).unwrap().is_none());
    store.close().unwrap();
    // Cut elsewhere this time: rows are left out one by one.
    run_to(options(folder.path()), &universe("a"), 30, 7, true);
    assert_eq!(everything(folder.path()), before);
    run_to(options(folder.path()), &universe("b"), 30, 7, true);
    for ((_, before), (_, after)) in before.iter().zip(everything(folder.path())) {
        assert_eq!(after.len(), 2 * before.len());
    }
}

#[test]
fn a_stopped_run_goes_on_and_ends_with_the_rows_of_one_never_stopped() {
    let folder = tempfile::tempdir().unwrap();
    for last in [7, 8, 20, 30] {
        run_to(options(folder.path()), &universe("a"), last, 4, last == 30);
    }
    assert_eq!(everything(folder.path()), undisturbed(30));
}

#[test]
fn the_spool_of_a_killed_process_is_stored_and_gone_on_from() {
    let folder = tempfile::tempdir().unwrap();
    leave_in_spool(folder.path(), 6, false);
    assert_eq!(spooled(folder.path()).len(), 6);
    let store = open(options(folder.path()));
    let from = store.resume(&universe("a")).unwrap().unwrap();
    assert_eq!(from.inputs, 6);
    let tail: usize = store.tail(Table::Bars).unwrap().iter().map(|tail| tail.rows.batch.num_rows()).sum();
    assert_eq!(tail, 18);
    store.close().unwrap();
    assert_eq!(rows(folder.path(), Table::Bars).len(), 18);
    assert!(spooled(folder.path()).is_empty());
}

#[test]
fn a_damaged_parcel_is_set_aside_and_its_bars_and_those_after_it_are_computed_again() {
    type Damage = fn(&mut Vec<u8>);
    let damage: [(&str, Damage); 4] = [
        ("a byte has changed", |bytes| {
            let last = bytes.len() - 1;
            bytes[last] ^= 1;
        }),
        ("it is cut short", |bytes| bytes.truncate(20)),
        ("it is empty", Vec::clear),
        ("it is of another version", |bytes| bytes[8] = 99),
    ];
    for (what, damage) in damage {
        let folder = tempfile::tempdir().unwrap();
        leave_in_spool(folder.path(), 6, false);
        let path = &spooled(folder.path())[3];
        let mut bytes = fs::read(path).unwrap();
        damage(&mut bytes);
        fs::write(path, bytes).unwrap();
        let store = open(options(folder.path()));
        assert_eq!(store.resume(&universe("a")).unwrap().unwrap().inputs, 3, "{what}");
        store.close().unwrap();
        assert_eq!(rows(folder.path(), Table::Bars).len(), 9, "{what}");
        assert_eq!(spooled(folder.path()).len(), 3, "{what}: set aside");
        assert!(
            spooled(folder.path()).iter().all(|path| path.extension().is_some_and(|end| end == "damaged"))
        );
        run_to(options(folder.path()), &universe("a"), 30, 4, true);
        assert_eq!(rows(folder.path(), Table::Bars), undisturbed(30)[4].1, "{what}");
    }
}

#[test]
fn a_damaged_checkpoint_starts_the_input_anew_and_adds_no_row() {
    let folder = tempfile::tempdir().unwrap();
    run_to(options(folder.path()), &universe("a"), 20, 4, false);
    let path = state_folder(folder.path()).join("checkpoint");
    for damaged in [b"nonsense".to_vec(), Vec::new()] {
        fs::write(&path, damaged).unwrap();
        let store = open(options(folder.path()));
        assert!(store.resume(&universe("a")).unwrap().is_none());
        store.close().unwrap();
        assert!(path.with_file_name("checkpoint.damaged").exists());
    }
    run_to(options(folder.path()), &universe("a"), 30, 4, true);
    assert_eq!(everything(folder.path()), undisturbed(30));
}

#[test]
fn a_second_writer_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(options(folder.path()));
    first.resume(&universe("a")).unwrap();
    let second = open(options(folder.path()));
    let refusal = second.resume(&universe("b")).unwrap_err();
    assert!(matches!(refusal, Error::Locked { .. }), "{refusal}");
    first.close().unwrap();
    second.resume(&universe("b")).unwrap();
}

#[test]
fn tables_that_vanish_are_waited_for_and_never_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let universe = universe("a");
    let store = open(StoreOptions { patience: 3_600 * SECOND, ..options(folder.path()) });
    store.resume(&universe).unwrap();
    let mut writer = store.writer(&universe, &source("a", true), "run").unwrap();
    run(&mut writer, &universe, None, 10, 4, false).unwrap();
    store.flush().unwrap();
    let (tables, away) = (folder.path().join("tables"), folder.path().join("away"));
    fs::rename(&tables, &away).unwrap();
    let from = common::checkpoint(&universe, 10, false);
    run(&mut writer, &universe, Some(&from), 30, 4, true).unwrap();
    assert!(store.flush().is_err());
    let state = store.state();
    assert_eq!(state.status, Status::Failing);
    assert!(state.reason.as_ref().is_some_and(|reason| reason.contains("disappeared")), "{state:?}");
    assert!(state.pending_rows > 0 && state.since.is_some());
    assert!(!tables.exists(), "made anew");
    fs::rename(&away, &tables).unwrap();
    store.close().unwrap();
    assert_eq!(everything(folder.path()), undisturbed(30));
}

#[test]
fn memory_is_bounded_and_a_source_that_can_wait_is_held_back_until_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let memory_bytes = 200_000;
    let bounded =
        StoreOptions { memory_bytes, spool_bytes: 1, patience: 3_600 * SECOND, ..options(folder.path()) };
    let store = open(bounded);
    store.resume(&universe("a")).unwrap();
    let (tables, away) = (folder.path().join("tables"), folder.path().join("away"));
    fs::rename(&tables, &away).unwrap();
    let mut writer = store.writer(&universe("a"), &source("a", true), "run").unwrap();
    let engine = std::thread::spawn(move || run(&mut writer, &universe("a"), None, 400, 4, true));
    wait_until(&store, |store| store.state().status == Status::Full);
    let held = store.state();
    assert!(held.pending_bytes as usize <= memory_bytes, "{held:?}");
    assert!(!engine.is_finished());
    fs::rename(&away, &tables).unwrap();
    engine.join().unwrap().unwrap();
    store.close().unwrap();
    assert_eq!(everything(folder.path()), undisturbed(400));
}

#[test]
fn a_source_that_cannot_wait_goes_on_and_one_event_tells_of_each_stretch_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let bounded = StoreOptions {
        memory_bytes: 200_000,
        spool_bytes: 1,
        patience: 3_600 * SECOND,
        ..options(folder.path())
    };
    let store = open(bounded);
    let (tables, away) = (folder.path().join("tables"), folder.path().join("away"));
    let mut writer = store.writer(&universe("a"), &source("a", false), "run").unwrap();
    fs::rename(&tables, &away).unwrap();
    run(&mut writer, &universe("a"), None, 400, 4, false).unwrap();
    let given_up = store.state().dropped_rows;
    assert!(given_up > 0);
    fs::rename(&away, &tables).unwrap();
    store.close().unwrap();
    let gaps: Vec<_> =
        rows(folder.path(), Table::Events).into_iter().filter(|row| row.contains("kind=gap")).collect();
    assert!(gaps.len() == 1 && gaps[0].contains(&format!("{given_up} rows")), "{gaps:?}");
    let bars = rows(folder.path(), Table::Bars).len();
    assert!(bars < 1_200 && bars > 0);
}
