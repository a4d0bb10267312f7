//! Runs that end and go on through the crate's interface, with the sources that can be had again.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "each test file uses its own part")]
#[allow(unreachable_pub, reason = "shared with the unit tests")]
mod common;

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use silverbullet_engine::durable::rows::Row;
use silverbullet_engine::{
    Checkpoint, CheckpointError, CutRequest, End, Engine, EngineOptions, Error, LiveState, Result, RowSink,
};
use silverbullet_feeds::{CsvOptions, CsvSource, Simulator, SimulatorSettings, SimulatorStart, Speed};
use silverbullet_market::{Input, Sink, Source, StopFlag, SystemClock, Universe, UniverseSettings};

#[derive(Default)]
struct Kept {
    rows: Vec<String>,
    cuts: Vec<(usize, Vec<u8>)>,
}

/// Keeps rows and cuts, and asks for a cut again after each.
#[derive(Clone, Default)]
struct Keep {
    kept: Arc<Mutex<Kept>>,
    request: CutRequest,
}

impl RowSink for Keep {
    fn write(&mut self, _: &LiveState, rows: &[Row]) -> Result<()> {
        self.kept.lock().unwrap().rows.extend(rows.iter().map(|row| format!("{row:?}")));
        Ok(())
    }

    fn cut(&mut self, live: &LiveState, checkpoint: Checkpoint) -> Result<()> {
        checkpoint.check(&live.universe)?;
        let mut kept = self.kept.lock().unwrap();
        let rows = kept.rows.len();
        kept.cuts.push((rows, checkpoint.to_bytes()?));
        self.request.raise();
        Ok(())
    }

    fn cut_request(&self) -> Option<CutRequest> {
        Some(self.request.clone())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

fn settings() -> UniverseSettings {
    UniverseSettings { bar: "1s".into(), window: 20, population: 16, samples: 16, ..common::settings() }
}

/// Runs the source to its end; returns what was kept, the same rows as JSON lines, and the ticks counted.
fn run(source: &mut dyn Source, resume: Option<&[u8]>) -> (Kept, Vec<u8>, u64) {
    let universe = Universe::resolve("test", &settings(), source.description(), 0).unwrap();
    let stop = StopFlag::default();
    let keep = Keep::default();
    keep.request.raise();
    let lines = tempfile::NamedTempFile::new().unwrap();
    let mut options = EngineOptions::new("run", Arc::new(SystemClock), stop.clone())
        .with_rows(Box::new(keep.clone()))
        .with_json_lines(lines.reopen().unwrap());
    options.resume = resume.map(|bytes| Checkpoint::from_bytes(bytes).unwrap());
    let (engine, mut sink) = Engine::start(universe, source.description(), options).unwrap();
    source.run(&mut sink, &stop).unwrap();
    sink.end(End::Input);
    let summary = engine.finish().unwrap();
    let kept = std::mem::take(&mut *keep.kept.lock().unwrap());
    (kept, std::fs::read(lines.path()).unwrap(), summary.ticks)
}

fn assert_every_cut_resumes(mut source: impl FnMut() -> Box<dyn Source>) -> Kept {
    let (undisturbed, lines, ticks) = run(source().as_mut(), None);
    assert!(undisturbed.cuts.len() > 1, "there is more than the last cut");
    assert_eq!(lines.iter().filter(|&&byte| byte == b'\n').count(), undisturbed.rows.len());
    // At most some twenty, spread over the run, the last one among them.
    let every = undisturbed.cuts.len().div_ceil(20);
    for (rows, bytes) in undisturbed.cuts.iter().rev().step_by(every) {
        let (resumed, rest, again) = run(source().as_mut(), Some(bytes));
        assert_eq!(resumed.rows, undisturbed.rows[*rows..]);
        assert!(lines.ends_with(&rest) && again <= ticks);
    }
    undisturbed
}

#[test]
fn a_simulated_market_goes_on_after_every_cut() {
    let settings = SimulatorSettings {
        start: SimulatorStart::At(1_700_000_000 * common::SECOND),
        ..SimulatorSettings::default()
    };
    let kept = assert_every_cut_resumes(|| {
        let clock = Arc::new(SystemClock);
        let market = Simulator::new(settings.clone(), 5, common::SECOND, 21, clock).unwrap();
        Box::new(market.with_speed(Speed::Max).with_limit(4_000))
    });
    assert!(kept.rows.iter().any(|row| row.contains("turnover: Some")));
}

#[test]
fn a_file_with_bad_rows_goes_on_after_every_cut() {
    let mut text = "timestamp,asset,price\n".to_owned();
    for tick in common::ticks(4, 90) {
        let (line, time) = (tick.offset, tick.event_time);
        let (seconds, nanos) = (time / common::SECOND, time % common::SECOND);
        let mut row = |price: f64| {
            writeln!(text, "{seconds}.{nanos:09},A{},{price}", tick.asset.0).unwrap();
        };
        match line % 41 {
            7 => row(-tick.price),
            13 => row(tick.price * 1e3),
            19 => (0..2).for_each(|_| row(tick.price)),
            _ => row(tick.price),
        }
        if line % 53 == 0 {
            text.push_str("what,is,this\n");
        }
        if line % 200 == 0 {
            writeln!(text, "{}.5,A0,{}", seconds + 86_400, tick.price).unwrap();
        }
    }
    let file = tempfile::Builder::new().suffix(".csv").tempfile().unwrap();
    std::fs::write(file.path(), text).unwrap();
    let kept = assert_every_cut_resumes(|| {
        let options = CsvOptions { speed: Speed::Max, ..CsvOptions::default() };
        Box::new(CsvSource::open(file.path(), options, Arc::new(SystemClock)).unwrap())
    });
    let all = kept.rows.join("\n");
    for reason in ["duplicate", "not positive", "absurdly far", "too far ahead"] {
        assert!(all.contains(reason), "{reason} did not come up");
    }
}

/// A checkpoint after the first half of a stream of five assets.
fn half_way() -> (Vec<Input>, Checkpoint) {
    let inputs: Vec<Input> = common::ticks(5, 40).into_iter().map(Input::Tick).collect();
    let keep = Keep::default();
    let options = EngineOptions::new("run", Arc::new(SystemClock), StopFlag::default())
        .with_rows(Box::new(keep.clone()));
    let universe = common::universe(5, &settings());
    let (engine, mut sink) = Engine::start(universe, &common::description(5), options).unwrap();
    inputs[..inputs.len() / 2].iter().for_each(|input| sink.push(input.clone()));
    sink.end(End::Stopped);
    engine.finish().unwrap();
    let bytes = keep.kept.lock().unwrap().cuts.pop().unwrap().1;
    (inputs, Checkpoint::from_bytes(&bytes).unwrap())
}

#[test]
fn a_checkpoint_of_another_variant_is_refused() {
    let (_, checkpoint) = half_way();
    let mut options = EngineOptions::new("run", Arc::new(SystemClock), StopFlag::default());
    options.resume = Some(checkpoint);
    let other = common::universe(5, &UniverseSettings { window: 21, ..settings() });
    let refused = Engine::start(other, &common::description(5), options).err().unwrap();
    assert!(matches!(refused, Error::Checkpoint(CheckpointError::OtherVariant { .. })), "{refused}");
}

#[test]
fn an_input_that_ends_before_the_checkpoint_is_not_taken_for_the_same() {
    let (inputs, checkpoint) = half_way();
    assert_eq!((checkpoint.inputs, checkpoint.complete), (inputs.len() as u64 / 2, false));
    assert_eq!(checkpoint.offsets[&0], inputs.len() as u64 / 2 - 1);
    let mut options = EngineOptions::new("run", Arc::new(SystemClock), StopFlag::default());
    options.resume = Some(checkpoint);
    let (engine, mut sink) =
        Engine::start(common::universe(5, &settings()), &common::description(5), options).unwrap();
    inputs[..inputs.len() / 4].iter().for_each(|input| sink.push(input.clone()));
    sink.end(End::Input);
    let error = engine.finish().unwrap_err();
    assert!(matches!(error, Error::Checkpoint(CheckpointError::InputTooShort { .. })), "{error}");
}

#[test]
fn how_old_the_newest_input_is_can_be_told() {
    let options = EngineOptions::new("run", Arc::new(SystemClock), StopFlag::default());
    let universe = common::universe(5, &settings());
    let (engine, mut sink) = Engine::start(universe, &common::description(5), options).unwrap();
    let live = engine.live();
    assert_eq!(live.last_input(), None);
    let ticks = common::ticks(5, 3);
    ticks.iter().for_each(|&tick| sink.push(Input::Tick(tick)));
    sink.end(End::Input);
    engine.finish().unwrap();
    assert!(live.last_input().unwrap() > 0);
    let publication = live.publication().unwrap();
    for asset in 0..5 {
        let times = ticks.iter().filter(|tick| tick.asset.index() == asset).map(|tick| tick.event_time);
        assert_eq!(publication.tick_times[asset], times.max().unwrap_or(i64::MIN));
    }
}
