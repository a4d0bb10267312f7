//! Files that are there whole or not at all, also after the power has failed.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use crate::error::{Error, Result};

/// Writes `bytes` to a temporary file beside `path`, makes it safe, and gives it its name.
///
/// # Errors
/// [`Error::Io`]; `path` is then as it was.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let temporary = path.with_extension("tmp");
    let written = (|| {
        let mut file = File::create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        drop(file);
        fs::rename(&temporary, path)
    })();
    if let Err(source) = written {
        // Where even that fails there is nothing to be done; the next write goes over it.
        let _ = fs::remove_file(&temporary);
        return Err(Error::io("cannot write", path, source));
    }
    path.parent().map_or(Ok(()), sync_folder)
}

/// Makes the names in a folder safe: those given and those taken away.
pub(crate) fn sync_folder(folder: &Path) -> Result<()> {
    if cfg!(unix) {
        let synced = File::open(folder).and_then(|folder| folder.sync_all());
        synced.map_err(|source| Error::io("cannot write", folder, source))?;
    }
    Ok(())
}

/// Reads a file; `None` where there is none.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::io("cannot read", path, source)),
    }
}

/// Makes a folder and those above it.
pub(crate) fn make_folder(path: &Path) -> Result<()> {
    fs::create_dir_all(path).map_err(|source| Error::io("cannot make the folder", path, source))
}

/// Gives a file that cannot be used another name, so that nothing looks at it again and a person can.
pub(crate) fn set_aside(path: &Path, reason: &str) -> Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".damaged");
    let aside = path.with_file_name(name);
    fs::rename(path, &aside).map_err(|source| Error::io("cannot rename", path, source))?;
    tracing::error!(file = %aside.display(), reason, "a file cannot be used and was set aside");
    Ok(())
}
