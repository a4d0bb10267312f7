//! How a CSV file is to be read.

use std::fmt;
use std::sync::Arc;

use super::timestamp::TimeUnit;
use crate::speed::Speed;

/// How a CSV file is to be read. The default discovers everything and plays in real time.
#[derive(Debug, Clone, Default)]
pub struct CsvOptions {
    /// The assets to take, in the order of the directory; `None` takes those of the file, sorted by name.
    pub assets: Option<Vec<String>>,
    /// Takes every name of the file, also one with so few rows that it is likely to be a typing error.
    pub rare_assets: bool,
    /// What numeric timestamps count; `None` tells it from their size.
    pub unit: Option<TimeUnit>,
    /// Pace of the replay.
    pub speed: Speed,
    /// Ends after so many ticks.
    pub limit: Option<u64>,
    /// Told how far the reading is.
    pub progress: Option<Progress>,
}

/// Which pass over the file is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The scan when the file is opened.
    Scan,
    /// The delivery of ticks.
    Run,
}

/// How far the reading of a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProgressUpdate {
    /// Which pass is under way.
    pub phase: Phase,
    /// Bytes read from the disk.
    pub bytes: u64,
    /// Size of the file on disk.
    pub total_bytes: u64,
    /// Data rows read.
    pub rows: u64,
}

/// Called from the reading thread every 65,536 rows and at the end of each pass; should return quickly.
#[derive(Clone)]
pub struct Progress(Arc<dyn Fn(ProgressUpdate) + Send + Sync>);

impl Progress {
    /// Calls `callback`.
    pub fn new(callback: impl Fn(ProgressUpdate) + Send + Sync + 'static) -> Self {
        Self(Arc::new(callback))
    }

    pub(crate) fn report(&self, update: ProgressUpdate) {
        (self.0)(update);
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Progress")
    }
}

/// Rows between two reports.
pub(crate) const PROGRESS_ROWS: u64 = 65_536;
