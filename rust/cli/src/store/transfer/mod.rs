//! Rows from one place to another: out to an archive, in from one, or from Delta tables to Cassandra and back.

mod archive;
mod known;
mod resume;
mod slices;
mod which;

use std::path::Path;

use anyhow::anyhow;
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use silverbullet_market::Clock;
use silverbullet_query::catalog;
use silverbullet_store::{Scope, Table, Target, numbered_by_bar};
use tokio::runtime::Runtime;

use archive::{Archive, as_stored};
use known::Known;
use resume::Resume;
use slices::Slice;

use super::arguments::PlaceName;
use crate::failure::usage;
use crate::output;
use crate::settings::Settings;
use crate::sql;
use crate::stored::Stored;

pub(crate) use which::{Which, named};

type Batches<'a> = Box<dyn Iterator<Item = anyhow::Result<RecordBatch>> + 'a>;

/// Where rows are read.
struct Origin {
    stored: Stored,
    schema: &'static str,
}

impl Origin {
    fn open(place: PlaceName, settings: &Settings) -> anyhow::Result<Self> {
        let mut settings = settings.clone();
        // Who copies a table means to read all of it.
        settings.sql.full_scans = true;
        if place == PlaceName::Cassandra {
            super::cassandra_or_usage(&settings)?;
        } else if !settings.store.directory.is_dir() {
            let directory = settings.store.directory.display();
            return Err(anyhow!("there are no results in {directory}; name their folder by --data"));
        }
        let schema = match place {
            PlaceName::Delta => catalog::HISTORY,
            PlaceName::Cassandra => catalog::CASSANDRA,
        };
        Ok(Self { stored: Stored::of(&settings)?, schema })
    }

    /// The rows of a slice, with the columns of the table.
    fn read(&self, slice: &Slice, which: &Which) -> anyhow::Result<Batches<'_>> {
        let batches = self.stored.stream(&slice.query(self.schema, which))?;
        let table = slice.table;
        let batches = batches.map(move |batch| as_stored(table, &batch?));
        if slice.bars.is_none() {
            return Ok(Box::new(batches));
        }
        // A bar is put in as a whole.
        let batches = batches.collect::<anyhow::Result<Vec<_>>>()?;
        Ok(Box::new(std::iter::once(Ok(concat_batches(&table.schema(), &batches)?))))
    }
}

/// Where rows are put.
struct Destination {
    runtime: Runtime,
    target: Target,
    /// What is there already, where that makes a difference.
    known: Option<Known>,
}

impl Destination {
    fn open(place: PlaceName, settings: &Settings) -> anyhow::Result<Self> {
        let runtime = sql::runtime()?;
        let target = match place {
            PlaceName::Delta => Target::delta(&super::options(&settings.store, settings.seed)?)?,
            PlaceName::Cassandra => Target::cassandra(super::cassandra_or_usage(settings)?)?,
        };
        let known = target.doubles().then(|| Known::open(&settings.store.directory)).transpose()?;
        Ok(Self { runtime, target, known })
    }

    /// Puts rows in and returns how many of them were new.
    fn put(&mut self, scope: Scope<'_>, rows: &RecordBatch) -> anyhow::Result<u64> {
        let by_itself = numbered_by_bar(scope.table) || scope.table == Table::Runs;
        let new = match self.known.as_mut().filter(|_| !by_itself) {
            Some(known) => known.new_of(scope, rows)?,
            None => rows.clone(),
        };
        Ok(self.runtime.block_on(self.target.put(scope, &new))?)
    }

    fn finish(&self, clock: &dyn Clock) -> anyhow::Result<()> {
        self.runtime.block_on(self.target.maintain(clock.utc()))?;
        Ok(())
    }
}

/// Rows that were seen and those that were new.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    seen: u64,
    new: u64,
}

impl Count {
    fn tell(self, table: Table, done: &str) -> anyhow::Result<()> {
        let Self { seen, new } = self;
        let there = if new < seen { format!(", {} were there already", seen - new) } else { String::new() };
        Ok(output::line(&format!("{}: {new} rows {done}{there}", table.name()))?)
    }
}

/// Writes tables to the files of a folder.
pub(crate) fn export(
    folder: &Path,
    place: PlaceName,
    which: &Which,
    settings: &Settings,
) -> anyhow::Result<()> {
    let tables = which.tables()?;
    let origin = Origin::open(place, settings)?;
    std::fs::create_dir_all(folder).map_err(|error| anyhow!("cannot make {}: {error}", folder.display()))?;
    for table in tables {
        let path = archive::path_of(folder, table);
        if path.exists() {
            output::line(&format!(
                "{}: {} is there already; remove it to have it written anew",
                table.name(),
                path.display()
            ))?;
            continue;
        }
        let (slices, rows) = slices::of(&origin.stored, origin.schema, table, which)?;
        if slices.is_empty() {
            output::line(&format!("{}: no rows", table.name()))?;
            continue;
        }
        let progress = progress(table, rows);
        let mut archive = Archive::create(folder, table)?;
        let mut written = 0;
        for slice in &slices {
            for batch in origin.read(slice, which)? {
                let batch = batch?;
                archive.write(&batch)?;
                written += batch.num_rows();
                progress.inc(batch.num_rows() as u64);
            }
        }
        let path = archive.finish()?;
        progress.finish_and_clear();
        output::line(&format!("{}: {written} rows written to {}", table.name(), path.display()))?;
    }
    Ok(())
}

/// Puts the files of a folder into tables.
pub(crate) fn import(
    folder: &Path,
    place: PlaceName,
    tables: &[Table],
    settings: &Settings,
    clock: &dyn Clock,
) -> anyhow::Result<()> {
    let found: Vec<Table> =
        tables.iter().copied().filter(|table| archive::path_of(folder, *table).is_file()).collect();
    if found.is_empty() {
        let names: Vec<String> = tables.iter().map(|table| format!("{}.parquet", table.name())).collect();
        return Err(usage(format!("there is none of {} in {}", names.join(", "), folder.display())));
    }
    let mut destination = Destination::open(place, settings)?;
    for table in found {
        let rows = archive::Rows::open(folder, table)?;
        let progress = progress(table, i64::try_from(rows.total).unwrap_or(i64::MAX));
        let mut count = Count::default();
        let mut before: Option<(String, String, i64)> = None;
        for batch in rows {
            let batch = batch?;
            let (universe, variant) = names(table, &batch);
            let scope = Scope { table, universe: &universe, variant: &variant };
            if let (true, Some((first, last))) =
                (numbered_by_bar(table) && destination.target.doubles(), archive::bars(&batch))
            {
                let same = before.as_ref().filter(|(u, v, _)| *u == universe && *v == variant);
                if same.is_some_and(|(_, _, before)| first <= *before) {
                    let path = archive::path_of(folder, table);
                    return Err(anyhow!(
                        "{}: bar {first} of {universe} comes after a later one; order its rows by universe, variant and bar",
                        path.display()
                    ));
                }
                before = Some((universe.clone(), variant.clone(), last));
            }
            count.seen += batch.num_rows() as u64;
            count.new += destination.put(scope, &batch)?;
            progress.inc(batch.num_rows() as u64);
        }
        progress.finish_and_clear();
        count.tell(table, "put in")?;
    }
    destination.finish(clock)
}

/// Copies tables from one place to the other; after it was broken off it goes on where it was.
pub(crate) fn copy(
    places: (PlaceName, PlaceName),
    which: &Which,
    settings: &Settings,
    clock: &dyn Clock,
) -> anyhow::Result<()> {
    if places.0 == places.1 {
        return Err(usage("--from and --to are the same place: name delta and cassandra"));
    }
    let tables = which.tables()?;
    let (origin, mut destination) =
        (Origin::open(places.0, settings)?, Destination::open(places.1, settings)?);
    let mut resume = Resume::open(&settings.store.directory, &format!("{places:?} {which:?}"))?;
    for table in tables {
        let (slices, rows) = slices::of(&origin.stored, origin.schema, table, which)?;
        let progress = progress(table, rows);
        let mut count = Count::default();
        let mut skipped = 0;
        for slice in &slices {
            if resume.is_done(slice) {
                skipped += 1;
                continue;
            }
            for batch in origin.read(slice, which)? {
                let batch = batch?;
                count.seen += batch.num_rows() as u64;
                count.new += destination.put(slice.scope(), &batch)?;
                progress.inc(batch.num_rows() as u64);
            }
            resume.done(slice)?;
        }
        progress.finish_and_clear();
        if skipped > 0 {
            output::note(&format!(
                "{}: {skipped} of {} parts were copied before",
                table.name(),
                slices.len()
            ));
        }
        count.tell(table, "copied")?;
    }
    destination.finish(clock)?;
    resume.finish()
}

/// Universe and variant of rows that have the same.
fn names(table: Table, rows: &RecordBatch) -> (String, String) {
    let text = |name: &str| {
        let column = rows.column_by_name(name).filter(|_| !table.partitions().is_empty());
        let texts = column.and_then(|column| column.as_string_opt::<i32>());
        texts.filter(|texts| !texts.is_empty()).map_or_else(String::new, |texts| texts.value(0).to_owned())
    };
    (text("universe"), text("variant"))
}

fn progress(table: Table, rows: i64) -> ProgressBar {
    if !output::progress_wanted() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(rows.unsigned_abs()), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{msg} {bar:40} {pos} of {len} rows, {eta} left") {
        bar.set_style(style);
    }
    bar.with_message(table.name())
}
