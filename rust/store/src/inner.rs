//! What a store's threads and writers share and change, behind one lock.

use std::collections::BTreeMap;

use silverbullet_engine::durable::rows::Time;

use crate::error::{Error, Result};
use crate::pending::Pending;
use crate::places::Work;

/// What changes.
#[derive(Default)]
pub(crate) struct Inner {
    pub(crate) pending: BTreeMap<String, Pending>,
    /// How it goes with each place.
    pub(crate) places: Vec<Work>,
    /// Why the last attempt to write the spool failed.
    pub(crate) spool: Option<(String, Time)>,
    pub(crate) dropped_rows: u64,
    pub(crate) closing: bool,
    /// What is pending is left where it is.
    pub(crate) abandoned: bool,
}

impl Inner {
    pub(crate) fn rows(&self) -> usize {
        self.pending.values().map(Pending::rows).sum()
    }

    /// Whether a writer has no room.
    pub(crate) fn is_full(&self) -> bool {
        self.pending.values().any(|pending| pending.full.is_some())
    }

    /// Wants a flush of every place, now.
    pub(crate) fn ask(&mut self) {
        self.places.iter_mut().for_each(|work| work.asked = true);
    }

    /// Whether no thread stores anything any more.
    pub(crate) fn ended(&self) -> bool {
        self.places.iter().all(|work| work.ended)
    }

    /// Rows of parcels that wait for a place.
    pub(crate) fn rows_for(&self, place: usize) -> usize {
        self.pending.values().flat_map(|pending| pending.waiting(place)).map(|held| held.rows).sum()
    }

    /// Whether anything waits to be stored in a place.
    pub(crate) fn waits(&self, place: usize) -> bool {
        let work = &self.places[place];
        self.pending.values().any(|pending| pending.waits_for(place))
            || !work.runs.is_empty()
            || !work.latency.is_empty()
    }

    /// Whether anything waits to be stored in a place, or is being stored there.
    pub(crate) fn works(&self, place: usize) -> bool {
        self.places[place].storing || self.waits(place)
    }

    /// Whether anything waits to be stored, or is being stored.
    pub(crate) fn has_work(&self) -> bool {
        (0..self.places.len()).any(|place| self.works(place))
    }

    /// Why rows do not reach the tables: of every place that fails.
    pub(crate) fn reason(&self) -> Option<String> {
        let reasons: Vec<&str> =
            self.places.iter().filter_map(|work| Some(work.failing.as_ref()?.0.as_str())).collect();
        (!reasons.is_empty()).then(|| reasons.join("; "))
    }

    /// # Errors
    /// [`Error::Unfinished`] where something waits, [`Error::Lost`] where it cannot be had any more.
    pub(crate) fn unfinished(&self) -> Result<()> {
        if !self.has_work() {
            return self.pending.values().try_for_each(Pending::check);
        }
        let reason = self.reason().unwrap_or_else(|| "the store was stopped".to_owned());
        Err(Error::Unfinished { rows: self.rows() as u64, reason })
    }
}
