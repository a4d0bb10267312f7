//! A recording as a source: the same ticks and events as the live run had, at any speed.

use std::path::Path;
use std::sync::Arc;

use silverbullet_market::{
    Clock, EventKind, Input, Nanos, Sink, Source, SourceDescription, SourceError, StopFlag,
};

use super::line::{self, Line};
use super::lines::Lines;
use super::scan::{PROGRESS_LINES, Scan, Scanned, scan};
use super::teller::{Reasons, Teller};
use crate::csv::{Phase, Progress};
use crate::error::Result;
use crate::pacing::{Pacer, Sleeper, ThreadSleeper};
use crate::speed::Speed;

/// How a recording is to be played.
#[derive(Debug, Clone, Default)]
pub struct RecordingOptions {
    /// How fast; 1 is the pace at which it was received.
    pub speed: Speed,
    /// Told how far the reading is.
    pub progress: Option<Progress>,
}

/// What [`Recorder`](super::Recorder) has written, as a source. Ticks have the offsets they had.
pub struct RecordingSource {
    options: RecordingOptions,
    clock: Arc<dyn Clock>,
    sleeper: Arc<dyn Sleeper>,
    scan: Scan,
    description: SourceDescription,
}

impl RecordingSource {
    /// Reads the file at `path`, or all recordings in the folder there, from beginning to end. `clock` stamps receipt
    /// times and paces the run.
    ///
    /// # Errors
    /// No recording, one of another version, or several that do not go together.
    pub fn open(path: impl AsRef<Path>, options: RecordingOptions, clock: Arc<dyn Clock>) -> Result<Self> {
        let scan = scan(path.as_ref(), options.progress.as_ref())?;
        // What is wrong with its assets is told before it runs.
        Teller::new(&scan.heading)?;
        let description = SourceDescription {
            name: "recording".to_owned(),
            identity: format!("recording:{}", scan.digest),
            venues: vec![scan.heading.venue.clone()],
            assets: scan.heading.assets.clone(),
            grid: None,
            replayable: true,
            seekable: false,
            rows: Some(scan.files.iter().map(|file| file.frames).sum()),
        };
        Ok(Self { options, clock, sleeper: Arc::new(ThreadSleeper), scan, description })
    }

    /// Waits by `sleeper` instead of putting the thread to sleep.
    #[must_use]
    pub fn with_sleeper(mut self, sleeper: Arc<dyn Sleeper>) -> Self {
        self.sleeper = sleeper;
        self
    }

    /// The exchange that was recorded.
    #[must_use]
    pub fn venue(&self) -> &str {
        &self.scan.heading.venue
    }

    fn deliver(&self, sink: &mut dyn Sink, stop: &StopFlag) -> Result<()> {
        let (clock, sleeper) = (Arc::clone(&self.clock), Arc::clone(&self.sleeper));
        let mut delivery = Delivery {
            teller: Teller::new(&self.scan.heading)?,
            pacer: Pacer::new(self.options.speed, None, clock, sleeper),
            reasons: Reasons::default(),
            sink,
            stop,
            newest: None,
            // What is missing is told with the first line after it, which says until when.
            missing: None,
        };
        let mut before: Option<&Scanned> = None;
        for file in &self.scan.files {
            delivery.begin(before, file, self.scan.is_folder)?;
            if !self.file(file, &mut delivery)? {
                break;
            }
            before = Some(file);
        }
        Ok(())
    }

    /// Plays a file; false when the run is to stop.
    fn file(&self, file: &Scanned, delivery: &mut Delivery<'_>) -> Result<bool> {
        let mut lines = Lines::open_again(&file.path, file.stamp)?;
        let mut is_heading = true;
        loop {
            let number = lines.count + 1;
            let Some(line) = lines.next()? else { break };
            if !std::mem::take(&mut is_heading) && !delivery.line(line, file, number) {
                return Ok(false);
            }
            if number.is_multiple_of(PROGRESS_LINES) {
                lines.report(self.options.progress.as_ref(), Phase::Run);
            }
        }
        lines.report(self.options.progress.as_ref(), Phase::Run);
        if lines.is_torn {
            let detail = format!("{} ends in the middle of line {}", file.name(), lines.count + 1);
            delivery.note(EventKind::Connection, "recording cut short", &detail);
        }
        Ok(true)
    }
}

impl Source for RecordingSource {
    fn description(&self) -> &SourceDescription {
        &self.description
    }

    fn run(&mut self, sink: &mut dyn Sink, stop: &StopFlag) -> std::result::Result<(), SourceError> {
        self.deliver(sink, stop).map_err(|error| SourceError {
            context: "playing a recording".to_owned(),
            source: Box::new(error),
        })
    }
}

/// The state of one run.
struct Delivery<'a> {
    teller: Teller,
    pacer: Pacer,
    reasons: Reasons,
    sink: &'a mut dyn Sink,
    stop: &'a StopFlag,
    /// The receipt of the line before.
    newest: Option<Nanos>,
    /// Since when something is missing, and why.
    missing: Option<(Nanos, String)>,
}

impl Delivery<'_> {
    /// Another file begins.
    fn begin(&mut self, before: Option<&Scanned>, file: &Scanned, is_folder: bool) -> Result<()> {
        let start = before.map(|before| before.heading.start);
        let goes_on = start == Some(file.heading.start);
        if !goes_on {
            self.teller = Teller::new(&file.heading)?;
        }
        let expected = before.filter(|_| goes_on).map_or(1, |before| before.heading.file + 1);
        let why = match () {
            () if is_folder && file.heading.file != expected => {
                format!("file {expected} of this start is not in the folder")
            }
            () if goes_on || before.is_none() => return Ok(()),
            () => "nothing was recorded".to_owned(),
        };
        let from = self.newest.filter(|_| before.is_some()).unwrap_or(file.heading.start);
        self.missing = Some((from, why));
        Ok(())
    }

    /// Tells a line; false when the run is to stop.
    fn line(&mut self, line: &[u8], file: &Scanned, number: u64) -> bool {
        let parsed = std::str::from_utf8(line).ok().and_then(line::parse);
        let Some((utc, said)) = parsed else {
            let detail = format!("{}, line {number}", file.name());
            self.note(EventKind::Quarantined, "line not understood", &detail);
            return !self.stop.is_raised();
        };
        if self.sink.hurries() {
            self.pacer.start_at(utc);
        }
        let Some(now) = self.pacer.wait(utc, self.stop) else { return false };
        if let Some((from, why)) = self.missing.take() {
            self.sink.push(self.teller.gap(from, utc, &why));
        }
        self.newest = Some(utc);
        if matches!(&said, Line::Step(_, step) if step.is_frame()) || matches!(said, Line::Quoted(..)) {
            self.sink.frame();
        }
        let Self { teller, reasons, sink, .. } = self;
        teller.tell(utc, said, reasons, &mut |mut input| {
            if let Input::Tick(tick) = &mut input {
                // Latencies are of this run.
                tick.receipt_time = now;
            }
            sink.push(input);
        });
        true
    }

    fn note(&mut self, kind: EventKind, reason: &'static str, detail: &str) {
        let note = self.teller.note(kind, reason, detail);
        self.sink.push(note);
    }
}

impl Scanned {
    fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}
