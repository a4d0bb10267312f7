//! Ctrl-C: the first one asks for a clean end, the second one ends at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use silverbullet_market::StopFlag;

use crate::failure::INTERRUPTED;
use crate::output;

/// Shared by the signal handler and the views.
#[derive(Debug, Clone)]
pub(crate) struct Interrupt {
    stop: StopFlag,
    happened: Arc<AtomicBool>,
}

impl Interrupt {
    /// Takes over Ctrl-C and the request to terminate.
    pub(crate) fn install() -> anyhow::Result<Self> {
        let interrupt = Self { stop: StopFlag::default(), happened: Arc::default() };
        let handler = interrupt.clone();
        ctrlc::set_handler(move || handler.again()).context("Ctrl-C cannot be handled")?;
        Ok(interrupt)
    }

    /// What one Ctrl-C does.
    pub(crate) fn again(&self) {
        if self.happened.swap(true, Ordering::AcqRel) {
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
        self.happened.load(Ordering::Acquire)
    }

    /// Raised by Ctrl-C, and by whoever else ends the run.
    pub(crate) fn stop(&self) -> StopFlag {
        self.stop.clone()
    }
}
