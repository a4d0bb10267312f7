//! What one flush takes of a universe for one place: the oldest parcels that wait for it, from memory or from disk.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use crate::error::{Error, Result};
use crate::parcel::Parcel;
use crate::pending::{Held, Pending, lock};
use crate::spool::{self, Spool, read_parcel};
use crate::store::Shared;

/// What one flush takes of a universe.
pub(crate) struct Load {
    pub(crate) name: String,
    pub(crate) universe: String,
    pub(crate) variant: String,
    pub(crate) folder: PathBuf,
    pub(crate) spool: Arc<Mutex<Spool>>,
    pub(crate) held: Vec<Held>,
}

impl Load {
    /// The parcels, of which those on disk only are read. One that is damaged or gone is set aside and does not
    /// keep the others waiting: of a source that can be had again the universe ends there, of others its rows are
    /// given up. What is left to be stored is then [`held`](Self::held).
    ///
    /// # Errors
    /// Where one cannot be read just now.
    pub(crate) fn read(&mut self, shared: &Shared) -> Result<Vec<Arc<Parcel>>> {
        let mut parcels = Vec::with_capacity(self.held.len());
        let mut held = Vec::with_capacity(self.held.len());
        for waiting in std::mem::take(&mut self.held) {
            match self.parcel(&waiting) {
                Ok(parcel) => {
                    parcels.push(parcel);
                    held.push(waiting);
                }
                Err(error) if error.is_retryable() => return Err(error),
                Err(error) => {
                    if self.lose(shared, &waiting, &error) {
                        break;
                    }
                }
            }
        }
        self.held = held;
        Ok(parcels)
    }

    fn parcel(&self, held: &Held) -> Result<Arc<Parcel>> {
        let folder = self.folder.join("spool");
        match (&held.parcel, &held.spooled) {
            (Some(parcel), _) => Ok(Arc::clone(parcel)),
            (None, Some(spooled)) => read_parcel(&spool::path(&folder, spooled.number)).map(Arc::new),
            (None, None) => {
                let reason = "a parcel is neither in memory nor on disk".to_owned();
                Err(Error::Damaged { path: folder, reason })
            }
        }
    }

    /// Settles a parcel that cannot be read; true where those behind it are of no use either.
    fn lose(&self, shared: &Shared, held: &Held, error: &Error) -> bool {
        let mut inner = lock(&shared.inner);
        let Some(pending) = inner.pending.get_mut(&self.name) else { return true };
        if !pending.queue.iter().any(|waiting| waiting.number == held.number) {
            // Given up for want of room meanwhile.
            return false;
        }
        if let Some(spooled) = &held.spooled
            && let Err(error) = lock(&self.spool).set_aside(spooled, &error.to_string())
        {
            tracing::warn!(%error, "a parcel of rows cannot be set aside");
        }
        if pending.replayable {
            tracing::error!(universe = self.universe, %error, "rows that waited on disk are lost; a new start computes them again");
            pending.fail(held.number, error.to_string(), shared.now());
            return true;
        }
        tracing::error!(universe = self.universe, rows = held.rows, %error, "rows of a source that cannot be had again are lost");
        pending.give_up(held.number);
        inner.dropped_rows += held.rows as u64;
        false
    }
}

/// What a flush takes of `pending` for `place`: the oldest parcels, up to `most` rows.
pub(crate) fn load(name: &str, pending: &Pending, place: usize, most: usize) -> Load {
    let mut held = Vec::new();
    let mut rows = 0;
    for waiting in pending.waiting(place) {
        if rows + waiting.rows > most && !held.is_empty() {
            break;
        }
        rows += waiting.rows;
        held.push(waiting.clone());
    }
    Load {
        name: name.to_owned(),
        universe: pending.universe.clone(),
        variant: pending.variant.clone(),
        folder: pending.folder.clone(),
        spool: Arc::clone(&pending.spool),
        held,
    }
}
