//! Where things lie in a data directory.
//!
//! ```text
//! DATA/tables/<table>/                         one Delta table each
//! DATA/state/<universe>/lock                   held by the one process that writes the universe
//! DATA/state/<universe>/<variant>/checkpoint   the newest one that tables and spool hold everything of
//! DATA/state/<universe>/<variant>/commands     what was commanded, one line each
//! DATA/state/<universe>/<variant>/spool/       parcels that the tables do not hold yet
//! ```

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::schema::Table;

/// Longest name of a universe: some file systems take no longer ones.
const LONGEST_NAME: usize = 128;

/// The paths in a data directory.
#[derive(Debug, Clone)]
pub struct DataDirectory(PathBuf);

impl DataDirectory {
    /// The directory at `path`.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self(path.to_path_buf())
    }

    /// The directory itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The folder that holds all tables.
    #[must_use]
    pub fn tables(&self) -> PathBuf {
        self.0.join("tables")
    }

    /// The folder of one table.
    #[must_use]
    pub fn table(&self, table: Table) -> PathBuf {
        self.tables().join(table.name())
    }

    /// The folder that belongs to the writer of a universe.
    ///
    /// # Errors
    /// Where the name cannot be that of a folder.
    pub fn universe(&self, universe: &str) -> Result<PathBuf> {
        Ok(self.0.join("state").join(folder("universe", universe)?))
    }

    /// The folder of one universe and variant.
    ///
    /// # Errors
    /// Where one of the names cannot be that of a folder.
    pub fn application(&self, universe: &str, variant: &str) -> Result<PathBuf> {
        Ok(self.universe(universe)?.join(folder("variant", variant)?))
    }
}

/// `name`, where it can be that of a folder on every system and means nothing else there.
fn folder<'a>(what: &'static str, name: &'a str) -> Result<&'a str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let good = !name.is_empty()
        && name.len() <= LONGEST_NAME
        && name.bytes().all(plain)
        && !name.starts_with('.')
        && name != "lock";
    if good { Ok(name) } else { Err(Error::Name { what, name: name.to_owned() }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_would_lead_elsewhere_is_refused() {
        let directory = DataDirectory::new(Path::new("data"));
        for name in ["", "..", ".hidden", "a/b", "a\\b", "a b", "lock", &"x".repeat(129)] {
            assert!(matches!(directory.universe(name), Err(Error::Name { .. })), "{name:?}");
        }
        let path = directory.application("default", "0123456789ab").unwrap();
        assert_eq!(path, Path::new("data/state/default/0123456789ab"));
    }
}
