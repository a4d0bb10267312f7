//! The names of sources.

use std::path::PathBuf;

use silverbullet_feeds::exchange;

use crate::failure::usage;

/// A source as it is named on the command line and in settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SourceName {
    /// Made-up prices.
    Simulator,
    /// A file of recorded prices.
    Csv(PathBuf),
    /// What an exchange has said, a file or a folder.
    Recording(PathBuf),
    /// A Kafka topic, which `[kafka]` in the settings names.
    Kafka,
    /// Whatever clients put over Arrow Flight.
    Flight,
    /// An exchange or several, separated by commas, reached as `[exchange]` in the settings says.
    Exchange(String),
}

impl SourceName {
    pub(super) fn parse(text: &str) -> anyhow::Result<Self> {
        match text.split_once(':') {
            None if text == "simulator" => Ok(Self::Simulator),
            None if text == "kafka" => Ok(Self::Kafka),
            None if text == "flight" => Ok(Self::Flight),
            Some(("csv", path)) if !path.is_empty() => Ok(Self::Csv(PathBuf::from(path))),
            Some(("recording", path)) if !path.is_empty() => Ok(Self::Recording(PathBuf::from(path))),
            _ if matches!(text, "recording" | "recording:") => {
                Err(usage("source recording: name the folder or the file, as in --source recording:recorded"))
            }
            _ if matches!(text, "csv" | "csv:") => {
                Err(usage("source csv: name the file, as in --source csv:prices.csv"))
            }
            _ => {
                let names: Vec<&str> = text.split(',').map(str::trim).collect();
                match names.iter().find(|name| !exchange::NAMES.contains(name)) {
                    None => Ok(Self::Exchange(names.join(","))),
                    Some(unknown) => {
                        let exchanges = exchange::NAMES.join(", ");
                        Err(usage(format!(
                            "unknown source {unknown:?}; there are simulator, csv:PATH, recording:PATH, kafka, flight, {exchanges}, \
                             and several exchanges separated by commas"
                        )))
                    }
                }
            }
        }
    }
}
