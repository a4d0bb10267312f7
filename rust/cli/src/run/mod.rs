//! The command `run`: a source, an engine for each universe, a view, and the HTTP server.

pub(crate) mod decisions;
mod ending;
pub(crate) mod feeder;
pub(crate) mod grpc;
pub(crate) mod http;
pub(crate) mod interrupt;
mod keeper;
pub(crate) mod overheard;
mod plain;
mod portfolio_topic;
mod remarks;
mod rows;
mod snapshot;
pub(crate) mod start;
mod tui;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use anyhow::{Context, anyhow};
use silverbullet_engine::live::Summary;

use crate::Session;
use crate::args::{RunArguments, RunFormat};
use crate::failure::INTERRUPTED;
use crate::output;
use crate::settings::Loaded;
use ending::Finished;
use http::Server;
use interrupt::Interrupt;
use plain::Plain;
use start::Running;
use tui::{Asked, View};

/// How often the plain view looks whether a line is due.
const LOOK: Duration = Duration::from_millis(20);

/// Runs until the input ends, the limit is reached or the user stops it.
pub(crate) fn run(arguments: &RunArguments, loaded: &Loaded, session: &Session) -> anyhow::Result<ExitCode> {
    let interrupt = Interrupt::install()?;
    let (running, servers) = start::start(arguments, &loaded.settings, session, &interrupt)?;
    let outcome = if arguments.format == RunFormat::Human && output::on_terminal() {
        show(&running, servers.http.as_ref().map(Server::address), session, &interrupt)
    } else {
        print_lines(&running, arguments.format, session)
    };
    let served = servers.stop();
    let summary = outcome?;
    served?;
    for remark in running.live.iter().flat_map(|engine| remarks::remarks(engine, arguments.output.as_deref()))
    {
        output::note(&remark);
    }
    if let Some(report) = running.sent.as_ref().and_then(|report| report.get()) {
        output::note(report);
    }
    ending::print(&summary, arguments.format)?;
    Ok(if interrupt.happened() { ExitCode::from(INTERRUPTED) } else { ExitCode::SUCCESS })
}

/// The live view, until everything has ended.
fn show(
    running: &Running,
    http: Option<SocketAddr>,
    session: &Session,
    interrupt: &Interrupt,
) -> anyhow::Result<Summary> {
    let Running { live, finished, stop, .. } = running;
    let mut outcome = None;
    let view = View::new(live.clone(), http);
    let asked = |asked| match asked {
        Asked::Nothing => {}
        Asked::Quit => stop.raise(),
        Asked::Interrupt => interrupt.again(),
    };
    let ended = || {
        outcome = finished.try_recv().ok();
        outcome.is_some()
    };
    if let Err(error) = view.show(session, ended, asked) {
        stop.raise();
        let _ = wait(finished);
        return Err(error)
            .context("the terminal cannot be drawn on; use --format json or redirect the output");
    }
    outcome.unwrap_or_else(|| Err(anyhow!("the run ended without a result")))
}

/// Lines while it runs: the result itself for a person, else news on standard error.
fn print_lines(running: &Running, format: RunFormat, session: &Session) -> anyhow::Result<Summary> {
    let mut plain = Plain::new(running.live.clone(), session.started, session.clock.as_ref());
    loop {
        let outcome = running.finished.recv_timeout(LOOK);
        for line in plain.due(session.clock.monotonic()) {
            if format != RunFormat::Human {
                output::note(&line);
            } else if let Err(error) = output::line(&line) {
                running.stop.raise();
                let _ = wait(&running.finished);
                return Err(error).context("standard output");
            }
        }
        match outcome {
            Ok(outcome) => return outcome,
            Err(RecvTimeoutError::Disconnected) => return Err(anyhow!("the run ended without a result")),
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

fn wait(finished: &Receiver<Finished>) -> Finished {
    finished.recv().unwrap_or_else(|_| Err(anyhow!("the run ended without a result")))
}
