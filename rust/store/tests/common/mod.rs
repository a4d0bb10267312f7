//! An engine's rows without an engine: a stream in which everything follows from the number of the bar.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, RecordBatch};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use deltalake::datafusion::catalog::TableProvider;
use deltalake::datafusion::prelude::SessionContext;
use deltalake::delta_datafusion::{DeltaScanConfig, DeltaScanNext};
use silverbullet_engine::durable::rows::{
    AssetRow, BarRow, FrontierRow, PortfolioRow, Row, StoredEvent, Time, Weights,
};
use silverbullet_engine::{Checkpoint, LiveState, RowSink};
use silverbullet_market::{SECOND, SourceDescription, SystemClock, Universe, UniverseSettings};
use silverbullet_store::{Snapshot, Store, StoreOptions, StoreWriter, Table, Tables};

pub const ASSETS: [&str; 3] = ["XRP", "ADA", "BTC"];

pub fn source(identity: &str, replayable: bool) -> SourceDescription {
    SourceDescription {
        name: "test".into(),
        identity: identity.into(),
        venues: Vec::new(),
        assets: ASSETS.map(str::to_owned).to_vec(),
        grid: None,
        replayable,
        seekable: false,
        rows: None,
    }
}

pub fn universe(identity: &str) -> Universe {
    let settings = UniverseSettings {
        assets: vec![],
        bar: "1s".into(),
        window: 20,
        estimator: "sample".into(),
        half_life: 150.0,
        risk_free: 0.0,
        lower: 0.0,
        upper: 1.0,
        bounds: BTreeMap::new(),
        objectives: vec![silverbullet_kernel::Objective::MaxSharpe],
        risk_aversion: None,
        target_risk: None,
        target_return: None,
        cvar_level: None,
        population: 16,
        samples: 16,
        lateness: "250ms".into(),
        stale_after: "1m".into(),
        max_ahead: "1m".into(),
        max_price_ratio: 10.0,
        frontier_every: "1m".into(),
    };
    Universe::resolve("default", &settings, &source(identity, true), 0).unwrap()
}

/// Options under which tests need not wait: a flush is asked for.
pub fn options(directory: &Path) -> StoreOptions {
    StoreOptions {
        flush_every: 3_600 * SECOND,
        maintain_every: None,
        patience: SECOND / 2,
        ..StoreOptions::new(directory)
    }
}

pub fn open(options: StoreOptions) -> Arc<Store> {
    Store::open(options, Arc::new(SystemClock)).unwrap()
}

pub fn live(universe: &Universe) -> LiveState {
    LiveState::new(universe.clone(), "test", "run", None, 8)
}

/// A number that needs all its bits.
fn value(bar: i64, salt: i64) -> f64 {
    1.0 / (3.0 + bar as f64 + salt as f64 * 0.1)
}

fn weights(bar: i64) -> Weights {
    let weights = [value(bar, 1), f64::MIN_POSITIVE, -0.0];
    Weights(ASSETS.iter().map(|asset| (*asset).to_owned()).zip(weights).collect())
}

/// The time of a bar's close: 15 November 2023 and on.
pub fn time_of(bar: i64) -> Time {
    Time((1_700_000_000 + bar) * SECOND + 123_456_000)
}

/// Rows of one bar, without events.
pub fn rows_of(bar: i64) -> Vec<Row> {
    let as_of = time_of(bar);
    let mut rows = Vec::new();
    for (position, asset) in (0..).zip(ASSETS) {
        let price = value(bar, position);
        let open_time = Time(as_of.0 - SECOND);
        rows.push(Row::Bars(BarRow {
            bar,
            asset: asset.to_owned(),
            open_time,
            close_time: as_of,
            open: price,
            high: price * 1.1,
            low: price * 0.9,
            close: price,
            volume: (position > 0).then_some(f64::MAX),
            ticks: 7,
        }));
        rows.push(Row::Assets(AssetRow {
            bar,
            asset: asset.to_owned(),
            as_of,
            price,
            mean: (bar > 2).then_some(price),
            volatility: None,
            last_tick: as_of,
            stale: position == 2,
        }));
    }
    for method in ["exact", "monte-carlo"] {
        rows.push(Row::Portfolios(PortfolioRow {
            bar,
            objective: "max-sharpe",
            method,
            as_of,
            mean: value(bar, 5),
            risk: value(bar, 6),
            sharpe: None,
            gap: (method == "monte-carlo").then_some(0.0),
            turnover: Some(value(bar, 7)),
            label: "ok",
            weights: weights(bar),
        }));
    }
    if bar % 5 == 0 {
        rows.extend((0..2).map(|point| {
            Row::Frontiers(FrontierRow {
                bar,
                method: "exact",
                point,
                as_of,
                risk: value(bar, point),
                mean: value(bar, point + 1),
                mean_low: None,
                mean_high: None,
                weights: weights(bar),
            })
        }));
    }
    rows
}

fn event_of(bar: i64) -> Option<Row> {
    (bar % 3 == 0).then(|| {
        Row::Events(StoredEvent {
            source: "test".to_owned(),
            partition: 0,
            offset: bar.unsigned_abs(),
            kind: "ignored",
            as_of: (bar % 2 == 0).then(|| time_of(bar)),
            detail: format!("bar {bar} \"quoted\", é"),
        })
    })
}

/// Events up to a bar.
fn events_to(bar: i64) -> u64 {
    (bar / 3).unsigned_abs()
}

pub fn checkpoint(universe: &Universe, bar: i64, complete: bool) -> Checkpoint {
    let mut checkpoint = Checkpoint::new(universe);
    checkpoint.inputs = bar.unsigned_abs();
    checkpoint.bar = (bar > 0).then_some(bar);
    checkpoint.events = events_to(bar);
    checkpoint.complete = complete;
    checkpoint
}

/// Bars after the checkpoint up to `last`, with a cut after every `every` of them, and one at the end.
pub fn run(
    writer: &mut StoreWriter,
    universe: &Universe,
    from: Option<&Checkpoint>,
    last: i64,
    every: i64,
    complete: bool,
) -> silverbullet_engine::Result<()> {
    hand_over(writer, universe, from, last, every, complete)?;
    writer.flush()
}

/// The same without the end of a run, which asks the tables to take everything at once.
pub fn hand_over(
    writer: &mut StoreWriter,
    universe: &Universe,
    from: Option<&Checkpoint>,
    last: i64,
    every: i64,
    complete: bool,
) -> silverbullet_engine::Result<()> {
    let live = live(universe);
    let first = from.map_or(1, |checkpoint| checkpoint.inputs as i64 + 1);
    for bar in first..=last {
        writer.write(&live, &rows_of(bar))?;
        if let Some(event) = event_of(bar) {
            writer.write(&live, &[event])?;
        }
        if bar % every == 0 && bar < last {
            writer.cut(&live, checkpoint(universe, bar, false))?;
        }
    }
    writer.cut(&live, checkpoint(universe, last, complete))
}

/// A whole run of a source that can be had again: go on from where the store is, to `last`, and close.
pub fn run_to(options: StoreOptions, universe: &Universe, last: i64, every: i64, complete: bool) {
    let store = open(options);
    let from = store.resume(universe).unwrap();
    let mut writer = store.writer(universe, &source("a", true), "run").unwrap();
    run(&mut writer, universe, from.as_ref(), last, every, complete).unwrap();
    store.close().unwrap();
}

/// Every row of `table` as text without its run, in the order of the key; floats in digits that keep all bits.
pub fn rows(directory: &Path, table: Table) -> Vec<String> {
    runtime().block_on(rows_from(&Tables::open(directory), table))
}

pub async fn rows_from(tables: &Tables, table: Table) -> Vec<String> {
    let key: Vec<String> = table.key().iter().map(|name| format!("\"{name}\"")).collect();
    let sql = format!("select * from t order by {}", key.join(", "));
    let Some(batches) = query(tables, table, &sql).await else { return Vec::new() };
    let mut rows = Vec::new();
    for batch in &batches {
        rows.extend((0..batch.num_rows()).map(|row| line(batch, row)));
    }
    rows
}

pub async fn query(tables: &Tables, table: Table, sql: &str) -> Option<Vec<RecordBatch>> {
    let snapshot = tables.snapshot(table).await.unwrap()?;
    let context = SessionContext::new();
    context.register_table("t", provider(&snapshot)).unwrap();
    Some(context.sql(sql).await.unwrap().collect().await.unwrap())
}

/// What Delta Lake itself reads a table through.
pub fn provider(snapshot: &Snapshot) -> Arc<dyn TableProvider> {
    let config = DeltaScanConfig {
        schema_force_view_types: false,
        wrap_partition_values: false,
        ..DeltaScanConfig::new()
    };
    Arc::new(DeltaScanNext::new(snapshot.state().clone(), config).unwrap())
}

fn line(batch: &RecordBatch, row: usize) -> String {
    let options = FormatOptions::default().with_null("null");
    let mut line = String::new();
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        if field.name() != "run_id" {
            assert_eq!(column.data_type(), field.data_type());
            let text = ArrayFormatter::try_new(column.as_ref(), &options).unwrap().value(row).to_string();
            line.push_str(&format!("{}={text} ", field.name()));
        }
    }
    line
}

/// Everything the result tables hold.
pub fn everything(directory: &Path) -> Vec<(Table, Vec<String>)> {
    Table::RESULTS.into_iter().map(|table| (table, rows(directory, table))).collect()
}

pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}
