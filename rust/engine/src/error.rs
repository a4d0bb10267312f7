//! What can end an engine.

/// Why an engine could not start, or ended before its input did.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Rows could not be written.
    #[error("cannot write rows: {0}")]
    Output(#[from] std::io::Error),
    /// A row could not be expressed as JSON.
    #[error("cannot write rows: {0}")]
    Json(#[from] serde_json::Error),
    /// The operating system gave no thread.
    #[error("cannot start thread {name}: {source}")]
    Thread {
        /// Name of the thread.
        name: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// A thread of the engine came to grief.
    #[error("thread {0} of the engine failed; this is a fault of the program")]
    Panicked(&'static str),
    /// The kernel refused a problem.
    #[error(transparent)]
    Kernel(#[from] silverbullet_kernel::Error),
    /// A checkpoint that cannot be gone on from.
    #[error(transparent)]
    Checkpoint(#[from] crate::checkpoint::CheckpointError),
    /// Moments could not be formed.
    #[error(transparent)]
    Moments(#[from] silverbullet_market::moments::Error),
}

/// The result of an engine call.
pub type Result<T> = std::result::Result<T, Error>;
