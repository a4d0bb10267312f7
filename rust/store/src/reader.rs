//! Reading: the tables of a data directory, as they stand now, by any number of processes.
//!
//! A handle is kept for each table, and each [`Tables::snapshot`] reads only the commits made since the one
//! before. A [`Snapshot`] does not change: what is committed later is in the next.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use deltalake::delta_datafusion::{DeltaScanConfig, DeltaScanNext};
use deltalake::kernel::EagerSnapshot;
use deltalake::{DeltaTable, DeltaTableBuilder, DeltaTableError, ensure_table_uri};
use tokio::sync::Mutex;

use crate::directory::DataDirectory;
use crate::error::{Error, Result};
use crate::schema::Table;

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
    table: DeltaTable,
    snapshot: Snapshot,
}

/// A table at one version.
#[derive(Debug, Clone)]
pub struct Snapshot {
    version: u64,
    folder: PathBuf,
    state: Arc<EagerSnapshot>,
    provider: Arc<DeltaScanNext>,
    stored: Arc<BTreeMap<String, i64>>,
    variants: Arc<BTreeSet<(String, String)>>,
}

impl Snapshot {
    /// What SQL reads it through. Columns have the types of [`Table::schema`].
    #[must_use]
    pub fn provider(&self) -> Arc<dyn TableProvider> {
        Arc::clone(&self.provider) as Arc<dyn TableProvider>
    }

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
    /// between them, has stored in the table. Rows up to it are in the table.
    #[must_use]
    pub fn stored(&self, application: &str) -> Option<i64> {
        self.stored.get(application).copied()
    }

    /// Universes and variants there are rows of; nothing where the table is not parted by them.
    #[must_use]
    pub fn variants(&self) -> Vec<(String, String)> {
        self.variants.iter().cloned().collect()
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
        let fail = |source| Error::Delta { action: "read", table: table.name(), source: Box::new(source) };
        match handle.as_mut() {
            None => *handle = open(&path).await.map_err(fail)?,
            Some(known) => known.update().await.map_err(fail)?,
        }
        Ok(handle.as_ref().map(|handle| handle.snapshot.clone()))
    }
}

async fn open(path: &Path) -> std::result::Result<Option<Handle>, DeltaTableError> {
    if !path.join("_delta_log").is_dir() {
        return Ok(None);
    }
    let location = ensure_table_uri(path.to_string_lossy())?;
    match DeltaTableBuilder::from_url(location)?.load().await {
        Ok(table) => {
            let snapshot = snapshot_of(&table, path).await?;
            Ok(Some(Handle { table, snapshot }))
        }
        // The writer has made the folder and not yet the first commit.
        Err(DeltaTableError::NotATable(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

impl Handle {
    async fn update(&mut self) -> std::result::Result<(), DeltaTableError> {
        self.table.update_incremental(None).await?;
        if self.table.version() != Some(self.snapshot.version) {
            self.snapshot = snapshot_of(&self.table, &self.snapshot.folder).await?;
        }
        Ok(())
    }
}

async fn snapshot_of(table: &DeltaTable, folder: &Path) -> std::result::Result<Snapshot, DeltaTableError> {
    let state = table.snapshot()?.snapshot();
    let variants = variants_of(state);
    let mut stored = BTreeMap::new();
    let log = table.log_store();
    for (universe, variant) in &variants {
        let application = format!("{universe}/{variant}");
        if let Some(version) = state.transaction_version(log.as_ref(), &application).await? {
            stored.insert(application, version);
        }
    }
    let config = DeltaScanConfig {
        schema_force_view_types: false,
        wrap_partition_values: false,
        ..DeltaScanConfig::new()
    };
    let provider = DeltaScanNext::new(state.clone(), config)?;
    Ok(Snapshot {
        version: state.version(),
        folder: folder.to_owned(),
        state: Arc::new(state.clone()),
        provider: Arc::new(provider),
        stored: Arc::new(stored),
        variants: Arc::new(variants),
    })
}

fn variants_of(state: &EagerSnapshot) -> BTreeSet<(String, String)> {
    let mut variants = BTreeSet::new();
    for file in state.log_data().iter() {
        let mut values = file.partition_values_map();
        let mut take = |column| values.remove(column).flatten();
        if let (Some(universe), Some(variant)) = (take("universe"), take("variant")) {
            variants.insert((universe, variant));
        }
    }
    variants
}
