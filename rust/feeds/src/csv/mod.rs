//! Prices from a CSV file.
//!
//! The header names `timestamp`, `asset` and `price`, in any order, and optionally `bid`, `ask`, `size` and
//! `sequence`; the file may be compressed with gzip or zstd. A file is read twice: a scan when it is opened finds
//! out what it is (digest, assets, grid, unit of time), the run delivers it. Both judge a row by the same code.
//! A bad row never ends the stream: it becomes a quarantine event with its line and reason.

mod columns;
pub(crate) mod directory;
pub(crate) mod grid;
pub(crate) mod input;
pub(crate) mod judge;
mod options;
mod rows;
mod scan;
mod timestamp;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use silverbullet_market::{Clock, Input, Sink, Source, SourceDescription, SourceError, StopFlag};

use self::directory::Directory;
use self::input::FileStamp;
use self::judge::{Fault, Judge};
use self::options::PROGRESS_ROWS;
use self::rows::{Row, Rows};
use crate::collect::{Collected, collect_ticks};
use crate::error::{FeedError, Result};
use crate::pacing::{Pacer, Sleeper, ThreadSleeper};
use crate::speed::Speed;

pub use self::judge::reason;
pub use self::options::{CsvOptions, Phase, Progress, ProgressUpdate};
pub use self::scan::CsvSummary;
pub use self::timestamp::TimeUnit;

#[cfg(feature = "kafka")]
pub(crate) use self::scan::split_strays;
pub(crate) use self::timestamp::parse as parse_timestamp;
#[cfg(feature = "kafka")]
pub(crate) use self::timestamp::parse_by_size as parse_timestamp_by_size;

/// A CSV file as a source of ticks, in the order of the file. A tick's offset is its line, the header being line 1.
pub struct CsvSource {
    path: PathBuf,
    options: CsvOptions,
    clock: Arc<dyn Clock>,
    sleeper: Arc<dyn Sleeper>,
    summary: CsvSummary,
    stamp: FileStamp,
    description: SourceDescription,
}

impl CsvSource {
    /// Scans the file at `path`, from its beginning to its end. `clock` stamps receipt times and paces the run.
    ///
    /// # Errors
    /// When the file as a whole cannot be used; see [`FeedError`]. Never for a bad row.
    pub fn open(path: impl AsRef<Path>, options: CsvOptions, clock: Arc<dyn Clock>) -> Result<Self> {
        let path = path.as_ref().to_owned();
        check_assets(options.assets.as_deref())?;
        let scan::Scanned { summary, stamp } = scan::scan(&path, &options)?;
        for (asset, _) in summary.assets.iter().zip(&summary.ticks).filter(|&(_, &ticks)| ticks == 0) {
            tracing::warn!(file = %path.display(), asset, "the file has no price of this asset");
        }
        for (asset, rows) in &summary.left_out {
            tracing::warn!(file = %path.display(), asset, rows, "left out: too few rows to be an asset");
        }
        let description = SourceDescription {
            name: "csv".to_owned(),
            identity: identity(&summary.digest, &options),
            venues: Vec::new(),
            assets: summary.assets.clone(),
            grid: summary.grid,
            replayable: true,
            seekable: false,
            rows: Some(summary.rows.min(options.limit.unwrap_or(u64::MAX))),
        };
        let sleeper = Arc::new(ThreadSleeper);
        Ok(Self { path, options, clock, sleeper, summary, stamp, description })
    }

    /// Waits by `sleeper` instead of putting the thread to sleep.
    #[must_use]
    pub fn with_sleeper(mut self, sleeper: Arc<dyn Sleeper>) -> Self {
        self.sleeper = sleeper;
        self
    }

    /// What the scan found.
    #[must_use]
    pub fn summary(&self) -> &CsvSummary {
        &self.summary
    }

    fn deliver(&self, sink: &mut dyn Sink, stop: &StopFlag) -> Result<()> {
        let input = input::open(&self.path)?;
        if input.stamp != self.stamp {
            return Err(FeedError::Changed { path: self.path.clone() });
        }
        let mut rows = Rows::new(input.reader);
        let columns = scan::read_header(&mut rows, &self.path)?;
        let mut delivery = Delivery {
            judge: Judge::new(columns, self.summary.unit.unwrap_or(TimeUnit::Seconds)),
            directory: Directory::new(self.summary.assets.iter().map(String::as_str)),
            pacer: Pacer::new(
                self.options.speed,
                self.summary.grid,
                Arc::clone(&self.clock),
                Arc::clone(&self.sleeper),
            ),
            left: self.options.limit.unwrap_or(u64::MAX),
        };
        let report = |rows| {
            if let Some(progress) = &self.options.progress {
                let bytes = input.position.load(Ordering::Relaxed);
                let total_bytes = input.stamp.length;
                progress.report(ProgressUpdate { phase: Phase::Run, bytes, total_bytes, rows });
            }
        };
        let mut count = 0_u64;
        while delivery.left > 0 {
            let row = match rows.next() {
                Ok(Some(row)) => row,
                Ok(None) => break,
                Err(source) => return Err(scan::damaged(&self.path, rows.lines_read(), source)),
            };
            if !delivery.row(&row, sink, stop) {
                break;
            }
            count += 1;
            if count.is_multiple_of(PROGRESS_ROWS) {
                report(count);
            }
        }
        report(count);
        Ok(())
    }
}

impl Source for CsvSource {
    fn description(&self) -> &SourceDescription {
        &self.description
    }

    fn run(&mut self, sink: &mut dyn Sink, stop: &StopFlag) -> Result<(), SourceError> {
        self.deliver(sink, stop)
            .map_err(|error| SourceError { context: "reading prices".to_owned(), source: Box::new(error) })
    }
}

/// The state of one run.
struct Delivery {
    judge: Judge,
    directory: Directory,
    pacer: Pacer,
    left: u64,
}

impl Delivery {
    /// Hands one row on; false when the run is to stop.
    #[inline]
    fn row(&mut self, row: &Row<'_>, sink: &mut dyn Sink, stop: &StopFlag) -> bool {
        match self.judge.judge(row) {
            Ok(quote) => match self.directory.find(quote.asset) {
                Some(asset) => {
                    if sink.hurries() {
                        self.pacer.start_at(quote.event_time);
                    }
                    let Some(now) = self.pacer.wait(quote.event_time, stop) else { return false };
                    sink.frame();
                    sink.push(Input::Tick(quote.tick(asset, now, 0, row.line)));
                    self.left -= 1;
                    true
                }
                None => {
                    quarantine(Fault::new(reason::UNKNOWN_ASSET, "asset", quote.asset), row.line, sink, stop)
                }
            },
            Err(fault) => quarantine(fault, row.line, sink, stop),
        }
    }
}

/// Hands a bad row on as an event; false when the run is to stop.
#[cold]
fn quarantine(fault: Fault, line: u64, sink: &mut dyn Sink, stop: &StopFlag) -> bool {
    if stop.is_raised() {
        return false;
    }
    sink.frame();
    sink.push(fault.quarantined(0, line));
    true
}

fn check_assets(assets: Option<&[String]>) -> Result<()> {
    let Some(assets) = assets else { return Ok(()) };
    let wrong = |problem: String| Err(FeedError::Setting { name: "assets", problem });
    if assets.is_empty() {
        return wrong("the list is empty; name at least one, or leave it out to take all".to_owned());
    }
    for (position, asset) in assets.iter().enumerate() {
        if asset.trim() != asset || asset.is_empty() {
            return wrong(format!("`{asset}` is not a name; leave out the blanks"));
        }
        if assets[..position].contains(asset) {
            return wrong(format!("`{asset}` is named twice"));
        }
    }
    Ok(())
}

/// The content, and whatever in the options changes what is delivered. The speed does not.
fn identity(digest: &str, options: &CsvOptions) -> String {
    let mut identity = format!("csv:{digest}");
    if let Some(assets) = &options.assets {
        identity.push_str(&format!(";assets={}", assets.join(",")));
    }
    if options.rare_assets {
        identity.push_str(";rare-assets");
    }
    if let Some(unit) = options.unit {
        identity.push_str(&format!(";unit={}", unit.name()));
    }
    if let Some(limit) = options.limit {
        identity.push_str(&format!(";limit={limit}"));
    }
    identity
}

/// Reads a whole file at once, as fast as it goes: for calculations over all of its prices.
///
/// # Errors
/// Those of [`CsvSource::open`], and a file that changes or breaks while it is read.
pub fn read_prices(
    path: impl AsRef<Path>,
    options: CsvOptions,
    clock: Arc<dyn Clock>,
) -> Result<(CsvSummary, Collected), SourceError> {
    let path = path.as_ref();
    let options = CsvOptions { speed: Speed::Max, ..options };
    let mut source = CsvSource::open(path, options, clock)
        .map_err(|error| SourceError { context: "reading prices".to_owned(), source: Box::new(error) })?;
    let collected = collect_ticks(&mut source)?;
    Ok((source.summary, collected))
}
