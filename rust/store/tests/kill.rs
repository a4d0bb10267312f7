//! Death at every point of a flush, then a new start: the tables end as if nothing had happened.
#![cfg(feature = "failpoints")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[allow(unreachable_pub, reason = "shared by the test files")]
mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use common::{everything, open, options, run, run_to, source, universe};
use silverbullet_store::failpoints::{KEEP_STORED_ROWS, POINTS};
use silverbullet_store::{Status, Table};

const LAST: i64 = 30;

/// Points that a flush of results comes by.
fn points() -> impl Iterator<Item = &'static str> {
    let others = ["latency", "runs", "compaction", "retention"];
    POINTS.into_iter().filter(move |point| !others.iter().any(|other| point.starts_with(other)))
}

/// A run that dies at `point`, when it comes by for the `time`th time; true when it did.
fn die(directory: &Path, point: &str, time: usize, action: &str) -> bool {
    fail::cfg(point, &format!("{}*off->1*{action}->off", time - 1)).unwrap();
    let universe = universe("a");
    let store = open(options(directory));
    let from = store.resume(&universe).unwrap();
    let died = catch_unwind(AssertUnwindSafe(|| {
        let mut writer = store.writer(&universe, &source("a", true), "run").unwrap();
        for last in [10, 20] {
            let from = if last == 10 { from.clone() } else { Some(common::checkpoint(&universe, 10, false)) };
            run(&mut writer, &universe, from.as_ref(), last, 4, false).unwrap();
            store.flush().unwrap();
        }
    }))
    .is_err();
    fail::remove(point);
    store.abandon();
    let _ = store.close();
    died
}

#[test]
fn death_at_any_point_and_a_new_start_give_the_rows_of_a_run_never_stopped() {
    let scenario = fail::FailScenario::setup();
    let expected = {
        let folder = tempfile::tempdir().unwrap();
        run_to(options(folder.path()), &universe("a"), LAST, 4, true);
        everything(folder.path())
    };
    let mut deaths = 0;
    for point in points() {
        for time in [1, 2] {
            for action in ["panic", "return", "return(full)"] {
                let folder = tempfile::tempdir().unwrap();
                deaths += usize::from(die(folder.path(), point, time, action));
                run_to(options(folder.path()), &universe("a"), LAST, 4, true);
                assert!(everything(folder.path()) == expected, "{point}, time {time}, {action}");
            }
        }
    }
    // A spool that cannot be written is no failure of a run; everything else is.
    assert!(deaths >= points().count() * 4, "{deaths}");
    scenario.teardown();
}

#[test]
fn without_the_application_transaction_a_death_doubles_rows() {
    let scenario = fail::FailScenario::setup();
    fail::cfg(KEEP_STORED_ROWS, "return").unwrap();
    let folder = tempfile::tempdir().unwrap();
    assert!(die(folder.path(), "bars-after-commit", 1, "panic"));
    run_to(options(folder.path()), &universe("a"), LAST, 4, true);
    let bars = common::rows(folder.path(), Table::Bars).len();
    assert!(bars > 3 * LAST as usize, "{bars}");
    scenario.teardown();
}

#[test]
fn a_full_disk_is_said_with_its_remedy() {
    let scenario = fail::FailScenario::setup();
    fail::cfg("portfolios-before-commit", "return(full)").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let universe = universe("a");
    let store = open(options(folder.path()));
    store.resume(&universe).unwrap();
    let mut writer = store.writer(&universe, &source("a", true), "run").unwrap();
    run(&mut writer, &universe, None, 10, 4, true).unwrap();
    assert!(store.flush().is_err());
    let state = store.state();
    assert_eq!(state.status, Status::Failing);
    assert!(state.reason.is_some_and(|reason| reason.contains("free space")));
    fail::remove("portfolios-before-commit");
    store.close().unwrap();
    assert_eq!(common::rows(folder.path(), Table::Bars).len(), 30);
    scenario.teardown();
}
