//! Looking after tables: rows stay what they are, files become fewer, old ones go, readers go on.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[allow(unreachable_pub, reason = "shared by the test files")]
mod common;

use std::path::Path;

use common::{everything, live, open, options, rows, run_to, runtime, time_of, universe};
use silverbullet_engine::durable::rows::Time;
use silverbullet_market::{Nanos, SECOND};
use silverbullet_store::backend::Backend;
use silverbullet_store::delta::{Care, DeltaBackend};
use silverbullet_store::directory::DataDirectory;
use silverbullet_store::{RunRow, Table, Tables};

fn backend(directory: &Path, retention: Option<Nanos>) -> DeltaBackend {
    DeltaBackend::new(DataDirectory::new(directory), Care { retention, grace: 3_600 * SECOND })
}

fn parquet_files(directory: &Path, table: Table) -> usize {
    fn count(folder: &Path) -> usize {
        std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| !path.ends_with("_delta_log"))
            .map(|path| if path.is_dir() { count(&path) } else { 1 })
            .sum()
    }
    count(&directory.join("tables").join(table.name()))
}

#[test]
fn compaction_keeps_every_row_sorted_while_others_read_and_old_files_go_after_the_grace() {
    let folder = tempfile::tempdir().unwrap();
    // One commit, and so one file, a run.
    (1..=12).for_each(|step| run_to(options(folder.path()), &universe("a"), step * 5, 100, false));
    let before = everything(folder.path());
    assert_eq!(parquet_files(folder.path(), Table::Bars), 12);
    let runtime = runtime();
    let backend = backend(folder.path(), None);
    let tables = Tables::open(folder.path());
    let done = runtime.block_on(async {
        let reader = tokio::spawn({
            let tables = tables.clone();
            async move {
                for _ in 0..20 {
                    assert_eq!(common::rows_from(&tables, Table::Bars).await.len(), 180);
                }
            }
        });
        let done = backend.maintain(time_of(60).0).await.unwrap();
        reader.await.unwrap();
        done
    });
    assert_eq!(done.files_compacted, 12 * 5);
    assert_eq!(everything(folder.path()), before);
    let unsorted = runtime.block_on(common::query(&tables, Table::Bars, "select bar from t")).unwrap();
    let bars: Vec<i64> = unsorted
        .iter()
        .flat_map(|batch| {
            use arrow::array::AsArray;
            batch.column(0).as_primitive::<arrow::datatypes::Int64Type>().values().to_vec()
        })
        .collect();
    assert!(bars.is_sorted(), "{bars:?}");
    // What was committed before goes on from there.
    run_to(options(folder.path()), &universe("a"), 60, 7, true);
    assert_eq!(everything(folder.path()), before);
    let far = i64::MAX / 2;
    assert_eq!(runtime.block_on(backend.maintain(far)).unwrap().files_deleted, 12 * 5);
    assert_eq!(everything(folder.path()), before);
}

#[test]
fn retention_lets_go_of_files_that_are_too_old_and_a_replay_does_not_bring_them_back() {
    let folder = tempfile::tempdir().unwrap();
    (1..=4).for_each(|step| run_to(options(folder.path()), &universe("a"), step * 5, 100, step == 4));
    let backend = backend(folder.path(), Some(10 * SECOND));
    let runtime = runtime();
    // Bars up to 10 are older than 10 s, and the log rounds times up to a millisecond.
    let now = time_of(20).0 + SECOND / 2;
    // Two files of five tables; the first of the events has no time in it, and stays.
    assert_eq!(runtime.block_on(backend.maintain(now)).unwrap().files_expired, 2 * 5 - 1);
    assert_eq!(rows(folder.path(), Table::Bars).len(), 30);
    run_to(options(folder.path()), &universe("a"), 20, 100, true);
    assert_eq!(rows(folder.path(), Table::Bars).len(), 30);
}

#[test]
fn a_run_is_one_row_from_its_start_to_its_end_and_latency_is_added() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(options(folder.path()));
    let run = |run_id: &str, ended| RunRow {
        run_id: run_id.to_owned(),
        kind: "run".into(),
        universe: "it's".into(),
        variant: "v".into(),
        configuration: "{}".into(),
        seed: u64::MAX,
        version: "0".into(),
        source: "test".into(),
        started: time_of(1),
        ended,
        rows_in: None,
        rows_out: None,
    };
    store.start_run(run("1", None));
    store.flush().unwrap();
    store.start_run(run("2", None));
    store.end_run(run("1", Some(Time(time_of(2).0))));
    store.record_latency(&live(&universe("a"))).unwrap();
    store.close().unwrap();
    let runs = rows(folder.path(), Table::Runs);
    assert_eq!(runs.len(), 2, "{runs:?}");
    assert_eq!(runs.iter().filter(|run| run.contains("ended=null")).count(), 1);
    let backend = backend(folder.path(), None);
    let schema = Table::Latency.schema();
    let columns = schema.fields().iter().map(|field| match field.name().as_str() {
        "universe" | "stage" | "run_id" => {
            std::sync::Arc::new(arrow::array::StringArray::from(vec!["x"])) as arrow::array::ArrayRef
        }
        "as_of" => {
            std::sync::Arc::new(arrow::array::TimestampMicrosecondArray::from(vec![1]).with_timezone("UTC"))
        }
        _ => std::sync::Arc::new(arrow::array::Int64Array::from(vec![5])),
    });
    let batch = arrow::array::RecordBatch::try_new(schema.clone(), columns.collect()).unwrap();
    runtime().block_on(backend.record(Table::Latency, &batch)).unwrap();
    assert!(rows(folder.path(), Table::Latency)[0].contains("p99.9=5"));
}
