//! Rows as they come from Cassandra: pages are asked for ahead, up to a bound, while the interpreter has those before.

use std::sync::Arc;

use arrow::array::RecordBatch;
use futures::{Stream, StreamExt};
use pyo3::prelude::*;
use silverbullet_store::Result;
use silverbullet_store::cassandra::KeyRead;
use silverbullet_store::cassandra::bucket::{Width, width};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::capsule::NativeBatch;
use super::error::raise;
use super::session::{PATIENCE, Session};

/// Batches that wait to be taken.
const AHEAD: usize = 4;

/// Rows that are being read, batch by batch.
#[pyclass(name = "CassandraRead", module = "silverbullet._kernel")]
#[derive(Debug)]
pub(crate) struct NativeRead {
    session: Arc<Session>,
    batches: mpsc::Receiver<Result<RecordBatch>>,
    task: JoinHandle<()>,
}

impl NativeRead {
    /// What comes of `rows`.
    pub(crate) fn new(
        session: Arc<Session>,
        rows: impl Stream<Item = Result<RecordBatch>> + Send + 'static,
    ) -> PyResult<Self> {
        let (sender, batches) = mpsc::channel(AHEAD);
        let task = session.runtime()?.spawn(async move {
            let mut rows = std::pin::pin!(rows);
            while let Some(batch) = rows.next().await {
                // Nobody wants more.
                if sender.send(batch).await.is_err() {
                    return;
                }
            }
        });
        Ok(Self { session, batches, task })
    }
}

impl Drop for NativeRead {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[pymethods]
impl NativeRead {
    /// The next batch; none after the last.
    fn next(&mut self, py: Python<'_>) -> PyResult<Option<NativeBatch>> {
        let Self { session, batches, .. } = self;
        let runtime = session.runtime()?;
        loop {
            let next = py
                .detach(|| runtime.block_on(async { tokio::time::timeout(PATIENCE, batches.recv()).await }));
            match next {
                Ok(batch) => {
                    return batch
                        .transpose()
                        .map(|batch| batch.map(NativeBatch))
                        .map_err(|error| raise(&error));
                }
                Err(_) => py.check_signals()?,
            }
        }
    }
}

/// `read` in up to `count` parts of whole buckets, of those that have rows, newest first: from and to which bar or time. Tables
/// without buckets that follow one another are one part.
pub(crate) fn parts(read: &KeyRead, buckets: &[i64], count: usize) -> Vec<(Option<i64>, Option<i64>)> {
    let (Width::Bars(width) | Width::Time(width)) = width(read.table) else {
        return vec![(read.from, read.to)];
    };
    let size = buckets.len().div_ceil(count.max(1)).max(1);
    let part = |buckets: &[i64]| {
        let (newest, oldest) = (*buckets.first()?, *buckets.last()?);
        let first = oldest.saturating_mul(width);
        let last = newest.saturating_mul(width).saturating_add(width - 1);
        Some((Some(read.from.unwrap_or(first).max(first)), Some(read.to.unwrap_or(last).min(last))))
    };
    buckets.chunks(size).filter_map(part).collect()
}
