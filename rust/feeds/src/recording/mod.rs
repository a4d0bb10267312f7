//! Recordings of an exchange: everything its source was told, to be told again.
//!
//! [`Recorder`] is a tap of a live source: it writes what the intake is told, in order, with the times of receipt.
//! [`RecordingSource`] tells it to another intake, which brings the same ticks and events.
//!
//! A recording is a folder of files, each of which is text compressed with zstd: a heading and a line for everything that was told.
//! `docs/recording.md` has the format. A frame of zstd ends with a line and about once a second, so what a killed
//! program has left can be read to its last whole frame.

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
