//! Tables in Delta Lake, in this process and on a local disk.
//!
//! Every file that is written is made safe before the call returns. A commit carries the application and the
//! number of its last row, so that the table itself knows what it has: rows it has already are left out, one by
//! one, whoever hands them over again.

mod compact;
mod create;
mod expire;
mod files;
mod guarded;
mod maintain;
mod replace;
mod safety;

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use arrow::array::RecordBatch;
use async_trait::async_trait;
use deltalake::kernel::transaction::{CommitBuilder, CommitProperties};
use deltalake::kernel::{Action, Transaction};
use deltalake::protocol::{DeltaOperation, SaveMode};
use deltalake::writer::{DeltaWriter, RecordBatchWriter};
use deltalake::{DeltaTable, DeltaTableError};
use silverbullet_market::Nanos;
use tokio::sync::Mutex;

use files::DataFile;

use crate::backend::{Backend, Maintained, Numbered, new_rows};
use crate::directory::DataDirectory;
use crate::error::{Error, Result};
use crate::failpoints;
use crate::schema::Table;

/// What Delta Lake answers.
type Delta<T> = std::result::Result<T, DeltaTableError>;

/// How tables are looked after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Care {
    /// Rows older than this leave the tables, by the time they are valid for; `None` keeps everything.
    pub retention: Option<Nanos>,
    /// How long a file stays on disk after the tables have no more use for it: readers may still have it open.
    pub grace: Nanos,
}

/// Keeps tables as Delta tables.
#[derive(Debug)]
pub struct DeltaBackend {
    directory: DataDirectory,
    care: Care,
    handles: [Mutex<Option<DeltaTable>>; Table::ALL.len()],
    /// Tables that were there during this run: when one is gone, it is lost and not new.
    seen: [AtomicBool; Table::ALL.len()],
    /// When files nobody needs were last looked for.
    vacuumed: AtomicI64,
}

impl DeltaBackend {
    /// Tables in `directory`, whose folder of tables must be there.
    #[must_use]
    pub fn new(directory: DataDirectory, care: Care) -> Self {
        Self {
            directory,
            care,
            handles: Default::default(),
            seen: Default::default(),
            vacuumed: AtomicI64::new(Nanos::MIN),
        }
    }

    /// `table` as it stands, made where it was never there and `make` says so.
    async fn current<'a>(
        &self,
        table: Table,
        handle: &'a mut Option<DeltaTable>,
        make: bool,
    ) -> Result<Option<&'a mut DeltaTable>> {
        let path = self.directory.table(table);
        let there = path.join("_delta_log").is_dir();
        let seen = &self.seen[table as usize];
        if !there {
            *handle = None;
            if seen.load(Ordering::Acquire) {
                return Err(Error::Vanished { path });
            }
            self.make_sure_of_folder()?;
        }
        let fail = |source| failed("read", table, source);
        if let Some(known) = handle.as_mut() {
            known.update_incremental(None).await.map_err(fail)?;
        } else if there {
            *handle = open(&self.directory, table).await.map_err(fail)?;
        }
        if handle.is_none() && make {
            let made = create::create(&self.directory, table).await;
            *handle = Some(made.map_err(|source| failed("make", table, source))?);
        }
        if let Some(known) = handle.as_ref() {
            create::check(&self.directory, table, known)?;
            seen.store(true, Ordering::Release);
        }
        Ok(handle.as_mut())
    }

    fn make_sure_of_folder(&self) -> Result<()> {
        let path = self.directory.tables();
        if path.is_dir() { Ok(()) } else { Err(Error::Vanished { path }) }
    }

    /// Adds `batches` in one commit, with `application` and its version where there is one.
    async fn commit(
        &self,
        table: Table,
        batches: Vec<RecordBatch>,
        transaction: Option<Transaction>,
        handle: &mut Option<DeltaTable>,
    ) -> Result<()> {
        let identity = identity(&self.directory);
        let Some(delta) = self.current(table, handle, true).await? else { return Ok(()) };
        let outcome = add(&self.directory, table, delta, batches, transaction).await;
        if outcome.is_err() {
            // Whatever the failure left of the handle: the next call reads the table afresh.
            *handle = None;
        }
        if !self.directory.table(table).is_dir() {
            *handle = None;
            return Err(Error::Vanished { path: self.directory.table(table) });
        }
        outcome?;
        // A mount that went away while the rows were being written has put them elsewhere.
        if identity.is_none() || identity != self::identity(&self.directory) {
            *handle = None;
            return Err(Error::Vanished { path: self.directory.tables() });
        }
        failpoints::of_table(table, false)
    }
}

#[async_trait]
impl Backend for DeltaBackend {
    async fn stored(&self, table: Table, application: &str) -> Result<Option<i64>> {
        let mut handle = self.handles[table as usize].lock().await;
        match self.current(table, &mut handle, false).await? {
            Some(delta) => stored(delta, application).await.map_err(|source| failed("read", table, source)),
            None => Ok(None),
        }
    }

    async fn append(&self, table: Table, rows: &[Numbered], application: &str, version: i64) -> Result<()> {
        let mut handle = self.handles[table as usize].lock().await;
        let stored = match self.current(table, &mut handle, true).await? {
            Some(delta) => {
                stored(delta, application).await.map_err(|source| failed("read", table, source))?
            }
            None => None,
        };
        let batches = if failpoints::keeps_stored_rows() {
            rows.iter().map(|numbered| numbered.batch.clone()).filter(|batch| batch.num_rows() > 0).collect()
        } else {
            new_rows(table, rows, stored)?
        };
        if batches.is_empty() {
            return Ok(());
        }
        let version = stored.map_or(version, |stored| stored.max(version));
        let transaction = Transaction::new(application, version);
        self.commit(table, batches, Some(transaction), &mut handle).await
    }

    async fn record(&self, table: Table, batch: &RecordBatch) -> Result<()> {
        let mut handle = self.handles[table as usize].lock().await;
        self.commit(table, vec![batch.clone()], None, &mut handle).await
    }

    async fn replace_run(&self, row: &RecordBatch) -> Result<()> {
        let table = Table::Runs;
        let mut handle = self.handles[table as usize].lock().await;
        let Some(delta) = self.current(table, &mut handle, true).await? else { return Ok(()) };
        let outcome = replace::replace(&self.directory, table, delta, row).await;
        if outcome.is_err() {
            *handle = None;
        }
        outcome?;
        failpoints::of_table(table, false)
    }

    async fn maintain(&self, now: Nanos) -> Result<Maintained> {
        maintain::maintain(&self.directory, self.care, now, &self.vacuumed).await
    }
}

async fn add(
    directory: &DataDirectory,
    table: Table,
    delta: &mut DeltaTable,
    batches: Vec<RecordBatch>,
    transaction: Option<Transaction>,
) -> Result<()> {
    let fail = |source| failed("write", table, source);
    let mut writer = writer(delta).map_err(fail)?;
    for batch in batches {
        writer.write(batch).await.map_err(fail)?;
    }
    let added = writer.flush().await.map_err(fail)?;
    safety::sync_files(directory, table, &added)?;
    failpoints::of_table(table, true)?;
    let operation = DeltaOperation::Write {
        mode: SaveMode::Append,
        partition_by: Some(table.partitions().iter().map(|&name| name.to_owned()).collect()),
        predicate: None,
    };
    let properties =
        CommitProperties::default().with_application_transactions(transaction.into_iter().collect());
    let actions = added.into_iter().map(Action::Add).collect();
    commit(delta, properties, actions, operation).await.map_err(fail)?;
    safety::sync_log(directory, table, delta)
}

/// Makes one commit and moves the handle on to it.
async fn commit(
    delta: &mut DeltaTable,
    properties: CommitProperties,
    actions: Vec<Action>,
    operation: DeltaOperation,
) -> Delta<()> {
    let snapshot = delta.snapshot()?.snapshot().clone();
    let properties = properties.with_cleanup_expired_logs(Some(false));
    let commit = CommitBuilder::from(properties).with_actions(actions);
    let done = commit.build(Some(&snapshot), delta.log_store(), operation).await?;
    delta.state = Some(done.snapshot());
    Ok(())
}

fn writer(delta: &DeltaTable) -> Delta<RecordBatchWriter> {
    Ok(RecordBatchWriter::for_table(delta)?.with_writer_properties(create::writer_properties()))
}

async fn stored(delta: &DeltaTable, application: &str) -> Delta<Option<i64>> {
    delta.snapshot()?.transaction_version(delta.log_store().as_ref(), application).await
}

/// Opens `table`; `None` where it has no commit yet.
async fn open(directory: &DataDirectory, table: Table) -> Delta<Option<DeltaTable>> {
    let mut delta = guarded::builder(directory, table)?.build()?;
    match delta.load().await {
        Ok(()) => Ok(Some(delta)),
        Err(DeltaTableError::NotATable(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What tells the folder of tables from another one that is mounted over its place.
fn identity(directory: &DataDirectory) -> Option<(u64, u64)> {
    let data = std::fs::metadata(directory.tables()).ok()?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        Some((data.dev(), data.ino()))
    }
    #[cfg(not(unix))]
    {
        data.is_dir().then_some((0, 0))
    }
}

fn failed(action: &'static str, table: Table, source: DeltaTableError) -> Error {
    Error::Delta { action, table: table.name(), source: Box::new(source) }
}
