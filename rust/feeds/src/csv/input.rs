//! Opens a file as a byte stream: plain, gzip or zstd, told apart by their first bytes.

use std::fs::{self, File};
use std::io::{self, Cursor, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use crate::error::{FeedError, Result};

const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// A file that is being read.
pub(crate) struct Input {
    /// What it holds, uncompressed.
    pub(crate) reader: Box<dyn Read + Send>,
    /// Number of its bytes, on disk, that have been read.
    pub(crate) position: Arc<AtomicU64>,
    /// What tells whether it is still the same file.
    pub(crate) stamp: FileStamp,
}

/// Size on disk and time of the last change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileStamp {
    pub(crate) length: u64,
    modified: Option<SystemTime>,
}

impl FileStamp {
    /// Whether a file that was like this and is only ever added to can be like `now`.
    pub(crate) fn may_have_grown_to(self, now: FileStamp) -> bool {
        self == now || self.length < now.length
    }
}

/// Opens `path`, to read all of it.
pub(crate) fn open(path: &Path) -> Result<Input> {
    open_until(path, |_| u64::MAX)
}

/// Opens `path`, to read as many of its bytes as `end` says of it.
pub(crate) fn open_until(path: &Path, end: impl FnOnce(FileStamp) -> u64) -> Result<Input> {
    let failed = |source| FeedError::open(path.to_owned(), source);
    let metadata = fs::metadata(path).map_err(failed)?;
    if metadata.is_dir() {
        return Err(FeedError::IsDirectory { path: path.to_owned() });
    }
    // Asked before the file is opened: opening a pipe would wait for its writer.
    if !metadata.is_file() {
        return Err(FeedError::NotAFile { path: path.to_owned() });
    }
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    let stamp = FileStamp { length: metadata.len(), modified: metadata.modified().ok() };
    let position = Arc::new(AtomicU64::new(0));
    let mut file = Counted { file, position: Arc::clone(&position) }.take(end(stamp));
    let mut first = Vec::with_capacity(ZSTD.len());
    file.by_ref().take(ZSTD.len() as u64).read_to_end(&mut first).map_err(failed)?;
    let is_gzip = first.starts_with(&GZIP);
    let is_zstd = first == ZSTD;
    let whole = Cursor::new(first).chain(file);
    let reader: Box<dyn Read + Send> = if is_gzip {
        Box::new(flate2::read::MultiGzDecoder::new(whole))
    } else if is_zstd {
        Box::new(zstd::stream::read::Decoder::new(whole).map_err(failed)?)
    } else {
        Box::new(whole)
    };
    Ok(Input { reader, position, stamp })
}

/// Counts what is read from the disk.
struct Counted {
    file: File,
    position: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.position.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// Digests what is read through it.
pub(crate) struct Digested<R> {
    input: R,
    hasher: blake3::Hasher,
}

impl<R> Digested<R> {
    pub(crate) fn new(input: R) -> Self {
        Self { input, hasher: blake3::Hasher::new() }
    }

    /// BLAKE3 of all bytes read so far, in hexadecimal.
    pub(crate) fn digest(&self) -> String {
        self.hasher.finalize().to_hex().to_string()
    }
}

impl<R: Read> Read for Digested<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        self.hasher.update(&buffer[..count]);
        Ok(count)
    }
}
