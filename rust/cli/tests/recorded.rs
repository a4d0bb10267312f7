//! The program on recorded market data, which is not part of the project: each test says so and does
//! nothing where it is absent. `SILVERBULLET_SHARED` names the folder, by default `../shared`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

#[path = "recorded/bars.rs"]
mod bars;
#[path = "../../kernel/tests/common/clarabel.rs"]
mod clarabel_reference;
#[path = "recorded/run.rs"]
mod run;

use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;

const WEEK: &str = "data/prices/price_16_assets_7_days_2025.csv";
const MONTH: &str = "data/prices/binance_perp_1m_16_assets_2025.parquet";

/// A recorded file, or `None` with a message where there is none.
fn recorded(name: &str) -> Option<PathBuf> {
    let shared = std::env::var_os("SILVERBULLET_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    let path = shared.join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!(
        "skipped: {} is absent; SILVERBULLET_SHARED names the folder of the recorded data",
        path.display()
    );
    None
}

fn silverbullet(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_silverbullet")).args(arguments).output().unwrap()
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}
