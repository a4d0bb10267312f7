//! What supervision is told, and what it answers.

use silverbullet_market::{EventKind, Nanos, SourceStatus};

/// Names a connection; each has another one.
pub(crate) type Id = u64;

/// Why a connection is no more, or never was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Loss {
    /// What it is called in `events`.
    pub(crate) reason: &'static str,
    /// The particulars, and what can be done.
    pub(crate) detail: String,
    /// How long the venue wants to be left alone.
    pub(crate) retry_after: Option<Nanos>,
}

impl Loss {
    pub(crate) fn new(reason: &'static str, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into(), retry_after: None }
    }
}

/// What has happened to a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fact {
    /// It is open: the venue may be asked for prices.
    Opened,
    /// A price has come. Needs to be told only while [`Supervisor::awaits_price`].
    Priced,
    /// The venue is about to close it.
    Closing,
    /// The venue refuses what it was asked for, in these words.
    Refused(String),
    /// It is no more, or could not be opened.
    Lost(Loss),
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    /// Open a connection, and read it without handing on what it says where it is a replacement.
    Connect(Id),
    /// Send the frame with this number of those that ask for prices.
    Subscribe(Id, usize),
    /// Send what keeps it alive.
    KeepAlive(Id),
    /// Hand on what this one says from now on; first what it has said so far and the one before has not.
    Switch(Id),
    /// Say goodbye and forget it.
    Close(Id),
    /// Forget it: nobody is there to say goodbye to.
    Drop(Id),
    /// Keep this in `events`.
    Tell(EventKind, &'static str, String),
    /// Prices are missing between these times: keep that in `events`, before the next price.
    Gap { from: Nanos, to: Nanos, why: &'static str },
    /// Show this state to whoever watches.
    Show(SourceStatus, Option<String>),
}
