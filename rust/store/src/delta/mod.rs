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

pub use create::writer_properties;

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

    /// `table` as it stands; `None` where it was never made.
    async fn existing<'a>(
        &self,
        table: Table,
        handle: &'a mut Option<DeltaTable>,
    ) -> Result<Option<&'a mut DeltaTable>> {
        self.refresh(table, handle).await?;
        if let Some(delta) = handle.as_ref() {
            self.accept(table, delta)?;
        }
        Ok(handle.as_mut())
    }

    /// `table` as it stands, made where it never was.
    async fn made<'a>(&self, table: Table, handle: &'a mut Option<DeltaTable>) -> Result<&'a mut DeltaTable> {
        self.refresh(table, handle).await?;
        let delta = match handle {
            Some(delta) => delta,
            None => {
                let made = create::create(&self.directory, table).await;
                handle.insert(made.map_err(|source| failed("make", table, source))?)
            }
        };
        self.accept(table, delta)?;
        Ok(delta)
    }

    /// Brings `handle` up to date with the disk: `None` where there is no table, which it once was is an error.
    async fn refresh(&self, table: Table, handle: &mut Option<DeltaTable>) -> Result<()> {
        let path = self.directory.table(table);
        let fail = |source| failed("read", table, source);
        if !path.join("_delta_log").is_dir() {
            *handle = None;
            if self.seen[table as usize].load(Ordering::Acquire) {
                return Err(Error::Vanished { path });
            }
            let folder = self.directory.tables();
            return if folder.is_dir() { Ok(()) } else { Err(Error::Vanished { path: folder }) };
        }
        match handle {
            Some(delta) => delta.update_incremental(None).await.map_err(fail)?,
            None => *handle = open(&self.directory, table).await.map_err(fail)?,
        }
        Ok(())
    }

    /// Makes sure that rows of this program fit into `table`, and remembers that it is there.
    fn accept(&self, table: Table, delta: &DeltaTable) -> Result<()> {
        create::check(&self.directory, table, delta)?;
        self.seen[table as usize].store(true, Ordering::Release);
        Ok(())
    }

    /// Adds `batches` in one commit, with `transaction` where there is one. `place` is the folder of tables as it
    /// was before `delta` was brought up to date.
    async fn add(
        &self,
        table: Table,
        delta: &mut DeltaTable,
        batches: Vec<RecordBatch>,
        transaction: Option<Transaction>,
        place: Option<Place>,
    ) -> Result<()> {
        let outcome = add(&self.directory, table, delta, batches, transaction).await;
        let path = self.directory.table(table);
        if !path.is_dir() {
            return Err(Error::Vanished { path });
        }
        outcome?;
        // A mount that went away while the rows were being written has put them elsewhere.
        if place.is_none() || place != place_of(&self.directory) {
            return Err(Error::Vanished { path: self.directory.tables() });
        }
        failpoints::of_table(table, false)
    }
}

/// `outcome` of a write through `handle`: after a failure the next call reads the table afresh, whatever the
/// failure has left of the handle.
fn settled(handle: &mut Option<DeltaTable>, outcome: Result<()>) -> Result<()> {
    if outcome.is_err() {
        *handle = None;
    }
    outcome
}

#[async_trait]
impl Backend for DeltaBackend {
    async fn stored(&self, table: Table, application: &str) -> Result<Option<i64>> {
        let mut handle = self.handles[table as usize].lock().await;
        match self.existing(table, &mut handle).await? {
            Some(delta) => stored(table, delta, application).await,
            None => Ok(None),
        }
    }

    async fn append(&self, table: Table, rows: &[Numbered], application: &str, version: i64) -> Result<()> {
        let mut handle = self.handles[table as usize].lock().await;
        let place = place_of(&self.directory);
        let delta = self.made(table, &mut handle).await?;
        let stored = stored(table, delta, application).await?;
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
        let outcome = self.add(table, delta, batches, Some(transaction), place).await;
        settled(&mut handle, outcome)
    }

    async fn record(&self, table: Table, batch: &RecordBatch) -> Result<()> {
        let mut handle = self.handles[table as usize].lock().await;
        let place = place_of(&self.directory);
        let delta = self.made(table, &mut handle).await?;
        let outcome = self.add(table, delta, vec![batch.clone()], None, place).await;
        settled(&mut handle, outcome)
    }

    async fn replace_run(&self, row: &RecordBatch) -> Result<()> {
        let table = Table::Runs;
        let mut handle = self.handles[table as usize].lock().await;
        let delta = self.made(table, &mut handle).await?;
        let outcome = replace::replace(&self.directory, table, delta, row).await;
        settled(&mut handle, outcome)?;
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

/// The number of the last row of `application` that the table holds.
async fn stored(table: Table, delta: &DeltaTable, application: &str) -> Result<Option<i64>> {
    let fail = |source| failed("read", table, source);
    let log = delta.log_store();
    delta.snapshot().map_err(fail)?.transaction_version(log.as_ref(), application).await.map_err(fail)
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
type Place = (u64, u64);

fn place_of(directory: &DataDirectory) -> Option<Place> {
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
