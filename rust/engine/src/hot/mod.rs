//! The hot thread: one input at a time to bars, population, exact optimum and publication.
//!
//! It waits for nothing: not for a lock, a disk or a socket, and from the ring to the publication of a tick it asks the
//! system for nothing, memory included. Final bars and events go to the durable path, whose channel the source keeps
//! from filling; new populations come from the refresh thread.
//!
//! Every tick goes into its bar and its price into the book. Which ticks are answered is a choice ([`Answering`]): each, or of
//! those that wait together the newest only, which is all that counts for somebody who reads the newest
//! publication. A bar close is always published.

pub(crate) mod answer;
pub(crate) mod book;
pub(crate) mod closes;
pub(crate) mod commands;
mod progress;
mod publishing;
mod refreshing;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use silverbullet_market::{
    Assembly, Clock, Decision, Event, EventKind, FinalBar, Input, Nanos, ReturnWindow, Step, Tick, Universe,
};

use crate::checkpoint::Checkpoint;
use crate::durable::rows::{StoredEvent, Time};
use crate::durable::{DurableInput, DurablePath};
use crate::error::Result;
use crate::live::{EventRow, LiveState, Phase, Tally};
use crate::population::LivePopulation;
use crate::publication::{Publication, Stamps, Trigger};
use crate::refresh::Desk;
use crate::telemetry::Recorder;
use answer::{Answerer, Moment};
use book::{Book, Change};
use closes::Question;
use commands::Commanded;
use progress::Progress;
pub use publishing::Answering;
use publishing::Waiting;

/// State of the hot thread of one universe.
pub(crate) struct HotLoop {
    live: Arc<LiveState>,
    clock: Arc<dyn Clock>,
    assembly: Assembly,
    window: ReturnWindow,
    progress: Progress,
    book: Book,
    answerer: Answerer,
    population: Option<LivePopulation>,
    desk: Desk,
    durable: Option<DurablePath>,
    recorder: Recorder,
    steps: Vec<Step>,
    draft: Publication,
    condition_number: Option<f64>,
    stamps: Stamps,
    bar: i64,
    phase: Phase,
    tally: Tally,
    /// Returns of the bar that leaves the window with the next close; room to keep them past it.
    leaving: Vec<f64>,
    /// A close whose moments the refresh thread has not taken yet.
    unposted: bool,
    /// The source goes on behind where it was read to, so that its end is never for good.
    seekable: bool,
    answer: Answering,
    /// The newest tick that waits for its answer.
    waiting: Option<Waiting>,
    /// Ticks without an answer since the last publication.
    skipped: u64,
    /// When the ring was last looked into.
    looked: Nanos,
    /// A close that the thread of the close-only objectives has not been asked about yet.
    unasked: bool,
    commanded: Commanded,
    /// What publications carry along has changed since readers were told.
    uncarried: bool,
}

impl HotLoop {
    /// Goes on from `start`, which must be of the universe of `live`.
    ///
    /// # Errors
    /// Where no moments can be formed from the window of `start`.
    pub(crate) fn new(
        live: Arc<LiveState>,
        clock: Arc<dyn Clock>,
        desk: Desk,
        recorder: Recorder,
        start: &Checkpoint,
    ) -> Result<Self> {
        let universe = &live.universe;
        let mut hot = Self {
            clock,
            assembly: start.assembly.clone(),
            window: start.window.clone(),
            progress: Progress::new(start),
            book: Book::new(universe),
            answerer: Answerer::new(universe),
            population: None,
            desk,
            durable: None,
            recorder,
            steps: Vec::with_capacity(256),
            draft: Publication::with_capacity(universe.assets.len(), answer::most_answers(universe)),
            condition_number: None,
            stamps: Stamps::default(),
            bar: start.bar.unwrap_or_default(),
            phase: Phase::Starting,
            tally: Tally::default(),
            leaving: Vec::new(),
            unposted: false,
            seekable: false,
            answer: Answering::Every,
            waiting: None,
            skipped: 0,
            looked: 0,
            unasked: false,
            commanded: Commanded::new(universe, start.commands.clone(), start.bar),
            uncarried: false,
            live,
        };
        hot.begin_commanded();
        if start.inputs > 0 {
            hot.resume()?;
        }
        Ok(hot)
    }

    /// Hands final bars and events to `durable` from now on.
    pub(crate) fn store_in(&mut self, durable: Option<DurablePath>) {
        self.durable = durable;
    }

    /// Says whether the source can begin behind where it was read to.
    pub(crate) fn seek(&mut self, seekable: bool) {
        self.seekable = seekable;
    }

    /// Answers every tick, or the newest of those that wait, from now on.
    pub(crate) fn answer(&mut self, answer: Answering) {
        self.answer = answer;
    }

    pub(crate) fn universe(&self) -> &Universe {
        &self.live.universe
    }

    /// Makes everything live from assembly and window, so that the first tick is answered as if nothing had
    /// stopped, but for the population, which is asked for.
    fn resume(&mut self) -> Result<()> {
        self.book.resume(&self.window, &self.assembly)?;
        self.answerer.reset(&self.commanded.universe, &self.book.eligible);
        self.answer_at_close()?;
        self.request_refresh();
        self.ask_closes();
        Ok(())
    }

    /// Says that what comes next was found in the ring now: the clock is read once for all of it.
    pub(crate) fn look(&mut self) {
        self.looked = self.clock.monotonic();
        self.live.took_input(self.looked);
    }

    /// Takes one input from the ring.
    pub(crate) fn input(&mut self, input: Input) -> Result<()> {
        self.take_commands()?;
        if self.answer == Answering::Every {
            self.look();
        }
        let dequeued = self.looked;
        self.progress.input(&input);
        self.take(input, dequeued)?;
        if self.progress.take_bar_closed() {
            self.cut_if_asked();
        }
        Ok(())
    }

    fn take(&mut self, input: Input, dequeued: Nanos) -> Result<()> {
        let mut steps = std::mem::take(&mut self.steps);
        match input {
            Input::Tick(tick) => {
                self.stamps = Stamps { received: tick.receipt_time, dequeued, ..Stamps::default() };
                self.assembly.tick(tick, &mut |step| steps.push(step));
            }
            Input::History(bar) => {
                self.stamps = Stamps { received: dequeued, dequeued, ..Stamps::default() };
                self.assembly.history(&bar, &mut |step| steps.push(step));
            }
            Input::Event(event) | Input::Note(event) => self.event(&event),
            Input::Partition(partition, state) => {
                let offset = self.progress.offset(partition);
                self.assembly.partition(partition, state, offset, &mut |step| steps.push(step));
            }
            Input::Close => self.assembly.close(&mut |step| steps.push(step)),
            Input::Batch(inputs) => {
                self.steps = steps;
                return inputs.into_iter().try_for_each(|input| self.take(input, dequeued));
            }
        }
        let outcome = self.take_steps(&mut steps);
        self.steps = steps;
        outcome
    }

    /// There is nothing to do. Bars that became final after the last cut get theirs now, since the next bar may be far off: after
    /// a backlog that ends, or of a source that brings much and then nothing.
    pub(crate) fn rest(&mut self) -> Result<()> {
        self.take_commands()?;
        if self.progress.is_uncut() {
            self.cut_if_asked();
        }
        Ok(())
    }

    fn cut_if_asked(&mut self) {
        if let Some(durable) = &self.durable
            && durable.take_cut_request()
        {
            durable.hand_over(DurableInput::Cut(self.progress.cut(&self.assembly, false)));
        }
    }

    /// The input has ended. `closed` says whether its end closes the last bar, as that of a file does; otherwise
    /// it was stopped and may go on another time. Then what is stored ends with the last cut: ticks still held are
    /// decided for the count of this run only, and by their own successors when it goes on.
    pub(crate) fn end(mut self, closed: bool) -> Result<Option<DurablePath>> {
        let mut steps = std::mem::take(&mut self.steps);
        let mut durable = None;
        if closed {
            self.assembly.end(&mut |step| steps.push(step));
        } else {
            durable = self.hand_over_last_cut(false);
            self.assembly.stop(&mut |step| steps.push(step));
        }
        self.take_steps(&mut steps)?;
        self.answer_newest();
        if closed {
            durable = self.hand_over_last_cut(!self.seekable);
        }
        self.live.add_reasons(&mut self.tally);
        Ok(durable)
    }

    /// Takes the durable path off, after a cut here.
    fn hand_over_last_cut(&mut self, ended: bool) -> Option<DurablePath> {
        let durable = self.durable.take();
        if let Some(durable) = &durable {
            durable.hand_over(DurableInput::Cut(self.progress.cut(&self.assembly, ended)));
        }
        durable
    }

    fn take_steps(&mut self, steps: &mut Vec<Step>) -> Result<()> {
        for step in steps.drain(..) {
            match step {
                Step::Tick(position, tick) => self.tick(position, &tick),
                Step::Bar(bar) => self.close(bar)?,
                Step::Event(event) => self.event(&event),
                Step::Gap(event) => self.gap(&event),
            }
        }
        Ok(())
    }

    fn tick(&mut self, position: usize, tick: &Tick) {
        count(&self.live.counters.ticks);
        self.enter(Phase::WarmingUp);
        self.book.tick(position, tick);
        if self.answer == Answering::Every {
            return self.answer_tick(position, tick.event_time);
        }
        let newest = Waiting { position, event_time: tick.event_time, stamps: self.stamps };
        if self.waiting.replace(newest).is_some() {
            self.skip();
        }
    }

    fn close(&mut self, bar: Box<FinalBar>) -> Result<()> {
        count(&self.live.counters.bars);
        self.enter(Phase::WarmingUp);
        if self.waiting.take().is_some() {
            self.skip();
        }
        // A population drawn for the bar before follows this close like the one in use.
        self.take_refresh();
        self.window.push(&bar);
        self.leaving.clone_from(&self.book.oldest);
        let change = self.book.close(&self.window, &bar)?;
        self.bar = bar.number;
        self.progress.close(bar.number);
        let other_bounds = self.commands_due(bar.number);
        if change == Change::NewAssets || other_bounds {
            self.answerer.reset(&self.commanded.universe, &self.book.eligible);
            self.population = None;
            self.condition_number = None;
        } else if let Some(population) = &mut self.population {
            let Book { newest, open_returns, closed, .. } = &self.book;
            population.close(newest, open_returns, &self.leaving, closed);
        }
        if !self.commanded.paused {
            self.answer_at_close()?;
            self.request_refresh();
            self.ask_closes();
            self.publish(Trigger::BarClose(bar.number), bar.close_time);
        }
        match &self.durable {
            Some(durable) => durable.hand_over(DurableInput::Bar(bar)),
            None => self.assembly.recycle(bar),
        }
        Ok(())
    }

    fn answer_at_close(&mut self) -> Result<()> {
        self.answerer.set_stand_in(None);
        if self.answerer.answer(&self.book, Moment::Close, self.population.as_ref(), &mut self.draft) {
            let stand_in = self.book.stand_in(&self.window)?;
            self.answerer.set_stand_in(Some(stand_in));
            self.answerer.answer(&self.book, Moment::Close, self.population.as_ref(), &mut self.draft);
        }
        Ok(())
    }

    fn gap(&mut self, event: &Event) {
        self.window.clear();
        self.book.clear();
        self.answerer.reset(&self.commanded.universe, &[]);
        self.population = None;
        self.condition_number = None;
        let stored = self.record(event);
        if let Some(durable) = &self.durable {
            durable.hand_over(DurableInput::Gap(Box::new(stored)));
        }
    }

    fn event(&mut self, event: &Event) {
        let stored = self.record(event);
        if let Some(durable) = &self.durable {
            durable.hand_over(DurableInput::Event(Box::new(stored)));
        }
    }

    fn record(&mut self, event: &Event) -> StoredEvent {
        let as_of = self.assembly.newest_time();
        let mut detail = format!("{}: {}", event.reason, event.detail);
        if event.kind == EventKind::Decision {
            // Where a replay has to decide the same.
            detail.push_str(&Decision::place(&self.progress.offsets()));
        }
        let row = EventRow {
            universe: self.live.universe.name.clone(),
            source: self.live.source.clone(),
            partition: event.partition,
            offset: event.offset,
            kind: event.kind.name(),
            as_of: as_of.unwrap_or_default(),
            detail: detail.clone(),
        };
        let stored = StoredEvent {
            source: row.source.clone(),
            partition: row.partition,
            offset: row.offset,
            kind: row.kind,
            as_of: as_of.map(Time),
            detail,
        };
        if event.kind == EventKind::Quarantined {
            count(&self.live.counters.quarantined);
        }
        self.tally.count(event);
        self.live.try_add_reasons(&mut self.tally);
        self.live.show_event(row);
        stored
    }

    /// Has the close-only objectives, where there are some, answered anew.
    fn ask_closes(&mut self) {
        self.unasked = self.live.universe.close_objectives().next().is_some();
        self.follow_closes();
    }

    /// Takes the newest answers of the close-only objectives along, and asks for those of a close not asked about.
    fn follow_closes(&mut self) {
        if let Some(answers) = self.live.closes.take() {
            self.draft.at_close = Some(answers);
            self.uncarried = true;
        }
        let Some(bounds) = self.answerer.bounds().filter(|_| self.unasked) else { return };
        let Self { live, book, window, bar, .. } = self;
        self.unasked = !live.closes.ask(|| Question {
            bar: *bar,
            eligible: book.eligible.clone(),
            returns: window.returns_of(&book.eligible),
            bounds: bounds.clone(),
        });
    }

    fn enter(&mut self, phase: Phase) {
        let later = match phase {
            Phase::WarmingUp => self.phase == Phase::Starting,
            Phase::Live => matches!(self.phase, Phase::Starting | Phase::WarmingUp),
            _ => true,
        };
        if later {
            self.phase = phase;
            self.live.set_phase(phase);
        }
    }
}

/// Counts on the one thread that writes the counter.
fn count(counter: &AtomicU64) {
    counter.store(counter.load(Ordering::Relaxed) + 1, Ordering::Release);
}

#[cfg(test)]
mod newest_tests;
#[cfg(test)]
mod resume_tests;
#[cfg(test)]
mod tests;
