//! What may stand on the command line.

use std::path::{Path, PathBuf};

use clap::{ArgAction, Args, CommandFactory, Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;
use silverbullet_kernel::Objective;

use crate::produce::ProduceArguments;
use crate::record::RecordArguments;
use crate::settings::Overrides;
use crate::store::arguments::StoreArguments;

const EXAMPLES: &str = "\
Examples:
  silverbullet run                                     watch portfolios move with simulated prices
  silverbullet run --source csv:prices.csv --speed 60  replay a file, an hour a minute
  silverbullet optimize prices.csv --plot frontier.svg efficient portfolios of a whole file
  silverbullet record --source binance --out recorded  all that an exchange says, to be played again
  silverbullet produce --csv prices.csv                send a file to a Kafka topic
  silverbullet sql \"select * from portfolios limit 5\"  ask for what runs have stored
  silverbullet replay                                  the newest run made again, and every row compared
  silverbullet config                                  the settings in force and where each came from
  silverbullet doctor                                  what may be wrong with this machine

Settings come from the built-in defaults, then --config FILE (or ./silverbullet.toml), then variables such as
SILVERBULLET_UNIVERSES__DEFAULT__WINDOW=300, then the command line.
Exit codes: 0 fine, 1 failed, 2 wrong usage, 130 stopped by Ctrl-C or SIGTERM after a clean end.";

const RUN_EXAMPLES: &str = "\
Examples:
  silverbullet run
  silverbullet run --source csv:prices.csv --speed max --output rows.jsonl --format json
  silverbullet run --bar 5s --window 300 --estimator exponential
  silverbullet run --http 127.0.0.1:0 --limit 100000
  silverbullet run --source kafka --brokers 127.0.0.1:9092 --topic price
  silverbullet run --source binance --assets BTC,ETH,SOL --window 60
  silverbullet run --source binance --record recorded
  silverbullet run --source recording:recorded --speed max
  SILVERBULLET_EXCHANGE__QUOTE=USDT silverbullet run --source binance,kraken,okx --assets BTC,ETH

A file needs a header with timestamp, asset and price, and optionally bid, ask, size and sequence; it may be
compressed with gzip or zstd. Of several exchanges, rule in the settings' [exchange] says whose prices count:
freshest, best or venues. On a terminal there is a live view: q quits, ? lists its keys. Ctrl-C ends the run
cleanly with exit code 130, and so does SIGTERM; a second one ends it at once.";

const REPLAY_EXAMPLES: &str = "\
Examples:
  silverbullet replay                                  the newest run
  silverbullet replay 20261112T101500123Z-4711 --format json
  silverbullet replay --universe default --brokers kafka-2:9092

The settings are those stored with the run, the input is read again from its file, its topic or the simulator, and
commands and what timing decided are repeated. portfolios, frontiers, assets and bars are compared in every column
but run_id, bit by bit, up to the last bar stored. Exit code 0 where all rows are the same, 1 where they are not.";

const SQL_EXAMPLES: &str = "\
Examples:
  silverbullet sql                                     a prompt with history and completion; \\? helps
  silverbullet sql \"select objective, method, count(*), avg(gap) from portfolios group by 1, 2\"
  silverbullet sql \"select * from portfolios order by bar desc limit 4\" --format json
  silverbullet sql - --format csv < query.sql > rows.csv

Tables: portfolios, weights, frontiers, assets, bars, events, latency, runs, backtests, each of the newest
variant of a universe unless the query names a variant; history.portfolios and so on have all of them.
Nothing can be changed by a query, and it is stopped at the limits of [sql] in the settings.";

const OPTIMIZE_EXAMPLES: &str = "\
Examples:
  silverbullet optimize prices.csv
  silverbullet optimize prices.csv --objective max-sharpe --estimator ledoit-wolf --format json
  silverbullet optimize prices.csv --bar 5m --window 500 --plot frontier.svg
  silverbullet optimize prices.csv --objective target-risk --target-risk 0.001 --objective risk-parity
  silverbullet optimize prices.csv --group layer1=BTC,ETH:0.2..0.6 --max-assets 5 --min-position 0.05
  silverbullet optimize prices.csv --hold BTC=0.6,ETH=0.4 --turnover 0.3 --fee 0.001 --holding-bars 1440";

/// A live portfolio optimiser: prices in, efficient portfolios out.
#[derive(Debug, Parser)]
#[command(name = "silverbullet", version, after_help = EXAMPLES, max_term_width = 110)]
pub(crate) struct Arguments {
    /// Settings file; without it ./silverbullet.toml is read where there is one
    #[arg(long, global = true, value_name = "FILE", env = "SILVERBULLET_CONFIG", value_hint = ValueHint::FilePath)]
    pub(crate) config: Option<PathBuf>,
    /// What is logged on standard error: error, warn, info, debug or trace
    #[arg(long, global = true, value_name = "LEVEL")]
    pub(crate) log: Option<String>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Take prices from a source and answer every tick with efficient portfolios
    Run(RunArguments),
    /// Compute the efficient portfolios of a price file
    Optimize(OptimizeArguments),
    /// Record all that an exchange says, to be played again
    Record(RecordArguments),
    /// Send the prices of a file or another source to a Kafka topic
    Produce(ProduceArguments),
    /// Make a stored run again from its input and compare every row
    Replay(ReplayArguments),
    /// Ask for stored results in SQL
    Sql(SqlArguments),
    /// Make tables in Cassandra, and see what is stored where
    Store(StoreArguments),
    /// Print the settings in force and where each came from
    Config(ConfigArguments),
    /// Check this machine and these settings
    Doctor,
    /// Print a completion script for a shell
    Completions {
        /// Which shell
        shell: Shell,
    },
}

/// How `run` prints its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RunFormat {
    /// A live view on a terminal, plain lines otherwise
    Human,
    /// One summary object at the end
    Json,
    /// One summary row at the end, under a header
    Csv,
    /// A summary table at the end
    Table,
}

/// How a result is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ResultFormat {
    /// Aligned columns
    Table,
    /// JSON
    Json,
    /// Comma-separated values under a header
    Csv,
}

/// How the settings are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ConfigFormat {
    /// Aligned columns
    Table,
    /// One array of {setting, value, source}
    Json,
    /// Comma-separated values under a header
    Csv,
    /// A settings file with these values
    Toml,
}

#[derive(Debug, Args)]
#[command(after_help = RUN_EXAMPLES)]
pub(crate) struct RunArguments {
    /// Where prices come from: simulator, csv:PATH, recording:PATH, kafka, flight (clients put them over gRPC), or
    /// an exchange (binance, binance-us, coinbase, coinbase-advanced, kraken, okx, bybit), or several of them, separated
    /// by commas
    #[arg(long)]
    pub(crate) source: Option<String>,
    #[command(flatten)]
    pub(crate) exchange: ExchangeArguments,
    /// With an exchange: record all it says in this folder, to be played with --source recording:FOLDER
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    pub(crate) record: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) kafka: KafkaArguments,
    /// With kafka: end when everything up to the end that the topic has now is stored
    #[arg(long, action = ArgAction::SetTrue)]
    pub(crate) stop_at_end: bool,
    /// Pace of a file or the simulator: 1 is real time, 60 an hour a minute, max as fast as it goes
    #[arg(long)]
    pub(crate) speed: Option<String>,
    /// Only this universe; may be repeated [default: all that are configured]
    #[arg(long = "universe", value_name = "NAME")]
    pub(crate) universes: Vec<String>,
    #[command(flatten)]
    pub(crate) moments: MomentArguments,
    /// Seed of everything random
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Threads that recompute stored rows; 0 is one less than there are cores
    #[arg(long, value_name = "N")]
    pub(crate) workers: Option<usize>,
    /// Stop after this many ticks
    #[arg(long, value_name = "TICKS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) limit: Option<u64>,
    /// Write the rows of every final bar to this file, one JSON object a line
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,
    /// Folder that results are kept in [default: silverbullet-data]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, conflicts_with = "no_store")]
    pub(crate) data: Option<PathBuf>,
    /// Keep no results
    #[arg(long, action = ArgAction::SetTrue)]
    pub(crate) no_store: bool,
    /// Begin with the first row of the input, not where an interrupted run of the same settings ended
    #[arg(long, action = ArgAction::SetTrue)]
    pub(crate) fresh: bool,
    /// Address of the HTTP server; port 0 picks a free port and says which
    #[arg(long, value_name = "ADDR", conflicts_with = "no_http")]
    pub(crate) http: Option<String>,
    /// No HTTP server, and no gRPC unless --grpc is given
    #[arg(long, action = ArgAction::SetTrue)]
    pub(crate) no_http: bool,
    /// Address of gRPC: Arrow Flight and Flight SQL [default: 127.0.0.1:50051 where it is free]
    #[arg(long, value_name = "ADDR")]
    pub(crate) grpc: Option<String>,
    /// Kafka topic that the portfolios are sent to as they change, keyed by universe
    #[arg(long, value_name = "NAME")]
    pub(crate) portfolio_topic: Option<String>,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t = RunFormat::Human)]
    pub(crate) format: RunFormat,
}

/// What is wanted of an exchange.
#[derive(Debug, Args)]
pub(crate) struct ExchangeArguments {
    /// Names of the assets, such as BTC,ETH,SOL [default: those of the universes; of an exchange the ten largest]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(crate) assets: Vec<String>,
    /// With one exchange: where to connect instead of its own address
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    pub(crate) url: Option<String>,
}

impl ExchangeArguments {
    pub(crate) fn add_to(&self, overrides: &mut Overrides) {
        let assets = (!self.assets.is_empty()).then(|| self.assets.clone());
        overrides.universe("assets", "--assets", assets);
        overrides.set("exchange.url", "--url", self.url.as_deref());
    }
}

/// Where a Kafka cluster is, and the topic of prices on it.
#[derive(Debug, Args)]
pub(crate) struct KafkaArguments {
    /// With kafka: where to connect first; several are separated by commas [default: 127.0.0.1:9092]
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) brokers: Option<String>,
    /// With kafka: the topic of prices [default: price]
    #[arg(long, value_name = "NAME")]
    pub(crate) topic: Option<String>,
}

impl KafkaArguments {
    fn add_to(&self, overrides: &mut Overrides) {
        overrides.set("kafka.brokers", "--brokers", self.brokers.as_deref());
        overrides.set("kafka.topic", "--topic", self.topic.as_deref());
    }
}

/// What `run` and `optimize` both take over the configuration.
#[derive(Debug, Args)]
pub(crate) struct MomentArguments {
    /// Bar interval such as 250ms, 1s or 5m; auto takes a file's own grid
    #[arg(long, value_name = "INTERVAL")]
    pub(crate) bar: Option<String>,
    /// Bars in the window [default for optimize: the whole file]
    #[arg(long, value_name = "BARS")]
    pub(crate) window: Option<usize>,
    /// sample, ledoit-wolf or exponential
    #[arg(long)]
    pub(crate) estimator: Option<String>,
    /// Risk-free rate per bar
    #[arg(long, value_name = "RATE", allow_negative_numbers = true)]
    pub(crate) risk_free: Option<f64>,
    /// Portfolios sampled for each Monte Carlo result
    #[arg(long, value_name = "N")]
    pub(crate) samples: Option<u64>,
}

/// Parameters of the objectives that have one.
#[derive(Debug, Args)]
#[command(next_help_heading = "Objectives")]
pub(crate) struct GoalArguments {
    /// Risk aversion of utility: mean − X/2 · variance, per bar
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    pub(crate) risk_aversion: Option<f64>,
    /// Largest risk of target-risk, per bar
    #[arg(long, value_name = "RISK", allow_negative_numbers = true)]
    pub(crate) target_risk: Option<f64>,
    /// Least mean of target-return, per bar
    #[arg(long, value_name = "MEAN", allow_negative_numbers = true)]
    pub(crate) target_return: Option<f64>,
    /// Level of min-cvar: the mean of the worst 1 − LEVEL of the window's bars counts [default: 0.95]
    #[arg(long, value_name = "LEVEL", allow_negative_numbers = true)]
    pub(crate) cvar_level: Option<f64>,
}

/// Constraints on several assets at once, beside the bounds of each.
#[derive(Debug, Args)]
#[command(next_help_heading = "Constraints")]
pub(crate) struct ConstraintArguments {
    /// Largest sum of absolute weights; takes effect with lower bounds below zero
    #[arg(long, value_name = "SUM", allow_negative_numbers = true)]
    pub(crate) gross: Option<f64>,
    /// Least and most weight of some assets together, such as layer1=BTC,ETH:0.2..0.6; may be repeated
    #[arg(long = "group", value_name = "NAME=ASSETS:LEAST..MOST", value_parser = group)]
    pub(crate) groups: Vec<GroupArgument>,
    /// Most assets that are held
    #[arg(long, value_name = "N")]
    pub(crate) max_assets: Option<usize>,
    /// Least weight, long or short, of an asset that is held
    #[arg(long, value_name = "WEIGHT", allow_negative_numbers = true)]
    pub(crate) min_position: Option<f64>,
    /// What is held now, such as BTC=0.6,ETH=0.4; may be repeated
    #[arg(long = "hold", value_name = "ASSET=WEIGHT", value_parser = holding, value_delimiter = ',')]
    pub(crate) holdings: Vec<(String, f64)>,
    /// Largest sum of purchases and sales from what is held
    #[arg(long, value_name = "SUM", allow_negative_numbers = true)]
    pub(crate) turnover: Option<f64>,
    /// Fee per unit traded from what is held, such as 0.001; means are after it
    #[arg(long, value_name = "RATE", allow_negative_numbers = true)]
    pub(crate) fee: Option<f64>,
    /// Bars over which fees are spread: how long the portfolio will be held
    #[arg(long, value_name = "BARS", default_value_t = 1.0, allow_negative_numbers = true)]
    pub(crate) holding_bars: f64,
}

/// Some assets whose weights are bounded together.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct GroupArgument {
    pub(crate) name: String,
    pub(crate) assets: Vec<String>,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

fn group(text: &str) -> Result<GroupArgument, String> {
    let parts = text.split_once('=').and_then(|(name, rest)| {
        let (assets, limits) = rest.rsplit_once(':')?;
        let (least, most) = limits.split_once("..")?;
        Some((name, assets, least.parse().ok()?, most.parse().ok()?))
    });
    let (name, assets, least, most) =
        parts.ok_or("expected NAME=ASSETS:LEAST..MOST, such as layer1=BTC,ETH:0.2..0.6")?;
    let assets = assets.split(',').map(|asset| asset.trim().to_owned()).collect();
    Ok(GroupArgument { name: name.to_owned(), assets, least, most })
}

fn holding(text: &str) -> Result<(String, f64), String> {
    let parts = text.split_once('=').and_then(|(asset, weight)| Some((asset, weight.parse().ok()?)));
    let (asset, weight) = parts.ok_or("expected ASSET=WEIGHT, such as BTC=0.6")?;
    Ok((asset.trim().to_owned(), weight))
}

#[derive(Debug, Args)]
#[command(after_help = OPTIMIZE_EXAMPLES)]
pub(crate) struct OptimizeArguments {
    /// Price file with timestamp, asset and price; plain, gzip or zstd
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,
    /// What to optimise for: max-sharpe, min-variance, utility, target-risk, target-return, min-cvar, min-drawdown,
    /// max-diversification or risk-parity; may be repeated [default: all that are configured]
    #[arg(long = "objective", value_name = "OBJECTIVE")]
    pub(crate) objectives: Vec<Objective>,
    #[command(flatten)]
    pub(crate) goals: GoalArguments,
    #[command(flatten)]
    pub(crate) constraints: ConstraintArguments,
    /// Whose assets and bounds to use, of the universes configured
    #[arg(long, value_name = "NAME")]
    pub(crate) universe: Option<String>,
    #[command(flatten)]
    pub(crate) moments: MomentArguments,
    /// Points of the frontier, equally spaced in mean
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(2..=10_000))]
    pub(crate) points: Option<u16>,
    /// Bars in a year, for the annualised figures [default: 365 days over the bar]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) bars_per_year: Option<f64>,
    /// Seed of everything random
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Draw cloud, frontier and portfolios into this SVG file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) plot: Option<PathBuf>,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t = ResultFormat::Table)]
    pub(crate) format: ResultFormat,
}

#[derive(Debug, Args)]
#[command(after_help = REPLAY_EXAMPLES)]
pub(crate) struct ReplayArguments {
    /// The run, as runs.run_id has it [default: the newest one]
    #[arg(value_name = "RUN")]
    pub(crate) run: Option<String>,
    /// Folder that its results were kept in [default: silverbullet-data]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) data: Option<PathBuf>,
    /// Only this universe of the run; without RUN, the newest run that had it
    #[arg(long, value_name = "NAME")]
    pub(crate) universe: Option<String>,
    /// Without RUN, the newest run of this variant
    #[arg(long, value_name = "VARIANT")]
    pub(crate) variant: Option<String>,
    /// Where its input is now, as in --source csv:PATH [default: where it was]
    #[arg(long)]
    pub(crate) source: Option<String>,
    #[command(flatten)]
    pub(crate) kafka: KafkaArguments,
    /// Keep what is made again in this folder
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) keep: Option<PathBuf>,
    /// How the comparison is printed
    #[arg(long, value_enum, default_value_t = ResultFormat::Table)]
    pub(crate) format: ResultFormat,
}

impl ReplayArguments {
    /// What these flags change in the settings.
    pub(crate) fn overrides(&self) -> Overrides {
        let mut overrides = Overrides::default();
        set_data(&mut overrides, self.data.as_deref());
        overrides
    }
}

#[derive(Debug, Args)]
#[command(after_help = SQL_EXAMPLES)]
pub(crate) struct SqlArguments {
    /// The query; - reads it from standard input. Without one there is a prompt
    pub(crate) query: Option<String>,
    /// Folder that results were kept in [default: silverbullet-data]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) data: Option<PathBuf>,
    /// Ask a run that goes on, at the address it has said: grpc://127.0.0.1:50051
    #[arg(long, value_name = "ADDR", conflicts_with = "data")]
    pub(crate) connect: Option<String>,
    /// Certificate in PEM that vouches for the run's, besides those of this machine
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "connect")]
    pub(crate) authority: Option<PathBuf>,
    /// How the rows are printed
    #[arg(long, value_enum, default_value_t = ResultFormat::Table)]
    pub(crate) format: ResultFormat,
}

#[derive(Debug, Args)]
pub(crate) struct ConfigArguments {
    /// How the settings are printed
    #[arg(long, value_enum, default_value_t = ConfigFormat::Table)]
    pub(crate) format: ConfigFormat,
}

impl MomentArguments {
    fn add_to(&self, overrides: &mut Overrides) {
        overrides.universe("bar", "--bar", self.bar.as_deref());
        overrides.universe("window", "--window", self.window);
        overrides.universe("risk_free", "--risk-free", self.risk_free);
    }
}

impl RunArguments {
    /// What these flags change in the settings.
    pub(crate) fn overrides(&self) -> Overrides {
        let mut overrides = Overrides::default();
        overrides.set("seed", "--seed", self.seed);
        overrides.set("run.source", "--source", self.source.as_deref());
        self.exchange.add_to(&mut overrides);
        let record = self.record.as_ref().map(|folder| folder.to_string_lossy().into_owned());
        overrides.set("recording.folder", "--record", record);
        overrides.set("kafka.stop_at_end", "--stop-at-end", self.stop_at_end.then_some(true));
        self.kafka.add_to(&mut overrides);
        overrides.set("run.speed", "--speed", self.speed.as_deref());
        overrides.set("run.workers", "--workers", self.workers);
        set_data(&mut overrides, self.data.as_deref());
        overrides.set("store.enabled", "--data", self.data.as_ref().map(|_| true));
        overrides.set("store.enabled", "--no-store", self.no_store.then_some(false));
        overrides.set("server.http", "--http", self.http.as_deref());
        overrides.set("server.enabled", "--http", self.http.as_ref().map(|_| true));
        overrides.set("server.enabled", "--no-http", self.no_http.then_some(false));
        overrides.set("server.grpc", "--grpc", self.grpc.as_deref());
        overrides.set("kafka.portfolio_topic", "--portfolio-topic", self.portfolio_topic.as_deref());
        overrides.universe("estimator", "--estimator", self.moments.estimator.as_deref());
        overrides.universe("samples", "--samples", self.moments.samples);
        self.moments.add_to(&mut overrides);
        overrides
    }
}

impl OptimizeArguments {
    /// What these flags change in the settings.
    pub(crate) fn overrides(&self) -> Overrides {
        let mut overrides = Overrides::default();
        overrides.set("seed", "--seed", self.seed);
        overrides.set("optimize.points", "--points", self.points);
        overrides.set("optimize.samples", "--samples", self.moments.samples);
        overrides.set("optimize.estimator", "--estimator", self.moments.estimator.as_deref());
        self.moments.add_to(&mut overrides);
        overrides
    }
}

impl SqlArguments {
    /// What these flags change in the settings.
    pub(crate) fn overrides(&self) -> Overrides {
        let mut overrides = Overrides::default();
        set_data(&mut overrides, self.data.as_deref());
        overrides
    }
}

/// Sets the data directory where it was given.
pub(crate) fn set_data(overrides: &mut Overrides, data: Option<&Path>) {
    overrides.set("store.directory", "--data", data.map(|path| path.to_string_lossy().into_owned()));
}

/// The completion script of a shell.
pub(crate) fn completions(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "silverbullet", &mut script);
    script
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
