//! The journal of a universe's commands on disk: `state/<universe>/<variant>/commands`.
//!
//! A line is safe before anybody is told that its command is taken. One that a crash has cut short was told to nobody
//! and is taken off when the file is opened.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use silverbullet_engine::commands::{CommandLog, Entry, Journal, lines_of};

use crate::directory::DataDirectory;
use crate::error::{Error, Result};
use crate::files;

/// The file, open for the lines to come.
#[derive(Debug)]
struct FileJournal {
    file: File,
    /// Bytes of the whole lines in it.
    length: u64,
}

impl Journal for FileJournal {
    fn append(&mut self, line: &str) -> std::io::Result<()> {
        let written = self.file.write_all(line.as_bytes()).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // Where even that fails the rest is no whole line, and the next start takes it off.
            let _ = self.file.set_len(self.length);
            return Err(error);
        }
        self.length += line.len() as u64;
        Ok(())
    }
}

/// The commands that were taken for a universe and variant of the data directory at `directory`, in their order. Nothing is
/// changed, and whoever writes the universe may go on.
///
/// # Errors
/// [`Error::Io`]; [`Error::Damaged`] where a whole line is not what was written.
pub fn commands(directory: &Path, universe: &str, variant: &str) -> Result<Vec<Entry>> {
    let path = DataDirectory::new(directory).application(universe, variant)?.join("commands");
    let text = files::read(&path)?.unwrap_or_default();
    parse(&path, &text).map(|(entries, _)| entries)
}

fn parse(path: &Path, text: &[u8]) -> Result<(Vec<Entry>, usize)> {
    lines_of(text).map_err(|error| Error::Damaged {
        path: path.to_path_buf(),
        reason: format!("{error}; put back a copy, or move the file away to go on without its commands"),
    })
}

/// Opens the journal at `path`, which is made where it is missing, and reads what is in it.
///
/// # Errors
/// [`Error::Io`]; [`Error::Damaged`] where a whole line is not what was written.
pub(crate) fn open(path: &Path) -> Result<CommandLog> {
    if let Some(folder) = path.parent() {
        files::make_folder(folder)?;
    }
    let text = files::read(path)?.unwrap_or_default();
    let (entries, length) = parse(path, &text)?;
    let cannot = |source| Error::io("cannot write", path, source);
    let file = File::options().create(true).append(true).open(path).map_err(cannot)?;
    if length < text.len() {
        tracing::warn!(file = %path.display(), "a command that was cut short is taken off the journal");
        file.set_len(length as u64).map_err(cannot)?;
    }
    file.sync_all().map_err(cannot)?;
    path.parent().map_or(Ok(()), files::sync_folder)?;
    let journal = FileJournal { file, length: length as u64 };
    Ok(CommandLog { entries, journal: Some(Box::new(journal)), stored: None })
}

#[cfg(test)]
mod tests {
    use silverbullet_engine::Command;
    use silverbullet_engine::commands::Entry;

    use super::*;

    #[test]
    fn what_is_kept_is_there_again_and_a_torn_line_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("variant").join("commands");
        let entry = |sequence| Entry { sequence, bar: 9, taken: 1, command: Command::Pause };
        let mut log = open(&path).unwrap();
        assert!(log.entries.is_empty());
        for sequence in 1..=2 {
            log.journal.as_mut().unwrap().append(&entry(sequence).to_line()).unwrap();
        }
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, [&whole[..], b"{\"sequence\":3,\"ba"].concat()).unwrap();
        let mut log = open(&path).unwrap();
        assert_eq!(log.entries, [entry(1), entry(2)]);
        log.journal.as_mut().unwrap().append(&entry(3).to_line()).unwrap();
        assert_eq!(open(&path).unwrap().entries, [entry(1), entry(2), entry(3)]);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[3] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        let error = open(&path).unwrap_err().to_string();
        assert!(error.contains("line 1") && error.contains("commands"), "{error}");
    }
}
