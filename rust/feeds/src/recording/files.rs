//! Writes lines into files, and begins another one where that is due.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use silverbullet_market::Nanos;
use zstd::bulk::Compressor;

use super::ENDING;
use super::heading::Heading;
use super::settings::Rotation;
use crate::exchange::Beginning;

/// What pays on text of this kind without being felt.
const LEVEL: i32 = 3;

/// The files of one start.
pub(crate) struct Files {
    folder: PathBuf,
    beginning: Beginning,
    rotation: Rotation,
    compressor: Compressor<'static>,
    number: u64,
    open: Option<Open>,
}

struct Open {
    path: PathBuf,
    file: File,
    bytes: u64,
    /// When it was begun, on the monotonic clock.
    since: Nanos,
}

impl Files {
    pub(crate) fn new(folder: &Path, beginning: &Beginning, rotation: Rotation) -> io::Result<Self> {
        let mut compressor = Compressor::new(LEVEL)?;
        compressor.include_checksum(true)?;
        let (folder, beginning) = (folder.to_owned(), beginning.clone());
        Ok(Self { folder, beginning, rotation, compressor, number: 0, open: None })
    }

    /// Writes whole lines so that they can be read whatever happens next; returns the bytes that takes. An error names the file.
    pub(crate) fn write(&mut self, lines: &[u8], now: Nanos) -> io::Result<u64> {
        if self.open.as_ref().is_some_and(|open| self.is_full(open, now)) {
            self.finish()?;
        }
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.begin(now)?,
        };
        let before = open.bytes;
        if open.bytes == 0 {
            // In the first frame of the file: a heading is never alone.
            let mut first = Heading::new(&self.beginning, self.number).write();
            first.extend_from_slice(lines);
            self.put(&mut open, &first)?;
        } else {
            self.put(&mut open, lines)?;
        }
        let written = open.bytes - before;
        self.open = Some(open);
        Ok(written)
    }

    /// Files begun so far.
    pub(crate) fn count(&self) -> u64 {
        self.number
    }

    /// Ends the last file.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        match self.open.take() {
            // From here on not even the machine's end takes it away.
            Some(open) => open.file.sync_all().map_err(|error| named(&open.path, error)),
            None => Ok(()),
        }
    }

    fn is_full(&self, open: &Open, now: Nanos) -> bool {
        open.bytes >= self.rotation.bytes || now - open.since >= self.rotation.time
    }

    fn begin(&mut self, now: Nanos) -> io::Result<Open> {
        let time = jiff::Timestamp::from_nanosecond(i128::from(self.beginning.start)).unwrap_or_default();
        let time = time.strftime("%Y%m%dT%H%M%S%3fZ");
        let name = format!("{}-{time}-{:06}{ENDING}", self.beginning.venue, self.number + 1);
        let path = self.folder.join(name);
        let create = || {
            fs::create_dir_all(&self.folder)?;
            File::options().write(true).create_new(true).open(&path)
        };
        let file = create().map_err(|error| named(&path, error))?;
        self.number += 1;
        Ok(Open { path, file, bytes: 0, since: now })
    }

    fn put(&mut self, open: &mut Open, lines: &[u8]) -> io::Result<()> {
        let frame = self.compressor.compress(lines)?;
        open.file.write_all(&frame).map_err(|error| named(&open.path, error))?;
        open.bytes += frame.len() as u64;
        Ok(())
    }
}

fn named(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
