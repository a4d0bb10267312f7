//! What the tests of the program share: a clean place to run it in, and price files.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use tempfile::TempDir;

/// The program as it was built for this test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_silverbullet");

/// An empty folder to run in.
pub(crate) fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// The program in `folder`, without any setting from outside.
pub(crate) fn silverbullet(folder: &Path) -> Command {
    let mut command = Command::new(PROGRAM);
    command.current_dir(folder).timeout(std::time::Duration::from_secs(120));
    for (name, _) in std::env::vars() {
        if name.starts_with("SILVERBULLET_") {
            command.env_remove(name);
        }
    }
    command
}

/// Standard error or output as text.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Returns of two assets over `bars` bars: correlated, both with a positive mean.
pub(crate) fn returns(bars: usize) -> Vec<[f64; 2]> {
    (0..bars)
        .map(|bar| {
            let (a, b) = ((bar as f64 * 1.7).sin(), (bar as f64 * 0.9 + 1.0).cos());
            [1e-3 + 4e-3 * a, 2e-3 + 3e-3 * a + 9e-3 * b]
        })
        .collect()
}

/// Writes a CSV with a price a minute of assets A and B that have these returns.
pub(crate) fn write_prices(folder: &Path, returns: &[[f64; 2]]) -> PathBuf {
    let mut csv = "timestamp,asset,price\n".to_owned();
    let mut prices = [100.0, 50.0];
    let start = 1_747_008_000;
    for bar in 0..=returns.len() {
        for (name, price) in ["A", "B"].iter().zip(prices) {
            writeln!(csv, "{},{name},{price}", start + 60 * bar).unwrap();
        }
        if let Some(of_bar) = returns.get(bar) {
            prices = [prices[0] * (1.0 + of_bar[0]), prices[1] * (1.0 + of_bar[1])];
        }
    }
    let path = folder.join("prices.csv");
    std::fs::write(&path, csv).unwrap();
    path
}
