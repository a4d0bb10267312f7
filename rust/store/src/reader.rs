//! Reading: the tables of a data directory, as they stand now, by any number of processes.
//!
//! A handle is kept for each table, and each [`Tables::snapshot`] reads only the commits made since the one
//! before. A [`Snapshot`] does not change: what is committed later is in the next.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use deltalake::kernel::EagerSnapshot;
use deltalake::logstore::LogStoreRef;
use deltalake::{DeltaTable, DeltaTableBuilder, DeltaTableError, ensure_table_uri};
use tokio::sync::Mutex;

use crate::directory::DataDirectory;
use crate::error::{Error, Result};
use crate::schema::Table;

/// The folder of a table's log.
const LOG: &str = "_delta_log";

/// The tables of a data directory, to be read. A clone shares what is known of them.
#[derive(Debug, Clone)]
pub struct Tables(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    directory: DataDirectory,
    handles: [Mutex<Option<Handle>>; Table::ALL.len()],
}

/// A table as it was last seen.
#[derive(Debug)]
struct Handle {
    delta: DeltaTable,
    snapshot: Snapshot,
    /// When something was last put into the folder of the log or taken out of it, as of then.
    changed: Option<SystemTime>,
}

/// A table at one version.
#[derive(Debug, Clone)]
pub struct Snapshot {
    table: Table,
    version: u64,
    folder: PathBuf,
    state: Arc<EagerSnapshot>,
    log: LogStoreRef,
    /// What was asked of the log before: an answer takes a walk through it.
    stored: Arc<Mutex<BTreeMap<String, Option<i64>>>>,
}

impl Snapshot {
    /// What the log says of the table and its files.
    #[must_use]
    pub fn state(&self) -> &EagerSnapshot {
        &self.state
    }

    /// Where the table's files are.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The last bar (in `events`, the last ordinal) that `application`, a universe and a variant with a slash
    /// between them, has stored in the table. Rows up to it are in the table. The log is asked once a version.
    ///
    /// # Errors
    /// Where the table's log cannot be read.
    pub async fn stored(&self, application: &str) -> Result<Option<i64>> {
        let mut known = self.stored.lock().await;
        if let Some(version) = known.get(application) {
            return Ok(*version);
        }
        let version = self.state.transaction_version(self.log.as_ref(), application).await;
        let version = version.map_err(|source| unreadable(self.table, source))?;
        known.insert(application.to_owned(), version);
        Ok(version)
    }

    /// How many files there are, and their bytes.
    #[must_use]
    pub fn size(&self) -> (i64, i64) {
        let files = self.state.log_data();
        (files.num_files() as i64, files.iter().map(|file| file.size()).sum())
    }

    /// Number of the newest commit.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }
}

impl Tables {
    /// The tables in `directory`, which need not exist yet.
    #[must_use]
    pub fn open(directory: impl AsRef<Path>) -> Self {
        Self(Arc::new(Inner {
            directory: DataDirectory::new(directory.as_ref()),
            handles: Default::default(),
        }))
    }

    /// `table` as it stands; `None` where nothing was ever stored in it.
    ///
    /// # Errors
    /// Where the table's log cannot be read.
    pub async fn snapshot(&self, table: Table) -> Result<Option<Snapshot>> {
        let mut handle = self.0.handles[table as usize].lock().await;
        let path = self.0.directory.table(table);
        let fail = |source| unreadable(table, source);
        match handle.as_mut() {
            None => *handle = open(table, &path).await.map_err(fail)?,
            Some(known) => known.update().await.map_err(fail)?,
        }
        Ok(handle.as_ref().map(|handle| handle.snapshot.clone()))
    }
}

async fn open(table: Table, path: &Path) -> std::result::Result<Option<Handle>, DeltaTableError> {
    if !path.join(LOG).is_dir() {
        return Ok(None);
    }
    let location = ensure_table_uri(path.to_string_lossy())?;
    match DeltaTableBuilder::from_url(location)?.load().await {
        Ok(delta) => {
            let snapshot = snapshot_of(table, &delta, path)?;
            Ok(Some(Handle { delta, snapshot, changed: None }))
        }
        // The writer has made the folder and not yet the first commit.
        Err(DeltaTableError::NotATable(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

impl Handle {
    async fn update(&mut self) -> std::result::Result<(), DeltaTableError> {
        let log = self.snapshot.folder.join(LOG);
        let changed = std::fs::metadata(&log).and_then(|log| log.modified()).ok();
        // Looking through the log takes milliseconds, and two questions to the file system tell that nobody has written to
        // it. The time alone does not: two commits may come within a tick of it.
        let next = log.join(format!("{:020}.json", self.snapshot.version + 1));
        if changed.is_some() && changed == self.changed && !next.exists() {
            return Ok(());
        }
        self.delta.update_incremental(None).await?;
        if self.delta.version() != Some(self.snapshot.version) {
            self.snapshot = snapshot_of(self.snapshot.table, &self.delta, &self.snapshot.folder)?;
        }
        self.changed = changed;
        Ok(())
    }
}

fn snapshot_of(
    table: Table,
    delta: &DeltaTable,
    folder: &Path,
) -> std::result::Result<Snapshot, DeltaTableError> {
    let state = delta.snapshot()?.snapshot();
    Ok(Snapshot {
        table,
        version: state.version(),
        folder: folder.to_owned(),
        state: Arc::new(state.clone()),
        log: delta.log_store(),
        stored: Arc::default(),
    })
}

fn unreadable(table: Table, source: DeltaTableError) -> Error {
    Error::Delta { action: "read", table: table.name(), source: Box::new(source) }
}
