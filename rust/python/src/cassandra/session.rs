//! A session with Cassandra, on a thread of its own: requests go on while the interpreter does something else.

use std::sync::Arc;
use std::time::Duration;

use pyo3::prelude::*;
use silverbullet_store::cassandra::{
    CassandraReader, CassandraSettings, CassandraWriter, Connection, KeyRead, TokenRange, check, init,
};
use silverbullet_store::{Error, Result};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::OnceCell;
use tokio::task::JoinHandle;

use super::capsule::NativeBatch;
use super::error::{CassandraError, raise};
use super::named;
use super::read::{NativeRead, parts};
use super::write::NativeWrite;
use crate::error::InputError;

/// How long is waited between two looks at whether the person pressed Ctrl-C.
pub(crate) const PATIENCE: Duration = Duration::from_millis(100);

/// A session with Cassandra; see the package's `cassandra.Cassandra`.
#[pyclass(frozen, name = "Cassandra", module = "silverbullet._kernel")]
#[derive(Debug)]
pub(crate) struct NativeCassandra(Arc<Session>);

/// What a session is made of.
#[derive(Debug)]
pub(crate) struct Session {
    /// `None` only while it is being dropped.
    runtime: Option<Runtime>,
    connection: Connection,
    writer: OnceCell<Arc<CassandraWriter>>,
    reader: OnceCell<Arc<CassandraReader>>,
    /// The process that made it: its thread is not in one that was forked.
    process: u32,
}

impl Session {
    fn open(py: Python<'_>, settings: CassandraSettings) -> PyResult<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("cassandra")
            .enable_all()
            .build()
            .map_err(|error| raise(&Error::Thread(error)))?;
        let task = runtime.spawn(Connection::open(settings));
        let connection = joined(py, &runtime, task);
        let (writer, reader, process) = (OnceCell::new(), OnceCell::new(), std::process::id());
        match connection {
            Ok(connection) => Ok(Self { runtime: Some(runtime), connection, writer, reader, process }),
            Err(error) => {
                runtime.shutdown_background();
                Err(error)
            }
        }
    }

    /// The thread that requests are made by.
    pub(crate) fn runtime(&self) -> PyResult<&Runtime> {
        if self.process != std::process::id() {
            return Err(CassandraError::new_err(
                "the session was made in another process and does not work in one that was forked from it; connect anew",
            ));
        }
        self.runtime.as_ref().ok_or_else(|| raise(&Error::Closed))
    }

    /// Does `work` without the interpreter's lock.
    pub(crate) fn wait<T: Send + 'static>(
        &self,
        py: Python<'_>,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> PyResult<T> {
        let runtime = self.runtime()?;
        joined(py, runtime, runtime.spawn(work))
    }

    /// The writer, made at its first use.
    pub(crate) async fn writer(&self) -> Result<Arc<CassandraWriter>> {
        let open = || async { CassandraWriter::open(self.connection.clone()).await.map(Arc::new) };
        self.writer.get_or_try_init(open).await.map(Arc::clone)
    }

    /// The reader, made at its first use.
    pub(crate) async fn reader(&self) -> Result<Arc<CassandraReader>> {
        let open = || async { CassandraReader::open(self.connection.clone()).await.map(Arc::new) };
        self.reader.get_or_try_init(open).await.map(Arc::clone)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let Some(runtime) = self.runtime.take() else { return };
        if self.process == std::process::id() {
            // Waiting for its thread could wait for the interpreter's lock, which is held here.
            runtime.shutdown_background();
        } else {
            // Its thread stayed in the other process, perhaps with a lock.
            std::mem::forget(runtime);
        }
    }
}

/// What `task` comes to; it ends when the person presses Ctrl-C.
pub(crate) fn joined<T: Send + 'static>(
    py: Python<'_>,
    runtime: &Runtime,
    mut task: JoinHandle<Result<T>>,
) -> PyResult<T> {
    loop {
        let waited =
            py.detach(|| runtime.block_on(async { tokio::time::timeout(PATIENCE, &mut task).await }));
        match waited {
            Ok(Ok(outcome)) => return outcome.map_err(|error| raise(&error)),
            Ok(Err(error)) => {
                return Err(CassandraError::new_err(format!("a request was broken off: {error}")));
            }
            Err(_) => py.check_signals().inspect_err(|_| task.abort())?,
        }
    }
}

#[pymethods]
impl NativeCassandra {
    /// Connects; `settings` are those of the store, as JSON. Nothing is looked at in the keyspace.
    #[new]
    fn new(py: Python<'_>, settings: &str) -> PyResult<Self> {
        let settings: CassandraSettings = serde_json::from_str(settings)
            // Where it stands in the JSON says nothing to a person.
            .map_err(|error| InputError::new_err(format!("store.cassandra: {}", without_place(&error))))?;
        Session::open(py, settings).map(|session| Self(Arc::new(session)))
    }

    /// Makes keyspace and tables where they are missing; says what was done.
    fn init(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        let session = Arc::clone(&self.0);
        self.0.wait(py, async move { init(&session.connection).await })
    }

    /// Makes sure that the tables are those of this version.
    fn check(&self, py: Python<'_>) -> PyResult<()> {
        let session = Arc::clone(&self.0);
        self.0.wait(py, async move { check(&session.connection).await })
    }

    /// Begins to write rows of a table, of which the columns in Cassandra are looked at.
    fn write(&self, py: Python<'_>, table: &str) -> PyResult<NativeWrite> {
        let table = named(table)?;
        let session = Arc::clone(&self.0);
        let writer = self.0.wait(py, async move {
            let writer = session.writer().await?;
            writer.ready(table).await?;
            Ok(writer)
        })?;
        Ok(NativeWrite::new(Arc::clone(&self.0), writer, table))
    }

    /// Begins to read rows by their key.
    #[pyo3(signature = (table, scope, variant, *, first = None, last = None, limit = None, columns = None))]
    #[expect(clippy::too_many_arguments, reason = "each is a part of the key")]
    fn read(
        &self,
        py: Python<'_>,
        table: &str,
        scope: &str,
        variant: &str,
        first: Option<i64>,
        last: Option<i64>,
        limit: Option<usize>,
        columns: Option<Vec<String>>,
    ) -> PyResult<NativeRead> {
        let whole = KeyRead::new(named(table)?, scope, variant);
        let read = KeyRead { from: first, to: last, limit, columns, ..whole };
        let session = Arc::clone(&self.0);
        let rows = self.0.wait(py, async move { session.reader().await?.read(&read).await })?;
        NativeRead::new(Arc::clone(&self.0), rows)
    }

    /// Begins to read all rows in ranges of tokens.
    #[pyo3(signature = (table, ranges, *, columns = None))]
    fn scan(
        &self,
        py: Python<'_>,
        table: &str,
        ranges: Vec<(i64, i64)>,
        columns: Option<Vec<String>>,
    ) -> PyResult<NativeRead> {
        let table = named(table)?;
        let ranges = ranges.into_iter().map(|(after, up_to)| TokenRange { after, up_to }).collect();
        let session = Arc::clone(&self.0);
        let rows = self
            .0
            .wait(py, async move { session.reader().await?.scan(table, columns.as_deref(), ranges).await })?;
        NativeRead::new(Arc::clone(&self.0), rows)
    }

    /// The newest rows of a universe.
    #[pyo3(signature = (table, universe, variant = None))]
    fn newest(
        &self,
        py: Python<'_>,
        table: &str,
        universe: String,
        variant: Option<String>,
    ) -> PyResult<NativeBatch> {
        let table = named(table)?;
        let session = Arc::clone(&self.0);
        let rows = self.0.wait(py, async move {
            session.reader().await?.newest(table, &universe, variant.as_deref()).await
        });
        rows.map(NativeBatch)
    }

    /// The variants that have rows in a table of a universe.
    fn variants(&self, py: Python<'_>, table: &str, universe: String) -> PyResult<Vec<String>> {
        let table = named(table)?;
        let session = Arc::clone(&self.0);
        self.0.wait(py, async move { session.reader().await?.variants(table, &universe).await })
    }

    /// A read by key in up to so many parts, each between two bars or times: together they have every row once.
    #[pyo3(signature = (table, scope, variant, count, *, first = None, last = None))]
    #[expect(clippy::too_many_arguments, reason = "each is a part of the key")]
    fn parts(
        &self,
        py: Python<'_>,
        table: &str,
        scope: &str,
        variant: &str,
        count: usize,
        first: Option<i64>,
        last: Option<i64>,
    ) -> PyResult<Vec<(Option<i64>, Option<i64>)>> {
        let read = KeyRead { from: first, to: last, ..KeyRead::new(named(table)?, scope, variant) };
        let session = Arc::clone(&self.0);
        self.0.wait(py, async move {
            let buckets = session.reader().await?.buckets(&read).await?;
            Ok(parts(&read, &buckets, count))
        })
    }
}

fn without_place(error: &serde_json::Error) -> String {
    let told = error.to_string();
    told.split(" at line ").next().unwrap_or(&told).to_owned()
}
