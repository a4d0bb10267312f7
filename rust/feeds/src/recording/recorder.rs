//! The tap that records.
//!
//! ```text
//! thread of the sockets ──lines──► buffer ──once a second, or when it is full──► thread that compresses and writes
//! ```
//! The sockets never wait for the disk. While it is so slow that the buffer has no room, lines are left out and counted, the
//! recording says where, and so does an event. Where writing fails the recording ends, and the source goes on.

use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use silverbullet_market::Clock;

use super::files::Files;
use super::line;
use super::settings::{RecordingSettings, Rotation};
use crate::error::{FeedError, Result};
use crate::exchange::{Beginning, Receipt, Tap, Told};

/// A program that is killed loses no more than this.
const EVERY: Duration = Duration::from_secs(1);
/// So many bytes are written before that.
const MANY: usize = 256 << 10;
/// More than this does not wait for the disk.
const MOST: usize = 64 << 20;

/// Records what a source is told. Give it to [`with_tap`](crate::ExchangeSource::with_tap); when the source has ended,
/// all of it is written.
pub struct Recorder {
    shared: Arc<Shared>,
    folder: PathBuf,
    rotation: Rotation,
    clock: Arc<dyn Clock>,
    writer: Option<JoinHandle<()>>,
}

/// How a recording goes, for whoever wants to watch.
#[derive(Debug, Clone)]
pub struct RecordingState(Arc<Shared>);

/// What has been recorded.
#[derive(Debug, Clone, Default)]
pub struct Recorded {
    /// Frames that the exchange has sent, of which all but those of the last second are written.
    pub frames: u64,
    /// Bytes in files.
    pub bytes: u64,
    /// Bytes before they were compressed.
    pub plain: u64,
    /// Files.
    pub files: u64,
    /// Lines that are missing, for the disk was too slow.
    pub left_out: u64,
    /// Why nothing more is recorded.
    pub failure: Option<String>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// There is much to write, or nothing more comes.
    bell: Condvar,
}

#[derive(Debug, Default)]
struct State {
    pending: Vec<u8>,
    /// Lines left out since the last one that was not.
    missing: u64,
    ended: bool,
    recorded: Recorded,
    /// What people have to know and have not been told.
    trouble: Option<String>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RecordingState {
    /// What has been recorded by now.
    #[must_use]
    pub fn recorded(&self) -> Recorded {
        self.0.state().recorded.clone()
    }
}

impl Recorder {
    /// Records into the folder of these settings, which is made where it is not there. `clock` tells when a file is to be
    /// changed.
    ///
    /// # Errors
    /// Wrong settings, and a folder that cannot be written to.
    pub fn new(settings: &RecordingSettings, clock: Arc<dyn Clock>) -> Result<Self> {
        let rotation = settings.rotation()?;
        let folder = settings.folder.clone();
        let probe = folder.join(format!(".silverbullet-{}", std::process::id()));
        let tried = std::fs::create_dir_all(&folder)
            .and_then(|()| std::fs::write(&probe, b""))
            .and_then(|()| std::fs::remove_file(&probe));
        tried.map_err(|source| FeedError::Folder { path: folder.clone(), source })?;
        Ok(Self { shared: Arc::default(), folder, rotation, clock, writer: None })
    }

    /// Where it tells how it goes.
    #[must_use]
    pub fn state(&self) -> RecordingState {
        RecordingState(Arc::clone(&self.shared))
    }
}

impl Tap for Recorder {
    fn begins(&mut self, beginning: &Beginning) {
        let shared = Arc::clone(&self.shared);
        let clock = Arc::clone(&self.clock);
        let files = Files::new(&self.folder, beginning, self.rotation.clone());
        let write = move || {
            let outcome = files.and_then(|mut files| shared.write(&mut files, &*clock));
            if let Err(error) = outcome {
                shared.fail(&error.to_string());
            }
        };
        match std::thread::Builder::new().name("recorder".to_owned()).spawn(write) {
            Ok(writer) => self.writer = Some(writer),
            Err(error) => self.shared.fail(&error.to_string()),
        }
    }

    fn told(&mut self, receipt: Receipt, told: &Told<'_>) {
        let mut state = self.shared.state();
        let State { pending, missing, recorded, .. } = &mut *state;
        if recorded.failure.is_some() {
            return;
        }
        if pending.len() >= MOST {
            *missing += 1;
            recorded.left_out += 1;
            return;
        }
        if *missing > 0 {
            line::write_left_out(pending, receipt.utc, std::mem::take(missing));
        }
        line::write(pending, receipt.utc, told);
        if matches!(told, Told::Of(_, step) if step.is_frame()) {
            recorded.frames += 1;
        }
        let is_much = pending.len() >= MANY;
        if pending.len() >= MOST {
            let detail =
                "the disk is too slow for the recording: lines are left out, and the recording says where";
            state.trouble = Some(detail.to_owned());
        }
        drop(state);
        if is_much {
            self.shared.bell.notify_one();
        }
    }

    fn trouble(&mut self) -> Option<String> {
        self.shared.state().trouble.take()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.shared.state().ended = true;
        self.shared.bell.notify_one();
        if let Some(writer) = self.writer.take() {
            // It tells of its failure itself.
            let _ = writer.join();
        }
    }
}

impl Shared {
    /// Writes what comes until nothing more does.
    fn write(&self, files: &mut Files, clock: &dyn Clock) -> std::io::Result<()> {
        let mut lines = Vec::new();
        loop {
            let state = self.state();
            let idle = |state: &mut State| !state.ended && state.pending.len() < MANY;
            let waited = self.bell.wait_timeout_while(state, EVERY, idle);
            let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
            lines.clear();
            std::mem::swap(&mut lines, &mut state.pending);
            let ended = state.ended;
            drop(state);
            if !lines.is_empty() {
                let bytes = files.write(&lines, clock.monotonic())?;
                let recorded = &mut self.state().recorded;
                recorded.bytes += bytes;
                recorded.plain += lines.len() as u64;
                recorded.files = files.count();
            }
            if ended {
                return files.finish();
            }
        }
    }

    fn fail(&self, error: &str) {
        let mut state = self.state();
        state.pending = Vec::new();
        state.trouble = Some(format!("{error}; nothing more is recorded"));
        state.recorded.failure = Some(error.to_owned());
    }
}
