//! The lines of a file, to its end or to where it is torn.

use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::csv::input::{self, FileStamp};
use crate::csv::{Phase, Progress, ProgressUpdate};
use crate::error::{FeedError, Result};

/// No line is longer: a frame has an end at the sockets, too.
const LONGEST: u64 = 256 << 20;

/// Reads a file line by line.
pub(crate) struct Lines {
    path: PathBuf,
    reader: BufReader<Box<dyn Read + Send>>,
    position: Arc<AtomicU64>,
    pub(crate) stamp: FileStamp,
    line: Vec<u8>,
    /// Lines read.
    pub(crate) count: u64,
    /// The file ends within a frame or a line, as that of a program that was killed.
    pub(crate) is_torn: bool,
}

impl Lines {
    /// Opens the file, which may be written at this moment: what is added from now on is not read.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        Ok(Self::of(path, input::open_until(path, |now| now.length)?))
    }

    /// Opens the file as it was when it had this stamp.
    ///
    /// # Errors
    /// A file that was changed in another way than by adding to it.
    pub(crate) fn open_again(path: &Path, before: FileStamp) -> Result<Self> {
        let input = input::open_until(path, |_| before.length)?;
        if !before.may_have_grown_to(input.stamp) {
            return Err(FeedError::Changed { path: path.to_owned() });
        }
        Ok(Self::of(path, input))
    }

    fn of(path: &Path, input: input::Input) -> Self {
        let input::Input { reader, position, stamp } = input;
        let reader = BufReader::with_capacity(1 << 16, reader);
        let path = path.to_owned();
        Self { path, reader, position, stamp, line: Vec::new(), count: 0, is_torn: false }
    }

    /// The next whole line, without its end.
    ///
    /// # Errors
    /// A file that is damaged before its end.
    pub(crate) fn next(&mut self) -> Result<Option<&[u8]>> {
        self.line.clear();
        match self.reader.by_ref().take(LONGEST).read_until(b'\n', &mut self.line) {
            Ok(0) => return Ok(None),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                self.is_torn = true;
                return Ok(None);
            }
            Err(source) => {
                return Err(FeedError::Damaged { path: self.path.clone(), line: self.count, source });
            }
        }
        if self.line.pop() != Some(b'\n') {
            self.is_torn = true;
            return Ok(None);
        }
        self.count += 1;
        Ok(Some(&self.line))
    }

    /// Tells how far the reading is.
    pub(crate) fn report(&self, progress: Option<&Progress>, phase: Phase) {
        if let Some(progress) = progress {
            let (bytes, total_bytes) = (self.position.load(Ordering::Relaxed), self.stamp.length);
            progress.report(ProgressUpdate { phase, bytes, total_bytes, rows: self.count });
        }
    }
}
