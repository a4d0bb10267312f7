//! What can be wrong with a source as a whole. A single bad row is never an error: it is an event.

use std::io;
use std::path::PathBuf;

/// Short for results of this crate.
pub(crate) type Result<T, E = FeedError> = std::result::Result<T, E>;

/// Why a source cannot be opened. Each message is one line that names the thing and the remedy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FeedError {
    /// There is no such file.
    #[error("{}: no such file; check the path", path.display())]
    NotFound {
        /// The path that was given.
        path: PathBuf,
    },
    /// The path is a folder.
    #[error("{}: is a directory; name a CSV file in it", path.display())]
    IsDirectory {
        /// The path that was given.
        path: PathBuf,
    },
    /// The path is a pipe or a device, which cannot be read twice.
    #[error("{}: is not a regular file; save it to a file first, it is read twice", path.display())]
    NotAFile {
        /// The path that was given.
        path: PathBuf,
    },
    /// The file may not be read.
    #[error("{}: permission denied; make the file readable for this user", path.display())]
    PermissionDenied {
        /// The path that was given.
        path: PathBuf,
    },
    /// The file has no header.
    #[error("{}: the file is empty; expected a header with timestamp, asset and price", path.display())]
    Empty {
        /// The path that was given.
        path: PathBuf,
    },
    /// The header lacks a column.
    #[error(
        "{}: no `{column}` column in the header; found: {found}; expected timestamp, asset and price, \
         separated by commas", path.display()
    )]
    MissingColumn {
        /// The path that was given.
        path: PathBuf,
        /// The column that is needed.
        column: &'static str,
        /// The header's names, separated by commas.
        found: String,
    },
    /// The header names a column twice.
    #[error("{}: two `{column}` columns in the header ({found}); rename one of them", path.display())]
    DuplicateColumn {
        /// The path that was given.
        path: PathBuf,
        /// The column that is there twice.
        column: &'static str,
        /// The header's names, separated by commas.
        found: String,
    },
    /// Not one row could be used.
    #[error("{}: none of the {rows} data rows can be used{}; correct the file",
        path.display(), example.as_ref().map(|e| format!(" (the first: {e})")).unwrap_or_default())]
    NoUsableRow {
        /// The path that was given.
        path: PathBuf,
        /// Number of data rows.
        rows: u64,
        /// What was wrong with the first of them.
        example: Option<String>,
    },
    /// The file ends or breaks in the middle, as a damaged archive does.
    #[error("{}: cannot be read beyond line {line}: {source}; the file is damaged or cut short, get it again",
        path.display())]
    Damaged {
        /// The path that was given.
        path: PathBuf,
        /// The last line that was reached.
        line: u64,
        /// What the reader said.
        source: io::Error,
    },
    /// Another failure to read.
    #[error("{}: cannot be opened: {source}", path.display())]
    Open {
        /// The path that was given.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file changed after it was scanned.
    #[error("{}: changed since it was opened; start again", path.display())]
    Changed {
        /// The path that was given.
        path: PathBuf,
    },
    /// A folder that cannot be written to.
    #[error("{}: cannot be written to: {source}; name another folder", path.display())]
    Folder {
        /// The folder that was given.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A folder without a recording, or with nothing in its files yet.
    #[error("{}: {}; make a recording with silverbullet record --out FOLDER", path.display(),
        if *found == 0 { "no recording (*.rec.zst) is there" } else { "nothing was recorded there yet" })]
    NoRecording {
        /// The path that was given.
        path: PathBuf,
        /// How many files there are.
        found: usize,
    },
    /// A file that is something else.
    #[error("{}: is no recording of silverbullet; silverbullet record makes one, and csv:PATH reads a table of prices",
        path.display())]
    NotARecording {
        /// The file.
        path: PathBuf,
    },
    /// A recording in another format.
    #[error("{}: is a recording of format version {found}, and this program reads version {expected}; play it with the \
             version of silverbullet that made it", path.display())]
    RecordingVersion {
        /// The file.
        path: PathBuf,
        /// What it is.
        found: u64,
        /// What is read.
        expected: u64,
    },
    /// Recordings of other prices.
    #[error("{} and {} are of different exchanges, assets or markets; put them into folders of their own",
        first.display(), second.display())]
    MixedRecordings {
        /// One of them.
        first: PathBuf,
        /// Another.
        second: PathBuf,
    },
    /// The same part of a recording in two files.
    #[error("{} and {} are the same part of one recording; take one of them away", first.display(), second.display())]
    TwiceRecorded {
        /// One of them.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
    /// A topic without a message, which is to be read to its end.
    #[error("topic {topic} is empty; send prices first, as with csv_producer.py")]
    EmptyTopic {
        /// The topic.
        topic: String,
    },
    /// Not one message says a price.
    #[error(
        "none of the {read} messages of topic {topic} is a price; expected JSON with timestamp, asset and price"
    )]
    NoUsableMessage {
        /// The topic.
        topic: String,
        /// How many were read.
        read: u64,
    },
    /// The brokers are not those that the kept results came from.
    #[error(
        "{brokers} belongs to cluster {found}; what is kept came from cluster {expected}: connect to that one, or \
             keep the results elsewhere with --data DIR"
    )]
    OtherCluster {
        /// Where was connected to.
        brokers: String,
        /// Id of the cluster there.
        found: String,
        /// Id of the cluster before.
        expected: String,
    },
    /// Stopped while something was waited for.
    #[error("stopped before there was a connection")]
    Stopped,
    /// No broker of the Kafka cluster has answered.
    #[error(
        "no Kafka broker answers at {brokers} within {seconds} s{}: start one with setup/kafka/bin/kafka-start.sh, \
         or name another with --brokers",
        because(problem)
    )]
    NoBroker {
        /// Where it was looked for.
        brokers: String,
        /// How long.
        seconds: u64,
        /// What the client library said last, if anything.
        problem: String,
    },
    /// The Kafka cluster has no such topic.
    #[error(
        "there is no topic `{topic}` at {brokers}; make it with setup/kafka/bin/kafka-topics.sh \
         --bootstrap-server {brokers} --create --topic {topic}"
    )]
    NoTopic {
        /// The topic that was asked for.
        topic: String,
        /// Where it was looked for.
        brokers: String,
    },
    /// The client library or the Kafka cluster refused something.
    #[error("Kafka: {doing}: {problem}")]
    Kafka {
        /// What was being done, with the name of the thing.
        doing: String,
        /// What it said.
        problem: String,
    },
    /// A speed that is none.
    #[error("speed `{found}` is neither a positive number nor `max`")]
    Speed {
        /// What was given.
        found: String,
    },
    /// A setting that makes no sense.
    #[error("{name}: {problem}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// What is wrong with it and what would be right.
        problem: String,
    },
}

/// What is known of a cause, in brackets.
fn because(problem: &str) -> String {
    if problem.is_empty() { String::new() } else { format!(" ({problem})") }
}

impl FeedError {
    /// Sorts a failure to open `path` by what the user can do about it.
    pub(crate) fn open(path: PathBuf, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::NotFound => Self::NotFound { path },
            io::ErrorKind::PermissionDenied => Self::PermissionDenied { path },
            io::ErrorKind::IsADirectory => Self::IsDirectory { path },
            _ => Self::Open { path, source },
        }
    }
}
