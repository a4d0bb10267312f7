//! What may stand on the command line of `record`.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use silverbullet_market::{Nanos, parse_duration};

use crate::args::ExchangeArguments;
use crate::counts::CountFormat;
use crate::settings::Overrides;

const EXAMPLES: &str = "\
Examples:
  silverbullet record --source binance --out recorded                      until Ctrl-C
  silverbullet record --source okx --assets BTC,ETH --out recorded --for 8h
  silverbullet run --source recording:recorded --speed max                 play it
  silverbullet run --source binance --record recorded                      record beside a run

All that the exchange says is written as it came, with the times of receipt and what happened to the connections, so
that playing it gives the same prices and events. The files are compressed with zstd and changed by size and time
([recording] in the settings); zstdcat shows them. A program that is killed loses no more than the last second.

Exit codes: 0 the time is over, 1 something failed, 2 wrong usage, 130 stopped by Ctrl-C or SIGTERM after
all is written; a second one ends it at once.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RecordArguments {
    /// The exchange: binance, binance-us, coinbase, coinbase-advanced, kraken, okx or bybit [default: run.source]
    #[arg(long)]
    pub(crate) source: Option<String>,
    /// Folder that the files go to [default: recording.folder]
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) exchange: ExchangeArguments,
    /// How long, such as 90s or 8h [default: until Ctrl-C]
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    pub(crate) length: Option<Nanos>,
    /// How the counts are printed at the end
    #[arg(long, value_enum, default_value_t = CountFormat::Human)]
    pub(crate) format: CountFormat,
}

fn duration(text: &str) -> Result<Nanos, String> {
    match parse_duration(text)? {
        length if length > 0 => Ok(length),
        _ => Err("nothing is recorded in no time; name a duration such as 90s".to_owned()),
    }
}

impl RecordArguments {
    /// What these flags change in the settings.
    pub(crate) fn overrides(&self) -> Overrides {
        let mut overrides = Overrides::default();
        overrides.set("run.source", "--source", self.source.as_deref());
        let out = self.out.as_ref().map(|folder| folder.to_string_lossy().into_owned());
        overrides.set("recording.folder", "--out", out);
        self.exchange.add_to(&mut overrides);
        overrides
    }
}
