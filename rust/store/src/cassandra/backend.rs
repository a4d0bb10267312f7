//! Cassandra as a keeper of a store's tables.
//!
//! Rows are written first, and when all are acknowledged how far the table has come; after a failure in between the same
//! rows are written again, to the keys they have. Nothing is connected to before it is needed, and after any failure
//! everything is made anew: the session, the check of the tables' version, and the statements, which are of no use once
//! a table was dropped. So a program starts while Cassandra is away, and goes on by itself when it is back.
//!
//! The session lives on a thread of its own: those who call have runtimes that run only while they wait, and would leave
//! it without a pulse in between.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use async_trait::async_trait;
use silverbullet_market::Nanos;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Mutex;

use super::connection::Connection;
use super::fault::Fault;
use super::progress::Progress;
use super::settings::CassandraSettings;
use super::writer::CassandraWriter;
use crate::backend::{Backend, Maintained, Numbered, new_rows};
use crate::batches::refused;
use crate::error::{Error, Result};
use crate::schema::Table;

/// Keeps tables in Cassandra.
#[derive(Debug)]
pub struct CassandraBackend {
    node: Arc<Node>,
    /// `None` only while it is being dropped.
    runtime: Option<Runtime>,
}

/// Cassandra, as this backend knows it.
#[derive(Debug)]
struct Node {
    settings: CassandraSettings,
    open: Mutex<Option<Arc<Open>>>,
}

/// What a connection is used for.
#[derive(Debug)]
struct Open {
    writer: CassandraWriter,
    progress: Progress,
}

impl CassandraBackend {
    /// Tables where `settings` say. They are made by [`init`](super::init).
    ///
    /// # Errors
    /// Settings that cannot work, or where the system gives no thread. Whether Cassandra is there is seen later.
    pub fn new(settings: CassandraSettings) -> Result<Self> {
        settings.check()?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("store-cassandra")
            .enable_all()
            .build()
            .map_err(Error::Thread)?;
        let node = Arc::new(Node { settings, open: Mutex::default() });
        Ok(Self { node, runtime: Some(runtime) })
    }

    /// Does `work` on the backend's own thread. After a failure the next call connects anew.
    async fn run<T, F>(
        &self,
        action: &'static str,
        work: impl FnOnce(Arc<Open>) -> F + Send + 'static,
    ) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send,
    {
        let Some(runtime) = &self.runtime else { return Err(Error::Closed) };
        let node = Arc::clone(&self.node);
        let task = runtime.spawn(async move {
            let open = node.open().await?;
            let outcome = work(Arc::clone(&open)).await;
            if outcome.is_err() {
                node.forget(&open).await;
            }
            outcome
        });
        task.await.map_err(|error| Fault::other(error, action))?
    }
}

impl Node {
    /// The connection, made where there is none.
    async fn open(&self) -> Result<Arc<Open>> {
        let mut open = self.open.lock().await;
        if let Some(open) = open.as_ref() {
            return Ok(Arc::clone(open));
        }
        let connection = Connection::open(self.settings.clone()).await?;
        let writer = CassandraWriter::open(connection.clone()).await?;
        let made = Arc::new(Open { writer, progress: Progress::new(connection).await? });
        Ok(Arc::clone(open.insert(made)))
    }

    /// Leaves `failed` to those who still use it.
    async fn forget(&self, failed: &Arc<Open>) {
        let mut open = self.open.lock().await;
        if open.as_ref().is_some_and(|open| Arc::ptr_eq(open, failed)) {
            *open = None;
        }
    }
}

impl Open {
    async fn append(&self, table: Table, rows: &[Numbered], application: &str, version: i64) -> Result<()> {
        let stored = self.progress.of(table, application).await?;
        // Events are counted, and a count that had to begin anew while Cassandra was away says nothing of which are there.
        let known = if table == Table::Events { None } else { stored };
        let batches = new_rows(table, rows, known)?;
        if !batches.is_empty() {
            // As one, they make fuller requests.
            let batch = concat_batches(&table.schema(), &batches).map_err(|source| refused(table, source))?;
            self.writer.write(table, &batch).await?;
        }
        if stored.is_none_or(|stored| stored < version) {
            self.progress.set(table, application, version).await?;
        }
        Ok(())
    }
}

impl Drop for CassandraBackend {
    fn drop(&mut self) {
        // Waiting for its threads is forbidden where this may be dropped: within another runtime.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[async_trait]
impl Backend for CassandraBackend {
    async fn stored(&self, table: Table, application: &str) -> Result<Option<i64>> {
        let application = application.to_owned();
        self.run("read from Cassandra", move |open| async move {
            Ok(open.progress.of(table, &application).await?)
        })
        .await
    }

    /// Of help where it can be had, so that numbers go on: no event is left out by its number.
    async fn counted(&self, table: Table, application: &str) -> Result<Option<i64>> {
        Ok(self.stored(table, application).await.unwrap_or(None))
    }

    async fn append(&self, table: Table, rows: &[Numbered], application: &str, version: i64) -> Result<()> {
        let (rows, application) = (rows.to_vec(), application.to_owned());
        self.run("write to Cassandra", move |open| async move {
            open.append(table, &rows, &application, version).await
        })
        .await
    }

    async fn record(&self, table: Table, batch: &RecordBatch) -> Result<()> {
        let batch = batch.clone();
        self.run("write to Cassandra", move |open| async move {
            open.writer.write(table, &batch).await.map(|_| ())
        })
        .await
    }

    async fn replace_run(&self, row: &RecordBatch) -> Result<()> {
        self.record(Table::Runs, row).await
    }

    async fn maintain(&self, _now: Nanos) -> Result<Maintained> {
        // Cassandra compacts by itself, and rows leave by their time to live.
        Ok(Maintained::default())
    }

    fn counts(&self) -> BTreeMap<&'static str, u64> {
        // Whoever asks is not to wait for a connection that is being made.
        let Ok(open) = self.node.open.try_lock() else { return BTreeMap::new() };
        open.as_ref().map(|open| open.writer.metrics().by_name()).unwrap_or_default()
    }
}
