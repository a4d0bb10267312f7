//! Taking rows from an engine: collect them between two cuts, spool them as a parcel, hold back where there is
//! no room.

use std::sync::Arc;

use silverbullet_engine::Checkpoint;
use silverbullet_engine::CutRequest;
use silverbullet_engine::durable::rows::Row;
use silverbullet_engine::{LiveState, RowSink};
use silverbullet_market::Universe;

use crate::batches::{Attribution, Batches};
use crate::error::{Error, Result};
use crate::parcel::Parcel;
use crate::pending::{Held, Pending, lock};
use crate::store::Shared;

/// Takes the rows of one universe. Made by [`Store::writer`](crate::Store::writer).
pub struct StoreWriter {
    shared: Arc<Shared>,
    name: String,
    universe: String,
    variant: String,
    rows: Batches,
    request: CutRequest,
}

impl StoreWriter {
    pub(crate) fn new(
        shared: Arc<Shared>,
        name: String,
        universe: &Universe,
        run_id: &str,
        request: CutRequest,
    ) -> Self {
        let attribution = Attribution {
            universe: universe.name.clone(),
            variant: universe.variant.clone(),
            run_id: run_id.to_owned(),
        };
        Self {
            shared,
            name,
            universe: universe.name.clone(),
            variant: universe.variant.clone(),
            rows: Batches::new(attribution),
            request,
        }
    }

    fn take(&mut self, rows: &[Row]) -> Result<()> {
        rows.iter().try_for_each(|row| self.rows.push(row))?;
        if self.rows.rows() >= self.shared.options.flush_rows {
            self.request.raise();
        }
        self.wait_for_room()
    }

    fn pack(&mut self, checkpoint: &Checkpoint) -> Result<()> {
        let fail = |source| Error::Checkpoint { application: self.name.clone(), source: Box::new(source) };
        let bytes = checkpoint.to_bytes().map_err(fail)?;
        let batches = self.rows.take()?;
        let parcel = {
            let mut inner = lock(&self.shared.inner);
            let pending = inner.pending.get_mut(&self.name).ok_or(Error::Closed)?;
            pending.check()?;
            let parcel = Arc::new(Parcel {
                universe: self.universe.clone(),
                variant: self.variant.clone(),
                after: pending.reached(),
                checkpoint: bytes,
                bar: checkpoint.bar,
                events_before: pending.events,
                batches,
            });
            if pending.resume.as_ref() == Some(&parcel.checkpoint) && parcel.batches.is_empty() {
                return Ok(());
            }
            pending.events = parcel.events_after();
            pending.resume = Some(parcel.checkpoint.clone());
            pending.push(Arc::clone(&parcel), None);
            parcel
        };
        drop(parcel);
        self.spool();
        let mut inner = lock(&self.shared.inner);
        if let Some(pending) = inner.pending.get_mut(&self.name) {
            pending.evict(self.shared.options.memory_bytes / 2);
        }
        drop(inner);
        self.shared.changed.notify_all();
        Ok(())
    }

    /// Writes to the spool what is in memory only, oldest first, as far as there is room. A failure leaves it in
    /// memory, and is told by the store's state; the answer is then false.
    fn spool(&self) -> bool {
        let (spool, waiting) = {
            let inner = lock(&self.shared.inner);
            let Some(pending) = inner.pending.get(&self.name) else { return false };
            let waiting: Vec<Held> =
                pending.queue.iter().filter(|held| held.spooled.is_none()).cloned().collect();
            (Arc::clone(&pending.spool), waiting)
        };
        let mut outcome = Ok(());
        for held in waiting {
            let Some(parcel) = held.parcel else { continue };
            let written = parcel.to_bytes().and_then(|bytes| {
                let mut spool = lock(&spool);
                if spool.bytes() + bytes.len() as u64 > self.shared.options.spool_bytes {
                    return Ok(None);
                }
                spool.write(&bytes).map(Some)
            });
            let spooled = match written {
                Ok(Some(spooled)) => spooled,
                // No room: it stays in memory, and so do those behind it.
                Ok(None) => break,
                Err(error) => {
                    outcome = Err(error);
                    break;
                }
            };
            let mut inner = lock(&self.shared.inner);
            let Some(pending) = inner.pending.get_mut(&self.name) else { return false };
            match pending.queue.iter_mut().find(|waits| waits.number == held.number) {
                Some(waits) => waits.spooled = Some(spooled),
                // The tables have it by now.
                None => outcome = lock(&spool).delete(&[spooled]),
            }
        }
        let written = outcome.is_ok();
        let mut inner = lock(&self.shared.inner);
        inner.spool = match outcome {
            Ok(()) => None,
            Err(error) => {
                let reason = error.to_string();
                let known = inner.spool.take();
                // Once is enough: it is tried again with every cut.
                if known.as_ref().is_none_or(|(known, _)| *known != reason) {
                    tracing::warn!(universe = self.universe, %error, "rows stay in memory: the spool cannot be written");
                }
                Some((reason, known.map_or_else(|| self.shared.now(), |(_, since)| since)))
            }
        };
        written
    }

    /// Returns when there is room for more rows in memory. Of a source that cannot wait, the oldest rows are
    /// given up instead, as few as will do.
    fn wait_for_room(&self) -> Result<()> {
        let mut on_disk = true;
        let mut inner = lock(&self.shared.inner);
        loop {
            let stopped = inner.abandoned || inner.places.iter().any(|work| work.ended);
            let pending = inner.pending.get_mut(&self.name).ok_or(Error::Closed)?;
            pending.check()?;
            if self.excess(pending) == 0 {
                pending.full = None;
                return Ok(());
            }
            pending.evict(self.shared.options.memory_bytes.saturating_sub(self.rows.bytes()));
            if self.excess(pending) == 0 {
                continue;
            }
            if stopped {
                return Err(Error::Closed);
            }
            pending.full = pending.full.or_else(|| Some(self.shared.now()));
            if pending.replayable {
                inner = self.shared.wait(inner);
                continue;
            }
            // The oldest rows make room on disk for those in memory; where the disk takes none, only rows in
            // memory make room.
            let oldest = pending.queue.iter().find(|held| on_disk || held.parcel.is_some());
            let Some(number) = oldest.map(|held| held.number) else { return Ok(()) };
            let Some(held) = pending.give_up(number) else { continue };
            let spool = Arc::clone(&pending.spool);
            inner.dropped_rows += held.rows as u64;
            drop(inner);
            let rows = held.rows;
            tracing::error!(universe = self.universe, rows, "rows are given up: there is no more room");
            if let Some(spooled) = held.spooled {
                lock(&spool).delete(&[spooled])?;
                on_disk = self.spool();
            }
            inner = lock(&self.shared.inner);
        }
    }

    /// Bytes in memory beyond what is allowed. Rows since the last cut cannot go anywhere yet; those before it can.
    fn excess(&self, pending: &Pending) -> usize {
        match pending.memory() {
            0 => 0,
            queued => (queued + self.rows.bytes()).saturating_sub(self.shared.options.memory_bytes),
        }
    }
}

impl RowSink for StoreWriter {
    fn write(&mut self, _live: &LiveState, rows: &[Row]) -> silverbullet_engine::Result<()> {
        Ok(self.take(rows).map_err(std::io::Error::other)?)
    }

    fn cut(&mut self, _live: &LiveState, checkpoint: Checkpoint) -> silverbullet_engine::Result<()> {
        Ok(self.pack(&checkpoint).map_err(std::io::Error::other)?)
    }

    fn cut_request(&self) -> Option<CutRequest> {
        Some(self.request.clone())
    }

    /// Everything cut is in the spool or waits in memory for the tables; [`Store::close`](crate::Store::close)
    /// waits for those.
    fn flush(&mut self) -> silverbullet_engine::Result<()> {
        self.spool();
        lock(&self.shared.inner).ask();
        self.shared.changed.notify_all();
        Ok(())
    }
}
