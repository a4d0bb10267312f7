//! What one flush takes of a universe: its oldest parcels, from memory or from disk.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use arrow::array::RecordBatch;
use silverbullet_engine::durable::rows::{Row, StoredEvent};
use silverbullet_market::EventKind;

use crate::batches::{Attribution, Batches};
use crate::error::{Error, Result};
use crate::parcel::Parcel;
use crate::pending::{Held, Pending, Stretch, lock};
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
    /// Tells of rows that were given up, with its ordinal.
    pub(crate) gap: Option<(RecordBatch, i64)>,
    pub(crate) lost: Option<Stretch>,
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
        inner.health.dropped_rows += held.rows as u64;
        false
    }
}

/// What a flush takes of `pending`: the oldest parcels, up to `most` rows.
pub(crate) fn load(name: &str, pending: &mut Pending, most: usize) -> Result<Load> {
    let mut held = Vec::new();
    let mut rows = 0;
    for waiting in &pending.queue {
        if rows + waiting.rows > most && !held.is_empty() {
            break;
        }
        rows += waiting.rows;
        held.push(waiting.clone());
    }
    // A gap is told of behind everything that waits, so that ordinals never fall.
    let all = held.len() == pending.queue.len();
    let lost = if all { pending.lost.take() } else { None };
    let gap = match &lost {
        Some(lost) => gap_of(pending, lost)?,
        None => None,
    };
    Ok(Load {
        name: name.to_owned(),
        universe: pending.universe.clone(),
        variant: pending.variant.clone(),
        folder: pending.folder.clone(),
        spool: Arc::clone(&pending.spool),
        held,
        gap,
        lost,
    })
}

/// The event that tells of rows given up, with its ordinal.
fn gap_of(pending: &mut Pending, lost: &Stretch) -> Result<Option<(RecordBatch, i64)>> {
    pending.events += 1;
    let mut batches = Batches::new(Attribution {
        universe: pending.universe.clone(),
        variant: pending.variant.clone(),
        run_id: pending.run_id.clone(),
    });
    let bar = |bar: Option<i64>| bar.map_or_else(|| "an unknown one".to_owned(), |bar| bar.to_string());
    let event = StoredEvent {
        source: pending.source.clone(),
        partition: 0,
        offset: lost.first.unwrap_or_default().unsigned_abs(),
        kind: EventKind::Gap.name(),
        as_of: None,
        detail: format!(
            "{} rows were given up for want of room or were damaged, of parcels that end with bar {} to bar {}",
            lost.rows,
            bar(lost.first),
            bar(lost.last)
        ),
    };
    batches.push(&Row::Events(event))?;
    Ok(batches.take()?.pop().map(|(_, batch)| (batch, pending.events)))
}

/// Takes back what could not be told.
pub(crate) fn give_back(pending: &mut Pending, lost: Option<Stretch>) {
    let Some(before) = lost else { return };
    let after = pending.lost.take();
    let (last, rows) = after.map_or((before.last, 0), |after| (after.last, after.rows));
    pending.lost = Some(Stretch { first: before.first, last, rows: before.rows + rows });
}
