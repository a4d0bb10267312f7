//! Where a recording goes and when its files are changed.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use silverbullet_market::{Nanos, parse_duration};

use crate::error::{FeedError, Result};

/// Where a recording goes, and when another file is begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RecordingSettings {
    /// The folder; an empty one stands for no recording.
    pub folder: PathBuf,
    /// A file that has so many MiB, as compressed, is the last but one.
    pub file_mib: u64,
    /// A file holds no more than this time, a duration such as `1h`.
    pub file_time: String,
}

impl Default for RecordingSettings {
    fn default() -> Self {
        Self { folder: PathBuf::new(), file_mib: 64, file_time: "1h".to_owned() }
    }
}

/// The same, checked.
#[derive(Debug, Clone)]
pub(crate) struct Rotation {
    pub(crate) bytes: u64,
    pub(crate) time: Nanos,
}

impl RecordingSettings {
    /// Whether anything is to be recorded.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        !self.folder.as_os_str().is_empty()
    }

    pub(crate) fn rotation(&self) -> Result<Rotation> {
        let wrong = |name, problem| Err(FeedError::Setting { name, problem });
        let time = match parse_duration(&self.file_time) {
            Ok(time) if time > 0 => time,
            Ok(_) => return wrong("recording.file_time", format!("{} is no time", self.file_time)),
            Err(problem) => return wrong("recording.file_time", problem),
        };
        match self.file_mib.checked_mul(1 << 20) {
            Some(bytes) if bytes > 0 => Ok(Rotation { bytes, time }),
            _ => wrong(
                "recording.file_mib",
                format!("{} is no size of a file; the usual is 64", self.file_mib),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_sense_is_refused() {
        let usual = RecordingSettings::default();
        let rotation = usual.rotation().unwrap();
        assert_eq!(
            (rotation.bytes, rotation.time, usual.is_wanted()),
            (67_108_864, 3_600_000_000_000, false)
        );
        for (mib, time, expected) in [
            (0, "1h", "recording.file_mib: 0"),
            (1, "0s", "recording.file_time"),
            (1, "soon", "recording.file_time"),
        ] {
            let settings = RecordingSettings { file_mib: mib, file_time: time.into(), ..usual.clone() };
            let message = settings.rotation().unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }
}
