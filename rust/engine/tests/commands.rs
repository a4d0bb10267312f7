//! Commands through the crate's interface: what they change, that they are kept, and that they are repeated.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "each test file uses its own part")]
#[allow(unreachable_pub, reason = "shared with the unit tests")]
mod common;

use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use silverbullet_engine::commands::{Entry, Journal, lines_of};
use silverbullet_engine::durable::rows::{PortfolioRow, Row, StoredEvent};
use silverbullet_engine::{
    Checkpoint, Command, CommandError, CommandLog, CutRequest, End, Engine, EngineOptions, EngineSink,
    LiveState, Phase, Result, RowSink,
};
use silverbullet_market::{Input, Sink, StopFlag, SystemClock, Tick, UniverseSettings};

const ASSETS: usize = 4;

/// Checkpoints as bytes, each with the number of rows before it.
type Cuts = Vec<(usize, Vec<u8>)>;

/// Keeps rows and cuts, and asks for a cut with each.
#[derive(Clone, Default)]
struct Keep {
    rows: Arc<Mutex<Vec<Row>>>,
    cuts: Arc<Mutex<Cuts>>,
    request: CutRequest,
}

impl RowSink for Keep {
    fn write(&mut self, _: &LiveState, rows: &[Row]) -> Result<()> {
        self.rows.lock().unwrap().extend_from_slice(rows);
        self.request.raise();
        Ok(())
    }

    fn cut(&mut self, _: &LiveState, checkpoint: Checkpoint) -> Result<()> {
        let rows = self.rows.lock().unwrap().len();
        self.cuts.lock().unwrap().push((rows, checkpoint.to_bytes()?));
        Ok(())
    }

    fn cut_request(&self) -> Option<CutRequest> {
        Some(self.request.clone())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

/// A journal in memory, which takes nothing while it is full.
#[derive(Debug, Clone, Default)]
struct Paper {
    text: Arc<Mutex<String>>,
    full: Arc<Mutex<bool>>,
}

impl Journal for Paper {
    fn append(&mut self, line: &str) -> std::io::Result<()> {
        if *self.full.lock().unwrap() {
            return Err(std::io::Error::other("no space left"));
        }
        self.text.lock().unwrap().push_str(line);
        Ok(())
    }
}

impl Paper {
    fn entries(&self) -> Vec<Entry> {
        lines_of(self.text.lock().unwrap().as_bytes()).unwrap().0
    }
}

fn settings() -> UniverseSettings {
    UniverseSettings { window: 10, population: 32, samples: 32, ..common::settings() }
}

/// An engine with what it is fed and what it keeps.
struct Run {
    engine: Engine,
    sink: EngineSink,
    ticks: std::vec::IntoIter<Tick>,
    keep: Keep,
    paper: Paper,
    live: Arc<LiveState>,
}

impl Run {
    fn start(paper: &Paper, resume: Option<&[u8]>) -> Self {
        Self::start_behind(paper, resume, None)
    }

    /// The same where rows up to the bar `stored` are there already.
    fn start_behind(paper: &Paper, resume: Option<&[u8]>, stored: Option<i64>) -> Self {
        let keep = Keep::default();
        keep.request.raise();
        let mut options = EngineOptions::new("run", Arc::new(SystemClock), StopFlag::default())
            .with_rows(Box::new(keep.clone()));
        options.resume = resume.map(|bytes| Checkpoint::from_bytes(bytes).unwrap());
        options.commands =
            CommandLog { entries: paper.entries(), journal: Some(Box::new(paper.clone())), stored };
        options.workers = 2;
        let universe = common::universe(ASSETS, &settings());
        let (engine, sink) = Engine::start(universe, &common::description(ASSETS), options).unwrap();
        let ticks = common::ticks(ASSETS as u32, 110).into_iter();
        let live = engine.live();
        Self { engine, sink, ticks, keep, paper: paper.clone(), live }
    }

    /// Pushes `count` ticks and waits until they are taken.
    fn feed(&mut self, count: usize) -> usize {
        let ticks: Vec<Tick> = self.ticks.by_ref().take(count).collect();
        let before = self.live.summary();
        let counted = |summary: &silverbullet_engine::Summary| {
            summary.ticks + summary.quarantined + summary.ignored.values().sum::<u64>()
        };
        ticks.iter().for_each(|&tick| self.sink.push(Input::Tick(tick)));
        // The very first ticks are held until they agree.
        let all = counted(&before) + ticks.len() as u64;
        wait("the ticks are taken", || counted(&self.live.summary()) + 4 >= all);
        ticks.len()
    }

    fn command(&self, json: &str) -> std::result::Result<Entry, CommandError> {
        let (told, answer) = mpsc::channel();
        let command = Command::from_json(json.as_bytes()).unwrap();
        self.live.commands.submit(command, Box::new(move |outcome| told.send(outcome).unwrap()));
        answer.recv_timeout(Duration::from_secs(60)).unwrap()
    }

    /// Feeds what is left, ends, and gives rows and cuts.
    fn end(mut self) -> (Vec<Row>, Cuts) {
        self.ticks.by_ref().for_each(|tick| self.sink.push(Input::Tick(tick)));
        self.sink.end(End::Input);
        self.engine.finish().unwrap();
        (std::mem::take(&mut *self.keep.rows.lock().unwrap()), self.keep.cuts.lock().unwrap().clone())
    }
}

fn wait(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..30_000 {
        if is_so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    panic!("waited too long until {what}");
}

fn text(rows: &[Row]) -> Vec<String> {
    rows.iter().map(|row| format!("{row:?}")).collect()
}

fn portfolios(rows: &[Row]) -> impl Iterator<Item = &PortfolioRow> {
    rows.iter().filter_map(|row| match row {
        Row::Portfolios(row) => Some(row),
        _ => None,
    })
}

fn events(rows: &[Row]) -> Vec<&StoredEvent> {
    let events = rows.iter().filter_map(|row| match row {
        Row::Events(event) => Some(event),
        _ => None,
    });
    events.filter(|event| event.kind == "command").collect()
}

/// A run in which everything is commanded: its rows and cuts.
fn commanded(paper: &Paper) -> (Vec<Row>, Cuts, Vec<Entry>) {
    let mut run = Run::start(paper, None);
    let mut entries = Vec::new();
    run.feed(200);
    for json in [
        r#"{"command":"bounds","bounds":{"A0":[0.0,0.3],"A1":[0.05,0.4]}}"#,
        r#"{"command":"holdings","holdings":{"A0":0.5,"A2":0.5}}"#,
        r#"{"command":"pause"}"#,
        r#"{"command":"bounds","bounds":{"A0":[0.1,0.6]}}"#,
        r#"{"command":"resume"}"#,
        r#"{"command":"holdings","holdings":{}}"#,
        r#"{"command":"bounds","bounds":{}}"#,
    ] {
        entries.push(run.command(json).unwrap());
        run.feed(110);
    }
    let (rows, cuts) = run.end();
    (rows, cuts, entries)
}

#[test]
fn rows_follow_each_command_from_its_bar_on() {
    let paper = Paper::default();
    let (rows, _, entries) = commanded(&paper);
    assert_eq!(paper.entries(), entries, "what was answered is what is kept");
    assert!(entries.iter().map(|entry| entry.sequence).eq(1..=7));
    assert!(entries.is_sorted_by(|a, b| a.bar < b.bar), "{entries:?}");
    let bars: Vec<i64> = entries.iter().map(|entry| entry.bar).collect();
    let weight = |row: &PortfolioRow, asset: &str| {
        row.weights.0.iter().find(|(name, _)| name == asset).map_or(0.0, |(_, weight)| *weight)
    };
    let mut beyond = 0;
    for row in portfolios(&rows) {
        let (a0, a1) = (weight(row, "A0"), weight(row, "A1"));
        assert!(!(bars[2]..bars[4]).contains(&row.bar), "bar {} of the pause has a portfolio", row.bar);
        if (bars[0]..bars[2]).contains(&row.bar) {
            assert!(a0 <= 0.3 + 1e-9 && (0.05 - 1e-9..=0.4 + 1e-9).contains(&a1), "{row:?}");
        } else if (bars[4]..bars[6]).contains(&row.bar) {
            assert!((0.1 - 1e-9..=0.6 + 1e-9).contains(&a0) && a1 >= 0.05 - 1e-9, "{row:?}");
        } else {
            beyond += usize::from(a1 < 0.05 - 1e-9);
        }
        if (bars[1]..bars[5]).contains(&row.bar) {
            let held = [("A0", 0.5), ("A1", 0.0), ("A2", 0.5), ("A3", 0.0)];
            let moved: f64 = held.iter().map(|(name, held)| (weight(row, name) - held).abs()).sum();
            assert!((row.turnover.unwrap() - 0.5 * moved).abs() < 1e-12, "{row:?}");
        }
    }
    assert!(beyond > 0, "the bounds have something to do");
    let number = |row: &Row| match row {
        Row::Bars(row) => Some(row.bar),
        _ => None,
    };
    let stored: std::collections::BTreeSet<i64> = rows.iter().filter_map(number).collect();
    assert!((bars[2]..bars[4]).all(|bar| stored.contains(&bar)), "bars go on");
    let events = events(&rows);
    assert_eq!(events.len(), 7);
    for (event, entry) in events.iter().zip(&entries) {
        assert_eq!((event.detail.clone(), event.offset), (entry.to_json(), entry.sequence));
        let place = rows.iter().position(|row| matches!(row, Row::Events(other) if other == *event)).unwrap();
        let first = rows.iter().position(|row| number(row) == Some(entry.bar)).unwrap();
        assert!(place < first && rows[..place].iter().filter_map(number).all(|bar| bar < entry.bar));
    }
}

#[test]
fn a_run_that_is_gone_on_with_after_any_cut_repeats_every_command() {
    // How many cuts there are depends on what else the machine does.
    let mut runs = (0..50).map(|_| {
        let paper = Paper::default();
        let (rows, cuts, entries) = commanded(&paper);
        (paper, rows, cuts, entries)
    });
    let (paper, rows, cuts, entries) = runs.find(|run| run.2.len() > 10).unwrap();
    for (before, bytes) in cuts.iter().rev().step_by(cuts.len().div_ceil(15)) {
        let start = Checkpoint::from_bytes(bytes).unwrap();
        let later = entries.iter().filter(|entry| entry.sequence > start.commands.sequence);
        for entry in later {
            assert!(entry.bar >= start.bar.unwrap() + 2, "none is of a bar that is final: {entry:?}");
        }
        let (again, _) = Run::start(&paper, Some(bytes)).end();
        assert_eq!(text(&again), text(&rows)[*before..], "after bar {:?}", start.bar);
    }
    let (anew, _) = Run::start(&paper, None).end();
    assert_eq!(text(&anew), text(&rows), "settings, input and journal make the rows");
    assert_eq!(paper.entries(), entries, "nothing is written twice");
}

#[test]
fn live_answers_follow_at_once_and_a_pause_stops_them() {
    let mut run = Run::start(&Paper::default(), None);
    assert!(matches!(run.command(r#"{"command":"pause"}"#), Err(CommandError::NoBarYet(_))));
    run.feed(250);
    assert_eq!(run.live.phase(), Phase::Live);
    run.command(r#"{"command":"bounds","bounds":{"A1":[0.21,0.4]}}"#).unwrap();
    run.command(r#"{"command":"holdings","holdings":{"A1":1.0}}"#).unwrap();
    run.feed(9);
    let publication = run.live.publication().unwrap();
    for answer in publication.portfolios() {
        assert!((0.21 - 1e-9..0.4 + 1e-9).contains(&answer.weights[1]), "{answer:?}");
        let turnover = publication.turnover(&answer.weights).unwrap();
        assert!((turnover - (1.0 - answer.weights[1])).abs() < 1e-9);
    }
    let paused = run.command(r#"{"command":"pause"}"#).unwrap();
    wait("it is paused", || run.live.phase() == Phase::Paused);
    let (sequence, bars) = (run.live.publication().unwrap().sequence, run.live.summary().bars);
    run.feed(120);
    assert_eq!(run.live.publication().unwrap().sequence, sequence);
    assert!(run.live.summary().bars > bars);
    let view = run.live.commands.view();
    assert!(view.state.paused && view.kept);
    assert_eq!((view.journal.len(), view.journal.back()), (3, Some(&paused)));
    assert!(run.live.recent_events().iter().any(|event| event.detail == paused.to_json()));
    run.command(r#"{"command":"resume"}"#).unwrap();
    run.feed(9);
    assert_eq!(run.live.phase(), Phase::Live);
    assert!(run.live.publication().unwrap().sequence > sequence);
    let live = Arc::clone(&run.live);
    run.end();
    let (told, answer) = mpsc::channel();
    live.commands.submit(Command::Pause, Box::new(move |outcome| told.send(outcome).unwrap()));
    assert_eq!(answer.recv().unwrap(), Err(CommandError::Ended));
}

#[test]
fn a_pause_survives_a_restart() {
    let paper = Paper::default();
    let mut run = Run::start(&paper, None);
    run.feed(250);
    run.command(r#"{"command":"pause"}"#).unwrap();
    run.feed(60);
    run.sink.end(End::Stopped);
    run.engine.finish().unwrap();
    let bytes = run.keep.cuts.lock().unwrap().last().unwrap().1.clone();
    let again = Run::start(&paper, Some(&bytes));
    assert_eq!(again.live.phase(), Phase::Paused);
    let (rows, _) = again.end();
    assert_eq!(portfolios(&rows).count(), 0);
    assert!(rows.iter().any(|row| matches!(row, Row::Bars(_))));
}

#[test]
fn a_command_changes_no_stored_row_and_overtakes_no_old_command() {
    let mut run = Run::start_behind(&Paper::default(), None, Some(1_080));
    run.feed(250);
    assert_eq!(run.command(r#"{"command":"pause"}"#).unwrap().bar, 1_081);
    assert_eq!(run.live.phase(), Phase::Live, "until then it is as it was");
    let (rows, _) = run.end();
    assert_eq!(portfolios(&rows).map(|row| row.bar).max(), Some(1_080));
    let paper = Paper::default();
    let (rows, _, entries) = commanded(&paper);
    let mut again = Run::start(&paper, None);
    again.feed(150);
    let late = again.command(r#"{"command":"pause"}"#).unwrap();
    assert_eq!((late.sequence, late.bar), (8, entries[6].bar));
    let (repeated, _) = again.end();
    let before = |rows: &[Row]| {
        let all = portfolios(rows).filter(|row| row.bar < late.bar);
        all.map(|row| format!("{row:?}")).collect::<Vec<_>>()
    };
    assert_eq!(before(&repeated), before(&rows));
    assert!(portfolios(&repeated).all(|row| row.bar < late.bar));
}

#[test]
fn a_command_that_cannot_be_kept_is_not_in_force() {
    let paper = Paper::default();
    let mut run = Run::start(&paper, None);
    run.feed(250);
    *paper.full.lock().unwrap() = true;
    let refused = run.command(r#"{"command":"pause"}"#).unwrap_err();
    assert!(refused.to_string().contains("no space left"), "{refused}");
    *paper.full.lock().unwrap() = false;
    run.feed(60);
    wait("it answers again", || run.live.phase() == Phase::Live);
    assert!(!run.live.commands.view().state.paused);
    let kept = run.command(r#"{"command":"holdings","holdings":{"A0":1.0}}"#).unwrap();
    assert_eq!(kept.sequence, 1);
    let refused = run.command(r#"{"command":"bounds","bounds":{"A0":[0.0,2.0],"B":[0,1]}}"#).unwrap_err();
    assert!(refused.to_string().contains("\"B\""), "{refused}");
    let paper = run.paper.clone();
    let (rows, _) = run.end();
    assert_eq!(events(&rows).len(), 1);
    assert_eq!(paper.entries(), [kept]);
}
