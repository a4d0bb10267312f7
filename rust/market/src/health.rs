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

impl SourceStatus {
    /// The greater the worse.
    #[must_use]
    pub const fn rank(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Connecting => 1,
            Self::Failing => 2,
        }
    }
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
    /// How each venue fares, where prices come from several; the rest is then of all of them together.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub venues: Vec<VenueState>,
}

/// How one of several venues fares.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct VenueState {
    /// Its name.
    pub name: String,
    /// In one word.
    pub status: SourceStatus,
    /// What is wrong and what to do about it, while it is.
    pub reason: Option<String>,
    /// Prices that have come and are not taken yet, where that is known.
    pub lag: Option<u64>,
    /// How often the connection was lost.
    pub losses: u64,
}

impl SourceState {
    /// Changes the state of the venue with this number, and with it that of all: the worst of them, with the name of each
    /// that is not well.
    pub fn venue(&mut self, number: usize, change: impl FnOnce(&mut VenueState)) {
        let Some(venue) = self.venues.get_mut(number) else { return };
        change(venue);
        self.status = self
            .venues
            .iter()
            .map(|venue| venue.status)
            .max_by_key(|status| status.rank())
            .unwrap_or_default();
        let reasons = self
            .venues
            .iter()
            .filter_map(|venue| Some(format!("{}: {}", venue.name, venue.reason.as_ref()?)));
        self.reason = reasons.reduce(|all, reason| format!("{all}; {reason}"));
        self.lag = self.venues.iter().filter_map(|venue| venue.lag).reduce(|all, lag| all + lag);
        self.losses = self.venues.iter().map(|venue| venue.losses).sum();
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_of_several_venues_is_that_of_the_worst_and_names_it() {
        let venues = ["a", "b", "c"].map(|name| VenueState { name: name.into(), ..VenueState::default() });
        let mut state = SourceState { venues: venues.into(), ..SourceState::default() };
        state.venue(0, |venue| (venue.lag, venue.losses) = (Some(2), 1));
        assert_eq!((state.status, state.reason.clone()), (SourceStatus::Ok, None));
        state.venue(1, |venue| {
            (venue.status, venue.reason) = (SourceStatus::Failing, Some("reset".into()));
            (venue.lag, venue.losses) = (Some(3), 4);
        });
        state.venue(2, |venue| venue.status = SourceStatus::Connecting);
        assert_eq!((state.status, state.reason.as_deref()), (SourceStatus::Failing, Some("b: reset")));
        assert_eq!((state.lag, state.losses), (Some(5), 5));
        state.venue(0, |venue| venue.reason = Some("slow".into()));
        assert_eq!(state.reason.as_deref(), Some("a: slow; b: reset"));
        // One that there is not changes nothing.
        state.venue(7, |venue| venue.losses = 100);
        assert_eq!(state.losses, 5);
    }
}
