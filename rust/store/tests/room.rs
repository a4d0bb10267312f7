//! Rows that wait on disk: what is lost when they cannot be read again, and what is given up when there is no room.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(unreachable_pub, reason = "shared by the test files")]
mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{
    checkpoint, everything, hand_over, live, open, options, rows, rows_of, run, run_row, run_to, source,
    universe,
};
use silverbullet_engine::RowSink;
use silverbullet_market::{SECOND, Universe};
use silverbullet_store::{Error, Status, Store, StoreOptions, StoreWriter, Table};

/// Nothing stays in memory that is on disk.
fn on_disk(directory: &Path) -> StoreOptions {
    StoreOptions { memory_bytes: 1, patience: 3_600 * SECOND, ..options(directory) }
}

/// The parcels on disk of a universe, oldest first.
fn parcels(directory: &Path, universe: &Universe) -> Vec<PathBuf> {
    let spool = directory.join("state").join(&universe.name).join(&universe.variant).join("spool");
    let mut files: Vec<_> = fs::read_dir(spool).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|end| end == "parcel"));
    files.sort();
    files
}

fn truncate(path: &Path) {
    let bytes = fs::read(path).unwrap();
    fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
}

fn bars_in(store: &Store) -> usize {
    store.tail(Table::Bars).unwrap().iter().map(|tail| tail.rows.batch.num_rows()).sum()
}

fn writer(store: &Store, universe: &Universe, replayable: bool) -> StoreWriter {
    if replayable {
        store.resume(universe).unwrap();
    }
    store.writer(universe, &source("test", replayable), "run").unwrap()
}

#[test]
fn a_parcel_that_cannot_be_read_again_ends_its_universe_alone_and_the_next_start_computes_it() {
    let damage: [fn(&Path); 2] = [truncate, |path| fs::remove_file(path).unwrap()];
    for damage in damage {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (universe("a"), universe("b"));
        let store = open(on_disk(folder.path()));
        let mut writers = [&one, &other].map(|universe| writer(&store, universe, true));
        for (writer, universe) in writers.iter_mut().zip([&one, &other]) {
            hand_over(writer, universe, None, 22, 4, false).unwrap();
        }
        assert_eq!(bars_in(&store), 2 * 66);
        // The third parcel has bars 9 to 12.
        damage(&parcels(folder.path(), &one)[2]);
        assert_eq!(bars_in(&store), 2 * 66 - 12, "the tail leaves it out");
        store.start_run(run_row(&one));
        let lost = store.flush().unwrap_err();
        assert!(
            matches!(lost, Error::Lost { .. }) && lost.to_string().contains("start the program again"),
            "{lost}"
        );
        let state = store.state();
        assert_eq!((state.status, state.pending_rows, state.dropped_rows), (Status::Failing, 0, 0));
        let stored = |table, variant: &Universe| {
            let of = format!("variant={} ", variant.variant);
            rows(folder.path(), table).iter().filter(|row| row.contains(&of)).count()
        };
        assert_eq!((stored(Table::Bars, &one), stored(Table::Bars, &other)), (24, 66));
        assert_eq!(rows(folder.path(), Table::Runs).len(), 1);
        // Its run ends; the other goes on.
        let refused = writers[0].write(&live(&one), &rows_of(23)).unwrap_err();
        assert!(refused.to_string().contains("start the program again"), "{refused}");
        run(&mut writers[1], &other, Some(&checkpoint(&other, 22, false)), 30, 4, true).unwrap();
        assert!(matches!(store.close(), Err(Error::Lost { .. })));
        assert_eq!((stored(Table::Bars, &one), stored(Table::Bars, &other)), (24, 90));
        drop((writers, store));
        let store = open(options(folder.path()));
        assert_eq!(store.resume(&one).unwrap().unwrap().inputs, 8, "the checkpoint is before what was lost");
        store.close().unwrap();
        drop(store);
        for universe in [&one, &other] {
            run_to(options(folder.path()), universe, 30, 4, true);
        }
        let undisturbed = tempfile::tempdir().unwrap();
        for universe in [&one, &other] {
            run_to(options(undisturbed.path()), universe, 30, 4, true);
        }
        assert_eq!(everything(folder.path()), everything(undisturbed.path()));
    }
}

#[test]
fn of_a_source_that_cannot_be_had_again_a_parcel_that_cannot_be_read_is_lost_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let universe = universe("a");
    let store = open(on_disk(folder.path()));
    let mut writer = writer(&store, &universe, false);
    hand_over(&mut writer, &universe, None, 24, 4, false).unwrap();
    let pending = store.state().pending_rows;
    truncate(&parcels(folder.path(), &universe)[2]);
    store.flush().unwrap();
    let state = store.state();
    assert_eq!((state.status, state.pending_rows), (Status::Ok, 0));
    let left: usize = everything(folder.path()).iter().map(|(_, rows)| rows.len()).sum();
    // One event more, which tells of it.
    assert_eq!(left as u64, pending - state.dropped_rows + 1);
    let gaps: Vec<_> =
        rows(folder.path(), Table::Events).into_iter().filter(|row| row.contains("kind=gap")).collect();
    assert!(gaps.len() == 1 && gaps[0].contains(&format!("{} rows", state.dropped_rows)), "{gaps:?}");
    assert_eq!(rows(folder.path(), Table::Bars).len(), 72 - 12);
    store.close().unwrap();
}

#[test]
fn only_as_many_of_the_oldest_rows_are_given_up_as_there_is_no_room_for() {
    let folder = tempfile::tempdir().unwrap();
    let universe = universe("a");
    let spool_bytes = 400_000;
    let bounded = StoreOptions {
        memory_bytes: 200_000,
        spool_bytes,
        patience: 3_600 * SECOND,
        ..options(folder.path())
    };
    let store = open(bounded);
    let mut writer = writer(&store, &universe, false);
    let (tables, away) = (folder.path().join("tables"), folder.path().join("away"));
    fs::rename(&tables, &away).unwrap();
    let live = live(&universe);
    let (mut largest, mut before) = (0, 0);
    for bar in 1..=400 {
        writer.write(&live, &rows_of(bar)).unwrap();
        writer.cut(&live, checkpoint(&universe, bar, false)).unwrap();
        let state = store.state();
        assert!(state.spool_bytes <= spool_bytes, "{state:?}");
        largest = largest.max(state.spool_bytes.saturating_sub(before));
        before = state.spool_bytes;
        if state.dropped_rows > 0 {
            assert!(state.spool_bytes + 3 * largest > spool_bytes, "bar {bar}: {largest}, {state:?}");
        }
    }
    let state = store.state();
    assert!(state.dropped_rows > 0 && spool_bytes > 5 * largest, "{largest}, {state:?}");
    // An attempt that is under way may hold rows that were given up since; with the tables back it would store them.
    assert!(store.flush().is_err());
    fs::rename(&away, &tables).unwrap();
    store.close().unwrap();
    // The oldest are missing, and no others.
    let bars = rows(folder.path(), Table::Bars);
    let left = bars.len() as i64 / 3;
    let number = |row: &String| -> i64 {
        let at = row.find("bar=").unwrap();
        row[at + 4..].split(' ').next().unwrap().parse().unwrap()
    };
    assert_eq!(bars.iter().map(number).min(), Some(400 - left + 1));
    assert!(left > 0 && left < 400);
}

#[test]
fn what_waits_of_one_universe_takes_no_room_from_another() {
    let folder = tempfile::tempdir().unwrap();
    let memory_bytes = 400_000;
    let bounded =
        StoreOptions { memory_bytes, spool_bytes: 1, patience: 3_600 * SECOND, ..options(folder.path()) };
    let store = open(bounded);
    let (tables, away) = (folder.path().join("tables"), folder.path().join("away"));
    let universes = ["a", "b"].map(universe);
    let mut writers = universes.each_ref().map(|universe| writer(&store, universe, false));
    fs::rename(&tables, &away).unwrap();
    let mut bar = 0;
    // Each well within what it may take, both together beyond what one may.
    while store.state().pending_bytes < memory_bytes as u64 * 5 / 4 {
        bar += 1;
        for (writer, universe) in writers.iter_mut().zip(&universes) {
            writer.write(&live(universe), &rows_of(bar)).unwrap();
            writer.cut(&live(universe), checkpoint(universe, bar, false)).unwrap();
        }
        assert_eq!(store.state().dropped_rows, 0, "bar {bar}");
    }
    fs::rename(&away, &tables).unwrap();
    store.close().unwrap();
    assert_eq!(rows(folder.path(), Table::Bars).len() as i64, 2 * 3 * bar);
}

#[test]
fn a_source_that_cannot_be_had_again_is_refused_while_its_events_cannot_be_counted() {
    let folder = tempfile::tempdir().unwrap();
    let universe = universe("a");
    let store = open(options(folder.path()));
    let mut first = writer(&store, &universe, false);
    run(&mut first, &universe, None, 12, 4, false).unwrap();
    store.close().unwrap();
    drop((first, store));
    let log = folder.path().join("tables/events/_delta_log");
    let entry = log.join("00000000000000000000.json");
    let good = fs::read(&entry).unwrap();
    fs::write(&entry, "nonsense").unwrap();
    let store = open(options(folder.path()));
    let refusal = store.writer(&universe, &source("test", false), "run");
    assert!(refusal.is_err_and(|error| error.to_string().contains("events")), "counted from 0");
    fs::write(&entry, good).unwrap();
    let mut second = store.writer(&universe, &source("test", false), "run").unwrap();
    run(&mut second, &universe, Some(&checkpoint(&universe, 12, false)), 24, 4, false).unwrap();
    store.close().unwrap();
    assert_eq!(rows(folder.path(), Table::Events).len(), 8);
}
