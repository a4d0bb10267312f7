//! What may stand on the command line of `produce`.

use std::path::PathBuf;

use clap::{ArgAction, Args, ValueEnum, ValueHint};
use silverbullet_feeds::Speed;

use crate::settings::Overrides;

const EXAMPLES: &str = "\
Examples:
  silverbullet produce --csv prices.csv --create-topic      all of the file, as fast as it goes
  silverbullet produce --csv prices.csv --speed 60          at the file's own pace, an hour a minute
  silverbullet produce --csv prices.csv.gz --topic trial --brokers kafka1:9092,kafka2:9092
  silverbullet produce --csv prices.csv --format json 2> progress.log

A file needs a header with timestamp, asset and price, and optionally bid, ask, size and sequence;
it may be compressed with gzip or zstd. Each row becomes one message with the asset as its key and
a value such as {\"timestamp\":\"2025-05-12T00:00:00Z\",\"asset\":\"BTC\",\"price\":104105.1}. All arrive
once and in order, whatever has to be sent again on the way. A row that cannot be used is named
with its line and left out. TLS, passwords and tuning come from [kafka.properties] in the settings.

Exit codes: 0 all that was sent is delivered, 1 something failed, 2 wrong usage, 130 stopped by
Ctrl-C or SIGTERM after what was sent is delivered; a second one ends it at once.";

/// How `produce` prints what it has counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CountFormat {
    /// A sentence
    Human,
    /// One object
    Json,
    /// One row under a header
    Csv,
    /// A table
    Table,
}

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ProduceArguments {
    /// Prices to send, plain, gzip or zstd
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) csv: PathBuf,
    /// Where the Kafka cluster is; several separated by commas [default: kafka.brokers, 127.0.0.1:9092]
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) brokers: Option<String>,
    /// Topic to send to [default: kafka.topic, price]
    #[arg(long, value_name = "NAME")]
    pub(crate) topic: Option<String>,
    /// Pace by the file's own times: 1 as they were, 60 an hour a minute, max without waiting
    #[arg(long, default_value = "max")]
    pub(crate) speed: Speed,
    /// Make the topic where it is not there
    #[arg(long, action = ArgAction::SetTrue)]
    pub(crate) create_topic: bool,
    /// Partitions of a topic made so
    #[arg(long, value_name = "N", default_value_t = 4, requires = "create_topic")]
    #[arg(value_parser = clap::value_parser!(i32).range(1..))]
    pub(crate) partitions: i32,
    /// How the counts are printed at the end
    #[arg(long, value_enum, default_value_t = CountFormat::Human)]
    pub(crate) format: CountFormat,
}

impl ProduceArguments {
    /// What these flags change in the settings.
    pub(crate) fn overrides(&self) -> Overrides {
        let mut overrides = Overrides::default();
        overrides.set("kafka.brokers", "--brokers", self.brokers.as_deref());
        overrides.set("kafka.topic", "--topic", self.topic.as_deref());
        overrides
    }
}
