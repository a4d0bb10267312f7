//! An engine's rows without an engine: a stream in which everything follows from the number of the bar.
#![allow(clippy::panic, reason = "a test may panic")]
#![allow(dead_code, unused_imports, reason = "each test file uses its own part")]

pub mod memory;
#[cfg(feature = "delta")]
mod tables;
#[cfg(feature = "cassandra")]
pub mod way;

use std::collections::BTreeMap;
use std::path::Path;

use arrow::array::{Array, RecordBatch};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use silverbullet_engine::durable::rows::{
    AssetRow, BarRow, FrontierRow, PortfolioRow, Row, StoredEvent, Time, Weights,
};
use silverbullet_engine::{Checkpoint, LiveState, RowSink};
use silverbullet_market::{SECOND, SourceDescription, Universe, UniverseSettings};
use silverbullet_store::{RunRow, Store, StoreOptions, StoreWriter};

#[cfg(feature = "delta")]
pub use self::tables::*;

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

/// A row as text without its run; floats in digits that keep all bits.
pub fn line(batch: &RecordBatch, row: usize) -> String {
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

pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// A row of `runs` of a run that has started.
pub fn run_row(universe: &Universe) -> RunRow {
    RunRow {
        run_id: "run".to_owned(),
        kind: "run".to_owned(),
        universe: universe.name.clone(),
        variant: universe.variant.clone(),
        configuration: "{}".to_owned(),
        seed: 0,
        version: "1".to_owned(),
        source: "test".to_owned(),
        started: Time(SECOND),
        ended: None,
        rows_in: None,
        rows_out: None,
    }
}

/// Waits for what must come about; a minute is longer than any machine needs.
pub fn wait_until(store: &Store, mut happened: impl FnMut(&Store) -> bool) {
    for _ in 0..6_000 {
        if happened(store) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("{:?}", store.state());
}
