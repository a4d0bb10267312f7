//! Where batches are put: each row judged, and acknowledged with what became of it.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use silverbullet_market::{AssetId, Clock, Input, Nanos};
use tokio::sync::mpsc;

use super::Load;
use crate::batch::{bars, ticks};
use crate::csv::directory::Directory;
use crate::csv::judge::{Fault, Quote, reason};

/// Most inputs that go into the channel as one: what waits there is bounded by this, whatever is put.
const MOST_INPUTS: usize = 8_192;

/// What the rows of a batch are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One price each: `timestamp`, `asset`, `price`, and optionally `bid`, `ask`, `size`, `sequence`.
    Ticks,
    /// One bar each: `asset`, `open_time`, `close_time`, `open`, `high`, `low`, `close`, and optionally `volume`.
    Bars,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Ticks, Self::Bars];

    /// The name it is put under.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ticks => "ticks",
            Self::Bars => "bars",
        }
    }
}

/// What became of a batch's rows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Taken {
    /// Rows of the batch.
    pub rows: u64,
    /// Those that cannot be used: each is an event `quarantined` with its reason.
    pub quarantined: u64,
    /// Why the first of them cannot.
    pub first: Option<String>,
}

/// Why a batch is not taken at all.
#[derive(Debug, thiserror::Error)]
pub enum PutError {
    /// Its columns are not those that are needed.
    #[error("{kind} cannot be read from these columns: {source}", kind = kind.name())]
    Columns {
        /// What the rows were said to be.
        kind: Kind,
        /// What is missing, or of the wrong type.
        source: ArrowError,
    },
    /// The source has ended.
    #[error("the engine has stopped taking prices: put this batch again once it runs")]
    Ended,
}

/// Where batches are put. Clones put into the same source.
#[derive(Clone)]
pub struct Inlet {
    loads: mpsc::Sender<Load>,
    directory: Arc<Mutex<Directory>>,
    /// Rows that were put so far: the offset of the next one.
    put: Arc<AtomicU64>,
    clock: Arc<dyn Clock>,
}

impl Inlet {
    pub(super) fn new(assets: &[String], loads: mpsc::Sender<Load>, clock: Arc<dyn Clock>) -> Self {
        let directory = Directory::new(assets.iter().map(String::as_str));
        let directory = Arc::new(Mutex::new(directory));
        Self { loads, directory, put: Arc::new(AtomicU64::new(0)), clock }
    }

    /// Puts a batch, and waits for a place where there is none.
    ///
    /// # Errors
    /// [`PutError::Columns`] where nothing of it was taken; [`PutError::Ended`] where some of it may have been.
    pub async fn put(&self, kind: Kind, batch: &RecordBatch) -> Result<Taken, PutError> {
        let mut taken = Taken { rows: batch.num_rows() as u64, ..Taken::default() };
        let mut inputs = self.read(kind, batch, &mut taken)?;
        // Whoever puts many rows may have them asset by asset: within a batch none is late.
        inputs.sort_by_key(|input| match input {
            Input::Tick(tick) => tick.event_time,
            _ => Nanos::MIN,
        });
        let mut rows = batch.num_rows();
        let mut inputs = inputs.into_iter();
        while rows > 0 || inputs.len() > 0 {
            let piece = inputs.by_ref().take(MOST_INPUTS).collect();
            let load = Load { rows: std::mem::take(&mut rows), inputs: piece };
            self.loads.send(load).await.map_err(|_| PutError::Ended)?;
        }
        Ok(taken)
    }

    fn read(&self, kind: Kind, batch: &RecordBatch, taken: &mut Taken) -> Result<Vec<Input>, PutError> {
        let rows = batch.num_rows();
        let mut place = Place {
            offset: self.put.fetch_add(rows as u64, Ordering::Relaxed),
            now: self.clock.monotonic(),
            inputs: Vec::with_capacity(rows),
        };
        let mut directory = self.directory.lock().unwrap_or_else(PoisonError::into_inner);
        let mut take = |quotes: Result<&[Quote<'_>], Fault>| {
            let known = quotes.and_then(|quotes| {
                let asset = quotes.first().map_or(&b""[..], |quote| quote.asset);
                let found = directory.find(asset);
                found
                    .map(|asset| (asset, quotes))
                    .ok_or_else(|| Fault::new(reason::UNKNOWN_ASSET, "asset", asset))
            });
            match known {
                Ok((asset, quotes)) => quotes.iter().for_each(|quote| place.tick(asset, quote)),
                Err(fault) => place.refuse(fault, taken),
            }
            place.offset += 1;
        };
        let read = match kind {
            Kind::Ticks => ticks::rows(batch, |quote| match quote {
                Ok(quote) => take(Ok(&[quote])),
                Err(fault) => take(Err(fault)),
            }),
            Kind::Bars => bars::rows(batch, |bar| match bar {
                Ok(quotes) => take(Ok(&quotes)),
                Err(fault) => take(Err(fault)),
            }),
        };
        read.map_err(|source| PutError::Columns { kind, source })?;
        Ok(place.inputs)
    }
}

impl fmt::Debug for Inlet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Inlet").field("put", &self.put).finish_non_exhaustive()
    }
}

/// Where rows stand, and what they become.
struct Place {
    offset: u64,
    now: Nanos,
    inputs: Vec<Input>,
}

impl Place {
    fn tick(&mut self, asset: AssetId, quote: &Quote<'_>) {
        self.inputs.push(Input::Tick(quote.tick(asset, self.now, 0, self.offset)));
    }

    fn refuse(&mut self, fault: Fault, taken: &mut Taken) {
        taken.quarantined += 1;
        taken.first.get_or_insert_with(|| format!("{}: {}", fault.reason, fault.detail));
        self.inputs.push(fault.quarantined(0, self.offset));
    }
}
