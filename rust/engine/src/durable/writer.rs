//! The end of the durable path: rows in the order of their bars, with turnover.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use crossbeam_channel::Receiver;

use super::compute::turnover;
use super::rows::{Row, Weights};
use crate::error::Result;
use crate::live::LiveState;

/// Where rows are kept.
pub trait RowSink: Send {
    /// Takes the rows of one bar, or one event, in order.
    ///
    /// # Errors
    /// What keeps them from being kept; it ends the run.
    fn write(&mut self, live: &LiveState, rows: &[Row]) -> Result<()>;

    /// Everything written so far must be safe when this returns.
    ///
    /// # Errors
    /// What keeps it from being so.
    fn flush(&mut self) -> Result<()>;
}

/// Takes results in whatever order workers finish, and writes them in the order of their numbers. `settled`
/// is told how many were written.
pub(crate) fn write_all(
    live: &LiveState,
    results: &Receiver<(u64, Vec<Row>)>,
    mut sink: Box<dyn RowSink>,
    settled: &dyn Fn(i64),
) -> Result<()> {
    let mut waiting = BTreeMap::new();
    let mut next = 0;
    let mut before = Before::default();
    for (number, rows) in results {
        waiting.insert(number, rows);
        while let Some(mut rows) = waiting.remove(&next) {
            before.add_turnover(&mut rows);
            sink.write(live, &rows)?;
            if rows.iter().any(|row| matches!(row, Row::Bars(_))) {
                live.counters.stored_bars.fetch_add(1, Ordering::AcqRel);
            }
            settled(1);
            next += 1;
        }
    }
    sink.flush()
}

type Slot = (&'static str, &'static str);

/// The weights stored last, by objective and method.
#[derive(Default)]
struct Before(BTreeMap<Slot, Weights>);

impl Before {
    fn add_turnover(&mut self, rows: &mut [Row]) {
        for row in rows {
            let Row::Portfolios(portfolio) = row else { continue };
            let slot = (portfolio.objective, portfolio.method);
            portfolio.turnover = self.0.get(&slot).map(|before| turnover(before, &portfolio.weights));
            self.0.insert(slot, portfolio.weights.clone());
        }
    }
}
