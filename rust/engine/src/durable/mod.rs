//! The durable path: final bars in, rows out, off the hot thread.
//!
//! ```text
//! hot thread ──final bars, events──► sequencer ──jobs──► workers ──rows──► writer ──► RowSink
//! ```
//! The sequencer keeps the window and the commands and numbers the work; workers compute each bar's rows as a pure function;
//! the writer puts them back in order, adds the turnover, and hands them on. A cut travels with them under a
//! number of its own, and each of them adds its part to the [`Checkpoint`]. Every channel is bounded. The
//! hot thread's channel has room for what a source may bring after it is held back ([`Backlog`]), so that
//! the hot thread does not wait for it; only a stream with hardly a tick a bar, each closing many bars at
//! once, can fill it, and then the hot thread waits: nothing is lost.

pub(crate) mod commands;
pub mod compute;
mod cut;
mod fan_out;
pub mod jsonl;
mod objectives;
pub mod rows;
mod writer;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, bounded};
use silverbullet_market::moments::ReturnMatrix;
use silverbullet_market::{FinalBar, ReturnWindow, StopFlag, Universe};

use crate::checkpoint::Checkpoint;
use crate::commands::CommandState;
use crate::error::{Error, Result};
use crate::failure::on_failure;
use crate::live::LiveState;
use commands::{Commands, Taken};
use compute::Job;
pub use cut::{Cut, CutRequest};
pub use fan_out::FanOutRows;
use rows::{Row, StoredEvent};
pub use writer::RowSink;
use writer::Writer;

/// Bars that may be under way before the source is held back.
const MOST_BACKLOG: i64 = 256;
/// Jobs and results under way between sequencer, workers and writer.
const CHANNEL: usize = 64;

/// What the hot thread hands over.
#[derive(Debug)]
pub enum DurableInput {
    /// A final bar.
    Bar(Box<FinalBar>),
    /// The window starts anew; the event says why.
    Gap(Box<StoredEvent>),
    /// Something to be kept in `events`.
    Event(Box<StoredEvent>),
    /// A command, or why it is not taken, to be kept and replied to.
    Command(Box<Taken>),
    /// A consistent cut after everything handed over so far.
    Cut(Box<Cut>),
}

/// How much is under way; what sources look at before they go on.
#[derive(Debug, Default)]
pub struct Backlog {
    under_way: AtomicI64,
    /// Set when a thread of the path has failed: nothing is written any more, and nothing must wait for it.
    broken: AtomicBool,
}

impl Backlog {
    /// True when a source that can wait should.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.under_way.load(Ordering::Acquire) >= MOST_BACKLOG && !self.broken.load(Ordering::Acquire)
    }

    fn add(&self, count: i64) {
        self.under_way.fetch_add(count, Ordering::AcqRel);
    }
}

pub(crate) enum Work {
    Bar(Box<Job>),
    Event(Box<StoredEvent>),
    Cut(Box<Checkpoint>),
    /// Nothing that leads to a row.
    Nothing,
}

pub(crate) enum Done {
    Rows(Vec<Row>),
    Cut(Box<Checkpoint>),
}

/// The threads of the durable path of one engine.
#[derive(Debug)]
pub struct DurablePath {
    input: Option<Sender<DurableInput>>,
    backlog: Arc<Backlog>,
    cut_request: Option<CutRequest>,
    threads: Vec<(&'static str, JoinHandle<Result<()>>)>,
}

impl DurablePath {
    /// Starts sequencer, `workers` workers and the writer into `sink`, to go on from `start`. `ring` is how many
    /// inputs may be on their way to the hot thread; `stop` is raised when a thread fails.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub fn start(
        live: &Arc<LiveState>,
        start: Checkpoint,
        workers: usize,
        sink: Box<dyn RowSink>,
        ring: usize,
        stop: &StopFlag,
    ) -> Result<Self> {
        let universe = Arc::new(live.universe.clone());
        // What is in the ring when the source is held back, and a gap of up to a window of bars, come on top.
        let room = usize::try_from(MOST_BACKLOG).unwrap_or(usize::MAX) + ring + universe.window + CHANNEL;
        let (input, inputs) = bounded(room);
        let (work, jobs) = bounded::<(u64, Work)>(CHANNEL);
        let (done, results) = bounded::<(u64, Done)>(CHANNEL);
        let backlog = Arc::new(Backlog::default());
        let mut path = Self {
            input: Some(input),
            backlog: Arc::clone(&backlog),
            cut_request: sink.cut_request(),
            threads: Vec::new(),
        };
        let Checkpoint { window, weights, events, commands, bar, .. } = start;
        let commands = Commands::new(Arc::clone(live), commands, bar);
        {
            let universe = Arc::clone(&universe);
            path.spawn("sequencer", stop, move || sequence(&universe, window, commands, &inputs, &work))?;
        }
        for _ in 0..workers.max(1) {
            let (universe, jobs, done) = (Arc::clone(&universe), jobs.clone(), done.clone());
            path.spawn("worker", stop, move || work_on(&universe, &jobs, &done))?;
        }
        drop((jobs, done));
        let live = Arc::clone(live);
        let settled = move |count: i64| backlog.add(-count);
        path.spawn("writer", stop, move || {
            Writer::new(&live, sink, events, weights).run(&results, &settled)
        })?;
        Ok(path)
    }

    /// What sources look at before they go on.
    #[must_use]
    pub fn backlog(&self) -> Arc<Backlog> {
        Arc::clone(&self.backlog)
    }

    /// True once after the sink has asked for a cut.
    pub(crate) fn take_cut_request(&self) -> bool {
        self.cut_request.as_ref().is_some_and(CutRequest::take)
    }

    /// Hands a bar, an event or a cut over. Returns at once while the source keeps to the backlog.
    pub fn hand_over(&self, input: DurableInput) {
        if let Some(sender) = &self.input {
            self.backlog.add(1);
            // The other end is gone only after a failure, which ends the run; there is nothing to keep then.
            let _ = sender.send(input);
        }
    }

    /// Waits until everything handed over is written.
    ///
    /// # Errors
    /// What went wrong on the way.
    pub fn finish(mut self) -> Result<()> {
        drop(self.input.take());
        let mut outcome = Ok(());
        for (name, thread) in self.threads {
            let ended = thread.join().unwrap_or(Err(Error::Panicked(name)));
            // The first failure is the cause; those after it are its consequences.
            outcome = outcome.and(ended);
        }
        outcome
    }

    fn spawn(
        &mut self,
        name: &'static str,
        stop: &StopFlag,
        body: impl FnOnce() -> Result<()> + Send + 'static,
    ) -> Result<()> {
        let (stop, backlog) = (stop.clone(), self.backlog());
        let run = on_failure(body, move || {
            backlog.broken.store(true, Ordering::Release);
            stop.raise();
        });
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(run)
            .map_err(|source| Error::Thread { name, source })?;
        self.threads.push((name, thread));
        Ok(())
    }
}

fn sequence(
    universe: &Universe,
    mut window: ReturnWindow,
    mut commands: Commands,
    inputs: &Receiver<DurableInput>,
    work: &Sender<(u64, Work)>,
) -> Result<()> {
    for (number, input) in (0_u64..).zip(inputs) {
        let item = match input {
            DurableInput::Bar(bar) => {
                let (terms, events) = commands.at(bar.number, bar.close_time);
                let job = job_of(&mut window, *bar);
                Work::Bar(Box::new(Job { terms: Some(terms), commands: events, ..job }))
            }
            DurableInput::Command(taken) => {
                commands.take(*taken);
                Work::Nothing
            }
            DurableInput::Event(event) => Work::Event(event),
            DurableInput::Gap(event) => {
                window.clear();
                Work::Event(event)
            }
            DurableInput::Cut(cut) => {
                Work::Cut(Box::new(checkpoint_at(universe, *cut, &window, commands.state())))
            }
        };
        if work.send((number, item)).is_err() {
            break;
        }
    }
    Ok(())
}

/// The checkpoint of a cut, but for what only the writer knows.
fn checkpoint_at(universe: &Universe, cut: Cut, window: &ReturnWindow, commands: CommandState) -> Checkpoint {
    let Cut { inputs, bar, complete, offsets, assembly } = cut;
    Checkpoint {
        universe: universe.name.clone(),
        variant: universe.variant.clone(),
        inputs,
        bar,
        events: 0,
        complete,
        offsets,
        assembly,
        window: window.clone(),
        weights: Vec::new(),
        commands,
    }
}

/// Moves the window on to `bar` and copies out what its rows depend on.
#[must_use]
pub fn job_of(window: &mut ReturnWindow, bar: FinalBar) -> Job {
    window.push(&bar);
    let mut eligible = Vec::new();
    window.eligible_into(&mut eligible);
    let returns = if eligible.is_empty() { ReturnMatrix::new(0) } else { window.returns_of(&eligible) };
    let stale = (0..bar.assets.len()).map(|position| window.is_stale(position)).collect();
    Job { bar, eligible, stale, returns, terms: None, commands: Vec::new() }
}

fn work_on(universe: &Universe, jobs: &Receiver<(u64, Work)>, done: &Sender<(u64, Done)>) -> Result<()> {
    for (number, work) in jobs {
        let result = match work {
            Work::Bar(job) => Done::Rows(compute::rows_of(universe, &job)?),
            Work::Event(event) => Done::Rows(vec![Row::Events(*event)]),
            Work::Cut(checkpoint) => Done::Cut(checkpoint),
            Work::Nothing => Done::Rows(Vec::new()),
        };
        if done.send((number, result)).is_err() {
            break;
        }
    }
    Ok(())
}
