//! The first pass over a file: what it is, before anything is delivered.

use std::path::Path;

use silverbullet_market::Nanos;

use super::columns::Columns;
use super::directory::Directory;
use super::grid::GridDetector;
use super::input::{self, Digested, FileStamp, Input};
use super::judge::Judge;
use super::options::{CsvOptions, PROGRESS_ROWS, Phase, ProgressUpdate};
use super::rows::{Row, Rows};
use super::timestamp::{self, TimeUnit};
use crate::error::{FeedError, Result};

/// Rows at the beginning of the file that vote on the unit of its numeric timestamps.
const UNIT_ROWS: usize = 4_096;

/// Names beyond this number are not discovered: a file with so many is not a file of prices.
const MOST_ASSETS: usize = 65_536;

/// What a file holds. Bad rows count in `rows` and `bad_rows`, nowhere else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvSummary {
    /// BLAKE3 of the uncompressed content, in hexadecimal.
    pub digest: String,
    /// Number of data rows, bad ones included.
    pub rows: u64,
    /// Number of rows that cannot be used by themselves; those of assets left out are not among them.
    pub bad_rows: u64,
    /// The assets, in the order of the directory.
    pub assets: Vec<String>,
    /// Number of usable rows of each asset.
    pub ticks: Vec<u64>,
    /// Names that were left out, with their number of rows, sorted by name.
    pub left_out: Vec<(String, u64)>,
    /// The earliest event time.
    pub first_time: Nanos,
    /// The latest event time.
    pub last_time: Nanos,
    /// The regular spacing of the event times, where they have one.
    pub grid: Option<Nanos>,
    /// The unit of numeric timestamps, where there are any.
    pub unit: Option<TimeUnit>,
}

/// A scanned file.
pub(crate) struct Scanned {
    pub(crate) summary: CsvSummary,
    pub(crate) stamp: FileStamp,
}

/// Scans the file at `path`.
pub(crate) fn scan(path: &Path, options: &CsvOptions) -> Result<Scanned> {
    let unit = match options.unit {
        Some(unit) => Some(unit),
        None => detect_unit(path)?,
    };
    let Input { reader, position, stamp } = input::open(path)?;
    let report = |rows| {
        if let Some(progress) = &options.progress {
            let bytes = position.load(std::sync::atomic::Ordering::Relaxed);
            progress.report(ProgressUpdate { phase: Phase::Scan, bytes, total_bytes: stamp.length, rows });
        }
    };
    let mut rows = Rows::new(Digested::new(reader));
    let columns = read_header(&mut rows, path)?;
    let mut judge = Judge::new(columns, unit.unwrap_or(TimeUnit::Seconds));
    let mut tally = Tally::new(options.assets.as_deref());
    loop {
        match rows.next() {
            Ok(Some(row)) => tally.add(&row, &mut judge),
            Ok(None) => break,
            Err(source) => return Err(damaged(path, rows.lines_read(), source)),
        }
        if tally.rows.is_multiple_of(PROGRESS_ROWS) {
            report(tally.rows);
        }
    }
    report(tally.rows);
    let summary = tally.finish(path, rows.into_input().digest(), unit)?;
    Ok(Scanned { summary, stamp })
}

pub(crate) fn damaged(path: &Path, line: u64, source: std::io::Error) -> FeedError {
    FeedError::Damaged { path: path.to_owned(), line, source }
}

/// Reads the header and tells `rows` how wide a row is.
pub(crate) fn read_header<R: std::io::Read>(rows: &mut Rows<R>, path: &Path) -> Result<Columns> {
    let columns = match rows.next() {
        Ok(Some(header)) => Columns::from_header(&header, path)?,
        Ok(None) => return Err(FeedError::Empty { path: path.to_owned() }),
        Err(source) => return Err(damaged(path, 0, source)),
    };
    rows.set_width(columns.width);
    Ok(columns)
}

/// The unit most of the first numeric timestamps suggest.
fn detect_unit(path: &Path) -> Result<Option<TimeUnit>> {
    let mut rows = Rows::new(input::open(path)?.reader);
    let columns = read_header(&mut rows, path)?;
    let mut votes = [0_usize; TimeUnit::ALL.len()];
    for _ in 0..UNIT_ROWS {
        // A damaged file is reported by the pass over the whole of it.
        let Ok(Some(row)) = rows.next() else { break };
        if row.len() == columns.width
            && let Some(unit) = timestamp::suggested_unit(row.field(columns.timestamp))
        {
            votes[unit as usize] += 1;
        }
    }
    let most = votes.iter().copied().max().unwrap_or(0);
    Ok(TimeUnit::ALL.into_iter().find(|&unit| most > 0 && votes[unit as usize] == most))
}

/// Counts rows.
struct Tally {
    directory: Directory,
    discover: bool,
    ticks: Vec<u64>,
    rows: u64,
    bad_rows: u64,
    first_fault: Option<String>,
    first_time: Nanos,
    last_time: Nanos,
    grid: GridDetector,
}

impl Tally {
    fn new(assets: Option<&[String]>) -> Self {
        let directory = Directory::new(assets.unwrap_or_default().iter().map(String::as_str));
        Self {
            ticks: vec![0; directory.len()],
            directory,
            discover: assets.is_none(),
            rows: 0,
            bad_rows: 0,
            first_fault: None,
            first_time: Nanos::MAX,
            last_time: Nanos::MIN,
            grid: GridDetector::default(),
        }
    }

    #[inline]
    fn add(&mut self, row: &Row<'_>, judge: &mut Judge) {
        self.rows += 1;
        let quote = match judge.judge(row) {
            Ok(quote) => quote,
            Err(fault) => {
                self.bad_rows += 1;
                self.first_fault
                    .get_or_insert_with(|| format!("line {}, {}, {}", row.line, fault.reason, fault.detail));
                return;
            }
        };
        let asset = match self.directory.find(quote.asset) {
            Some(asset) => asset,
            None if self.discover && self.directory.len() < MOST_ASSETS => {
                self.ticks.push(0);
                self.directory.add(quote.asset)
            }
            None => return,
        };
        self.ticks[asset.index()] += 1;
        self.first_time = self.first_time.min(quote.event_time);
        self.last_time = self.last_time.max(quote.event_time);
        self.grid.add(quote.event_time);
    }

    fn finish(self, path: &Path, digest: String, unit: Option<TimeUnit>) -> Result<CsvSummary> {
        if self.ticks.iter().sum::<u64>() == 0 {
            let example = self.first_fault.or_else(|| {
                (self.rows > 0).then(|| "none of the assets asked for is in the file".to_owned())
            });
            return Err(FeedError::NoUsableRow { path: path.to_owned(), rows: self.rows, example });
        }
        let mut assets: Vec<(String, u64)> =
            self.ticks.iter().enumerate().map(|(i, &ticks)| (self.directory.name(i), ticks)).collect();
        let mut left_out = Vec::new();
        if self.discover {
            assets.sort_unstable();
            left_out = split_strays(&mut assets);
        }
        let (assets, ticks) = assets.into_iter().unzip();
        Ok(CsvSummary {
            digest,
            rows: self.rows,
            bad_rows: self.bad_rows,
            assets,
            ticks,
            left_out,
            first_time: self.first_time,
            last_time: self.last_time,
            grid: self.grid.finish(),
            unit,
        })
    }
}

/// Takes out the names with fewer rows than two, or a hundredth of the busiest one's: typing errors. Where that
/// would leave none, all stay.
pub(crate) fn split_strays(assets: &mut Vec<(String, u64)>) -> Vec<(String, u64)> {
    let busiest = assets.iter().map(|(_, ticks)| *ticks).max().unwrap_or(0);
    let stays = |ticks: u64| ticks >= 2 && ticks.saturating_mul(100) >= busiest;
    if !assets.iter().any(|(_, ticks)| stays(*ticks)) {
        return Vec::new();
    }
    let (kept, strays) = std::mem::take(assets).into_iter().partition(|(_, ticks)| stays(*ticks));
    *assets = kept;
    strays
}
