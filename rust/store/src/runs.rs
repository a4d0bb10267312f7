//! Rows that do not come from the durable path: runs of the program, and latency.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use silverbullet_engine::LiveState;
use silverbullet_engine::durable::rows::Time;
use silverbullet_market::Nanos;

use crate::batches::{Times, refused};
use crate::error::Result;
use crate::schema::Table;

/// A row of `runs`. Key: run_id and universe.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is the column of its name")]
pub struct RunRow {
    pub run_id: String,
    /// `run`, or the name of the job.
    pub kind: String,
    pub universe: String,
    pub variant: String,
    /// The settings in force, as JSON.
    pub configuration: String,
    pub seed: u64,
    pub version: String,
    pub source: String,
    pub started: Time,
    /// `None` while it runs.
    pub ended: Option<Time>,
    pub rows_in: Option<u64>,
    pub rows_out: Option<u64>,
}

impl RunRow {
    /// The row as a batch.
    ///
    /// # Errors
    /// [`Error::Rows`](crate::Error::Rows), which no row brings about.
    pub fn batch(&self) -> Result<RecordBatch> {
        let text = |text: &str| Arc::new(StringArray::from(vec![text.to_owned()])) as ArrayRef;
        let count =
            |count: Option<u64>| Arc::new(Int64Array::from(vec![count.map(u64::cast_signed)])) as ArrayRef;
        let time = |time: Option<Time>| {
            let mut times = Times::default();
            times.push_option(time);
            times.finish()
        };
        let columns = vec![
            text(&self.run_id),
            text(&self.kind),
            text(&self.universe),
            text(&self.variant),
            text(&self.configuration),
            count(Some(self.seed)),
            text(&self.version),
            text(&self.source),
            time(Some(self.started)),
            time(self.ended),
            count(self.rows_in),
            count(self.rows_out),
        ];
        RecordBatch::try_new(Table::Runs.schema(), columns).map_err(|source| refused(Table::Runs, source))
    }
}

/// The percentiles of all stages of an engine at `now`, the time of day.
pub(crate) fn latency(live: &LiveState, now: Nanos) -> Result<RecordBatch> {
    let stages = live.latency();
    let rows = stages.len();
    let same = |text: &str| Arc::new(StringArray::from(vec![text.to_owned(); rows])) as ArrayRef;
    let numbers = |of: fn(&silverbullet_engine::StageLatency) -> u64| {
        Arc::new(Int64Array::from_iter_values(stages.iter().map(|(_, stage)| of(stage).cast_signed())))
            as ArrayRef
    };
    let mut times = Times::default();
    (0..rows).for_each(|_| times.push(Time(now)));
    let columns = vec![
        same(&live.universe.name),
        times.finish(),
        Arc::new(StringArray::from_iter_values(stages.iter().map(|(name, _)| *name))),
        numbers(|stage| stage.count),
        numbers(|stage| stage.p50),
        numbers(|stage| stage.p90),
        numbers(|stage| stage.p99),
        numbers(|stage| stage.p999),
        numbers(|stage| stage.max),
        same(&live.run_id),
    ];
    RecordBatch::try_new(Table::Latency.schema(), columns).map_err(|source| refused(Table::Latency, source))
}
