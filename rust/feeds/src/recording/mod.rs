//! Recordings of an exchange: everything its source was told, to be told again.
//!
//! [`Recorder`] is a tap of a live source: it writes what the intake is told, in order, with the times of receipt.
//! [`RecordingSource`] tells it to another intake, which brings the same ticks and events.
//!
//! # Format, version 1
//! A recording is a folder of files `<venue>-<UTC of the start>-<number>.rec.zst`, each of which is text compressed with zstd, in frames
//! of about a second that end with a line. So `zstdcat FILE` shows it, and what a killed program has left can be read to its
//! last whole frame. The first line is an object:
//!
//! ```json
//! {"format":"silverbullet recording","version":1,"file":1,"venue":"okx","assets":["BTC"],"quote":"USDT",
//!  "symbols":["BTC-USDT"],"start":1723161255343000000,"base":1723161250000000000}
//! ```
//! `file` counts the files of one start from 1; `start` is when that was (nanoseconds UTC), and with it what files belong together;
//! `base` is UTC less the monotonic clock. Every other line is `<UTC of the receipt, ns> <connection> <kind> <the rest>`.
//! The connection is `<group of symbols>.<number>`, or `-` where it is about none of them:
//!
//! | kind | the rest |
//! |---|---|
//! | `frame` | a frame of text as it came; one with line ends is `quoted`, a JSON string |
//! | `binary` | how many bytes a frame had that is no text |
//! | `begun`, `held` | a connection is being opened; its prices are taken, or held back while another one's are |
//! | `answered` | the time that the venue's answer bears, nanoseconds UTC |
//! | `taken` | the first prices of a connection, which the frame before had, are handed on |
//! | `switched` | the connection takes the place of the one before it, and what it has held back is handed on |
//! | `ended` | nothing more comes on it |
//! | `note` | `[kind, reason, detail]` of an event |
//! | `gap` | `[from, to, reason]`: prices are missing between these times, nanoseconds UTC |
//! | `left-out` | how many lines are missing here, for the disk was too slow |

mod files;
mod heading;
mod line;
mod lines;
mod player;
mod recorder;
mod scan;
mod settings;
mod teller;

#[cfg(test)]
mod tests;

pub use player::{RecordingOptions, RecordingSource};
pub use recorder::{Recorded, Recorder, RecordingState};
pub use settings::RecordingSettings;

/// What the names of files end with.
pub(crate) const ENDING: &str = ".rec.zst";
