//! What can keep results from being stored or read, in words that name the thing and the remedy.

use std::path::{Path, PathBuf};

/// Why something could not be stored or read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or a folder could not be read or written.
    #[error("{action} {}: {source}{}", path.display(), remedy(source))]
    Io {
        /// What was being done.
        action: &'static str,
        /// With which file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Another process writes the results of the universe.
    #[error(
        "universe {universe} is being written to {} by {}; stop it, or give this run another --data",
        directory.display(),
        owner.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
    )]
    Locked {
        /// Name of the universe.
        universe: String,
        /// The data directory.
        directory: PathBuf,
        /// Process id of the writer, where it could be read.
        owner: Option<u32>,
    },
    /// A name cannot be that of a folder or of a partition.
    #[error("{what} {name:?} cannot be the name of a folder: use letters, digits, '-', '_' and '.'")]
    Name {
        /// What it is the name of.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// A file is not what it should be.
    #[error("{} is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Rows could not be put in the form of a table.
    #[error("rows of {table} cannot be put in the form of the table: {source}")]
    Rows {
        /// Name of the table.
        table: &'static str,
        /// What Arrow said.
        source: arrow::error::ArrowError,
    },
    /// A table on disk has other columns than this program knows.
    #[error(
        "table {table} in {} has other columns ({found}) than this version of the program writes ({expected}); \
         give this run another --data",
        directory.display()
    )]
    Schema {
        /// Name of the table.
        table: &'static str,
        /// The data directory.
        directory: PathBuf,
        /// Columns on disk.
        found: String,
        /// Columns of the program.
        expected: String,
    },
    /// The folder of the tables was there and is gone.
    #[error(
        "the folder {} has disappeared; mount or move it back: nothing is written elsewhere, and what is \
         pending is written as soon as it is there again",
        path.display()
    )]
    Vanished {
        /// The folder.
        path: PathBuf,
    },
    /// No place was named to keep tables in.
    #[error(
        "there is no place to keep results in: switch on Delta tables, or name nodes by store.cassandra.nodes"
    )]
    Nowhere,
    /// Delta Lake refused.
    #[cfg(feature = "delta")]
    #[error("cannot {action} table {table}: {source}{}", remedy_of(source.as_ref()))]
    Delta {
        /// What was being done.
        action: &'static str,
        /// Name of the table.
        table: &'static str,
        /// What Delta Lake said.
        source: Box<deltalake::DeltaTableError>,
    },
    /// Cassandra refused, or cannot be reached.
    #[cfg(feature = "cassandra")]
    #[error(transparent)]
    Cassandra(Box<crate::cassandra::Fault>),
    /// A checkpoint could not be written or read.
    #[error("checkpoint of {application}: {source}")]
    Checkpoint {
        /// Universe and variant.
        application: String,
        /// What the engine said.
        source: Box<silverbullet_engine::Error>,
    },
    /// A thread could not be started.
    #[error("cannot start the thread that stores rows: {0}")]
    Thread(std::io::Error),
    /// The store has been closed.
    #[error("the store is closed")]
    Closed,
    /// Rows that were taken are not in the tables when the store closed.
    #[error(
        "{rows} rows are not in the tables yet: {reason}; they are in the spool and the next start stores them"
    )]
    Unfinished {
        /// Rows that are pending.
        rows: u64,
        /// What kept them.
        reason: String,
    },
    /// Rows that waited on disk only cannot be read any more, of a source that can be had again.
    #[error(
        "rows of {application} that waited on disk can no longer be used: {reason}; start the program again: it \
         goes on from what is stored and computes them anew"
    )]
    Lost {
        /// Universe and variant.
        application: String,
        /// What is wrong with them.
        reason: String,
    },
    /// A fail point of a test went off.
    #[cfg(feature = "failpoints")]
    #[error("fail point {0}")]
    FailPoint(&'static str),
}

/// The result of a call to the store.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// True where the same call may succeed later without anybody changing the program or its settings.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Io { .. } | Self::Vanished { .. } => true,
            #[cfg(feature = "delta")]
            Self::Delta { .. } => true,
            #[cfg(feature = "cassandra")]
            Self::Cassandra(fault) => fault.is_retryable(),
            #[cfg(feature = "failpoints")]
            Self::FailPoint(_) => true,
            Self::Locked { .. }
            | Self::Name { .. }
            | Self::Damaged { .. }
            | Self::Rows { .. }
            | Self::Schema { .. }
            | Self::Checkpoint { .. }
            | Self::Thread(_)
            | Self::Nowhere
            | Self::Closed
            | Self::Lost { .. }
            | Self::Unfinished { .. } => false,
        }
    }

    /// `source`, which came of doing `action` to `path`.
    pub(crate) fn io(action: &'static str, path: &Path, source: std::io::Error) -> Self {
        Self::Io { action, path: path.to_path_buf(), source }
    }
}

#[cfg(feature = "cassandra")]
impl From<crate::cassandra::Fault> for Error {
    fn from(fault: crate::cassandra::Fault) -> Self {
        Self::Cassandra(Box::new(fault))
    }
}

/// The remedy for the failure of the system that `error` came of, however many layers below.
#[cfg(feature = "delta")]
fn remedy_of(error: &(dyn std::error::Error + 'static)) -> &'static str {
    let causes = std::iter::successors(Some(error), |cause| cause.source());
    let remedies = causes.filter_map(|cause| cause.downcast_ref()).map(remedy);
    remedies.max_by_key(|remedy| remedy.len()).unwrap_or_default()
}

/// What a person can do about a failure of the system, appended to its message.
fn remedy(error: &std::io::Error) -> &'static str {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "; free space on that disk",
        ErrorKind::PermissionDenied => "; give this user the right to write there",
        ErrorKind::ReadOnlyFilesystem => "; mount that disk for writing",
        _ => "",
    }
}
