//! The first line of each file.

use serde::{Deserialize, Serialize};
use silverbullet_market::Nanos;

use crate::exchange::Beginning;

/// What tells a recording from other files.
const FORMAT: &str = "silverbullet recording";
/// The version that is written, and the only one that is read.
pub(crate) const VERSION: u64 = 1;

/// What the lines of a file mean.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Heading {
    format: String,
    version: u64,
    /// Which file of its start it is, from 1.
    pub(crate) file: u64,
    pub(crate) venue: String,
    pub(crate) assets: Vec<String>,
    pub(crate) quote: String,
    pub(crate) symbols: Vec<String>,
    pub(crate) start: Nanos,
    pub(crate) base: Nanos,
}

/// Of a heading of any version so much can be read.
#[derive(Deserialize)]
struct Any {
    format: String,
    version: u64,
}

/// Why a line is no heading.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// Of a recording, but of another version.
    Version(u64),
    /// Of no recording.
    Other,
}

impl Heading {
    pub(crate) fn new(beginning: &Beginning, file: u64) -> Self {
        let Beginning { venue, assets, quote, symbols, start, base } = beginning.clone();
        Self { format: FORMAT.to_owned(), version: VERSION, file, venue, assets, quote, symbols, start, base }
    }

    pub(crate) fn write(&self) -> Vec<u8> {
        let mut line = serde_json::to_vec(self).unwrap_or_default();
        line.push(b'\n');
        line
    }

    pub(crate) fn parse(line: &[u8]) -> Result<Self, Wrong> {
        let any: Any = serde_json::from_slice(line).map_err(|_| Wrong::Other)?;
        if any.format != FORMAT {
            return Err(Wrong::Other);
        }
        if any.version != VERSION {
            return Err(Wrong::Version(any.version));
        }
        serde_json::from_slice(line).map_err(|_| Wrong::Other)
    }

    /// Whether the lines of another file are about the same prices.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        (&self.venue, &self.assets, &self.symbols) == (&other.venue, &other.assets, &other.symbols)
    }
}
