//! The command `record`: all that an exchange says, into files.

mod arguments;
mod progress;

use std::process::ExitCode;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use anyhow::{Context, bail};
use silverbullet_feeds::ExchangeSource;
use silverbullet_feeds::recording::{Recorded, RecordingState};
use silverbullet_market::{Input, Nanos, SECOND, Sink, Source, SourceError, SourceWatch, StopFlag};

use crate::failure::{INTERRUPTED, usage};
use crate::run::interrupt::Interrupt;
use crate::settings::Settings;
use crate::{Session, counts, output, source};
pub(crate) use arguments::RecordArguments;
use progress::Progress;

/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Records until the time is over, or until the user stops it.
pub(crate) fn record(
    arguments: &RecordArguments,
    settings: &Settings,
    session: &Session,
) -> anyhow::Result<ExitCode> {
    let interrupt = Interrupt::install()?;
    if !settings.recording.is_wanted() {
        return Err(usage("record: name the folder that the files go to, as in --out recorded"));
    }
    let (source, state) = source::open_recorded(settings, session)?;
    let description = source.description();
    let (venue, assets) = (description.name.clone(), description.assets.join(", "));
    output::note(&format!("recording {assets} at {venue} in {}", settings.recording.folder.display()));
    let watch = source.watch().unwrap_or_default();
    let stop = interrupt.stop();
    let started = session.clock.monotonic();
    let ended = spawn(source, stop.clone())?;
    let until = arguments.length.map_or(Nanos::MAX, |length| started.saturating_add(length));
    let watching = Watching { state: &state, watch: &watch, session, stop: &stop };
    let outcome = watching.until(until, &ended);
    let seconds = (session.clock.monotonic() - started) as f64 / SECOND as f64;
    let recorded = state.recorded();
    print(&recorded, seconds, arguments)?;
    outcome?;
    if let Some(failure) = recorded.failure {
        bail!("{failure}; what was recorded before is there: make room, or name another folder with --out");
    }
    Ok(if interrupt.happened() { ExitCode::from(INTERRUPTED) } else { ExitCode::SUCCESS })
}

fn print(recorded: &Recorded, seconds: f64, arguments: &RecordArguments) -> anyhow::Result<()> {
    let named = [
        ("frames", recorded.frames),
        ("bytes", recorded.bytes),
        ("plain_bytes", recorded.plain),
        ("files", recorded.files),
        ("left_out", recorded.left_out),
    ];
    let sentence = format!("{}, {seconds:.1} s", progress::sentence(recorded));
    counts::print(&named, seconds, &sentence, arguments.format)
}

/// The thread of the source, which ends when all is written.
fn spawn(mut source: ExchangeSource, stop: StopFlag) -> anyhow::Result<Receiver<Result<(), SourceError>>> {
    let (report, ended) = sync_channel(1);
    std::thread::Builder::new()
        .name("source".to_owned())
        .spawn(move || drop(report.send(source.run(&mut Nobody, &stop))))
        .context("the thread that records cannot be started")?;
    Ok(ended)
}

/// Takes prices that only their recording is wanted of.
struct Nobody;

impl Sink for Nobody {
    fn push(&mut self, _: Input) {}

    fn frame(&mut self) {}
}

/// Looks on while it records.
struct Watching<'a> {
    state: &'a RecordingState,
    watch: &'a SourceWatch,
    session: &'a Session,
    stop: &'a StopFlag,
}

impl Watching<'_> {
    /// Stops the source at this time, or as soon as nothing is written any more, and waits for its end.
    fn until(&self, time: Nanos, ended: &Receiver<Result<(), SourceError>>) -> anyhow::Result<()> {
        let mut progress = Progress::new();
        loop {
            let outcome = ended.recv_timeout(LOOK);
            let (now, recorded) = (self.session.clock.monotonic(), self.state.recorded());
            if now >= time || recorded.failure.is_some() {
                self.stop.raise();
            }
            match outcome {
                Err(RecvTimeoutError::Timeout) => progress.show(now, &recorded, &self.watch.state()),
                Err(RecvTimeoutError::Disconnected) => bail!("recording ended without a result"),
                Ok(outcome) => {
                    progress.clear();
                    return Ok(outcome?);
                }
            }
        }
    }
}
