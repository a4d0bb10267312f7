//! The binary `silverbullet`: prices in, efficient portfolios out.
//!
//! Results go to standard output, everything else a person reads to standard error. Exit codes: 0 fine,
//! 1 failed, 2 wrong usage, 130 stopped by Ctrl-C after a clean end.

mod args;
mod config;
mod counts;
mod doctor;
mod failure;
mod format;
mod log;
mod optimize;
mod output;
mod produce;
mod record;
mod replay;
mod run;
mod settings;
mod source;
mod sql;
mod status_line;
mod store;
mod stored;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::Parser;
use silverbullet_market::{Clock, Nanos, SystemClock};

use crate::args::{Arguments, Command};
use crate::log::Log;
use crate::settings::{Loaded, Overrides};

/// For the C libraries too: librdkafka's threads give back what others took, for each message of a backlog.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What every command is given: time, its start, and where the log goes.
pub(crate) struct Session {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) started: Nanos,
    pub(crate) log: Log,
}

fn main() -> ExitCode {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let started = clock.monotonic();
    // Fail points of the store, in a build for tests; nothing otherwise.
    let _failpoints = silverbullet_store::failpoints::from_environment();
    let arguments = Arguments::parse();
    let session = Session { clock, started, log: Log::default() };
    match dispatch(&arguments, &session) {
        Ok(code) => code,
        Err(error) => failure::report(&error),
    }
}

fn dispatch(arguments: &Arguments, session: &Session) -> anyhow::Result<ExitCode> {
    let load = |overrides: Overrides| -> anyhow::Result<Loaded> {
        let file = arguments.config.as_deref();
        let default = Path::new("silverbullet.toml");
        let loaded = settings::load(file, default, std::env::vars_os(), overrides)?;
        session.log.start(arguments.log.as_deref().unwrap_or(&loaded.settings.log))?;
        Ok(loaded)
    };
    match &arguments.command {
        Command::Run(arguments) => run::run(arguments, &load(arguments.overrides())?, session),
        Command::Optimize(arguments) => optimize::optimize(arguments, &load(arguments.overrides())?, session),
        Command::Record(arguments) => {
            record::record(arguments, &load(arguments.overrides())?.settings, session)
        }
        Command::Produce(arguments) => {
            produce::produce(arguments, &load(arguments.overrides())?.settings, session)
        }
        Command::Replay(arguments) => replay::run(arguments, &load(arguments.overrides())?, session),
        Command::Sql(arguments) => sql::run(arguments, &load(arguments.overrides())?),
        Command::Store(arguments) => store::run(arguments, &load(arguments.overrides())?.settings),
        Command::Config(arguments) => config::print(arguments, &load(Overrides::default())?),
        Command::Doctor => doctor::run(load(Overrides::default()), session),
        Command::Completions { shell } => {
            output::bytes(&args::completions(*shell)).context("standard output")?;
            Ok(ExitCode::SUCCESS)
        }
    }
}
