//! What a recording is, found out by reading it once: its files in order, its digest, how many frames it has.

use std::path::{Path, PathBuf};

use super::ENDING;
use super::heading::{Heading, VERSION, Wrong};
use super::lines::Lines;
use crate::csv::input::FileStamp;
use crate::csv::{Phase, Progress};
use crate::error::{FeedError, Result};

/// Lines between two reports of progress.
pub(crate) const PROGRESS_LINES: u64 = 65_536;

/// A file of a recording.
#[derive(Debug, Clone)]
pub(crate) struct Scanned {
    pub(crate) path: PathBuf,
    pub(crate) heading: Heading,
    pub(crate) stamp: FileStamp,
    pub(crate) frames: u64,
    digest: blake3::Hash,
}

/// A recording.
#[derive(Debug, Clone)]
pub(crate) struct Scan {
    /// By start and number; there is at least one.
    pub(crate) files: Vec<Scanned>,
    /// What stands in all of them.
    pub(crate) heading: Heading,
    pub(crate) digest: String,
    /// Whether a whole folder was named, so that a number that is not there is missing.
    pub(crate) is_folder: bool,
}

/// Reads the file or the folder at `path`.
pub(crate) fn scan(path: &Path, progress: Option<&Progress>) -> Result<Scan> {
    let (paths, is_folder) = paths(path)?;
    let mut files = Vec::new();
    for file in &paths {
        files.extend(scan_file(file, progress)?);
    }
    files.sort_by_key(|file| (file.heading.start, file.heading.file));
    let Some(first) = files.first() else {
        return Err(FeedError::NoRecording { path: path.to_owned(), found: paths.len() });
    };
    let heading = first.heading.clone();
    if let Some(other) = files.iter().find(|file| !file.heading.is_like(&heading)) {
        return Err(FeedError::MixedRecordings { first: first.path.clone(), second: other.path.clone() });
    }
    if let Some(pair) = files.windows(2).find(|pair| {
        let [a, b] = [&pair[0].heading, &pair[1].heading];
        (a.start, a.file) == (b.start, b.file)
    }) {
        return Err(FeedError::TwiceRecorded { first: pair[0].path.clone(), second: pair[1].path.clone() });
    }
    let mut hasher = blake3::Hasher::new();
    files.iter().for_each(|file| {
        hasher.update(file.digest.as_bytes());
    });
    Ok(Scan { heading, digest: hasher.finalize().to_hex().to_string(), files, is_folder })
}

/// The files to read, and whether they are those of a folder.
fn paths(path: &Path) -> Result<(Vec<PathBuf>, bool)> {
    let failed = |source| FeedError::open(path.to_owned(), source);
    if !std::fs::metadata(path).map_err(failed)?.is_dir() {
        return Ok((vec![path.to_owned()], false));
    }
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(path).map_err(failed)? {
        let file = entry.map_err(failed)?.path();
        if file.file_name().is_some_and(|name| name.to_string_lossy().ends_with(ENDING)) {
            paths.push(file);
        }
    }
    paths.sort();
    Ok((paths, true))
}

/// One file; `None` of one that a program has left before it could write anything.
fn scan_file(path: &Path, progress: Option<&Progress>) -> Result<Option<Scanned>> {
    let mut lines = Lines::open(path)?;
    let mut hasher = blake3::Hasher::new();
    let first = lines.next()?.map(|line| (heading(path, line), hasher.update(line)));
    let Some((heading, _)) = first else {
        // A short text that is no recording has no line end, either.
        let is_named_so = path.to_string_lossy().ends_with(ENDING);
        return if is_named_so { Ok(None) } else { Err(no_recording(path)) };
    };
    let heading = heading?;
    let mut frames = 0;
    while let Some(line) = lines.next()? {
        hasher.update(line).update(b"\n");
        frames += u64::from(is_frame(line));
        if lines.count.is_multiple_of(PROGRESS_LINES) {
            lines.report(progress, Phase::Scan);
        }
    }
    lines.report(progress, Phase::Scan);
    if lines.is_torn {
        tracing::warn!(file = %path.display(), lines = lines.count, "cut short; what is not whole at its end is passed over");
    }
    Ok(Some(Scanned {
        path: path.to_owned(),
        heading,
        stamp: lines.stamp,
        frames,
        digest: hasher.finalize(),
    }))
}

fn heading(path: &Path, line: &[u8]) -> Result<Heading> {
    Heading::parse(line).map_err(|wrong| match wrong {
        Wrong::Version(found) => {
            FeedError::RecordingVersion { path: path.to_owned(), found, expected: VERSION }
        }
        Wrong::Other => no_recording(path),
    })
}

fn no_recording(path: &Path) -> FeedError {
    FeedError::NotARecording { path: path.to_owned() }
}

fn is_frame(line: &[u8]) -> bool {
    let kind = line.splitn(4, |&byte| byte == b' ').nth(2);
    matches!(kind, Some(b"frame" | b"quoted" | b"binary"))
}
