//! What one universe has cut and the tables of some place do not hold yet.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use silverbullet_engine::Checkpoint;
use silverbullet_engine::CutRequest;
use silverbullet_engine::durable::rows::Time;

use crate::batches::Attribution;
use crate::directory::DataDirectory;
use crate::error::{Error, Result};
use crate::files;
use crate::gap::Stretch;
use crate::lock::Lock;
use crate::parcel::{Digest, Parcel, application, digest};
use crate::schema::Table;
use crate::spool::{Found, Spool, Spooled};

/// A parcel that waits for the tables.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    /// Its place in the order of this run.
    pub(crate) number: u64,
    /// `None` where it is on disk only.
    pub(crate) parcel: Option<Arc<Parcel>>,
    /// `None` where it is in memory only.
    pub(crate) spooled: Option<Spooled>,
    pub(crate) rows: usize,
    /// What it takes, or would take, in memory.
    pub(crate) memory: usize,
    pub(crate) bar: Option<i64>,
    /// What it tells of, where it was made to tell of rows that were given up.
    pub(crate) gap: Option<Stretch>,
}

/// One universe and variant that this process writes.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) universe: String,
    pub(crate) variant: String,
    pub(crate) folder: PathBuf,
    pub(crate) spool: Arc<Mutex<Spool>>,
    pub(crate) queue: VecDeque<Held>,
    pub(crate) next: u64,
    /// Of each place, the number that it goes on with: it holds the parcels before.
    pub(crate) wants: Vec<u64>,
    /// What the last parcel ends with: where the next one goes on.
    pub(crate) resume: Option<Vec<u8>>,
    /// Ordinal of the last event handed over.
    pub(crate) events: i64,
    /// What the tables of all places are known to hold.
    pub(crate) stored: BTreeMap<Table, i64>,
    /// The last bar that a table of any place held when the writer was made.
    pub(crate) reached_bar: Option<i64>,
    pub(crate) lost: Option<Stretch>,
    /// Why no more rows are taken: some that waited on disk cannot be read, and a new start computes them again.
    pub(crate) failed: Option<(String, Time)>,
    /// Since when there has been no room for its rows.
    pub(crate) full: Option<Time>,
    pub(crate) source: String,
    pub(crate) run_id: String,
    pub(crate) replayable: bool,
    pub(crate) request: CutRequest,
    pub(crate) _lock: Arc<Lock>,
}

impl Pending {
    /// Claims a universe and takes up what an earlier run has left in its spool, for so many places. A parcel counts
    /// when it goes on from the one before, or from the checkpoint; the others are set aside and their bars computed
    /// again. Of a source that cannot be had again (`replayable` is false) every parcel counts.
    pub(crate) fn recover(
        directory: &DataDirectory,
        lock: Arc<Lock>,
        universe: &str,
        variant: &str,
        replayable: bool,
        places: usize,
    ) -> Result<Self> {
        let folder = directory.application(universe, variant)?;
        files::make_folder(&folder)?;
        let mut checkpoint = read_checkpoint(&folder)?;
        let (mut spool, found) = Spool::open(&folder.join("spool"))?;
        let mut whole = Vec::new();
        let mut lost = None;
        for found in found {
            match found {
                Found::Whole(spooled, parcel) => whole.push((spooled, parcel)),
                Found::Damaged { number, .. } if !replayable => {
                    tracing::error!(
                        universe,
                        parcel = number,
                        "rows of a source that cannot be had again are lost"
                    );
                    lost = Some(Stretch::default());
                }
                Found::Damaged { .. } => {}
            }
        }
        let mut reached = checkpoint.as_deref().map(digest);
        // Those up to the checkpoint are in the tables of all places already.
        let stored = whole.iter().position(|(_, parcel)| Some(parcel.digest()) == reached);
        let old: Vec<Spooled> =
            whole.drain(..stored.map_or(0, |at| at + 1)).map(|(spooled, _)| spooled).collect();
        spool.delete(&old)?;
        let mut queue = VecDeque::new();
        let mut events = 0;
        let mut broken = false;
        for (spooled, parcel) in whole {
            broken |= replayable && parcel.after != reached;
            if broken {
                spool.set_aside(
                    &spooled,
                    "it does not go on from what is stored; its bars are computed again",
                )?;
                continue;
            }
            reached = Some(parcel.digest());
            events = parcel.events_after();
            checkpoint = Some(parcel.checkpoint.clone()).filter(|bytes| !bytes.is_empty());
            queue.push_back(held(queue.len() as u64, Arc::from(parcel), Some(spooled)));
        }
        let next = queue.len() as u64;
        Ok(Self {
            universe: universe.to_owned(),
            variant: variant.to_owned(),
            folder,
            spool: Arc::new(Mutex::new(spool)),
            queue,
            next,
            wants: vec![0; places],
            resume: checkpoint,
            events,
            stored: BTreeMap::new(),
            reached_bar: None,
            lost,
            failed: None,
            full: None,
            source: String::new(),
            run_id: String::new(),
            replayable,
            request: CutRequest::default(),
            _lock: lock,
        })
    }

    /// The checkpoint that what is stored and spooled goes up to, where there is anything to go on with.
    pub(crate) fn checkpoint(&self) -> Option<Checkpoint> {
        match Checkpoint::from_bytes(self.resume.as_ref()?) {
            Ok(checkpoint) => (!checkpoint.complete).then_some(checkpoint),
            Err(error) => {
                // Tables leave out what they have, so starting anew costs time and nothing else.
                tracing::warn!(universe = self.universe, %error, "there is no going on; the input starts anew");
                None
            }
        }
    }

    pub(crate) fn reached(&self) -> Option<Digest> {
        self.resume.as_deref().map(digest)
    }

    pub(crate) fn push(&mut self, parcel: Arc<Parcel>, spooled: Option<Spooled>) {
        self.queue.push_back(held(self.next, parcel, spooled));
        self.next += 1;
    }

    /// Rows that wait.
    pub(crate) fn rows(&self) -> usize {
        self.queue.iter().map(|held| held.rows).sum()
    }

    /// What waits in memory, in bytes.
    pub(crate) fn memory(&self) -> usize {
        self.queue.iter().filter(|held| held.parcel.is_some()).map(|held| held.memory).sum()
    }

    /// Leaves parcels to the disk alone until no more than `most` bytes are in memory, or no other is on disk.
    pub(crate) fn evict(&mut self, most: usize) {
        let mut memory = self.memory();
        for held in self.queue.iter_mut().rev() {
            if memory <= most {
                return;
            }
            if held.parcel.is_some() && held.spooled.is_some() {
                held.parcel = None;
                memory -= held.memory;
            }
        }
    }

    /// Whether anything of it is to be stored in `place`.
    pub(crate) fn waits_for(&self, place: usize) -> bool {
        let behind = self.queue.back().is_some_and(|held| held.number >= self.wants[place]);
        behind || self.is_over()
    }

    /// What waits for `place`, oldest first.
    pub(crate) fn waiting(&self, place: usize) -> impl Iterator<Item = &Held> {
        let first = self.wants[place];
        self.queue.iter().filter(move |held| held.number >= first)
    }

    /// The number up to which all places hold what there is; it itself they do not all hold.
    pub(crate) fn held_by_all(&self) -> u64 {
        self.wants.iter().copied().min().unwrap_or(self.next)
    }

    /// Gives up parcel `number`; what is on disk of it is to be deleted or set aside. `None` where it does not
    /// wait any more.
    pub(crate) fn give_up(&mut self, number: u64) -> Option<Held> {
        let at = self.queue.iter().position(|held| held.number == number)?;
        let mut held = self.queue.remove(at)?;
        let lacking = (0..self.wants.len()).filter(|place| self.wants[*place] <= number);
        let lost = self.lost.get_or_insert_with(|| Stretch { first: held.bar, ..Stretch::default() });
        lost.until = self.next;
        lost.places.extend(lacking);
        match held.gap.take() {
            // It told of others, and was not among them.
            Some(untold) => {
                held.rows = 0;
                lost.join(untold);
            }
            None => {
                lost.last = held.bar;
                lost.rows += held.rows as u64;
            }
        }
        Some(held)
    }

    /// Whether rows were given up and nothing waits any more that waited then.
    fn is_over(&self) -> bool {
        let waits = |lost: &Stretch| self.queue.front().is_some_and(|held| held.number < lost.until);
        self.lost.as_ref().is_some_and(|lost| !waits(lost))
    }

    /// Puts a parcel with one event that tells of rows given up behind what waits, where that is over; `places` are
    /// the names of all places. From then on it is like any other parcel: each place gets it once.
    ///
    /// # Errors
    /// [`Error::Rows`], which no such event brings about.
    pub(crate) fn tell(&mut self, places: &[&str]) -> Result<()> {
        let Some(lost) = self.lost.clone().filter(|_| self.is_over()) else { return Ok(()) };
        let attribution = Attribution {
            universe: self.universe.clone(),
            variant: self.variant.clone(),
            run_id: self.run_id.clone(),
        };
        let parcel = Parcel {
            universe: self.universe.clone(),
            variant: self.variant.clone(),
            after: self.reached(),
            checkpoint: self.resume.clone().unwrap_or_default(),
            bar: None,
            events_before: self.events,
            batches: lost.event(attribution, &self.source, places)?,
        };
        self.lost = None;
        self.events = parcel.events_after();
        self.push(Arc::new(parcel), None);
        if let Some(held) = self.queue.back_mut() {
            held.gap = Some(lost);
        }
        Ok(())
    }

    /// Ends the taking of rows because parcel `number` cannot be read: those before it can still be stored, it and
    /// those behind it are computed again by the next start. Whoever goes on from the last checkpoint must not
    /// pass them.
    pub(crate) fn fail(&mut self, number: u64, reason: String, now: Time) {
        self.queue.retain(|held| held.number < number);
        self.failed.get_or_insert((reason, now));
    }

    /// # Errors
    /// [`Error::Lost`] where rows that waited on disk cannot be read.
    pub(crate) fn check(&self) -> Result<()> {
        match &self.failed {
            Some((reason, _)) => Err(Error::Lost {
                application: application(&self.universe, &self.variant),
                reason: reason.clone(),
            }),
            None => Ok(()),
        }
    }
}

fn held(number: u64, parcel: Arc<Parcel>, spooled: Option<Spooled>) -> Held {
    let (rows, memory, bar) = (parcel.rows(), parcel.memory(), parcel.bar);
    Held { number, parcel: Some(parcel), spooled, rows, memory, bar, gap: None }
}

/// The checkpoint in `folder`; one that cannot be used is set aside, and the input starts anew.
fn read_checkpoint(folder: &std::path::Path) -> Result<Option<Vec<u8>>> {
    let path = folder.join("checkpoint");
    let Some(bytes) = files::read(&path)? else { return Ok(None) };
    if let Err(error) = Checkpoint::from_bytes(&bytes) {
        files::set_aside(&path, &error.to_string())?;
        return Ok(None);
    }
    Ok(Some(bytes))
}

/// The value behind a mutex, whatever became of a thread that held it.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
