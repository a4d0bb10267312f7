//! Rows on their way to Cassandra: a few batches at a time, while the interpreter makes the next.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchReader};
use pyo3::prelude::*;
use silverbullet_store::Table;
use silverbullet_store::cassandra::{CassandraWriter, WriteReport};
use tokio::task::JoinHandle;

use super::capsule::stream;
use super::conform::Conform;
use super::error::{raise, raise_arrow};
use super::session::{Session, joined};

/// Batches that are under way at a time: the requests of one fill the pause at the end of another.
const UNDER_WAY: usize = 2;

/// Rows of one table that are being written.
#[pyclass(name = "CassandraWrite", module = "silverbullet._kernel")]
#[derive(Debug)]
pub(crate) struct NativeWrite {
    session: Arc<Session>,
    writer: Arc<CassandraWriter>,
    table: Table,
    under_way: VecDeque<JoinHandle<silverbullet_store::Result<WriteReport>>>,
    report: WriteReport,
}

impl NativeWrite {
    pub(crate) fn new(session: Arc<Session>, writer: Arc<CassandraWriter>, table: Table) -> Self {
        Self { session, writer, table, under_way: VecDeque::new(), report: WriteReport::default() }
    }

    /// Sends `batch`, once few enough are under way.
    fn send(&mut self, py: Python<'_>, batch: RecordBatch) -> PyResult<()> {
        self.settle(py, UNDER_WAY - 1)?;
        let (writer, table) = (Arc::clone(&self.writer), self.table);
        let task = self.session.runtime()?.spawn(async move { writer.write(table, &batch).await });
        self.under_way.push_back(task);
        Ok(())
    }

    /// Waits until no more than `left` batches are under way.
    fn settle(&mut self, py: Python<'_>, left: usize) -> PyResult<()> {
        while self.under_way.len() > left {
            let Some(task) = self.under_way.pop_front() else { break };
            let WriteReport { rows, newest, batches, retries, bytes } =
                joined(py, self.session.runtime()?, task)?;
            self.report.rows += rows;
            self.report.newest += newest;
            self.report.batches += batches;
            self.report.retries += retries;
            self.report.bytes += bytes;
        }
        Ok(())
    }
}

impl Drop for NativeWrite {
    fn drop(&mut self) {
        // After an error nothing is to be written behind the back of whoever was told of it.
        self.under_way.iter().for_each(JoinHandle::abort);
    }
}

#[pymethods]
impl NativeWrite {
    /// Writes the rows of anything with `__arrow_c_stream__`. `whole`: they are in memory, and none is written unless the table
    /// can take all of them.
    #[pyo3(signature = (rows, *, whole = false))]
    fn put(&mut self, py: Python<'_>, rows: &Bound<'_, PyAny>, whole: bool) -> PyResult<()> {
        let mut batches = stream(rows)?;
        let conform = Conform::new(self.table, &batches.schema())?;
        let mut checked = Vec::new();
        // Who makes the batches may need the interpreter's lock.
        while let Some(batch) = py.detach(|| batches.next()) {
            let batch = batch.and_then(|batch| conform.batch(&batch)).map_err(|error| raise_arrow(&error))?;
            if whole {
                self.writer.check(self.table, &batch).map_err(|error| raise(&error))?;
                checked.push(batch);
            } else {
                self.send(py, batch)?;
            }
        }
        checked.into_iter().try_for_each(|batch| self.send(py, batch))
    }

    /// Waits until all of it is acknowledged, and says what was done.
    fn finish(&mut self, py: Python<'_>) -> PyResult<BTreeMap<&'static str, u64>> {
        self.settle(py, 0)?;
        let WriteReport { rows, newest, batches, retries, bytes } = std::mem::take(&mut self.report);
        let counts = [
            ("rows", rows),
            ("newest", newest),
            ("batches", batches),
            ("retries", retries),
            ("bytes", bytes),
        ];
        Ok(counts.into())
    }
}
