//! One writer a universe: the others are refused.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};

use crate::directory::DataDirectory;
use crate::error::{Error, Result};
use crate::files;

/// Held for as long as this process writes the universe; the system lets go of it when the process ends,
/// however it ends.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Claims `universe` for this process.
    ///
    /// # Errors
    /// [`Error::Locked`] with the id of the process that has it.
    pub(crate) fn take(directory: &DataDirectory, universe: &str) -> Result<Self> {
        let folder = directory.universe(universe)?;
        files::make_folder(&folder)?;
        let path = folder.join("lock");
        let fail = |source| Error::io("cannot lock", &path, source);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(fail)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut owner = String::new();
                // Who it is only makes the message better.
                let _ = file.read_to_string(&mut owner);
                return Err(Error::Locked {
                    universe: universe.to_owned(),
                    directory: directory.path().to_path_buf(),
                    owner: owner.trim().parse().ok(),
                });
            }
            Err(TryLockError::Error(source)) => return Err(fail(source)),
        }
        let note = (|| {
            file.set_len(0)?;
            file.rewind()?;
            write!(file, "{}", std::process::id())
        })();
        note.map_err(fail)?;
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_writer_is_refused_by_the_id_of_the_first_until_it_ends() {
        let folder = tempfile::tempdir().unwrap();
        let directory = DataDirectory::new(folder.path());
        let first = Lock::take(&directory, "default").unwrap();
        let other = Lock::take(&directory, "other").unwrap();
        let message = Lock::take(&directory, "default").unwrap_err().to_string();
        let id = format!("process {}", std::process::id());
        assert!(
            message.contains(&id) && message.contains("--data") && message.contains("default"),
            "{message}"
        );
        drop((first, other));
        Lock::take(&directory, "default").unwrap();
    }
}
