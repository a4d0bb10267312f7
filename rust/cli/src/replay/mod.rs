//! The command `replay`: a stored run is made again from its input, and every row compared with the stored one.

mod again;
mod compare;
mod report;
mod which;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, anyhow};

use crate::Session;
use crate::args::ReplayArguments;
use crate::failure::{INTERRUPTED, usage};
use crate::output;
use crate::run::interrupt::Interrupt;
use crate::settings::Loaded;
use crate::store;
use crate::stored::Stored;
use again::Again;
use report::Report;

/// Makes a stored run again and says whether it gave the same rows.
pub(crate) fn run(
    arguments: &ReplayArguments,
    loaded: &Loaded,
    session: &Session,
) -> anyhow::Result<ExitCode> {
    let settings = &loaded.settings;
    let directory = &settings.store.directory;
    if !directory.is_dir() && store::cassandra(&settings.store, settings.seed)?.is_none() {
        let directory = directory.display();
        return Err(anyhow!("there are no results in {directory}; name the folder that has them by --data"));
    }
    // Plain tables: the rows may be here, in Cassandra, or some in each.
    let stored = Stored::of(settings)?;
    let chosen = which::choose(&stored, arguments, &loaded.settings)?;
    let interrupt = Interrupt::install()?;
    let scratch = tempfile::Builder::new().prefix("silverbullet-replay-").tempdir();
    let scratch =
        scratch.context("a folder for what is made again cannot be made; set TMPDIR to one with room")?;
    let folder = arguments.keep.as_deref().unwrap_or(scratch.path());
    refuse_results(folder)?;
    let again = Again {
        chosen: &chosen,
        stored: &stored,
        data: directory,
        scratch: folder,
        session,
        stop: interrupt.stop(),
    };
    let replayed = again.run()?;
    if interrupt.happened() {
        output::note("stopped; nothing was compared");
        return Ok(ExitCode::from(INTERRUPTED));
    }
    let made = Stored::open(folder)?;
    let mut reports = Vec::new();
    for universe in replayed {
        let compared = compare::compare(&stored, &made, &universe)?;
        reports.push(Report::new(&chosen, universe, compared));
    }
    output::line(report::text(&reports, arguments.format)?.trim_end())?;
    let same = reports.iter().all(|report| report.same);
    Ok(if same { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Rows that are there already would be taken for those made again.
fn refuse_results(folder: &Path) -> anyhow::Result<()> {
    if folder.join("tables").exists() {
        let folder = folder.display();
        return Err(usage(format!("--keep: {folder} has results already; name an empty folder")));
    }
    Ok(())
}
