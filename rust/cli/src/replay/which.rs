//! Which run is made again, and with what settings it was made.

use anyhow::{Context, anyhow};
use silverbullet_feeds::{RecordingSettings, Speed};

use crate::args::ReplayArguments;
use crate::failure::usage;
use crate::settings::Settings;
use crate::stored::{Stored, is, text};

/// A run as `runs` has it.
pub(super) struct Chosen {
    pub(super) run_id: String,
    pub(super) version: String,
    pub(super) source: String,
    /// As the run had them, but for where the input is now and what is sent to others.
    pub(super) settings: Settings,
    /// All universes of the run: what they share depends on all.
    pub(super) together: Vec<String>,
    /// Those that are made again.
    pub(super) universes: Vec<Part>,
}

/// A universe of the run.
pub(super) struct Part {
    pub(super) universe: String,
    pub(super) variant: String,
}

/// The run that is asked for; the newest one that fits where it is not named.
pub(super) fn choose(stored: &Stored, arguments: &ReplayArguments, now: &Settings) -> anyhow::Result<Chosen> {
    let like = |column: &str, value: &Option<String>| match value {
        Some(value) => format!(" and {}", is(column, value)),
        None => String::new(),
    };
    let asked = [
        like("run_id", &arguments.run),
        like("universe", &arguments.universe),
        like("variant", &arguments.variant),
    ];
    let query = "select run_id, version, source, configuration from runs where kind = 'run'";
    let newest =
        stored.rows(&format!("{query}{} order by started desc, run_id desc limit 1", asked.concat()))?;
    if newest.num_rows() == 0 {
        let directory = now.store.directory.display();
        return Err(usage(format!(
            "no such run is stored in {directory}; silverbullet sql \"select run_id, universe, variant, started from runs order by started\" lists them"
        )));
    }
    let [run_id, version, source, configuration] =
        [0, 1, 2, 3].map(|column| text(&newest, column, 0).to_owned());
    let all = stored.rows(&format!(
        "select universe, variant from runs where kind = 'run' and run_id = '{run_id}' order by universe"
    ))?;
    let parts = (0..all.num_rows())
        .map(|row| Part { universe: text(&all, 0, row).to_owned(), variant: text(&all, 1, row).to_owned() });
    let parts: Vec<Part> = parts.collect();
    let together = parts.iter().map(|part| part.universe.clone()).collect();
    let wanted = |part: &Part| arguments.universe.as_ref().is_none_or(|universe| *universe == part.universe);
    let settings = settings_of(&configuration, arguments, now).with_context(|| {
        format!("run {run_id} cannot be made again: version {version} of the program has stored its settings otherwise")
    })?;
    let universes = parts.into_iter().filter(wanted).collect();
    Ok(Chosen { run_id, version, source, settings, together, universes })
}

/// What the run was given, read from the data directory of now, at full speed, and heard by nobody.
fn settings_of(configuration: &str, arguments: &ReplayArguments, now: &Settings) -> anyhow::Result<Settings> {
    let mut settings: Settings = serde_json::from_str(configuration).map_err(|error| anyhow!("{error}"))?;
    settings.store.directory.clone_from(&now.store.directory);
    settings.store.enabled = true;
    settings.run.speed = Speed::Max;
    settings.run.workers = now.run.workers;
    if let Some(source) = &arguments.source {
        settings.run.source.clone_from(source);
    }
    settings.recording = RecordingSettings::default();
    settings.kafka.stop_at_end = true;
    settings.kafka.dead_letter_topic.clear();
    settings.kafka.portfolio_topic.clear();
    // Secrets are not stored, so how to get in is said anew.
    settings.kafka.properties.clone_from(&now.kafka.properties);
    if let Some(brokers) = &arguments.kafka.brokers {
        settings.kafka.brokers.clone_from(brokers);
    }
    if let Some(topic) = &arguments.kafka.topic {
        settings.kafka.topic.clone_from(topic);
    }
    Ok(settings)
}
