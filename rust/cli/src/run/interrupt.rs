//! Ctrl-C: the first one asks for a clean end, the second one ends at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use anyhow::Context;
use silverbullet_market::{Clock, Nanos, SECOND, StopFlag, SystemClock};

use crate::failure::INTERRUPTED;
use crate::output;

/// Signals this close together are one: supervisors signal the program and its group in one go.
const ONE_REQUEST: Nanos = SECOND / 2;
/// No Ctrl-C yet.
const NEVER: Nanos = Nanos::MIN;

/// Shared by the signal handler and the views.
#[derive(Debug, Clone)]
pub(crate) struct Interrupt {
    stop: StopFlag,
    /// When it first happened, on the monotonic clock.
    first: Arc<AtomicI64>,
}

impl Interrupt {
    /// Takes over Ctrl-C and the request to terminate.
    pub(crate) fn install() -> anyhow::Result<Self> {
        let interrupt = Self { stop: StopFlag::default(), first: Arc::new(AtomicI64::new(NEVER)) };
        let handler = interrupt.clone();
        ctrlc::set_handler(move || handler.again()).context("Ctrl-C cannot be handled")?;
        Ok(interrupt)
    }

    /// What one Ctrl-C does.
    pub(crate) fn again(&self) {
        let now = SystemClock.monotonic();
        let first = self
            .first
            .compare_exchange(NEVER, now, Ordering::AcqRel, Ordering::Acquire)
            .unwrap_or_else(|first| first);
        if first != NEVER && now - first > ONE_REQUEST {
            if output::on_terminal() {
                ratatui::restore();
            }
            output::note("stopped at once; what was not yet written is lost");
            std::process::exit(i32::from(INTERRUPTED));
        }
        self.stop.raise();
    }

    /// True once there was a Ctrl-C.
    pub(crate) fn happened(&self) -> bool {
        self.first.load(Ordering::Acquire) != NEVER
    }

    /// Raised by Ctrl-C, and by whoever else ends the run.
    pub(crate) fn stop(&self) -> StopFlag {
        self.stop.clone()
    }
}
