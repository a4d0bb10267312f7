//! What one query may use.

use std::time::Duration;

/// What one query may use before it is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest time from its arrival to its last row.
    pub time: Duration,
    /// Bytes that sorts, joins and aggregates may hold at a time.
    pub memory: usize,
    /// Rows an answer may have; it is cut there and says so.
    pub rows: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { time: Duration::from_secs(30), memory: 512 << 20, rows: 1_000_000 }
    }
}

impl Limits {
    /// The smaller of each.
    #[must_use]
    pub fn within(self, most: Self) -> Self {
        Self {
            time: self.time.min(most.time),
            memory: self.memory.min(most.memory),
            rows: self.rows.min(most.rows),
        }
    }
}
