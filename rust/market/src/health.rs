//! How a source fares, for people and for whoever watches over the process.

use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

/// Whether prices come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceStatus {
    /// They do, or would if there were any.
    #[default]
    Ok,
    /// It is connected to for the first time, or again.
    Connecting,
    /// They do not; it is tried again.
    Failing,
}

/// How a source fares.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct SourceState {
    /// In one word.
    pub status: SourceStatus,
    /// What is wrong and what to do about it, while it is.
    pub reason: Option<String>,
    /// Messages that are there and not read yet, where the source knows.
    pub lag: Option<u64>,
    /// How often the connection was lost.
    pub losses: u64,
}

/// The state of one source: written by it, read by anyone.
#[derive(Debug, Clone, Default)]
pub struct SourceWatch(Arc<Mutex<SourceState>>);

impl SourceWatch {
    /// As it is now.
    #[must_use]
    pub fn state(&self) -> SourceState {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes it.
    pub fn update(&self, change: impl FnOnce(&mut SourceState)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
