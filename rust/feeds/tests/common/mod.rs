//! What the tests of this crate share: files with a given content, clocks, sleepers.
#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use silverbullet_feeds::{Collected, CsvOptions, CsvSource, FeedError, Sleeper, Speed, collect_ticks};
use silverbullet_market::{Clock, Input, ManualClock, Nanos, Sink};

/// A folder with one file in it, removed at the end.
pub(crate) struct Scratch {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) path: PathBuf,
}

pub(crate) fn file(content: impl AsRef<[u8]>) -> Scratch {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("prices.csv");
    std::fs::write(&path, content).unwrap();
    Scratch { folder, path }
}

pub(crate) fn at_max() -> CsvOptions {
    CsvOptions { speed: Speed::Max, ..CsvOptions::default() }
}

pub(crate) fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(7))
}

pub(crate) fn open(path: &Path, options: CsvOptions) -> Result<CsvSource, FeedError> {
    CsvSource::open(path, options, clock())
}

/// Scans and runs a file of this content.
pub(crate) fn read(content: impl AsRef<[u8]>) -> (CsvSource, Collected) {
    read_with(content, at_max())
}

pub(crate) fn read_with(content: impl AsRef<[u8]>, options: CsvOptions) -> (CsvSource, Collected) {
    let scratch = file(content);
    let mut source = open(&scratch.path, options).unwrap();
    let collected = collect_ticks(&mut source).unwrap();
    (source, collected)
}

/// Moves the clock on instead of sleeping.
pub(crate) struct ManualSleeper {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) slept: Mutex<Vec<Nanos>>,
}

impl ManualSleeper {
    pub(crate) fn new(clock: &Arc<ManualClock>) -> Arc<Self> {
        Arc::new(Self { clock: Arc::clone(clock), slept: Mutex::default() })
    }
}

impl Sleeper for ManualSleeper {
    fn sleep(&self, duration: Nanos) {
        self.clock.advance(duration);
        self.slept.lock().unwrap().push(duration);
    }
}

/// Keeps what the clock showed at each push.
pub(crate) struct Stopwatch {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) pushed_at: Vec<Nanos>,
    pub(crate) frames: u64,
}

impl Stopwatch {
    pub(crate) fn new(clock: &Arc<ManualClock>) -> Self {
        Self { clock: Arc::clone(clock), pushed_at: Vec::new(), frames: 0 }
    }
}

impl Sink for Stopwatch {
    fn push(&mut self, _: Input) {
        self.pushed_at.push(self.clock.monotonic());
    }

    fn frame(&mut self) {
        self.frames += 1;
    }
}
