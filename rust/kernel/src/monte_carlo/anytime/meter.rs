//! What a search has spent of its budget.

use std::time::Duration;

use super::Budget;
use crate::error::{Error, Result};

/// Counts evaluations and says when to stop.
pub(super) struct Meter<'a> {
    budget: Budget<'a>,
    /// The reading of the clock at which to stop.
    deadline: Duration,
    pub(super) evaluations: u64,
    pub(super) samples: u64,
    /// Whether the budget is spent. Nothing is counted after that.
    pub(super) spent: bool,
}

impl<'a> Meter<'a> {
    pub(super) fn new(mut budget: Budget<'a>) -> Result<Self> {
        let mut deadline = Duration::MAX;
        match &mut budget {
            Budget::Samples(0) => return Err(Error::Empty { parameter: "samples" }),
            Budget::Evaluations(0) => return Err(Error::Empty { parameter: "evaluations" }),
            Budget::Samples(_) | Budget::Evaluations(_) => {}
            Budget::Time { limit, clock } => deadline = clock().saturating_add(*limit),
        }
        Ok(Self { budget, deadline, evaluations: 0, samples: 0, spent: false })
    }

    /// How many more samples may be drawn.
    pub(super) fn samples_left(&self) -> u64 {
        match self.budget {
            Budget::Samples(limit) => limit.saturating_sub(self.samples),
            Budget::Evaluations(_) | Budget::Time { .. } => u64::MAX,
        }
    }

    /// Counts a chunk of samples; true when the budget is spent.
    pub(super) fn spend_samples(&mut self, samples: u64) -> bool {
        self.samples += samples;
        self.spend(samples)
    }

    /// Counts a batch; true when the budget is spent. A batch counts as one evaluation at least, so that the
    /// count says after which batch a run stopped.
    pub(super) fn spend(&mut self, evaluations: u64) -> bool {
        self.evaluations += evaluations.max(1);
        self.spent = match &mut self.budget {
            Budget::Samples(_) => false,
            Budget::Evaluations(limit) => self.evaluations >= *limit,
            Budget::Time { clock, .. } => clock() >= self.deadline,
        };
        self.spent
    }
}
