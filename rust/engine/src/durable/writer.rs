//! The end of the durable path: rows in the order of their bars, with turnover, and the cuts between them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use crossbeam_channel::Receiver;

use super::Done;
use super::compute::turnover;
use super::cut::CutRequest;
use super::rows::{Row, Weights};
use crate::checkpoint::{Checkpoint, StoredWeights};
use crate::error::Result;
use crate::live::LiveState;

/// Where rows are kept.
pub trait RowSink: Send {
    /// Takes the rows of one bar, or one event, in order.
    ///
    /// # Errors
    /// What keeps them from being kept; it ends the run.
    fn write(&mut self, live: &LiveState, rows: &[Row]) -> Result<()>;

    /// Takes a consistent cut: everything that the inputs up to it led to has been written, and nothing of the
    /// inputs after it. It lies after a final bar, or at the end of a run.
    ///
    /// # Errors
    /// What keeps it from being kept; it ends the run.
    fn cut(&mut self, _live: &LiveState, _checkpoint: Checkpoint) -> Result<()> {
        Ok(())
    }

    /// What this sink raises to be given a cut after the next final bar; asked for once, before the first row.
    fn cut_request(&self) -> Option<CutRequest> {
        None
    }

    /// Everything written so far must be safe when this returns. Called once, when nothing more is to come; in a
    /// run that did not fail the last call before it was a cut.
    ///
    /// # Errors
    /// What keeps it from being so.
    fn flush(&mut self) -> Result<()>;
}

/// Puts results, which come in whatever order workers finish, back in order and hands them to a sink.
pub(crate) struct Writer<'a> {
    live: &'a LiveState,
    sink: Box<dyn RowSink>,
    before: Before,
    events: u64,
}

impl<'a> Writer<'a> {
    /// Goes on after `events` events and the rows that had `weights`.
    pub(crate) fn new(
        live: &'a LiveState,
        sink: Box<dyn RowSink>,
        events: u64,
        weights: Vec<StoredWeights>,
    ) -> Self {
        Self { live, sink, before: Before::from(weights), events }
    }

    /// Writes until there are no more results. `settled` is told how many were written.
    pub(crate) fn run(mut self, results: &Receiver<(u64, Done)>, settled: &dyn Fn(i64)) -> Result<()> {
        let mut waiting = BTreeMap::new();
        let mut next = 0;
        for (number, done) in results {
            waiting.insert(number, done);
            while let Some(done) = waiting.remove(&next) {
                match done {
                    Done::Rows(rows) => self.write(rows)?,
                    Done::Cut(checkpoint) => self.cut(*checkpoint)?,
                }
                settled(1);
                next += 1;
            }
        }
        self.sink.flush()
    }

    fn write(&mut self, mut rows: Vec<Row>) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        self.before.add_turnover(&mut rows);
        self.sink.write(self.live, &rows)?;
        self.events += rows.iter().map(|row| u64::from(matches!(row, Row::Events(_)))).sum::<u64>();
        if rows.iter().any(|row| matches!(row, Row::Bars(_))) {
            self.live.counters.stored_bars.fetch_add(1, Ordering::AcqRel);
        }
        Ok(())
    }

    fn cut(&mut self, checkpoint: Checkpoint) -> Result<()> {
        let checkpoint = Checkpoint { events: self.events, weights: self.before.to_stored(), ..checkpoint };
        self.sink.cut(self.live, checkpoint)
    }
}

/// Objective and method.
type Slot = (Cow<'static, str>, Cow<'static, str>);

/// The weights stored last, by objective and method.
struct Before(BTreeMap<Slot, Weights>);

impl Before {
    fn from(stored: Vec<StoredWeights>) -> Self {
        let slot =
            |of: StoredWeights| ((Cow::Owned(of.objective), Cow::Owned(of.method)), Weights(of.weights));
        Self(stored.into_iter().map(slot).collect())
    }

    fn to_stored(&self) -> Vec<StoredWeights> {
        let stored = |((objective, method), weights): (&Slot, &Weights)| StoredWeights {
            objective: objective.to_string(),
            method: method.to_string(),
            weights: weights.0.clone(),
        };
        self.0.iter().map(stored).collect()
    }

    fn add_turnover(&mut self, rows: &mut [Row]) {
        for row in rows {
            let Row::Portfolios(portfolio) = row else { continue };
            let slot = (Cow::Borrowed(portfolio.objective), Cow::Borrowed(portfolio.method));
            // Where it is known already, it is measured against the weights held.
            let before = self.0.get(&slot).filter(|_| portfolio.turnover.is_none());
            if let Some(before) = before {
                portfolio.turnover = Some(turnover(before, &portfolio.weights));
            }
            self.0.insert(slot, portfolio.weights.clone());
        }
    }
}
