//! What one partition of a resampling run found, and how parts come together.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, require_finite, require_length};

/// What every part of one run has in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RunIdentity {
    pub(super) assets: usize,
    pub(super) points: usize,
    /// A hash of the window, the bounds and every option that counts.
    pub(super) digest: u64,
}

/// The frontier of one bootstrap, evaluated under the moments of the whole window (scaled).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct BootstrapFrontier {
    /// False where a fallback stood in, such as the shrunk covariance for a singular one.
    pub(super) ok: bool,
    /// One row of weights a rank.
    pub(super) weights: Vec<f64>,
    pub(super) mean: Vec<f64>,
    pub(super) risk: Vec<f64>,
}

/// The frontiers of some of a run's bootstraps, by number. Parts merge in any order and grouping to the same bits,
/// because nothing is summed before the end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResamplePart {
    pub(super) run: RunIdentity,
    pub(super) frontiers: BTreeMap<u64, BootstrapFrontier>,
}

impl ResamplePart {
    /// Bootstraps it holds.
    #[must_use]
    pub fn bootstraps(&self) -> usize {
        self.frontiers.len()
    }

    /// Takes in another part of the same run. Bootstraps that both hold are kept once.
    ///
    /// # Errors
    /// A part of another run: another window, other options.
    pub fn merge(&mut self, other: Self) -> Result<()> {
        self.run.require_equal(other.run)?;
        for (number, frontier) in other.frontiers {
            let held = self.frontiers.entry(number).or_insert_with(|| frontier.clone());
            if *held != frontier {
                return Err(foreign(number));
            }
        }
        Ok(())
    }

    /// Refuses what may have come over a wire and does not belong to `run`.
    pub(super) fn require_run(&self, run: RunIdentity, bootstraps: u64) -> Result<()> {
        run.require_equal(self.run)?;
        if let Some((&number, _)) = self.frontiers.range(bootstraps..).next() {
            return Err(foreign(number));
        }
        for frontier in self.frontiers.values() {
            require_length("part weights", run.points * run.assets, frontier.weights.len())?;
            require_length("part mean", run.points, frontier.mean.len())?;
            require_length("part risk", run.points, frontier.risk.len())?;
            require_finite("part weights", &frontier.weights)?;
            require_finite("part mean", &frontier.mean)?;
            require_finite("part risk", &frontier.risk)?;
        }
        Ok(())
    }
}

impl RunIdentity {
    fn require_equal(self, other: Self) -> Result<()> {
        require_length("part assets", self.assets, other.assets)?;
        require_length("part points", self.points, other.points)?;
        if self.digest == other.digest { Ok(()) } else { Err(foreign(0)) }
    }
}

fn foreign(number: u64) -> Error {
    Error::OutOfRange {
        parameter: "part",
        value: number as f64,
        expected: "the bootstrap of this number must come from the same window and options",
    }
}
