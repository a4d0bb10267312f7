//! The spool: parcels on disk that the tables do not hold yet, one file each, in the order of their numbers.
//!
//! A file appears whole or not at all, and is deleted only when tables and checkpoint hold what is in it. A file
//! that cannot be used is set aside, never fatal: the input is replayed from the checkpoint before it.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::failpoints::point;
use crate::files;
use crate::parcel::Parcel;

/// Digits of a parcel's number in the name of its file.
const DIGITS: usize = 16;
/// What the files are called.
const SUFFIX: &str = ".parcel";

/// A parcel on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spooled {
    /// Its number.
    pub number: u64,
    /// Its size on disk.
    pub bytes: u64,
}

/// The spool of one universe and variant.
#[derive(Debug)]
pub struct Spool {
    folder: PathBuf,
    next: u64,
    bytes: u64,
}

impl Spool {
    /// Opens the spool in `folder`, which is made where it is missing, and reads what is in it. A parcel that
    /// cannot be read is set aside and comes back as its number and the reason.
    ///
    /// # Errors
    /// [`Error::Io`] where the folder itself cannot be read.
    pub fn open(folder: &Path) -> Result<(Self, Vec<Found>)> {
        files::make_folder(folder)?;
        let fail = |source| Error::io("cannot read", folder, source);
        let mut numbers = Vec::new();
        let mut highest = 0;
        for entry in std::fs::read_dir(folder).map_err(fail)? {
            let name = entry.map_err(fail)?.file_name();
            let name = name.to_string_lossy();
            let Some((number, rest)) = parse(&name) else { continue };
            highest = highest.max(number);
            if rest == SUFFIX {
                numbers.push(number);
            }
        }
        numbers.sort_unstable();
        let mut spool = Self { folder: folder.to_path_buf(), next: highest + 1, bytes: 0 };
        let mut found = Vec::new();
        for number in numbers {
            found.push(spool.find(number)?);
        }
        Ok((spool, found))
    }

    /// Bytes on disk.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Writes `parcel` behind those that are there, and makes it safe.
    ///
    /// # Errors
    /// [`Error::Io`], or [`Error::Vanished`] where the folder is gone; the spool is then as it was.
    pub fn write(&mut self, parcel: &[u8]) -> Result<Spooled> {
        point!("spool-before-write");
        let number = self.next;
        files::write_whole(&self.path(number), parcel).map_err(|error| match self.folder.is_dir() {
            true => error,
            false => Error::Vanished { path: self.folder.clone() },
        })?;
        let bytes = parcel.len() as u64;
        self.next += 1;
        self.bytes += bytes;
        point!("spool-after-write");
        Ok(Spooled { number, bytes })
    }

    /// Reads a parcel again.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Damaged`].
    pub fn read(&self, number: u64) -> Result<Parcel> {
        read_parcel(&self.path(number))
    }

    /// Where parcel `number` lies.
    #[must_use]
    pub fn path(&self, number: u64) -> PathBuf {
        path(&self.folder, number)
    }

    /// Deletes parcels.
    ///
    /// # Errors
    /// [`Error::Io`]; what was deleted before the failure is gone.
    pub fn delete(&mut self, parcels: &[Spooled]) -> Result<()> {
        if parcels.is_empty() {
            return Ok(());
        }
        point!("spool-before-delete");
        for spooled in parcels {
            let path = self.path(spooled.number);
            match std::fs::remove_file(&path) {
                Ok(()) => {}
                Err(error) if error.kind() == std::io::ErrorKind::NotFound && self.folder.is_dir() => {}
                Err(source) => return Err(Error::io("cannot delete", &path, source)),
            }
            self.bytes = self.bytes.saturating_sub(spooled.bytes);
        }
        point!("spool-after-delete");
        Ok(())
    }

    /// Sets a parcel aside that is of no use; one whose file is gone is only counted out.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn set_aside(&mut self, spooled: &Spooled, reason: &str) -> Result<()> {
        let path = self.path(spooled.number);
        if path.exists() || !self.folder.is_dir() {
            files::set_aside(&path, reason)?;
        }
        self.bytes = self.bytes.saturating_sub(spooled.bytes);
        Ok(())
    }

    fn find(&mut self, number: u64) -> Result<Found> {
        let path = self.path(number);
        match read_parcel(&path) {
            Ok(parcel) => {
                let bytes = std::fs::metadata(&path).map_or(0, |data| data.len());
                self.bytes += bytes;
                Ok(Found::Whole(Spooled { number, bytes }, Box::new(parcel)))
            }
            Err(Error::Damaged { reason, .. }) => {
                files::set_aside(&path, &reason)?;
                Ok(Found::Damaged { number, reason })
            }
            Err(error) => Err(error),
        }
    }
}

/// A file of the spool.
#[derive(Debug)]
pub enum Found {
    /// As it should be.
    Whole(Spooled, Box<Parcel>),
    /// Set aside.
    Damaged {
        /// Its number.
        number: u64,
        /// What was wrong with it.
        reason: String,
    },
}

/// Where parcel `number` of the spool in `folder` lies.
pub(crate) fn path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number:0DIGITS$}{SUFFIX}"))
}

/// Reads the parcel in the file `path`. One that is not there is damaged like one that is cut short, unless the
/// whole folder is away.
pub(crate) fn read_parcel(path: &Path) -> Result<Parcel> {
    let gone = |folder: &Path| match folder.is_dir() {
        true => Error::Damaged { path: path.to_path_buf(), reason: "the file is gone".to_owned() },
        false => Error::Vanished { path: folder.to_path_buf() },
    };
    let bytes = std::fs::read(path).map_err(|source| match (source.kind(), path.parent()) {
        (std::io::ErrorKind::NotFound, Some(folder)) => gone(folder),
        _ => Error::io("cannot read", path, source),
    })?;
    Parcel::from_bytes(&bytes).map_err(|reason| Error::Damaged { path: path.to_path_buf(), reason })
}

/// Number and suffix of a file's name.
fn parse(name: &str) -> Option<(u64, &str)> {
    let (digits, suffix) = name.split_at_checked(DIGITS)?;
    Some((digits.parse().ok()?, suffix))
}
