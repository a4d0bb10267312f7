//! Making commits outlast a power failure: Delta Lake itself leaves when files reach the disk to the system.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;

use deltalake::DeltaTable;
use deltalake::kernel::Add;

use crate::directory::DataDirectory;
use crate::error::{Error, Result};
use crate::files::sync_folder;
use crate::schema::Table;

/// Makes files safe that a commit is going to name.
pub(super) fn sync_files(directory: &DataDirectory, table: Table, files: &[Add]) -> Result<()> {
    let root = directory.table(table);
    let mut folders = BTreeSet::new();
    for file in files {
        let path = root.join(&file.path);
        sync(&path)?;
        // The folders of a partition may be as new as the file.
        folders.extend(
            path.ancestors().skip(1).take_while(|folder| folder.starts_with(&root)).map(Path::to_path_buf),
        );
    }
    folders.iter().try_for_each(|folder| sync_folder(folder))
}

/// Makes the newest commit safe.
pub(super) fn sync_log(directory: &DataDirectory, table: Table, delta: &DeltaTable) -> Result<()> {
    let log = directory.table(table).join("_delta_log");
    if let Some(version) = delta.version() {
        sync(&log.join(format!("{version:020}.json")))?;
    }
    sync_folder(&log)
}

fn sync(path: &Path) -> Result<()> {
    let synced = File::open(path).and_then(|file| file.sync_all());
    synced.map_err(|source| Error::io("cannot write", path, source))
}
