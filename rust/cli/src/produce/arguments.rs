//! What may stand on the command line of `produce`.

use std::path::PathBuf;

use clap::{ArgAction, Args, ValueHint};
use silverbullet_feeds::Speed;

use crate::args::ExchangeArguments;
use crate::counts::CountFormat;
use crate::settings::Overrides;
use crate::source;

const EXAMPLES: &str = "\
Examples:
  silverbullet produce --csv prices.csv --create-topic      all of the file, as fast as it goes
  silverbullet produce --csv prices.csv --speed 60          at the file's own pace, an hour a minute
  silverbullet produce --csv prices.csv.gz --topic trial --brokers kafka1:9092,kafka2:9092
  silverbullet produce --csv prices.csv --format json 2> progress.log
  silverbullet produce --source okx --assets BTC,ETH        what an exchange says, as it comes
  silverbullet produce --source recording:recorded          what was recorded of one

A file needs a header with timestamp, asset and price, and optionally bid, ask, size and sequence;
it may be compressed with gzip or zstd. Each row becomes one message with the asset as its key and
a value such as {\"timestamp\":\"2025-05-12T00:00:00Z\",\"asset\":\"BTC\",\"price\":104105.1}. All arrive
once and in order, whatever has to be sent again on the way. A row that cannot be used is named
with its line and left out. TLS, passwords and tuning come from [kafka.properties] in the settings.

Exit codes: 0 all that was sent is delivered, 1 something failed, 2 wrong usage, 130 stopped by
Ctrl-C or SIGTERM after what was sent is delivered; a second one ends it at once.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ProduceArguments {
    /// Prices to send, plain, gzip or zstd; the same as --source csv:FILE
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    #[arg(required_unless_present = "source", conflicts_with = "source")]
    pub(crate) csv: Option<PathBuf>,
    /// Where prices come from: csv:FILE, recording:PATH, simulator, or an exchange (binance, binance-us,
    /// coinbase, coinbase-advanced, kraken, okx, bybit)
    #[arg(long)]
    pub(crate) source: Option<String>,
    #[command(flatten)]
    pub(crate) exchange: ExchangeArguments,
    /// Where the Kafka cluster is; several separated by commas [default: kafka.brokers, 127.0.0.1:9092]
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) brokers: Option<String>,
    /// Topic to send to [default: kafka.topic, price]
    #[arg(long, value_name = "NAME")]
    pub(crate) topic: Option<String>,
    /// Pace by the source's own times: 1 as they were, 60 an hour a minute, max without waiting [default: max of
    /// a file or a recording, 1 of the simulator]
    #[arg(long)]
    pub(crate) speed: Option<Speed>,
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
        overrides.set("run.source", "--source", self.source.as_deref());
        overrides.set("run.speed", "--speed", Some(self.pace().to_string()));
        self.exchange.add_to(&mut overrides);
        overrides.set("kafka.brokers", "--brokers", self.brokers.as_deref());
        overrides.set("kafka.topic", "--topic", self.topic.as_deref());
        overrides
    }

    /// How fast, unless it is said: what has an end as fast as it goes.
    pub(crate) fn pace(&self) -> Speed {
        let has_end = self.source.as_ref().is_none_or(|name| source::is_file(name));
        self.speed.unwrap_or(if has_end { Speed::Max } else { Speed::RealTime(1.0) })
    }

    /// What a person calls the source.
    pub(crate) fn source_name(&self) -> String {
        match (&self.csv, &self.source) {
            (Some(file), _) => file.display().to_string(),
            (None, Some(source)) => source.strip_prefix("csv:").unwrap_or(source).to_owned(),
            (None, None) => String::new(),
        }
    }
}
