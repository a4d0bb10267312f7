//! What happens to parcels when a place holds them: the checkpoint moves on to what all places hold, and that leaves
//! the spool.

use std::sync::Arc;

use crate::error::Result;
use crate::failpoints::point;
use crate::files;
use crate::load::Load;
use crate::parcel::Parcel;
use crate::pending::{Pending, lock};
use crate::schema::Table;
use crate::spool::Spooled;
use crate::store::Shared;

/// Notes that `place` holds what `load` took, which are `parcels`, and lets go of what all places hold by now: first
/// the checkpoint moves on, then the parcels leave the spool, then the queue.
///
/// # Errors
/// Where the checkpoint cannot be written or the spool not be cleared: the place is then brought the same again.
pub(crate) fn settle(shared: &Shared, place: usize, load: &Load, parcels: &[Arc<Parcel>]) -> Result<()> {
    let (Some(first), Some(last)) = (load.held.first(), load.held.last()) else { return Ok(()) };
    // One place at a time: a checkpoint must not be followed by an earlier one.
    let _one = lock(&shared.settling);
    let (released, spooled) = {
        let mut inner = lock(&shared.inner);
        let Some(pending) = inner.pending.get_mut(&load.name) else { return Ok(()) };
        pending.wants[place] = last.number + 1;
        let upto = pending.held_by_all();
        // All that this call can let go of was waiting for this place: it is part of the load.
        let released = load.held.iter().take_while(|held| held.number < upto).count();
        let done = pending.queue.iter().filter(|held| held.number >= first.number && held.number < upto);
        let spooled: Vec<Spooled> = done.filter_map(|held| held.spooled.clone()).collect();
        (&parcels[..released], spooled)
    };
    let Some(newest) = released.last() else { return Ok(()) };
    let outcome =
        write_checkpoint(load, &newest.checkpoint).and_then(|()| lock(&load.spool).delete(&spooled));
    let mut inner = lock(&shared.inner);
    let Some(pending) = inner.pending.get_mut(&load.name) else { return outcome };
    if outcome.is_err() {
        pending.wants[place] = first.number;
        return outcome;
    }
    let mut late = release(pending, load.held[released.len() - 1].number, released);
    drop(inner);
    late.retain(|file| !spooled.contains(file));
    // Where this fails, the next start finds them before its checkpoint and deletes them.
    lock(&load.spool).delete(&late)
}

fn write_checkpoint(load: &Load, checkpoint: &[u8]) -> Result<()> {
    // There is none where the first thing told is that rows are missing.
    if checkpoint.is_empty() {
        return Ok(());
    }
    point!("checkpoint-before-write");
    files::write_whole(&load.folder.join("checkpoint"), checkpoint)?;
    point!("checkpoint-after-write");
    Ok(())
}

/// Takes the parcels up to number `last`, of which `released` is what was to be stored, out of the queue, and gives
/// their files.
fn release(pending: &mut Pending, last: u64, released: &[Arc<Parcel>]) -> Vec<Spooled> {
    let done = pending.queue.iter().filter(|held| held.number <= last);
    let files = done.filter_map(|held| held.spooled.clone()).collect();
    pending.queue.retain(|held| held.number > last);
    pending.full = None;
    // The greatest, not the last: numbers fall where an input is begun anew behind what an earlier run has left.
    let bar = released.iter().filter_map(|parcel| parcel.bar).max();
    let events = released.iter().map(|parcel| parcel.events_after()).max();
    for table in Table::RESULTS {
        let version = if table == Table::Events { events } else { bar };
        if let Some(version) = version {
            let known = pending.stored.entry(table).or_insert(version);
            *known = version.max(*known);
        }
    }
    files
}
