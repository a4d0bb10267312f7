//! Ticks a second from a CSV file at full speed, each of them in its bar.
#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::path::Path;
use std::sync::Arc;

use silverbullet_engine::{End, Engine, EngineOptions, Summary};
use silverbullet_feeds::{CsvOptions, CsvSource, Speed};
use silverbullet_kernel::Objective;
use silverbullet_market::{Clock, Input, Sink, Source, StopFlag, SystemClock, Universe};

use crate::Failure;
use crate::arguments::Arguments;
use crate::market::Size;
use crate::report;

pub(crate) fn measure(arguments: &Arguments) -> Result<(), Failure> {
    let Some(path) = &arguments.csv else {
        println!("  left out: no file is given by --csv");
        return Ok(());
    };
    let mut rows =
        vec![("into bars, book and answers".to_owned(), vec![]), ("reading alone".to_owned(), vec![])];
    for _ in 0..arguments.runs {
        let (rate, summary) = run(path, arguments)?;
        if summary.publications + summary.skipped != summary.ticks + summary.bars {
            return Err(format!("ticks are missing: {summary:?}").into());
        }
        println!("  {summary:?}");
        rows[0].1.push(rate);
        rows[1].1.push(read_alone(path)?);
    }
    report::rates("file", "ticks/s", &rows);
    Ok(())
}

fn open(path: &Path) -> Result<CsvSource, Failure> {
    let options = CsvOptions { speed: Speed::Max, ..CsvOptions::default() };
    Ok(CsvSource::open(path, options, Arc::new(SystemClock))?)
}

/// Ticks a second from the beginning of the delivery, which is after the scan, to the end of the last answer.
fn run(path: &Path, arguments: &Arguments) -> Result<(f64, Summary), Failure> {
    let mut source = open(path)?;
    let (portfolios, window) = (arguments.portfolios as usize, arguments.window as usize);
    let size = Size { assets: source.description().assets.len(), portfolios, window, rate: 1 };
    let settings = size.settings(&Objective::LIVE);
    let universe = Universe::resolve("bench", &settings, source.description(), 0)?;
    let stop = StopFlag::default();
    let options = EngineOptions::new("bench", Arc::new(SystemClock), stop.clone());
    let (engine, mut sink) = Engine::start(universe, source.description(), options)?;
    let started = SystemClock.monotonic();
    source.run(&mut sink, &stop)?;
    sink.end(End::Input);
    let summary = engine.finish()?;
    let elapsed = (SystemClock.monotonic() - started) as f64 / 1e9;
    Ok((summary.ticks as f64 / elapsed, summary))
}

/// Counts and forgets.
struct Nowhere(u64);

impl Sink for Nowhere {
    fn push(&mut self, input: Input) {
        self.0 += u64::from(matches!(std::hint::black_box(input), Input::Tick(_)));
    }

    fn frame(&mut self) {}
}

fn read_alone(path: &Path) -> Result<f64, Failure> {
    let mut source = open(path)?;
    let mut sink = Nowhere(0);
    let started = SystemClock.monotonic();
    source.run(&mut sink, &StopFlag::default())?;
    Ok(sink.0 as f64 / ((SystemClock.monotonic() - started) as f64 / 1e9))
}
