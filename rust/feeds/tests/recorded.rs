//! The recorded minute prices, where they are at hand: `SILVERBULLET_SHARED` or beside the project.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test may panic and print"
)]

mod common;

use std::path::PathBuf;
use std::sync::Arc;

use common::{at_max, file, open};
use silverbullet_feeds::collect_ticks;
use silverbullet_market::{Clock, Input, SECOND, Sink, Source, StopFlag, SystemClock};

fn recorded(name: &str) -> Option<PathBuf> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let path =
        std::env::var_os("SILVERBULLET_SHARED").map_or_else(beside, PathBuf::from).join("data").join(name);
    if !path.exists() {
        eprintln!("skipped: no recorded data at {}", path.display());
        return None;
    }
    Some(path)
}

#[test]
fn the_minute_prices_are_read_without_a_fault() {
    let Some(path) = recorded("prices/price_16_assets_7_days_2025.csv") else { return };
    let mut source = open(&path, at_max()).unwrap();
    let summary = source.summary().clone();
    assert_eq!((summary.rows, summary.bad_rows, summary.assets.len()), (161_280, 0, 16));
    assert_eq!(summary.ticks, [10_080; 16]);
    assert_eq!(source.description().grid, Some(60 * SECOND));
    let found = collect_ticks(&mut source).unwrap();
    assert_eq!((found.ticks.len(), found.events.len(), found.frames), (161_280, 0, 161_280));
    let last = found.ticks[161_279];
    assert_eq!((last.offset, last.asset.index()), (161_281, 15));
}

/// Sums prices, so that nothing can be left out.
#[derive(Default)]
struct Sum(f64, u64);

impl Sink for Sum {
    fn push(&mut self, input: Input) {
        if let Input::Tick(tick) = input {
            self.0 += tick.price;
        }
    }

    fn frame(&mut self) {
        self.1 += 1;
    }
}

/// Prints rows a second of both passes: `cargo test --release -p silverbullet-feeds --test recorded -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement, for release builds"]
fn throughput() {
    let Some(path) = recorded("prices/price_16_assets_7_days_2025.csv") else { return };
    let text = std::fs::read(path).unwrap();
    let header = text.iter().position(|&b| b == b'\n').unwrap() + 1;
    let repeated = [&text[..header], &text[header..].repeat(20)].concat();
    let scratch = file(repeated);
    let clock = Arc::new(SystemClock);
    let begin = clock.monotonic();
    let mut source =
        silverbullet_feeds::CsvSource::open(&scratch.path, at_max(), Arc::<SystemClock>::clone(&clock))
            .unwrap();
    let scanned = clock.monotonic();
    let mut sum = Sum::default();
    source.run(&mut sum, &StopFlag::default()).unwrap();
    let delivered = clock.monotonic();
    let rate = |nanos: i64| sum.1 as f64 / nanos as f64 * 1e3;
    println!("{} rows, sum {}", sum.1, sum.0);
    println!("scan {:.2} M rows/s, run {:.2} M rows/s", rate(scanned - begin), rate(delivered - scanned));
    assert_eq!(sum.1, 20 * 161_280);
}
