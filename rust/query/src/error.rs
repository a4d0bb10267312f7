//! What can keep a query from being answered.

use std::fmt;

/// Why a query was not answered. What is shown names the thing and the remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    kind: ErrorKind,
    message: String,
}

/// What sort of error it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The text is not SQL, or makes no sense to the planner.
    Syntax,
    /// A table, column or function does not exist.
    Unknown,
    /// The statement is no query.
    ReadOnly,
    /// The query took longer than it may.
    Time,
    /// The query needed more memory than it may.
    Memory,
    /// The query has more rows than it may.
    Rows,
    /// Anything else: a division by zero, a file that cannot be read.
    Failed,
}

impl ErrorKind {
    /// Its name in lower case, as interfaces spell it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Syntax => "syntax",
            Self::Unknown => "unknown",
            Self::ReadOnly => "read-only",
            Self::Time => "time",
            Self::Memory => "memory",
            Self::Rows => "rows",
            Self::Failed => "failed",
        }
    }

    /// Whether the query itself is at fault, so that asking again as it is makes no sense.
    #[must_use]
    pub const fn is_usage(self) -> bool {
        matches!(self, Self::Syntax | Self::Unknown | Self::ReadOnly)
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// What sort of error it is.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }
}

/// The result of a call of this crate.
pub type Result<T> = std::result::Result<T, Error>;
