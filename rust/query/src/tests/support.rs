//! Small tables on disk, and a tail in memory.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, FieldRef};
use deltalake::kernel::Transaction;
use deltalake::kernel::transaction::CommitProperties;
use deltalake::protocol::SaveMode;
use deltalake::{DeltaTable, DeltaTableBuilder, ensure_table_uri};
use silverbullet_store::backend::{Numbered, Numbers};
use silverbullet_store::schema::WeightsBuilder;
use silverbullet_store::{Table, Tables, TailBatch};

use crate::tail::Tail;
use crate::{Limits, Sql};

pub(crate) const START: i64 = 1_700_000_000;

/// Rows of `portfolios`: two objectives a bar, one bar a second.
pub(crate) fn portfolios(universe: &str, variant: &str, bars: std::ops::Range<i64>) -> RecordBatch {
    let mut names = (Vec::new(), Vec::new());
    let mut weights = WeightsBuilder::default();
    for bar in bars {
        for objective in ["max-sharpe", "min-variance"] {
            names.0.push(START + bar);
            names.1.push(objective);
            #[allow(clippy::cast_precision_loss, reason = "small")]
            let share = (bar % 4) as f64 / 4.0;
            weights.push([("BTC", share), ("ETH", 1.0 - share)]).unwrap();
        }
    }
    let (bars, objectives) = names;
    let rows = bars.len();
    let constant = |text: &str| Arc::new(StringArray::from(vec![text; rows])) as ArrayRef;
    let times: TimestampMicrosecondArray = bars.iter().map(|bar| Some(bar * 1_000_000)).collect();
    #[allow(clippy::cast_precision_loss, reason = "small")]
    let number = |scale: f64| -> ArrayRef {
        Arc::new(bars.iter().map(|bar| Some(scale * (bar % 100) as f64)).collect::<Float64Array>())
    };
    let nothing: ArrayRef = Arc::new(Float64Array::from(vec![None; rows]));
    let columns: Vec<ArrayRef> = vec![
        constant(universe),
        constant(variant),
        Arc::new(Int64Array::from(bars.clone())),
        Arc::new(StringArray::from(objectives)),
        constant("exact"),
        Arc::new(times.with_timezone("UTC")),
        constant("run-1"),
        number(1e-6),
        number(1e-5),
        nothing.clone(),
        number(0.0),
        nothing,
        constant("ok"),
        weights.finish(),
    ];
    RecordBatch::try_new(Table::Portfolios.schema(), columns).unwrap()
}

/// Appends rows in one commit that says how far `application` has come.
pub(crate) async fn commit(data: &Path, table: Table, batch: RecordBatch, application: &str, version: i64) {
    let path = data.join("tables").join(table.name());
    std::fs::create_dir_all(&path).unwrap();
    let location = ensure_table_uri(path.to_string_lossy()).unwrap();
    let handle: DeltaTable = match DeltaTableBuilder::from_url(location.clone()).unwrap().load().await {
        Ok(table) => table,
        Err(_) => DeltaTableBuilder::from_url(location).unwrap().build().unwrap(),
    };
    let properties =
        CommitProperties::default().with_application_transaction(Transaction::new(application, version));
    handle
        .write([batch])
        .with_save_mode(SaveMode::Append)
        .with_partition_columns(table.partitions().to_vec())
        .with_commit_properties(properties)
        .await
        .unwrap();
}

/// A tail that a test fills.
#[derive(Debug, Default)]
pub(crate) struct TestTail(pub(crate) Mutex<Vec<TailBatch>>);

impl Tail for TestTail {
    fn pending(&self, table: Table) -> silverbullet_store::Result<Vec<TailBatch>> {
        let mut tail = self.0.lock().unwrap().clone();
        tail.retain(|pending| pending.rows.batch.schema() == table.schema());
        Ok(tail)
    }
}

pub(crate) fn pending(universe: &str, variant: &str, bars: std::ops::Range<i64>) -> TailBatch {
    TailBatch {
        application: format!("{universe}/{variant}"),
        rows: Numbered { batch: portfolios(universe, variant, bars), numbers: Numbers::Bar },
    }
}

/// Rows of `events`, one a second, told apart by their offsets.
pub(crate) fn events(universe: &str, variant: &str, offsets: std::ops::Range<i64>) -> RecordBatch {
    let rows = offsets.clone().count();
    let constant = |text: &str| Arc::new(StringArray::from(vec![text; rows])) as ArrayRef;
    let times: TimestampMicrosecondArray =
        offsets.clone().map(|offset| Some((START + offset) * 1_000_000)).collect();
    let times: ArrayRef = Arc::new(times.with_timezone("UTC"));
    let schema = Table::Events.schema();
    let column = |field: &FieldRef| match field.name().as_str() {
        "universe" => constant(universe),
        "variant" => constant(variant),
        "offset" => Arc::new(Int64Array::from_iter_values(offsets.clone())) as ArrayRef,
        "partition" => Arc::new(Int64Array::from(vec![0; rows])),
        "as_of" => times.clone(),
        name => constant(name),
    };
    RecordBatch::try_new(schema.clone(), schema.fields().iter().map(column).collect()).unwrap()
}

/// A row of `runs`, which started `second` seconds after [`START`].
pub(crate) fn run(universe: &str, variant: &str, kind: &str, second: i64) -> RecordBatch {
    let started =
        Arc::new(TimestampMicrosecondArray::from(vec![(START + second) * 1_000_000]).with_timezone("UTC"));
    let schema = Table::Runs.schema();
    let column = |field: &FieldRef| match (field.name().as_str(), field.data_type()) {
        ("universe", _) => Arc::new(StringArray::from(vec![universe])) as ArrayRef,
        ("variant", _) => Arc::new(StringArray::from(vec![variant])),
        ("kind", _) => Arc::new(StringArray::from(vec![kind])),
        ("run_id", _) => Arc::new(StringArray::from(vec![format!("run-{second}")])),
        ("started", _) => started.clone(),
        (name, DataType::Utf8) => Arc::new(StringArray::from(vec![name])),
        (_, kind) => arrow::array::new_null_array(kind, 1),
    };
    let column = |field: &FieldRef| match field.name().as_str() {
        "seed" => Arc::new(Int64Array::from(vec![0])) as ArrayRef,
        _ => column(field),
    };
    RecordBatch::try_new(schema.clone(), schema.fields().iter().map(column).collect()).unwrap()
}

/// Variant `old` of universe `u` ends before `new`; bars 6 and 7 of `new` are in the tail, 5 in both.
pub(crate) struct Fixture {
    pub(crate) directory: tempfile::TempDir,
    pub(crate) tail: Arc<TestTail>,
    pub(crate) sql: Sql,
}

pub(crate) async fn fixture(limits: Limits) -> Fixture {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path();
    commit(data, Table::Portfolios, portfolios("u", "old", 0..3), "u/old", START + 2).await;
    commit(data, Table::Portfolios, portfolios("u", "new", 2..4), "u/new", START + 3).await;
    commit(data, Table::Portfolios, portfolios("u", "new", 4..6), "u/new", START + 5).await;
    commit(data, Table::Portfolios, portfolios("v", "only", 0..2), "v/only", START + 1).await;
    let tail = Arc::new(TestTail(Mutex::new(vec![pending("u", "new", 5..8)])));
    let sql = Sql::over(Tables::open(data), tail.clone(), Vec::new(), None, limits).unwrap();
    Fixture { directory, tail, sql }
}

pub(crate) fn small() -> Limits {
    Limits { time: Duration::from_secs(30), memory: 64 << 20, rows: 1_000 }
}

/// One number.
pub(crate) async fn count(sql: &Sql, query: &str) -> i64 {
    let batches = sql.collect(query).await.unwrap_or_else(|error| panic!("{query}: {error}"));
    let values = arrow::compute::cast(batches[0].column(0), &DataType::Int64).unwrap();
    arrow::array::AsArray::as_primitive::<arrow::datatypes::Int64Type>(&values).value(0)
}

/// All rows as lines of JSON.
pub(crate) async fn rows(sql: &Sql, query: &str) -> String {
    let batches = sql.collect(query).await.unwrap_or_else(|error| panic!("{query}: {error}"));
    crate::format::json(&batches).unwrap()
}
