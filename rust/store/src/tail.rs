//! What is final and not yet in a table, for those who read tables while they are being written.

use std::sync::Arc;

use crate::backend::Numbered;
use crate::error::{Error, Result};
use crate::pending::lock;
use crate::schema::Table;
use crate::spool::{self, read_parcel};
use crate::store::Store;

/// Rows that are final and not yet in a table.
#[derive(Debug, Clone)]
pub struct TailBatch {
    /// Universe and variant, with a slash between them.
    pub application: String,
    /// The rows, at least one. Those [above](Numbered::above) what a snapshot has stored are not in it.
    pub rows: Numbered,
}

impl Store {
    /// The rows of `table` that are final and not yet in it. Take the tail first and then a snapshot, and of each
    /// batch only the rows above what the snapshot has stored: then every row is there once.
    ///
    /// Rows on disk whose file is damaged or gone are left out.
    ///
    /// # Errors
    /// Where rows that are on disk only cannot be read just now.
    pub fn tail(&self, table: Table) -> Result<Vec<TailBatch>> {
        let mut waiting = Vec::new();
        {
            let inner = lock(&self.shared.inner);
            for pending in inner.pending.values() {
                let folder = pending.folder.join("spool");
                let stored = pending.stored.get(&table).copied();
                for (at, held) in pending.queue.iter().enumerate() {
                    let path = held.spooled.as_ref().map(|spooled| spool::path(&folder, spooled.number));
                    waiting.push((held.parcel.clone(), path, (at == 0).then_some(stored)));
                }
            }
        }
        let mut tail = Vec::new();
        let mut known = None;
        for (parcel, path, first) in waiting {
            // Each universe and variant begins with what its table has.
            known = first.unwrap_or(known);
            let parcel = match (parcel, path) {
                (Some(parcel), _) => parcel,
                (None, Some(path)) => match read_parcel(&path) {
                    Ok(parcel) => Arc::new(parcel),
                    // The tables have it by now, or the next flush will find that nobody can have it.
                    Err(Error::Damaged { .. } | Error::Vanished { .. }) => continue,
                    Err(error) => return Err(error),
                },
                (None, None) => continue,
            };
            let Some(rows) = Numbered::of(&parcel, table) else { continue };
            let new = rows.above(table, known)?;
            known = known.max(rows.last(table)?);
            if new.batch.num_rows() > 0 {
                tail.push(TailBatch { application: parcel.application(), rows: new });
            }
        }
        Ok(tail)
    }
}
