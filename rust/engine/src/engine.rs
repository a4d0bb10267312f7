//! Starting and ending an engine: its threads and what connects them.
//!
//! ```text
//! source ──Input──► ring ──► hot thread ──► Latest (readers)
//!                               │  ▲  └──► durable path
//!                     closes    ▼  │ populations
//!                            refresh thread
//! ```

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{JoinHandle, Thread};
use std::time::Duration;

use silverbullet_market::{Clock, Input, Sink, SourceDescription, StopFlag, Universe};

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::commands::CommandLog;
use crate::durable::jsonl::JsonLines;
use crate::durable::{Backlog, DurablePath, FanOutRows, RowSink};
use crate::error::{Error, Result};
use crate::failure::on_failure;
use crate::hot::answer::most_answers;
use crate::hot::closes;
use crate::hot::{Answering, HotLoop};
use crate::live::{LiveState, Phase, Summary};
use crate::refresh;
use crate::skip::Skip;
use crate::telemetry;
use crate::threads::{self, Bell, Patience};

/// Inputs between source and hot thread.
const RING: usize = 1 << 13;
/// Inputs whose places in the ring are given back together.
const PART: usize = 256;
/// Longest sleep of a source that waits for room.
const NAP: Duration = Duration::from_micros(500);

/// How an engine runs; nothing here changes what it computes.
pub struct EngineOptions {
    /// Workers of the durable path.
    pub workers: usize,
    /// Id that every stored row carries.
    pub run_id: String,
    /// Where rows are kept; without it none are formed.
    pub rows: Option<Box<dyn RowSink>>,
    /// Where an earlier run of the same variant stood. What was consumed then is passed over where the source brings
    /// it again, and neither answered, counted nor stored again.
    pub resume: Option<Checkpoint>,
    /// Which ticks are answered while the engine is behind. What is stored does not depend on it.
    pub answer: Answering,
    /// The core that the hot thread stays on; it goes where the system puts it otherwise. On Linux only.
    pub pin_core: Option<usize>,
    /// Whether the hot thread goes on looking for input while there is none, which takes a whole core, instead of
    /// sleeping until it is woken.
    pub busy_poll: bool,
    /// Commands of earlier runs, which are followed from their bars on, and where those of this one are kept.
    pub commands: CommandLog,
    /// Time of day and latency.
    pub clock: Arc<dyn Clock>,
    /// Raised by the engine when it fails, so that its source ends.
    pub stop: StopFlag,
}

impl EngineOptions {
    /// Options that keep no rows.
    #[must_use]
    pub fn new(run_id: &str, clock: Arc<dyn Clock>, stop: StopFlag) -> Self {
        Self {
            workers: 1,
            run_id: run_id.to_owned(),
            rows: None,
            resume: None,
            answer: Answering::default(),
            pin_core: None,
            busy_poll: false,
            commands: CommandLog::default(),
            clock,
            stop,
        }
    }

    /// Keeps rows as JSON lines in `output`, beside where they are kept already.
    #[must_use]
    pub fn with_json_lines(self, output: impl Write + Send + 'static) -> Self {
        self.with_rows(Box::new(JsonLines::new(output)))
    }

    /// Keeps rows in `sink`, beside where they are kept already.
    #[must_use]
    pub fn with_rows(mut self, sink: Box<dyn RowSink>) -> Self {
        self.rows = Some(match self.rows.take() {
            Some(first) => Box::new(FanOutRows(vec![first, sink])),
            None => sink,
        });
        self
    }
}

/// How an input ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It came to its end, which closes the last bar.
    Input,
    /// It was stopped; the last bar stays open.
    Stopped,
}

/// A running engine for one universe.
pub struct Engine {
    live: Arc<LiveState>,
    hot: JoinHandle<Result<Option<DurablePath>>>,
    refresh: JoinHandle<()>,
    /// Where the universe has objectives that are answered at a close only.
    closes: Option<JoinHandle<()>>,
    telemetry: JoinHandle<()>,
    /// Tells the two above to end.
    ended: Arc<AtomicBool>,
}

impl Engine {
    /// Starts the threads. What the source produces goes into the sink; drop or end the sink to end them.
    ///
    /// # Errors
    /// A checkpoint of another universe or variant; where the system gives no thread.
    pub fn start(
        universe: Universe,
        source: &SourceDescription,
        options: EngineOptions,
    ) -> Result<(Self, EngineSink)> {
        let EngineOptions {
            workers,
            run_id,
            rows,
            resume,
            answer,
            pin_core,
            busy_poll,
            commands,
            clock,
            stop,
        } = options;
        let answers = most_answers(&universe);
        let mut start = resume.unwrap_or_else(|| Checkpoint::new(&universe));
        start.check(&universe)?;
        let skip = Skip::what_is_behind(&start, source.seekable);
        let live = LiveState::new(universe, &source.name, &run_id, source.rows, answers);
        let live = Arc::new(live.with_venues(&source.venues));
        let known = start.commands.sequence;
        let later = commands.entries.iter().filter(|entry| entry.sequence > known);
        later.for_each(|entry| start.commands.add(entry.clone()));
        live.commands.open(&start.commands, start.bar, commands);
        let ended = Arc::new(AtomicBool::new(false));
        let (desk, refresher) = refresh::desk(&live.scenery, &ended);
        let (recorder, telemetry) = telemetry::channel();
        let (producer, consumer) = rtrb::RingBuffer::new(RING);
        let ending = Arc::new(AtomicU64::new(STOPPED));

        let mut hot_loop = HotLoop::new(Arc::clone(&live), Arc::clone(&clock), desk, recorder, &start)?;
        let durable =
            rows.map(|rows| DurablePath::start(&live, start, workers, rows, RING, &stop)).transpose()?;
        let backlog = durable.as_ref().map(DurablePath::backlog);
        hot_loop.store_in(durable);
        hot_loop.seek(source.seekable);
        hot_loop.answer(answer);
        let bell = Arc::new(Bell::new(busy_poll));
        let hot = {
            let (ending, bell) = (Arc::clone(&ending), Arc::clone(&bell));
            let run = move || {
                if let Some(core) = pin_core {
                    threads::stay_on(core);
                }
                run_hot(hot_loop, consumer, &bell, &ending)
            };
            spawn("hot", on_failure(run, move || stop.raise()))?
        };
        let closes = {
            let (live, clock) = (Arc::clone(&live), Arc::clone(&clock));
            let asked = live.universe.close_objectives().next().is_some();
            let run = move || closes::run(&live.universe, &live.closes, &*clock);
            asked.then(|| spawn("closes", run)).transpose()?
        };
        let refresh = {
            let live = Arc::clone(&live);
            let run = move || {
                threads::give_way();
                refresher.run(&live.universe, &*clock);
            };
            spawn("refresh", run)?
        };
        let telemetry = {
            let (live, ended) = (Arc::clone(&live), Arc::clone(&ended));
            spawn("telemetry", move || telemetry.run(&live, &ended))?
        };
        let sink = EngineSink {
            ring: producer,
            skip,
            hot: hot.thread().clone(),
            bell,
            backlog,
            live: Arc::clone(&live),
            ending,
        };
        Ok((Self { live, hot, refresh, closes, telemetry, ended }, sink))
    }

    /// What everyone but the hot thread sees.
    #[must_use]
    pub fn live(&self) -> Arc<LiveState> {
        Arc::clone(&self.live)
    }

    /// Waits until everything pushed into the sink is answered and stored. The sink must have ended.
    ///
    /// # Errors
    /// What went wrong on the way.
    pub fn finish(self) -> Result<Summary> {
        let hot = self.hot.join().unwrap_or(Err(Error::Panicked("hot")));
        self.ended.store(true, Ordering::Release);
        self.refresh.thread().unpark();
        self.live.closes.end();
        self.live.commands.close();
        self.telemetry.thread().unpark();
        let stored = hot.and_then(|durable| durable.map_or(Ok(()), DurablePath::finish));
        let refreshed = self.refresh.join().map_err(|_| Error::Panicked("refresh"));
        let closed = self.closes.map_or(Ok(()), JoinHandle::join).map_err(|_| Error::Panicked("closes"));
        let measured = self.telemetry.join().map_err(|_| Error::Panicked("telemetry"));
        let outcome = stored.and(refreshed).and(closed).and(measured);
        self.live.set_phase(if outcome.is_ok() { Phase::Ended } else { Phase::Failed });
        outcome.map(|()| self.live.summary())
    }
}

/// How a sink tells the hot thread that the input was stopped, or came to its end: then with the number of
/// inputs added that were still to be passed over.
const STOPPED: u64 = 0;
const CLOSED: u64 = 1;

/// Where a source pushes to. Holds the source back while the engine or its durable path is behind.
pub struct EngineSink {
    ring: rtrb::Producer<Input>,
    skip: Skip,
    hot: Thread,
    bell: Arc<Bell>,
    backlog: Option<Arc<Backlog>>,
    live: Arc<LiveState>,
    ending: Arc<AtomicU64>,
}

impl EngineSink {
    /// Passes over the first `count` decisions that the source takes again: this universe's rows follow from them already.
    pub fn pass_decisions(&mut self, count: u64) {
        self.skip.pass_decisions(count);
    }

    /// Ends the input.
    pub fn end(self, end: End) {
        if end == End::Input {
            self.ending.store(CLOSED + self.skip.missing(), Ordering::Release);
        }
    }
}

impl Drop for EngineSink {
    fn drop(&mut self) {
        self.hot.unpark();
    }
}

impl Sink for EngineSink {
    fn push(&mut self, mut input: Input) {
        if self.skip.passes_over(&input) {
            return;
        }
        while self.backlog.as_ref().is_some_and(|backlog| backlog.is_full()) && !self.ring.is_abandoned() {
            std::thread::park_timeout(NAP);
        }
        // A full ring is many naps' worth of work: whoever can wait leaves the core to the others.
        while let Err(rtrb::PushError::Full(back)) = self.ring.push(input) {
            if self.ring.is_abandoned() {
                return;
            }
            input = back;
            std::thread::park_timeout(NAP);
        }
        self.bell.ring(&self.hot);
    }

    fn frame(&mut self) {
        if self.skip.missing() == 0 {
            let frames = &self.live.counters.frames;
            frames.store(frames.load(Ordering::Relaxed) + 1, Ordering::Release);
        }
    }

    fn hurries(&self) -> bool {
        self.skip.missing() > 0
    }
}

/// Several engines fed by one source.
pub struct FanOut(Vec<EngineSink>);

impl FanOut {
    /// Into all of `sinks`.
    #[must_use]
    pub fn new(sinks: Vec<EngineSink>) -> Self {
        Self(sinks)
    }

    /// Ends the input of all.
    pub fn end(self, end: End) {
        for sink in self.0 {
            sink.end(end);
        }
    }
}

impl Sink for FanOut {
    fn push(&mut self, input: Input) {
        let Some((last, others)) = self.0.split_last_mut() else { return };
        for sink in others {
            sink.push(input.clone());
        }
        last.push(input);
    }

    fn frame(&mut self) {
        self.0.iter_mut().for_each(Sink::frame);
    }

    /// Whoever needs the input at its own pace decides.
    fn hurries(&self) -> bool {
        self.0.iter().all(Sink::hurries)
    }
}

fn run_hot(
    mut hot: HotLoop,
    mut ring: rtrb::Consumer<Input>,
    bell: &Bell,
    ending: &AtomicU64,
) -> Result<Option<DurablePath>> {
    let mut patience = Patience::default();
    loop {
        let waiting = ring.slots();
        if waiting > 0 {
            patience.found();
            hot.look();
            take_in(&mut hot, &mut ring, waiting)?;
            hot.answer_newest();
        } else if ring.is_abandoned() && ring.is_empty() {
            // The producer may have pushed between the look and its end, hence the second look.
            break;
        } else {
            hot.rest()?;
            bell.wait(&mut patience, || !ring.is_empty() || ring.is_abandoned());
        }
    }
    let ending = ending.load(Ordering::Acquire);
    if ending > CLOSED {
        let universe = hot.universe().name.clone();
        return Err(CheckpointError::InputTooShort { universe, missing: ending - CLOSED }.into());
    }
    hot.end(ending == CLOSED)
}

/// Takes in what was found waiting, in parts, so that a source at a full ring gets room soon. What has come since waits
/// for its own turn: however fast the source is, there is an answer now and then.
fn take_in(hot: &mut HotLoop, ring: &mut rtrb::Consumer<Input>, waiting: usize) -> Result<()> {
    let mut left = waiting;
    while left > 0 {
        let Ok(inputs) = ring.read_chunk(left.min(PART)) else { break };
        left -= inputs.len();
        for input in inputs {
            hot.input(input)?;
        }
    }
    Ok(())
}

fn spawn<T: Send + 'static>(
    name: &'static str,
    body: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(body)
        .map_err(|source| Error::Thread { name, source })
}
